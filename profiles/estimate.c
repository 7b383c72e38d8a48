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
#define MOST_AUTOCORRELATION 0.9
#define NORMAL_95_ONE_SIDED 1.645 /* of the equivalence test on the drift */

/* Tolerances relative to the mean, and what they never fall below, W: idle DRAM of 0.3 W has to end, too. */
#define DRIFT_TOLERANCE 0.02
#define SHIFT_TOLERANCE 0.01
#define LEAST_DRIFT_W 0.5
#define LEAST_SHIFT_W 0.5
#define LEAST_PRECISION_W 0.25
#define SLOW_PRECISION 0.01
#define LEAST_SLOW_PRECISION_W 1.0

/* An isolated batch further from the median than so many robust standard deviations, and than this share, is
 * a spike. */
#define SPIKE_DEVIATIONS 5.0
#define SPIKE_SHARE 0.005
#define MAD_TO_SD 1.4826 /* of a normal distribution */

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

/* Sorts v. */
static double median_of(double *v, size_t n)
{
	gsl_sort(v, 1, n);
	return gsl_stats_median_from_sorted_data(v, 1, n);
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
		slope = median_of(slopes, k);
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

/* The scatter of batch means, corrected for their autocorrelation (METHOD 3, rule 4). */
static void scatter(const double *w, size_t n, size_t batch, double *means, struct estimate *out)
{
	size_t k;
	double r, k_eff;

	k = block_means(w, n, batch, means);
	out->u_a_w = out->half_width_w = INFINITY;
	if (k < 2)
		return;
	r = lag1_autocorrelation(means, k);
	r = fmin(fmax(r + (1 + 4 * r) / (double)k, 0), MOST_AUTOCORRELATION);
	k_eff = fmax(2, (double)k * (1 - r) / (1 + r));
	out->u_a_w = gsl_stats_sd(means, 1, k) / sqrt(k_eff);
	out->half_width_w = gsl_cdf_tdist_Pinv(0.975, k_eff - 1) * out->u_a_w;
	out->drift_w_per_s = theil_sen(means, k, (double)batch);
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

static void describe(double *values, size_t n, struct estimate *out)
{
	out->n = n;
	out->sd_w = n > 1 ? gsl_stats_sd(values, 1, n) : 0;
	out->median_w = median_of(values, n);
	out->n_distinct = 1;
	for (size_t i = 1; i < n; i++)
		out->n_distinct += values[i] != values[i - 1];
}

int estimate_window(const double *w, size_t n_seconds, size_t period, struct estimate *out)
{
	size_t shortest = period > BATCH_S ? period : BATCH_S;
	size_t batch = (n_seconds + MOST_BATCHES - 1) / MOST_BATCHES;
	double *values = xcalloc(n_seconds, sizeof *values);
	size_t n = block_means(w, n_seconds, period, values);

	*out = (struct estimate){
		.mean_w = mean_of_known(w, n_seconds), .min_w = INFINITY, .max_w = -INFINITY};
	if (n) {
		double halves;

		for (size_t i = 0; i < n_seconds; i++) {
			out->min_w = fmin(out->min_w, w[i]);
			out->max_w = fmax(out->max_w, w[i]);
		}

		describe(values, n, out);
		scatter(w, n_seconds, batch > shortest ? batch : shortest, values, out);
		halves = mean_of_known(w + n_seconds / 2, n_seconds - n_seconds / 2) -
			 mean_of_known(w, n_seconds / 2);
		out->shift_w = isnan(halves) ? 0 : halves;
		out->n_eff = out->u_a_w > 0 ? fmin((double)n, pow(out->sd_w / out->u_a_w, 2)) : (double)n;
	}
	free(values);
	return n ? 0 : -1;
}

/* Replaces isolated spikes by the median, and unknown values as well: for detection only. */
static void replace_spikes(double *z, size_t m)
{
	double *sorted = xcalloc(m, sizeof *sorted);
	double *original = xcalloc(m, sizeof *original);
	double median, limit;
	size_t n = 0;

	for (size_t i = 0; i < m; i++)
		if (!isnan(z[i]))
			sorted[n++] = z[i];
	median = n ? median_of(sorted, n) : 0;
	for (size_t i = 0; i < m; i++)
		if (isnan(z[i]))
			z[i] = median;
	memcpy(original, z, m * sizeof *z);
	for (size_t i = 0; i < n; i++)
		sorted[i] = fabs(sorted[i] - median);
	limit = n ? SPIKE_DEVIATIONS * MAD_TO_SD * median_of(sorted, n) : 0;
	limit = fmax(limit, SPIKE_SHARE * fabs(median));
	for (size_t i = 0; i < m; i++) {
		bool before_inside = i == 0 || fabs(original[i - 1] - median) <= limit;
		bool after_inside = i + 1 == m || fabs(original[i + 1] - median) <= limit;

		if (fabs(original[i] - median) > limit && before_inside && after_inside)
			z[i] = median;
	}
	free(original);
	free(sorted);
}

size_t estimate_truncation(const double *z, size_t m, double step)
{
	double *clean = xcalloc(m, sizeof *clean);
	double best = INFINITY, mean = 0, squares = 0;
	size_t cut = 0, n = 0;

	memcpy(clean, z, m * sizeof *z);
	replace_spikes(clean, m);
	if (step > 0 && gsl_stats_max(clean, 1, m) - gsl_stats_min(clean, 1, m) <= step) {
		free(clean);
		return 0;
	}
	/* Welford's update from the end: squares is the sum about the mean of clean[d..m). */
	for (size_t d = m; d-- > 0;) {
		double from_mean = clean[d] - mean, error;

		n++;
		mean += from_mean / (double)n;
		squares += from_mean * (clean[d] - mean);
		error = squares / ((double)n * (double)n);
		if (d <= m / 2 && error <= best) {
			best = error;
			cut = d;
		}
	}
	free(clean);
	return cut;
}

enum reason estimate_judge(const struct estimate *e, const struct rule *rule, double length_s, bool slow)
{
	double mean_w = fabs(e->mean_w);
	double drift = fabs(e->drift_w_per_s) + NORMAL_95_ONE_SIDED * e->u_a_w * sqrt(12) / length_s;
	double precision_w =
		slow ? fmax(fmax(rule->precision, SLOW_PRECISION) * mean_w, LEAST_SLOW_PRECISION_W)
		     : fmax(rule->precision * mean_w, LEAST_PRECISION_W);

	if (!(drift * rule->drift_horizon_s <= fmax(DRIFT_TOLERANCE * mean_w, LEAST_DRIFT_W)))
		return REASON_DRIFT;
	if (fabs(e->shift_w) > fmax(SHIFT_TOLERANCE * mean_w, LEAST_SHIFT_W))
		return REASON_SHIFT;
	if (!(e->half_width_w <= precision_w))
		return REASON_IMPRECISE;
	return REASON_NONE;
}

double estimate_u95_w(const struct estimate *e, double length_s, const struct uncertainty_terms *terms)
{
	double u_a = fmax(e->u_a_w, terms->u_rep_w);
	double u_d = fabs(e->drift_w_per_s) * length_s / sqrt(12);
	double u_q = terms->resolution_w / sqrt(e->sd_w < terms->resolution_w / 2 ? 12 : 12 * e->n_eff);
	double u_c = sqrt(u_a * u_a + u_d * u_d + u_q * u_q);
	double u95 = fmax(e->half_width_w, 2 * u_c) + terms->resolution_w / 2;

	return hypot(u95, 2 * terms->u_cal_w);
}
