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

/* Makes a private folder "wattstep-XXXXXX" below $TMPDIR or /tmp for a load's
 * output and temporary files. The caller frees the path and removes the folder;
 * should this program be killed while a load runs, the guard removes it. */
char *load_temp_dir(struct error *err) __attribute__((warn_unused_result));

/* Removes such a folder with all that is in it, following no links. A path
 * whose last part does not begin with "wattstep-", or that another user owns,
 * stays. NULL is fine. */
void load_temp_remove(const char *path);

struct load_status {
	bool running;         /* the command itself has not ended */
	int exit_status;      /* when it has ended: its exit status, or 128 + signal; 0 while it runs */
	unsigned n_processes; /* live processes of the load, the command itself included */
};

/* Starts argv (NULL-terminated; argv[0] is a path or is searched in PATH) in
 * directory temp_dir, its output in the file "output" there. It gets no open
 * file of ours, the default signal settings and no terminal. ERROR_FAILED if it
 * cannot be started. This program must have a single thread, and its descriptors
 * 0, 1 and 2 open. */
struct load *load_start(char *const *argv, const char *temp_dir, struct error *err)
	__attribute__((warn_unused_result));

/* A descriptor that becomes readable when the command or the guard ends. */
int load_fd(const struct load *load);

/* What of it is alive now. Cheap enough for once a second. */
void load_watch(struct load *load, struct load_status *status);

/* Stops it: SIGTERM, after 1 s SIGKILL to all of it, then sees that none is
 * left, within 5 s. Returns 0, or -1 with err when something has not ended by
 * then (the guard keeps after it for another minute). Frees load; NULL is fine. */
int load_stop(struct load *load, struct error *err);

#endif
