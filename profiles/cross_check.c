/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "profiles/cross_check.h"

#include <math.h>
#include <stdlib.h>

#include <gsl/gsl_fit.h>
#include <gsl/gsl_statistics_double.h>

#include "harness/base/text.h"

#define LEAST_STATES 3
#define LEAST_SPAN_W 10.0

/* The figure of processors and memory together. Returns whether there is one. */
static bool inner_power(const struct judgement *judgement, double *w, double *u95_w)
{
	const struct statistics *cpu = &judgement->sources[SOURCE_CPU];
	const struct statistics *dram = &judgement->sources[SOURCE_DRAM];

	*w = cpu->estimate.mean_w;
	*u95_w = cpu->u95_w;
	if (dram->present) {
		*w += dram->estimate.mean_w;
		*u95_w = hypot(*u95_w, dram->u95_w);
	}
	/* A source that is not there at all has no reason either. */
	return cpu->present && (dram->present || dram->reason == REASON_NONE);
}

struct residual cross_check_residual(const struct judgement *judgement)
{
	const struct statistics *system = &judgement->sources[SOURCE_SYSTEM];
	double inner_w, inner_u95_w;

	if (!system->present || !inner_power(judgement, &inner_w, &inner_u95_w))
		return (struct residual){NAN, NAN};
	return (struct residual){system->estimate.mean_w - inner_w, hypot(system->u95_w, inner_u95_w)};
}

/* The first idle visit in which the BMC was asked, or not; NULL: there is none. */
static const struct judgement *first_idle(const struct trace *trace, const struct judgement *judgements,
					  bool bmc_rests)
{
	for (size_t i = 0; i < trace->n_visits; i++)
		if (trace->visits[i].target_pct == 0 && trace->visits[i].bmc_rests == bmc_rests &&
		    judgements[i].verdict != VERDICT_INVALID)
			return &judgements[i];
	return NULL;
}

struct residual cross_check_polling(const struct trace *trace, const struct judgement *judgements)
{
	const struct judgement *asked = first_idle(trace, judgements, false);
	const struct judgement *rested = first_idle(trace, judgements, true);
	double asked_w, asked_u95_w, rested_w, rested_u95_w;

	if (!asked || !rested || !inner_power(asked, &asked_w, &asked_u95_w) ||
	    !inner_power(rested, &rested_w, &rested_u95_w))
		return (struct residual){NAN, NAN};
	return (struct residual){asked_w - rested_w, hypot(asked_u95_w, rested_u95_w)};
}

struct agreement cross_check_states(const struct judgement *judgements, size_t n)
{
	struct agreement out = {0, NAN, NAN, NAN};
	double *inner_w = xcalloc(2 * n + 1, sizeof *inner_w), *system_w = inner_w + n;
	double cov00, cov01, cov11, squares, u95_w;

	for (size_t i = 0; i < n; i++)
		if (judgements[i].sources[SOURCE_SYSTEM].present &&
		    judgements[i].verdict != VERDICT_INVALID &&
		    inner_power(&judgements[i], &inner_w[out.n], &u95_w))
			system_w[out.n++] = judgements[i].sources[SOURCE_SYSTEM].estimate.mean_w;
	if (out.n >= LEAST_STATES &&
	    gsl_stats_max(inner_w, 1, out.n) - gsl_stats_min(inner_w, 1, out.n) >= LEAST_SPAN_W) {
		gsl_fit_linear(inner_w, 1, system_w, 1, out.n, &out.offset_w, &out.slope, &cov00, &cov01,
			       &cov11, &squares);
		out.rmse_w = sqrt(squares / (double)out.n);
	}
	free(inner_w);
	return out;
}
