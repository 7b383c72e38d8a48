/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * topology.h - the node's processors, through hwloc, and where a state's
 * workers go. Always the running kernel's: a load cannot run elsewhere.
 */
#ifndef WATTSTEP_TOPOLOGY_H
#define WATTSTEP_TOPOLOGY_H

#include <stddef.h>

#include "harness/base/error.h"
#include "workloads/state.h"

struct topology; /* opaque */

/* Counts only what this process may use (offline CPUs, cpusets and affinity are taken off). */
struct topology *topology_open(struct error *err) __attribute__((warn_unused_result));

/* The same for a machine that is not here: hwloc's synthetic form ("package:2
 * core:4 pu:2") or a recorded topology (a file that ends in ".xml"). For tests
 * of placement. ERROR_INPUT. */
struct topology *topology_open_described(const char *description, struct error *err)
	__attribute__((warn_unused_result));

void topology_close(struct topology *topology); /* NULL is fine */

unsigned topology_sockets(const struct topology *topology);
unsigned topology_cores(const struct topology *topology);
unsigned topology_threads(const struct topology *topology);

/* The CPU numbers (as in /proc/stat) a placement uses, ascending, into *cpus
 * (the caller frees), *n of them; n = 0 for PLACEMENT_NONE. */
int topology_place(const struct topology *topology, enum placement placement, unsigned **cpus, size_t *n,
		   struct error *err);

/* How many different cores those CPUs belong to. */
unsigned topology_cores_of(const struct topology *topology, const unsigned *cpus, size_t n);

/* "0-3,8" from an ascending list of CPU numbers. The caller frees. */
char *cpu_list_text(const unsigned *cpus, size_t n) __attribute__((warn_unused_result));

#endif
