/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lag and averaging of a BMC: for each pair of them the fast source's power,
 * averaged and delayed, is fitted to the readings (watts = a * fast + b, in
 * blocks of time, since what the fast source does not see differs from state to
 * state). The residuals give the likelihood of each pair; what is reported are
 * mean and standard deviation of that posterior, so that what the readings
 * leave open shows as uncertainty.
 */
#include "profiles/bmc_internal.h"

#include <math.h>
#include <stdlib.h>

#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics_double.h>

#include "harness/base/text.h"

/* Looked at, s: HARDWARE's BMCs average over 1 to 30 s and answer with the mean of the last one or the one
 * before. */
#define MOST_LAG_S 32.0
#define MOST_AVERAGING_S 32.0
#define LAG_STEP_S 0.25
#define AVERAGING_STEP_S 0.5
#define N_LAGS 129
#define N_AVERAGINGS 65
#define MOST_REACH_S (MOST_LAG_S + MOST_AVERAGING_S / 2)

/* The fast source's curve on a grid of so many seconds. */
#define GRID_S 0.1

/* Power before the first reading is taken as the mean of so many seconds behind it. */
#define BEFORE_S 5.0

/* So long a silence of the fast source is not bridged. */
#define SILENT_S 10.0

/* A block has its own a and b. Two minutes hold one or two changes of state of `quick`. */
#define BLOCK_S 120.0

#define MOST_BLOCKS 12 /* enough, and their number bounds the time it takes */

/* Only blocks in which the fast source moves by this tell anything: METHOD 5's step that a BMC has to see. */
#define LEAST_MOVE_W 10.0
#define LEAST_MOVE 0.05

/* W of the node for a W of processors and memory: supplies lose up to a half, a fan may take as much again,
 * and under memory load the RAPL estimate may be three times too high. */
#define LEAST_SLOPE 0.3
#define MOST_SLOPE 4.0

/* The fit has to explain so much of the readings' variance within blocks, or the two have nothing to do with
 * each other. */
#define LEAST_EXPLAINED 0.9

#define LEAST_READINGS 6

/* Learnt if twice the standard deviation is no more than this; the issue of learning a BMC asks for 1 s or
 * 20 %. */
#define MOST_U2_S 1.0
#define MOST_U2 0.2

/* The fast source's energy over time, evenly spaced; straight lines over gaps. */
struct curve {
	double *joules;
	size_t n;
	double first_s, last_s, first_w;
	double *gap_s; /* begin and end of each gap, in turn */
	size_t n_gaps;
};

struct lag_fit {
	const struct bmc_reading *readings;
	size_t n;
	struct curve curve;
	size_t *block_end; /* indices into readings */
	size_t n_blocks;
	double *power;                    /* scratch: prediction of each reading */
	double sse[N_LAGS][N_AVERAGINGS]; /* W^2; INFINITY: the mean would lie in the future */
	double total, least;              /* sum of squares about the blocks' means, and the least of sse */
};

/* The curve's next stretch, joules and watts going on across a gap with the power before it. */
static void curve_build(struct curve *curve, const struct bmc_fast *fast)
{
	double joules = 0, last_w = 0;
	size_t before = 0, filled = 1;
	bool broken = false;

	curve->first_s = fast->time_s[0];
	curve->last_s = fast->time_s[fast->n - 1];
	curve->n = (size_t)((curve->last_s - curve->first_s) / GRID_S) + 2;
	curve->joules = xcalloc(curve->n, sizeof *curve->joules);
	curve->gap_s = xcalloc(2 * fast->n, sizeof *curve->gap_s);
	for (size_t i = 1; i < fast->n; i++) {
		double length_s = fast->time_s[i] - fast->time_s[before], w;

		if (isnan(fast->joules[i])) {
			broken = true;
			continue;
		}
		if (length_s <= 0)
			continue;
		if (broken || isnan(fast->joules[before]) || length_s > SILENT_S) {
			curve->gap_s[2 * curve->n_gaps] = fast->time_s[before];
			curve->gap_s[2 * curve->n_gaps++ + 1] = fast->time_s[i];
			w = last_w;
		} else {
			w = (fast->joules[i] - fast->joules[before]) / length_s;
		}
		for (; filled < curve->n; filled++) {
			double since_s = curve->first_s + (double)filled * GRID_S - fast->time_s[before];

			if (since_s > length_s)
				break;
			curve->joules[filled] = joules + w * since_s;
		}
		joules += w * length_s;
		last_w = w;
		before = i;
		broken = false;
	}
	for (; filled < curve->n; filled++)
		curve->joules[filled] = curve->joules[filled - 1] + last_w * GRID_S;
}

static double curve_at(const struct curve *curve, double time_s)
{
	double at = (time_s - curve->first_s) / GRID_S;
	size_t i = at > 0 ? (size_t)at : 0;

	if (at <= 0)
		return curve->first_w * at * GRID_S;
	if (i + 1 >= curve->n)
		return curve->joules[curve->n - 1];
	return curve->joules[i] + (at - (double)i) * (curve->joules[i + 1] - curve->joules[i]);
}

