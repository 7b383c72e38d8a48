/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cgroup.h - a control group of our own (version 2) that a load cannot leave.
 *
 * It lies below the group this process is in, is called "wattstep-PID-N" and
 * limits nothing: it only knows its members and kills them all at once. The
 * handle stays usable in a forked child.
 */
#ifndef WATTSTEP_CGROUP_H
#define WATTSTEP_CGROUP_H

#include <stdbool.h>

struct cgroup; /* opaque */

/* NULL where there is no cgroup v2 or we may not write to it: not an error. */
struct cgroup *cgroup_create(void) __attribute__((warn_unused_result));

/* Removes the group if it is empty; frees. NULL is fine. */
void cgroup_destroy(struct cgroup *cgroup);

const char *cgroup_path(const struct cgroup *cgroup);
int cgroup_fd(const struct cgroup *cgroup); /* of its folder, for those that close descriptors */

/* Moves the calling process in. Async-signal-safe. Returns 0 or -errno. */
int cgroup_join(const struct cgroup *cgroup);

/* Live processes in it (zombies not counted). */
unsigned cgroup_count(const struct cgroup *cgroup);

/* Nothing alive in it or below it. */
bool cgroup_is_empty(const struct cgroup *cgroup);

/* SIGKILL to all of it. Does not wait for their end. */
void cgroup_kill(const struct cgroup *cgroup);

/* Removes the group's folder, which works once it is empty. The handle stays. */
void cgroup_remove(const struct cgroup *cgroup);

#endif
