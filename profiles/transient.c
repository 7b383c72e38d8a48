/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "profiles/transient.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <gsl/gsl_statistics_double.h>

#include "harness/base/text.h"

/* A cut has to halve the statistic. The least of it lies behind up to seven batches of plain noise, and
 * windows chosen for their small scatter have intervals that are too narrow: AR(1) noise of rho 0.9 was
 * covered in .926 with 10 % of evidence and in .952 with this. What a cut does not take, the fitted tail
 * accounts for. */
#define EVIDENCE 2.0

/* Time constants that are tried, s: below a batch nothing can be told, and above the drift's horizon of 300 s
 * it is drift. Steps of 1.2 leave the fit's squares less than a percent off the least. */
#define LEAST_TAU_S 5.0
#define MOST_TAU_S 320.0
#define TAU_STEP 1.2
#define TAUS 23

/* Chi square with 2 degrees of freedom (amplitude and time constant): a tail shows where flat power is
 * refused with 99 %. */
#define SHOWS 9.21

/* Tails within 2 standard deviations of the best are not refused by the data. */
#define NOT_REFUSED 4.0

/* The fit may scatter so many times as much as the window around it (variances): the ratio of two estimates
 * from 24 batches or more is that large by chance in 1 of 200, and an early plateau makes it hundreds. */
#define MISFIT 3.0

#define MOST_AUTOCORRELATION 0.9

/* Fewer batches in the window than this have nothing left to tell the scatter by. */
#define LEAST_BATCHES 4

/* An isolated batch further from the median than so many robust standard deviations, and than this share, is
 * a spike. */
#define SPIKE_DEVIATIONS 5.0
#define SPIKE_SHARE 0.005
#define MAD_TO_SD 1.4826 /* of a normal distribution */

void transient_clean(double *z, size_t m)
{
	double *known = xcalloc(m, sizeof *known); /* gsl_stats_median changes their order */
	double *original = xcalloc(m, sizeof *original);
	double median, limit;
	size_t n = 0;

	for (size_t i = 0; i < m; i++)
		if (!isnan(z[i]))
			known[n++] = z[i];
	median = n ? gsl_stats_median(known, 1, n) : 0;
	for (size_t i = 0; i < m; i++)
		if (isnan(z[i]))
			z[i] = median;
	memcpy(original, z, m * sizeof *z);
	for (size_t i = 0; i < n; i++)
		known[i] = fabs(known[i] - median);
	limit = n ? SPIKE_DEVIATIONS * MAD_TO_SD * gsl_stats_median(known, 1, n) : 0;
	limit = fmax(limit, SPIKE_SHARE * fabs(median));
	for (size_t i = 0; i < m; i++) {
		bool before_inside = i > 0 && fabs(original[i - 1] - median) <= limit;
		bool after_inside = i + 1 == m || fabs(original[i + 1] - median) <= limit;

		if (fabs(original[i] - median) > limit && before_inside && after_inside)
			z[i] = median;
	}
	free(original);
	free(known);
}

/* errors[d], for each cut d: the squared standard error of the rest's mean. Welford's update from the end. */
static void standard_errors(const double *z, size_t m, double *errors)
{
	double mean = 0, squares = 0;

	for (size_t d = m; d-- > 0;) {
		double from_mean = z[d] - mean, n = (double)(m - d);

		mean += from_mean / n;
		squares += from_mean * (z[d] - mean);
		errors[d] = squares / (n * n);
	}
}

size_t transient_truncation(const double *z, size_t m, double step)
{
	double *errors = xcalloc(m, sizeof *errors);
	size_t cut = 0;

	if (step == 0 || gsl_stats_max(z, 1, m) - gsl_stats_min(z, 1, m) > step) {
		standard_errors(z, m, errors);
		while (errors[cut] > EVIDENCE * gsl_stats_min(errors, 1, m / 2 + 1))
			cut++;
	}
	free(errors);
	return cut;
}

/* level + amplitude x through z[first..m), x = exp(-time / tau), least squares for one tau. */
struct fit {
	double tau_s, amplitude_w, level_w; /* amplitude at the middle of batch `first` */
	double squares;                     /* of the residuals */
	double sxx;                         /* of x about its mean: what the amplitude is known by */
};

static struct fit fit_tail(const double *z, size_t first, size_t m, double tau_s)
{
	double q = exp(-BATCH_S / tau_s), x = 1, n = (double)(m - first);
	double near = z[m - 1], sx = 0, sxx = 0, sz = 0, szz = 0, sxz = 0; /* z - near keeps digits */
	struct fit fit = {.tau_s = tau_s};

