/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "profiles/judge.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/text.h"
#include "profiles/health.h"
#include "profiles/series.h"

#define CHECK_EVERY_S 5.0
#define PASSES_NEEDED 2

/* A check waits so long for the reading that falls on it. */
#define CHECK_GRACE_S 1.0

struct judge {
	const struct trace *trace;
	const struct trace_visit *visit;
	size_t visit_index;
	const bool *excluded;
	struct series *series; /* one for each channel of the trace */
	size_t *members[SOURCES];
	size_t n_members[SOURCES];
	double floor_s, most_s, least_window_s;
	size_t row, event;
	double now_s; /* of the last row, since the visit began */
	double check_s;
	unsigned passes;
	bool decided, load_lost;
	/* As of the last check: */
	size_t from, to; /* window in seconds of the visit; from == to: none */
	enum verdict verdict;
	enum reason reason;
	enum source worst;
	bool present[SOURCES];
	enum reason source_reason[SOURCES];
};

static bool has_slow_system(const struct judge *judge)
{
	return judge->n_members[SOURCE_SYSTEM] > 0 &&
	       channel_is_slow(&judge->trace->channels[judge->members[SOURCE_SYSTEM][0]]);
}

static bool source_is_slow(const struct judge *judge, enum source source)
{
	return source == SOURCE_SYSTEM && has_slow_system(judge);
}

struct judge *judge_new(const struct trace *trace, size_t visit_index, const bool *excluded)
{
	struct judge *judge = xcalloc(1, sizeof *judge);
	const struct trace_visit *visit = &trace->visits[visit_index];
	double period_s = 0, lag_s = 0;

	judge->trace = trace;
	judge->visit = visit;
	judge->visit_index = visit_index;
	judge->excluded = excluded;
	judge->series = xcalloc(trace->n_channels, sizeof *judge->series);
	for (size_t i = 0; i < trace->n_channels; i++)
		series_init(&judge->series[i], &trace->channels[i],
			    channel_is_slow(&trace->channels[i]) ? trace->slow_lag_s : 0);
	for (enum source s = 0; s < SOURCES; s++) {
		judge->members[s] = xcalloc(trace->n_channels, sizeof *judge->members[s]);
		judge->n_members[s] = source_members(trace, s, excluded, judge->members[s]);
	}
	if (has_slow_system(judge)) {
		period_s = trace->slow_period_s;
		lag_s = trace->slow_lag_s;
	}
	judge->floor_s = rule_floor_s(trace->rule, visit->tau_s, visit->share);
	judge->most_s = rule_most_s(trace->rule, judge->floor_s, period_s, lag_s);
	judge->least_window_s = fmax(trace->rule->least_window_s, 10 * period_s);
	judge->row = visit->first_row;
	while (judge->event < trace->n_events && (trace->events[judge->event].row < visit->first_row ||
						  trace->events[judge->event].time_us < visit->began_us))
		judge->event++;
	judge->check_s = CHECK_EVERY_S;
	judge->verdict = VERDICT_INSUFFICIENT;
	judge->reason = REASON_MISSING;
	return judge;
}

void judge_free(struct judge *judge)
{
	if (!judge)
		return;
	for (size_t i = 0; i < judge->trace->n_channels; i++)
		series_free(&judge->series[i]);
	for (enum source s = 0; s < SOURCES; s++)
		free(judge->members[s]);
	free(judge->series);
	free(judge);
}

/* A source is there once it has given a reading, and lost once it is silent. */
static bool source_is_live(const struct judge *judge, enum source source)
{
	for (size_t i = 0; i < judge->n_members[source]; i++) {
		const struct series *series = &judge->series[judge->members[source][i]];

		if (isnan(series->last_s) || judge->now_s - (series->last_s + series->lag_s) > SERIES_LOST_S)
			return false;
	}
	return judge->n_members[source] > 0;
}

/* Seconds that all channels of a source have reached. */
static size_t source_seconds(const struct judge *judge, enum source source)
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

static double source_floor_s(const struct judge *judge, enum source source)
{
	double floor_s = judge->floor_s;

	for (size_t m = 0; m < judge->n_members[source]; m++)
		floor_s = fmax(floor_s, judge->series[judge->members[source][m]].restart_s);
	return floor_s;
}

