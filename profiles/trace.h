/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * trace.h - all readings of a run, in memory: what every verdict and every
 * figure comes from.
 *
 * `run` fills it while it measures, `analyze` from a file (results/trace_csv.h).
 * Both hand it to the same judge (judge.h). Values are whole numbers of the
 * digits that the file has (us, uJ, mW, 0.001 %), so that the two cannot
 * differ.
 */
#ifndef WATTSTEP_TRACE_H
#define WATTSTEP_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "harness/base/unit.h"
#include "profiles/bmc_facts.h"
#include "profiles/rule.h"

#define TRACE_FAILED INT64_MIN   /* in place of a value: the read failed */
#define TRACE_OUTSIDE UINT16_MAX /* in place of a visit: between states */

/* 24 bytes a reading; a run's memory grows by these alone. */
struct trace_row {
	int64_t time_us;  /* CLOCK_MONOTONIC since the run began */
	int64_t value;    /* uJ since the run began, mW, 0.001 %, ms or 0.001; or TRACE_FAILED */
	uint16_t channel; /* index */
	uint16_t visit;   /* index, or TRACE_OUTSIDE */
};

/* A quantity and what is known of it. Strings are owned by the trace. */
struct trace_channel {
	char *id; /* "rapl/package-0", "load/utilisation" */
	enum unit unit;
	char *scope;               /* for people; NULL: not told */
	double resolution;         /* smallest step in J, W or %; NAN: unknown */
	double power_limit_w;      /* long-term limit in effect; NAN: none or unknown */
	double interval_s;         /* nominal time between two readings */
	double gain, offset_w;     /* calibration: watts = gain * watts + offset; 1 and 0 without one */
	double u_gain, u_offset_w; /* their standard uncertainties; NAN: no calibration */
	struct bmc_facts facts;    /* of a slow source: what it is judged with */
};

enum visit_end {
	VISIT_RUNNING,     /* no end is recorded: the run was cut off here */
	VISIT_DONE,        /* the judge had its verdict, or the time was up */
	VISIT_INTERRUPTED, /* a signal ended the run */
	VISIT_SKIPPED,     /* never started; note says why */
};

/* One visit of a state. */
struct trace_visit {
	char *state;       /* the state's name */
	unsigned visit;    /* 1 for the first visit of that state, 2 for the next ... */
	unsigned position; /* place in the plan, from 0: the same place in all rounds */
	int64_t began_us;  /* when its load had shown itself */
	int64_t ended_us;  /* INT64_MAX while it runs */
	size_t first_row;  /* rows of the visit lie in [first_row, end_row) */
	size_t end_row;
	double target_pct; /* utilisation of the CPUs it loads; 0: idle; NAN: not known (bare trace) */
	double share;      /* part of the node's cores it loads, 0..1 */
	double tau_s;      /* time window of the long-term power limit; NAN: unknown */
	bool bmc_rests;    /* slow sources are not asked meanwhile, and not missed */
	json_t *workload;  /* the profile's "workload": argv, sha256 ...; NULL: not known */
	json_t *context;   /* what the run found out by its end; NULL: nothing */
	enum visit_end end;
	char *note; /* why it was skipped; NULL otherwise */
};

enum trace_event_kind {
	TRACE_COUNTER_RESET, /* no difference may be taken across its time on its channel */
	TRACE_INTERVAL_LOST, /* the same */
	TRACE_SUSPENDED,   /* the machine was suspended: the same on all channels, and the window restarts */
	TRACE_SLOW_READ,   /* a read took over 5 ms */
	TRACE_WORKER_LOST, /* part of the load is gone */
	TRACE_LOAD_ENDED,  /* all of the load is gone */
	TRACE_LEARNT,      /* of the channel, a slow source: its facts are known now */
	TRACE_THROTTLED,   /* the processors' throttle counters rose */
	TRACE_EVENT_KINDS,
};

/* "counter_reset", ... as in the file. */
const char *trace_event_name(enum trace_event_kind kind);

struct trace_event {
	int64_t time_us;
	size_t row;  /* it happened before this row */
	int channel; /* index; -1: all or none */
	enum trace_event_kind kind;
};

struct trace {
	const struct rule *rule;
	json_t *plan;   /* the profile's "plan": name, sha256, rule, rounds */
	bool bare;      /* header and rows alone, as other programs may write them */
	bool synthetic; /* some channels are made up */
	bool complete;  /* the run came to its end */
	struct trace_channel *channels;
	size_t n_channels;
	struct trace_visit *visits;
	size_t n_visits;
	struct trace_row *rows;
	size_t n_rows, room_rows;
	struct trace_event *events;
	size_t n_events;
};

struct trace *trace_new(const struct rule *rule) __attribute__((warn_unused_result));
void trace_free(struct trace *trace); /* NULL is fine */

/* Adds a channel with unknown facts and returns it (valid until the next one is added). */
struct trace_channel *trace_add_channel(struct trace *trace, const char *id, enum unit unit);

/* Index of the channel of that id, or -1. */
int trace_find_channel(const struct trace *trace, const char *id);

/* Adds a visit of that state with the next visit number, its rows beginning
 * here, and returns it (valid until the next one is added). */
struct trace_visit *trace_add_visit(struct trace *trace, const char *state, int64_t began_us);

/* Adds a reading in trace units. visit: index or TRACE_OUTSIDE. The rows of the visit then reach to its end.
 */
void trace_add_row(struct trace *trace, int64_t time_us, size_t channel, size_t visit, int64_t value);

void trace_add_event(struct trace *trace, int64_t time_us, enum trace_event_kind kind, int channel);

/* A value in trace units: J to uJ, W to mW, % to 0.001 %, s to ms, a flag to 1000; NAN to TRACE_FAILED. */
int64_t trace_value(enum unit unit, double value);

#endif
