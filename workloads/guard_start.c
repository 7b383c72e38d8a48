/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "workloads/guard_start.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the child tells through a pipe that exec closes. */
struct message {
	bool no_cgroup; /* else: step failed with error_number */
	enum guard_step step;
	int error_number;
};

static void tell(int pipe, struct message message)
{
	while (write(pipe, &message, sizeof message) < 0 && errno == EINTR)
		;
}

static _Noreturn void give_up(int pipe, enum guard_step step)
{
	tell(pipe, (struct message){.step = step, .error_number = errno});
	_exit(127);
}

/* The guard blocks all signals; that none is ignored it has seen to. */
static void unblock_signals(void)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static int redirect(void)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int output = open("output", O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (null < 0 || output < 0)
		return -1;
	return dup2(null, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0 ||
			       dup2(output, STDERR_FILENO) < 0
		       ? -1
		       : 0;
}

/* PR_SET_PDEATHSIG reaches the command should the guard be killed; a guard that
 * died before the call is seen by the number of the parent. */
static _Noreturn void become_load(const struct guard_job *job, pid_t guard, int pipe)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != guard)
		_exit(127);
	unblock_signals();
	if (setpgid(0, 0))
		give_up(pipe, STEP_GROUP);
	if (job->cgroup && cgroup_join(job->cgroup) < 0)
		tell(pipe, (struct message){.no_cgroup = true});
	if (chdir(job->temp_dir))
		give_up(pipe, STEP_FOLDER);
	if (redirect())
		give_up(pipe, STEP_OUTPUT);
	execvp(job->argv[0], job->argv);
	give_up(pipe, STEP_EXEC);
}

static void listen_to(int pipe, struct start_result *result)
{
	struct message message;
	ssize_t got;

	while ((got = read(pipe, &message, sizeof message)) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got != sizeof message)
			break;
		if (message.no_cgroup) {
			result->in_cgroup = false;
		} else {
			result->step = message.step;
			result->error_number = message.error_number;
		}
	}
}

struct start_result guard_start(const struct guard_job *job)
{
	struct start_result result = {.in_cgroup = job->cgroup != NULL, .step = STEP_FORK};
	pid_t guard = getpid();
	int ends[2];

	if (pipe2(ends, O_CLOEXEC)) {
		result.error_number = errno;
		return result;
	}
	result.pid = fork();
	if (result.pid == 0)
		become_load(job, guard, ends[1]);
	if (result.pid < 0) {
		result.error_number = errno;
		result.pid = 0;
	}
	close(ends[1]);
	if (result.pid)
		listen_to(ends[0], &result);
	close(ends[0]);
	if (result.pid && result.error_number) {
		waitpid(result.pid, NULL, 0);
		result.pid = 0;
	}
	return result;
}
