/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * meter.h - one interface for every source of power readings.
 *
 * A meter is opened once, read many times and closed once. Each back end
 * (meter_rapl.c, meter_sim.c, ...) defines one constant struct meter_class;
 * meter.c lists them, and nothing else knows their names.
 *
 * A back end hands over what the hardware said: cumulative energy with wraps
 * resolved, or power, and the time it was taken. It never averages, never
 * repeats a last good value and never turns "absent" into 0. The judging core
 * does the arithmetic once, for all meters.
 */
#ifndef WATTSTEP_METER_H
#define WATTSTEP_METER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <jansson.h>

#include "harness/base/clock.h"
#include "harness/base/error.h"
#include "harness/base/roots.h"
#include "harness/base/unit.h"

/* One quantity of one meter. Names are DESIGN's: "rapl/package-0", "rapl/dram-1", "sim/system". */
struct channel {
	char id[64];
	enum unit unit;    /* UNIT_JOULE: since the meter was opened */
	char scope[128];   /* what is inside the measurement, for people */
	double resolution; /* smallest step, in J or W; NAN: unknown */
	double range_j; /* at this much energy the hardware's counter wraps; NAN: it does not, or is unknown
			 */
	double power_limit_w; /* long-term power limit in effect; NAN: none or unknown */
	double time_window_s; /* time window (tau) of that limit; NAN: unknown */
	double interval_s;    /* time between two readings where they are rarer than polls; 0: they are not */
};

enum reading_state {
	READING_OK,
	READING_FAILED, /* asked, and no value came: value is NAN */
	READING_NONE, /* nothing new since the last call: not a reading (sources in a process of their own) */
};

/* What happened to the counter between the last good reading and this one. The
 * energy of that interval is not known; no difference may be taken across it. */
enum reading_event {
	EVENT_NONE,
	EVENT_COUNTER_RESET, /* the counter fell, and a wrap would need implausible power: driver reloaded */
	EVENT_INTERVAL_LOST, /* so long a gap that wraps cannot be counted, or a rise that needs implausible
				power */
};

struct reading {
	mono_t at;     /* midpoint of the read */
	double value;  /* J or W, as the channel says */
	double took_s; /* how long the read took */
	enum reading_state state;
	enum reading_event event;
};

/* An open meter. A back end embeds it as the first member of its own struct. */
struct meter {
	const struct meter_class *class;
	struct channel *channels; /* fixed for the life of the meter, owned by the back end */
	size_t n_channels;
	bool synthetic; /* its readings are made up: a profile with them says so */
};

struct bmc_options;

/* What the command line says to meters. Strings are borrowed. */
struct meter_config {
	struct roots roots;
	const char *sim;               /* --sim KEY=VALUE,...; NULL: all defaults */
	const char *sim_truth;         /* --sim-truth FILE; NULL: none */
	const struct bmc_options *bmc; /* the management controller */
};

struct meter_class {
	const char *name;    /* "rapl": in options and in documents */
	const char *covers;  /* what is inside the measurement, for people */
	const char *needs;   /* what has to be there, for people */
	bool automatic;      /* used where present; false: by name only */
	bool blocking;       /* reads can block: read in a process of its own (remote.h) */
	double least_poll_s; /* shortest interval between two polls that makes sense; 0: every tick */
	double open_s;       /* blocking: for so long it may take to open; 0: remote.h's default */
	const char *instead; /* used by itself only where the meter of this name is absent; NULL: always */

	/* Looks whether there is anything to open, without blocking and without a process; err as for open.
	 * NULL: open itself is as quick. */
	int (*probe)(const struct meter_config *config, struct error *err);

	/* Finds the channels. On success *out is the open meter; on failure err
	 * says whether the source is absent, forbidden or broken, and what the
	 * user can do about it. */
	int (*open)(struct meter **out, const struct meter_config *config, struct error *err);

	/* One reading per channel, back to back, into out[n_channels]. Never
	 * fails as a whole: what went wrong is in the readings; the sentence for
	 * people is in err, ERROR_NONE where all is well. */
	void (*read)(struct meter *meter, struct reading *out, struct error *err);

	/* Adds members to this meter's entry in the profile ("interface", ...). */
	void (*describe)(const struct meter *meter, json_t *entry);

	/* What `wattstep meters` shows of such an entry, above the channels; NULL: nothing more. */
	void (*print)(const json_t *entry, FILE *out);

	void (*close)(struct meter *meter); /* NULL is fine */
};

/* All meters this program knows, in the order in which people see them; NULL at the end. */
extern const struct meter_class *const meter_classes[];

/* The class of that name, or NULL. */
const struct meter_class *meter_class_find(const char *name);

#endif
