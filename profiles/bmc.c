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

/* Of stamps that mark updates, fewer polls than this show a new one. */
#define MOST_NEW_STAMPS 0.75

/* With a period of 1.25 polls, every fifth poll shows nothing new. */
#define NEW_IN_A_ROW 5

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
	return changes > 3 && (double)changes < MOST_NEW_STAMPS * (double)n && spread_s > CLOCK_SPREAD_S;
}

size_t bmc_changes(const struct bmc_polls *polls, bool stamp_marks, struct bmc_change *out)
{
	size_t n = 0, before = SIZE_MAX;

	for (size_t i = 0; i < polls->n; i++) {
		if (!bmc_answered(polls, i))
			continue;
		if (before != SIZE_MAX && (polls->watts[i] != polls->watts[before] ||
					   (stamp_marks && has_stamp(polls, i) && has_stamp(polls, before) &&
					    polls->stamp_s[i] != polls->stamp_s[before])))
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

/* Adds readings every period from one change to the next: the hidden ones repeat the value. Behind the last
 * poll that showed it nothing is known. A period of INFINITY: none is hidden. */
static size_t add_repeats(struct bmc_reading *out, size_t n, size_t room, double from_s, double to_s,
			  double shown_s, double period_s, double watts)
{
	double repeats = fmax(1, round((to_s - from_s) / period_s)), step_s = (to_s - from_s) / repeats;

	for (double i = 0; i < repeats && from_s + i * step_s <= shown_s && n < room; i++)
		out[n++] = (struct bmc_reading){from_s + i * step_s, watts};
	return n;
}

/* One reading for each update, at the moment it appeared: hidden ones too, unless stamps mark all. */
static size_t readings_of_updates(const struct bmc_polls *polls, const struct bmc_change *changes,
				  const double *at_s, size_t n_changes, double period_s, bool none_hidden,
				  struct bmc_reading *out, size_t room)
{
	double first_s = NAN, last_s = NAN, first_w = NAN, repeat_s = none_hidden ? INFINITY : period_s;
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
	if (!none_hidden)
		n = add_repeats(out, n, room, first_s, at_s[0], changes[0].after_s, period_s, first_w);
	for (size_t i = 0; i < n_changes; i++) {
		bool last = i + 1 == n_changes;
		double shown_s = last ? last_s : changes[i + 1].after_s;
		double until_s =
			last ? at_s[i] + period_s * (floor((last_s - at_s[i]) / period_s) + 1) : at_s[i + 1];

		/* The poll that showed the change is always one reading. */
		n = add_repeats(out, n, room, at_s[i], until_s, fmax(shown_s, changes[i].until_s), repeat_s,
				polls->watts[changes[i].poll]);
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

/* Whether so many polls in a row showed something new that updates cannot be further apart than polls. */
static bool every_poll_is_new(const struct bmc_change *changes, size_t n)
{
	size_t run = 1, longest = 1;

	for (size_t i = 1; i < n; i++) {
		run = changes[i].after_s <= changes[i - 1].until_s ? run + 1 : 1;
		longest = run > longest ? run : longest;
	}
	return longest >= NEW_IN_A_ROW;
}

static void learn_lag(const struct bmc_polls *polls, const struct bmc_change *changes, const double *at_s,
		      size_t n_changes, double poll_s, double u_time_s, const struct bmc_fast *fast,
		      struct bmc_facts *facts)
{
	size_t room = 2 * polls->n + 64, n = 0;
	struct bmc_reading *readings = xcalloc(room, sizeof *readings);
	if (facts->period_s.learnt) {
		n = readings_of_updates(polls, changes, at_s, n_changes, facts->period_s.value,
					facts->stamp_marks, readings, room);
	} else if (every_poll_is_new(changes, n_changes)) {
		n = readings_of_polls(polls, poll_s, readings);
		u_time_s = poll_s / 4;
	}
	bmc_learn_lag(readings, n, u_time_s, fast, facts);
	free(readings);
}

void bmc_learn(const struct bmc_polls *polls, const struct bmc_fast *fast, struct bmc_facts *facts)
{
	struct bmc_change *changes = xcalloc(polls->n + 1, sizeof *changes);
	double *at_s = xcalloc(polls->n + 1, sizeof *at_s), poll_s = bmc_poll_interval_s(polls), u_time_s;
	size_t n;

	bmc_facts_default(facts);
	facts->stamp_marks = bmc_stamp_marks(polls);
	n = bmc_changes(polls, facts->stamp_marks, changes);
	bmc_learn_resolution(polls, &facts->resolution_w);
	u_time_s = bmc_learn_period(changes, n, poll_s, &facts->period_s, at_s);
	learn_lag(polls, changes, at_s, n, poll_s, u_time_s, fast, facts);
	free(at_s);
	free(changes);
}

size_t bmc_updates(const struct bmc_polls *polls, const struct bmc_facts *facts, bool *is_update)
{
	struct bmc_change *changes = xcalloc(polls->n + 1, sizeof *changes);
	size_t n_changes = bmc_changes(polls, facts->stamp_marks, changes), next = 0, n = 0;
	/* Where stamps mark updates, none is hidden. */
	double period_s = facts->stamp_marks ? INFINITY : facts->period_s.value, due_s = -INFINITY,
	       from_s = NAN, step_s = period_s;

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
			double updates = isinf(period_s) ? 1 : fmax(1, round(gap_s / period_s));

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
