/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "harness/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/base/text.h"

static int write_all(int fd, const char *text)
{
	size_t left = strlen(text);

	while (left) {
		ssize_t wrote = write(fd, text, left);

		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote < 0)
			return -1;
		text += wrote;
		left -= (size_t)wrote;
	}
	return 0;
}

static void sync_folder(const char *path)
{
	char *copy = xstrdup(path);
	int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0) {
		fsync(fd);
		close(fd);
	}
	free(copy);
}

/* mkstemp makes 0600; a document is made as any file is. */
static void use_default_mode(int fd)
{
	mode_t mask = umask(0);

	umask(mask);
	fchmod(fd, 0666 & ~mask);
}

static int write_beside(const char *path, const char *text, struct error *err)
{
	char *beside = xasprintf("%s.XXXXXX", path);
	int fd = mkostemp(beside, O_CLOEXEC);
	int result = -1;

	if (fd < 0)
		goto out;
	use_default_mode(fd);
	if (text && (write_all(fd, text) || fsync(fd) || rename(beside, path))) {
		int saved = errno;

		unlink(beside);
		errno = saved;
		goto out;
	}
	if (!text)
		unlink(beside);
	else
		sync_folder(path);
	result = 0;
out:
	if (result)
		error_set(err, ERROR_FAILED, "%s: cannot be written: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	free(beside);
	return result;
}

int outfile_check(const char *path, struct error *err)
{
	struct stat at;

	if (strcmp(path, "-") == 0)
		return 0;
	if (stat(path, &at) == 0 && !S_ISREG(at.st_mode))
		return error_set(err, ERROR_FAILED, "%s: cannot be written: it is not a regular file", path);
	return write_beside(path, NULL, err);
}

int outfile_write(const char *path, const char *text, struct error *err)
{
	if (strcmp(path, "-") != 0)
		return write_beside(path, text, err);
	if (write_all(STDOUT_FILENO, text))
		return error_set(err, ERROR_FAILED, "standard output: cannot be written: %s",
				 strerror(errno));
	return 0;
}
