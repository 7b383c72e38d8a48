/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "profiles/bmc_internal.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "harness/base/text.h"

/* METHOD 2. */
#define LEAST_DISTINCT 6

/* A step of over 1 W is only believed if it is less likely than this that the readings are multiples of a
 * greater number by chance: 2^-7 + 3^-7 + ... = 0.0083 with seven values that are independent of the first.
 */
#define LEAST_INDEPENDENT 7

/* Short of that the step is at most what so many values have in common, and no finer one may be counted on.
 * Real steps are up to 14 W (HARDWARE); more is chance. */
#define LEAST_TO_ASSUME 3
#define MOST_ASSUMED_MW 20000

/* Values as whole milliwatts, the digits of a trace. */
static int64_t milliwatts(double w)
{
	return llround(w * 1e3);
}

static int64_t common_divisor(int64_t a, int64_t b)
{
	while (b != 0) {
		int64_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

static bool seen(const int64_t *values, size_t n, int64_t value)
{
	for (size_t i = 0; i < n; i++)
		if (values[i] == value)
			return true;
	return false;
}

/* Beyond so many distinct values nothing new is learnt. */
#define MOST_DISTINCT 256

void bmc_learn_resolution(const struct bmc_polls *polls, struct bmc_fact *resolution)
{
	int64_t distinct[MOST_DISTINCT], divisor = 0, previous = 0, rise = 0;
	size_t n = 0, independent = 0;

	for (size_t i = 0; i < polls->n && n < MOST_DISTINCT; i++) {
		int64_t value;

		if (!bmc_answered(polls, i))
			continue;
		value = milliwatts(polls->watts[i]);
		if (n > 0 && value == previous)
			continue;
		if (!seen(distinct, n, value)) {
			/* A steady ramp shows v, v + d, v + 2d ... whatever the step: one piece of evidence.
			 */
			if (n > 0 && value - previous != rise)
				independent++;
			distinct[n++] = value;
			divisor = common_divisor(divisor, llabs(value - distinct[0]));
			rise = value - previous;
		}
		previous = value;
	}
	resolution->learnt = n >= LEAST_DISTINCT && (divisor <= 1000 || independent >= LEAST_INDEPENDENT);
	if (resolution->learnt) {
		resolution->value = (double)divisor * 1e-3;
		resolution->u = 0;
	} else if (n >= LEAST_TO_ASSUME && divisor > 1000 && divisor <= MOST_ASSUMED_MW) {
		resolution->value = (double)divisor * 1e-3;
	}
}
