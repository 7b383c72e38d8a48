/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "profiles/bmc_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/text.h"
#include "profiles/sources.h"

/* The time stamps that a meter gives beside its power: "dcmi/time-stamp". -1: none. */
static int stamp_channel(const struct trace *trace, const char *id)
{
	char *name = xasprintf("%.*s/time-stamp", (int)strcspn(id, "/"), id);
	int found = trace_find_channel(trace, name);

	free(name);
	return found;
}

struct collected {
	double *time_s, *watts, *stamp_s;
	size_t n;
};

/* A poll's stamp comes in the same answer: it has the same time. */
static void collect_polls(const struct trace *trace, size_t channel, struct collected *out)
{
	int stamp = stamp_channel(trace, trace->channels[channel].id);

	out->time_s = xcalloc(3 * trace->n_rows + 1, sizeof *out->time_s);
	out->watts = out->time_s + trace->n_rows;
	out->stamp_s = out->watts + trace->n_rows;
	out->n = 0;
	for (size_t r = 0; r < trace->n_rows; r++) {
		const struct trace_row *row = &trace->rows[r];
		bool failed = row->value == TRACE_FAILED;

		if (row->channel == channel) {
			out->time_s[out->n] = (double)row->time_us * 1e-6;
			out->watts[out->n] = failed ? NAN : (double)row->value * 1e-3;
			out->stamp_s[out->n++] = NAN;
		} else if ((int)row->channel == stamp && out->n > 0 && !failed &&
			   (double)row->time_us * 1e-6 == out->time_s[out->n - 1]) {
			out->stamp_s[out->n - 1] = (double)row->value * 1e-3;
		}
	}
	if (stamp < 0)
		out->stamp_s = NULL;
}

/* Channels of processors and memory. */
static size_t fast_channels(const struct trace *trace, const bool *excluded, size_t *out)
{
	size_t n = source_members(trace, SOURCE_CPU, excluded, out);

	return n ? n + source_members(trace, SOURCE_DRAM, excluded, out + n) : 0;
}

static int place_of(const size_t *channels, size_t n, size_t channel)
{
	for (size_t i = 0; i < n; i++)
		if (channels[i] == channel)
			return (int)i;
	return -1;
}

static bool is_lost(const struct trace_event *event)
{
	return event->kind == TRACE_COUNTER_RESET || event->kind == TRACE_INTERVAL_LOST ||
	       event->kind == TRACE_SUSPENDED;
}

/* One point after each pass over the channels: the sum, at the time of the last. A reading that failed, or an
 * event across which no difference may be taken, breaks the curve. */
static void collect_fast(const struct trace *trace, const bool *excluded, struct collected *out)
{
	size_t *channels = xcalloc(2 * trace->n_channels + 1, sizeof *channels);
	size_t n_channels = fast_channels(trace, excluded, channels), seen = 0, event = 0;
	double *joules = xcalloc(n_channels + 1, sizeof *joules);
	bool broken = false;

	/* Twice: a break is a point of its own. */
	out->time_s = xcalloc(4 * trace->n_rows + 2, sizeof *out->time_s);
	out->watts = out->time_s + 2 * trace->n_rows + 1;
	out->n = 0;
	for (size_t r = 0; n_channels && r < trace->n_rows; r++) {
		const struct trace_row *row = &trace->rows[r];
		int place = place_of(channels, n_channels, row->channel);

		for (; event < trace->n_events && trace->events[event].row <= r; event++)
			broken |= is_lost(&trace->events[event]);
		if (place < 0)
			continue;
		if (place == 0)
			seen = 0;
		broken |= row->value == TRACE_FAILED;
		joules[place] = (double)row->value * 1e-6;
		if (++seen != n_channels)
			continue;
		if (broken) {
			out->time_s[out->n] = (double)row->time_us * 1e-6;
			out->watts[out->n++] = NAN;
		}
		broken = false;
		out->time_s[out->n] = (double)row->time_us * 1e-6;
		out->watts[out->n] = 0;
		for (size_t i = 0; i < n_channels; i++)
			out->watts[out->n] += joules[i];
		out->n += row->value != TRACE_FAILED;
	}
	free(joules);
	free(channels);
}

void bmc_learn_from_trace(const struct trace *trace, size_t channel, const bool *excluded,
			  struct bmc_facts *facts)
{
	struct collected slow, fast;

	collect_polls(trace, channel, &slow);
	collect_fast(trace, excluded, &fast);
	bmc_learn(&(struct bmc_polls){slow.time_s, slow.watts, slow.stamp_s, slow.n},
		  &(struct bmc_fast){fast.time_s, fast.watts, fast.n}, facts);
	free(slow.time_s);
	free(fast.time_s);
}

void bmc_refine(struct trace *trace)
{
	for (size_t i = 0; i < trace->n_channels; i++) {
		struct trace_channel *channel = &trace->channels[i];
		struct collected slow;
		struct bmc_facts now;

		if (!channel_is_slow(channel) || !isnan(channel->resolution))
			continue;
		collect_polls(trace, i, &slow);
		bmc_facts_default(&now);
		bmc_learn_resolution(&(struct bmc_polls){slow.time_s, slow.watts, NULL, slow.n},
				     &now.resolution_w);
		if (now.resolution_w.learnt || !channel->facts.resolution_w.learnt)
			channel->facts.resolution_w = now.resolution_w;
		free(slow.time_s);
	}
}
