/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * health.h - whether sources and load were what they claim to be: flags, and
 * what makes a state invalid whatever its power says (METHOD 5).
 */
#ifndef WATTSTEP_HEALTH_H
#define WATTSTEP_HEALTH_H

#include "profiles/judge.h"
#include "profiles/series.h"

struct health_facts {
	const struct trace *trace;
	const struct trace_visit *visit;
	const struct series *series; /* one for each channel of the trace */
	const bool *excluded;        /* NULL: none */
	size_t from, to;             /* the window, seconds of the visit */
	double now_s;                /* time of the last row that was judged, s of the visit */
	bool load_lost;              /* a worker or all of the load is gone */
};

/* Adds flags to a visit's judgement *out, and makes it and its sources invalid where they are. */
void health_judge(const struct health_facts *facts, struct judgement *out);

/* What only shows across visits: a BMC that did not move (dcmi_stuck), and the
 * scatter over rounds, which goes into u95. all: trace->n_visits judgements. */
void health_across_visits(const struct trace *trace, struct judgement *all);

#endif
