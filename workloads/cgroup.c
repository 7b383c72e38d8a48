/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "workloads/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/base/text.h"

struct cgroup {
	char *path;
	int folder;
};

/* mountinfo writes space, tab, newline and backslash as \040, \011, \012, \134 (proc(5)). */
static void unescape(char *s)
{
	char *out = s;

	for (; *s; s++) {
		if (s[0] == '\\' && s[1] && s[2] && s[3]) {
			*out++ = (char)((s[1] - '0') * 64 + (s[2] - '0') * 8 + (s[3] - '0'));
			s += 3;
		} else {
			*out++ = *s;
		}
	}
	*out = '\0';
}

/* Where version 2 is mounted, alone or beside version 1, and which part of the
 * hierarchy is seen there. "31 23 0:28 ROOT MOUNT-POINT OPTIONS ... - cgroup2 cgroup2 rw" */
static bool find_mount(char root[PATH_MAX], char point[PATH_MAX])
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char *line = NULL;
	size_t size = 0;
	bool found = false;

	if (!f)
		return false;
	while (!found && getline(&line, &size, f) > 0)
		found = strstr(line, " - cgroup2 ") &&
			sscanf(line, "%*s %*s %*s %4095s %4095s", root, point) == 2;
	free(line);
	fclose(f);
	if (found) {
		unescape(root);
		unescape(point);
	}
	return found;
}

/* The group that we are in: the line "0::/PATH". The caller frees. */
static char *own_group(void)
{
	FILE *f = fopen("/proc/self/cgroup", "re");
	char *line = NULL, *path = NULL;
	size_t size = 0;

	if (!f)
		return NULL;
	while (!path && getline(&line, &size, f) > 0)
		if (strncmp(line, "0::/", 4) == 0) {
			line[strcspn(line, "\n")] = '\0';
			path = xstrdup(line + 3);
		}
	free(line);
	fclose(f);
	return path;
}

/* The folder of the group that we are in. The caller frees; NULL: there is none. */
static char *own_folder(void)
{
	char root[PATH_MAX], point[PATH_MAX];
	char *group = own_group(), *folder = NULL;
	size_t skip;

	if (group && find_mount(root, point)) {
		skip = strcmp(root, "/") == 0 ? 0 : strlen(root);
		if (strncmp(group, root, skip) == 0 && !strstr(group, "/.."))
			folder = xasprintf("%s%s", point, group[skip] == '/' ? group + skip : "/");
	}
	free(group);
	return folder;
}

/* A program of the same number may have left groups behind: the first free name is taken. */
static char *make_folder(const char *parent)
{
	static unsigned serial;
	const char *slash = parent[strlen(parent) - 1] == '/' ? "" : "/";

	for (unsigned tries = 0; tries < 100; tries++) {
		char *path = xasprintf("%s%swattstep-%d-%u", parent, slash, (int)getpid(), ++serial);

		if (mkdir(path, 0755) == 0)
			return path;
		free(path);
		if (errno != EEXIST)
			return NULL;
	}
	return NULL;
}

struct cgroup *cgroup_create(void)
{
	char *parent = own_folder();
	char *path = parent ? make_folder(parent) : NULL;
	struct cgroup *cgroup;

	free(parent);
	if (!path)
		return NULL;
	cgroup = xcalloc(1, sizeof *cgroup);
	cgroup->path = path;
	cgroup->folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (cgroup->folder < 0) {
		cgroup_destroy(cgroup);
		return NULL;
	}
	return cgroup;
}

void cgroup_remove(const struct cgroup *cgroup)
{
	rmdir(cgroup->path);
}

void cgroup_destroy(struct cgroup *cgroup)
{
	if (!cgroup)
		return;
	cgroup_remove(cgroup);
	if (cgroup->folder >= 0)
		close(cgroup->folder);
	free(cgroup->path);
	free(cgroup);
}

const char *cgroup_path(const struct cgroup *cgroup)
{
	return cgroup->path;
}

int cgroup_fd(const struct cgroup *cgroup)
{
	return cgroup->folder;
}

static int write_file(const struct cgroup *cgroup, const char *name, const char *text)
{
	int fd = openat(cgroup->folder, name, O_WRONLY | O_CLOEXEC);
	int rc = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		rc = -errno;
	close(fd);
	return rc;
}

int cgroup_join(const struct cgroup *cgroup)
{
	return write_file(cgroup, "cgroup.procs", "0"); /* 0: the writer itself */
}

unsigned cgroup_count(const struct cgroup *cgroup)
{
	int fd = openat(cgroup->folder, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	char buf[4096];
	unsigned n = 0;
	ssize_t got;

	if (fd < 0)
		return 0;
	while ((got = read(fd, buf, sizeof buf)) > 0)
		for (ssize_t i = 0; i < got; i++)
			n += buf[i] == '\n';
	close(fd);
	return n;
}

bool cgroup_is_empty(const struct cgroup *cgroup)
{
	int fd = openat(cgroup->folder, "cgroup.events", O_RDONLY | O_CLOEXEC);
	char buf[256] = "";
	ssize_t got;

	if (fd < 0) /* removed, so it was empty */
		return errno == ENOENT || errno == ENODEV;
	got = read(fd, buf, sizeof buf - 1);
	if (got < 0 && errno == ENODEV) /* removed between the two */
		strcpy(buf, "populated 0");
	close(fd);
	return strstr(buf, "populated 0");
}

/* Kernels before 5.14 have no cgroup.kill. A member that forks between the
 * reading and the signal is caught by the next call: callers repeat until empty. */
static void kill_one_by_one(const struct cgroup *cgroup)
{
	int fd = openat(cgroup->folder, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
	int pid;

	if (!f) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while (fscanf(f, "%d", &pid) == 1)
		if (pid > 1) /* 0 stands for a process outside our pid namespace */
			kill(pid, SIGKILL);
	fclose(f);
}

void cgroup_kill(const struct cgroup *cgroup)
{
	if (write_file(cgroup, "cgroup.kill", "1") < 0)
		kill_one_by_one(cgroup);
}