/* Where the steady part of a source begins, s of the visit, given data up to `to`. */
static size_t source_start(const struct judge *judge, enum source source, size_t to)
{
	size_t floor_s = (size_t)ceil(source_floor_s(judge, source));
	size_t m = to > floor_s ? (to - floor_s) / BATCH_S : 0;
	double *w, *z;
	size_t cut;

	if (m == 0)
		return floor_s;
	w = xcalloc(m * BATCH_S, sizeof *w);
	z = xcalloc(m, sizeof *z);
	source_powers(judge, source, floor_s, floor_s + m * BATCH_S, w);
	for (size_t j = 0; j < m; j++) {
		struct estimate batch;

		z[j] = estimate_window(w + j * BATCH_S, BATCH_S, BATCH_S, &batch) ? NAN : batch.mean_w;
	}
	cut = estimate_truncation(z, m);
	free(z);
	free(w);
	return floor_s + cut * BATCH_S;
}

/* The window that all live sources share. False: there is none yet; then it is the last half behind the floor. */
static bool find_window(struct judge *judge)
{
	size_t from = 0, to = SIZE_MAX, floor_s = 0;

	for (enum source s = 0; s < SOURCES; s++)
		if (judge->present[s] && source_seconds(judge, s) < to)
			to = source_seconds(judge, s);
	for (enum source s = 0; s < SOURCES; s++)
		if (judge->present[s]) {
			size_t start = source_start(judge, s, to), least = (size_t)ceil(source_floor_s(judge, s));

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

static size_t source_period_s(const struct judge *judge, bool slow)
{
	return slow ? (size_t)fmax(1, round(judge->trace->slow_period_s)) : 1;
}

static enum reason judge_source(const struct judge *judge, enum source source)
{
	size_t n = judge->to - judge->from;
	bool slow = source_is_slow(judge, source);
	double *w = xcalloc(n, sizeof *w);
	struct estimate estimate;
	enum reason reason;

	source_powers(judge, source, judge->from, judge->to, w);
	if (estimate_window(w, n, source_period_s(judge, slow), &estimate))
		reason = REASON_MISSING;
	else
		reason = estimate_judge(&estimate, judge->trace->rule, (double)n, slow);
	free(w);
	return reason;
}

/* One check of the stopping rule (METHOD 3) with the rows taken in so far. */
static void check(struct judge *judge)
{
	bool any = false, passed = true;

	for (enum source s = 0; s < SOURCES; s++) {
		judge->present[s] = source_is_live(judge, s);
		any |= judge->present[s];
	}
	judge->from = judge->to = 0;
	judge->reason = any ? REASON_SHORT : REASON_MISSING;
	judge->verdict = VERDICT_INSUFFICIENT;
	if (any && find_window(judge)) {
		judge->reason = REASON_NONE;
		for (enum source s = SOURCES; s-- > 0;) {
			judge->source_reason[s] = judge->present[s] ? judge_source(judge, s) : REASON_MISSING;
			if (judge->present[s] && judge->source_reason[s] != REASON_NONE) {
				judge->reason = judge->source_reason[s];
				judge->worst = s;
				passed = false;
			}
		}
		judge->verdict = passed ? VERDICT_STABLE : VERDICT_UNSTABLE;
	} else {
		passed = false;
	}
	judge->passes = passed ? judge->passes + 1 : 0;
	judge->decided = judge->passes >= PASSES_NEEDED || judge->check_s >= judge->most_s;
	judge->check_s += CHECK_EVERY_S;
}

/* Whether every live energy channel has its reading at the time of the check. */
static bool check_is_due(const struct judge *judge)
{
	bool any = false;

	if (judge->now_s < judge->check_s - 0.5)
		return false;
	if (judge->now_s >= judge->check_s + CHECK_GRACE_S)
		return true;
	for (enum source s = 0; s < SOURCES; s++)
		if (!source_is_slow(judge, s) && source_is_live(judge, s)) {
			if ((double)source_seconds(judge, s) < judge->check_s)
				return false;
			any = true;
		}
	return any || judge->now_s >= judge->check_s;
}

static void take_event(struct judge *judge, const struct trace_event *event)
{
	double time_s = (double)(event->time_us - judge->visit->began_us) * 1e-6;

	if (event->time_us > judge->visit->ended_us)
		return;
	switch (event->kind) {
	case TRACE_COUNTER_RESET:
	case TRACE_INTERVAL_LOST:
		if (event->channel >= 0)
			series_break(&judge->series[event->channel]);
		break;
	case TRACE_SUSPENDED:
		for (size_t i = 0; i < judge->trace->n_channels; i++)
			series_restart(&judge->series[i], time_s);
		break;
	case TRACE_WORKER_LOST:
	case TRACE_LOAD_ENDED:
		judge->load_lost = judge->decided = true;
		break;
	default:
		break;
	}
}

bool judge_advance(struct judge *judge)
{
	const struct trace *trace = judge->trace;

	/* The trace may have grown, and its arrays moved, since the last call. */
	judge->visit = &trace->visits[judge->visit_index];
	for (size_t i = 0; i < trace->n_channels; i++)
		judge->series[i].channel = &trace->channels[i];
	while (!judge->decided && judge->row <= judge->visit->end_row) {
		const struct trace_row *row;

		while (judge->event < trace->n_events && trace->events[judge->event].row <= judge->row)
			take_event(judge, &trace->events[judge->event++]);
		if (judge->row == judge->visit->end_row || judge->decided)
			break;
		row = &trace->rows[judge->row++];
		judge->now_s = (double)(row->time_us - judge->visit->began_us) * 1e-6;
		if (row->visit == judge->visit_index)
			series_add(&judge->series[row->channel], judge->now_s, row->value);
		while (!judge->decided && check_is_due(judge))
			check(judge);
	}
	return judge->decided;
}

/* The mean of a channel over the window, or NAN. */
static double channel_mean(const struct judge *judge, size_t channel)
{
	const struct series *series = &judge->series[channel];
	double sum = 0;
	size_t known = 0;

	for (size_t i = judge->from; i < judge->to && i < series->n; i++)
		if (!isnan(series->seconds[i].w)) {
			sum += series->seconds[i].w;
			known++;
		}
	return known ? sum / (double)known : NAN;
}

/* Standard uncertainty that the calibration of a channel adds to its mean, W; 0 without a calibration. */
static double calibration_u_w(const struct judge *judge, size_t index)
{
	const struct trace_channel *channel = &judge->trace->channels[index];
	double uncalibrated_w = (channel_mean(judge, index) - channel->offset_w) / channel->gain;

	return isnan(channel->u_gain) ? 0 : hypot(channel->u_gain * uncalibrated_w, channel->u_offset_w);
}

static void channel_statistics(const struct judge *judge, const size_t *members, size_t n_members, bool live,
			       struct statistics *out)
{
	const struct trace_channel *first = &judge->trace->channels[members[0]];
	size_t n = judge->to - judge->from;
	double *w = xcalloc(n, sizeof *w);
	double resolution = 0;

	out->slow = channel_is_slow(first);
	out->length_s = (double)n;
	out->verdict = VERDICT_INSUFFICIENT;
	out->reason = REASON_MISSING;
	out->resolution_w = NAN;
	for (size_t m = 0; m < n_members; m++) {
		const struct series *series = &judge->series[members[m]];

		out->longest_still_s = fmax(out->longest_still_s, series->longest_still_s);
		for (size_t i = judge->from; i < judge->to; i++)
			w[i - judge->from] += i < series->n ? series->seconds[i].w : NAN;
	}
	if (out->slow) {
		resolution = isnan(first->resolution) ? 1 : first->resolution;
		out->resolution_w = resolution;
	}
	if (n && live && estimate_window(w, n, source_period_s(judge, out->slow), &out->estimate) == 0) {
		out->present = true;
		out->reason = estimate_judge(&out->estimate, judge->trace->rule, (double)n, out->slow);
		out->verdict = out->reason == REASON_NONE ? VERDICT_STABLE : VERDICT_UNSTABLE;
		if (judge->reason == REASON_SHORT) {
			out->verdict = VERDICT_INSUFFICIENT;
			out->reason = REASON_SHORT;
		}
		for (size_t m = 0; m < n_members; m++)
			out->u_cal_w += calibration_u_w(judge, members[m]);
		out->u95_w = estimate_u95_w(&out->estimate, (double)n,
					    &(struct uncertainty_terms){resolution, 0, out->u_cal_w});
	}
	free(w);
}

static double role_mean(const struct judge *judge, enum channel_role role)
{
	for (size_t i = 0; i < judge->trace->n_channels; i++)
		if (channel_role(judge->trace->channels[i].id) == role)
			return channel_mean(judge, i);
	return NAN;
}

static void fill_statistics(const struct judge *judge, struct judgement *out)
{
	for (size_t i = 0; i < out->n_channels; i++)
		if (judge->trace->channels[i].unit != UNIT_PERCENT)
			channel_statistics(judge, &i, 1, judge->series[i].n > 0, &out->channels[i]);
	for (enum source s = 0; s < SOURCES; s++)
		if (judge->n_members[s])
			channel_statistics(judge, judge->members[s], judge->n_members[s],
					   judge->to > judge->from && source_seconds(judge, s) >= judge->to,
					   &out->sources[s]);
}

/* The rows ended before the rule was through: with the run, with the load, or because what is known by now
 * (a zone that repeats another) was not known then. */
static void conclude_early(struct judge *judge)
{
	check(judge);
	if (judge->verdict == VERDICT_STABLE || judge->verdict == VERDICT_INSUFFICIENT) {
		judge->verdict = VERDICT_INSUFFICIENT;
		if (judge->reason == REASON_NONE)
			judge->reason = REASON_SHORT;
	}
	if (judge->visit->end == VISIT_INTERRUPTED || judge->visit->end == VISIT_RUNNING) {
		judge->verdict = VERDICT_INSUFFICIENT;
		judge->reason = REASON_INTERRUPTED;
	}
}

void judge_conclude(struct judge *judge, struct judgement *out)
{
	const struct trace_visit *visit = judge->visit;
	double began_s = (double)visit->began_us * 1e-6;

	*out = (struct judgement){
		.n_channels = judge->trace->n_channels,
		.channels = xcalloc(judge->trace->n_channels, sizeof *out->channels),
		.began_s = began_s,
		.window_start_s = NAN,
		.window_end_s = NAN,
	};
	if (!judge->decided || judge->load_lost)
		conclude_early(judge);
	out->verdict = judge->verdict;
	out->reason = judge->reason;
	if (judge->to > judge->from) {
		out->window_start_s = began_s + (double)judge->from;
		out->window_end_s = began_s + (double)judge->to;
	}
	out->machine_pct = role_mean(judge, ROLE_MACHINE_BUSY);
	out->steal_pct = role_mean(judge, ROLE_STEAL);
	out->utilisation_pct = visit->target_pct == 0 ? out->machine_pct : role_mean(judge, ROLE_UTILISATION);
	fill_statistics(judge, out);
	health_judge(&(struct health_facts){
			     .trace = judge->trace,
			     .visit = visit,
			     .series = judge->series,
			     .excluded = judge->excluded,
			     .from = judge->from,
			     .to = judge->to,
			     .load_lost = judge->load_lost,
		     },
		     out);
}

void judgement_free(struct judgement *judgement)
{
	free(judgement->channels);
	judgement->channels = NULL;
}

void judge_waits_for(const struct judge *judge, struct judge_waiting *out)
{
	out->source = judge->worst;
	out->reason = judge->reason;
	out->most_s = judge->most_s;
}

struct judgement *judge_all(const struct trace *trace, bool *excluded)
{
	struct judgement *all = xcalloc(trace->n_visits, sizeof *all);

	sources_find_mirrors(trace, excluded);
	for (size_t v = 0; v < trace->n_visits; v++) {
		struct judge *judge = judge_new(trace, v, excluded);

		judge_advance(judge);
		judge_conclude(judge, &all[v]);
		if (trace->visits[v].end == VISIT_SKIPPED) {
			all[v].verdict = VERDICT_SKIPPED;
			all[v].reason = REASON_UNSUPPORTED;
		}
		judge_free(judge);
	}
	health_across_visits(trace, all);
	return all;
}

void judge_all_free(struct judgement *judgements, size_t n)
{
	for (size_t i = 0; judgements && i < n; i++)
		judgement_free(&judgements[i]);
	free(judgements);
}
