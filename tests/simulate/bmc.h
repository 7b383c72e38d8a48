/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bmc.h - a simulated BMC: what it shows of a node's true power, poll by poll.
 *
 * Every period it takes the mean of the node's power over averaging_s seconds
 * that end lag_s ago, in steps, and shows it until the next.
 */
#ifndef WATTSTEP_TESTS_SIMULATED_BMC_H
#define WATTSTEP_TESTS_SIMULATED_BMC_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>

/* The node's true energy, evenly spaced from time 0 on. Before, the power is that of the first piece. */
struct true_energy {
	double step_s;
	size_t n;
	double *joules;
};

static inline double true_energy_at(const struct true_energy *truth, double time_s)
{
	double at = time_s / truth->step_s;
	size_t i = at > 0 ? (size_t)at : 0;

	if (i + 2 > truth->n)
		i = truth->n - 2;
	return truth->joules[i] + (at - (double)i) * (truth->joules[i + 1] - truth->joules[i]);
}

enum bmc_stamp {
	STAMP_ZERO,
	STAMP_STILL,   /* some constant time */
	STAMP_UPDATES, /* whole seconds of its own time at the last update */
	STAMP_CLOCK,   /* whole seconds of its own time now */
};

struct simulated_bmc {
	double period_s, phase_s;
	double lag_s;       /* age of the newest power in an update */
	double averaging_s; /* 0: the power of that moment */
	double step_w;      /* 0: none */
	bool truncates;     /* else it rounds */
	double jitter_s;    /* standard deviation of each update about its tick */
	double wander_s;    /* standard deviation of the time from one tick to the next */
	double skipped;     /* share of updates that do not take place */
	double missed;      /* share of polls without an answer */
	enum bmc_stamp stamp;
	/* The rest is the simulation's. */
	double tick_s, next_s, shown_w, updated_s;
};

#define BMC_OWN_TIME_S 1.7e9 /* its clock's difference to ours */

static inline double bmc_quantised_w(const struct simulated_bmc *bmc, double watts)
{
	if (bmc->step_w <= 0)
		return watts;
	return bmc->step_w * (bmc->truncates ? floor(watts / bmc->step_w) : round(watts / bmc->step_w));
}

/* The mean over no time is the one over the truth's own resolution. */
static inline void bmc_update(struct simulated_bmc *bmc, const struct true_energy *truth, double time_s)
{
	double length_s = fmax(bmc->averaging_s, truth->step_s), end_s = time_s - bmc->lag_s;

	bmc->shown_w = bmc_quantised_w(
		bmc, (true_energy_at(truth, end_s) - true_energy_at(truth, end_s - length_s)) / length_s);
	bmc->updated_s = time_s;
}

/* Its first update is the last one before time 0. */
static inline void simulated_bmc_begin(struct simulated_bmc *bmc, const struct true_energy *truth)
{
	bmc->tick_s = bmc->phase_s - bmc->period_s * ceil(bmc->phase_s / bmc->period_s);
	bmc_update(bmc, truth, bmc->tick_s);
	bmc->tick_s += bmc->period_s;
	bmc->next_s = bmc->tick_s;
}

/* One poll; times must not fall. Returns whether it was answered. */
static inline bool simulated_bmc_poll(struct simulated_bmc *bmc, const struct true_energy *truth,
				      gsl_rng *rng, double time_s, double *watts, double *stamp_s)
{
	while (bmc->next_s <= time_s) {
		if (gsl_rng_uniform(rng) >= bmc->skipped)
			bmc_update(bmc, truth, bmc->next_s);
		bmc->tick_s += bmc->period_s + bmc->wander_s * gsl_ran_gaussian_ziggurat(rng, 1);
		bmc->next_s = fmax(bmc->next_s + 1e-3,
				   bmc->tick_s + bmc->jitter_s * gsl_ran_gaussian_ziggurat(rng, 1));
	}
	*watts = bmc->shown_w;
	*stamp_s = bmc->stamp == STAMP_ZERO      ? 0
		   : bmc->stamp == STAMP_STILL   ? BMC_OWN_TIME_S
		   : bmc->stamp == STAMP_UPDATES ? floor(BMC_OWN_TIME_S + bmc->updated_s)
						 : floor(BMC_OWN_TIME_S + time_s);
	if (gsl_rng_uniform(rng) >= bmc->missed)
		return true;
	*watts = NAN;
	*stamp_s = NAN;
	return false;
}

#endif
