/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "profiles/sources.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/text.h"
#include "profiles/series.h"

#define MIRROR_SPAN_S 10
#define MIRROR_TOLERANCE 0.001

/* On a busy node a read now and then comes 10 ms late, which is 0.1 % of a span. Two real dies whose powers
 * scatter by 0.5 % a second agree that well in a third of the spans. */
#define MIRROR_SPANS 0.75

const char *source_name(enum source source)
{
	static const char *const names[SOURCES] = {"cpu", "dram", "system"};

	return names[source];
}

static bool begins(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

static const char *quantity_of(const char *id)
{
	const char *slash = strchr(id, '/');

	return slash ? slash + 1 : "";
}

enum channel_role channel_role(const char *id)
{
	const char *quantity = quantity_of(id);

	if (begins(quantity, "package-"))
		return ROLE_PACKAGE;
	if (begins(quantity, "dram-"))
		return ROLE_DRAM;
	if (strcmp(quantity, "system") == 0)
		return ROLE_SYSTEM;
	if (strcmp(id, "load/utilisation") == 0)
		return ROLE_UTILISATION;
	if (strcmp(id, "node/utilisation") == 0)
		return ROLE_MACHINE_BUSY;
	if (strcmp(id, "node/steal") == 0)
		return ROLE_STEAL;
	return ROLE_OTHER;
}

int channel_socket(const char *id)
{
	enum channel_role role = channel_role(id);

	if (role != ROLE_PACKAGE && role != ROLE_DRAM)
		return -1;
	return atoi(strchr(quantity_of(id), '-') + 1);
}

bool channel_is_slow(const struct trace_channel *channel)
{
	return channel->unit == UNIT_WATT;
}

double channel_step_w(const struct trace_channel *channel)
{
	return isnan(channel->resolution) ? channel->facts.resolution_w.value : channel->resolution;
}

static bool of_meter(const char *id, const char *meter)
{
	return begins(id, meter) && id[strlen(meter)] == '/';
}

size_t source_members(const struct trace *trace, enum source source, const bool *excluded, size_t *out)
{
	static const char *const processors[] = {"rapl", "perf", "sim", NULL};
	static const char *const node[] = {"dcmi", "ipmi", "hwmon", "http", "sim", NULL};
	static const enum channel_role roles[SOURCES] = {ROLE_PACKAGE, ROLE_DRAM, ROLE_SYSTEM};
	const char *const *meters = source == SOURCE_SYSTEM ? node : processors;
	size_t n = 0;

	for (; *meters && n == 0; meters++)
		for (size_t i = 0; i < trace->n_channels; i++)
			if (of_meter(trace->channels[i].id, *meters) &&
			    channel_role(trace->channels[i].id) == roles[source] &&
			    !(excluded && excluded[i]))
				out[n++] = i;
	return n;
}

static double energy_of(const struct series *series, size_t from, size_t to)
{
	double sum = 0;

	for (size_t i = from; i < to; i++)
		sum += series->seconds[i].w;
	return sum;
}

/* Counts the full spans in which both are known, and those in which they are equal. */
static void compare_spans(const struct series *a, const struct series *b, size_t *known, size_t *equal)
{
	size_t n = a->n < b->n ? a->n : b->n;

	for (size_t i = 0; i + MIRROR_SPAN_S <= n; i += MIRROR_SPAN_S) {
		double first = energy_of(a, i, i + MIRROR_SPAN_S);
		double second = energy_of(b, i, i + MIRROR_SPAN_S);

		if (isnan(first) || isnan(second))
			continue;
		++*known;
		*equal += first > 0 && fabs(first - second) <= MIRROR_TOLERANCE * first;
	}
}

static void read_series(const struct trace *trace, const struct trace_visit *visit, size_t channel,
			struct series *out)
{
	size_t event = 0;

	series_init(out, &trace->channels[channel], 0);
	for (size_t r = visit->first_row; r < visit->end_row; r++) {
		const struct trace_row *row = &trace->rows[r];

		for (; event < trace->n_events && trace->events[event].row <= r; event++)
			if (trace->events[event].row > visit->first_row &&
			    trace->events[event].channel == (int)channel &&
			    trace->events[event].kind <= TRACE_INTERVAL_LOST)
				series_break(out);
		if (row->channel == channel)
			series_add(out, (double)(row->time_us - visit->began_us) * 1e-6, row->value);
	}
}

static bool mirrors(const struct trace *trace, size_t a, size_t b)
{
	size_t known = 0, equal = 0;

	for (size_t v = 0; v < trace->n_visits; v++) {
		const struct trace_visit *visit = &trace->visits[v];
		struct series first, second;

		if (visit->target_pct == 0 || visit->end_row == visit->first_row)
			continue;
		read_series(trace, visit, a, &first);
		read_series(trace, visit, b, &second);
		compare_spans(&first, &second, &known, &equal);
		series_free(&first);
		series_free(&second);
	}
	return known > 0 && (double)equal >= MIRROR_SPANS * (double)known;
}

void sources_find_mirrors(const struct trace *trace, bool *excluded)
{
	memset(excluded, 0, trace->n_channels * sizeof *excluded);
	for (size_t b = 0; b < trace->n_channels; b++)
		for (size_t a = 0; a < b && !excluded[b]; a++) {
			const char *first = trace->channels[a].id, *second = trace->channels[b].id;
			size_t meter = strcspn(first, "/") + 1;

			if (!excluded[a] && strncmp(first, second, meter) == 0 &&
			    channel_socket(first) >= 0 && channel_role(first) == channel_role(second) &&
			    channel_socket(first) == channel_socket(second))
				excluded[b] = mirrors(trace, a, b);
		}
}
