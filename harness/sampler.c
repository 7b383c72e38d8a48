/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "harness/sampler.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/text.h"
#include "harness/remote.h"

/* Slow sources and utilisation (10-ms ticks of the kernel) say nothing new more often; and each wake-up in
 * idle costs idle power. */
#define SLOW_INTERVAL_S 1.0
#define SLOW_INTERVAL_IDLE_S 2.0

/* A read that took so long is less certain in its time: METHOD 1. */
#define SLOW_READ_S 0.005

/* A read that took longer than its value may be off in time has no time to go by: the counter's state is of
 * any moment within it. */
#define LOST_READ_S 1.0

/* A sentence that a meter repeats is not told again before so long. */
#define TELL_AGAIN_S 600.0

/* A step of CLOCK_BOOTTIME against CLOCK_MONOTONIC above clock noise. */
#define SUSPENDED_S 0.1

struct live {
	double value; /* last J or W */
	mono_t at;
	double w;
};

/* What a meter had for people. */
struct sentence {
	char *text;
	mono_t at; /* when it was last told */
	bool due;  /* it is still to be told */
};

struct sampler {
	struct meter_set *set;
	struct trace *trace;
	struct proc_stat *stat;
	mono_t origin, start;   /* of the run; of the ticks */
	double period_s;        /* of energy counters; as asked for */
	double tick_s;          /* of the ticks now */
	double slow_interval_s; /* of slow sources and utilisation now */
	bool slow_rest;         /* slow sources are not asked now */
	uint64_t tick, late_ticks;
	mono_t visit_began;
	size_t visit;
	const unsigned *cpus;
	size_t n_cpus;
	struct reading *readings; /* of the meter with most channels */
	struct live *live;        /* of each channel of the trace */
	mono_t slow_due;
	size_t machine_channel, load_channel, steal_channel;
	struct cpu_ticks machine, load;
	double load_pct;
	double suspended_s;
	struct sentence *said; /* all that meters had for people */
	size_t n_said;
};

static size_t add_percent_channel(struct trace *trace, const char *id, const char *scope)
{
	struct trace_channel *channel = trace_add_channel(trace, id, UNIT_PERCENT);

	channel->scope = xstrdup(scope);
	channel->interval_s = SLOW_INTERVAL_S;
	return trace->n_channels - 1;
}

static void add_channels(struct sampler *sampler)
{
	struct trace *trace = sampler->trace;
	size_t most = 0;

	for (size_t i = 0; i < sampler->set->n_slots; i++) {
		const struct meter *meter = sampler->set->slots[i].meter;

		for (size_t c = 0; meter && c < meter->n_channels; c++) {
			const struct channel *from = &meter->channels[c];
			struct trace_channel *channel = trace_add_channel(trace, from->id, from->unit);

			channel->scope = xstrdup(from->scope);
			channel->resolution = from->resolution;
			channel->power_limit_w = from->power_limit_w;
			channel->interval_s = from->unit == UNIT_JOULE
						      ? sampler->period_s
						      : fmax(fmax(SLOW_INTERVAL_IDLE_S, sampler->period_s),
							     from->interval_s);
		}
		if (meter && meter->n_channels > most)
			most = meter->n_channels;
		trace->synthetic |= meter && meter->synthetic;
	}
	sampler->machine_channel = add_percent_channel(trace, "node/utilisation", "all processors");
	sampler->load_channel =
		add_percent_channel(trace, "load/utilisation", "the processors that the state loads");
	sampler->steal_channel = add_percent_channel(trace, "node/steal", "taken by the hypervisor");
	sampler->readings = xcalloc(most, sizeof *sampler->readings);
	sampler->live = xcalloc(trace->n_channels, sizeof *sampler->live);
}

struct sampler *sampler_new(struct meter_set *set, struct trace *trace, const struct roots *roots,
			    double rate_hz, struct error *err)
{
	struct proc_stat *stat = proc_stat_open(roots, err);
	struct sampler *sampler;

	if (!stat)
		return NULL;
	sampler = xcalloc(1, sizeof *sampler);
	sampler->set = set;
	sampler->trace = trace;
	sampler->stat = stat;
	sampler->period_s = 1 / rate_hz;
	add_channels(sampler);
	sampler->origin = mono_now();
	sampler->suspended_s = clock_suspended_s();
	sampler_begin(sampler, TRACE_OUTSIDE, NULL, 0);
	return sampler;
}

void sampler_free(struct sampler *sampler)
{
	if (!sampler)
		return;
	proc_stat_close(sampler->stat);
	for (size_t i = 0; i < sampler->n_said; i++)
		free(sampler->said[i].text);
	free(sampler->said);
	free(sampler->readings);
	free(sampler->live);
	free(sampler);
}

mono_t sampler_origin(const struct sampler *sampler)
{
	return sampler->origin;
}

static int64_t trace_time_us(const struct sampler *sampler, mono_t at)
{
	int64_t us = (at.ns - sampler->origin.ns) / 1000;

	return us > 0 ? us : 0;
}

