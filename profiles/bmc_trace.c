/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The arrays that bmc_learn takes, from the rows of a trace.
 */
#include "profiles/bmc_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/text.h"
#include "profiles/sources.h"

/* Watts that nothing has measured: HARDWARE, METHOD 5. */
#define MOST_POWER_MW 65535000

/* Rows of one answer have the same time; a BMC's stamp that comes later than this belongs to another. */
#define SAME_ANSWER_US 10000

struct arrays {
	double *time_s, *watts, *stamp_s;
	size_t n_polls;
	double *fast_s, *joules;
	size_t n_fast;
	bool stamped;
};

/* "dcmi/time-stamp" beside "dcmi/system"; -1: there is none. */
static int stamp_channel(const struct trace *trace, size_t channel)
{
	const char *id = trace->channels[channel].id;
	char *stamp = xasprintf("%.*s/time-stamp", (int)strcspn(id, "/"), id);
	int found = trace_find_channel(trace, stamp);

	free(stamp);
	return found;
}

static void collect_polls(const struct trace *trace, size_t channel, struct arrays *out)
{
	int stamps = stamp_channel(trace, channel);
	int64_t stamped_us = INT64_MIN;
	double stamp_s = NAN;

	for (size_t r = 0; r < trace->n_rows; r++) {
		const struct trace_row *row = &trace->rows[r];
		bool failed = row->value == TRACE_FAILED;

		if ((int)row->channel == stamps) {
			stamped_us = row->time_us;
			stamp_s = failed ? NAN : (double)row->value * 1e-3;
			/* Behind its watts or before them, as the meter lists its channels. */
			if (out->n_polls > 0 && isnan(out->stamp_s[out->n_polls - 1]) &&
			    llabs(row->time_us - llround(out->time_s[out->n_polls - 1] * 1e6)) <=
				    SAME_ANSWER_US)
				out->stamp_s[out->n_polls - 1] = stamp_s;
			out->stamped |= !failed;
		}
		if (row->channel != channel)
			continue;
		if (row->value <= 0 || row->value >= MOST_POWER_MW)
			failed = true;
		out->time_s[out->n_polls] = (double)row->time_us * 1e-6;
		out->watts[out->n_polls] = failed ? NAN : (double)row->value * 1e-3;
		out->stamp_s[out->n_polls++] =
			stamped_us != INT64_MIN && row->time_us - stamped_us <= SAME_ANSWER_US ? stamp_s
											       : NAN;
	}
}

static bool breaks(const struct trace_event *event, const bool *is_fast)
{
	switch (event->kind) {
	case TRACE_SUSPENDED:
		return true;
	case TRACE_COUNTER_RESET:
	case TRACE_INTERVAL_LOST:
		return event->channel < 0 || is_fast[event->channel];
	default:
		return false;
	}
}

static void add_fast(struct arrays *out, double time_s, double joules)
{
	out->fast_s[out->n_fast] = time_s;
	out->joules[out->n_fast++] = joules;
}

/* The sum over the fast channels at each pass in which all of them answered; NAN where one lost an interval.
 */
static void collect_fast(const struct trace *trace, const bool *is_fast, size_t n_members, struct arrays *out)
{
	bool *seen = xcalloc(trace->n_channels, sizeof *seen);
	size_t n_seen = 0, event = 0;
	double sum = 0;

	for (size_t r = 0; r < trace->n_rows; r++) {
		const struct trace_row *row = &trace->rows[r];
		double time_s = (double)row->time_us * 1e-6;

		for (; event < trace->n_events && trace->events[event].row <= r; event++)
			if (breaks(&trace->events[event], is_fast))
				add_fast(out, time_s, NAN);
		if (!is_fast[row->channel] || row->value == TRACE_FAILED)
			continue;
		if (seen[row->channel]) {
			memset(seen, 0, trace->n_channels * sizeof *seen);
			n_seen = 0;
			sum = 0;
		}
		seen[row->channel] = true;
		sum += (double)row->value * 1e-6;
		if (++n_seen == n_members) {
			add_fast(out, time_s, sum);
			memset(seen, 0, trace->n_channels * sizeof *seen);
			n_seen = 0;
			sum = 0;
		}
	}
	free(seen);
}

/* Marks processors and memory. Returns how many there are. */
static size_t fast_channels(const struct trace *trace, const bool *excluded, bool *is_fast)
{
	size_t *members = xcalloc(trace->n_channels, sizeof *members), n = 0;

	for (enum source s = SOURCE_CPU; s <= SOURCE_DRAM; s++) {
		size_t n_members = source_members(trace, s, excluded, members);

		for (size_t m = 0; m < n_members; m++)
			if (trace->channels[members[m]].unit == UNIT_JOULE) {
				is_fast[members[m]] = true;
				n++;
			}
	}
	free(members);
	return n;
}

void bmc_learn_from_trace(const struct trace *trace, size_t channel, const bool *excluded,
			  struct bmc_facts *facts)
{
	size_t room = trace->n_rows + trace->n_events + 1;
	double *memory = xcalloc(5 * room, sizeof *memory);
	struct arrays arrays = {
		.time_s = memory,
		.watts = memory + room,
		.stamp_s = memory + 2 * room,
		.fast_s = memory + 3 * room,
		.joules = memory + 4 * room,
	};
	bool *is_fast = xcalloc(trace->n_channels, sizeof *is_fast);
	size_t n_members = fast_channels(trace, excluded, is_fast);
	struct bmc_polls polls;
	struct bmc_fast fast;

	collect_polls(trace, channel, &arrays);
	if (n_members > 0)
		collect_fast(trace, is_fast, n_members, &arrays);
	polls = (struct bmc_polls){arrays.time_s, arrays.watts, arrays.stamped ? arrays.stamp_s : NULL,
				   arrays.n_polls};
	fast = (struct bmc_fast){arrays.fast_s, arrays.joules, arrays.n_fast};
	bmc_learn(&polls, &fast, facts);
	free(is_fast);
	free(memory);
}

void bmc_refine(struct trace *trace)
{
	double *memory = xcalloc(3 * trace->n_rows + 1, sizeof *memory);

	for (size_t i = 0; i < trace->n_channels; i++) {
		struct bmc_fact *known = &trace->channels[i].facts.resolution_w;
		struct arrays arrays = {
			.time_s = memory,
			.watts = memory + trace->n_rows,
			.stamp_s = memory + 2 * trace->n_rows,
		};
		struct bmc_facts now;

		if (!channel_is_slow(&trace->channels[i]) || !isnan(trace->channels[i].resolution))
			continue;
		collect_polls(trace, i, &arrays);
		bmc_facts_default(&now);
		bmc_learn_resolution(&(struct bmc_polls){arrays.time_s, arrays.watts, NULL, arrays.n_polls},
				     &now.resolution_w);
		if (now.resolution_w.learnt || !known->learnt)
			*known = now.resolution_w;
	}
	free(memory);
}
