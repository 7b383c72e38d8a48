/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * remote_process.h - the child of remote.c as a process: started, heard, ended.
 *
 * Nothing here waits for the child without a bound. One that does not go even
 * after SIGKILL, because it hangs in the kernel, is kept in mind and looked for
 * again later.
 */
#ifndef WATTSTEP_REMOTE_PROCESS_H
#define WATTSTEP_REMOTE_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "harness/meter.h"
#include "harness/remote_child.h"

/* With so many children that cannot be killed no further one is started. */
#define REMOTE_MOST_UNDEAD 3

struct remote_process {
	pid_t pid;       /* 0: no child at the moment */
	int socket;      /* to it */
	int epoll;       /* of the socket, whichever it is at the moment */
	int wait_status; /* of the last child, as waitpid(2) gave it; -1: unknown */
	pid_t undead[REMOTE_MOST_UNDEAD];
	size_t n_undead;
};

/* An answer that has arrived: at most one of the two is set. */
struct packet {
	struct answer *answer; /* the caller frees */
	bool ended;            /* the child has ended, and said all it had to say */
};

int remote_process_init(struct remote_process *process, const char *name, struct error *err);

int remote_process_start(struct remote_process *process, const struct meter_class *class,
			 const struct meter_config *config, double period_s, struct error *err);

/* Takes the next answer; never waits. */
struct packet remote_process_receive(const struct remote_process *process);

/* Closes the connection, so that the child ends by itself; after patience_s it
 * is killed; its end is waited for at most dying_s more. false: it is not gone yet. */
bool remote_process_end(struct remote_process *process, double patience_s, double dying_s);

/* Whether another child may be started; looks for the end of those that were not gone. */
bool remote_process_may_start(struct remote_process *process);

/* Frees what init took. The child has to be ended before. */
void remote_process_close(struct remote_process *process);

#endif
