/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * program.h - finds an installed program and asks it a question.
 */
#ifndef WATTSTEP_PROGRAM_H
#define WATTSTEP_PROGRAM_H

#include "harness/base/error.h"

/* The absolute path of an executable file: of path, or where that is NULL of
 * name in the folders of PATH. NULL: err says what is wrong with it; where no
 * folder of PATH has it, err stays unset, for the caller knows how to get it.
 * The caller frees. */
char *program_find(const char *path, const char *name, struct error *err) __attribute__((warn_unused_result));

/*
 * Runs `path option`, never through a shell, and returns what it wrote to both
 * its outputs. It has deadline_s seconds to write and end, and may write
 * PROGRAM_MOST_BYTES; then it and its process group are killed. NULL: err says
 * that it could not be started, did not end, wrote too much, or ended with
 * another status than 0. The caller frees.
 */
#define PROGRAM_MOST_BYTES (1u << 20) /* stress-ng 0.15.06 --help has 66 kB */
char *program_ask(const char *path, const char *option, double deadline_s, struct error *err)
	__attribute__((warn_unused_result));

#endif
