/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "workloads/load.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/base/text.h"

#define PREFIX "wattstep-"

/* stress-ng makes folders in folders, two or three deep; this only bounds the recursion. */
#define MOST_DEPTH 32

char *load_temp_dir(struct error *err)
{
	const char *parent = getenv("TMPDIR");
	char *path = xasprintf("%s/" PREFIX "XXXXXX", parent && parent[0] == '/' ? parent : "/tmp");

	if (mkdtemp(path))
		return path;
	error_set(err, ERROR_FAILED,
		  "cannot make a folder for the load's temporary files (%s): %s; TMPDIR names the place",
		  path, strerror(errno));
	free(path);
	return NULL;
}

static void empty_folder(int fd, unsigned depth);

static void remove_entry(int parent, const char *name, unsigned depth)
{
	int fd;

	if (unlinkat(parent, name, 0) == 0 || depth == 0)
		return;
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return;
	empty_folder(fd, depth - 1);
	unlinkat(parent, name, AT_REMOVEDIR);
}

/* Takes over fd. */
static void empty_folder(int fd, unsigned depth)
{
	DIR *folder = fdopendir(fd);
	struct dirent *entry;

	if (!folder) {
		close(fd);
		return;
	}
	while ((entry = readdir(folder)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			remove_entry(fd, entry->d_name, depth);
	closedir(folder);
}

void load_temp_remove(const char *path)
{
	const char *name = path ? strrchr(path, '/') : NULL;
	struct stat st;
	int fd;

	if (!name || strncmp(name + 1, PREFIX, strlen(PREFIX)) != 0)
		return;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return;
	if (fstat(fd, &st) || st.st_uid != geteuid()) {
		close(fd);
		return;
	}
	empty_folder(fd, MOST_DEPTH);
	rmdir(path);
}
