/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * conductor.h - the run: state by state, load and sampler and judge together.
 */
#ifndef WATTSTEP_CONDUCTOR_H
#define WATTSTEP_CONDUCTOR_H

#include "harness/progress.h"
#include "harness/sampler.h"
#include "profiles/trace.h"
#include "workloads/plan.h"
#include "workloads/stressng.h"
#include "workloads/topology.h"

/* All borrowed. */
struct conductor {
	const struct plan *plan;
	const struct topology *topology;
	const struct stressng *stressng; /* NULL where the plan has idle alone */
	const struct roots *roots;
	const struct meter_set *meters;
	struct sampler *sampler;
	struct trace *trace;
	struct progress *progress;
	int signal_fd;
	/* The load through which slow sources are learnt before the states; NULL: they are not. */
	const struct state *learning_load;
	/* After every sampling pass (visit_over false) and every visit (true):
	 * keep what there is. -1 ends the run. */
	int (*keep)(void *context, bool visit_over, struct error *err);
	/* Something went wrong that the user has to know; the run goes on. */
	void (*warn)(void *context, const char *text);
	void *context;
};

/*
 * Steps through the plan. Returns 0 when all of it was done, 1 when a signal
 * ended it (the visit in progress is then in the trace as interrupted), -1 with
 * err when it could not go on. The load is stopped on every way out.
 */
int conductor_run(const struct conductor *conductor, struct error *err);

/* The profile's "workload" for a state on this node. temp_dir as for
 * stressng_command; argv receives the command. A new reference. */
json_t *conductor_workload(const struct stressng *stressng, const struct state *state, const unsigned *cpus,
			   size_t n, unsigned timeout_s, const char *temp_dir, struct strings *argv)
	__attribute__((warn_unused_result));

#endif