/* Mean power over the seconds that a reading covers. Shorter than the grid nothing is resolved. */
static double curve_mean_w(const struct curve *curve, double middle_s, double length_s)
{
	double length = fmax(length_s, GRID_S);

	return (curve_at(curve, middle_s + length / 2) - curve_at(curve, middle_s - length / 2)) / length;
}

static bool in_reach_of_gap(const struct curve *curve, double time_s)
{
	for (size_t i = 0; i < curve->n_gaps; i++)
		if (time_s > curve->gap_s[2 * i] && time_s < curve->gap_s[2 * i + 1] + MOST_REACH_S)
			return true;
	return false;
}

/* Whether the fast source moved in what readings [from, to) can have seen. */
static bool moves(const struct lag_fit *fit, size_t from, size_t to)
{
	double least = INFINITY, most = -INFINITY;

	for (double t = fit->readings[from].time_s - MOST_LAG_S; t < fit->readings[to - 1].time_s; t += 1) {
		double w = curve_mean_w(&fit->curve, t, 2);

		least = fmin(least, w);
		most = fmax(most, w);
	}
	return most - least >= fmax(LEAST_MOVE_W, LEAST_MOVE * most);
}

/* Keeps the readings that tell something, in their blocks. */
static void choose_readings(struct lag_fit *fit, const struct bmc_reading *readings, size_t n)
{
	struct bmc_reading *kept = xcalloc(n, sizeof *kept);
	size_t n_kept = 0;

	fit->readings = kept;
	for (size_t from = 0, to; from < n && fit->n_blocks < MOST_BLOCKS; from = to) {
		size_t begin = n_kept;

		for (to = from; to < n && readings[to].time_s < readings[from].time_s + BLOCK_S; to++)
			if (readings[to].time_s >= fit->curve.first_s &&
			    readings[to].time_s <= fit->curve.last_s &&
			    !in_reach_of_gap(&fit->curve, readings[to].time_s))
				kept[n_kept++] = readings[to];
		if (n_kept - begin < 3 || !moves(fit, begin, n_kept))
			n_kept = begin;
		else
			fit->block_end[fit->n_blocks++] = n_kept;
	}
	fit->n = n_kept;
}

/* Least sum of squares of watts - (a * power + b) over a block; *total: of watts about their mean. */
static double fit_block(const struct lag_fit *fit, size_t from, size_t to, double *total)
{
	double n = (double)(to - from), x = 0, y = 0, xx = 0, xy = 0, yy = 0, a;

	for (size_t i = from; i < to; i++) {
		x += fit->power[i];
		y += fit->readings[i].watts;
	}
	x /= n;
	y /= n;
	for (size_t i = from; i < to; i++) {
		double dx = fit->power[i] - x, dy = fit->readings[i].watts - y;

		xx += dx * dx;
		xy += dx * dy;
		yy += dy * dy;
	}
	*total += yy;
	a = xx > 0 ? fmin(fmax(xy / xx, LEAST_SLOPE), MOST_SLOPE) : 0;
	return yy - 2 * a * xy + a * a * xx;
}

/* Sums of squares of one block for all pairs of lag and averaging; INFINITY: the mean would lie in the
 * future.
 */
static void fit_pairs(struct lag_fit *fit, size_t from, size_t to, double sse[N_LAGS][N_AVERAGINGS])
{
	double total = 0;

	for (size_t l = 0; l < N_LAGS; l++)
		for (size_t a = 0; a < N_AVERAGINGS; a++) {
			double lag_s = LAG_STEP_S * (double)l, averaging_s = AVERAGING_STEP_S * (double)a;

			sse[l][a] = INFINITY;
			if (lag_s < averaging_s / 2)
				continue;
			for (size_t i = from; i < to; i++)
				fit->power[i] = curve_mean_w(&fit->curve, fit->readings[i].time_s - lag_s,
							     averaging_s);
			total = 0;
			sse[l][a] = fit_block(fit, from, to, &total);
		}
	fit->total += total;
}

/* When within an interval of its sampling the fast source changed is not known: each block may be off by half
 * of one, as fits best. */
static void add_block(struct lag_fit *fit, double block[N_LAGS][N_AVERAGINGS], size_t off)
{
	for (size_t a = 0; a < N_AVERAGINGS; a++)
		for (size_t l = 0; l < N_LAGS; l++) {
			size_t first = l > off ? l - off : 0;
			double least = INFINITY;

			for (size_t i = first; i <= l + off && i < N_LAGS; i++)
				least = fmin(least, block[i][a]);
			fit->sse[l][a] += isinf(block[l][a]) ? INFINITY : least;
		}
}

