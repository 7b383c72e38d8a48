/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * progress.h - what a run tells the person who waits for it, on standard error:
 * one line that is drawn again on a terminal, plain lines elsewhere, nothing
 * when quiet.
 */
#ifndef WATTSTEP_PROGRESS_H
#define WATTSTEP_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>

#include "harness/sampler.h"
#include "profiles/judge.h"

struct progress; /* opaque */

struct progress *progress_new(bool quiet, size_t n_states) __attribute__((warn_unused_result));
void progress_free(struct progress *progress); /* NULL is fine */

/* State k of n begins to be produced. left_s: time to the end of the run at the latest, from here. */
void progress_state(struct progress *progress, const char *name, double left_s);

/* A look at the state in progress; judge is NULL while its load starts. */
void progress_look(struct progress *progress, const struct sampler *sampler, const struct judge *judge);

/* The state is over. */
void progress_verdict(struct progress *progress, const struct judgement *judgement);

/* A line that stays, unless quiet. */
void progress_tell(struct progress *progress, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A line that stays, on the terminal too, and even when quiet: something the user has to know. */
void progress_say(struct progress *progress, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
