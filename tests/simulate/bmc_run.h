/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bmc_run.h - a whole run on a synthetic node whose BMC is learnt first: its
 * states through the real judge, and what came of the whole node's power.
 */
#ifndef WATTSTEP_TESTS_BMC_RUN_H
#define WATTSTEP_TESTS_BMC_RUN_H

#include <stdlib.h>
#include <string.h>

#include "harness/base/text.h"
#include "profiles/bmc.h"
#include "profiles/judge.h"
#include "profiles/rule.h"
#include "profiles/trace.h"
#include "tests/simulate/bmc.h"

#define TRUTH_STEP_S 0.05
#define RUN_MOST_S 4000
#define REST_W 60.0   /* all that is no processor */
#define SETTLES_S 3.0 /* fans and leakage follow the load */
#define NOISE 0.005   /* of the processors' power, standard deviation of a second */
#define BETWEEN_S 4   /* from one state to the next */

/* Processors' power, W: idle, one core, all cores, memory. */
static const double state_w[] = {80, 110, 240, 200};
static const char *const state_names[] = {"idle", "single-core", "all-cores", "memory"};
#define RUN_STATES 4

/* While the BMC is learnt, as the program does it: no load and load in turn, s. */
static const double learning_s[] = {
	12,  28,  7.3, 4.6,  8.5, 5.8, 3.3,  9.3, 3.3, 7.9, /* and, where that is not enough */
	6.1, 9.7, 4.3, 11.9, 7.1, 3.7, 13.3, 5.3, 8.9, 10.7, 9};
#define LEARNING_FIRST 10

struct bmc_run {
	gsl_rng *rng;
	struct simulated_bmc bmc;
	struct true_energy system;
	double cpu_w, level_w, noise, cpu_j;
	double now_s;
	struct trace *trace;
};

struct state_outcome {
	enum verdict verdict;
	enum reason reason;
	double mean_w, u95_w, truth_w, time_s;
};

/* Truth goes on to `to`, its target power being target_w; the counter with it. */
static inline void bmc_run_truth(struct bmc_run *run, double to_s, double target_w)
{
	double rho = pow(0.3, TRUTH_STEP_S); /* autocorrelation 0.3 from one second to the next */

	while ((double)(run->system.n - 1) * TRUTH_STEP_S < to_s - TRUTH_STEP_S / 2) {
		double system_w;

		run->noise = rho * run->noise + sqrt(1 - rho * rho) * gsl_ran_gaussian_ziggurat(run->rng, 1);
		run->level_w += (target_w - run->level_w) * TRUTH_STEP_S / SETTLES_S;
		run->cpu_w = run->level_w * (1 + NOISE * run->noise);
		system_w = run->cpu_w * 1.08 + REST_W;
		run->cpu_j += run->cpu_w * TRUTH_STEP_S;
		run->system.joules[run->system.n] =
			run->system.joules[run->system.n - 1] + system_w * TRUTH_STEP_S;
		run->system.n++;
	}
}

static inline void bmc_run_rows(struct bmc_run *run, double time_s, size_t visit, bool poll)
{
	int64_t time_us = llround(time_s * 1e6);
	double watts, stamp_s;

	trace_add_row(run->trace, time_us, 0, visit, trace_value(UNIT_JOULE, run->cpu_j));
	if (poll && simulated_bmc_poll(&run->bmc, &run->system, run->rng, time_s, &watts, &stamp_s))
		trace_add_row(run->trace, time_us, 1, visit, trace_value(UNIT_WATT, watts));
}

static inline struct bmc_run bmc_run_begin(const struct simulated_bmc *bmc, const struct rule *rule,
					   unsigned long seed)
{
	struct bmc_run run = {.bmc = *bmc, .level_w = state_w[0], .cpu_w = state_w[0]};

	run.rng = gsl_rng_alloc(gsl_rng_taus2);
	gsl_rng_set(run.rng, seed);
	run.bmc.phase_s = bmc->period_s * gsl_rng_uniform(run.rng);
	run.system.step_s = TRUTH_STEP_S;
	run.system.joules = xcalloc((size_t)(RUN_MOST_S / TRUTH_STEP_S), sizeof *run.system.joules);
	run.system.n = 1;
	run.trace = trace_new(rule);
	trace_add_channel(run.trace, "rapl/package-0", UNIT_JOULE);
	trace_add_channel(run.trace, "dcmi/system", UNIT_WATT)->interval_s = 1;
	bmc_run_truth(&run, 1, state_w[0]);
	simulated_bmc_begin(&run.bmc, &run.system);
	return run;
}

static inline void bmc_run_end(struct bmc_run *run)
{
	trace_free(run->trace);
	free(run->system.joules);
	gsl_rng_free(run->rng);
}

/* Four readings a second through steps of the load. */
static inline void bmc_run_learn(struct bmc_run *run)
{
	struct bmc_facts *facts = &run->trace->channels[1].facts;
	double until_s = 0;

	for (size_t i = 0; i < ARRAY_SIZE(learning_s); i++) {
		if (i == LEARNING_FIRST) {
			bmc_learn_from_trace(run->trace, 1, NULL, facts);
			if (facts->period_s.learnt)
				return;
		}
		for (until_s += learning_s[i]; run->now_s < until_s; run->now_s += 0.25) {
			bmc_run_truth(run, run->now_s, state_w[i % 2 ? 2 : 0]);
			bmc_run_rows(run, run->now_s, TRACE_OUTSIDE, true);
		}
	}
	bmc_learn_from_trace(run->trace, 1, NULL, facts);
}

static inline void bmc_run_state(struct bmc_run *run, size_t state)
{
	struct trace_visit *visit;
	struct judge *judge;
	double began_s = run->now_s += BETWEEN_S;

	bmc_run_truth(run, began_s, state_w[state]);
	visit = trace_add_visit(run->trace, state_names[state], llround(began_s * 1e6));
	visit->position = (unsigned)state;
	visit->target_pct = state ? 100 : 0;
	visit->tau_s = 5;
	visit->end = VISIT_DONE;
	judge = judge_new(run->trace, run->trace->n_visits - 1, NULL);
	do {
		bmc_run_truth(run, run->now_s, state_w[state]);
		bmc_run_rows(run, run->now_s, run->trace->n_visits - 1,
			     state || ((int)(run->now_s - began_s)) % 2 == 0);
		run->now_s++;
	} while (!judge_advance(judge) && run->now_s < RUN_MOST_S - 100);
	run->trace->visits[run->trace->n_visits - 1].ended_us = llround((run->now_s - 1) * 1e6);
	judge_free(judge);
}

/* What the document says of the states, out[RUN_STATES]. */
static inline void bmc_run_outcomes(struct bmc_run *run, struct state_outcome *out)
{
	bool excluded[2];
	struct judgement *all;

	bmc_refine(run->trace);
	all = judge_all(run->trace, excluded);
	for (size_t i = 0; i < run->trace->n_visits; i++) {
		double from_s = all[i].window_start_s, to_s = all[i].window_end_s;

		out[i] = (struct state_outcome){
			.verdict = all[i].verdict,
			.reason = all[i].reason,
			.mean_w = all[i].sources[SOURCE_SYSTEM].estimate.mean_w,
			.u95_w = all[i].sources[SOURCE_SYSTEM].u95_w,
			.truth_w =
				(true_energy_at(&run->system, to_s) - true_energy_at(&run->system, from_s)) /
				(to_s - from_s),
			.time_s = to_s - all[i].began_s,
		};
	}
	judge_all_free(all, run->trace->n_visits);
}

#endif
