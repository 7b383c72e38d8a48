/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "workloads/load.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harness/base/clock.h"
#include "harness/base/text.h"
#include "workloads/guard.h"
#include "workloads/load_internal.h"
#include "workloads/process.h"

/* A program on a sleeping file server may take seconds to start. */
#define START_DEADLINE_S 30.0

/* The guard has its own deadlines and answers by then; without its answer we do the work ourselves. */
#define STOP_DEADLINE_S (GUARD_TERM_S + GUARD_KILL_S + 1)

enum received { RECEIVED_REPORT, RECEIVED_NOTHING, RECEIVED_END };

static enum received receive(const struct load *load, struct guard_report *report)
{
	ssize_t got;

	do
		got = recv(load->socket, report, sizeof *report, MSG_DONTWAIT);
	while (got < 0 && errno == EINTR);
	if (got == sizeof *report)
		return RECEIVED_REPORT;
	return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? RECEIVED_NOTHING : RECEIVED_END;
}

/* Waits for a report of that event, or of GUARD_REFUSED; notes others. False:
 * the guard is gone or late. */
static bool await(struct load *load, enum guard_event event, double seconds, struct guard_report *report)
{
	mono_t end = mono_after_s(mono_now(), seconds);

	for (;;) {
		struct pollfd input = {.fd = load->socket, .events = POLLIN};
		double left_s = mono_between_s(mono_now(), end);
		enum received received;

		if (left_s <= 0)
			return false;
		poll(&input, 1, (int)(left_s * 1000) + 1);
		received = receive(load, report);
		if (received == RECEIVED_END)
			return false;
		if (received == RECEIVED_REPORT && (report->event == event || report->event == GUARD_REFUSED))
			return true;
	}
}

/* The guard is forked with all signals blocked: a Ctrl-C between fork and setsid must not end it. */
static pid_t fork_guard(struct guard_job *job)
{
	sigset_t all, before;
	pid_t pid;

	job->parent = getpid();
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid = fork();
	if (pid == 0)
		guard_run(job);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return pid;
}

static void describe_refusal(const struct guard_report *report, char *const *argv, const char *temp_dir,
			     struct error *err)
{
	const char *why = strerror(report->value);

	switch (report->step) {
	case STEP_FORK:
	case STEP_GROUP:
		error_set(err, ERROR_FAILED, "cannot start a process for %s: %s", argv[0], why);
		break;
	case STEP_FOLDER:
		error_set(err, ERROR_FAILED, "cannot start %s in the folder %s: %s", argv[0], temp_dir, why);
		break;
	case STEP_OUTPUT:
		error_set(err, ERROR_FAILED, "cannot write the output of %s to %s/output: %s", argv[0],
			  temp_dir, why);
		break;
	case STEP_EXEC:
		error_set(err, ERROR_FAILED, "cannot execute %s: %s", argv[0], why);
		break;
	}
}

static void load_free(struct load *load)
{
	if (load->socket >= 0)
		close(load->socket);
	cgroup_destroy(load->cgroup);
	free(load);
}

static void reap_guard(const struct load *load)
{
	while (waitpid(load->guard, NULL, 0) < 0 && errno == EINTR)
		;
}

struct load *load_start_steal(char *const *argv, const char *temp_dir, struct cgroup *cgroup,
			      struct error *err)
{
	struct guard_job job = {.argv = argv, .temp_dir = temp_dir, .cgroup = cgroup};
	struct load *load = xcalloc(1, sizeof *load);
	struct guard_report report;
	int ends[2];

