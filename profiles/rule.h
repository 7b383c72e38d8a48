/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rule.h - how long a state is measured and what counts as stable: the numbers
 * behind "quick", "standard" and "thorough".
 */
#ifndef WATTSTEP_RULE_H
#define WATTSTEP_RULE_H

#include <stdbool.h>

struct rule {
	const char *name;
	bool floor_from_tau;    /* the floor is 2 tau where a load covers over a quarter of the cores */
	double least_floor_s;   /* no window begins earlier */
	double least_window_s;  /* W_min: no window is shorter */
	double most_s;          /* t_max: then the verdict falls */
	double precision;       /* greatest half-width of the 95 % interval, relative to the mean */
	double drift_horizon_s; /* the drift is judged over so long */
};

/* The rule of that name, or NULL. */
const struct rule *rule_find(const char *name);

/* The i-th rule; NULL after the last. */
const struct rule *rule_at(unsigned i);

/*
 * The floor of a state in seconds (METHOD 3, rule 1): the transient that is
 * known beforehand. tau_s: time window of the long-term power limit (NAN:
 * unknown, 28 s). share: part of the cores that the state loads, 0..1.
 */
double rule_floor_s(const struct rule *rule, double tau_s, double share);

/* The least window of a slow source of that period: its mean over fewer updates would hang on single ones. */
double rule_least_slow_window_s(double period_s);

/* t_max of a state with a slow source of that period whose readings hold nothing older than guard_s (0, 0
 * without one). */
double rule_most_s(const struct rule *rule, double floor_s, double period_s, double guard_s);

#endif
