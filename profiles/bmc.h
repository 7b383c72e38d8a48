/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bmc.h - what can be learnt of a slow, coarse source of power (a BMC) from its
 * own readings and from a fast source beside it.
 *
 * The model: every period_s the BMC takes a new reading, the mean power over
 * averaging_s seconds whose middle lies lag_s seconds back, in steps of
 * resolution_w, and shows it until the next. What the readings cannot tell is
 * not learnt and says so; then the value is METHOD 2's default.
 *
 * Arrays in, facts out: no clock, no files but for facts files (bmc_facts.c).
 */
#ifndef WATTSTEP_BMC_H
#define WATTSTEP_BMC_H

#include <stdbool.h>
#include <stddef.h>

#include "profiles/bmc_facts.h"
#include "profiles/trace.h"

/* Readings of the slow source in the order of time. */
struct bmc_polls {
	const double *time_s;
	const double *watts;   /* NAN: no answer */
	const double *stamp_s; /* the BMC's own time stamps; NULL: it has none */
	size_t n;
};

/* Cumulative energy of a fast source. A NAN between two readings: no difference may be taken across it. */
struct bmc_fast {
	const double *time_s, *joules;
	size_t n; /* 0: there is none; lag, averaging and reach are then not learnt */
};

/* Learns what the readings tell. One step of the load, polled at 4 Hz for 90 s, teaches the period of a BMC
 * of 2-s updates in three of four cases. A step that is held for 30 s, and then changes of load whose
 * distances have no common measure (7.3, 4.6, 8.5, 5.8, 3.3 s ...) teach it in all, and of 5 s too; 10 s need
 * 3 minutes. */
void bmc_learn(const struct bmc_polls *polls, const struct bmc_fast *fast, struct bmc_facts *facts);

/* The same from the rows of a power channel of a trace, within and outside
 * states, with its meter's time stamps where there are some, and beside it the
 * sum of processors and memory. excluded: trace->n_channels flags of channels
 * that repeat others; NULL: none. */
void bmc_learn_from_trace(const struct trace *trace, size_t channel, const bool *excluded,
			  struct bmc_facts *facts);

/*
 * Marks one poll for each update: is_update[polls->n] is set where value or
 * time stamp are new, and every period_s where neither changes for longer (an
 * update that shows the same watts again). Returns how many.
 */
size_t bmc_updates(const struct bmc_polls *polls, const struct bmc_facts *facts, bool *is_update);

/* Learns the step of each slow source anew from all readings there are by now, the states' too, unless its
 * meter states it. Everything else that is known of them stays. */
void bmc_refine(struct trace *trace);

#endif
