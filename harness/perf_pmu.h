/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * perf_pmu.h - finds the energy counters that the kernel offers to perf: its
 * PMU "power".
 *
 * SYSFS/bus/event_source/devices/power has `type`, the `cpumask` with one CPU
 * of each package (of each die, where dies have counters of their own), and in
 * `events/` for each counter that the processor has "event=0xNN", .scale
 * (joules for a count) and .unit. Source: the kernel's arch/x86/events/rapl.c.
 *
 * Nothing here opens a counter: that is meter_perf.c.
 */
#ifndef WATTSTEP_PERF_PMU_H
#define WATTSTEP_PERF_PMU_H

#include <stddef.h>
#include <stdint.h>

#include "harness/base/error.h"

struct perf_counter {
	char id[48];     /* "package-0", "dram-1-die-0", "psys": as powercap.h has them */
	char scope[128]; /* what is inside the measurement, for people */
	unsigned cpu;    /* on which it is counted */
	uint64_t config; /* of the event */
	double count_j;  /* joules for one count */
};

struct perf_pmu {
	char *path;                    /* of the PMU in sysfs */
	uint32_t type;                 /* what perf_event_open calls it */
	struct perf_counter *counters; /* package by package */
	size_t n_counters;
};

/* ERROR_ABSENT: there is no such PMU, or it counts no energy; ERROR_FAILED: its
 * files make no sense. *out is to be freed in every case. */
int perf_pmu_scan(struct perf_pmu *out, const char *sysfs, struct error *err);

void perf_pmu_free(struct perf_pmu *pmu); /* leaves *pmu empty; an empty one is fine */

#endif
