/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * judge_internal.h - what the parts of the judge share: judge.c takes in rows
 * and decides, judge_window.c finds the steady window, judge_conclude.c makes
 * the figures.
 */
#ifndef WATTSTEP_JUDGE_INTERNAL_H
#define WATTSTEP_JUDGE_INTERNAL_H

#include "profiles/judge.h"
#include "profiles/series.h"

struct judge {
	const struct trace *trace;
	const struct trace_visit *visit;
	size_t visit_index;
	const bool *excluded;
	struct series *series; /* one for each channel of the trace */
	size_t *members[SOURCES];
	size_t n_members[SOURCES];
	double floor_s;
	double least_window_s;      /* as of the last check: 10 updates, where a slow source is live */
	double period_s;            /* of the slow source; 0: there is none */
	double most_s, most_fast_s; /* t_max, and without a slow source */
	size_t row, event;
	double now_s; /* of the last row, since the visit began */
	double check_s;
	unsigned passes, fast_passes; /* in a row, of all live sources, and of the fast ones alone */
	bool decided, load_lost;
	/* As of the last check: */
	size_t from, to; /* window in seconds of the visit; from == to: none */
	enum verdict verdict;
	enum reason reason;
	enum source worst;
	bool present[SOURCES];
	enum reason source_reason[SOURCES];
};

/* Whether a source refreshes in its own time. */
bool source_is_slow(const struct judge *judge, enum source source);

/* Channels are live once all of them have given a reading, and until one of them is lost; a source is live if
 * its channels are. */
bool channels_are_live(const struct judge *judge, const size_t *channels, size_t n);
bool source_is_live(const struct judge *judge, enum source source);

/* No window of these channels begins before this, s of the visit: the floor, what a slow one's readings still
 * mix with the power before it, and where its series restarts. */
double channels_floor_s(const struct judge *judge, const size_t *channels, size_t n);
double source_floor_s(const struct judge *judge, enum source source);

/* Seconds of the visit that all channels of a source have reached. */
size_t source_seconds(const struct judge *judge, enum source source);

/* Whole seconds from one update of a channel to the next; 1 for a fast one. */
size_t period_seconds(const struct judge *judge, size_t channel);

/* Sets judge->from and judge->to to the window that all live sources share. False: there
 * is none of the least length yet; then it is the last half of what lies behind the floor. */
bool find_window(struct judge *judge);

/* REASON_NONE: the source is steady in the window. */
enum reason judge_source(const struct judge *judge, enum source source);

/* One check of the stopping rule (METHOD 3) with the rows taken in so far. */
void judge_check(struct judge *judge);

#endif
