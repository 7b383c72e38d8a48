/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * trial.h - one synthetic state of a family through the real judge, row by row
 * as `run` does it, and what many of them show together.
 */
#ifndef WATTSTEP_TESTS_TRIAL_H
#define WATTSTEP_TESTS_TRIAL_H

#include <stdlib.h>
#include <string.h>

#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics_double.h>

#include "profiles/judge.h"
#include "profiles/rule.h"
#include "profiles/trace.h"
#include "tests/simulate/families.h"

#define LONGEST_S 700 /* beyond t_max of both rules, with a BMC, too */
#define SHORT_TAU_S 5 /* so that the floor is 10 s */

/* A BMC as HARDWARE's usual one: updates every 5 s, a mean over 8 s that is 10 s old, whole watts, and
 * everything that is not a processor. */
#define BMC_PERIOD_S 5
#define BMC_MEAN_S 8
#define BMC_LAG_S 10
#define BMC_REST_W 100

struct outcome {
	enum verdict verdict;
	enum reason reason;
	double time_s, mean_w, half_width_w, u95_w;
};

static inline double bmc_reading(const double *power_w, int second, int phase)
{
	int end = (second - phase) / BMC_PERIOD_S * BMC_PERIOD_S + phase - BMC_LAG_S;
	double sum = 0;

	for (int i = end - BMC_MEAN_S; i < end; i++)
		sum += power_w[i < 0 ? 0 : i];
	return round(sum / BMC_MEAN_S + BMC_REST_W);
}

/* The n-th trial of a family always has the same noise, whatever is run beside it. */
static inline gsl_rng *trial_rng(const struct family *family, unsigned n)
{
	gsl_rng *rng = gsl_rng_alloc(gsl_rng_taus2);
	unsigned long seed = 2166136261; /* FNV-1a */

	for (const char *c = family->name; *c; c++)
		seed = ((seed ^ (unsigned char)*c) * 16777619) & 0xffffffff;
	gsl_rng_set(rng, (seed ^ (n * 2654435761U)) & 0xffffffff);
	return rng;
}

static inline struct trace *trial_trace(const struct family *family, const struct rule *rule)
{
	struct trace *trace = trace_new(rule);
	struct trace_visit *visit;

	trace_add_channel(trace, "rapl/package-0", UNIT_JOULE);
	if (family->bmc)
		trace_add_channel(trace, "dcmi/system", UNIT_WATT)->resolution = 1;
	visit = trace_add_visit(trace, "all-cores", 0);
	visit->target_pct = 100;
	visit->tau_s = SHORT_TAU_S;
	visit->end = VISIT_DONE;
	return trace;
}

static inline void trial_rows(const struct family *family, struct trace *trace, int second, double energy_j,
			      const double *power_w, int phase)
{
	double step_j = family->step_j;
	double shown_j = step_j > 0 ? floor(energy_j / step_j) * step_j : energy_j;

	trace_add_row(trace, second * INT64_C(1000000), 0, 0, trace_value(UNIT_JOULE, shown_j));
	if (family->bmc)
		trace_add_row(trace, second * INT64_C(1000000), 1, 0,
			      trace_value(UNIT_WATT, bmc_reading(power_w, second, phase)));
}

static inline struct outcome trial(const struct family *family, const struct rule *rule, unsigned n)
{
	gsl_rng *rng = trial_rng(family, n);
	struct trace *trace = trial_trace(family, rule);
	struct judge *judge = judge_new(trace, 0, NULL);
	double phase_s = family->period_s * gsl_rng_uniform(rng), energy_j = 0;
	int phase = (int)gsl_rng_uniform_int(rng, BMC_PERIOD_S) - BMC_PERIOD_S;
	double power_w[LONGEST_S] = {0};
	struct noise_state noise;
	struct judgement judgement;
	struct outcome out;
	const struct statistics *figures;

	noise_begin(&noise, rng);
	for (int second = 0; second < LONGEST_S; second++) {
		power_w[second] =
			family->law(family->p, second + 0.5 + phase_s) + noise_next(&noise, &family->noise);
		trial_rows(family, trace, second, energy_j, power_w, phase);
		out.time_s = second;
		if (judge_advance(judge))
			break;
		energy_j += power_w[second];
	}
	judge_conclude(judge, &judgement);
	figures = &judgement.sources[family->bmc ? SOURCE_SYSTEM : SOURCE_CPU];
	out.verdict = judgement.verdict;
	out.reason = judgement.reason;
	out.mean_w = figures->estimate.mean_w;
	out.half_width_w = figures->estimate.half_width_w;
	out.u95_w = figures->u95_w;
	judgement_free(&judgement);
	judge_free(judge);
	trace_free(trace);
	gsl_rng_free(rng);
	return out;
}

struct summary {
	size_t n, stable, by_reason[REASON_COUNT]; /* by_reason: of those that are not stable */
	double time_s;                             /* median over all */
	double bias;                               /* of the stable ones' means, share of the truth */
	double half_width, u95;                    /* median over the stable ones, share of the truth */
	double covered_ci95, covered_u95;          /* share of the stable ones; NAN: none is */
};

static inline double median_in_place(double *v, size_t n)
{
	gsl_sort(v, 1, n);
	return n ? gsl_stats_median_from_sorted_data(v, 1, n) : NAN;
}

static inline struct summary summarise(const struct family *family, const struct outcome *all, size_t n)
{
	double truth_w = family->truth_w + (family->bmc ? BMC_REST_W : 0);
	struct summary s = {.n = n};
	double *times = xcalloc(3 * n + 1, sizeof *times), *widths = times + n, *u95 = times + 2 * n;
	size_t in_ci95 = 0, in_u95 = 0;

	for (size_t i = 0; i < n; i++) {
		double off_w = all[i].mean_w - truth_w;

		times[i] = all[i].time_s;
		if (all[i].verdict != VERDICT_STABLE) {
			s.by_reason[all[i].reason]++;
			continue;
		}
		s.bias += off_w / truth_w;
		widths[s.stable] = all[i].half_width_w / truth_w;
		u95[s.stable++] = all[i].u95_w / truth_w;
		in_ci95 += fabs(off_w) <= all[i].half_width_w;
		in_u95 += fabs(off_w) <= all[i].u95_w;
	}
	s.bias /= (double)s.stable;
	s.covered_ci95 = (double)in_ci95 / (double)s.stable;
	s.covered_u95 = (double)in_u95 / (double)s.stable;
	s.time_s = median_in_place(times, n);
	s.half_width = median_in_place(widths, s.stable);
	s.u95 = median_in_place(u95, s.stable);
	free(times);
	return s;
}

#endif
