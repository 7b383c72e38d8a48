/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * overhead.h - what this program itself costs the node that it measures, with
 * the processes that it reads slow sources in. The load is not in it.
 */
#ifndef WATTSTEP_OVERHEAD_H
#define WATTSTEP_OVERHEAD_H

#include <jansson.h>

#include "harness/sampler.h"

struct overhead {
	mono_t at;
	double cpu_s;        /* user and system time */
	long wakeups;        /* how often it slept and was woken */
	long max_rss_bytes;  /* most memory it held so far */
	uint64_t late_ticks; /* sampler_late_ticks */
	double kipmid_cpu_s; /* of the kernel's own polling of a BMC; NAN: there is none */
};

/* From the program's start until now; kipmid's from the machine's. */
void overhead_now(const struct sampler *sampler, const struct roots *roots, struct overhead *out);

/* A state's "overhead": what was used from before to after. machine_pct is the
 * CPU time's share of that of all threads of the node. A new reference. */
json_t *overhead_json(const struct overhead *before, const struct overhead *after, unsigned threads)
	__attribute__((warn_unused_result));

#endif
