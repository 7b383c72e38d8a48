/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The period of a BMC's updates, from changes that are each known to lie
 * between two polls, and of which any number may be hidden (the same watts
 * again). A period explains the changes if they all fall on the ticks of one
 * clock of that period whose phase wanders a little; its evidence is how much
 * more likely that makes them than changes at any time. Half the true period
 * explains them as well, but less sharply, so the posterior prefers the
 * longest that explains nearly all.
 */
#include "profiles/bmc_internal.h"

#include <math.h>
#include <stdlib.h>

#include <gsl/gsl_fit.h>
#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics_double.h>

#include "harness/base/text.h"

/* Periods looked at, s: below 0.2 s no BMC refreshes, above 60 s (a minute's mean) no run learns it. */
#define LEAST_PERIOD_S 0.2
#define MOST_PERIOD_S 60.0
#define PERIOD_STEP 0.003 /* from one to the next, relative: what the wandering phase makes up for */

/* A period is not known below this many poll intervals: every poll then shows a new reading. */
#define LEAST_POLLS 1.5

/* Per update the phase wanders by so much of a period (standard deviation), and an update is off its tick by
 * up to so much of a poll interval: a BMC's firmware may refresh in a loop that also does other work. */
#define WANDER 0.002
#define TOLERANCE 0.1

/* Share of changes that are on no tick: a poll answered late, a reading refreshed by someone else's query. */
#define STRAY 0.01

/* Beyond so many changes more evidence is not needed. */
#define MOST_CHANGES 300

/* A period whose evidence has fallen so low (a logarithm) does not come back. */
#define HOPELESS -30.0

#define LEAST_BINS 8
#define MOST_BINS 256
#define BINS_PER_CHANGE 4

/* Learnt if the posterior leaves so much to within 15 % of the best. The prior gives "there is no such
 * period" as much as all periods together. */
#define CONFIDENCE 0.9
#define NEAR 0.15

/* The line through all changes has to give the same period so nearly, or the clock wandered too far for one
 * line. */
#define NEAR_FIT 0.01

/* Probability of each phase, as a share of the period. */
struct phases {
	double p[MOST_BINS], next[MOST_BINS];
	size_t n;
};

static double middle_s(const struct bmc_change *change)
{
	return (change->after_s + change->until_s) / 2;
}

/* The phase wanders while so many updates pass: a random walk of that variance. */
static void wander(struct phases *phases, double updates)
{
	double variance = pow(WANDER * (double)phases->n, 2) * updates;
	size_t stride = (size_t)ceil(sqrt(variance / 4)), passes;
	double share;

	if (stride < 1)
		stride = 1;
	if (stride >= phases->n / 4) {
		for (size_t i = 0; i < phases->n; i++)
			phases->p[i] = 1 / (double)phases->n;
		return;
	}
	variance /= (double)(stride * stride);
	passes = (size_t)ceil(variance / 0.5);
	share = passes ? variance / (2 * (double)passes) : 0;
	for (; passes > 0; passes--) {
		for (size_t i = 0; i < phases->n; i++)
			phases->next[i] = (1 - 2 * share) * phases->p[i] +
					  share * (phases->p[(i + stride) % phases->n] +
						   phases->p[(i + phases->n - stride) % phases->n]);
		for (size_t i = 0; i < phases->n; i++)
			phases->p[i] = phases->next[i];
	}
}

/* Integral up to x of a step at 0 that is smeared over +-tolerance. */
static double risen(double x, double tolerance)
{
	if (x <= -tolerance)
		return 0;
	return x >= tolerance ? x : (x + tolerance) * (x + tolerance) / (4 * tolerance);
}

/* How much of the bin [at, at + 1) lies in [0, width], the ends of which are smeared. */
static double covered(double at, double width, double tolerance)
{
	return risen(at + 1, tolerance) - risen(at, tolerance) - risen(at + 1 - width, tolerance) +
	       risen(at - width, tolerance);
}

/* Takes in one change. Returns the logarithm of how much more likely a clock of that period makes it. */
static double take_change(struct phases *phases, const struct bmc_change *change, double tolerance_s,
			  double period_s)
{
	double width = (change->until_s - change->after_s) / period_s, from = change->after_s / period_s;
	double n = (double)phases->n, tolerance = n * tolerance_s / period_s, sum = 0;
	double chance = STRAY + (1 - STRAY) * width;

	if (width >= 1)
		return 0;
	from = (from - floor(from)) * n;
	for (size_t i = 0; i < phases->n; i++) {
		double at = (double)i - from, share;

		/* Once around the circle of phases in each direction. */
		share = covered(at, width * n, tolerance) + covered(at + n, width * n, tolerance) +
			covered(at - n, width * n, tolerance);
		phases->p[i] *= STRAY + (1 - STRAY) * share;
		sum += phases->p[i];
	}
	for (size_t i = 0; i < phases->n; i++)
		phases->p[i] /= sum;
	return log(sum / chance);
}

