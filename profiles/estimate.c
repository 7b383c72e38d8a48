/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "profiles/estimate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics_double.h>

#include "harness/base/text.h"

#define MOST_BATCHES 20
/* Values as slow as this cannot be told from drift within a window. */
#define MOST_AUTOCORRELATION 0.97

/* The first k cosines of a window of L s are its changes of 2 L / k s and slower: 24 s up to a window of 96
 * s, slower in longer ones. More cosines know the variance better and miss what is slower than they are; with
 * ten a sawtooth of 60 s needs 60 s longer, since it is one of them. Four leave t at 2.8. */
#define SECONDS_PER_COSINE 12
#define LEAST_COSINES 4
#define MOST_COSINES 8

/* r is known to sqrt((1 - r^2) / n), so the variance, as 1 / (1 - r)^2, to 2 sqrt((1 + r) / (1 - r) / n): a
 * share of 2 in the degrees of freedom. States end when the interval is narrow enough, more often by chance
 * the worse r is known: with 2, AR(1) noise of rho 0.95 is covered in .914, with 3 in .931, with 4 a quarter
 * of the states of rho 0.9 no longer ends. */
#define AUTOCORRELATION_SHARE 3

/* An error whose sign is known needs the one-sided 95 % beside it: t(0.95) / t(0.975), 0.82 at 10 degrees of
 * freedom. */
#define ONE_SIDED 0.82

/* Means of one power over seconds differ by what floating point makes of sums of joules; no reading is this
 * fine. */
#define SAME_W 1e-6

#define NORMAL_95_ONE_SIDED 1.645 /* of the equivalence test on the drift */

/* Tolerances relative to the mean, and what they never fall below, W: idle DRAM of 0.3 W has to end, too. */
#define DRIFT_TOLERANCE 0.02
#define SHIFT_TOLERANCE 0.01
#define LEAST_DRIFT_W 0.5
#define LEAST_SHIFT_W 0.5
#define LEAST_PRECISION_W 0.25
#define SLOW_PRECISION 0.01
#define LEAST_SLOW_PRECISION_W 1.0

/* Means of blocks of `size` values, as far as known; the last block may be shorter than the rest only if it
 * is the first. Returns how many. */
static size_t block_means(const double *w, size_t n, size_t size, double *out)
{
	size_t k = 0;

	for (size_t i = n % size; i < n; i += size) {
		double sum = 0;
		size_t known = 0;

		for (size_t j = i; j < i + size; j++)
			if (!isnan(w[j])) {
				sum += w[j];
				known++;
			}
		if (known)
			out[k++] = sum / (double)known;
	}
	return k;
}

static double theil_sen(const double *y, size_t n, double step)
{
	double *slopes = xcalloc(n * n / 2 + 1, sizeof *slopes);
	double slope = 0;
	size_t k = 0;

	for (size_t i = 0; i < n; i++)
		for (size_t j = i + 1; j < n; j++)
			slopes[k++] = (y[j] - y[i]) / ((double)(j - i) * step);
	if (k)
		slope = gsl_stats_median(slopes, 1, k);
	free(slopes);
	return slope;
}

static double lag1_autocorrelation(const double *y, size_t n)
{
	double mean = gsl_stats_mean(y, 1, n), product = 0, square = 0;

	for (size_t i = 0; i < n; i++) {
		square += (y[i] - mean) * (y[i] - mean);
		if (i)
			product += (y[i] - mean) * (y[i - 1] - mean);
	}
	return square > 0 ? product / square : 0;
}

static double mean_of_known(const double *w, size_t n)
{
	double sum = 0;
	size_t known = 0;

	for (size_t i = 0; i < n; i++)
		if (!isnan(w[i])) {
			sum += w[i];
			known++;
		}
	return known ? sum / (double)known : NAN;
}

/*
 * Long-run variance of the values' mean from their slowest changes: the first
 * k cosines (Lazarus, Lewis, Stock and Watson 2018), after an autoregression of
 * first order has taken out what it explains (prewhitening: Andrews and Monahan
 * 1992), since the cosines alone are too low where noise is slow.
 */
static void slow_scatter(const double *v, size_t n, struct estimate *out)
{
	double mean = gsl_stats_mean(v, 1, n), r = lag1_autocorrelation(v, n), sum = 0, freedom;
	size_t k = (size_t)fmin(MOST_COSINES, fmax(LEAST_COSINES, (double)n / SECONDS_PER_COSINE));

	k = k < n - 1 ? k : n - 1;
	r = fmin(fmax(r + (1 + 4 * r) / (double)n, 0), MOST_AUTOCORRELATION);
	for (size_t j = 1; j <= k; j++) {
		/* cos(pi j (i + 1/2) / n) by its recurrence. */
		double step = M_PI * (double)j / (double)n, x = 0;
		double cosine = cos(step / 2), last = cosine, twice = 2 * cos(step);

		for (size_t i = 0; i < n; i++) {
			double next = twice * cosine - last;

			x += cosine * (v[i] - mean - r * (i ? v[i - 1] - mean : v[0] - mean));
			last = cosine;
			cosine = next;
		}
		sum += 2 * x * x / (double)n;
	}
	out->u_a_w = sqrt(sum / (double)k / (double)n) / (1 - r);
	freedom = 1 / (1 / (double)k + AUTOCORRELATION_SHARE * (1 + r) / (1 - r) / (double)n);
	out->half_width_w = gsl_cdf_tdist_Pinv(0.975, fmax(1, freedom)) * out->u_a_w;
}

/*
 * The scatter of the mean. w: seconds without the transient. Batch means see
 * what repeats within the window, and what jumps; the larger interval counts.
 */
