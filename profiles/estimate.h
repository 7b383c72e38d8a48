/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * estimate.h - the arithmetic of a window: mean, spread, drift and uncertainty
 * of means over seconds. Pure: arrays in, results out.
 *
 * Formulas: docs/method.md, sections 3 and 4. NAN in an array is a second
 * whose power is not known; it is left out, never taken as 0.
 */
#ifndef WATTSTEP_ESTIMATE_H
#define WATTSTEP_ESTIMATE_H

#include <stdbool.h>
#include <stddef.h>

#include "profiles/rule.h"
#include "profiles/transient.h"
#include "profiles/verdict.h"

struct estimate {
	size_t n;          /* values that went in: seconds, or updates of a slow source */
	size_t n_distinct; /* different ones among them */
	double mean_w, median_w, sd_w, min_w, max_w;
	double n_eff;         /* n corrected for autocorrelation: as many independent values */
	double drift_w_per_s; /* Theil-Sen slope over the batch means */
	double shift_w;       /* mean of the second half minus mean of the first */
	double u_a_w;         /* standard uncertainty of the mean from its scatter */
	double remainder_w;   /* what the fitted transient adds to the mean ... */
	double u_remainder_w; /* ... and its standard uncertainty; 0: no transient shows */
	double half_width_w;  /* h: of the 95 % confidence interval of the mean */
};

/*
 * The estimate of the window w[lead .. lead + n_seconds), means of one second
 * each in watts or NAN. What lies before it, from the floor on, is for the
 * transient alone. period: seconds from one update of the source to the next, 1
 * for a fast one; n, sd and median are over means of so many seconds. Batches
 * are BATCH_S or period long, the longer. Returns -1 where no value of the
 * window is known.
 */
int estimate_window(const double *w, size_t lead, size_t n_seconds, size_t period, struct estimate *out);

/*
 * Rules 5 to 7 on a window of length_s: REASON_NONE passes, else the first of
 * REASON_DRIFT, REASON_SHIFT, REASON_IMPRECISE that does not hold. step_w:
 * smallest step of a slow source, 0 for energy counters; nothing is asked that
 * is finer than half of it.
 */
enum reason estimate_judge(const struct estimate *estimate, const struct rule *rule, double length_s,
			   double step_w);

struct uncertainty_terms {
	double resolution_w; /* smallest step of a slow source; 0 for energy counters or where unknown */
	double u_rep_w;      /* standard uncertainty of the mean over rounds; 0 with one round */
	double u_cal_w;      /* of the calibration; 0 without one */
};

/* u95: what the mean is known to, with 95 % confidence (METHOD 4). */
double estimate_u95_w(const struct estimate *estimate, const struct uncertainty_terms *terms);

#endif
