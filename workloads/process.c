/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "workloads/process.h"

#include <ctype.h>
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/base/text.h"

/* /proc/PID/stat: "PID (any name, even with brackets) STATE PARENT ...". */
static bool read_stat(pid_t pid, char *state, pid_t *parent)
{
	char path[64], text[512];
	const char *end;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	if (file_read_text(path, text, sizeof text) < 0)
		return false;
	end = strrchr(text, ')');
	return end && sscanf(end + 1, " %c %d", state, parent) == 2;
}

static bool is_related(pid_t pid, enum process_relation relation, pid_t id)
{
	pid_t parent;
	char state;

	if ((relation == PROCESS_IN_GROUP && getpgid(pid) != id) ||
	    (relation == PROCESS_IN_SESSION && getsid(pid) != id))
		return false;
	if (!read_stat(pid, &state, &parent) || state == 'Z' || state == 'X')
		return false;
	return relation != PROCESS_CHILD_OF || parent == id;
}

size_t process_list(enum process_relation relation, pid_t id, pid_t *out, size_t most)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	size_t n = 0;

	if (!proc)
		return 0;
	while ((entry = readdir(proc))) {
		pid_t pid = isdigit((unsigned char)entry->d_name[0]) ? atoi(entry->d_name) : 0;

		if (!pid || pid == getpid() || !is_related(pid, relation, id))
			continue;
		if (n < most)
			out[n] = pid;
		n++;
	}
	closedir(proc);
	return n;
}
