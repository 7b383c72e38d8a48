/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cross_check.h - the whole node's power beside that of its processors and
 * memory: what is left over in each state, and how both go together over the
 * states.
 */
#ifndef WATTSTEP_CROSS_CHECK_H
#define WATTSTEP_CROSS_CHECK_H

#include <stddef.h>

#include "profiles/judge.h"

/* system - cpu - dram in one state. */
struct residual {
	double w;     /* NAN: one of them has no figure */
	double u95_w; /* root of the sum of their u95 squared: they are measured by different sensors */
};

/* dram is left out where the node has no such source; where it has one without a figure, nothing is left
 * over that could be told. */
struct residual cross_check_residual(const struct judgement *judgement);

/* system = offset_w + slope (cpu + dram), least squares over the states. */
struct agreement {
	size_t n;                       /* states that have both */
	double slope, offset_w, rmse_w; /* NAN: fewer than 3 states, or they span under 10 W */
};

struct agreement cross_check_states(const struct judgement *judgements, size_t n);

/* What asking the BMC costs: cpu and dram in the first idle visit in which it was asked, less those in the
 * first in which it rested. judgements: one for each visit of the trace. */
struct residual cross_check_polling(const struct trace *trace, const struct judgement *judgements);

#endif
