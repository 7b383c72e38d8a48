/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bmc_options.h - what the init string of bmc_dcmi.so says: NAME=VALUE words
 * between blanks.
 */
#ifndef WATTSTEP_BMC_OPTIONS_H
#define WATTSTEP_BMC_OPTIONS_H

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* When the time stamp of a reading moves. */
#define STAMP_UPDATE "update"   /* with each update: the time of it */
#define STAMP_REQUEST "request" /* with each request: the time of that */
#define STAMP_STILL "still"     /* never */

struct bmc_settings {
	double power_w, noise_pct, seed, tick_ms;
	double period_s, lag_s, mean_s, step_w, gain, offset_w, statistics_s;
	const char *rounding, *stamp, *averages;
	bool not_active, no_dcmi;
	const char *sensors;
	double sensor_step_w;
	const char *energy, *truth, *readings, *requests, *control;
	bool with_parent;
};

static struct bmc_settings bmc_settings = {
	.power_w = 200,
	.seed = 1,
	.tick_ms = 50,
	.period_s = 2,
	.step_w = 1,
	.gain = 1,
	.rounding = "round",
	.stamp = STAMP_UPDATE,
	.averages = "",
	.sensors = "",
	.sensor_step_w = 4,
};

/* A word takes a number, a text, or nothing, as the one pointer of its row says. */
static const struct bmc_row {
	const char *name;
	double *number;
	double least, most;
	const char **text;
	bool *flag;
	const char *help;
} bmc_rows[] = {
	{"power_w", &bmc_settings.power_w, 0, 1e5, NULL, NULL, "of a node without energy file (200)"},
	{"noise_pct", &bmc_settings.noise_pct, 0, 100, NULL, NULL, "sd of that power, AR(1) (0)"},
	{"seed", &bmc_settings.seed, 0, 1e14, NULL, NULL, "of the noise (1)"},
	{"tick_ms", &bmc_settings.tick_ms, 5, 1000, NULL, NULL, "how often the power is looked at (50)"},
	{"period_s", &bmc_settings.period_s, 0.05, 600, NULL, NULL, "between updates of the reading (2)"},
	{"lag_s", &bmc_settings.lag_s, 0, 600, NULL, NULL, "age of what an update shows (0)"},
	{"mean_s", &bmc_settings.mean_s, 0, 600, NULL, NULL, "it is the mean over that long (0)"},
	{"step_w", &bmc_settings.step_w, 1, 1000, NULL, NULL, "readings are multiples of it (1)"},
	{"gain", &bmc_settings.gain, 0, 100, NULL, NULL, "shown over true (1)"},
	{"offset_w", &bmc_settings.offset_w, -1e4, 1e4, NULL, NULL, "shown above true (0)"},
	{"statistics_s", &bmc_settings.statistics_s, 0, 1e9, NULL, NULL, "their period; 0: since boot (0)"},
	{"rounding", NULL, 0, 0, &bmc_settings.rounding, NULL, "round or truncate"},
	{"stamp", NULL, 0, 0, &bmc_settings.stamp, NULL, "moves with update, request or still"},
	{"averages", NULL, 0, 0, &bmc_settings.averages, NULL, "rolling ones: 5s,15s,1m,1h,1d"},
	{"not_active", NULL, 0, 0, NULL, &bmc_settings.not_active, "watts, but time stamp and period 0"},
	{"no_dcmi", NULL, 0, 0, NULL, &bmc_settings.no_dcmi, "0xC1 for all of it"},
	{"sensors", NULL, 0, 0, &bmc_settings.sensors, NULL, "shares of the power: 1 or 0.5,0.5"},
	{"sensor_step_w", &bmc_settings.sensor_step_w, 1, 511, NULL, NULL, "watts in a count of theirs (4)"},
	{"energy", NULL, 0, 0, &bmc_settings.energy, NULL, "file that always says: time_s energy_j"},
	{"truth", NULL, 0, 0, &bmc_settings.truth, NULL, "file for the true energy"},
	{"readings", NULL, 0, 0, &bmc_settings.readings, NULL, "file for the watts shown"},
	{"requests", NULL, 0, 0, &bmc_settings.requests, NULL, "file for what was asked and answered"},
	{"control", NULL, 0, 0, &bmc_settings.control, NULL, "socket for commands"},
	{"with_parent", NULL, 0, 0, NULL, &bmc_settings.with_parent, "end when the parent ends"},
};
#define N_BMC_ROWS (sizeof bmc_rows / sizeof bmc_rows[0])

static int bmc_usage(const char *problem, const char *what)
{
	fprintf(stderr, "bmc_dcmi: %s%s; the words are\n", problem, what);
	for (size_t i = 0; i < N_BMC_ROWS; i++)
		fprintf(stderr, "  %-16s %s\n", bmc_rows[i].name, bmc_rows[i].help);
	return EINVAL;
}

static int bmc_take_number(const struct bmc_row *row, const char *value)
{
	char *end;

	*row->number = strtod(value, &end);
	if (*value == '\0' || *end || !(*row->number >= row->least && *row->number <= row->most))
		return bmc_usage("not a number in its bounds: ", value);
	return 0;
}

static int bmc_take_value(const struct bmc_row *row, const char *value)
{
	if (row->flag) {
		*row->flag = true;
		return value ? bmc_usage("takes no value: ", row->name) : 0;
	}
	if (!value)
		return bmc_usage("needs a value: ", row->name);
	if (row->number)
		return bmc_take_number(row, value);
	*row->text = value;
	return 0;
}

static int bmc_take_word(char *word)
{
	char *value = strchr(word, '=');

	if (value)
		*value++ = '\0';
	for (size_t i = 0; i < N_BMC_ROWS; i++)
		if (strcmp(bmc_rows[i].name, word) == 0)
			return bmc_take_value(&bmc_rows[i], value);
	return bmc_usage("not understood: ", word);
}

static bool bmc_is_one_of(const char *value, const char *a, const char *b, const char *c)
{
	return strcmp(value, a) == 0 || strcmp(value, b) == 0 || strcmp(value, c) == 0;
}

/* 0, or EINVAL after a message. The settings point into init from now on. */
static int bmc_take_options(char *init)
{
	int problem = 0;
	char *word;

	while (!problem && (word = strsep(&init, " ")))
		problem = *word ? bmc_take_word(word) : 0;
	if (!problem && !bmc_is_one_of(bmc_settings.rounding, "round", "truncate", "round"))
		problem = bmc_usage("rounding is neither round nor truncate: ", bmc_settings.rounding);
	if (!problem && !bmc_is_one_of(bmc_settings.stamp, STAMP_UPDATE, STAMP_REQUEST, STAMP_STILL))
		problem = bmc_usage("stamp is not update, request or still: ", bmc_settings.stamp);
	return problem;
}

#endif
