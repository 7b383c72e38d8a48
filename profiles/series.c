/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "profiles/series.h"

#include <math.h>
#include <stdlib.h>

#include "harness/base/text.h"

/* A sampling tick comes some microseconds before or after its second's edge: within 2 % of the sampling
 * interval the reading stands for the edge, by following the curve's last slope. */
#define EDGE_TOLERANCE 0.02

/* No BMC or sensor that reads 0 W or 65535 W and more has measured anything: HARDWARE, METHOD 5. */
#define LEAST_POWER_W 0.0
#define MOST_POWER_W 65535.0

void series_init(struct series *series, const struct trace_channel *channel, double lag_s)
{
	*series = (struct series){
		.channel = channel,
		.lag_s = lag_s,
		.first_s = NAN,
		.last_s = NAN,
		.failed_s = NAN,
		.least = NAN,
		.most = NAN,
	};
}

void series_free(struct series *series)
{
	free(series->seconds);
	series->seconds = NULL;
}

bool series_is_lost(const struct series *series, double now_s)
{
	double last_s = series->last_s + series->lag_s; /* as it came */

	return isnan(last_s) || now_s - last_s > SERIES_LOST_S ||
	       (series->channel->unit == UNIT_WATT && series->failed_s - last_s >= SERIES_SLOW_LOST_S);
}

void series_break(struct series *series)
{
	series->broken = true;
	series->losses++;
}

void series_restart(struct series *series, double time_s)
{
	series_break(series);
	series->restart_s = fmax(series->restart_s, time_s - series->lag_s);
}

double series_gap_s(const struct series *series)
{
	return fmax(SERIES_GAP_S, 2.5 * series->channel->interval_s);
}

static double tolerance_s(const struct series *series)
{
	return EDGE_TOLERANCE * fmin(series->channel->interval_s, 1);
}

static void push_second(struct series *series, double w)
{
	if (series->n == series->room) {
		series->room = series->room ? 2 * series->room : 64;
		series->seconds = xrealloc(series->seconds, series->room, sizeof *series->seconds);
	}
	series->seconds[series->n++] = (struct second){w, series->expected, series->missing};
	series->expected = series->missing = 0;
}

/* The curve starts anew at (time_s, value): what lies before is not known. */
static void anchor_at(struct series *series, double time_s, double value)
{
	while ((double)series->n + (series->edge_known ? 1 : 0) < time_s - tolerance_s(series)) {
		push_second(series, NAN);
		series->edge_known = false;
	}
	if (series->edge_known && fabs((double)series->n - time_s) > tolerance_s(series)) {
		push_second(series, NAN);
		series->edge_known = false;
	}
	if (fabs((double)series->n - time_s) <= tolerance_s(series)) {
		series->edge = value;
		series->edge_known = true;
	}
	series->anchor_s = time_s;
	series->anchor = value;
}

/* The curve goes on straight to (time_s, value); seconds whose both edges are known now get their mean. */
static void extend_to(struct series *series, double time_s, double value)
{
	double slope = (value - series->anchor) / (time_s - series->anchor_s);

	for (;;) {
		double next = (double)series->n + (series->edge_known ? 1 : 0);
		double at_next = series->anchor + slope * (next - series->anchor_s);

		if (next > time_s + tolerance_s(series))
			break;
		if (series->edge_known)
			push_second(series, series->channel->gain * (at_next - series->edge) +
						    series->channel->offset_w);
		series->edge = at_next;
		series->edge_known = true;
	}
	series->anchor_s = time_s;
	series->anchor = value;
}

static void count_readings(struct series *series, double gap_s)
{
	double steps = fmax(1, round(gap_s / series->channel->interval_s));

	series->expected += (uint32_t)steps;
	series->missing += (uint32_t)steps - 1;
	series->longest_gap_s = fmax(series->longest_gap_s, gap_s);
	if (gap_s > series_gap_s(series))
		series->losses++;
}

static void add_energy(struct series *series, double time_s, double joules)
{
	if (isnan(series->last_s) || series->broken) {
		anchor_at(series, time_s, joules);
		series->moved_s = time_s;
	} else {
		if (joules != series->anchor)
			series->moved_s = time_s;
		extend_to(series, time_s, joules);
	}
	series->longest_still_s = fmax(series->longest_still_s, time_s - series->moved_s);
}

static void add_power(struct series *series, double time_s, double watts, double gap_s)
{
	if (isnan(series->last_s) || series->broken || gap_s > series_gap_s(series))
		anchor_at(series, time_s, 0);
	else
		extend_to(series, time_s, series->anchor + series->held_w * (time_s - series->anchor_s));
	series->held_w = watts;
	series->least = fmin(series->least, watts);
	series->most = fmax(series->most, watts);
}

static void add_percent(struct series *series, double time_s, double percent)
{
	if (isnan(series->last_s))
		anchor_at(series, 0, 0);
	if (time_s > series->anchor_s)
		extend_to(series, time_s, series->anchor + percent * (time_s - series->anchor_s));
}

void series_add(struct series *series, double time_s, int64_t value)
{
	double at_s = time_s - series->lag_s;
	double gap_s = at_s - (isnan(series->last_s) ? -series->lag_s : series->last_s);

	if (value == TRACE_FAILED)
		series->failed_s = time_s;
	if (value == TRACE_FAILED || (!isnan(series->last_s) && gap_s <= 0))
		return;
	if (series->channel->unit == UNIT_WATT &&
	    ((double)value * 1e-3 <= LEAST_POWER_W || (double)value * 1e-3 >= MOST_POWER_W))
		return;
	count_readings(series, gap_s);
	if (gap_s > SERIES_LOST_S)
		series->restart_s = fmax(series->restart_s, at_s);
	switch (series->channel->unit) {
	case UNIT_JOULE:
		add_energy(series, at_s, (double)value * 1e-6);
		break;
	case UNIT_WATT:
		add_power(series, at_s, (double)value * 1e-3, gap_s);
		break;
	case UNIT_PERCENT:
		add_percent(series, at_s, (double)value * 1e-3);
		break;
	default: /* no power */
		break;
	}
	series->broken = false;
	if (isnan(series->first_s))
		series->first_s = at_s;
	series->last_s = at_s;
}

double series_missing_share(const struct series *series, size_t from, size_t to)
{
	double expected = 0, missing = 0;

	for (size_t i = from; i < to && i < series->n; i++) {
		expected += series->seconds[i].expected;
		missing += series->seconds[i].missing;
	}
	return expected > 0 ? missing / expected : 0;
}
