/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "profiles/health.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <gsl/gsl_statistics_double.h>

#include "harness/base/text.h"

/* A package's counter moves every millisecond on an idle node, too. */
#define STILL_S 2.0

#define UTILISATION_TOLERANCE_PCT 2.0 /* off its target, or busy in idle */
#define STEAL_PCT 2.0
#define MISSING_SHARE 0.05
#define LOSSES_DEGRADED 3

/* Firmware holds the mean at the limit to about a percent. */
#define AT_LIMIT 0.98

#define BELOW_RAPL 0.98
#define MOVED_W 10.0
#define SAME_W 1e-3 /* a trace has no finer watts */
#define MOVED_SHARE 0.05

static void make_invalid(struct judgement *judgement, enum reason reason)
{
	if (judgement->verdict == VERDICT_INVALID)
		return;
	judgement->verdict = VERDICT_INVALID;
	judgement->reason = reason;
}

static void make_statistics_invalid(struct statistics *statistics, enum reason reason)
{
	statistics->present =
		reason != REASON_RAPL_STUCK && statistics->present; /* energy that was not counted */
	statistics->verdict = VERDICT_INVALID;
	statistics->reason = reason;
}

static bool is_still(const struct trace_channel *channel, const struct series *series)
{
	return channel->unit == UNIT_JOULE && series->longest_still_s >= STILL_S - channel->interval_s / 10;
}

/* A package and a memory draw power at all times; other zones may rest. */
static void judge_counters(const struct health_facts *facts, struct judgement *out)
{
	for (size_t i = 0; i < facts->trace->n_channels; i++) {
		enum channel_role role = channel_role(facts->trace->channels[i].id);

		if (!is_still(&facts->trace->channels[i], &facts->series[i]))
			continue;
		if (role != ROLE_PACKAGE)
			out->flags |= FLAG_UNMOVING;
		if (role == ROLE_PACKAGE || role == ROLE_DRAM)
			make_statistics_invalid(&out->channels[i], REASON_RAPL_STUCK);
	}
}

/* A sum with a part that stood still is too small. Without the processors' power a state has not been
 * measured. */
static void judge_sum(const struct health_facts *facts, enum source source, const size_t *members, size_t n,
		      struct judgement *out)
{
	for (size_t m = 0; m < n; m++) {
		if (!is_still(&facts->trace->channels[members[m]], &facts->series[members[m]]))
			continue;
		make_statistics_invalid(&out->sources[source], REASON_RAPL_STUCK);
		if (source == SOURCE_CPU)
			make_invalid(out, REASON_RAPL_STUCK);
	}
}

static void judge_readings(const struct health_facts *facts, const struct series *series,
			   struct judgement *out)
{
	if (series_missing_share(series, facts->from, facts->to) > MISSING_SHARE ||
	    series->longest_gap_s > series_gap_s(series))
		out->flags |= FLAG_GAPS;
	if (series->losses >= LOSSES_DEGRADED)
		out->flags |= FLAG_DEGRADED;
	if (series_is_lost(series, facts->now_s))
		out->flags |= FLAG_SOURCE_LOST;
}

static void judge_events(const struct health_facts *facts, struct judgement *out)
{
	static const unsigned flags[TRACE_EVENT_KINDS] = {
		[TRACE_COUNTER_RESET] = FLAG_COUNTER_RESET, [TRACE_INTERVAL_LOST] = FLAG_INTERVAL_LOST,
		[TRACE_SUSPENDED] = FLAG_SUSPENDED,         [TRACE_SLOW_READ] = FLAG_SLOW_READS,
		[TRACE_THROTTLED] = FLAG_THROTTLED,
	};

	for (size_t i = 0; i < facts->trace->n_events; i++) {
		const struct trace_event *event = &facts->trace->events[i];

		if (event->time_us >= facts->visit->began_us && event->time_us <= facts->visit->ended_us)
			out->flags |= flags[event->kind];
	}
}

static void judge_load(const struct health_facts *facts, struct judgement *out)
{
	double target = facts->visit->target_pct;

	if (out->steal_pct > STEAL_PCT)
		out->flags |= FLAG_STEAL;
	if (facts->load_lost || fabs(out->utilisation_pct - target) > UTILISATION_TOLERANCE_PCT)
		make_invalid(out, REASON_LOAD_NOT_HELD);
}

/* OpenBMC says that it does not measure, and gives readings that are right. */
static void judge_active(const struct health_facts *facts, const size_t *system, size_t n,
			 struct judgement *out)
{
	const struct trace *trace = facts->trace;
	const char *id = n ? trace->channels[system[0]].id : "";
	char *name = xasprintf("%.*s/active", (int)strcspn(id, "/"), id);
	int channel = trace_find_channel(trace, name);

	free(name);
	if (channel < 0 || !out->sources[SOURCE_SYSTEM].present)
		return;
	for (size_t r = facts->visit->first_row; r < facts->visit->end_row; r++)
		if (trace->rows[r].channel == channel && trace->rows[r].value == 0)
			out->flags |= FLAG_NOT_ACTIVE;
}

