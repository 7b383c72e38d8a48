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

#include <jansson.h>

#include "harness/base/error.h"
#include "profiles/trace.h"

#define BMC_FACTS_FORMAT "wattstep/bmc-facts"
#define BMC_FACTS_SCHEMA "bmc-facts.schema.json"

/* One quantity of a BMC. */
struct bmc_fact {
	double value; /* as learnt, else what to judge with; NAN: unknown */
	double u;     /* standard uncertainty of value; NAN: not learnt */
	bool learnt;
};

struct bmc_facts {
	struct bmc_fact period_s;     /* from one update to the next; 5 s unless learnt */
	struct bmc_fact lag_s;        /* age of the middle of a reading's mean as it appears; 15 s */
	struct bmc_fact averaging_s;  /* length of that mean; unknown unless learnt */
	struct bmc_fact resolution_w; /* smallest step; 1 W unless learnt */
	struct bmc_fact reach_s;      /* age of the oldest power in a reading as it appears, at most (97.5 %);
				       * often known where lag and averaging cannot be told apart */
	bool stamp_marks; /* the time stamp changes with each update (it may be a clock, stand still, be 0) */
};

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

/* Nothing learnt. */
void bmc_facts_default(struct bmc_facts *facts);

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

/* By so much a curve of readings, each held until the next, is late behind the true power: lag and half a
 * period. For laying it over a fast source. */
double bmc_shift_s(const struct bmc_facts *facts);

/* A reading that is still shown this long after a change of load has nothing of the power before it: its
 * reach and a period. */
double bmc_guard_s(const struct bmc_facts *facts);

/* The facts of one BMC as they stand in a facts file: what was not learnt is null. A new reference. */
json_t *bmc_facts_to_json(const struct bmc_facts *facts) __attribute__((warn_unused_result));

/* A facts file from channels {"dcmi/system": bmc_facts_to_json(...)}; steals channels. A new reference. */
json_t *bmc_facts_document(json_t *channels) __attribute__((warn_unused_result));

/* Checks a facts document; name is what messages call it. */
int bmc_facts_check(const json_t *document, const char *name, struct error *err);

/* Takes the facts of a channel out of a document. One that is not in it sets err, ERROR_INPUT. */
int bmc_facts_from_document(const json_t *document, const char *channel, const char *name,
			    struct bmc_facts *facts, struct error *err);

/* The same from a file, as --bmc-facts names it. */
int bmc_facts_read(const char *path, const char *channel, struct bmc_facts *facts, struct error *err);

#endif
