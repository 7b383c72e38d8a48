/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bmc_internal.h - what the parts of learning a BMC share: bmc.c puts them
 * together, bmc_period.c finds the updates, bmc_lag.c holds them against the
 * fast source, bmc_resolution.c finds the step.
 */
#ifndef WATTSTEP_BMC_INTERNAL_H
#define WATTSTEP_BMC_INTERNAL_H

#include "profiles/bmc.h"

/* An update took place after one poll and not later than the next. */
struct bmc_change {
	double after_s, until_s;
	size_t poll; /* the first that shows it */
};

/* A reading at the moment it appeared. */
struct bmc_reading {
	double time_s, watts;
};

/* Polls that answered. */
bool bmc_answered(const struct bmc_polls *polls, size_t i);

/* Whether the time stamps mark updates, rather than being a clock, a constant or 0. */
bool bmc_stamp_marks(const struct bmc_polls *polls);

/* The changes of (value, time stamp), out[polls->n]. Returns how many. */
size_t bmc_changes(const struct bmc_polls *polls, bool stamp_marks, struct bmc_change *out);

/* Median time between two answers, s; NAN: fewer than two. */
double bmc_poll_interval_s(const struct bmc_polls *polls);

/* Sets period if the changes show one; at_s[n] becomes the most likely moment of each. Returns the standard
 * uncertainty that these moments have in common, s; NAN: no period. */
double bmc_learn_period(const struct bmc_change *changes, size_t n, double poll_s, struct bmc_fact *period,
			double *at_s);

void bmc_learn_resolution(const struct bmc_polls *polls, struct bmc_fact *resolution);

/* Sets lag, averaging and reach where the readings show them. u_time_s: standard uncertainty of the readings'
 * moments. */
void bmc_learn_lag(const struct bmc_reading *readings, size_t n, double u_time_s, const struct bmc_fast *fast,
		   struct bmc_facts *facts);

#endif
