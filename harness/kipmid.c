/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "harness/kipmid.h"

#include <ctype.h>
#include <dirent.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/base/text.h"

#define THREAD_NAME "kipmi"

/* Fields 14 and 15 of /proc/PID/stat (proc(5)): ticks in user and in system mode. stat is taken apart behind
 * the name, which may hold anything. */
static double cpu_ticks_of(const char *stat)
{
	const char *name_end = strrchr(stat, ')');
	unsigned long user, system;

	if (!name_end ||
	    sscanf(name_end + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2)
		return NAN;
	return (double)user + (double)system;
}

static bool is_thread(const char *stat)
{
	const char *name = strchr(stat, '(');

	return name && strncmp(name + 1, THREAD_NAME, strlen(THREAD_NAME)) == 0;
}

double kipmid_cpu_s(const struct roots *roots)
{
	DIR *folder = opendir(roots->procfs);
	struct dirent *entry;
	double ticks = NAN;

	while (folder && (entry = readdir(folder))) {
		char stat[1024], *path;

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		path = xasprintf("%s/%s/stat", roots->procfs, entry->d_name);
		if (file_read_text(path, stat, sizeof stat) >= 0 && is_thread(stat))
			ticks = (isnan(ticks) ? 0 : ticks) + cpu_ticks_of(stat);
		free(path);
	}
	if (folder)
		closedir(folder);
	return ticks / (double)sysconf(_SC_CLK_TCK);
}
