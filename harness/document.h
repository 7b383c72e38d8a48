/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * document.h - puts the profile of a run together: who measured what where, and
 * the judged states.
 */
#ifndef WATTSTEP_DOCUMENT_H
#define WATTSTEP_DOCUMENT_H

#include "harness/meter_set.h"
#include "harness/overhead.h"
#include "harness/sampler.h"
#include "workloads/plan.h"

/* What stays the same through a run. Strings and pointers are borrowed, the
 * references owned by the caller. */
struct document {
	char profile_id[40]; /* a random UUID */
	char started[CLOCK_RFC3339_SIZE];
	json_t *plan; /* the profile's "plan" */
	json_t *tags;
	json_t *node;
	json_t *warnings; /* a list of sentences; grows */
	const struct meter_set *meters;
	const struct sampler *sampler;
	const struct roots *roots;
	const struct trace *trace;
	unsigned threads;      /* of the running machine */
	struct overhead began; /* this program's cost before the first reading */
};

/* Fills profile_id and started. */
void document_begin(struct document *document);

/* The profile's "plan". A new reference. */
json_t *document_plan(const struct plan *plan) __attribute__((warn_unused_result));

/* The whole profile as things stand. judged, of profile_judged, is taken over. A new reference. */
json_t *document_make(const struct document *document, json_t *judged, bool complete)
	__attribute__((warn_unused_result));

#endif
