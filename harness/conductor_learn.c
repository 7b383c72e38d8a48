/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "harness/conductor_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "harness/base/text.h"
#include "profiles/bmc.h"

/* All sources are read so often meanwhile: METHOD 2. */
#define INTERVAL_S 0.25

/* A step that is held, then changes of load whose distances have no common measure: one of them falls
 * anywhere in the period of an update. Of 3600 simulated BMCs all of 1 to 5 s are learnt in the first part,
 * and those of 10 s with the second one. Begins with no load; then each time the other. */
static const double first_part_s[] = {12, 28, 7.3, 4.6, 8.5, 5.8, 3.3, 9.3, 3.3, 7.9};
static const double second_part_s[] = {6.1, 9.7, 4.3, 11.9, 7.1, 3.7, 13.3, 5.3, 8.9, 10.7, 9};

/* Returns 0 when the time is over, 1 on a signal, -1 with err. */
static int pass_time(struct step *step, double length_s, struct error *err)
{
	mono_t began = mono_now();

	while (mono_between_s(began, mono_now()) < length_s) {
		if (conductor_wait(step->c) == WAKE_SIGNAL)
			return 1;
		if (step_tick(step, err))
			return -1;
	}
	return 0;
}

/* Steps through n lengths of no load and load in turn. */
static int step_the_load(struct step *step, const double *lengths_s, size_t n, struct error *err)
{
	int result = 0;

	for (size_t i = 0; i < n && result == 0; i++) {
		if (i % 2 == 1)
			result = step_start_load(step, lengths_s[i], err);
		if (result == 0)
			result = pass_time(step, lengths_s[i], err);
		result = step_stop_load(step, result, err);
	}
	return result;
}

static const char *or_unknown(const struct bmc_fact *fact, const char *unit, char *out, size_t size)
{
	if (fact->learnt)
		snprintf(out, size, "%.2g %s", fact->value, unit);
	else
		snprintf(out, size, "not known");
	return out;
}

static void tell(const struct conductor *c, const char *id, const struct bmc_facts *facts)
{
	char period[32], lag[32], averaging[32], step[32];

	progress_tell(c->progress, "%s: updates every %s, lag %s, mean over %s, steps of %s", id,
		      or_unknown(&facts->period_s, "s", period, sizeof period),
		      or_unknown(&facts->lag_s, "s", lag, sizeof lag),
		      or_unknown(&facts->averaging_s, "s", averaging, sizeof averaging),
		      or_unknown(&facts->resolution_w, "W", step, sizeof step));
}

/* Whether all periods are known now. */
static bool take_facts(const struct conductor *c)
{
	bool all = true;

	for (size_t i = 0; i < c->trace->n_channels; i++) {
		struct trace_channel *channel = &c->trace->channels[i];

		if (!channel_is_slow(channel))
			continue;
		bmc_learn_from_trace(c->trace, i, NULL, &channel->facts);
		if (channel_role(channel->id) == ROLE_SYSTEM)
			all &= channel->facts.period_s.learnt;
	}
	return all;
}

static void note_facts(const struct conductor *c)
{
	for (size_t i = 0; i < c->trace->n_channels; i++) {
		const struct trace_channel *channel = &c->trace->channels[i];

		if (!channel_is_slow(channel))
			continue;
		trace_add_event(c->trace, conductor_now_us(c), TRACE_LEARNT, (int)i);
		if (channel_role(channel->id) == ROLE_SYSTEM)
			tell(c, channel->id, &channel->facts);
	}
}

int conductor_learn(const struct conductor *c, struct error *err)
{
	struct step step = {.c = c, .state = c->learning_load};
	int result = -1;

	progress_tell(c->progress, "learning how the slow sources follow the load: 90 s, or 180 s");
	if (topology_place(c->topology, step.state->placement, &step.cpus, &step.n_cpus, err) == 0) {
		sampler_begin(c->sampler, TRACE_OUTSIDE, NULL, 0);
		sampler_hurry(c->sampler, INTERVAL_S);
		result = step_the_load(&step, first_part_s, ARRAY_SIZE(first_part_s), err);
		if (result == 0 && !take_facts(c)) {
			result = step_the_load(&step, second_part_s, ARRAY_SIZE(second_part_s), err);
			take_facts(c);
		}
		sampler_begin(c->sampler, TRACE_OUTSIDE, NULL, 0);
	}
	if (result == 0)
		note_facts(c);
	step_free(&step);
	return result;
}
