/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * definition.h - what reading states and reading plans have in common.
 */
#ifndef WATTSTEP_DEFINITION_H
#define WATTSTEP_DEFINITION_H

#include <stdbool.h>
#include <stddef.h>

#include "harness/base/error.h"

/* Whether a state or a plan is named by its file ('/' in it, or ".json" at its
 * end) and not by a built-in name. */
bool definition_is_path(const char *name_or_path);

/* "no WHAT is called "NAME"; known are: ..." as ERROR_INPUT. Returns -1. */
int definition_refuse_name(const char *what, const char *name, const char *const *known, size_t n,
			   struct error *err);

#endif
