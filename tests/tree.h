/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tree.h - a folder of files of a test's own making, such as a small /sys.
 */
#ifndef WATTSTEP_TESTS_TREE_H
#define WATTSTEP_TESTS_TREE_H

#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/base/text.h"

/* A new empty folder; tree_free takes it away with all that is in it. */
static inline char *tree_new(void)
{
	const char *temp = getenv("TMPDIR");
	char *root = xasprintf("%s/wattstep-test-XXXXXX", temp ? temp : "/tmp");

	if (!mkdtemp(root)) {
		perror(root);
		abort();
	}
	return root;
}

/* Writes <root>/<path>, and makes the folders on the way. */
static inline void __attribute__((format(printf, 3, 4)))
tree_write(const char *root, const char *path, const char *format, ...)
{
	char *full = xasprintf("%s/%s", root, path);
	va_list args;
	FILE *f;

	for (char *slash = full + 1; *slash; slash++)
		if (*slash == '/') {
			*slash = '\0';
			mkdir(full, 0700);
			*slash = '/';
		}
	f = fopen(full, "w");
	if (!f) {
		perror(full);
		abort();
	}
	va_start(args, format);
	vfprintf(f, format, args);
	va_end(args);
	fclose(f);
	free(full);
}

static inline int tree_remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st, (void)type, (void)where;
	return remove(path);
}

static inline void tree_free(char *root)
{
	nftw(root, tree_remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(root);
}

#endif
