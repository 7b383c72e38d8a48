/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * state.h - the definition of one load state: which stressors, how many, where.
 *
 * Definitions are JSON (state.schema.json), built in (workloads/states/) or the
 * user's own file. Here they are only data; placement.h says where on this node
 * they run, stressng.h how they are started.
 */
#ifndef WATTSTEP_STATE_H
#define WATTSTEP_STATE_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "harness/base/digest.h"
#include "harness/base/error.h"

enum placement {
	PLACEMENT_NONE,                /* nothing runs: idle */
	PLACEMENT_ONE_CORE,            /* the first hardware thread of the first core */
	PLACEMENT_ONE_THREAD_PER_CORE, /* the first hardware thread of every core */
	PLACEMENT_ALL_THREADS,         /* every hardware thread */
};

/* The names in JSON: "none", "one-core", "one-thread-per-core", "all-threads". */
const char *placement_name(enum placement placement);

/* The other way round. Returns -1 where there is none of that name. */
int placement_from_name(const char *name, enum placement *placement);

enum worker_count {
	WORKERS_FIXED,       /* the number in the definition */
	WORKERS_PER_CPU_SET, /* "placed": one for each hardware thread of the placement */
};

struct stressor_option {
	char *key;   /* as stress-ng names it, without the dashes: "cpu-method" */
	char *value; /* NULL: an option without a value */
};

struct stressor {
	char *name; /* as stress-ng names it: "cpu" */
	enum worker_count count;
	unsigned workers; /* WORKERS_FIXED: how many */
	struct stressor_option *options;
	size_t n_options;
};

struct state {
	char *name;        /* "all-cores": [a-z0-9-], starts with a letter */
	char *description; /* one line for people */
	struct stressor *stressors;
	size_t n_stressors; /* 0: idle */
	enum placement placement;
	/* What the CPUs it is placed on must show; 0 for idle: what the whole machine must show. */
	double utilisation_pct;
	bool bmc_rests; /* "poll_bmc": false; the management controller is not asked meanwhile */
	/* Of name, stressors, placement and expect: only equal ones are compared
	 * between nodes. The description is free to change. */
	char sha256[DIGEST_SIZE];
};

/* Makes a state of a definition; name is the file for messages, pointer the
 * JSON pointer of value in it ("" for a whole file, which then has to say its
 * format). Form and meaning are checked: ERROR_INPUT. The caller frees with state_free. */
struct state *state_from_json(const json_t *value, const char *name, const char *pointer, struct error *err)
	__attribute__((warn_unused_result));

/* The built-in state of that name, or the file of that path (it has a '/' or
 * ends in ".json"). An unknown name lists the known ones. ERROR_INPUT. */
struct state *state_load(const char *name_or_path, struct error *err) __attribute__((warn_unused_result));

/* The i-th built-in state, in the order in which people see them (by load: idle
 * first); NULL after the last. The caller frees. */
struct state *state_builtin(size_t i) __attribute__((warn_unused_result));

void state_free(struct state *state); /* NULL is fine */

#endif
