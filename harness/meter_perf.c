/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * meter_perf.c - energy counters of the processor (RAPL) as the kernel offers
 * them to perf. The kernel resolves the wraps: counts have 64 bits. They are
 * found by perf_pmu.h; here they are opened and read.
 */
#include "harness/meter.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "harness/base/text.h"
#include "harness/perf_pmu.h"

struct meter_perf {
	struct meter meter; /* first: meter.h */
	struct perf_pmu pmu;
	int *fds;        /* one per channel, in the order of the counters */
	uint64_t *first; /* counts when the meter was opened */
};

extern const struct meter_class meter_perf;

/* ---- reading ---- */

/* Returns 0 or -errno; -ENODATA: the CPU that it is counted on is offline. */
static int read_count(int fd, uint64_t *count)
{
	ssize_t got = read(fd, count, sizeof *count);

	if (got < 0)
		return -errno;
	return got == sizeof *count ? 0 : -ENODATA;
}

static void read_channel(const struct meter_perf *perf, size_t i, struct reading *out, struct error *err)
{
	mono_t before = mono_now(), after;
	uint64_t count;
	int failed = read_count(perf->fds[i], &count);

	after = mono_now();
	*out = (struct reading){.at = {before.ns + (after.ns - before.ns) / 2},
				.took_s = mono_between_s(before, after),
				.value = NAN,
				.state = READING_FAILED};
	if (failed) {
		error_set(err, ERROR_FAILED, "%s cannot be read on CPU %u: %s", perf->meter.channels[i].id,
			  perf->pmu.counters[i].cpu,
			  failed == -ENODATA ? "that CPU is offline" : strerror(-failed));
		return;
	}
	out->state = READING_OK;
	out->value = (double)(count - perf->first[i]) * perf->pmu.counters[i].count_j;
}

static void perf_read(struct meter *meter, struct reading *out, struct error *err)
{
	const struct meter_perf *perf = (const struct meter_perf *)meter;

	for (size_t i = 0; i < meter->n_channels; i++)
		read_channel(perf, i, &out[i], err);
}

/* ---- opening ---- */

static int open_counter(const struct perf_pmu *pmu, const struct perf_counter *counter)
{
	struct perf_event_attr attr = {.size = sizeof attr, .type = pmu->type, .config = counter->config};
	long fd = syscall(SYS_perf_event_open, &attr, -1, (int)counter->cpu, -1, PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? -errno : (int)fd;
}

static int refused(const struct perf_pmu *pmu, const struct perf_counter *counter, int cause,
		   struct error *err)
{
	if (cause == -EACCES || cause == -EPERM)
		return error_set(err, ERROR_FORBIDDEN,
				 "%s may be counted by root alone; run wattstep as root, or give it "
				 "CAP_PERFMON and see that "
				 "`sysctl kernel.perf_event_paranoid` is 2 or less (Debian begins with 3)",
				 pmu->path);
	return error_set(err, ERROR_FAILED, "%s: the counter %s cannot be opened on CPU %u: %s", pmu->path,
			 counter->id, counter->cpu, strerror(-cause));
}

static int open_channel(struct meter_perf *perf, const struct perf_counter *counter, struct error *err)
{
	size_t i = perf->meter.n_channels;
	struct channel *channel = &perf->meter.channels[i];
	int fd = open_counter(&perf->pmu, counter), failed;

	if (fd < 0)
		return refused(&perf->pmu, counter, fd, err);
	perf->fds[i] = fd;
	perf->meter.n_channels++;
	failed = read_count(fd, &perf->first[i]);
	if (failed)
		return refused(&perf->pmu, counter, failed, err);
	*channel = (struct channel){.unit = UNIT_JOULE,
				    .resolution = NAN,
				    .range_j = NAN,
				    .power_limit_w = NAN,
				    .time_window_s = NAN};
	snprintf(channel->id, sizeof channel->id, "perf/%s", counter->id);
	snprintf(channel->scope, sizeof channel->scope, "%s", counter->scope);
	return 0;
}

static void perf_close(struct meter *meter)
{
	struct meter_perf *perf = (struct meter_perf *)meter;

	if (!perf)
		return;
	for (size_t i = 0; i < meter->n_channels; i++)
		close(perf->fds[i]);
	free(perf->fds);
	free(perf->first);
	free(meter->channels);
	perf_pmu_free(&perf->pmu);
	free(perf);
}

static int perf_open(struct meter **out, const struct meter_config *config, struct error *err)
{
	struct meter_perf *perf = xcalloc(1, sizeof *perf);
	size_t n;

	perf->meter.class = &meter_perf;
	if (perf_pmu_scan(&perf->pmu, config->roots.sysfs, err))
		goto failed;
	if (strcmp(config->roots.sysfs, "/sys") != 0) {
		error_set(err, ERROR_ABSENT,
			  "the counters of the running kernel are not those of the node under --sysfs");
		goto failed;
	}
	n = perf->pmu.n_counters;
	perf->meter.channels = xcalloc(n, sizeof *perf->meter.channels);
	perf->fds = xcalloc(n, sizeof *perf->fds);
	perf->first = xcalloc(n, sizeof *perf->first);
	for (size_t i = 0; i < n; i++)
		if (open_channel(perf, &perf->pmu.counters[i], err))
			goto failed;
	*out = &perf->meter;
	return 0;
failed:
	perf_close(&perf->meter);
	return -1;
}

/* ---- for the profile ---- */

static void perf_describe(const struct meter *meter, json_t *entry)
{
	const struct meter_perf *perf = (const struct meter_perf *)meter;
	json_t *cpus = json_object();

	for (size_t i = 0; i < meter->n_channels; i++)
		json_object_set_new(cpus, meter->channels[i].id,
				    json_integer((json_int_t)perf->pmu.counters[i].cpu));
	json_object_set_new(entry, "interface", json_string("perf_event"));
	json_object_set_new(entry, "path", json_string(perf->pmu.path));
	json_object_set_new(entry, "cpus", cpus);
}

const struct meter_class meter_perf = {
	.name = "perf",
	.covers = "processor packages, and memory where the processor counts it (RAPL), through perf",
	.needs = "an Intel or AMD x86 processor, the kernel's module rapl, and root or CAP_PERFMON",
	.automatic = true,
	.blocking = false,
	.least_poll_s = 0,
	.instead = "rapl",
	.open = perf_open,
	.read = perf_read,
	.describe = perf_describe,
	.close = perf_close,
};
