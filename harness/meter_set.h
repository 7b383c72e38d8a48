/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * meter_set.h - the meters that a command reads, opened together.
 */
#ifndef WATTSTEP_METER_SET_H
#define WATTSTEP_METER_SET_H

#include "harness/base/error.h"
#include "harness/meter.h"

/* What came of opening one meter. */
struct meter_slot {
	const struct meter_class *class;
	struct meter *meter; /* NULL: not open; why says why */
	struct error why;
};

struct meter_set {
	struct meter_slot *slots; /* in the order of meter_classes, or of the list */
	size_t n_slots;
	size_t n_open;
};

/*
 * Opens the meters named in list ("rapl,sim"), or with NULL all that are used
 * by themselves. A meter that cannot be opened is no error here: its slot says
 * why. -1 only for an unknown or repeated name (ERROR_INPUT). A class that can
 * block is opened in a process of its own; a signal that waits at signal_fd
 * (0: none) ends the wait for it.
 */
int meter_set_open(struct meter_set *set, const char *list, const struct meter_config *config, int signal_fd,
		   struct error *err);
void meter_set_close(struct meter_set *set);

/* Sets err for a set of which nothing is open: a line for each source, saying
 * what is missing and what to do, and how to measure the simulated node.
 * ERROR_FORBIDDEN where permission is missing for any, else ERROR_ABSENT, or
 * what a named meter's own error was. Returns -1. */
int meter_set_explain(const struct meter_set *set, struct error *err);

/* The profile's "meters". A new reference. */
json_t *meter_set_describe(const struct meter_set *set) __attribute__((warn_unused_result));

#endif
