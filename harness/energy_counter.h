/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * energy_counter.h - one wrapping energy counter made into energy that only grows.
 *
 * Pure arithmetic (METHOD.md, section 1): raw values and the times they were
 * read at come in, cumulative joules and what happened to the counter come
 * out. Each hardware counter needs one of its own: wraps are resolved per
 * counter, never on a sum.
 *
 * The rules, in the order in which they are applied to a new raw value:
 *
 *   1. The first value is where counting begins: 0 J.
 *   2. A gap longer than range / plausible power: the counter may have wrapped
 *      more than once, so the interval is lost, never guessed.
 *   3. A fall is a wrap (raw + range - last) if the power that this implies is
 *      plausible, else the counter was reset.
 *   4. A rise that implies more than the greater of the plausible power and
 *      ENERGY_COUNTER_RISE_W is not energy: the interval is lost.
 *
 * What a lost interval or a reset cost is not known and adds nothing; the
 * energy goes on from where it was, so that later differences are right.
 */
#ifndef WATTSTEP_ENERGY_COUNTER_H
#define WATTSTEP_ENERGY_COUNTER_H

#include <stdbool.h>
#include <stdint.h>

#include "harness/base/clock.h"
#include "harness/meter.h"

/* Watts up to which any rise is taken. A zone's published limits can lie below
 * what a board lets its processor draw (95 W published, over 200 W drawn is
 * common on desktops), and such a rise is real. METHOD.md's figure for a
 * socket that publishes nothing. */
#define ENERGY_COUNTER_RISE_W 1000.0

/* Seconds of plausible power that are granted on top of the interval. Counters
 * advance in steps of about 1 ms, and a read that was held up takes its value
 * some tens of ms away from the midpoint that it is dated with. */
#define ENERGY_COUNTER_SLACK_S 0.1

/* Owned by the user; set up by energy_counter_init, read through the functions. */
struct energy_counter {
	uint64_t range_uj; /* at this value the counter wraps; 0: unknown, then no fall is a wrap */
	double plausible_w;
	uint64_t raw_uj; /* the last raw value */
	mono_t at;       /* and its time */
	uint64_t energy_uj;
	bool begun;
};

/* plausible_w: more than this the source cannot draw. */
void energy_counter_init(struct energy_counter *counter, uint64_t range_uj, double plausible_w);

/* Takes a raw value read at that time. Says what happened since the last one;
 * with any event but EVENT_NONE the energy is unchanged. */
enum reading_event energy_counter_update(struct energy_counter *counter, uint64_t raw_uj, mono_t at);

/* Joules since the first value, without those of lost intervals. */
double energy_counter_j(const struct energy_counter *counter);

#endif