static void compare_sources(const struct health_facts *facts, struct judgement *out)
{
	const struct statistics *sources = out->sources;
	double rapl_w = sources[SOURCE_CPU].estimate.mean_w + sources[SOURCE_DRAM].estimate.mean_w;

	if (sources[SOURCE_CPU].present && sources[SOURCE_SYSTEM].present &&
	    sources[SOURCE_SYSTEM].estimate.mean_w < BELOW_RAPL * rapl_w)
		out->flags |= FLAG_DCMI_BELOW_RAPL;
	for (size_t i = 0; i < facts->trace->n_channels; i++)
		if (channel_role(facts->trace->channels[i].id) == ROLE_PACKAGE && out->channels[i].present &&
		    out->channels[i].estimate.mean_w >= AT_LIMIT * facts->trace->channels[i].power_limit_w)
			out->flags |= FLAG_POWER_LIMIT;
}

void health_judge(const struct health_facts *facts, struct judgement *out)
{
	size_t *members = xcalloc(facts->trace->n_channels, sizeof *members);

	judge_events(facts, out);
	judge_load(facts, out);
	judge_counters(facts, out);
	for (enum source s = 0; s < SOURCES; s++) {
		size_t n = source_members(facts->trace, s, facts->excluded, members);

		judge_sum(facts, s, members, n, out);
		if (s == SOURCE_SYSTEM)
			judge_active(facts, members, n, out);
		for (size_t m = 0; m < n && facts->visit->end_row > facts->visit->first_row; m++)
			if (!(facts->visit->bmc_rests &&
			      channel_is_slow(&facts->trace->channels[members[m]])))
				judge_readings(facts, &facts->series[members[m]], out);
	}
	for (size_t i = 0; facts->excluded && i < facts->trace->n_channels; i++)
		if (facts->excluded[i])
			out->flags |= FLAG_DEDUPLICATED;
	compare_sources(facts, out);
	free(members);
}

static double rapl_mean_w(const struct judgement *judgement)
{
	return judgement->sources[SOURCE_CPU].estimate.mean_w +
	       judgement->sources[SOURCE_DRAM].estimate.mean_w;
}

/* The whole node's reading stood still while its processors' power moved. */
static bool system_is_stuck(const struct judgement *before, const struct judgement *now)
{
	const struct statistics *was = &before->sources[SOURCE_SYSTEM], *is = &now->sources[SOURCE_SYSTEM];
	double moved_w = fabs(rapl_mean_w(now) - rapl_mean_w(before));

	return was->present && is->present && is->slow && before->sources[SOURCE_CPU].present &&
	       now->sources[SOURCE_CPU].present && is->estimate.max_w - is->estimate.min_w < SAME_W &&
	       fabs(is->estimate.mean_w - was->estimate.mean_w) < is->resolution_w &&
	       moved_w > fmax(MOVED_W, MOVED_SHARE * rapl_mean_w(before));
}

static void mark_stuck(const struct trace *trace, struct judgement *judgement)
{
	make_statistics_invalid(&judgement->sources[SOURCE_SYSTEM], REASON_DCMI_STUCK);
	for (size_t i = 0; i < trace->n_channels; i++)
		if (channel_role(trace->channels[i].id) == ROLE_SYSTEM)
			make_statistics_invalid(&judgement->channels[i], REASON_DCMI_STUCK);
	make_invalid(judgement, REASON_DCMI_STUCK);
}

/* Folds the scatter of one quantity's means over the rounds into its u95. stats: one for each round. */
static void fold_rounds(struct statistics **stats, size_t n)
{
	double *means = xcalloc(n, sizeof *means);
	double u_rep_w;

	for (size_t i = 0; i < n; i++)
		means[i] = stats[i]->estimate.mean_w;
	u_rep_w = gsl_stats_sd(means, 1, n) / sqrt((double)n);
	for (size_t i = 0; i < n; i++) {
		double resolution_w = stats[i]->slow ? stats[i]->resolution_w : 0;

		stats[i]->u95_w =
			estimate_u95_w(&stats[i]->estimate,
				       &(struct uncertainty_terms){resolution_w, u_rep_w, stats[i]->u_cal_w});
	}
	free(means);
}

static struct statistics *quantity(struct judgement *judgement, size_t q)
{
	return q < SOURCES ? &judgement->sources[q] : &judgement->channels[q - SOURCES];
}

static void compare_rounds(const struct trace *trace, struct judgement *all, size_t first)
{
	struct statistics **stats = xcalloc(trace->n_visits, sizeof *stats);

	for (size_t q = 0; q < SOURCES + trace->n_channels; q++) {
		size_t n = 0;

		for (size_t v = first; v < trace->n_visits; v++)
			if (trace->visits[v].position == trace->visits[first].position &&
			    quantity(&all[v], q)->present)
				stats[n++] = quantity(&all[v], q);
		if (n >= 2)
			fold_rounds(stats, n);
	}
	free(stats);
}

void health_across_visits(const struct trace *trace, struct judgement *all)
{
	for (size_t v = 1; v < trace->n_visits; v++)
		if (system_is_stuck(&all[v - 1], &all[v]))
			mark_stuck(trace, &all[v]);
	for (size_t v = 0; v < trace->n_visits; v++) {
		bool first = true;

		for (size_t u = 0; u < v; u++)
			first = first && trace->visits[u].position != trace->visits[v].position;
		if (first && !trace->bare)
			compare_rounds(trace, all, v);
	}
}
