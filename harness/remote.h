/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * remote.h - a meter in a process of its own, under a deadline.
 *
 * A call into a baseboard management controller can block for a minute, and its
 * process can hang in the kernel where not even SIGKILL ends it. Such a meter is
 * opened and read by a child process; what the rest of the program sees is a
 * struct meter with the same channels whose read never blocks. Without an answer
 * for late_s the child is late, which is said and counted; for lost_s it is
 * lost: it is killed and started anew after 1, 2, 4 ... 30 s. The child ends
 * with this program, however that ends.
 *
 * This program must be single-threaded: the child goes on after fork.
 */
#ifndef WATTSTEP_REMOTE_H
#define WATTSTEP_REMOTE_H

#include <stdbool.h>
#include <sys/types.h>

#include "harness/meter.h"

/* Times in seconds. A member that is 0 has its default. */
struct remote_policy {
	double period_s;        /* between two polls; default: the class's least_poll_s, at least 1 */
	double open_s;          /* to open the meter; 20 */
	double late_s;          /* an answer is late; 2: most BMCs take under one */
	double lost_s;          /* it will not come any more; 10 */
	double backoff_least_s; /* until the first start anew, doubled with each that fails; 1 */
	double backoff_most_s;  /* 30 */
	double close_s;         /* for the child to end by itself; 1 */

	/* Of signalfd(2): a signal that waits there ends the wait of remote_open,
	 * and is left for whoever takes it. 0: none. */
	int signal_fd;
};

/*
 * Opens a meter of class in a child process and waits for it, at most open_s.
 * Err is the class's own where opening failed, ERROR_FAILED where no answer
 * came. policy may be NULL; class and the strings of config are borrowed for the
 * meter's life. The meter has its own struct meter_class, with the texts of
 * class:
 *
 * read   hands over the readings of one poll that arrived since the last call,
 *        oldest first: call it until remote_fd is no longer readable. Where none
 *        arrived all are READING_NONE. A child that is lost gives one
 *        READING_FAILED for each channel. Its first energy after that goes on
 *        from the old value, with EVENT_INTERVAL_LOST.
 *        Call it at least every second or so: it also sees to the deadlines.
 * describe adds the class's members, as they were when it was opened, and
 *        "process": {"late": n, "restarts": n}.
 * close  ends the child: it has close_s to end by itself, is then killed, and is
 *        waited for at most close_s more.
 */
int remote_open(struct meter **out, const struct meter_class *class, const struct meter_config *config,
		const struct remote_policy *policy, struct error *err) __attribute__((warn_unused_result));

/* A descriptor for poll(2): readable when read has something to hand over. The
 * same for the meter's life. -1: this meter is not read in a child. */
int remote_fd(const struct meter *meter);

/* From now on so long between two polls, the first at once. */
void remote_pace(struct meter *meter, double period_s);

/* Asks for a reading now, before the next poll is due. */
void remote_request(struct meter *meter);

struct remote_status {
	pid_t pid;           /* the child's; 0: there is none at the moment */
	bool lost;           /* no readings are to be expected at the moment */
	unsigned n_late;     /* answers that took longer than late_s, those that never came included */
	unsigned n_losses;   /* how often the child was lost, or ended */
	unsigned n_restarts; /* how often it was opened anew */
	double cpu_s;        /* processor time of the children until the last answer */
	long wakeups;        /* how often they slept and were woken */
};

/* All zero for a meter that is not read in a child. */
void remote_status(const struct meter *meter, struct remote_status *out);

#endif
