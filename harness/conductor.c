/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "harness/conductor_internal.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "harness/base/json.h"
#include "harness/base/text.h"
#include "harness/overhead.h"
#include "harness/signals.h"
#include "harness/throttle.h"
#include "workloads/load.h"

/* A load has shown itself when its CPUs are this close to their target; some need seconds to fill their
 * memory. */
#define SHOWN_WITHIN_PCT 5.0
#define SHOWN_AT_LATEST_S 30.0

/* By the clock, should no readings come that the judge could go by. */
#define GRACE_S 15.0

/* Beyond t_max, stress-ng's own --timeout is the last switch. */
#define SWITCH_OFF_S 300

#define WATCH_EVERY_S 1.0

json_t *conductor_workload(const struct stressng *stressng, const struct state *state, const unsigned *cpus,
			   size_t n, unsigned timeout_s, const char *temp_dir, struct strings *argv)
{
	json_t *words = json_array();
	char *list;

	if (state->n_stressors)
		stressng_command(stressng, state, cpus, n, timeout_s, temp_dir, argv);
	for (size_t i = 0; i < argv->n; i++)
		json_array_append_new(words, json_string(argv->items[i]));
	list = n ? cpu_list_text(cpus, n) : NULL;
	json_t *workload =
		json_pack("{s:o, s:s, s:s?, s:s?, s:i}", "argv", words, "sha256", state->sha256, "stress_ng",
			  state->n_stressors ? stressng_version(stressng) : NULL, "cpus", list, "workers",
			  state->n_stressors ? (int)stressng_workers(state, n) : 0);

	free(list);
	return workload;
}

enum wake conductor_wait(const struct conductor *c)
{
	struct pollfd on = {.fd = c->signal_fd, .events = POLLIN};

	for (;;) {
		int64_t left_ns = sampler_due(c->sampler).ns - mono_now().ns;
		struct timespec left = {left_ns / 1000000000, left_ns % 1000000000};

		if (signals_take(c->signal_fd))
			return WAKE_SIGNAL;
		if (left_ns <= 0)
			return WAKE_TICK;
		ppoll(&on, 1, &left, NULL);
	}
}

int64_t conductor_now_us(const struct conductor *c)
{
	return (mono_now().ns - sampler_origin(c->sampler).ns) / 1000;
}

/* The longest time window of the packages' long-term limits; NAN: none is known. */
static double longest_tau_s(const struct meter_set *meters)
{
	double tau_s = NAN;

	for (size_t i = 0; i < meters->n_slots; i++)
		for (size_t c = 0; meters->slots[i].meter && c < meters->slots[i].meter->n_channels; c++)
			tau_s = fmax(tau_s, meters->slots[i].meter->channels[c].time_window_s);
	return tau_s;
}

static double share_of_cores(const struct step *s)
{
	return (double)topology_cores_of(s->c->topology, s->cpus, s->n_cpus) / topology_cores(s->c->topology);
}

static void watch_load(struct step *s)
{
	struct load_status status;

	if (!s->load || mono_between_s(s->watched, mono_now()) < WATCH_EVERY_S)
		return;
	s->watched = mono_now();
	load_watch(s->load, &status);
	s->fewer = status.n_processes < s->processes ? s->fewer + 1 : 0;
	if (!status.running)
		trace_add_event(s->c->trace, conductor_now_us(s->c), TRACE_LOAD_ENDED, -1);
	else if (s->fewer >= 2)
		trace_add_event(s->c->trace, conductor_now_us(s->c), TRACE_WORKER_LOST, -1);
}

int step_tick(struct step *s, struct error *err)
{
	const char *trouble;

	sampler_tick(s->c->sampler);
	trouble = sampler_trouble(s->c->sampler);
	if (trouble)
		s->c->warn(s->c->context, trouble);
	progress_look(s->c->progress, s->c->sampler, s->judge);
	return s->c->keep(s->c->context, false, err);
}