/* Logarithm of the evidence for a period, against changes at any time. */
static double evidence(const struct bmc_change *changes, size_t n, double poll_s, double period_s,
		       struct phases *phases)
{
	double bins = ceil(BINS_PER_CHANGE * period_s / poll_s), sum = 0;

	phases->n = (size_t)fmin(fmax(bins, LEAST_BINS), MOST_BINS);
	for (size_t i = 0; i < phases->n; i++)
		phases->p[i] = 1 / (double)phases->n;
	for (size_t i = 0; i < n && sum > HOPELESS; i++) {
		if (i > 0)
			wander(phases, (middle_s(&changes[i]) - middle_s(&changes[i - 1])) / period_s);
		sum += take_change(phases, &changes[i], TOLERANCE * poll_s, period_s);
	}
	return sum;
}

/* So far the clock can be moved to both sides without leaving where the changes must be. */
static void find_play(const struct bmc_change *changes, size_t n, const double *fitted_s, double *back_s,
		      double *forth_s)
{
	*back_s = *forth_s = INFINITY;
	for (size_t i = 0; i < n; i++) {
		*back_s = fmin(*back_s, fitted_s[i] - changes[i].after_s);
		*forth_s = fmin(*forth_s, changes[i].until_s - fitted_s[i]);
	}
}

/* A straight clock through the changes, in the middle of its play and clipped to where each must be. Returns
 * the standard uncertainty of at_s, s: polls that are in step with the updates leave a whole interval of
 * play. */
static double place_changes(const struct bmc_change *changes, size_t n, struct bmc_fact *period, double *at_s)
{
	double *tick = xcalloc(2 * n, sizeof *tick), *middle = tick + n;
	double c0, c1, cov00, cov01, cov11, chi2, back_s = 0, forth_s = 0;

	for (size_t i = 0; i < n; i++) {
		middle[i] = middle_s(&changes[i]);
		if (i > 0)
			tick[i] = tick[i - 1] + fmax(1, round((middle[i] - middle[i - 1]) / period->value));
	}
	gsl_fit_linear(tick, 1, middle, 1, n, &c0, &c1, &cov00, &cov01, &cov11, &chi2);
	if (fabs(c1 - period->value) < NEAR_FIT * period->value) {
		period->value = c1;
		period->u = fmax(sqrt(cov11), 1e-3 * c1);
		for (size_t i = 0; i < n; i++)
			at_s[i] = c0 + c1 * tick[i];
		find_play(changes, n, at_s, &back_s, &forth_s);
	}
	for (size_t i = 0; i < n; i++)
		at_s[i] =
			fmin(fmax(at_s[i] + (forth_s - back_s) / 2, changes[i].after_s), changes[i].until_s);
	free(tick);
	return fmax(0, back_s + forth_s) / sqrt(12);
}

double bmc_learn_period(const struct bmc_change *changes, size_t n, double poll_s, struct bmc_fact *period,
			double *at_s)
{
	size_t used = n < MOST_CHANGES ? n : MOST_CHANGES, best = 0, candidates;
	double u_time_s = NAN, least_s = fmax(LEAST_PERIOD_S, LEAST_POLLS * poll_s), most_s, near = 0, all,
	       *weight;
	struct phases phases;

	for (size_t i = 0; i < n; i++)
		at_s[i] = middle_s(&changes[i]);
	if (used < 3)
		return NAN;
	most_s = fmin(MOST_PERIOD_S, (middle_s(&changes[used - 1]) - middle_s(&changes[0])) / 2);
	if (most_s <= least_s)
		return NAN;
	candidates = (size_t)(log(most_s / least_s) / PERIOD_STEP) + 1;
	weight = xcalloc(candidates, sizeof *weight);
	for (size_t i = 0; i < candidates; i++) {
		weight[i] = evidence(changes, used, poll_s, least_s * exp(PERIOD_STEP * (double)i), &phases);
		if (weight[i] > weight[best])
			best = i;
	}
	all = (double)candidates * exp(-weight[best]);
	for (size_t i = 0; i < candidates; i++) {
		double w = exp(weight[i] - weight[best]);

		all += w;
		if (fabs((double)i - (double)best) * PERIOD_STEP <= NEAR)
			near += w;
	}
	if (near >= CONFIDENCE * all) {
		period->value = least_s * exp(PERIOD_STEP * (double)best);
		period->u = PERIOD_STEP * period->value;
		period->learnt = true;
		u_time_s = place_changes(changes, n, period, at_s);
	}
	free(weight);
	return u_time_s;
}
