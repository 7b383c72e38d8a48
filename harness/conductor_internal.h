/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * conductor_internal.h - what the parts of the conductor share: conductor.c
 * steps through the plan, conductor_learn.c learns the slow sources before it.
 */
#ifndef WATTSTEP_CONDUCTOR_INTERNAL_H
#define WATTSTEP_CONDUCTOR_INTERNAL_H

#include "harness/conductor.h"
#include "harness/overhead.h"
#include "workloads/load.h"

/* One visit of a state in the making. */
struct step {
	const struct conductor *c;
	const struct state *state;
	unsigned position;
	unsigned *cpus;
	size_t n_cpus;
	char *temp_dir;
	struct load *load;
	json_t *workload;
	struct judge *judge;
	size_t visit;
	unsigned processes; /* of the load, when it had shown itself */
	unsigned fewer;     /* looks in a row that found fewer */
	mono_t watched;
	struct overhead before; /* the visit */
};

/* Releases what a step holds; its load must have been stopped. */
void step_free(struct step *step);

/* Starts the state's load on step->cpus; stress-ng ends by itself long after most_s. -1 with err. */
int step_start_load(struct step *step, double most_s, struct error *err);

/* Stops it, if there is one, and removes its folder. Returns result, or -1 with err where it was 0 and
 * something of the load is left. */
int step_stop_load(struct step *step, int result, struct error *err);

/* One sampling pass, and what is to be told and kept after it. -1 with err: the run cannot go on. */
int step_tick(struct step *step, struct error *err);

enum wake { WAKE_TICK, WAKE_SIGNAL };

/* Sleeps until the next tick or a signal. */
enum wake conductor_wait(const struct conductor *c);

/* Now, as times stand in the trace. */
int64_t conductor_now_us(const struct conductor *c);

/* Learns period, lag, averaging and step of each slow source through changes of load. Returns as
 * conductor_run. */
int conductor_learn(const struct conductor *c, struct error *err);

#endif
