/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sources.h - which channels make up `cpu`, `dram` and `system`.
 *
 * Roles follow from the published channel names alone, so that a trace of any
 * program is judged as one of ours. Each sum is formed from one meter: the
 * first in order of preference that has such channels. Core, uncore and psys
 * zones are inside or across others and never added.
 */
#ifndef WATTSTEP_SOURCES_H
#define WATTSTEP_SOURCES_H

#include <stdbool.h>

#include "profiles/trace.h"

enum source { SOURCE_CPU, SOURCE_DRAM, SOURCE_SYSTEM, SOURCES };

/* "cpu", "dram", "system". */
const char *source_name(enum source source);

/* What a channel measures, read off its name. */
enum channel_role {
	ROLE_OTHER,
	ROLE_PACKAGE, /* "rapl/package-0", "rapl/package-0-die-1": the processors of a socket, or a die's part
		       */
	ROLE_DRAM,    /* "rapl/dram-0" */
	ROLE_SYSTEM,  /* "dcmi/system": the whole node */
	ROLE_UTILISATION,  /* "load/utilisation": of the CPUs the state loads */
	ROLE_MACHINE_BUSY, /* "node/utilisation": of the whole machine */
	ROLE_STEAL,        /* "node/steal" */
};

enum channel_role channel_role(const char *id);

/* The socket number in "package-P..." and "dram-P..."; -1 for other names. */
int channel_socket(const char *id);

/* The channels that make up a source: their indices into out[trace->n_channels].
 * excluded[n_channels] (NULL: none) marks channels that repeat others. Returns
 * how many; 0: the source is not there. */
size_t source_members(const struct trace *trace, enum source source, const bool *excluded, size_t *out);

/* Whether a channel is slow: a power source that refreshes in its own time. */
bool channel_is_slow(const struct trace_channel *channel);

/* The smallest step of a power channel, W: as its meter says, else as learnt or assumed. */
double channel_step_w(const struct trace_channel *channel);

/*
 * Marks channels that repeat another one of the same socket and kind: their
 * energies over three of four spans of 10 s under load are equal within 0.1 % (a die whose
 * zone shows its socket's counter). The first of each group stays. Zones of
 * different sockets are never merged. excluded: trace->n_channels flags.
 */
void sources_find_mirrors(const struct trace *trace, bool *excluded);

#endif
