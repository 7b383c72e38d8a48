/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * slow_facts.h - what a run knows of its slow sources before the states: from a
 * file, or that they have to be learnt; and the file for later runs.
 */
#ifndef WATTSTEP_SLOW_FACTS_H
#define WATTSTEP_SLOW_FACTS_H

#include "harness/base/error.h"
#include "profiles/trace.h"

/* The channel that stands for the whole node, where that is a slow source; NULL: there is none. */
struct trace_channel *slow_system(const struct trace *trace);

/*
 * Takes the facts of the slow source of the whole node out of the file at path;
 * *known says whether they are known now. path NULL, or a file that is missing:
 * they are not. ERROR_INPUT: the file is broken, or of another source.
 */
int slow_facts_take(struct trace *trace, const char *path, bool *known, struct error *err)
	__attribute__((warn_unused_result));

/* Writes what the whole run shows of it to path. Nothing is written where period or lag cannot be told:
 * returns 1 then. -1 with err. */
int slow_facts_keep(const struct trace *trace, const char *path, struct error *err)
	__attribute__((warn_unused_result));

#endif
