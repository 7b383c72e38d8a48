/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "profiles/trace.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/text.h"

const char *trace_event_name(enum trace_event_kind kind)
{
	static const char *const names[TRACE_EVENT_KINDS] = {
		[TRACE_COUNTER_RESET] = "counter_reset", [TRACE_INTERVAL_LOST] = "interval_lost",
		[TRACE_SUSPENDED] = "suspended",         [TRACE_SLOW_READ] = "slow_read",
		[TRACE_WORKER_LOST] = "worker_lost",     [TRACE_LOAD_ENDED] = "load_ended",
		[TRACE_THROTTLED] = "throttled",         [TRACE_LEARNT] = "learnt",
	};

	return names[kind];
}

struct trace *trace_new(const struct rule *rule)
{
	struct trace *trace = xcalloc(1, sizeof *trace);

	trace->rule = rule;
	return trace;
}

void trace_free(struct trace *trace)
{
	if (!trace)
		return;
	for (size_t i = 0; i < trace->n_channels; i++) {
		free(trace->channels[i].id);
		free(trace->channels[i].scope);
	}
	for (size_t i = 0; i < trace->n_visits; i++) {
		free(trace->visits[i].state);
		free(trace->visits[i].note);
		json_decref(trace->visits[i].workload);
		json_decref(trace->visits[i].context);
	}
	json_decref(trace->plan);
	free(trace->channels);
	free(trace->visits);
	free(trace->rows);
	free(trace->events);
	free(trace);
}

struct trace_channel *trace_add_channel(struct trace *trace, const char *id, enum unit unit)
{
	struct trace_channel *channel;

	trace->channels = xrealloc(trace->channels, trace->n_channels + 1, sizeof *trace->channels);
	channel = &trace->channels[trace->n_channels++];
	*channel = (struct trace_channel){
		.id = xstrdup(id),
		.unit = unit,
		.resolution = NAN,
		.power_limit_w = NAN,
		.interval_s = 1,
		.gain = 1,
		.u_gain = NAN,
		.u_offset_w = NAN,
	};
	bmc_facts_default(&channel->facts);
	return channel;
}

int trace_find_channel(const struct trace *trace, const char *id)
{
	for (size_t i = 0; i < trace->n_channels; i++)
		if (strcmp(trace->channels[i].id, id) == 0)
			return (int)i;
	return -1;
}

struct trace_visit *trace_add_visit(struct trace *trace, const char *state, int64_t began_us)
{
	struct trace_visit *visit;
	unsigned number = 1;

	for (size_t i = 0; i < trace->n_visits; i++)
		number += strcmp(trace->visits[i].state, state) == 0;
	trace->visits = xrealloc(trace->visits, trace->n_visits + 1, sizeof *trace->visits);
	visit = &trace->visits[trace->n_visits++];
	*visit = (struct trace_visit){
		.state = xstrdup(state),
		.visit = number,
		.began_us = began_us,
		.ended_us = INT64_MAX,
		.first_row = trace->n_rows,
		.end_row = trace->n_rows,
		.target_pct = NAN,
		.share = 1,
		.tau_s = NAN,
	};
	return visit;
}

void trace_add_row(struct trace *trace, int64_t time_us, size_t channel, size_t visit, int64_t value)
{
	if (trace->n_rows == trace->room_rows) {
		trace->room_rows = trace->room_rows ? trace->room_rows + trace->room_rows / 2 : 1024;
		trace->rows = xrealloc(trace->rows, trace->room_rows, sizeof *trace->rows);
	}
	trace->rows[trace->n_rows++] = (struct trace_row){
		.time_us = time_us,
		.value = value,
		.channel = (uint16_t)channel,
		.visit = (uint16_t)visit,
	};
	if (visit != TRACE_OUTSIDE)
		trace->visits[visit].end_row = trace->n_rows;
}

void trace_add_event(struct trace *trace, int64_t time_us, enum trace_event_kind kind, int channel)
{
	trace->events = xrealloc(trace->events, trace->n_events + 1, sizeof *trace->events);
	trace->events[trace->n_events++] = (struct trace_event){
		.time_us = time_us,
		.row = trace->n_rows,
		.channel = channel,
		.kind = kind,
	};
}

int64_t trace_value(enum unit unit, double value)
{
	double scale = unit == UNIT_JOULE ? 1e6 : 1e3;

	return isfinite(value) ? llround(value * scale) : TRACE_FAILED;
}
