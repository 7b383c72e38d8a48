/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "profiles/judge_internal.h"

#include <math.h>
#include <stdlib.h>

#include "harness/base/text.h"
#include "profiles/health.h"

/* The mean of a channel over the window, or NAN. */
static double channel_mean(const struct judge *judge, size_t channel)
{
	const struct series *series = &judge->series[channel];
	double sum = 0;
	size_t known = 0;

	for (size_t i = judge->from; i < judge->to && i < series->n; i++)
		if (!isnan(series->seconds[i].w)) {
			sum += series->seconds[i].w;
			known++;
		}
	return known ? sum / (double)known : NAN;
}

/* Standard uncertainty that the calibration of a channel adds to its mean, W; 0 without a calibration. */
static double calibration_u_w(const struct judge *judge, size_t index)
{
	const struct trace_channel *channel = &judge->trace->channels[index];
	double uncalibrated_w = (channel_mean(judge, index) - channel->offset_w) / channel->gain;

	return isnan(channel->u_gain) ? 0 : hypot(channel->u_gain * uncalibrated_w, channel->u_offset_w);
}

/* The sum of channels in each second of the window. */
static void sum_seconds(const struct judge *judge, const size_t *members, size_t n_members, size_t lead,
			double *w)
{
	for (size_t i = judge->from - lead; i < judge->to; i++)
		for (size_t m = 0; m < n_members; m++) {
			const struct series *series = &judge->series[members[m]];

			w[i - judge->from + lead] += i < series->n ? series->seconds[i].w : NAN;
		}
}

/* The figures of one channel, or of the sum of several. */
static void channel_statistics(const struct judge *judge, const size_t *members, size_t n_members,
			       struct statistics *out)
{
	const struct trace_channel *first = &judge->trace->channels[members[0]];
	size_t n = judge->to - judge->from;
	size_t floor_s = (size_t)ceil(channels_floor_s(judge, members, n_members));
	size_t lead = judge->from > floor_s ? judge->from - floor_s : 0;
	size_t period = period_seconds(judge, members[0]);
	double *w = xcalloc(n + lead, sizeof *w);
	double step_w = channel_step_w(first);
	bool slow = channel_is_slow(first);

	*out = (struct statistics){
		.verdict = VERDICT_INSUFFICIENT,
		.reason = REASON_MISSING,
		.slow = slow,
		.length_s = (double)n,
		.resolution_w = slow ? step_w : NAN,
	};
	sum_seconds(judge, members, n_members, lead, w);
	/* A counter that never moved has measured nothing, and a mean over less than a quarter of the window
	 * is not its mean. */
	if (n && estimate_window(w, lead, n, period, &out->estimate) == 0 && out->estimate.max_w != 0 &&
	    4 * out->estimate.n * period >= n) {
		out->present = true;
		out->reason =
			estimate_judge(&out->estimate, judge->trace->rule, (double)n, slow ? step_w : 0);
		out->verdict = out->reason == REASON_NONE ? VERDICT_STABLE : VERDICT_UNSTABLE;
		if (judge->reason == REASON_SHORT) {
			out->verdict = VERDICT_INSUFFICIENT;
			out->reason = REASON_SHORT;
		}
		/* Lost on the way: what there is of it is no measurement of the whole window. */
		if (!channels_are_live(judge, members, n_members)) {
			out->verdict = VERDICT_INSUFFICIENT;
			out->reason = REASON_MISSING;
		}
		for (size_t m = 0; m < n_members; m++)
			out->u_cal_w += calibration_u_w(judge, members[m]);
		out->u95_w = estimate_u95_w(&out->estimate,
					    &(struct uncertainty_terms){slow ? step_w : 0, 0, out->u_cal_w});
	}
	free(w);
}

static double role_mean(const struct judge *judge, enum channel_role role)
{
	for (size_t i = 0; i < judge->trace->n_channels; i++)
		if (channel_role(judge->trace->channels[i].id) == role)
			return channel_mean(judge, i);
	return NAN;
}