static void remember_ticks(struct sampler *sampler)
{
	proc_stat_sum(sampler->stat, NULL, 0, &sampler->machine);
	if (sampler->n_cpus)
		proc_stat_sum(sampler->stat, sampler->cpus, sampler->n_cpus, &sampler->load);
}

/* Longer than any state lasts. */
#define NEVER_S 1e7

void sampler_rest(struct sampler *sampler)
{
	sampler->slow_rest = true;
	for (size_t i = 0; i < sampler->set->n_slots; i++)
		if (sampler->set->slots[i].meter)
			remote_pace(sampler->set->slots[i].meter, NEVER_S);
}

/* The ticks begin anew. */
static void set_pace(struct sampler *sampler, double tick_s, double slow_interval_s)
{
	sampler->tick_s = tick_s;
	sampler->slow_interval_s = slow_interval_s;
	sampler->start = mono_now();
	sampler->tick = 0;
	sampler->slow_due = sampler->start;
	for (size_t i = 0; i < sampler->set->n_slots; i++)
		if (sampler->set->slots[i].meter)
			remote_pace(sampler->set->slots[i].meter, slow_interval_s);
}

void sampler_begin(struct sampler *sampler, size_t visit, const unsigned *cpus, size_t n)
{
	sampler->visit = visit;
	sampler->cpus = cpus;
	sampler->n_cpus = n;
	sampler->load_pct = NAN;
	proc_stat_read(sampler->stat, NULL);
	remember_ticks(sampler);
	sampler->visit_began = mono_now();
	sampler->slow_rest = false;
	set_pace(sampler, sampler->period_s,
		 n || visit == TRACE_OUTSIDE ? SLOW_INTERVAL_S : SLOW_INTERVAL_IDLE_S);
}

void sampler_hurry(struct sampler *sampler, double interval_s)
{
	set_pace(sampler, fmin(interval_s, sampler->period_s), interval_s);
}

mono_t sampler_due(const struct sampler *sampler)
{
	return mono_after_s(sampler->start, (double)sampler->tick * sampler->tick_s);
}

static void follow_live(struct sampler *sampler, size_t channel, const struct reading *reading)
{
	struct live *live = &sampler->live[channel];
	double elapsed_s = mono_between_s(live->at, reading->at);

	if (reading->state != READING_OK)
		return;
	if (sampler->trace->channels[channel].unit == UNIT_WATT)
		live->w = reading->value;
	else if (live->at.ns && elapsed_s < SLOW_INTERVAL_S * 0.9)
		return;
	else
		live->w = live->at.ns ? (reading->value - live->value) / elapsed_s : NAN;
	live->value = reading->value;
	live->at = reading->at;
}

static void record(struct sampler *sampler, size_t channel, const struct reading *reading)
{
	struct trace *trace = sampler->trace;
	int64_t time_us = trace_time_us(sampler, reading->at);
	bool counter = trace->channels[channel].unit == UNIT_JOULE;
	bool timed = !counter || reading->took_s < LOST_READ_S;
	/* One of a slow source may have been taken before the state began, and come only now. */
	size_t visit = reading->at.ns < sampler->visit_began.ns ? TRACE_OUTSIDE : sampler->visit;

	if (reading->event != EVENT_NONE)
		trace_add_event(trace, time_us,
				reading->event == EVENT_COUNTER_RESET ? TRACE_COUNTER_RESET
								      : TRACE_INTERVAL_LOST,
				(int)channel);
	if (counter && reading->took_s > SLOW_READ_S)
		trace_add_event(trace, time_us, TRACE_SLOW_READ, (int)channel);
	trace_add_row(trace, time_us, channel, visit,
		      reading->state == READING_OK && timed
			      ? trace_value(trace->channels[channel].unit, reading->value)
			      : TRACE_FAILED);
	follow_live(sampler, channel, reading);
}

/* A source that comes and goes says the same over and over. */
static void note_trouble(struct sampler *sampler, const char *meter, const char *text)
{
	bool named = strncmp(text, meter, strlen(meter)) == 0 && text[strlen(meter)] == ':';
	char *trouble = named ? xstrdup(text) : xasprintf("%s: %s", meter, text);
	mono_t now = mono_now();
	size_t i = 0;

	while (i < sampler->n_said && strcmp(sampler->said[i].text, trouble) != 0)
		i++;
	if (i == sampler->n_said) {
		sampler->said = xrealloc(sampler->said, ++sampler->n_said, sizeof *sampler->said);
		sampler->said[i] = (struct sentence){.text = trouble, .due = true, .at = now};
		return;
	}
	free(trouble);
	if (mono_between_s(sampler->said[i].at, now) < TELL_AGAIN_S)
		return;
	sampler->said[i].due = true;
	sampler->said[i].at = now;
}

