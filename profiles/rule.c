/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "profiles/rule.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "harness/base/text.h"

/* W_min of 120 s is the least with which the equivalence test refuses a turbo plateau that ends after 100 s
 * and idle with a burst every 2 minutes. quick knows that it passes such; its shorter horizon lets flat noise
 * of 0.5 % pass within 90 s. */
static const struct rule rules[] = {
	{"quick", false, 10, 20, 90, 0.01, 60},
	{"standard", true, 10, 120, 600, 0.005, 300},
	{"thorough", true, 60, 240, 1200, 0.0025, 300},
};

/* Intel's default time window of PL1, taken where the kernel does not tell one. */
#define TYPICAL_TAU_S 28.0

/* Longer time windows than 60 s are set on some machines: waiting for twice that would cost more than it
 * gives. */
#define MOST_FLOOR_S 120.0

/* A slow source has its window once so many updates have come. */
#define SLOW_UPDATES 10.0

/* The truncation cuts batches of plain noise, too: none in 60 %, at most five (25 s) in 90 % of 4000
 * simulated windows of 12 to 20 batches, and every source's cut counts. With 10 s of slack three of four
 * quick states under load ended as `short` beside a BMC. */
#define SLOW_SLACK_S 35.0

const struct rule *rule_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		if (strcmp(rules[i].name, name) == 0)
			return &rules[i];
	return NULL;
}

const struct rule *rule_at(unsigned i)
{
	return i < ARRAY_SIZE(rules) ? &rules[i] : NULL;
}

double rule_floor_s(const struct rule *rule, double tau_s, double share)
{
	if (!(tau_s > 0))
		tau_s = TYPICAL_TAU_S;
	if (!rule->floor_from_tau || share <= 0.25)
		return rule->least_floor_s;
	return fmin(MOST_FLOOR_S, fmax(rule->least_floor_s, 2 * tau_s));
}

double rule_least_slow_window_s(double period_s)
{
	return SLOW_UPDATES * period_s;
}

double rule_most_s(const struct rule *rule, double floor_s, double period_s, double guard_s)
{
	return fmax(rule->most_s, floor_s + guard_s + SLOW_UPDATES * period_s + SLOW_SLACK_S);
}