	load->cgroup = cgroup;
	load->socket = -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends)) {
		error_set(err, ERROR_FAILED, "cannot make a socket for the load's guard: %s",
			  strerror(errno));
		goto failed;
	}
	load->socket = ends[0];
	job.socket = ends[1];
	load->guard = fork_guard(&job);
	close(ends[1]);
	if (load->guard < 0) {
		error_set(err, ERROR_FAILED, "cannot start the load's guard: %s", strerror(errno));
		goto failed;
	}
	if (!await(load, GUARD_STARTED, START_DEADLINE_S, &report)) {
		error_set(err, ERROR_FAILED, "%s was not executed within %g s", argv[0], START_DEADLINE_S);
		kill(load->guard, SIGKILL);
		reap_guard(load);
		goto failed;
	}
	if (report.event == GUARD_REFUSED) {
		describe_refusal(&report, argv, temp_dir, err);
		reap_guard(load);
		goto failed;
	}
	load->group = report.pid;
	if (!report.value) {
		cgroup_destroy(load->cgroup);
		load->cgroup = NULL;
	}
	return load;

failed:
	load_free(load);
	return NULL;
}

struct load *load_start(char *const *argv, const char *temp_dir, struct error *err)
{
	return load_start_steal(argv, temp_dir, cgroup_create(), err);
}

int load_fd(const struct load *load)
{
	return load->socket;
}

static unsigned count(const struct load *load)
{
	if (load->cgroup)
		return cgroup_count(load->cgroup);
	if (load->guard_is_gone)
		return (unsigned)process_list(PROCESS_IN_SESSION, load->guard, NULL, 0);
	return (unsigned)process_list(PROCESS_IN_GROUP, load->group, NULL, 0);
}

void load_watch(struct load *load, struct load_status *status)
{
	struct guard_report report;
	enum received received;

	while (!load->guard_is_gone && (received = receive(load, &report)) != RECEIVED_NOTHING) {
		if (received == RECEIVED_END) {
			load->guard_is_gone = true;
			if (!load->ended)
				load->exit_status = 128 + SIGKILL; /* it dies with the guard */
			load->ended = true;
		} else if (report.event == GUARD_ENDED) {
			load->exit_status = report.value;
			load->ended = true;
		}
	}
	*status = (struct load_status){
		.running = !load->ended, .exit_status = load->exit_status, .n_processes = count(load)};
}

/* The guard is gone, but not collected: its number is still that of the load's
 * session. Only that session and the cgroup tell what is left: without a cgroup
 * a process that began a session of its own is out of reach. */
static unsigned kill_without_guard(const struct load *load)
{
	mono_t end = mono_after_s(mono_now(), GUARD_KILL_S);
	const struct timespec pause = {.tv_nsec = 20000000};
	pid_t members[1024];
	unsigned left;

	for (;;) {
		size_t n = process_list(PROCESS_IN_SESSION, load->guard, members, ARRAY_SIZE(members));

		for (size_t i = 0; i < n && i < ARRAY_SIZE(members); i++)
			kill(members[i], SIGKILL);
		if (load->cgroup)
			cgroup_kill(load->cgroup);
		left = (unsigned)n;
		if (load->cgroup && !cgroup_is_empty(load->cgroup) && !left)
			left = 1;
		if (!left || mono_between_s(mono_now(), end) <= 0)
			return left;
		nanosleep(&pause, NULL);
	}
}

int load_stop(struct load *load, struct error *err)
{
	const char order = GUARD_STOP;
	struct guard_report report;
	unsigned left;

	if (!load)
		return 0;
	if (send(load->socket, &order, 1, MSG_NOSIGNAL) == 1 &&
	    await(load, GUARD_STOPPED, STOP_DEADLINE_S, &report)) {
		left = (unsigned)report.value;
	} else {
		kill(load->guard, SIGKILL);
		left = kill_without_guard(load);
		load->guard_is_gone = true;
	}
	if (!left || load->guard_is_gone)
		reap_guard(load);
	load_free(load);
	if (!left)
		return 0;
	return error_set(
		err, ERROR_FAILED,
		"%u processes of the load have not ended %g s after SIGKILL and may still draw power; look "
		"for them with ps: state D waits for a disk or a driver",
		left, GUARD_KILL_S);
}
