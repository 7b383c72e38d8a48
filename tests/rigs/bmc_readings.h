/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bmc_readings.h - what a simulated BMC makes of its node's power: a reading
 * now and then, late, averaged and coarse, and the statistics over them.
 *
 * Every period_s the BMC takes the mean over mean_s that ended lag_s ago, times
 * gain plus offset, in whole steps. Times are seconds of CLOCK_MONOTONIC and
 * are passed in; the caller locks.
 */
#ifndef WATTSTEP_BMC_READINGS_H
#define WATTSTEP_BMC_READINGS_H

#include "tests/rigs/bmc_options.h"
#include "tests/rigs/bmc_power.h"

#define MOST_WATTS 65535.0 /* the field has 16 bits */

struct shown {
	double at_s;
	unsigned watts;
};

struct readings {
	const struct power *power;
	struct shown *list; /* all since boot, in the order of time; one at least once it is in use */
	size_t n, room;
	double boot_s; /* the BMC's, not the node's */
	bool stuck;    /* no more updates */
	double factor; /* fault: of the power that is seen, 0.5 where one of two supplies is not; else 1 */
};

struct statistics {
	unsigned current, least, most, average;
	double period_s;
};

#define MOST_AVERAGES 16 /* ipmi_sim has room for 36 bytes of an answer */

/* The rolling averages that the BMC offers. */
struct averages {
	struct {
		unsigned char code; /* DCMI's: two bits for s, min, h, d, six for how many */
		double period_s;
	} list[MOST_AVERAGES];
	size_t n;
};

/* Of "5s,15s,1m,1h,1d". 0 or EINVAL. */
static int averages_parse(struct averages *averages, const char *text)
{
	static const char units[] = "smhd";
	static const double unit_s[] = {1, 60, 3600, 86400};

	while (*text) {
		char *end;
		unsigned long number = strtoul(text, &end, 10);
		const char *unit = *end ? strchr(units, *end) : NULL;

		if (number < 1 || number > 63 || !unit || (end[1] != ',' && end[1] != '\0') ||
		    averages->n == MOST_AVERAGES)
			return EINVAL;
		averages->list[averages->n].code = (unsigned char)((unsigned)(unit - units) << 6 | number);
		averages->list[averages->n++].period_s = (double)number * unit_s[unit - units];
		text = end + (end[1] == ',' ? 2 : 1);
	}
	return 0;
}

#define MOST_SENSORS 16

/* The power sensors that the BMC offers beside or instead of DCMI: their shares of the power. */
struct shares {
	double list[MOST_SENSORS];
	size_t n;
};

/* Of "1" or "0.5,0.5". 0 or EINVAL. */
static int shares_parse(struct shares *shares, const char *text)
{
	while (*text) {
		char *end;
		double share = strtod(text, &end);

		if (end == text || (*end != ',' && *end != '\0') || !(share >= 0) ||
		    shares->n == MOST_SENSORS)
			return EINVAL;
		shares->list[shares->n++] = share;
		text = end + (*end == ',');
	}
	return 0;
}

static unsigned in_steps(double power_w)
{
	double steps = fmax(power_w * bmc_settings.gain + bmc_settings.offset_w, 0) / bmc_settings.step_w;

	steps = strcmp(bmc_settings.rounding, "truncate") == 0 ? floor(steps) : round(steps);
	return (unsigned)fmin(steps * bmc_settings.step_w, MOST_WATTS);
}

/* The power as the BMC knows it at at_s, over span_s; an instant is one tick. */
static double seen_power(const struct readings *readings, double at_s, double span_s)
{
	double end_s = at_s - bmc_settings.lag_s;

	span_s = fmax(span_s, bmc_settings.tick_ms / 1000);
	return readings->factor * power_mean(readings->power, end_s - span_s, end_s);
}

/* Makes the update that is due at at_s. */
static void readings_update(struct readings *readings, double at_s)
{
	if (readings->n == readings->room) {
		readings->room = readings->room ? 2 * readings->room : 1024;
		readings->list = realloc(readings->list, readings->room * sizeof *readings->list);
		if (!readings->list)
			abort();
	}
	readings->list[readings->n++] =
		(struct shown){at_s, in_steps(seen_power(readings, at_s, bmc_settings.mean_s))};
}

/* The BMC boots: its first reading. */
static void readings_begin(struct readings *readings, const struct power *power, double now_s)
{
	readings->power = power;
	readings->boot_s = now_s;
	readings->factor = 1;
	readings_update(readings, now_s);
}

/* Makes the update that is due until now_s. True if one was; where several were missed, one is made. */
static bool readings_go_on(struct readings *readings, double now_s)
{
	double since_s = now_s - readings->boot_s;
	double due_s = readings->boot_s + floor(since_s / bmc_settings.period_s) * bmc_settings.period_s;

	if (readings->stuck || due_s <= readings->list[readings->n - 1].at_s)
		return false;
	readings_update(readings, due_s);
	return true;
}

static const struct shown *readings_last(const struct readings *readings)
{
	return &readings->list[readings->n - 1];
}

/* Until the last update, over period_s, or since boot where that is 0 or longer than the BMC is up. */
static struct statistics readings_statistics(const struct readings *readings, double now_s, double period_s)
{
	const struct shown *last = readings_last(readings);
	double up_s = last->at_s - readings->boot_s;
	double span_s = period_s > 0 ? fmin(period_s, up_s) : up_s;
	struct statistics out = {.current = last->watts, .least = last->watts, .most = last->watts};

	for (size_t i = readings->n; i-- > 0 && readings->list[i].at_s >= last->at_s - span_s;) {
		if (readings->list[i].watts < out.least)
			out.least = readings->list[i].watts;
		if (readings->list[i].watts > out.most)
			out.most = readings->list[i].watts;
	}
	out.average = in_steps(seen_power(readings, last->at_s, fmax(span_s, bmc_settings.mean_s)));
	out.period_s = period_s > 0 ? period_s : now_s - readings->boot_s;
	return out;
}

#endif
