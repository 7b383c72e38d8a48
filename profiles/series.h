/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * series.h - one channel's readings during one visit, as means over the
 * seconds of a grid that begins with the visit.
 *
 * Energy is a cumulative curve between the readings, so the mean over a second
 * is exact whenever the readings fall on its edges and interpolated where they
 * do not; a missing reading costs resolution, never energy. Power is held from
 * one reading to the next. No second that a lost interval touches gets a value.
 */
#ifndef WATTSTEP_SERIES_H
#define WATTSTEP_SERIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "profiles/trace.h"

/* A gap of so long restarts the window; a source that is silent for so long is lost. */
#define SERIES_LOST_S 30.0

/* A slow source that has failed to answer for so long is lost, too: the process that asks it gives it up then
 * (METHOD 2 and HARDWARE), and nobody waits for it any more. */
#define SERIES_SLOW_LOST_S 10.0

/* A gap of so long is flagged, and a power reading is not held for longer. */
#define SERIES_GAP_S 10.0

struct second {
	double w;          /* mean power (or %) of this second; NAN: not known */
	uint32_t expected; /* readings that belonged into it ... */
	uint32_t missing;  /* ... and those that did not come */
};

struct series {
	struct second *seconds; /* seconds[i] covers [i, i + 1) s of the visit */
	size_t n;
	double first_s, last_s; /* times of the first and last good reading, s of the visit; NAN: none */
	double failed_s;        /* time of the last failed read, s of the visit; NAN: none */
	double longest_gap_s;   /* between good readings, from the visit's beginning on */
	double longest_still_s; /* energy: for so long the counter did not move */
	double restart_s;       /* the window must not begin before this; 0 at first */
	double least, most;     /* power: extreme readings; NAN: none */
	unsigned losses;        /* lost intervals and gaps over SERIES_GAP_S */
	/* The rest is series.c's. */
	const struct trace_channel *channel;
	double lag_s;
	double anchor_s, anchor; /* the last point of the cumulative curve: s, J */
	double held_w;           /* power: the last good reading */
	double moved_s;          /* energy: when it last changed */
	double edge;             /* cumulative value at the beginning of second n */
	bool edge_known, broken;
	size_t room;
	uint32_t expected, missing; /* not yet given to a second */
};

/* An empty series. lag_s: the channel's readings belong to an earlier time by
 * so much (0 for all but slow sources). channel is borrowed and must outlive it. */
void series_init(struct series *series, const struct trace_channel *channel, double lag_s);
void series_free(struct series *series);

/* Whether nothing is to be expected of it at now_s of the visit: it has given no reading yet, has been silent
 * for SERIES_LOST_S, or failed. */
bool series_is_lost(const struct series *series, double now_s);

/* No difference may be taken between the reading before and the next one. */
void series_break(struct series *series);

/* The machine was suspended until time_s: a break, and the window restarts. */
void series_restart(struct series *series, double time_s);

/* Adds a reading in trace units, time_s seconds after the visit began. */
void series_add(struct series *series, double time_s, int64_t value);

/* How long a gap between two readings of this channel is flagged: SERIES_GAP_S, or more where it is sampled
 * more rarely than every 4 s. */
double series_gap_s(const struct series *series);

/* Share of the readings that are missing in seconds [from, to). */
double series_missing_share(const struct series *series, size_t from, size_t to);

#endif
