/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * profile.h - the power-profile document: what a judged trace says in it,
 * and the checks on a document that its schema cannot express.
 */
#ifndef WATTSTEP_PROFILE_H
#define WATTSTEP_PROFILE_H

#include <jansson.h>

#include "harness/base/error.h"
#include "profiles/judge.h"
#include "profiles/trace.h"

#define PROFILE_FORMAT "wattstep/power-profile"
#define PROFILE_FORMAT_VERSION "1.0"
#define PROFILE_SCHEMA "power-profile.schema.json"

/* Judges the trace and makes the profile's "states" and "cross_check", as
 * members of an object. A new reference. */
json_t *profile_judged(const struct trace *trace) __attribute__((warn_unused_result));

/*
 * The exit status that DESIGN gives a run with these states: 0, 10 (unstable or
 * insufficient), 11 (invalid), 12 (a source was lost), 130 (interrupted).
 * Superseded states do not count.
 */
int profile_exit_status(const json_t *states, bool complete);

/* Holds a document against the schema and against what a schema cannot say:
 * windows inside their states, means inside their intervals, the balance of
 * mean, duration and energy within 0.1 %. name: the file, for messages. ERROR_INPUT. */
int profile_check(const json_t *document, const char *name, struct error *err);

#endif
