/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * powercap_load.h - the machine's real load, from /proc/stat, as the sockets of
 * the simulated node see it.
 */
#ifndef WATTSTEP_POWERCAP_LOAD_H
#define WATTSTEP_POWERCAP_LOAD_H

#include <math.h>
#include <stdbool.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/rigs/powercap_zones.h"

/* Time since the machine's start, in ticks. */
struct ticks {
	unsigned long long busy, total; /* stolen time is in neither */
};

struct load {
	int stat;          /* /proc/stat */
	char text[262144]; /* of it: room for the lines of 2048 processors */
	unsigned n_sockets;
	struct ticks seen[MOST_SOCKETS];
	double u[MOST_SOCKETS]; /* busy share between the last two looks, 0 to 1 */
};

/* A "cpu" line: user nice system idle iowait irq softirq steal ... (proc(5)). */
static bool ticks_parse(const char *line, struct ticks *out)
{
	unsigned long long user, nice_, system_, idle, iowait, irq, softirq;
	const char *numbers = strchr(line, ' ');

	if (strncmp(line, "cpu", 3) != 0 || !numbers ||
	    sscanf(numbers, "%llu %llu %llu %llu %llu %llu %llu", &user, &nice_, &system_, &idle, &iowait,
		   &irq, &softirq) != 7)
		return false;
	out->busy = user + nice_ + system_ + irq + softirq;
	out->total = out->busy + idle + iowait;
	return true;
}

/* The next line of the text, or "" behind the last. */
static const char *load_line(char **rest)
{
	char *line = strsep(rest, "\n");

	return line ? line : "";
}

/* Processors are dealt out to the sockets in order; where there are fewer of
 * them than sockets, each socket sees the whole machine. */
static void load_read(struct load *load, struct ticks *sockets)
{
	unsigned n_cpus = (unsigned)sysconf(_SC_NPROCESSORS_ONLN), n_sockets = load->n_sockets;
	ssize_t length = pread(load->stat, load->text, sizeof load->text - 1, 0);
	struct ticks all = {0, 0}, one;
	char *rest = load->text;

	load->text[length > 0 ? length : 0] = '\0';
	ticks_parse(load_line(&rest), &all);
	for (unsigned s = 0; s < n_sockets; s++)
		sockets[s] = n_cpus < n_sockets ? all : (struct ticks){0, 0};
	for (unsigned cpu = 0; n_cpus >= n_sockets && cpu < n_cpus && ticks_parse(load_line(&rest), &one);
	     cpu++) {
		sockets[cpu * n_sockets / n_cpus].busy += one.busy;
		sockets[cpu * n_sockets / n_cpus].total += one.total;
	}
}

/* Updates u; it stays as it was where no tick has passed. */
static void load_look(struct load *load)
{
	struct ticks now[MOST_SOCKETS] = {{0, 0}};

	load_read(load, now);
	for (unsigned s = 0; s < load->n_sockets; s++) {
		double total = (double)now[s].total - (double)load->seen[s].total;
		double busy = (double)now[s].busy - (double)load->seen[s].busy;

		if (total > 0)
			load->u[s] = fmin(fmax(busy / total, 0), 1);
		load->seen[s] = now[s];
	}
}

#endif
