/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "workloads/program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harness/base/clock.h"
#include "harness/base/text.h"

static bool is_executable_file(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

/* A load is started in another folder, so a relative path has to be completed.
 * Symbolic links stay: some programs look at the name they were called by. */
static char *absolute(const char *path)
{
	char *cwd, *joined;

	if (path[0] == '/')
		return xstrdup(path);
	cwd = getcwd(NULL, 0);
	if (!cwd)
		return xstrdup(path);
	joined = xasprintf("%s/%s", cwd, path);
	free(cwd);
	return joined;
}

static char *find_in_path(const char *name)
{
	const char *path = getenv("PATH");
	struct strings folders = {0};
	char *found = NULL;

	strings_split(&folders, path ? path : "/usr/local/bin:/usr/bin:/bin", ':');
	for (size_t i = 0; i < folders.n && !found; i++) {
		const char *folder = folders.items[i];
		char *candidate = xasprintf("%s/%s", *folder ? folder : ".", name);

		if (is_executable_file(candidate))
			found = absolute(candidate);
		free(candidate);
	}
	strings_free(&folders);
	return found;
}

char *program_find(const char *path, const char *name, struct error *err)
{
	struct stat st;

	if (!path)
		return find_in_path(name);
	if (stat(path, &st)) {
		error_set(err, ERROR_FAILED, "%s: expected the program %s: %s", path, name, strerror(errno));
		return NULL;
	}
	if (S_ISDIR(st.st_mode)) {
		error_set(err, ERROR_FAILED, "%s is a folder: expected the program %s itself, as in %s/%s",
			  path, name, path, name);
		return NULL;
	}
	if (!is_executable_file(path)) {
		error_set(err, ERROR_FAILED, "%s is not executable: expected the program %s", path, name);
		return NULL;
	}
	return absolute(path);
}

/* A group of its own, so that all of it can be killed, and the signal settings of a fresh login. */
static int spawn(pid_t *pid, const char *path, const char *option, int output)
{
	char *argv[] = {(char *)path, (char *)option, NULL};
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t none, all;
	int rc;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&files, output, STDERR_FILENO);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes,
				 POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setpgroup(&attributes, 0);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	rc = posix_spawn(pid, path, &files, &attributes, argv, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&files);
	return rc;
}

enum answer { ANSWER_WHOLE, ANSWER_LATE, ANSWER_TOO_LONG };

static enum answer read_answer(int fd, mono_t deadline, char *buf, size_t size)
{
	size_t used = 0;
	ssize_t got = 1;

	buf[0] = '\0';
	while (got != 0) {
		double left_s = mono_between_s(mono_now(), deadline);
		struct pollfd input = {.fd = fd, .events = POLLIN};

		if (left_s <= 0)
			return ANSWER_LATE;
		if (poll(&input, 1, (int)(left_s * 1000) + 1) <= 0)
			continue;
		got = read(fd, buf + used, size - used - 1);
		if (got > 0)
			used += (size_t)got;
		buf[used] = '\0';
		if (used == size - 1)
			return ANSWER_TOO_LONG;
	}
	return ANSWER_WHOLE;
}

/* Waits for the end of pid, but no longer than until the deadline. */
static bool wait_until(pid_t pid, mono_t deadline, int *status)
{
	const struct timespec pause = {.tv_nsec = 2000000};

	for (;;) {
		pid_t got = waitpid(pid, status, WNOHANG);

		if (got == pid)
			return true;
		if ((got < 0 && errno != EINTR) || mono_between_s(mono_now(), deadline) <= 0)
			return false;
		nanosleep(&pause, NULL);
	}
}

static void judge(const char *path, const char *option, enum answer answer, double deadline_s, int status,
		  struct error *err)
{
	if (answer == ANSWER_LATE)
		error_set(err, ERROR_FAILED, "%s %s did not end within %g s and was killed", path, option,
			  deadline_s);
	else if (answer == ANSWER_TOO_LONG)
		error_set(err, ERROR_FAILED, "%s %s wrote over %u bytes and was killed", path, option,
			  PROGRAM_MOST_BYTES);
	else if (WIFSIGNALED(status))
		error_set(err, ERROR_FAILED, "%s %s was ended by signal %d", path, option, WTERMSIG(status));
	else if (WEXITSTATUS(status) != 0)
		error_set(err, ERROR_FAILED, "%s %s ended with status %d, expected 0", path, option,
			  WEXITSTATUS(status));
}

char *program_ask(const char *path, const char *option, double deadline_s, struct error *err)
{
	mono_t deadline = mono_after_s(mono_now(), deadline_s);
	struct error local = {0};
	enum answer answer;
	int ends[2], status = 0, rc;
	char *buf = NULL;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC)) {
		error_set(err, ERROR_FAILED, "cannot make a pipe for %s: %s", path, strerror(errno));
		return NULL;
	}
	rc = spawn(&pid, path, option, ends[1]);
	close(ends[1]);
	if (rc) {
		close(ends[0]);
		error_set(err, ERROR_FAILED, "cannot start %s: %s", path, strerror(rc));
		return NULL;
	}
	buf = xcalloc(1, PROGRAM_MOST_BYTES);
	answer = read_answer(ends[0], deadline, buf, PROGRAM_MOST_BYTES);
	close(ends[0]);
	if (answer == ANSWER_WHOLE && !wait_until(pid, deadline, &status))
		answer = ANSWER_LATE;
	if (answer != ANSWER_WHOLE) {
		kill(-pid, SIGKILL);
		wait_until(pid, mono_after_s(mono_now(), 1), &status);
	}
	judge(path, option, answer, deadline_s, status, &local);
	if (local.kind != ERROR_NONE) {
		error_set(err, local.kind, "%s", local.text);
		free(buf);
		return NULL;
	}
	return xrealloc(buf, strlen(buf) + 1, 1);
}
