/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * load.h - starts a load, watches it, stops it, and sees that nothing is left.
 *
 * The load is the child of a guard process in a session of its own (guard.h),
 * in a cgroup of its own where allowed, else in a process group. The guard
 * holds one end of a pipe: when this program is gone, however it went, the
 * guard kills the load.
 */
#ifndef WATTSTEP_LOAD_H
#define WATTSTEP_LOAD_H

#include <stdbool.h>
#include <stddef.h>

#include "harness/base/error.h"

struct load; /* opaque */

struct load_status {
	bool running;      /* the command itself has not ended */
	int exit_status;   /* when it has ended: its exit status, or 128 + signal */
	unsigned n_processes; /* live processes of the load, the command itself included */
};

/* Starts argv (NULL-terminated) in directory temp_dir, its output in the file
 * "output" there. ERROR_FAILED if it cannot be started. */
struct load *load_start(char *const *argv, const char *temp_dir, struct error *err)
	__attribute__((warn_unused_result));

/* A descriptor that becomes readable when the command or the guard ends. */
int load_fd(const struct load *load);

/* What of it is alive now. Cheap enough for once a second. */
void load_watch(struct load *load, struct load_status *status);

/* Stops it: SIGTERM, after 1 s SIGKILL to all of it, then sees that none is
 * left, within 5 s. Returns 0, or -1 with err when something could not be
 * killed. Frees load; NULL is fine. */
int load_stop(struct load *load, struct error *err);

#endif
