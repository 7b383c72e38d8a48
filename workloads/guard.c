/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "workloads/guard.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/base/clock.h"
#include "workloads/guard_start.h"
#include "workloads/process.h"

/* Sent to us by the kernel when the program that we guard ends. The socket's
 * end-of-file alone would wait for every process that inherited its other end. */
#define PARENT_IS_GONE SIGUSR1

/* After SIGKILL we look again in steps of so many milliseconds. */
#define LOOK_AGAIN_MS 20

struct guard {
	const struct guard_job *job;
	const struct cgroup *cgroup; /* NULL: the load is not in one */
	int socket, signals;
	pid_t load;       /* the command; leads the process group of this number */
	bool load_ended;  /* and it was reported */
	bool load_reaped; /* from then on its number may be another's: no signal to the group any more */
};

enum order { ORDER_STOP, ORDER_KILL };

static void report(const struct guard *guard, struct guard_report message)
{
	send(guard->socket, &message, sizeof message, MSG_NOSIGNAL);
}

/* close_range(2) came with Linux 5.9, its wrapper with glibc 2.34. */
static void close_between(unsigned first, unsigned last)
{
	long most = sysconf(_SC_OPEN_MAX);

	if (first > last)
		return;
#ifdef SYS_close_range
	if (syscall(SYS_close_range, first, last, 0) == 0)
		return;
#endif
	for (unsigned fd = first; fd <= last && fd < (most > 0 ? (unsigned)most : 65536u); fd++)
		close((int)fd);
}

/* Our end of the socket and the cgroup's folder stay; standard input and outputs
 * become /dev/null, for a reader of the program's output waits until all have closed it. */
static void close_all_but(int socket, int folder)
{
	unsigned low = (unsigned)(socket < folder ? socket : folder);
	unsigned high = (unsigned)(socket < folder ? folder : socket);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = 0; fd < 3 && null >= 0; fd++)
		dup2(null, fd);
	close_between(3, low - 1);
	close_between(low + 1, high - 1);
	close_between(high + 1, ~0u);
}

/* What is ignored here would stay so in the load, and an ignored SIGCHLD would hide its status. */
static int open_signals(void)
{
	sigset_t all, wanted;

	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	sigemptyset(&wanted);
	sigaddset(&wanted, SIGCHLD);
	sigaddset(&wanted, PARENT_IS_GONE);
	return signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
}

static bool parent_is_gone(const struct guard *guard)
{
	return getppid() != guard->job->parent;
}

static void drain_signals(const struct guard *guard)
{
	struct signalfd_siginfo buf[8];

	while (read(guard->signals, buf, sizeof buf) > 0)
		;
}

static void note_end_of_load(struct guard *guard, const siginfo_t *info)
{
	int status = info->si_code == CLD_EXITED ? info->si_status : 128 + info->si_status;

	if (!guard->load_ended)
		report(guard,
		       (struct guard_report){.event = GUARD_ENDED, .value = status, .pid = guard->load});
	guard->load_ended = true;
}

/* Collects orphans that have ended. The command itself stays a zombie, so that
 * nobody else can get its number while its group may have to be killed. */
static void reap_orphans(struct guard *guard)
{
	while (!guard->load_ended) {
		siginfo_t info = {0};

		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) || !info.si_pid)
			return;
		if (info.si_pid == guard->load)
			note_end_of_load(guard, &info);
		else
			waitpid(info.si_pid, NULL, WNOHANG);
	}
}

/* Collects all that has ended. Returns whether no child is left. */
static bool reap_all(struct guard *guard)
{
	for (;;) {
		siginfo_t info = {0};

		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG))
			return errno == ECHILD;
		if (!info.si_pid)
			return false;
		if (info.si_pid == guard->load) {
			note_end_of_load(guard, &info);
			guard->load_reaped = true;
		}
	}
}

/* All that the load ever started descends from us, wherever it moved: without
 * children, and with an empty cgroup, nothing is left. */
static bool all_gone(struct guard *guard)
{
	return reap_all(guard) && (!guard->cgroup || cgroup_is_empty(guard->cgroup));
}

