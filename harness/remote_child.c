/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "harness/remote_child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "harness/base/text.h"

/* Where our end of the socket is put; everything above it is closed. */
#define SOCKET 3

/* Where the kernel has no close_range(2) (before 5.9): so many descriptors are tried. */
#define MOST_DESCRIPTORS 65536

/* Descriptors of the program must not live on in a child that may hang: who
 * waits for their end (the load's guard, a shell's pipe) would wait for us. */
static void close_the_rest(int socket)
{
	int null;

	if (socket != SOCKET)
		dup3(socket, SOCKET, O_CLOEXEC);
	if (close_range(SOCKET + 1, ~0u, 0) < 0)
		for (int fd = SOCKET + 1; fd < MOST_DESCRIPTORS; fd++)
			close(fd);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO && null >= 0; fd++)
		dup2(null, fd);
}

/* A session of its own keeps the terminal's signals away. Those that a service
 * manager sends to all processes are ignored: the program needs its meters
 * until it has finished, and then closes the socket. SIGPIPE too: a library's
 * broken connection is an error to report. */
static void become_independent(void)
{
	static const int ignored[] = {SIGINT, SIGHUP, SIGTERM, SIGQUIT, SIGUSR1, SIGUSR2, SIGPIPE};
	sigset_t none;

	setsid();
	for (size_t i = 0; i < ARRAY_SIZE(ignored); i++)
		signal(ignored[i], SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	signal(SIGALRM, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The name that ps shows: 15 characters at most. */
static void take_name(const char *meter)
{
	char name[16];

	snprintf(name, sizeof name, "wattstep-%s", meter);
	prctl(PR_SET_NAME, name);
}

/* The program does not listen any more, so nothing is left to do. */
static void send_answer(const struct answer *answer, const void *items, size_t size, const char *text)
{
	struct iovec parts[] = {{(void *)(uintptr_t)answer, sizeof *answer},
				{(void *)(uintptr_t)items, size},
				{(void *)(uintptr_t)text, answer->text_size}};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = ARRAY_SIZE(parts)};

	while (sendmsg(SOCKET, &message, MSG_NOSIGNAL) < 0)
		if (errno != EINTR)
			_exit(EXIT_FAILURE);
}

static void send_opened(const struct meter *meter, mono_t asked)
{
	json_t *entry = json_object();
	struct answer answer = {.kind = ANSWER_OPENED, .n = meter->n_channels, .synthetic = meter->synthetic};
	char *text;

	meter->class->describe(meter, entry);
	text = json_dumps(entry, JSON_COMPACT);
	answer.text_size = text ? strlen(text) : 0;
	answer.asked = asked;
	answer.answered = answer.next = mono_now();
	send_answer(&answer, meter->channels, meter->n_channels * sizeof *meter->channels, text);
	free(text);
	json_decref(entry);
}

static double seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec * 1e-6;
}

static struct child_cost cost_until_now(void)
{
	struct rusage used;

	getrusage(RUSAGE_SELF, &used);
	return (struct child_cost){seconds(used.ru_utime) + seconds(used.ru_stime), used.ru_nvcsw};
}

/* Returns when the next is due: a meter that needs longer than its period is not asked twice in a row. */
static mono_t send_readings(struct meter *meter, struct reading *readings, double period_s)
{
	struct answer answer = {.kind = ANSWER_READINGS, .n = meter->n_channels, .asked = mono_now()};

	meter->class->read(meter, readings, &answer.err);
	answer.answered = mono_now();
	answer.next = mono_after_s(answer.asked, period_s);
	if (answer.next.ns < answer.answered.ns)
		answer.next = answer.answered;
	answer.cost = cost_until_now();
	send_answer(&answer, readings, answer.n * sizeof *readings, NULL);
	return answer.next;
}

/* Waits for the next read's time or the parent's wish, which may change the period. false: the parent is
 * gone. */
static bool wait_until(mono_t due, double *period_s)
{
	struct pollfd wish = {.fd = SOCKET, .events = POLLIN};
	double left_s = mono_between_s(mono_now(), due);
	struct timespec left = {0, 0};
	double wished_s;
	ssize_t got;

	if (left_s > 0)
		left = (struct timespec){(time_t)left_s, (long)((left_s - (double)(time_t)left_s) * 1e9)};
	if (ppoll(&wish, 1, &left, NULL) <= 0)
		return true;
	do { /* wishes that came while we were busy are one */
		got = recv(SOCKET, &wished_s, sizeof wished_s, MSG_DONTWAIT);
		if (got == sizeof wished_s)
			*period_s = wished_s;
	} while (got > 0);
	return got < 0 && errno == EAGAIN;
}

static void serve(struct meter *meter, double period_s)
{
	struct reading *readings = xcalloc(meter->n_channels, sizeof *readings);
	mono_t due = mono_now();

	while (wait_until(due, &period_s))
		due = send_readings(meter, readings, period_s);
	free(readings);
}

void remote_child_run(int socket, pid_t parent, const struct meter_class *class,
		      const struct meter_config *config, double period_s)
{
	struct answer refusal = {.kind = ANSWER_REFUSED};
	mono_t asked = mono_now();
	struct meter *meter = NULL;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(EXIT_FAILURE);
	become_independent();
	close_the_rest(socket);
	take_name(class->name);
	if (class->open(&meter, config, &refusal.err) < 0) {
		send_answer(&refusal, NULL, 0, NULL);
		_exit(EXIT_FAILURE);
	}
	send_opened(meter, asked);
	serve(meter, period_s);
	class->close(meter);
	/* Not exit(): what the program had in its buffers is the program's to write. */
	_exit(EXIT_SUCCESS);
}
