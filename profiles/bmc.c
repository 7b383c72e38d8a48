/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "profiles/bmc_internal.h"

#include <math.h>
#include <stdlib.h>

#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics_double.h>

#include "harness/base/text.h"

/* A clock's stamp stays within its own step of 1 s of our time; one that marks updates falls behind by a
 * period. */
#define CLOCK_SPREAD_S 1.2

/* Where so many polls show a new value, the period is no longer than the interval of polling. */
#define EVERY_POLL 0.75

bool bmc_answered(const struct bmc_polls *polls, size_t i)
{
	return !isnan(polls->watts[i]);
}

static bool has_stamp(const struct bmc_polls *polls, size_t i)
{
	return polls->stamp_s && bmc_answered(polls, i) && polls->stamp_s[i] > 0;
}

bool bmc_stamp_marks(const struct bmc_polls *polls)
{
	double *behind_s = xcalloc(polls->n + 1, sizeof *behind_s), first_s = NAN, spread_s;
	size_t n = 0, changes = 0;
	double last_s = NAN;

	for (size_t i = 0; i < polls->n; i++) {
		if (!has_stamp(polls, i))
			continue;
		if (isnan(first_s))
			first_s = polls->time_s[i] - polls->stamp_s[i];
		behind_s[n++] = polls->time_s[i] - polls->stamp_s[i] - first_s;
		changes += polls->stamp_s[i] != last_s;
		last_s = polls->stamp_s[i];
	}
	gsl_sort(behind_s, 1, n);
	spread_s = n ? gsl_stats_quantile_from_sorted_data(behind_s, 1, n, 0.95) -
				   gsl_stats_quantile_from_sorted_data(behind_s, 1, n, 0.05)
		     : 0;
	free(behind_s);
	return changes > 3 && (double)changes < EVERY_POLL * (double)n && spread_s > CLOCK_SPREAD_S;
}

size_t bmc_changes(const struct bmc_polls *polls, bool stamp_marks, struct bmc_change *out)
{
	size_t n = 0, before = SIZE_MAX;

	for (size_t i = 0; i < polls->n; i++) {
		if (!bmc_answered(polls, i))
			continue;
		if (before != SIZE_MAX &&
		    (polls->watts[i] != polls->watts[before] ||
		     (stamp_marks && has_stamp(polls, i) && polls->stamp_s[i] != polls->stamp_s[before])))
			out[n++] = (struct bmc_change){polls->time_s[before], polls->time_s[i], i};
		before = i;
	}
	return n;
}

double bmc_poll_interval_s(const struct bmc_polls *polls)
{
	double *gaps = xcalloc(polls->n + 1, sizeof *gaps), before_s = NAN, median;
	size_t n = 0;

	for (size_t i = 0; i < polls->n; i++) {
		if (!bmc_answered(polls, i))
			continue;
		if (!isnan(before_s))
			gaps[n++] = polls->time_s[i] - before_s;
		before_s = polls->time_s[i];
	}
	gsl_sort(gaps, 1, n);
	median = n ? gsl_stats_median_from_sorted_data(gaps, 1, n) : NAN;
	free(gaps);
	return median;
}

/* Adds readings every period from one change to the next: the hidden ones repeat the value. */
static size_t add_repeats(struct bmc_reading *out, size_t n, size_t room, double from_s, double to_s,
			  double period_s, double watts)
{
	double repeats = fmax(1, round((to_s - from_s) / period_s));

	for (double i = 0; i < repeats && n < room; i++)
		out[n++] = (struct bmc_reading){from_s + i * (to_s - from_s) / repeats, watts};
	return n;
}

/* One reading for each update, hidden ones too, at the moment it appeared. */
static size_t readings_of_updates(const struct bmc_polls *polls, const struct bmc_change *changes,
				  const double *at_s, size_t n_changes, double period_s,
				  struct bmc_reading *out, size_t room)
{
	double first_s = NAN, last_s = NAN, first_w = NAN;
	size_t n = 0;