static enum order wait_for_order(struct guard *guard)
{
	for (;;) {
		struct pollfd inputs[] = {{.fd = guard->socket, .events = POLLIN},
					  {.fd = guard->signals, .events = POLLIN}};
		char order;

		if (poll(inputs, 2, -1) < 0)
			continue;
		drain_signals(guard);
		reap_orphans(guard);
		if (parent_is_gone(guard))
			return ORDER_KILL;
		if (inputs[0].revents)
			return recv(guard->socket, &order, 1, 0) == 1 && order == GUARD_STOP ? ORDER_STOP
											     : ORDER_KILL;
	}
}

static bool wait_until_gone(struct guard *guard, double seconds)
{
	mono_t end = mono_after_s(mono_now(), seconds);

	while (!all_gone(guard)) {
		struct pollfd input = {.fd = guard->signals, .events = POLLIN};

		if (mono_between_s(mono_now(), end) <= 0)
			return false;
		poll(&input, 1, LOOK_AGAIN_MS);
		drain_signals(guard);
	}
	return true;
}

/* Children of ours that have not been collected keep their numbers, so this
 * hits nobody else. What they leave orphaned is ours at the next look. */
static size_t kill_children(void)
{
	pid_t children[1024];
	size_t n = process_list(PROCESS_CHILD_OF, getpid(), children, sizeof children / sizeof *children);

	for (size_t i = 0; i < n && i < sizeof children / sizeof *children; i++)
		kill(children[i], SIGKILL);
	return n;
}

/* Returns how many are left after so many seconds. */
static size_t kill_all(struct guard *guard, double seconds)
{
	mono_t end = mono_after_s(mono_now(), seconds);

	if (!guard->load_reaped)
		kill(-guard->load, SIGKILL);
	for (;;) {
		size_t left;

		if (guard->cgroup)
			cgroup_kill(guard->cgroup);
		left = kill_children();
		if (wait_until_gone(guard, LOOK_AGAIN_MS / 1000.0))
			return 0;
		if (mono_between_s(mono_now(), end) <= 0)
			return left ? left : 1;
	}
}

static void stop(struct guard *guard, enum order order)
{
	size_t left = 0;

	if (order == ORDER_STOP)
		kill(-guard->load, SIGTERM);
	if (order == ORDER_KILL || !wait_until_gone(guard, GUARD_TERM_S))
		left = kill_all(guard, GUARD_KILL_S);
	if (guard->cgroup)
		cgroup_remove(guard->cgroup);
	report(guard, (struct guard_report){.event = GUARD_STOPPED, .value = (int)left});
	if (left)
		kill_all(guard, GUARD_LAST_S);
	if (left && guard->cgroup)
		cgroup_remove(guard->cgroup);
}

/* While the program lives, it reads the load's results and removes the folder itself. */
static _Noreturn void leave(const struct guard *guard, int status)
{
	if (parent_is_gone(guard))
		load_temp_remove(guard->job->temp_dir);
	_exit(status);
}

static void set_up(struct guard *guard)
{
	int folder = guard->cgroup ? cgroup_fd(guard->cgroup) : guard->job->socket;

	setsid();
	prctl(PR_SET_NAME, "wattstep-guard");
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	close_all_but(guard->job->socket, folder);
	guard->signals = open_signals();
	prctl(PR_SET_PDEATHSIG, PARENT_IS_GONE);
}

_Noreturn void guard_run(const struct guard_job *job)
{
	struct guard guard = {.job = job, .cgroup = job->cgroup, .socket = job->socket};
	struct start_result started;

	set_up(&guard);
	if (parent_is_gone(&guard))
		leave(&guard, 1);
	started = guard_start(job);
	if (!started.in_cgroup)
		guard.cgroup = NULL;
	if (!started.pid) {
		report(&guard, (struct guard_report){.event = GUARD_REFUSED,
						     .step = started.step,
						     .value = started.error_number});
		leave(&guard, 1);
	}
	guard.load = started.pid;
	report(&guard,
	       (struct guard_report){.event = GUARD_STARTED, .value = started.in_cgroup, .pid = started.pid});
	stop(&guard, wait_for_order(&guard));
	leave(&guard, 0);
}
