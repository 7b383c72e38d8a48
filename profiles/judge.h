/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * judge.h - when a state is stable, and what its figures are.
 *
 * `run` advances a judge after every sampling pass to learn when a state may
 * end. The document is always made by judge_all from the whole trace, in `run`
 * as in `analyze`, so that both say the same to the last digit. What is
 * decided depends on the rows of the trace alone: no clock, no files.
 */
#ifndef WATTSTEP_JUDGE_H
#define WATTSTEP_JUDGE_H

#include <stdbool.h>
#include <stddef.h>

#include "profiles/estimate.h"
#include "profiles/sources.h"
#include "profiles/trace.h"
#include "profiles/verdict.h"

/* The figures of one channel or source in one visit. */
struct statistics {
	bool present; /* it has readings in the window */
	enum verdict verdict;
	enum reason reason;
	struct estimate estimate;
	double u95_w;
	double resolution_w; /* of a slow source; NAN: not known, or an energy counter */
	double length_s;     /* of the window */
	double u_cal_w;      /* what the calibration adds; 0 without one */
	bool slow;
};

/* What one visit showed. */
struct judgement {
	enum verdict verdict;
	enum reason reason;
	unsigned flags;                      /* enum flag */
	double began_s;                      /* since the run began */
	double window_start_s, window_end_s; /* since the run began; NAN: no window */
	double utilisation_pct; /* of the CPUs the state loads (of the whole machine in idle); NAN: not known
				 */
	double machine_pct, steal_pct; /* of the whole machine, mean over the window; NAN: not known */
	struct statistics sources[SOURCES];
	struct statistics
		*channels; /* trace->n_channels, in the trace's order; only power and energy are filled */
	size_t n_channels;
};

struct judge; /* opaque */

/* A judge for one visit. excluded (trace->n_channels flags, borrowed; NULL: none)
 * as sources_find_mirrors gives them. */
struct judge *judge_new(const struct trace *trace, size_t visit, const bool *excluded)
	__attribute__((warn_unused_result));
void judge_free(struct judge *judge); /* NULL is fine */

/* Takes in the rows that came since the last call. Returns whether the verdict has fallen. */
bool judge_advance(struct judge *judge);

/* The verdict, or what can be said so far. out->channels is the caller's: judgement_free. */
void judge_conclude(struct judge *judge, struct judgement *out);
void judgement_free(struct judgement *judgement);

/* What the verdict still waits for, for a progress line: source and reason of
 * the first that does not pass (REASON_NONE: the second pass in a row), and the
 * time of the visit at which it falls at the latest, s. */
struct judge_waiting {
	enum source source;
	enum reason reason;
	double most_s;
};
void judge_waits_for(const struct judge *judge, struct judge_waiting *out);

/*
 * Judges all visits of a trace, with what only the whole shows: zones that
 * repeat others, a BMC that did not move between states, the scatter over
 * rounds. Returns trace->n_visits judgements; the caller frees with
 * judge_all_free. excluded: trace->n_channels flags, filled.
 */
struct judgement *judge_all(const struct trace *trace, bool *excluded) __attribute__((warn_unused_result));
void judge_all_free(struct judgement *judgements, size_t n);

#endif
