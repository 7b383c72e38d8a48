/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "harness/remote_process.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harness/base/text.h"

int remote_process_init(struct remote_process *process, const char *name, struct error *err)
{
	*process = (struct remote_process){.socket = -1, .wait_status = -1};
	process->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (process->epoll < 0)
		return error_set(err, ERROR_FAILED, "%s: no descriptor for its process: %s", name,
				 strerror(errno));
	return 0;
}

int remote_process_start(struct remote_process *process, const struct meter_class *class,
			 const struct meter_config *config, double period_s, struct error *err)
{
	struct epoll_event readable = {.events = EPOLLIN};
	pid_t parent = getpid(), pid;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_set(err, ERROR_FAILED, "%s: no socket for its process: %s", class->name,
				 strerror(errno));
	pid = fork();
	if (pid == 0)
		remote_child_run(pair[1], parent, class, config, period_s);
	if (pid < 0)
		error_set(err, ERROR_FAILED, "%s: its process could not be started: %s", class->name,
			  strerror(errno));
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		return -1;
	}
	process->pid = pid;
	process->socket = pair[0];
	epoll_ctl(process->epoll, EPOLL_CTL_ADD, process->socket, &readable);
	return 0;
}

/* A packet's size is asked first: MSG_TRUNC gives the whole, however little is taken. */
struct packet remote_process_receive(const struct remote_process *process)
{
	ssize_t size = recv(process->socket, NULL, 0, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT);
	struct packet packet = {NULL, size == 0 || (size < 0 && errno != EAGAIN && errno != EINTR)};

	if (size <= 0)
		return packet;
	packet.answer = xcalloc(1, (size_t)size + sizeof *packet.answer);
	recv(process->socket, packet.answer, (size_t)size, MSG_DONTWAIT);
	return packet;
}

/* Waits for the end of a child, at most seconds; 0: looks once. */
static bool gone_within(pid_t pid, double seconds, int *wait_status)
{
	static const struct timespec pause = {0, 1000000};
	mono_t until = mono_after_s(mono_now(), seconds);

	while (waitpid(pid, wait_status, WNOHANG) == 0) {
		if (mono_now().ns >= until.ns)
			return false;
		nanosleep(&pause, NULL);
	}
	return true;
}

bool remote_process_end(struct remote_process *process, double patience_s, double dying_s)
{
	pid_t pid = process->pid;

	if (pid == 0)
		return true;
	epoll_ctl(process->epoll, EPOLL_CTL_DEL, process->socket, NULL);
	close(process->socket);
	process->socket = -1;
	process->pid = 0;
	process->wait_status = -1;
	if (patience_s > 0 && gone_within(pid, patience_s, &process->wait_status))
		return true;
	kill(pid, SIGKILL);
	if (gone_within(pid, dying_s, &process->wait_status))
		return true;
	process->undead[process->n_undead++] = pid;
	return false;
}

bool remote_process_may_start(struct remote_process *process)
{
	size_t kept = 0;
	int ignored;

	for (size_t i = 0; i < process->n_undead; i++)
		if (!gone_within(process->undead[i], 0, &ignored))
			process->undead[kept++] = process->undead[i];
	process->n_undead = kept;
	return kept < REMOTE_MOST_UNDEAD;
}

void remote_process_close(struct remote_process *process)
{
	remote_process_may_start(process);
	if (process->epoll >= 0)
		close(process->epoll);
	process->epoll = -1;
}