static void fill_statistics(const struct judge *judge, struct judgement *out)
{
	for (size_t i = 0; i < out->n_channels; i++)
		if (unit_tells_power(judge->trace->channels[i].unit))
			channel_statistics(judge, &i, 1, &out->channels[i]);
	for (enum source s = 0; s < SOURCES; s++)
		if (judge->n_members[s])
			channel_statistics(judge, judge->members[s], judge->n_members[s], &out->sources[s]);
		else if (judge->visit->bmc_rests && s == SOURCE_SYSTEM)
			out->sources[s] = (struct statistics){.verdict = VERDICT_INSUFFICIENT,
							      .reason = REASON_MISSING};
}

/* The rows ended before the rule was through: with the run, with the load, or because what is known by now
 * (a zone that repeats another) was not known then. */
static void conclude_early(struct judge *judge)
{
	judge_check(judge);
	if (judge->verdict == VERDICT_STABLE || judge->verdict == VERDICT_INSUFFICIENT) {
		judge->verdict = VERDICT_INSUFFICIENT;
		if (judge->reason == REASON_NONE)
			judge->reason = REASON_SHORT;
	}
	if (judge->visit->end == VISIT_INTERRUPTED || judge->visit->end == VISIT_RUNNING) {
		judge->verdict = VERDICT_INSUFFICIENT;
		judge->reason = REASON_INTERRUPTED;
	}
}

void judge_conclude(struct judge *judge, struct judgement *out)
{
	const struct trace_visit *visit = judge->visit;
	double began_s = (double)visit->began_us * 1e-6;

	*out = (struct judgement){
		.n_channels = judge->trace->n_channels,
		.channels = xcalloc(judge->trace->n_channels, sizeof *out->channels),
		.began_s = began_s,
		.window_start_s = NAN,
		.window_end_s = NAN,
	};
	if (!judge->decided || judge->load_lost)
		conclude_early(judge);
	out->verdict = judge->verdict;
	out->reason = judge->reason;
	if (judge->to > judge->from) {
		out->window_start_s = began_s + (double)judge->from;
		out->window_end_s = began_s + (double)judge->to;
	}
	out->machine_pct = role_mean(judge, ROLE_MACHINE_BUSY);
	out->steal_pct = role_mean(judge, ROLE_STEAL);
	out->utilisation_pct = visit->target_pct == 0 ? out->machine_pct : role_mean(judge, ROLE_UTILISATION);
	fill_statistics(judge, out);
	health_judge(
		&(struct health_facts){
			.trace = judge->trace,
			.visit = visit,
			.series = judge->series,
			.excluded = judge->excluded,
			.from = judge->from,
			.to = judge->to,
			.now_s = judge->now_s,
			.load_lost = judge->load_lost,
		},
		out);
}

void judgement_free(struct judgement *judgement)
{
	free(judgement->channels);
	judgement->channels = NULL;
}

struct judgement *judge_all(const struct trace *trace, bool *excluded)
{
	struct judgement *all = xcalloc(trace->n_visits, sizeof *all);

	sources_find_mirrors(trace, excluded);
	for (size_t v = 0; v < trace->n_visits; v++) {
		struct judge *judge = judge_new(trace, v, excluded);

		judge_advance(judge);
		judge_conclude(judge, &all[v]);
		if (trace->visits[v].end == VISIT_SKIPPED) {
			all[v].verdict = VERDICT_SKIPPED;
			all[v].reason = REASON_UNSUPPORTED;
		}
		judge_free(judge);
	}
	health_across_visits(trace, all);
	return all;
}

void judge_all_free(struct judgement *judgements, size_t n)
{
	for (size_t i = 0; judgements && i < n; i++)
		judgement_free(&judgements[i]);
	free(judgements);
}