/* Takes one reading of each channel; whether there was any. */
static bool read_meter(struct sampler *sampler, struct meter *meter, size_t first_channel, bool slow_too)
{
	struct error err = {0};
	bool any = false;

	meter->class->read(meter, sampler->readings, &err);
	for (size_t c = 0; c < meter->n_channels; c++) {
		if (sampler->readings[c].state == READING_NONE)
			continue;
		any = true;
		if (slow_too || meter->channels[c].unit == UNIT_JOULE)
			record(sampler, first_channel + c, &sampler->readings[c]);
	}
	if (err.kind != ERROR_NONE)
		note_trouble(sampler, meter->class->name, err.text);
	return any;
}

/* A meter in a process of its own has its own pace: all that came since the last tick is taken. */
static void read_meters(struct sampler *sampler, bool slow_too)
{
	size_t channel = 0;

	for (size_t i = 0; i < sampler->set->n_slots; i++) {
		struct meter *meter = sampler->set->slots[i].meter;

		if (!meter)
			continue;
		if (remote_fd(meter) < 0)
			read_meter(sampler, meter, channel, slow_too && !sampler->slow_rest);
		else
			while (read_meter(sampler, meter, channel, !sampler->slow_rest))
				;
		channel += meter->n_channels;
	}
}

static void read_utilisation(struct sampler *sampler)
{
	struct cpu_ticks machine = sampler->machine, load = sampler->load;
	int64_t time_us;

	if (proc_stat_read(sampler->stat, NULL))
		return;
	remember_ticks(sampler);
	time_us = trace_time_us(sampler, mono_now());
	trace_add_row(sampler->trace, time_us, sampler->machine_channel, sampler->visit,
		      trace_value(UNIT_PERCENT, cpu_utilisation_pct(&machine, &sampler->machine)));
	trace_add_row(sampler->trace, time_us, sampler->steal_channel, sampler->visit,
		      trace_value(UNIT_PERCENT, cpu_steal_pct(&machine, &sampler->machine)));
	if (!sampler->n_cpus)
		return;
	/* A CPU that was unplugged does nothing of what the state wants of it. */
	sampler->load_pct = cpu_utilisation_pct(&load, &sampler->load) *
			    (double)proc_stat_online(sampler->stat, sampler->cpus, sampler->n_cpus) /
			    (double)sampler->n_cpus;
	trace_add_row(sampler->trace, time_us, sampler->load_channel, sampler->visit,
		      trace_value(UNIT_PERCENT, sampler->load_pct));
}

static void notice_suspend(struct sampler *sampler)
{
	double suspended_s = clock_suspended_s();

	if (suspended_s - sampler->suspended_s > SUSPENDED_S)
		trace_add_event(sampler->trace, trace_time_us(sampler, mono_now()), TRACE_SUSPENDED, -1);
	sampler->suspended_s = suspended_s;
}

static void count_tick(struct sampler *sampler)
{
	double late_s = mono_between_s(sampler_due(sampler), mono_now());
	uint64_t missed = late_s > sampler->tick_s ? (uint64_t)(late_s / sampler->tick_s) : 0;

	if (late_s > sampler->tick_s / 2)
		sampler->late_ticks += missed ? missed : 1;
	sampler->tick += 1 + missed;
}

void sampler_tick(struct sampler *sampler)
{
	/* A tick may come early by the clock's granularity; half a period keeps the slow ones in step. */
	bool slow_too = mono_between_s(sampler->slow_due, sampler_due(sampler)) >= -sampler->tick_s / 2;
	bool first = sampler->tick == 0;

	notice_suspend(sampler);
	count_tick(sampler);
	read_meters(sampler, slow_too);
	if (!slow_too)
		return;
	if (!first)
		read_utilisation(sampler);
	sampler->slow_due = mono_after_s(sampler->slow_due, sampler->slow_interval_s);
}

double sampler_load_pct(const struct sampler *sampler)
{
	return sampler->load_pct;
}

double sampler_live_w(const struct sampler *sampler, enum source source)
{
	size_t *members = xcalloc(sampler->trace->n_channels, sizeof *members);
	size_t n = source_members(sampler->trace, source, NULL, members);
	double sum = n ? 0 : NAN;

	for (size_t i = 0; i < n; i++)
		sum += sampler->live[members[i]].at.ns ? sampler->live[members[i]].w : NAN;
	free(members);
	return sum;
}

void sampler_remote_cost(const struct sampler *sampler, double *cpu_s, long *wakeups)
{
	*cpu_s = 0;
	*wakeups = 0;
	for (size_t i = 0; i < sampler->set->n_slots; i++) {
		struct remote_status status;

		if (!sampler->set->slots[i].meter)
			continue;
		remote_status(sampler->set->slots[i].meter, &status);
		*cpu_s += status.cpu_s;
		*wakeups += status.wakeups;
	}
}

uint64_t sampler_late_ticks(const struct sampler *sampler)
{
	return sampler->late_ticks;
}

const char *sampler_trouble(struct sampler *sampler)
{
	for (size_t i = 0; i < sampler->n_said; i++)
		if (sampler->said[i].due) {
			sampler->said[i].due = false;
			return sampler->said[i].text;
		}
	return NULL;
}