int step_start_load(struct step *s, double most_s, struct error *err)
{
	struct strings argv = {0};
	int result = -1;

	s->temp_dir = load_temp_dir(err);
	if (!s->temp_dir)
		return -1;
	json_decref(s->workload); /* of an earlier start */
	s->workload = conductor_workload(s->c->stressng, s->state, s->cpus, s->n_cpus,
					 (unsigned)most_s + SWITCH_OFF_S, s->temp_dir, &argv);
	s->load = load_start(argv.items, s->temp_dir, err);
	if (s->load)
		result = 0;
	strings_free(&argv);
	return result;
}

int step_stop_load(struct step *s, int result, struct error *err)
{
	struct error stopping = {0};

	if (load_stop(s->load, &stopping) && result == 0) {
		*err = stopping;
		result = -1;
	}
	load_temp_remove(s->temp_dir);
	free(s->temp_dir);
	s->load = NULL;
	s->temp_dir = NULL;
	return result;
}

/* What a load that ended said for itself: the end of its output. */
static int explain_end(const struct step *s, int exit_status, struct error *err)
{
	char *path = xasprintf("%s/output", s->temp_dir);
	char *output = file_read_all(path, 1 << 20, NULL);
	const char *tail = output ? output : "";

	if (strlen(tail) > 400)
		tail += strlen(tail) - 400;
	error_set(err, ERROR_FAILED, "state %s: its load ended at once with status %d; it said: %s",
		  s->state->name, exit_status, *tail ? tail : "nothing");
	free(output);
	free(path);
	return -1;
}

/* Until the loaded CPUs are as busy as they should be. Returns 0, 1 on a signal, -1 with err. */
static int await_load(struct step *s, struct error *err)
{
	mono_t started = mono_now();

	sampler_begin(s->c->sampler, TRACE_OUTSIDE, s->cpus, s->n_cpus);
	while (mono_between_s(started, mono_now()) < SHOWN_AT_LATEST_S) {
		struct load_status status;

		if (conductor_wait(s->c) == WAKE_SIGNAL)
			return 1;
		if (step_tick(s, err))
			return -1;
		load_watch(s->load, &status);
		if (!status.running)
			return explain_end(s, status.exit_status, err);
		s->processes = status.n_processes;
		if (sampler_load_pct(s->c->sampler) >= s->state->utilisation_pct - SHOWN_WITHIN_PCT)
			return 0;
	}
	return 0; /* the judge will say that it was not held */
}

static void begin_visit(struct step *s)
{
	struct trace_visit *visit = trace_add_visit(s->c->trace, s->state->name, conductor_now_us(s->c));

	visit->position = s->position;
	visit->target_pct = s->state->utilisation_pct;
	visit->share = s->n_cpus ? share_of_cores(s) : 0;
	visit->tau_s = longest_tau_s(s->c->meters);
	visit->bmc_rests = s->state->bmc_rests;
	visit->workload = json_incref(s->workload);
	s->visit = s->c->trace->n_visits - 1;
	s->judge = judge_new(s->c->trace, s->visit, NULL);
	s->watched = mono_now();
	sampler_begin(s->c->sampler, s->visit, s->cpus, s->n_cpus);
	if (s->state->bmc_rests)
		sampler_rest(s->c->sampler);
	overhead_now(s->c->sampler, s->c->roots, &s->before);
}

/* Returns 0 when the judge has its verdict (or nothing came to judge), 1 on a signal, -1 with err. */
static int measure(struct step *s, double most_s, struct error *err)
{
	mono_t began = mono_now();

	do {
		if (conductor_wait(s->c) == WAKE_SIGNAL)
			return 1;
		if (step_tick(s, err))
			return -1;
		watch_load(s);
		if (judge_advance(s->judge))
			return 0;
	} while (mono_between_s(began, mono_now()) < most_s + GRACE_S);
	return 0;
}