static void fit_all(struct lag_fit *fit, double interval_s)
{
	double(*block)[N_AVERAGINGS] = xcalloc(N_LAGS, sizeof *block);
	size_t off = (size_t)(interval_s / 2 / LAG_STEP_S);

	for (size_t b = 0; b < fit->n_blocks; b++) {
		fit_pairs(fit, b ? fit->block_end[b - 1] : 0, fit->block_end[b], block);
		add_block(fit, block, off);
	}
	free(block);
	fit->least = INFINITY;
	for (size_t l = 0; l < N_LAGS; l++)
		for (size_t a = 0; a < N_AVERAGINGS; a++)
			fit->least = fmin(fit->least, fit->sse[l][a]);
}

/* u_s: what the posterior does not know of. */
static void set_fact(struct bmc_fact *fact, double sum, double sum_of_squares, double weight, double u_s)
{
	double mean = sum / weight, u = sqrt(fmax(0, sum_of_squares / weight - mean * mean) + u_s * u_s);

	if (2 * u > fmax(MOST_U2_S, MOST_U2 * mean))
		return;
	*fact = (struct bmc_fact){mean, u, true};
}

/* The smallest reach that 97.5 % of the posterior do not exceed. */
static double reach_s(const struct lag_fit *fit, double variance, double weight)
{
	double by_reach[N_LAGS + N_AVERAGINGS] = {0}, sum = 0;
	size_t i = 0;

	/* lag + averaging / 2 in steps of 0.25 s */
	for (size_t l = 0; l < N_LAGS; l++)
		for (size_t a = 0; a < N_AVERAGINGS; a++)
			by_reach[l + a] += exp((fit->least - fit->sse[l][a]) / (2 * variance));
	while (i + 1 < N_LAGS + N_AVERAGINGS && (sum += by_reach[i]) < 0.975 * weight)
		i++;
	return LAG_STEP_S * (double)i;
}

static double median_interval_s(const struct bmc_fast *fast)
{
	double *gaps = xcalloc(fast->n, sizeof *gaps), median;

	for (size_t i = 1; i < fast->n; i++)
		gaps[i - 1] = fast->time_s[i] - fast->time_s[i - 1];
	gsl_sort(gaps, 1, fast->n - 1);
	median = gsl_stats_median_from_sorted_data(gaps, 1, fast->n - 1);
	free(gaps);
	return median;
}

static void conclude(const struct lag_fit *fit, double resolution_w, double u_time_s, struct bmc_facts *facts)
{
	double freedom = (double)fit->n - 2 * (double)fit->n_blocks - 2;
	double variance = fmax(fit->least / fmax(freedom, 1), resolution_w * resolution_w / 12);
	double sums[5] = {0};

	if (fit->least > (1 - LEAST_EXPLAINED) * fit->total)
		return;
	for (size_t l = 0; l < N_LAGS; l++)
		for (size_t a = 0; a < N_AVERAGINGS; a++) {
			double weight = exp((fit->least - fit->sse[l][a]) / (2 * variance));
			double lag_s = LAG_STEP_S * (double)l, averaging_s = AVERAGING_STEP_S * (double)a;

			sums[0] += weight;
			sums[1] += weight * lag_s;
			sums[2] += weight * lag_s * lag_s;
			sums[3] += weight * averaging_s;
			sums[4] += weight * averaging_s * averaging_s;
		}
	facts->reach_s.value = reach_s(fit, variance, sums[0]) + 2 * u_time_s;
	facts->reach_s.u = 0;
	/* At the edge of what was looked at, the truth may lie beyond. */
	facts->reach_s.learnt = facts->reach_s.value < MOST_REACH_S - 2;
	set_fact(&facts->lag_s, sums[1], sums[2], sums[0], u_time_s);
	set_fact(&facts->averaging_s, sums[3], sums[4], sums[0], u_time_s);
}

void bmc_learn_lag(const struct bmc_reading *readings, size_t n, double u_time_s, const struct bmc_fast *fast,
		   struct bmc_facts *facts)
{
	struct lag_fit *fit;

	if (n < LEAST_READINGS || fast->n < 2)
		return;
	fit = xcalloc(1, sizeof *fit);
	curve_build(&fit->curve, fast);
	fit->curve.first_w = (curve_at(&fit->curve, fit->curve.first_s + BEFORE_S)) / BEFORE_S;
	fit->block_end = xcalloc(n, sizeof *fit->block_end);
	choose_readings(fit, readings, n);
	fit->power = xcalloc(fit->n, sizeof *fit->power);
	if (fit->n >= LEAST_READINGS) {
		fit_all(fit, median_interval_s(fast));
		conclude(fit, facts->resolution_w.value, hypot(u_time_s, LAG_STEP_S / sqrt(12)), facts);
	}
	free((void *)fit->readings);
	free(fit->power);
	free(fit->block_end);
	free(fit->curve.gap_s);
	free(fit->curve.joules);
	free(fit);
}
