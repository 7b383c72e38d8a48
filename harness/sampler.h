/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sampler.h - reads all meters tick by tick, and the processors' utilisation
 * beside them, into the trace.
 */
#ifndef WATTSTEP_SAMPLER_H
#define WATTSTEP_SAMPLER_H

#include "harness/base/clock.h"
#include "harness/meter_set.h"
#include "harness/proc_stat.h"
#include "profiles/sources.h"
#include "profiles/trace.h"

struct sampler; /* opaque */

/* Adds the meters' channels and those of utilisation to the trace. set, trace
 * and roots are borrowed and must outlive it. */
struct sampler *sampler_new(struct meter_set *set, struct trace *trace, const struct roots *roots,
			    double rate_hz, struct error *err) __attribute__((warn_unused_result));
void sampler_free(struct sampler *sampler); /* NULL is fine */

/* The run's beginning: times in the trace count from here. */
mono_t sampler_origin(const struct sampler *sampler);

/* What follows belongs to this visit (index, or TRACE_OUTSIDE), whose load is on
 * cpus[n] (borrowed; n = 0: none). Restarts the ticks here: the first is due now. */
void sampler_begin(struct sampler *sampler, size_t visit, const unsigned *cpus, size_t n);

/* Until the next sampler_begin all sources are read at least so often. */
void sampler_hurry(struct sampler *sampler, double interval_s);

/* Until the next sampler_begin slow sources are not asked. */
void sampler_rest(struct sampler *sampler);

/* When the next tick is due. */
mono_t sampler_due(const struct sampler *sampler);

/* One pass over all meters. Ticks that were missed are counted, not made up for. */
void sampler_tick(struct sampler *sampler);

/* Utilisation of the loaded CPUs over the last second or so, %; NAN: not known yet. */
double sampler_load_pct(const struct sampler *sampler);

/* Power of a source over the last second or so, W; NAN: not known. */
double sampler_live_w(const struct sampler *sampler, enum source source);

/* Processor time and wake-ups of the meters that are read in processes of their own. */
void sampler_remote_cost(const struct sampler *sampler, double *cpu_s, long *wakeups);

/* Ticks that came later than half a period, and those that were missed. */
uint64_t sampler_late_ticks(const struct sampler *sampler);

/* The next sentence that a meter had for people, or NULL; each is given once, and again after ten minutes.
 * Valid until the next tick. */
const char *sampler_trouble(struct sampler *sampler);

#endif
