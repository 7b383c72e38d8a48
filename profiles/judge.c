/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "profiles/judge_internal.h"

#include <math.h>
#include <stdlib.h>

#include "harness/base/text.h"

#define CHECK_EVERY_S 5.0
#define PASSES_NEEDED 2

/* A check waits so long for the reading that falls on it. */
#define CHECK_GRACE_S 1.0

struct judge *judge_new(const struct trace *trace, size_t visit_index, const bool *excluded)
{
	struct judge *judge = xcalloc(1, sizeof *judge);
	const struct trace_visit *visit = &trace->visits[visit_index];
	double guard_s = 0;

	judge->trace = trace;
	judge->visit = visit;
	judge->visit_index = visit_index;
	judge->excluded = excluded;
	judge->series = xcalloc(trace->n_channels, sizeof *judge->series);
	for (size_t i = 0; i < trace->n_channels; i++)
		series_init(&judge->series[i], &trace->channels[i],
			    channel_is_slow(&trace->channels[i]) ? bmc_shift_s(&trace->channels[i].facts)
								 : 0);
	for (enum source s = 0; s < SOURCES; s++) {
		judge->members[s] = xcalloc(trace->n_channels, sizeof *judge->members[s]);
		judge->n_members[s] = source_members(trace, s, excluded, judge->members[s]);
		if (visit->bmc_rests && source_is_slow(judge, s))
			judge->n_members[s] = 0;
	}
	if (source_is_slow(judge, SOURCE_SYSTEM)) {
		const struct bmc_facts *facts = &trace->channels[judge->members[SOURCE_SYSTEM][0]].facts;

		judge->period_s = facts->period_s.value;
		guard_s = bmc_guard_s(facts);
	}
	judge->floor_s = rule_floor_s(trace->rule, visit->tau_s, visit->share);
	judge->most_s = rule_most_s(trace->rule, judge->floor_s, judge->period_s, guard_s);
	judge->most_fast_s = rule_most_s(trace->rule, judge->floor_s, 0, 0);
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

/* Whether the live sources, or the fast ones among them, are steady now; *any: there is one. */
static bool all_steady(struct judge *judge, bool slow_too, bool *any)
{
	*any = false;
	for (enum source s = 0; s < SOURCES; s++) {
		judge->present[s] = source_is_live(judge, s) && (slow_too || !source_is_slow(judge, s));
		*any |= judge->present[s];
	}
	judge->least_window_s = judge->trace->rule->least_window_s;
	if (judge->present[SOURCE_SYSTEM] && source_is_slow(judge, SOURCE_SYSTEM))
		judge->least_window_s =
			fmax(judge->least_window_s, rule_least_slow_window_s(judge->period_s));
	judge->from = judge->to = 0;
	judge->reason = *any ? REASON_SHORT : REASON_MISSING;
	judge->verdict = VERDICT_INSUFFICIENT;
	if (!*any || !find_window(judge))
		return false;
	judge->reason = REASON_NONE;
	judge->verdict = VERDICT_STABLE;
	for (enum source s = SOURCES; s-- > 0;) {
		judge->source_reason[s] = judge->present[s] ? judge_source(judge, s) : REASON_MISSING;
		if (judge->present[s] && judge->source_reason[s] != REASON_NONE) {
			judge->reason = judge->source_reason[s];
			judge->worst = s;
			judge->verdict = VERDICT_UNSTABLE;
		}
	}
	return judge->verdict == VERDICT_STABLE;
}

static bool slow_is_live(const struct judge *judge)
{
	return source_is_slow(judge, SOURCE_SYSTEM) && source_is_live(judge, SOURCE_SYSTEM);
}

/* Without the slow source the fast ones' own passes count: they have not waited for it. */
static void decide(struct judge *judge, bool any)
{
	bool slow = slow_is_live(judge);

	judge->decided = (slow ? judge->passes : judge->fast_passes) >= PASSES_NEEDED ||
			 judge->check_s >= (slow ? judge->most_s : judge->most_fast_s) ||
			 (!any && judge->check_s > SERIES_LOST_S);
}

void judge_check(struct judge *judge)
{
	bool any, steady;

	if (slow_is_live(judge)) {
		steady = all_steady(judge, false, &any);
		judge->fast_passes = steady ? judge->fast_passes + 1 : 0;
		steady = all_steady(judge, true, &any);
		judge->passes = steady ? judge->passes + 1 : 0;
	} else {
		steady = all_steady(judge, true, &any);
		judge->passes = judge->fast_passes = steady ? judge->fast_passes + 1 : 0;
	}
	decide(judge, any);
	judge->check_s += CHECK_EVERY_S;
}

/* The slow source is lost from here on. If the fast ones have passed, or had their time, the verdict falls at
 * once. */
static void judge_without_slow(struct judge *judge)
{
	unsigned passes = judge->fast_passes;
	bool any;

	if (passes < PASSES_NEEDED && judge->now_s < judge->most_fast_s)
		return;
	judge->fast_passes = all_steady(judge, true, &any) ? passes : 0;
	decide(judge, any);
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
		bool slow;

		while (judge->event < trace->n_events && trace->events[judge->event].row <= judge->row)
			take_event(judge, &trace->events[judge->event++]);
		if (judge->row == judge->visit->end_row || judge->decided)
			break;
		row = &trace->rows[judge->row++];
		judge->now_s = (double)(row->time_us - judge->visit->began_us) * 1e-6;
		slow = slow_is_live(judge);
		if (row->visit == judge->visit_index)
			series_add(&judge->series[row->channel], judge->now_s, row->value);
		if (slow && !slow_is_live(judge))
			judge_without_slow(judge);
		/* After a time without rows (this program was stopped) there is nothing to check but the
		 * present. */
		while (judge->now_s > judge->check_s + CHECK_EVERY_S + CHECK_GRACE_S)
			judge->check_s += CHECK_EVERY_S;
		while (!judge->decided && check_is_due(judge))
			judge_check(judge);
	}
	return judge->decided;
}

void judge_waits_for(const struct judge *judge, struct judge_waiting *out)
{
	out->source = judge->worst;
	out->reason = judge->reason;
	out->most_s = judge->most_s;
}
