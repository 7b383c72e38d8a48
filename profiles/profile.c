/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "profiles/profile.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/json.h"
#include "harness/base/schema.h"
#include "harness/base/text.h"
#include "profiles/bmc.h"
#include "profiles/cross_check.h"

static json_t *statistics_json(const struct statistics *s)
{
	const struct estimate *e = &s->estimate;

	if (!s->present)
		return json_pack("{s:n, s:n, s:s, s:s}", "mean_w", "u95_w", "verdict",
				 verdict_name(s->verdict), "reason", reason_name(s->reason));
	return json_pack(
		"{s:o, s:o, s:o, s:o, s:o, s:[o, o], s:o, s:i, s:o, s:i, s:o, s:o, s:o, s:s, s:s?}", "mean_w",
		json_number_or_null(e->mean_w), "median_w", json_number_or_null(e->median_w), "sd_w",
		json_number_or_null(e->sd_w), "min_w", json_number_or_null(e->min_w), "max_w",
		json_number_or_null(e->max_w), "ci95_w", json_number_or_null(e->mean_w - e->half_width_w),
		json_number_or_null(e->mean_w + e->half_width_w), "u95_w", json_number_or_null(s->u95_w), "n",
		(int)e->n, "n_eff", json_number_or_null(e->n_eff), "n_distinct", (int)e->n_distinct,
		"drift_w_per_min", json_number_or_null(e->drift_w_per_s * 60), "energy_j",
		json_number_or_null(e->mean_w * s->length_s), "resolution_w",
		json_number_or_null(s->resolution_w), "verdict", verdict_name(s->verdict), "reason",
		reason_name(s->reason));
}

static json_t *members_json(const struct trace *trace, enum source source, const bool *excluded)
{
	size_t *members = xcalloc(trace->n_channels, sizeof *members);
	size_t n = source_members(trace, source, excluded, members);
	json_t *names = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(names, json_string(trace->channels[members[i]].id));
	free(members);
	return names;
}

static json_t *power_json(const struct trace *trace, const struct judgement *judgement, const bool *excluded)
{
	json_t *power = json_object();

	for (enum source s = 0; s < SOURCES; s++) {
		json_t *members = members_json(trace, s, excluded);

		if (json_array_size(members)) {
			json_t *statistics = statistics_json(&judgement->sources[s]);

			json_object_set(statistics, "source", members);
			json_object_set_new(power, source_name(s), statistics);
		}
		json_decref(members);
	}
	for (size_t i = 0; i < trace->n_channels; i++)
		if (unit_tells_power(trace->channels[i].unit))
			json_object_set_new(power, trace->channels[i].id,
					    statistics_json(&judgement->channels[i]));
	return power;
}

static json_t *flags_json(unsigned flags)
{
	json_t *names = json_array();

	for (unsigned i = 0; flag_name(i); i++)
		if (flags & 1u << i)
			json_array_append_new(names, json_string(flag_name(i)));
	return names;
}

static json_t *state_json(const struct trace *trace, const struct trace_visit *visit,
			  const struct judgement *judgement, const bool *excluded)
{
	bool skipped = judgement->verdict == VERDICT_SKIPPED, window = !isnan(judgement->window_start_s);
	json_t *state = json_pack(
		"{s:s, s:i, s:b, s:o, s:s, s:s?, s:o}", "name", visit->state, "visit", (int)visit->visit,
		"superseded", 0, "workload", visit->workload ? json_incref(visit->workload) : json_null(),
		"verdict", verdict_name(judgement->verdict), "reason", reason_name(judgement->reason),
		"reason_text",
		json_string_or_null(visit->note ? visit->note : reason_text(judgement->reason)));

	json_object_set_new(state, "began_s",
			    skipped ? json_null() : json_number_or_null(judgement->began_s));
	json_object_set_new(state, "settle_s",
			    json_number_or_null(judgement->window_start_s - judgement->began_s));
	json_object_set_new(state, "window",
			    window ? json_pack("{s:o, s:o}", "start_s",
					       json_number_or_null(judgement->window_start_s), "end_s",
					       json_number_or_null(judgement->window_end_s))
				   : json_null());
	json_object_set_new(state, "power", skipped ? json_object() : power_json(trace, judgement, excluded));
	json_object_set_new(state, "utilisation",
			    json_pack("{s:o, s:o, s:o, s:o}", "cpu_pct",
				      json_number_or_null(judgement->machine_pct), "loaded_cpus_pct",
				      visit->target_pct == 0
					      ? json_null()
					      : json_number_or_null(judgement->utilisation_pct),
				      "target_pct", json_number_or_null(visit->target_pct), "steal_pct",
				      json_number_or_null(judgement->steal_pct)));
	if (visit->context)
		json_object_update_new(state, json_deep_copy(visit->context));
	json_object_set_new(state, "flags", flags_json(judgement->flags));
	return state;
}

