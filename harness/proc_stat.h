/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * proc_stat.h - what the CPUs did, from <procfs>/stat.
 *
 * Read once a second beside the meters, so it must cost next to nothing: the
 * file stays open, is read in one call, and only the lines of the CPUs are
 * looked at.
 */
#ifndef WATTSTEP_PROC_STAT_H
#define WATTSTEP_PROC_STAT_H

#include <stddef.h>
#include <stdint.h>

#include "harness/base/error.h"
#include "harness/base/roots.h"

struct proc_stat; /* opaque */

/* Time of CPUs since the file was opened (or since the CPU came online, if later),
 * in ticks of 1/sysconf(_SC_CLK_TCK) s, 10 ms nearly everywhere. It never falls. */
struct cpu_ticks {
	uint64_t busy;  /* user, nice, system and interrupts; guests are contained in user */
	uint64_t total; /* busy, idle and waiting for I/O; without steal */
	uint64_t steal; /* taken by the hypervisor for others */
};

/* Opens the file and takes the first snapshot. ERROR_FAILED. */
struct proc_stat *proc_stat_open(const struct roots *roots, struct error *err)
	__attribute__((warn_unused_result));
void proc_stat_close(struct proc_stat *stat); /* NULL is fine */

/* Takes a new snapshot. On failure (-1, ERROR_FAILED) the ticks seen so far stay. */
int proc_stat_read(struct proc_stat *stat, struct error *err);

/*
 * The last snapshot, summed over cpus[n] (numbers as in the file); n = 0: the
 * whole machine, which is the file's own sum. A CPU that has gone offline keeps
 * its last ticks and so counts neither as busy nor as idle.
 */
void proc_stat_sum(const struct proc_stat *stat, const unsigned *cpus, size_t n, struct cpu_ticks *out);

/* How many of these CPUs the last snapshot has; the others are offline. */
size_t proc_stat_online(const struct proc_stat *stat, const unsigned *cpus, size_t n);

/* Between two sums over the same CPUs: busy / total = 1 - (idle + iowait) /
 * (total - steal), and steal's share of all time, in percent. NAN where no time
 * went by. */
double cpu_utilisation_pct(const struct cpu_ticks *before, const struct cpu_ticks *after);
double cpu_steal_pct(const struct cpu_ticks *before, const struct cpu_ticks *after);

#endif
