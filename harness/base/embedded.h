/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * embedded.h - the data files that are built into the program.
 *
 * States, plans and schemas are JSON files in the source tree; the Makefile
 * turns them into one table, so that the program is one file that can be
 * copied to a node.
 */
#ifndef WATTSTEP_EMBEDDED_H
#define WATTSTEP_EMBEDDED_H

#include <stddef.h>

struct embedded_file {
	const char *path; /* as in the source tree: "workloads/states/idle.json" */
	const char *text; /* NUL-terminated */
	size_t size;      /* without the NUL */
};

/* All of them, sorted by path; the one after the last has a NULL path. */
extern const struct embedded_file embedded_files[];

/* The file of that path, or NULL. */
const struct embedded_file *embedded_find(const char *path);

#endif
