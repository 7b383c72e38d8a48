/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * stressng.h - the installed stress-ng: what it can do, and the arguments that
 * make it produce a state.
 */
#ifndef WATTSTEP_STRESSNG_H
#define WATTSTEP_STRESSNG_H

#include <stdbool.h>
#include <stddef.h>

#include "harness/base/error.h"
#include "harness/base/text.h"
#include "workloads/state.h"

struct stressng; /* opaque: path, version, option names */

/* Its figures, in the temp_dir of the command, when it has ended. */
#define STRESSNG_RESULT "stress-ng.yaml"

/* Asks `stress-ng --version` and `--help` once. path: --stress-ng PATH, or NULL
 * to search PATH. ERROR_FAILED where it is missing, does not answer, or is
 * older than what we know to work: the message says how to get it. */
struct stressng *stressng_open(const char *path, struct error *err) __attribute__((warn_unused_result));
void stressng_close(struct stressng *stressng); /* NULL is fine */

const char *stressng_path(const struct stressng *stressng);    /* the resolved path */
const char *stressng_version(const struct stressng *stressng); /* "0.15.06" */

/* Whether this version has all stressors and options of a state. If not,
 * reason (size bytes) says which one is missing: the state is `skipped`. */
bool stressng_can(const struct stressng *stressng, const struct state *state, char *reason, size_t size);

/* The command for a state placed on cpus[n]: words[0] is the path. timeout_s is
 * the last switch, should everything else fail to stop it; temp_dir takes its
 * temporary files and its YAML result. argv is empty for idle. */
void stressng_command(const struct stressng *stressng, const struct state *state, const unsigned *cpus,
		      size_t n, unsigned timeout_s, const char *temp_dir, struct strings *argv);

/* How many workers that command starts. */
unsigned stressng_workers(const struct state *state, size_t n_cpus);

#endif
