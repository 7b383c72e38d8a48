/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * guard_start.h - how the guard turns a fork of itself into the load.
 */
#ifndef WATTSTEP_GUARD_START_H
#define WATTSTEP_GUARD_START_H

#include <stdbool.h>

#include "workloads/guard.h"

struct start_result {
	pid_t pid;      /* of the command, which leads the process group of the same number; 0: not started */
	bool in_cgroup; /* it could join the job's cgroup */
	enum guard_step step; /* where it failed, with error_number */
	int error_number;     /* 0: it runs */
};

/* Forks and executes the job's command, and returns when it is known whether
 * that worked. */
struct start_result guard_start(const struct guard_job *job);

#endif
