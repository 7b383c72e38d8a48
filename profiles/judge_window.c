/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "profiles/judge_internal.h"

#include <math.h>
#include <stdlib.h>

#include "harness/base/text.h"

bool source_is_slow(const struct judge *judge, enum source source)
{
	return judge->n_members[source] > 0 &&
	       channel_is_slow(&judge->trace->channels[judge->members[source][0]]);
}

bool channels_are_live(const struct judge *judge, const size_t *channels, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (series_is_lost(&judge->series[channels[i]], judge->now_s))
			return false;
	return n > 0;
}

bool source_is_live(const struct judge *judge, enum source source)
{
	return channels_are_live(judge, judge->members[source], judge->n_members[source]);
}

size_t source_seconds(const struct judge *judge, enum source source)
{
	size_t n = SIZE_MAX;

	for (size_t i = 0; i < judge->n_members[source]; i++)
		if (judge->series[judge->members[source][i]].n < n)
			n = judge->series[judge->members[source][i]].n;
	return n;
}

/* The sum over a source's channels in seconds [from, to). */
static void source_powers(const struct judge *judge, enum source source, size_t from, size_t to, double *out)
{
	for (size_t i = from; i < to; i++) {
		out[i - from] = 0;
		for (size_t m = 0; m < judge->n_members[source]; m++)
			out[i - from] += judge->series[judge->members[source][m]].seconds[i].w;
	}
}

double channels_floor_s(const struct judge *judge, const size_t *channels, size_t n)
{
	double floor_s = judge->floor_s;

	for (size_t i = 0; i < n; i++) {
		const struct series *series = &judge->series[channels[i]];
		const struct bmc_facts *facts = &judge->trace->channels[channels[i]].facts;
		double mixed_s = series->lag_s > 0 ? fmax(0, bmc_guard_s(facts) - series->lag_s) : 0;

		floor_s = fmax(floor_s, fmax(judge->floor_s, series->restart_s) + mixed_s);
	}
	return floor_s;
}

double source_floor_s(const struct judge *judge, enum source source)
{
	return channels_floor_s(judge, judge->members[source], judge->n_members[source]);
}

/* The smallest step of a slow source, W; 0 for energy counters. */
static double source_step_w(const struct judge *judge, enum source source)
{
	return source_is_slow(judge, source)
		       ? channel_step_w(&judge->trace->channels[judge->members[source][0]])
		       : 0;
}

/* Where the steady part of a source begins, s of the visit, given data up to `to`. */
static size_t source_start(const struct judge *judge, enum source source, size_t to)
{
	size_t floor_s = (size_t)ceil(source_floor_s(judge, source));
	size_t m = to > floor_s ? (to - floor_s) / BATCH_S : 0;
	double *w, *z;
	size_t cut, most;
	struct transient tail;

	/* Too short for a window anyway. */
	if ((double)(m * BATCH_S) + BATCH_S <= judge->least_window_s || m == 0)
		return floor_s;
	w = xcalloc(m * BATCH_S, sizeof *w);
	z = xcalloc(m, sizeof *z);
	source_powers(judge, source, floor_s, floor_s + m * BATCH_S, w);
	for (size_t j = 0; j < m; j++) {
		double sum = 0;
		size_t known = 0;

		for (size_t i = j * BATCH_S; i < (j + 1) * BATCH_S; i++)
			if (!isnan(w[i])) {
				sum += w[i];
				known++;
			}
		z[j] = known ? sum / (double)known : NAN;
	}
	transient_clean(z, m);
	cut = transient_truncation(z, m, source_step_w(judge, source));
	most = (size_t)ceil(judge->least_window_s / BATCH_S);
	most = m > most ? m - most : 0;
	transient_fit(z, m, cut, &tail);
	if (tail.amplitude_w != 0 && most > cut)
		cut = transient_best_cut(&tail, z, m, cut, most);
	free(z);
	free(w);
	return floor_s + cut * BATCH_S;
}

bool find_window(struct judge *judge)
{
	size_t from = 0, to = SIZE_MAX, floor_s = 0;

	for (enum source s = 0; s < SOURCES; s++)
		if (judge->present[s] && source_seconds(judge, s) < to)
			to = source_seconds(judge, s);
	for (enum source s = 0; s < SOURCES; s++)
		if (judge->present[s]) {
			size_t start = source_start(judge, s, to),
			       least = (size_t)ceil(source_floor_s(judge, s));

			from = start > from ? start : from;
			floor_s = least > floor_s ? least : floor_s;
		}
	if (to >= from && (double)(to - from) >= judge->least_window_s) {
		judge->from = from;
		judge->to = to;
		return true;
	}
	judge->from = judge->to = to;
	if (to > floor_s)
		judge->from = floor_s + (to - floor_s) / 2;
	return false;
}

size_t period_seconds(const struct judge *judge, size_t channel)
{
	const struct trace_channel *of = &judge->trace->channels[channel];

	return channel_is_slow(of) ? (size_t)fmax(1, round(of->facts.period_s.value)) : 1;
}

enum reason judge_source(const struct judge *judge, enum source source)
{
	size_t n = judge->to - judge->from;
	size_t floor_s = (size_t)ceil(source_floor_s(judge, source));
	size_t lead = judge->from > floor_s ? judge->from - floor_s : 0;
	double *w = xcalloc(n + lead, sizeof *w);
	struct estimate estimate;
	enum reason reason;

	source_powers(judge, source, judge->from - lead, judge->to, w);
	if (estimate_window(w, lead, n, period_seconds(judge, judge->members[source][0]), &estimate))
		reason = REASON_MISSING;
	else
		reason = estimate_judge(&estimate, judge->trace->rule, (double)n,
					source_step_w(judge, source));
	free(w);
	return reason;
}
