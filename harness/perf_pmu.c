/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "harness/perf_pmu.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/text.h"

#define PMU_FOLDER "bus/event_source/devices/power"

/* More CPUs than a node has; a longer cpumask is garbled. */
#define MOST_CPUS 8192

struct kind {
	const char *event;
	const char *id;
	const char *before, *behind; /* of the words for the package, in scope */
	bool once;                   /* the platform's, not each package's */
};

static const struct kind kinds[] = {
	{"energy-pkg", "package", "cores, caches and uncore of ", "", false},
	{"energy-ram", "dram", "memory of ", "", false},
	{"energy-cores", "core", "cores of ", "; inside the package", false},
	{"energy-gpu", "uncore", "uncore (graphics) of ", "; inside the package", false},
	{"energy-psys", "psys", "whole platform as the firmware defines it; contains the packages", "", true},
};

/* A CPU of the mask, and what it stands for. */
struct reader {
	unsigned cpu;
	unsigned package, die;
	bool one_of_dies;
};

/* ---- small files ---- */

static int read_text(const struct perf_pmu *pmu, const char *file, char *text, size_t size)
{
	char *path = xasprintf("%s/%s", pmu->path, file);
	int length = file_read_text(path, text, size);

	free(path);
	return length < 0 ? -1 : 0;
}

static unsigned topology_number(const char *sysfs, unsigned cpu, const char *file)
{
	char *path = xasprintf("%s/devices/system/cpu/cpu%u/topology/%s", sysfs, cpu, file);
	uint64_t value;
	int failed = file_read_u64(path, &value);

	free(path);
	return failed || value > MOST_CPUS ? 0 : (unsigned)value;
}

/* "event=0x02". */
static bool parse_config(const char *text, uint64_t *config)
{
	static const char key[] = "event=";
	char *end;

	if (strncmp(text, key, strlen(key)) != 0)
		return false;
	*config = strtoull(text + strlen(key), &end, 0);
	return end != text + strlen(key) && *end == '\0';
}

/* ---- the CPUs of the mask ---- */

static void add_reader(struct reader **readers, size_t *n, const char *sysfs, unsigned cpu)
{
	struct reader *reader;

	*readers = xrealloc(*readers, *n + 1, sizeof **readers);
	reader = &(*readers)[(*n)++];
	*reader = (struct reader){.cpu = cpu,
				  .package = topology_number(sysfs, cpu, "physical_package_id"),
				  .die = topology_number(sysfs, cpu, "die_id")};
	for (size_t i = 0; i + 1 < *n; i++)
		if ((*readers)[i].package == reader->package)
			(*readers)[i].one_of_dies = reader->one_of_dies = true;
}

/* "0,24" or "0-1". Returns -1 where it is no list of CPUs. */
static int parse_mask(const char *mask, const char *sysfs, struct reader **readers, size_t *n)
{
	while (*mask) {
		unsigned first, last;
		int used = 0;

		if (sscanf(mask, "%4u%n", &first, &used) != 1)
			return -1;
		mask += used;
		last = first;
		if (*mask == '-') {
			if (sscanf(mask, "-%4u%n", &last, &used) != 1)
				return -1;
			mask += used;
		}
		for (unsigned cpu = first; cpu <= last && cpu < MOST_CPUS; cpu++)
			add_reader(readers, n, sysfs, cpu);
		if (*mask && *mask++ != ',')
			return -1;
	}
	return *n ? 0 : -1;
}

/* ---- the counters ---- */

static void name_counter(struct perf_counter *counter, const struct kind *kind, const struct reader *reader)
{
	char id[24] = "", words[40];

	if (reader->one_of_dies) {
		snprintf(id, sizeof id, "-%u-die-%u", reader->package, reader->die);
		snprintf(words, sizeof words, "die %u of socket %u", reader->die, reader->package);
	} else {
		snprintf(id, sizeof id, "-%u", reader->package);
		snprintf(words, sizeof words, "socket %u", reader->package);
	}
	snprintf(counter->id, sizeof counter->id, "%s%s", kind->id, kind->once ? "" : id);
	snprintf(counter->scope, sizeof counter->scope, "%s%s%s", kind->before, kind->once ? "" : words,
		 kind->behind);
}

/* Returns 1 where the processor has this counter, 0 where not, -1 with err. */
static int read_event(const struct perf_pmu *pmu, const struct kind *kind, struct perf_counter *out,
		      struct error *err)
{
	char file[64], event[64], scale[64] = "", unit[32] = "";

	snprintf(file, sizeof file, "events/%s", kind->event);
	if (read_text(pmu, file, event, sizeof event))
		return 0;
	snprintf(file, sizeof file, "events/%s.scale", kind->event);
	read_text(pmu, file, scale, sizeof scale);
	snprintf(file, sizeof file, "events/%s.unit", kind->event);
	read_text(pmu, file, unit, sizeof unit);
	if (parse_config(event, &out->config) && text_to_double(scale, &out->count_j) && out->count_j > 0 &&
	    strcmp(unit, "Joules") == 0)
		return 1;
	return error_set(
		err, ERROR_FAILED,
		"%s/events/%s: expected \"event=0xNN\" with a scale in Joules, got \"%s\", \"%s\", \"%s\"",
		pmu->path, kind->event, event, scale, unit);
}

static int add_counters(struct perf_pmu *pmu, const struct reader *reader, bool first, struct error *err)
{
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		struct perf_counter counter = {.cpu = reader->cpu};
		int known = read_event(pmu, &kinds[k], &counter, err);

		if (known < 0)
			return -1;
		if (!known || (kinds[k].once && !first))
			continue;
		name_counter(&counter, &kinds[k], reader);
		pmu->counters = xrealloc(pmu->counters, pmu->n_counters + 1, sizeof *pmu->counters);
		pmu->counters[pmu->n_counters++] = counter;
	}
	return 0;
}

int perf_pmu_scan(struct perf_pmu *out, const char *sysfs, struct error *err)
{
	char text[4096];
	struct reader *readers = NULL;
	size_t n = 0;
	int result = -1;

	*out = (struct perf_pmu){.path = xasprintf("%s/" PMU_FOLDER, sysfs)};
	if (read_text(out, "type", text, sizeof text)) {
		error_set(err, ERROR_ABSENT,
			  "%s does not exist: expected the kernel's PMU for energy; load it with `modprobe "
			  "rapl`",
			  out->path);
		goto done;
	}
	out->type = (uint32_t)strtoul(text, NULL, 10);
	if (read_text(out, "cpumask", text, sizeof text) || parse_mask(text, sysfs, &readers, &n)) {
		error_set(err, ERROR_FAILED, "%s/cpumask: expected a list of CPUs such as 0,24", out->path);
		goto done;
	}
	for (size_t i = 0; i < n; i++)
		if (add_counters(out, &readers[i], i == 0, err))
			goto done;
	if (out->n_counters > 0)
		result = 0;
	else
		error_set(err, ERROR_ABSENT, "%s counts no energy: expected events/energy-pkg", out->path);
done:
	free(readers);
	return result;
}

void perf_pmu_free(struct perf_pmu *pmu)
{
	free(pmu->path);
	free(pmu->counters);
	*pmu = (struct perf_pmu){0};
}
