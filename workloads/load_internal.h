/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * load_internal.h - what load.c and its tests know of a load.
 */
#ifndef WATTSTEP_LOAD_INTERNAL_H
#define WATTSTEP_LOAD_INTERNAL_H

#include <sys/types.h>

#include "workloads/cgroup.h"
#include "workloads/load.h"

struct load {
	pid_t guard;           /* leads a session that only the load is in */
	pid_t group;           /* the command, and its process group */
	int socket;            /* to the guard */
	struct cgroup *cgroup; /* NULL: a process group alone */
	bool ended;            /* the command has ended, with exit_status */
	int exit_status;
	bool guard_is_gone;
};

/* load_start in the given cgroup, which it takes over; NULL: a process group
 * alone, as where cgroups are not to be had. */
struct load *load_start_steal(char *const *argv, const char *temp_dir, struct cgroup *cgroup,
			      struct error *err) __attribute__((warn_unused_result));

#endif
