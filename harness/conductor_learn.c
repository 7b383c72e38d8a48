/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "harness/conductor_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "harness/base/text.h"
#include "profiles/bmc.h"

/* All sources are read so often meanwhile: METHOD 2. */
#define INTERVAL_S 0.25

/* Changes of load at different distances, so that one of them falls anywhere in the period of an update. */
static const struct {
	double length_s;
	bool load;
} parts[] = {{20, false}, {25, true}, {15, false}, {15, true}, {15, false}};

static double total_s(void)
{
	double sum_s = 0;

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		sum_s += parts[i].length_s;
	return sum_s;
}

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

static int step_the_load(struct step *step, struct error *err)
{
	int result = 0;

	for (size_t i = 0; i < ARRAY_SIZE(parts) && result == 0; i++) {
		if (parts[i].load)
			result = step_start_load(step, total_s(), err);
		if (result == 0)
			result = pass_time(step, parts[i].length_s, err);
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

static void take_facts(const struct conductor *c)
{
	for (size_t i = 0; i < c->trace->n_channels; i++) {
		struct trace_channel *channel = &c->trace->channels[i];

		if (!channel_is_slow(channel))
			continue;
		bmc_learn_from_trace(c->trace, i, NULL, &channel->facts);
		trace_add_event(c->trace, conductor_now_us(c), TRACE_LEARNT, (int)i);
		if (channel_role(channel->id) == ROLE_SYSTEM)
			tell(c, channel->id, &channel->facts);
	}
}

int conductor_learn(const struct conductor *c, struct error *err)
{
	struct step step = {.c = c, .state = c->learning_load};
	int result = -1;

	progress_tell(c->progress, "learning how the slow sources follow the load: %.0f s", total_s());
	if (topology_place(c->topology, step.state->placement, &step.cpus, &step.n_cpus, err) == 0) {
		sampler_begin(c->sampler, TRACE_OUTSIDE, NULL, 0);
		sampler_hurry(c->sampler, INTERVAL_S);
		result = step_the_load(&step, err);
		sampler_begin(c->sampler, TRACE_OUTSIDE, NULL, 0);
	}
	if (result == 0)
		take_facts(c);
	step_free(&step);
	return result;
}