/* Watts of the processors for each percent of the machine's time, from idle to the first state that is at
 * least 10 points busier; NAN where there are none. */
static double slope_w_per_pct(const struct judgement *all, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < n; j++) {
			double pct = all[j].machine_pct - all[i].machine_pct;

			if (pct >= 10 && all[i].sources[SOURCE_CPU].present &&
			    all[j].sources[SOURCE_CPU].present)
				return (all[j].sources[SOURCE_CPU].estimate.mean_w -
					all[i].sources[SOURCE_CPU].estimate.mean_w) /
				       pct;
		}
	return NAN;
}

static json_t *residual_json(const struct judgement *judgement)
{
	struct residual residual = cross_check_residual(judgement);

	return json_pack("{s:o, s:o}", "residual_w", json_number_or_null(residual.w), "u95_w",
			 json_number_or_null(residual.u95_w));
}

/* Null where the node has no source for the whole of it. */
static json_t *cross_check_json(const struct trace *trace, const struct judgement *all, const bool *excluded)
{
	size_t *members = xcalloc(trace->n_channels, sizeof *members);
	size_t n = source_members(trace, SOURCE_SYSTEM, excluded, members), system = members[0];
	struct agreement agreement;
	struct residual polling;
	struct bmc_facts facts;

	free(members);
	if (n == 0)
		return json_null();
	agreement = cross_check_states(all, trace->n_visits);
	polling = cross_check_polling(trace, all);
	bmc_learn_from_trace(trace, system, excluded, &facts);
	return json_pack(
		"{s:s, s:o, s:i, s:o, s:o, s:o, s:o, s:o}", "system", trace->channels[system].id, "learnt",
		bmc_facts_to_json(&facts), "n_states", (int)agreement.n, "slope",
		json_number_or_null(agreement.slope), "offset_w", json_number_or_null(agreement.offset_w),
		"rmse_w", json_number_or_null(agreement.rmse_w), "dcmi_overhead_w",
		json_number_or_null(polling.w), "dcmi_overhead_u95_w", json_number_or_null(polling.u95_w));
}

json_t *profile_judged(const struct trace *trace)
{
	bool *excluded = xcalloc(trace->n_channels, sizeof *excluded);
	struct judgement *all = judge_all(trace, excluded);
	double slope = slope_w_per_pct(all, trace->n_visits);
	json_t *states = json_array(), *cross_check = cross_check_json(trace, all, excluded);

	for (size_t v = 0; v < trace->n_visits; v++) {
		json_t *state = state_json(trace, &trace->visits[v], &all[v], excluded);
		json_t *overhead = json_object_get(state, "overhead");

		if (overhead)
			json_object_set_new(
				overhead, "power_w",
				json_number_or_null(slope * json_get_number(overhead, "machine_pct")));
		if (!json_is_null(cross_check))
			json_object_set_new(state, "cross_check", residual_json(&all[v]));
		json_array_append_new(states, state);
	}
	judge_all_free(all, trace->n_visits);
	free(excluded);
	return json_pack("{s:o, s:o}", "states", states, "cross_check", cross_check);
}

static bool has_flag(const json_t *state, const char *name)
{
	const json_t *flag;
	size_t i;

	json_array_foreach(json_object_get(state, "flags"), i,
			   flag) if (strcmp(json_string_value(flag), name) == 0) return true;
	return false;
}

int profile_exit_status(const json_t *states, bool complete)
{
	const json_t *state;
	int status = 0;
	size_t i;

	json_array_foreach(states, i, state)
	{
		const char *verdict = json_get_string(state, "verdict");
		int own = 0;

		if (json_is_true(json_object_get(state, "superseded")))
			continue;
		if (strcmp(verdict, "unstable") == 0 || strcmp(verdict, "insufficient") == 0)
			own = 10;
		else if (strcmp(verdict, "invalid") == 0)
			own = 11;
		if (has_flag(state, "source_lost"))
			own = 12;
		status = own > status ? own : status;
	}
	return complete ? status : 130;
}
