/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bmc_logs.h - what a simulated BMC writes down for those who test with it: the
 * truth (time_s,energy_j,power_w), its readings (time_s,watts) and what it was
 * asked (time_s,command/parameter,answer).
 *
 * A BMC that is started again goes on in the same files. Rows are flushed one by
 * one, so that a killed BMC leaves whole rows. The caller locks.
 */
#ifndef WATTSTEP_BMC_LOGS_H
#define WATTSTEP_BMC_LOGS_H

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/rigs/bmc_faults.h"

struct logs {
	FILE *truth, *readings, *requests; /* NULL: not wanted */
	size_t samples;                    /* that are in the truth already */
};

/* Goes on behind the last row that an earlier BMC of this node has logged. */
static void logs_resume(struct logs *logs, struct power *power)
{
	FILE *earlier = bmc_settings.truth ? fopen(bmc_settings.truth, "re") : NULL;
	struct sample last = {0, 0};
	char line[128];
	double power_w = 0;
	bool found = false;

	while (earlier && fgets(line, sizeof line, earlier))
		found = sscanf(line, "%lf,%lf,%lf", &last.at_s, &last.energy_j, &power_w) == 3;
	if (found)
		power_resume(power, last, power_w);
	logs->samples = power->n;
	if (earlier)
		fclose(earlier);
}

/* 0, or errno after a message. */
static int log_open(FILE **out, const char *path, const char *head)
{
	if (!path)
		return 0;
	*out = fopen(path, "ae");
	if (!*out) {
		fprintf(stderr, "bmc_dcmi: %s: %s\n", path, strerror(errno));
		return errno;
	}
	if (ftell(*out) == 0)
		fprintf(*out, "%s\n", head);
	fflush(*out);
	return 0;
}

static int logs_open(struct logs *logs)
{
	int problem = log_open(&logs->truth, bmc_settings.truth, "time_s,energy_j,power_w");

	if (!problem)
		problem = log_open(&logs->readings, bmc_settings.readings, "time_s,watts");
	if (!problem)
		problem = log_open(&logs->requests, bmc_settings.requests, "time_s,command,answer");
	return problem;
}

/* All samples that are not yet in it. */
static void log_truth(struct logs *logs, const struct power *power)
{
	for (; logs->truth && logs->samples < power->n; logs->samples++) {
		size_t i = logs->samples, before = i > 0 ? i - 1 : i;
		double from_s = power->samples[before].at_s, to_s = power->samples[i].at_s;

		fprintf(logs->truth, "%.9f,%.7f,%.4f\n", to_s, power->samples[i].energy_j,
			to_s > from_s ? power_mean(power, from_s, to_s) : 0);
		fflush(logs->truth);
	}
}

static void log_reading(const struct logs *logs, const struct readings *readings)
{
	const struct shown *last = readings_last(readings);

	if (!logs->readings)
		return;
	fprintf(logs->readings, "%.9f,%u\n", last->at_s, last->watts);
	fflush(logs->readings);
}

static void log_request(const struct logs *logs, double now_s, const char *command, unsigned parameter,
			enum answer answer, unsigned code)
{
	char digits[8];

	if (!logs->requests)
		return;
	snprintf(digits, sizeof digits, "%02X", code);
	fprintf(logs->requests, "%.9f,%s/%u,%s\n", now_s, command, parameter,
		code != 0 && answer != ANSWER_NONE ? digits : answer_name(answer));
	fflush(logs->requests);
}

#endif