	for (size_t j = first; j < m; j++, x *= q) {
		double w = z[j] - near;

		sx += x;
		sxx += x * x;
		sz += w;
		sxz += x * w;
		szz += w * w;
	}
	fit.sxx = sxx - sx * sx / n;
	fit.amplitude_w = (sxz - sx * sz / n) / fit.sxx;
	fit.level_w = near + (sz - fit.amplitude_w * sx) / n;
	fit.squares = fmax(0, szz - sz * sz / n - fit.amplitude_w * (sxz - sx * sz / n));
	return fit;
}

/* By how much autocorrelation of the residuals raises the variance of what is fitted. */
static double inflation(const double *z, size_t first, size_t m, const struct fit *fit)
{
	double q = exp(-BATCH_S / fit->tau_s), tail = fit->amplitude_w, before = 0, product = 0, square = 0,
	       r;

	for (size_t j = first; j < m; j++, tail *= q) {
		double residual = z[j] - fit->level_w - tail;

		square += residual * residual;
		product += residual * before;
		before = residual;
	}
	r = square > 0 ? product / square : 0;
	r = fmin(fmax(r + (1 + 4 * r) / (double)(m - first), 0), MOST_AUTOCORRELATION);
	return (1 + r) / (1 - r);
}

/* Mean of exp(-t / tau) over the window, t since the middle of batch `first`. */
static double share_left(double tau_s, size_t first, size_t cut, size_t m)
{
	struct transient tail = {.amplitude_w = 1, .tau_s = tau_s};

	return transient_mean(&tail, ((double)(cut - first) - 0.5) * BATCH_S,
			      ((double)(m - first) - 0.5) * BATCH_S);
}

/* The fits from `first` on for all time constants; returns the index of the best. */
static size_t fit_all(const double *z, size_t first, size_t m, struct fit *fits)
{
	double tau_s = LEAST_TAU_S;
	size_t best = 0;

	for (size_t i = 0; i < TAUS; i++, tau_s *= TAU_STEP) {
		fits[i] = fit_tail(z, first, m, tau_s);
		if (fits[i].squares < fits[best].squares)
			best = i;
	}
	return best;
}

/* Whether power from `first` on follows the best fit as closely as it does in the window. */
static bool follows(const double *z, size_t first, size_t cut, size_t m, const struct fit *best)
{
	struct fit window = fit_tail(z, cut, m, best->tau_s);

	return best->squares / (double)(m - first - 3) <= MISFIT * window.squares / (double)(m - cut - 2);
}

/* Takes in the tail that shows from `first` on: the first is the one that is told, all widen what may remain.
 */
static void take_tail(const double *z, size_t first, size_t cut, size_t m, const struct fit *fits,
		      size_t best, struct transient *out)
{
	double variance = inflation(z, first, m, &fits[best]) * fits[best].squares / (double)(m - first - 3);

	if (!(fits[best].amplitude_w * fits[best].amplitude_w * fits[best].sxx > SHOWS * variance))
		return;
	if (out->amplitude_w == 0) {
		out->tau_s = fits[best].tau_s;
		out->amplitude_w = fits[best].amplitude_w * exp(((double)first + 0.5) * BATCH_S / out->tau_s);
	}
	for (size_t i = 0; i < TAUS; i++) {
		double left = NOT_REFUSED - (fits[i].squares - fits[best].squares) / variance;

		if (left >= 0)
			out->most_remainder_w =
				fmax(out->most_remainder_w, share_left(fits[i].tau_s, first, cut, m) *
								    (fabs(fits[i].amplitude_w) +
								     sqrt(left * variance / fits[i].sxx)));
	}
}

void transient_fit(const double *z, size_t m, size_t cut, struct transient *out)
{
	struct fit fits[TAUS];

	*out = (struct transient){.tau_s = LEAST_TAU_S};
	if (m < cut + LEAST_BATCHES)
		return;
	for (size_t first = 0;; first = (first + cut + 1) / 2) {
		size_t best = fit_all(z, first, m, fits);

		if (first >= cut || follows(z, first, cut, m, &fits[best]))
			take_tail(z, first, cut, m, fits, best, out);
		if (first >= cut)
			break;
	}
}

double transient_mean(const struct transient *transient, double from_s, double to_s)
{
	double tau_s = transient->tau_s;

	return transient->amplitude_w * tau_s * (exp(-from_s / tau_s) - exp(-to_s / tau_s)) / (to_s - from_s);
}

size_t transient_best_cut(const struct transient *transient, const double *z, size_t m, size_t cut,
			  size_t most)
{
	size_t half = cut + (m - cut) / 2, best = cut;
	double sd_w = gsl_stats_sd(z + half, 1, m - half), least_w = INFINITY;

	for (size_t d = cut; d <= most; d++) {
		double remainder_w = transient_mean(transient, (double)d * BATCH_S, (double)m * BATCH_S);
		double width_w = 2 * sd_w / sqrt((double)(m - d)) + fabs(remainder_w);

		if (width_w < least_w) {
			least_w = width_w;
			best = d;
		}
	}
	return best;
}
