/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * remote_child.h - the child's side of remote.c, and what the two say.
 *
 * They talk over a SOCK_SEQPACKET socket pair, one packet a message, so that
 * there are no half messages. The child sends a struct answer and what belongs
 * to it. Any packet from the parent asks for a reading now; a double in it is
 * the time between two polls from then on.
 */
#ifndef WATTSTEP_REMOTE_CHILD_H
#define WATTSTEP_REMOTE_CHILD_H

#include <sys/types.h>

#include "harness/meter.h"

enum answer_kind {
	ANSWER_OPENED,   /* struct channel[n], then text_size bytes: the meter's description as JSON */
	ANSWER_REFUSED,  /* nothing: err says why the meter could not be opened; the child ends */
	ANSWER_READINGS, /* struct reading[n] */
};

/* What the child has used since it was started. */
struct child_cost {
	double cpu_s;
	long wakeups; /* how often it slept and was woken */
};

struct answer {
	enum answer_kind kind;
	bool synthetic;
	size_t n, text_size;
	mono_t asked, answered; /* the read began and ended */
	mono_t next;            /* the next read is due */
	struct child_cost cost;
	struct error err;
};

/* Opens and reads the meter until the socket's other end is closed or parent is gone; then ends the process.
 */
void remote_child_run(int socket, pid_t parent, const struct meter_class *class,
		      const struct meter_config *config, double period_s) __attribute__((noreturn));

#endif
