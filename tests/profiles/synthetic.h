/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * synthetic.h - traces whose true power is known, for tests: a node that is
 * sampled once a second, with noise from a seeded generator.
 */
#ifndef WATTSTEP_TESTS_SYNTHETIC_H
#define WATTSTEP_TESTS_SYNTHETIC_H

#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>

#include "harness/base/text.h"
#include "profiles/judge.h"
#include "profiles/trace.h"

/* Power in W at time t of the state. */
typedef double power_law(double t);

struct synthetic {
	struct trace *trace;
	gsl_rng *rng;
	double noise;    /* standard deviation of a second's power, relative */
	double jitter_s; /* readings come up to so much early or late */
	double energy_j[8];
	double clock_s;
};

static inline struct synthetic synthetic_new(const char *rule, unsigned long seed)
{
	struct synthetic s = {.trace = trace_new(rule_find(rule)), .rng = gsl_rng_alloc(gsl_rng_mt19937)};

	gsl_rng_set(s.rng, seed);
	return s;
}

static inline void synthetic_free(struct synthetic *s)
{
	trace_free(s->trace);
	gsl_rng_free(s->rng);
}

/* A state of so many seconds, its power on the first energy channel by a law,
 * on every other channel as the caller adds it. */
static inline void synthetic_begin(struct synthetic *s, const char *name, double target_pct)
{
	struct trace_visit *visit = trace_add_visit(s->trace, name, llround(s->clock_s * 1e6));

	visit->target_pct = target_pct;
	visit->share = target_pct > 0 ? 1 : 0;
	visit->tau_s = 5;
	visit->end = VISIT_DONE;
	visit->position = (unsigned)s->trace->n_visits - 1;
}

/* Energy of the second before now on an energy channel. */
static inline void synthetic_second(struct synthetic *s, size_t channel, double watts)
{
	s->energy_j[channel] += watts * (1 + s->noise * gsl_ran_ugaussian(s->rng));
}

static inline void synthetic_row(struct synthetic *s, size_t channel, double value)
{
	double at_s = s->clock_s + s->jitter_s * (2 * gsl_rng_uniform(s->rng) - 1);

	trace_add_row(s->trace, llround(at_s * 1e6), channel, s->trace->n_visits - 1,
		      trace_value(s->trace->channels[channel].unit, value));
}

/* Runs one energy channel by a law for so many seconds. */
static inline void synthetic_run(struct synthetic *s, size_t channel, int seconds, power_law *law)
{
	double began_s = s->clock_s;

	synthetic_row(s, channel, s->energy_j[channel]);
	for (int t = 1; t <= seconds; t++) {
		s->clock_s = began_s + t;
		synthetic_second(s, channel, law(t - 0.5));
		synthetic_row(s, channel, s->energy_j[channel]);
	}
}

static inline void synthetic_judge(struct synthetic *s, size_t visit, struct judgement *out)
{
	struct judge *judge = judge_new(s->trace, visit, NULL);

	judge_advance(judge);
	judge_conclude(judge, out);
	judge_free(judge);
}

#endif
