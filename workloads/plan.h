/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * plan.h - an ordered list of states with the measuring rules.
 *
 * Plans are JSON (plan.schema.json), built in (workloads/plans/) or the user's
 * own file. A plan names its rule; what the rule means stands in
 * profiles/rule.h.
 */
#ifndef WATTSTEP_PLAN_H
#define WATTSTEP_PLAN_H

#include "workloads/state.h"

struct plan {
	char *name;
	char *description;
	char *rule;            /* "quick", "standard", "thorough" */
	struct state **states; /* in the order of measuring; owned */
	size_t n_states;
	unsigned rounds;          /* the whole list is repeated so many times: 1 or more */
	char sha256[DIGEST_SIZE]; /* of rule, rounds and the definitions of its states */
};

/* The built-in plan of that name, the file of that path (it has a '/' or ends
 * in ".json"), or standard input ("-"). In a plan a state is a built-in name, a
 * path relative to the plan's file, or a definition; one name cannot stand for
 * two different loads. The caller frees with plan_free. ERROR_INPUT. */
struct plan *plan_load(const char *name_or_path, struct error *err) __attribute__((warn_unused_result));

/* Makes a plan of a document that was read from path ("-": standard input). The
 * caller frees with plan_free. ERROR_INPUT. */
struct plan *plan_from_json(const json_t *value, const char *path, struct error *err)
	__attribute__((warn_unused_result));

/* Replaces the plan's states by those named on the command line (each as for
 * state_load) and recomputes its hash. After an error the plan can only be freed. */
int plan_select(struct plan *plan, char *const *names, size_t n, struct error *err)
	__attribute__((warn_unused_result));

/* Puts idle-unpolled before the plan's first state without a load, and such a
 * state first where it has none, and recomputes the hash. As plan_select after an error. */
int plan_add_idle_unpolled(struct plan *plan, struct error *err) __attribute__((warn_unused_result));

void plan_free(struct plan *plan); /* NULL is fine */

#endif
