/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bmc_facts.h - what is known of a slow, coarse source of power, learnt (bmc.h)
 * or assumed, and the file that keeps it for later runs.
 */
#ifndef WATTSTEP_BMC_FACTS_H
#define WATTSTEP_BMC_FACTS_H

#include <stdbool.h>

#include <jansson.h>

#include "harness/base/error.h"

#define BMC_FACTS_FORMAT "wattstep/bmc-facts"
#define BMC_FACTS_SCHEMA "bmc-facts.schema.json"

/* What a source that has not been learnt is judged with: METHOD 2. Shift and guard are the same then. */
#define BMC_PERIOD_UNKNOWN_S 5.0
#define BMC_SHIFT_UNKNOWN_S 15.0
#define BMC_RESOLUTION_UNKNOWN_W 1.0 /* most BMCs round to whole watts */

/* One quantity of a BMC. */
struct bmc_fact {
	double value; /* as learnt, else what to judge with; NAN: unknown */
	double u;     /* standard uncertainty of value; NAN: not learnt */
	bool learnt;
};

struct bmc_facts {
	struct bmc_fact period_s;     /* from one update to the next; 5 s unless learnt */
	struct bmc_fact lag_s;        /* age of the middle of a reading's mean as it appears; 12.5 s */
	struct bmc_fact averaging_s;  /* length of that mean; unknown unless learnt */
	struct bmc_fact resolution_w; /* smallest step; 1 W unless learnt */
	struct bmc_fact reach_s;      /* age of the oldest power in a reading as it appears, at most (97.5 %);
				       * often known where lag and averaging cannot be told apart */
	bool stamp_marks; /* the time stamp changes with each update (it may be a clock, stand still, be 0) */
};

/* Nothing learnt. */
void bmc_facts_default(struct bmc_facts *facts);

/* By so much a curve of readings, each held until the next, is late behind the true power: lag and half a
 * period. For laying it over a fast source. */
double bmc_shift_s(const struct bmc_facts *facts);

/* A reading that is still shown this long after a change of load has nothing of the power before it: its
 * reach and a period. */
double bmc_guard_s(const struct bmc_facts *facts);

/* The facts of one source as in a facts file: what was not learnt is null. A new reference. */
json_t *bmc_facts_to_json(const struct bmc_facts *facts) __attribute__((warn_unused_result));

/* The other way round; what is null or missing is as if not learnt. object has the form of the schema's
 * facts. */
void bmc_facts_from_json(const json_t *object, struct bmc_facts *facts);

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
