/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * learn.h - a node of changing load with a simulated BMC, polled as a run does
 * it, and what bmc_learn makes of it.
 */
#ifndef WATTSTEP_TESTS_LEARN_H
#define WATTSTEP_TESTS_LEARN_H

#include <stdlib.h>
#include <string.h>

#include "harness/base/text.h"
#include "profiles/bmc.h"
#include "tests/simulate/bmc.h"
#include "tests/simulate/noise.h"

#define TRUTH_STEP_S 0.05

/* A load from a time on, until the next: share of the power between idle and full. */
struct load_change {
	double time_s, share;
};

/* How the node is loaded, and how the BMC is polled. */
struct course {
	const char *name;
	double poll_s, fast_s; /* intervals of BMC and fast source */
	double length_s;
	struct load_change changes[24]; /* {0, 0} behind the last */
};

static const struct course courses[] = {
	/* METHOD 2's. */
	{"step", 0.25, 0.25, 90, {{20, 1}}},
	/* A step with a hold, and then changes of load whose distances have no common measure. */
	{"pattern",
	 0.25,
	 0.25,
	 90,
	 {{12, 1}, {40, 0}, {47.3, 1}, {51.9, 0}, {60.4, 1}, {66.2, 0}, {69.5, 1}, {78.8, 0}, {82.1, 1}}},
	/* `quick`: idle, single-core, all-cores, memory. */
	{"quick", 1, 1, 240, {{60.3, 0.2}, {121.1, 1}, {180.7, 0.6}}},
	{"standard",
	 1,
	 1,
	 1500,
	 {{181, 1},
	  {362, 0},
	  {420, 0.2},
	  {601, 0},
	  {640, 0.5},
	  {821, 0},
	  {850, 0.7},
	  {1031, 0},
	  {1060, 0.9},
	  {1241, 0},
	  {1270, 0.3}}},
};

struct learn_case {
	const struct course *course;
	double idle_w, swing_w; /* of processors and memory; the node adds losses and 60 W of its own */
	double fast_step_j;
	struct simulated_bmc bmc;
	unsigned long seed;
};

struct learn_data {
	struct true_energy fast_truth, node_truth;
	double *poll_time_s, *poll_w, *poll_stamp_s, *fast_time_s, *fast_j;
	struct bmc_polls polls;
	struct bmc_fast fast;
};

static inline double load_at(const struct course *course, double time_s)
{
	double share = 0;

	for (const struct load_change *c = course->changes; c->time_s > 0 && c->time_s <= time_s; c++)
		share = c->share;
	return share;
}

static inline void learn_truth(const struct learn_case *c, struct learn_data *data, gsl_rng *rng)
{
	/* METHOD's 0.5 %, rho 0.3 from one second to the next, as a process that goes on within the second.
	 */
	const struct noise relative = {.sd_w = 0.006, .rho = pow(0.3, TRUTH_STEP_S)},
			   rest = {.sd_w = 0.3, .rho = pow(0.3, TRUTH_STEP_S)};
	size_t n = (size_t)(c->course->length_s / TRUTH_STEP_S) + 2;
	struct noise_state fast_noise, rest_noise;

	data->fast_truth = (struct true_energy){TRUTH_STEP_S, n, xcalloc(n, sizeof(double))};
	data->node_truth = (struct true_energy){TRUTH_STEP_S, n, xcalloc(n, sizeof(double))};
	noise_begin(&fast_noise, rng);
	noise_begin(&rest_noise, rng);
	for (size_t i = 1; i < n; i++) {
		double steady_w = c->idle_w + c->swing_w * load_at(c->course, (double)(i - 1) * TRUTH_STEP_S);
		double w = steady_w * (1 + noise_next(&fast_noise, &relative));

		data->fast_truth.joules[i] = data->fast_truth.joules[i - 1] + w * TRUTH_STEP_S;
		data->node_truth.joules[i] = data->node_truth.joules[i - 1] +
					     (1.08 * w + 60 + noise_next(&rest_noise, &rest)) * TRUTH_STEP_S;
	}
}

static inline void learn_data_make(struct learn_case *c, struct learn_data *data)
{
	gsl_rng *rng = gsl_rng_alloc(gsl_rng_taus2);
	size_t polls = (size_t)(c->course->length_s / c->course->poll_s);
	size_t fast = (size_t)(c->course->length_s / c->course->fast_s);

	gsl_rng_set(rng, c->seed);
	learn_truth(c, data, rng);
	data->poll_time_s = xcalloc(3 * polls, sizeof(double));
	data->poll_w = data->poll_time_s + polls;
	data->poll_stamp_s = data->poll_w + polls;
	data->fast_time_s = xcalloc(2 * fast, sizeof(double));
	data->fast_j = data->fast_time_s + fast;
	simulated_bmc_begin(&c->bmc, &data->node_truth);
	for (size_t i = 0; i < polls; i++) {
		/* An answer takes some ms, now and then more. */
		data->poll_time_s[i] = (double)i * c->course->poll_s + gsl_ran_exponential(rng, 0.005);
		simulated_bmc_poll(&c->bmc, &data->node_truth, rng, data->poll_time_s[i], &data->poll_w[i],
				   &data->poll_stamp_s[i]);
	}
	for (size_t i = 0; i < fast; i++) {
		data->fast_time_s[i] = (double)i * c->course->fast_s + 0.0005 * gsl_rng_uniform(rng);
		data->fast_j[i] = true_energy_at(&data->fast_truth, data->fast_time_s[i]);
	}
	data->polls = (struct bmc_polls){data->poll_time_s, data->poll_w, data->poll_stamp_s, polls};
	data->fast = (struct bmc_fast){data->fast_time_s, data->fast_j, fast};
	gsl_rng_free(rng);
}

static inline void learn_data_free(struct learn_data *data)
{
	free(data->poll_time_s);
	free(data->fast_time_s);
	free(data->fast_truth.joules);
	free(data->node_truth.joules);
}

static inline void learn_one(struct learn_case *c, struct bmc_facts *facts)
{
	struct learn_data data;

	learn_data_make(c, &data);
	bmc_learn(&data.polls, &data.fast, facts);
	learn_data_free(&data);
}

#endif