static void end_visit(struct step *s, int result, int64_t throttled)
{
	struct trace_visit *visit = &s->c->trace->visits[s->visit];
	struct judgement judgement;
	struct overhead after;

	overhead_now(s->c->sampler, s->c->roots, &after);
	visit->context = json_pack("{s:o}", "overhead",
				   overhead_json(&s->before, &after, topology_threads(s->c->topology)));
	if (throttled >= 0 && throttle_count(s->c->roots) > throttled)
		trace_add_event(s->c->trace, conductor_now_us(s->c), TRACE_THROTTLED, -1);
	visit->end = result == 0 ? VISIT_DONE : VISIT_INTERRUPTED;
	visit->ended_us = conductor_now_us(s->c);
	judge_conclude(s->judge, &judgement);
	progress_verdict(s->c->progress, &judgement);
	judgement_free(&judgement);
}

static int skip(struct step *s, const char *why)
{
	struct trace_visit *visit = trace_add_visit(s->c->trace, s->state->name, conductor_now_us(s->c));
	char *text = xasprintf("state %s is skipped: %s", s->state->name, why);

	visit->position = s->position;
	visit->target_pct = s->state->utilisation_pct;
	visit->end = VISIT_SKIPPED;
	visit->ended_us = visit->began_us;
	visit->note = xstrdup(why);
	s->c->warn(s->c->context, text);
	free(text);
	return 0;
}

/* At the latest, its load's start included. */
static double most_of_state_s(const struct conductor *c)
{
	const struct trace *trace = c->trace;
	double floor_s = rule_floor_s(trace->rule, longest_tau_s(c->meters), 1);
	double most_s = rule_most_s(trace->rule, floor_s, 0, 0);

	for (size_t i = 0; i < trace->n_channels; i++) {
		const struct bmc_facts *facts = &trace->channels[i].facts;

		if (channel_is_slow(&trace->channels[i]))
			most_s = fmax(most_s, rule_most_s(trace->rule, floor_s, facts->period_s.value,
							  bmc_guard_s(facts)));
	}
	return SHOWN_AT_LATEST_S + most_s;
}

/* One state, from its start to the end of its load. Returns as conductor_run. */
static int visit_state(struct step *s, struct error *err)
{
	double most_s = most_of_state_s(s->c);
	int64_t throttled;
	int result = -1;
	char why[256];

	if (s->state->n_stressors && !stressng_can(s->c->stressng, s->state, why, sizeof why))
		return skip(s, why);
	if (topology_place(s->c->topology, s->state->placement, &s->cpus, &s->n_cpus, err))
		return -1;
	if (s->state->n_stressors) {
		result = step_start_load(s, most_s, err);
		if (result == 0)
			result = await_load(s, err);
	} else {
		struct strings none = {0};

		s->workload = conductor_workload(NULL, s->state, NULL, 0, 0, "", &none);
		result = 0;
	}
	if (result == 0) {
		throttled = throttle_count(s->c->roots);
		begin_visit(s);
		result = measure(s, most_s, err);
		end_visit(s, result, throttled);
	}
	sampler_begin(s->c->sampler, TRACE_OUTSIDE, NULL, 0);
	return step_stop_load(s, result, err);
}

void step_free(struct step *s)
{
	judge_free(s->judge);
	json_decref(s->workload);
	free(s->temp_dir);
	free(s->cpus);
}

int conductor_run(const struct conductor *c, struct error *err)
{
	size_t n = c->plan->n_states, total = n * c->plan->rounds;
	int result = c->learning_load ? conductor_learn(c, err) : 0;

	for (size_t i = 0; i < total && result == 0; i++) {
		struct step step = {.c = c, .state = c->plan->states[i % n], .position = (unsigned)(i % n)};

		progress_state(c->progress, step.state->name, (double)(total - i) * most_of_state_s(c));
		result = visit_state(&step, err);
		if (result >= 0 && c->keep(c->context, true, err))
			result = -1;
		step_free(&step);
	}
	return result;
}
