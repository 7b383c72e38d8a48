/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * guard.h - the process between this program and its load.
 *
 * It is forked, not executed, so that nothing has to be installed for it. It
 * lives in a session of its own, where no Ctrl-C and no closing terminal
 * reaches it, holds one end of a socket whose other end is this program's, and
 * is the parent ("child subreaper") of all that the load leaves orphaned. So
 * it knows three things that nobody else knows together: that the program is
 * gone, that the load has ended, and that none of it is left.
 *
 * This program has a single thread: the guard may use all of libc after fork.
 */
#ifndef WATTSTEP_GUARD_H
#define WATTSTEP_GUARD_H

#include <sys/types.h>

#include "harness/base/error.h"
#include "workloads/cgroup.h"
#include "workloads/load.h"

/* SIGTERM has so long, in seconds, before SIGKILL follows: stress-ng 0.15.06
 * needs 0.01 to 0.1 s to end and to write its figures. */
#define GUARD_TERM_S 1.0

/* After SIGKILL so long until it is said that something is left. */
#define GUARD_KILL_S 4.0

/* So long the guard keeps killing what was left then: freeing a terabyte, or a
 * disk that does not answer, can hold a killed process up. */
#define GUARD_LAST_S 60.0

/* The one order that this program sends; closing the socket is the other: kill at once. */
#define GUARD_STOP 's'

enum guard_event {
	GUARD_STARTED, /* value: 1 in the cgroup, 0 not; pid: the load's process group */
	GUARD_REFUSED, /* value: errno; step: what failed; the guard ends */
	GUARD_ENDED,   /* value: exit status of the load's command, or 128 + signal */
	GUARD_STOPPED, /* value: how many processes are left; the guard ends, at once if 0 */
};

enum guard_step {
	STEP_FORK,   /* start a process */
	STEP_GROUP,  /* its process group */
	STEP_FOLDER, /* enter the temporary folder */
	STEP_OUTPUT, /* open the file for its output */
	STEP_EXEC,   /* execute the command */
};

/* What the guard sends, one message each. */
struct guard_report {
	enum guard_event event;
	enum guard_step step;
	int value;
	pid_t pid;
};

struct guard_job {
	char *const *argv;
	const char *temp_dir;
	const struct cgroup *cgroup; /* NULL: a process group alone */
	int socket;                  /* SOCK_SEQPACKET, our end of it */
	pid_t parent;                /* the program that we guard */
};

/* What a forked child does to become the guard. All signals must be blocked. Never returns. */
_Noreturn void guard_run(const struct guard_job *job);

#endif
