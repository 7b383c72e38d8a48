/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "harness/proc_stat.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/base/text.h"

/* The columns of a line, as proc(5) lists them; guest and guest_nice follow and are contained in user and
 * nice. */
enum column { USER, NICE, SYSTEM, IDLE, IOWAIT, IRQ, SOFTIRQ, STEAL, COLUMNS };

#define LEAST_COLUMNS (IDLE + 1) /* what every kernel since 2.4 writes */
#define MOST_CPUS 65536u         /* eight times the greatest CONFIG_NR_CPUS: beyond it the file is garbled */

/* One line. The kernel's counters can fall: iowait by a few ticks at any time,
 * idle when a CPU comes back online. So what is kept is the sum of their rises
 * since the CPU was first seen. */
struct cpu {
	bool seen;
	bool online; /* in the last snapshot */
	uint64_t last[COLUMNS];
	uint64_t sum[COLUMNS];
};

struct proc_stat {
	int fd;
	char *path;
	char *text; /* what was read, with a NUL behind it */
	size_t room;
	struct cpu machine; /* the line "cpu" */
	struct cpu *cpus;   /* by CPU number */
	size_t n_cpus;
};

/* Whether the lines of the CPUs, which come first, are all in text. */
static bool has_all_cpus(const char *text)
{
	const char *line = text;

	while (strncmp(line, "cpu", 3) == 0) {
		line = strchr(line, '\n');
		if (!line)
			return false;
		line++;
	}
	return strnlen(line, 3) == 3;
}

/* Reads from the start until the lines of the CPUs are there, or the file ends.
 * A read at 0 is one consistent snapshot, so a buffer that proves too small is
 * filled anew. */
static int read_text(struct proc_stat *stat)
{
	size_t used = 0;
	ssize_t got;

	do {
		if (stat->room - used < 2) {
			stat->room *= 2;
			stat->text = xrealloc(stat->text, stat->room, 1);
			used = 0;
		}
		got = pread(stat->fd, stat->text + used, stat->room - 1 - used, (off_t)used);
		if (got < 0 && errno != EINTR)
			return -1;
		used += got > 0 ? (size_t)got : 0;
		stat->text[used] = '\0';
	} while (got != 0 && !has_all_cpus(stat->text));
	return 0;
}

/* Reads a whole number and the blanks before it. */
static bool take_number(const char **at, uint64_t *out)
{
	const char *p = *at;
	uint64_t value = 0;

	while (*p == ' ')
		p++;
	if (!isdigit((unsigned char)*p))
		return false;
	for (; isdigit((unsigned char)*p); p++)
		value = value * 10 + (uint64_t)(*p - '0');
	*at = p;
	*out = value;
	return true;
}

static struct cpu *cpu_of_number(struct proc_stat *stat, uint64_t number)
{
	if (number >= stat->n_cpus) {
		size_t n = (size_t)number + 1;

		stat->cpus = xrealloc(stat->cpus, n, sizeof *stat->cpus);
		memset(stat->cpus + stat->n_cpus, 0, (n - stat->n_cpus) * sizeof *stat->cpus);
		stat->n_cpus = n;
	}
	return &stat->cpus[number];
}

/* Takes one line, "cpu ..." or "cpuN ...". */
static bool take_line(struct proc_stat *stat, const char *line)
{
	struct cpu *cpu = &stat->machine;
	const char *at = line + 3;
	uint64_t ticks[COLUMNS] = {0};
	uint64_t number;
	int n = 0;

	if (*at != ' ') {
		if (!take_number(&at, &number) || number >= MOST_CPUS)
			return false;
		cpu = cpu_of_number(stat, number);
	}
	while (n < COLUMNS && take_number(&at, &ticks[n]))
		n++;
	if (n < LEAST_COLUMNS)
		return false;
	for (int i = 0; i < COLUMNS; i++) {
		if (cpu->seen && ticks[i] > cpu->last[i])
			cpu->sum[i] += ticks[i] - cpu->last[i];
		cpu->last[i] = ticks[i];
	}
	cpu->seen = true;
	cpu->online = true;
	return true;
}

int proc_stat_read(struct proc_stat *stat, struct error *err)
{
	const char *line;

	if (read_text(stat) < 0)
		return error_set(err, ERROR_FAILED,
				 "%s: cannot be read: %s; utilisation is not known without it", stat->path,
				 strerror(errno));
	line = stat->text;
	if (strncmp(line, "cpu ", 4) != 0)
		return error_set(err, ERROR_FAILED, "%s: expected a first line \"cpu ...\", found \"%.40s\"",
				 stat->path, line);
	for (size_t i = 0; i < stat->n_cpus; i++)
		stat->cpus[i].online = false;
	while (strncmp(line, "cpu", 3) == 0) {
		if (!take_line(stat, line))
			return error_set(err, ERROR_FAILED,
					 "%s: expected \"cpuN\" and %d or more whole numbers, found \"%.*s\"",
					 stat->path, LEAST_COLUMNS, (int)strcspn(line, "\n"), line);
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
	return 0;
}

struct proc_stat *proc_stat_open(const struct roots *roots, struct error *err)
{
	struct proc_stat *stat = xcalloc(1, sizeof *stat);

	stat->room = 4096;
	stat->text = xcalloc(stat->room, 1);
	stat->path = xasprintf("%s/stat", roots->procfs);
	stat->fd = open(stat->path, O_RDONLY | O_CLOEXEC);
	if (stat->fd < 0)
		error_set(err, ERROR_FAILED, "%s: cannot be opened: %s; utilisation is not known without it",
			  stat->path, strerror(errno));
	if (stat->fd < 0 || proc_stat_read(stat, err) < 0) {
		proc_stat_close(stat);
		return NULL;
	}
	return stat;
}

void proc_stat_close(struct proc_stat *stat)
{
	if (!stat)
		return;
	if (stat->fd >= 0)
		close(stat->fd);
	free(stat->path);
	free(stat->text);
	free(stat->cpus);
	free(stat);
}

static void add(struct cpu_ticks *ticks, const struct cpu *cpu)
{
	const uint64_t *sum = cpu->sum;
	uint64_t busy = sum[USER] + sum[NICE] + sum[SYSTEM] + sum[IRQ] + sum[SOFTIRQ];

	ticks->busy += busy;
	ticks->total += busy + sum[IDLE] + sum[IOWAIT];
	ticks->steal += sum[STEAL];
}

void proc_stat_sum(const struct proc_stat *stat, const unsigned *cpus, size_t n, struct cpu_ticks *out)
{
	*out = (struct cpu_ticks){0};
	if (n == 0)
		add(out, &stat->machine);
	for (size_t i = 0; i < n; i++)
		if (cpus[i] < stat->n_cpus)
			add(out, &stat->cpus[cpus[i]]);
}

size_t proc_stat_online(const struct proc_stat *stat, const unsigned *cpus, size_t n)
{
	size_t online = 0;

	for (size_t i = 0; i < n; i++)
		online += cpus[i] < stat->n_cpus && stat->cpus[cpus[i]].online;
	return online;
}

double cpu_utilisation_pct(const struct cpu_ticks *before, const struct cpu_ticks *after)
{
	double total = (double)(after->total - before->total);

	return total > 0 ? 100 * (double)(after->busy - before->busy) / total : NAN;
}

double cpu_steal_pct(const struct cpu_ticks *before, const struct cpu_ticks *after)
{
	double steal = (double)(after->steal - before->steal);
	double all = (double)(after->total - before->total) + steal;

	return all > 0 ? 100 * steal / all : NAN;
}