	for (size_t i = 0; i < polls->n; i++) {
		if (!bmc_answered(polls, i))
			continue;
		last_s = polls->time_s[i];
		if (isnan(first_s)) {
			first_s = polls->time_s[i];
			first_w = polls->watts[i];
		}
	}
	/* Back from the first change, to the update that the first poll showed. */
	first_s = at_s[0] - period_s * ceil((at_s[0] - first_s) / period_s);
	n = add_repeats(out, n, room, first_s, at_s[0], period_s, first_w);
	for (size_t i = 0; i < n_changes; i++) {
		double until_s = i + 1 < n_changes
					 ? at_s[i + 1]
					 : at_s[i] + period_s * (floor((last_s - at_s[i]) / period_s) + 1);

		n = add_repeats(out, n, room, at_s[i], until_s, period_s, polls->watts[changes[i].poll]);
	}
	return n;
}

/* Where every poll shows a new reading: it appeared up to one interval before, a quarter in the mean. */
static size_t readings_of_polls(const struct bmc_polls *polls, double poll_s, struct bmc_reading *out)
{
	size_t n = 0;

	for (size_t i = 0; i < polls->n; i++)
		if (bmc_answered(polls, i))
			out[n++] = (struct bmc_reading){polls->time_s[i] - poll_s / 4, polls->watts[i]};
	return n;
}

static double median_between_s(const double *at_s, size_t n)
{
	double *gaps = xcalloc(n, sizeof *gaps), median;

	for (size_t i = 1; i < n; i++)
		gaps[i - 1] = at_s[i] - at_s[i - 1];
	gsl_sort(gaps, 1, n - 1);
	median = gsl_stats_median_from_sorted_data(gaps, 1, n - 1);
	free(gaps);
	return median;
}

static void learn_lag(const struct bmc_polls *polls, const struct bmc_change *changes, const double *at_s,
		      size_t n_changes, double poll_s, const struct bmc_fast *fast, struct bmc_facts *facts)
{
	size_t room = 2 * polls->n + 64, n = 0;
	struct bmc_reading *readings = xcalloc(room, sizeof *readings);
	double u_time_s = 0;

	if (facts->period_s.learnt) {
		n = readings_of_updates(polls, changes, at_s, n_changes, facts->period_s.value, readings,
					room);
	} else if (n_changes > 3 && median_between_s(at_s, n_changes) < 1.25 * poll_s) {
		n = readings_of_polls(polls, poll_s, readings);
		u_time_s = poll_s / 4;
	}
	bmc_learn_lag(readings, n, u_time_s, fast, facts);
	free(readings);
}

void bmc_learn(const struct bmc_polls *polls, const struct bmc_fast *fast, struct bmc_facts *facts)
{
	struct bmc_change *changes = xcalloc(polls->n + 1, sizeof *changes);
	double *at_s = xcalloc(polls->n + 1, sizeof *at_s), poll_s = bmc_poll_interval_s(polls);
	size_t n;

	bmc_facts_default(facts);
	facts->stamp_marks = bmc_stamp_marks(polls);
	n = bmc_changes(polls, facts->stamp_marks, changes);
	bmc_learn_resolution(polls, &facts->resolution_w);
	bmc_learn_period(changes, n, poll_s, &facts->period_s, at_s);
	learn_lag(polls, changes, at_s, n, poll_s, fast, facts);
	free(at_s);
	free(changes);
}

size_t bmc_updates(const struct bmc_polls *polls, const struct bmc_facts *facts, bool *is_update)
{
	struct bmc_change *changes = xcalloc(polls->n + 1, sizeof *changes);
	size_t n_changes = bmc_changes(polls, facts->stamp_marks, changes), next = 0, n = 0;
	double period_s = facts->period_s.value, due_s = -INFINITY, from_s = NAN, step_s = period_s;

	for (size_t i = 0; i < polls->n; i++) {
		bool changed = next < n_changes && changes[next].poll == i;

		is_update[i] = false;
		if (!bmc_answered(polls, i))
			continue;
		if (changed)
			next++;
		if (changed || isnan(from_s)) {
			/* Spread over the time to the next change, as many as fit. */
			double gap_s = next < n_changes ? changes[next].until_s - polls->time_s[i] : INFINITY;
			double updates = fmax(1, round(gap_s / period_s));

			from_s = polls->time_s[i];
			step_s = isinf(gap_s) ? period_s : gap_s / updates;
			due_s = from_s + step_s;
			is_update[i] = true;
			n++;
		} else if (polls->time_s[i] >= due_s &&
			   !(next < n_changes && changes[next].until_s - due_s < step_s / 2)) {
			due_s += step_s * fmax(1, floor((polls->time_s[i] - due_s) / step_s + 1));
			is_update[i] = true;
			n++;
		}
	}
	free(changes);
	return n;
}
