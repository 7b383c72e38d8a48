/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * process.h - which processes belong together, from the kernel's /proc.
 */
#ifndef WATTSTEP_PROCESS_H
#define WATTSTEP_PROCESS_H

#include <stddef.h>
#include <sys/types.h>

enum process_relation {
	PROCESS_IN_GROUP,   /* its process group is id */
	PROCESS_IN_SESSION, /* its session is id */
	PROCESS_CHILD_OF,   /* its parent is id */
};

/* The live processes (no zombies, not the caller) so related to id: the first
 * most of them into out. Returns how many there are. For groups and sessions
 * it costs one system call a process on the machine, for children three and a
 * page of text. */
size_t process_list(enum process_relation relation, pid_t id, pid_t *out, size_t most);

#endif