static void scatter(const double *w, size_t n, size_t period, size_t batch, struct estimate *out)
{
	double *v = xcalloc(n, sizeof *v);
	size_t k = block_means(w, n, batch, v);

	out->u_a_w = out->half_width_w = INFINITY;
	if (k >= 2) {
		double batches_w =
			gsl_cdf_tdist_Pinv(0.975, (double)k - 1) * gsl_stats_sd(v, 1, k) / sqrt((double)k);

		slow_scatter(v, block_means(w, n, period, v), out);
		out->half_width_w = fmax(out->half_width_w, batches_w);
	}
	free(v);
}

/* What of the transient is left in the window, which begins `lead` seconds into w; rest: the window without
 * it. */
static void find_remainder(const double *w, size_t lead, size_t n, double *rest, struct estimate *out)
{
	size_t m = (lead + n) / BATCH_S, skip = (lead + n) % BATCH_S;
	double *z = xcalloc(m + 1, sizeof *z);
	struct transient tail;
	double from_s = (double)lead - (double)skip;

	for (size_t j = 0; j < m; j++)
		z[j] = mean_of_known(w + skip + j * BATCH_S, BATCH_S);
	transient_clean(z, m);
	transient_fit(z, m, lead / BATCH_S, &tail);
	out->remainder_w = transient_mean(&tail, from_s, from_s + (double)n);
	out->u_remainder_w = fmax(0, tail.most_remainder_w - fabs(out->remainder_w)) / 2;
	for (size_t i = 0; i < n; i++)
		rest[i] = w[lead + i] - tail.amplitude_w * exp(-(from_s + (double)i + 0.5) / tail.tau_s);
	free(z);
}

/* Sorts values. */
static void describe(double *values, size_t n, struct estimate *out)
{
	gsl_sort(values, 1, n);
	out->n = n;
	out->sd_w = n > 1 ? gsl_stats_sd(values, 1, n) : 0;
	out->median_w = gsl_stats_median_from_sorted_data(values, 1, n);
	out->n_distinct = 1;
	for (size_t i = 1; i < n; i++)
		out->n_distinct += values[i] - values[i - 1] > SAME_W;
}

/* Drift and shift as they are seen; the scatter around the transient. */
static void steadiness(const double *w, size_t lead, size_t n, size_t period, struct estimate *out)
{
	const double *window = w + lead;
	size_t shortest = period > BATCH_S ? period : BATCH_S;
	size_t batch = (n + MOST_BATCHES - 1) / MOST_BATCHES;
	double *v = xcalloc(n, sizeof *v);
	double halves_w = mean_of_known(window + n / 2, n - n / 2) - mean_of_known(window, n / 2);

	batch = batch > shortest ? batch : shortest;
	out->drift_w_per_s = theil_sen(v, block_means(window, n, batch, v), (double)batch);
	out->shift_w = isnan(halves_w) ? 0 : halves_w;
	find_remainder(w, lead, n, v, out);
	scatter(v, n, period, batch, out);
	out->half_width_w = fmax(out->half_width_w, fabs(out->remainder_w) + ONE_SIDED * out->half_width_w);
	free(v);
}

int estimate_window(const double *w, size_t lead, size_t n_seconds, size_t period, struct estimate *out)
{
	const double *window = w + lead;
	double *values = xcalloc(n_seconds, sizeof *values);
	size_t n = block_means(window, n_seconds, period, values);

	*out = (struct estimate){
		.mean_w = mean_of_known(window, n_seconds), .min_w = INFINITY, .max_w = -INFINITY};
	if (n) {
		for (size_t i = 0; i < n_seconds; i++) {
			out->min_w = fmin(out->min_w, window[i]);
			out->max_w = fmax(out->max_w, window[i]);
		}
		describe(values, n, out);
		steadiness(w, lead, n_seconds, period, out);
		out->n_eff = out->u_a_w > 0 ? fmin((double)n, pow(out->sd_w / out->u_a_w, 2)) : (double)n;
		if (isinf(out->u_a_w)) /* too few batches to tell */
			out->n_eff = out->drift_w_per_s = NAN;
	}
	free(values);
	return n ? 0 : -1;
}

enum reason estimate_judge(const struct estimate *e, const struct rule *rule, double length_s, double step_w)
{
	double mean_w = fabs(e->mean_w);
	double drift = fabs(e->drift_w_per_s) + NORMAL_95_ONE_SIDED * e->u_a_w * sqrt(12) / length_s;
	double precision_w =
		step_w > 0 ? fmax(fmax(rule->precision, SLOW_PRECISION) * mean_w, LEAST_SLOW_PRECISION_W)
			   : fmax(rule->precision * mean_w, LEAST_PRECISION_W);

	if (!(drift * rule->drift_horizon_s <=
	      fmax(fmax(DRIFT_TOLERANCE * mean_w, LEAST_DRIFT_W), step_w / 2)))
		return REASON_DRIFT;
	if (fabs(e->shift_w) > fmax(fmax(SHIFT_TOLERANCE * mean_w, LEAST_SHIFT_W), step_w / 2))
		return REASON_SHIFT;
	if (!(e->half_width_w <= fmax(precision_w, step_w / 2)))
		return REASON_IMPRECISE;
	return REASON_NONE;
}

double estimate_u95_w(const struct estimate *e, const struct uncertainty_terms *terms)
{
	double u_a = fmax(e->u_a_w, terms->u_rep_w);
	double u_q = terms->resolution_w / sqrt(e->sd_w < terms->resolution_w / 2 ? 12 : 12 * e->n_eff);
	double u_c = sqrt(u_a * u_a + e->u_remainder_w * e->u_remainder_w + u_q * u_q);
	double u95 = fmax(e->half_width_w, fabs(e->remainder_w) + 2 * u_c) + terms->resolution_w / 2;

	return hypot(u95, 2 * terms->u_cal_w);
}
