/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "harness/remote.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "harness/base/text.h"
#include "harness/remote_child.h"
#include "harness/remote_process.h"

/* A child that was killed, or has closed its socket, is normally gone within this time. */
#define DYING_S 0.01

enum phase {
	PHASE_OPENING,   /* the child opens the meter */
	PHASE_ANSWERING, /* it reads it */
	PHASE_WAITING,   /* there is no child: the next one is started later */
};

struct remote {
	struct meter meter;         /* what the program sees; its class is wrapper */
	struct meter_class wrapper; /* class's texts, our functions */
	const struct meter_class *class;
	struct meter_config config;
	struct remote_policy policy;
	struct remote_status status;
	struct remote_process process;
	json_t *description;

	enum phase phase;
	mono_t expected;  /* the answer could have come from here on; PHASE_WAITING: the next start */
	bool late_noted;  /* that the answer waited for is late */
	double backoff_s; /* before the next start */

	struct child_cost spent; /* of the children that have ended */
	double *base_j;          /* per channel: energy that earlier children counted */
	double *handed_j;        /* per channel: energy last handed over */
	bool *interrupted;       /* per channel: the next energy is another child's first */
};

static void wait_for_start(struct remote *remote)
{
	remote->phase = PHASE_WAITING;
	remote->status.lost = true;
	remote->expected = mono_after_s(mono_now(), remote->backoff_s);
	remote->backoff_s = fmin(2 * remote->backoff_s, remote->policy.backoff_most_s);
}

static void start(struct remote *remote, struct error *err)
{
	if (remote_process_start(&remote->process, remote->class, &remote->config, remote->policy.period_s,
				 err) < 0) {
		wait_for_start(remote);
		return;
	}
	remote->phase = PHASE_OPENING;
	remote->expected = mono_now();
	remote->late_noted = false;
}

/* The child is of no use any more: why says how. */
static void lose(struct remote *remote, const char *why, struct error *err)
{
	double backoff_s = remote->backoff_s;
	bool gone = remote_process_end(&remote->process, 0, DYING_S);

	remote->status.n_losses++;
	remote->spent = (struct child_cost){remote->status.cpu_s, remote->status.wakeups};
	wait_for_start(remote);
	error_set(err, ERROR_FAILED, "%s: %s; its process is started again in %.3g s%s", remote->class->name,
		  why, backoff_s, gone ? "" : " (the old one hangs in the kernel and cannot be killed yet)");
}

/* It has ended without being asked to. */
static void lose_ended(struct remote *remote, struct error *err)
{
	int status;
	char why[64];

	remote_process_end(&remote->process, 0, DYING_S);
	status = remote->process.wait_status;
	if (status != -1 && WIFSIGNALED(status))
		snprintf(why, sizeof why, "its process was ended by signal %d", WTERMSIG(status));
	else
		snprintf(why, sizeof why, "its process ended unexpectedly");
	lose(remote, why, err);
}

/* --- answers -------------------------------------------------------------- */

static const char *answer_text(const struct answer *answer)
{
	return (const char *)((const struct channel *)(answer + 1) + answer->n);
}

/* The first opening: the channels are now known. */
static void adopt(struct remote *remote, const struct answer *answer)
{
	struct meter *meter = &remote->meter;

	meter->synthetic = answer->synthetic;
	meter->n_channels = answer->n;
	meter->channels = xcalloc(answer->n, sizeof *meter->channels);
	memcpy(meter->channels, answer + 1, answer->n * sizeof *meter->channels);
	remote->base_j = xcalloc(answer->n, sizeof *remote->base_j);
	remote->handed_j = xcalloc(answer->n, sizeof *remote->handed_j);
	remote->interrupted = xcalloc(answer->n, sizeof *remote->interrupted);
	remote->description = json_loadb(answer_text(answer), answer->text_size, 0, NULL);
}

static bool same_channels(const struct meter *meter, const struct answer *answer)
{
	const struct channel *channels = (const struct channel *)(answer + 1);

	if (answer->n != meter->n_channels)
		return false;
	for (size_t i = 0; i < answer->n; i++)
		if (strcmp(channels[i].id, meter->channels[i].id) != 0 ||
		    channels[i].unit != meter->channels[i].unit)
			return false;
	return true;
}

/* Opened again: energies go on from where they were. */
static void resume(struct remote *remote, const struct answer *answer, struct error *err)
{
	if (!same_channels(&remote->meter, answer)) {
		lose(remote, "came back with other channels than it had at first", err);
		return;
	}
	for (size_t i = 0; i < remote->meter.n_channels; i++) {
		remote->base_j[i] = remote->handed_j[i];
		remote->interrupted[i] = remote->meter.channels[i].unit == UNIT_JOULE;
	}
	remote->status.n_restarts++;
}

static struct reading hand_over(struct remote *remote, size_t i, struct reading reading)
{
	if (remote->meter.channels[i].unit != UNIT_JOULE || reading.state != READING_OK)
		return reading;
	reading.value += remote->base_j[i];
	remote->handed_j[i] = reading.value;
	if (remote->interrupted[i])
		reading.event = EVENT_INTERVAL_LOST;
	remote->interrupted[i] = false;
	return reading;
}

/* Counts an answer that is late, once. */
static void note_late(struct remote *remote, double took_s, struct error *err)
{
	if (remote->late_noted || took_s <= remote->policy.late_s)
		return;
	remote->late_noted = true;
	remote->status.n_late++;
	error_set(err, ERROR_FAILED, "%s: no answer for over %.3g s, which is late", remote->class->name,
		  remote->policy.late_s);
}

static void take_readings(struct remote *remote, const struct answer *answer, struct reading *out,
			  struct error *err)
{
	const struct reading *readings = (const struct reading *)(answer + 1);

	for (size_t i = 0; i < remote->meter.n_channels; i++)
		out[i] = hand_over(remote, i, readings[i]);
	if (answer->err.kind != ERROR_NONE)
		error_set(err, answer->err.kind, "%s", answer->err.text);
	note_late(remote, mono_between_s(answer->asked, answer->answered), err);
	remote->backoff_s = remote->policy.backoff_least_s;
	remote->status.cpu_s = remote->spent.cpu_s + answer->cost.cpu_s;
	remote->status.wakeups = remote->spent.wakeups + answer->cost.wakeups;
	remote->status.lost = false;
	remote->late_noted = false;
	remote->expected = answer->next;
}

static void take_opened(struct remote *remote, const struct answer *answer, struct error *err)
{
	remote->phase = PHASE_ANSWERING;
	remote->expected = answer->next;
	if (remote->meter.channels)
		resume(remote, answer, err);
	else
		adopt(remote, answer);
}

static void take_refusal(struct remote *remote, const struct answer *answer, struct error *err)
{
	char why[sizeof answer->err.text + 32];

	if (!remote->meter.channels) {
		error_set(err, answer->err.kind, "%s", answer->err.text);
		return;
	}
	snprintf(why, sizeof why, "could not be opened again: %s", answer->err.text);
	lose(remote, why, err);
}

/* --- reading -------------------------------------------------------------- */

static void fill(const struct remote *remote, struct reading *out, enum reading_state state)
{
	struct reading reading = {.at = mono_now(), .value = NAN, .state = state};

	for (size_t i = 0; i < remote->meter.n_channels; i++)
		out[i] = reading;
}

static void see_to_deadlines(struct remote *remote, struct reading *out, struct error *err)
{
	double waited_s = mono_between_s(remote->expected, mono_now());
	bool opening = remote->phase == PHASE_OPENING;
	double most_s = opening ? remote->policy.open_s : remote->policy.lost_s;
	bool lost = waited_s > most_s;
	char why[64];

	if (!opening)
		note_late(remote, waited_s, lost ? NULL : err);
	if (!opening && lost)
		fill(remote, out, READING_FAILED);
	if (lost) {
		snprintf(why, sizeof why, "%s for over %.3g s", opening ? "did not open" : "no answer",
			 most_s);
		lose(remote, why, err);
	}
}

/* Takes in what has arrived, up to the first readings. */
static void take_in(struct remote *remote, struct reading *out, struct error *err)
{
	while (remote->phase != PHASE_WAITING) {
		struct packet packet = remote_process_receive(&remote->process);
		enum answer_kind kind = packet.answer ? packet.answer->kind : ANSWER_REFUSED;

		if (packet.ended) {
			if (remote->phase == PHASE_ANSWERING)
				fill(remote, out, READING_FAILED);
			lose_ended(remote, err);
		} else if (!packet.answer) {
			see_to_deadlines(remote, out, err);
			return;
		} else if (kind == ANSWER_OPENED) {
			take_opened(remote, packet.answer, err);
		} else if (kind == ANSWER_REFUSED) {
			take_refusal(remote, packet.answer, err);
		} else {
			take_readings(remote, packet.answer, out, err);
		}
		free(packet.answer);
		if (kind == ANSWER_READINGS)
			return;
	}
}

static void remote_read(struct meter *meter, struct reading *out, struct error *err)
{
	struct remote *remote = (struct remote *)meter;

	fill(remote, out, READING_NONE);
	if (remote->phase == PHASE_WAITING && remote_process_may_start(&remote->process) &&
	    mono_now().ns >= remote->expected.ns)
		start(remote, err);
	take_in(remote, out, err);
}

static void remote_describe(const struct meter *meter, json_t *entry)
{
	const struct remote *remote = (const struct remote *)meter;

	json_object_update(entry, remote->description);
	json_object_set_new(entry, "process",
			    json_pack("{s:I, s:I}", "late", (json_int_t)remote->status.n_late, "restarts",
				      (json_int_t)remote->status.n_restarts));
}

/* A child that owes an answer gets no time to end by itself. */
static void remote_close(struct meter *meter)
{
	struct remote *remote = (struct remote *)meter;
	bool owes;

	if (!remote)
		return;
	owes = remote->phase == PHASE_OPENING || remote->late_noted;
	remote_process_end(&remote->process, owes ? 0 : remote->policy.close_s, remote->policy.close_s);
	remote_process_close(&remote->process);
	json_decref(remote->description);
	free(remote->meter.channels);
	free(remote->base_j);
	free(remote->handed_j);
	free(remote->interrupted);
	free(remote);
}

/* --- opening -------------------------------------------------------------- */

static double or_default(double value, double fallback)
{
	return value > 0 ? value : fallback;
}

static struct remote_policy complete(struct remote_policy policy, const struct meter_class *class)
{
	policy.period_s = or_default(policy.period_s, fmax(class->least_poll_s, 1));
	policy.open_s = or_default(policy.open_s, 20);
	policy.late_s = or_default(policy.late_s, 2);
	policy.lost_s = or_default(policy.lost_s, 10);
	policy.backoff_least_s = or_default(policy.backoff_least_s, 1);
	policy.backoff_most_s = or_default(policy.backoff_most_s, 30);
	policy.close_s = or_default(policy.close_s, 1);
	return policy;
}

/* Waits for a packet, at most until then. 1: one is there; 0: time is over; -1: a signal came. */
static int wait_for_packet(const struct remote *remote, mono_t until)
{
	struct pollfd on[] = {{.fd = remote->process.socket, .events = POLLIN},
			      {.fd = remote->policy.signal_fd, .events = POLLIN}};
	nfds_t n = remote->policy.signal_fd > 0 ? 2 : 1;
	int got;

	do {
		double left_s = fmax(mono_between_s(mono_now(), until), 0);
		struct timespec left = {(time_t)left_s, (long)((left_s - floor(left_s)) * 1e9)};

		got = ppoll(on, n, &left, NULL);
	} while (got < 0 && errno == EINTR);
	return got > 0 && on[1].revents && n == 2 ? -1 : got;
}

/* The child's first answer, good or bad. */
static int open_within(struct remote *remote, struct error *err)
{
	const char *name = remote->class->name;
	int got = wait_for_packet(remote, mono_after_s(remote->expected, remote->policy.open_s));
	struct packet packet = {NULL, false};

	if (got > 0)
		packet = remote_process_receive(&remote->process);
	if (got == 0)
		error_set(err, ERROR_FAILED,
			  "%s: did not open within %.3g s: its driver or device does not answer", name,
			  remote->policy.open_s);
	else if (got < 0)
		error_set(err, ERROR_FAILED, "%s: interrupted while it was opened", name);
	else if (!packet.answer)
		error_set(err, ERROR_FAILED, "%s: its process ended while it opened the meter", name);
	else if (packet.answer->kind == ANSWER_OPENED)
		take_opened(remote, packet.answer, err);
	else
		take_refusal(remote, packet.answer, err);
	free(packet.answer);
	return remote->phase == PHASE_ANSWERING ? 0 : -1;
}

int remote_open(struct meter **out, const struct meter_class *class, const struct meter_config *config,
		const struct remote_policy *policy, struct error *err)
{
	struct remote *remote = xcalloc(1, sizeof *remote);

	remote->class = class;
	remote->config = *config;
	remote->policy = complete(policy ? *policy : (struct remote_policy){0}, class);
	remote->backoff_s = remote->policy.backoff_least_s;
	remote->wrapper = *class;
	remote->wrapper.open = NULL;
	remote->wrapper.read = remote_read;
	remote->wrapper.describe = remote_describe;
	remote->wrapper.close = remote_close;
	remote->wrapper.blocking = false;
	remote->meter.class = &remote->wrapper;
	if (remote_process_init(&remote->process, class->name, err) == 0)
		start(remote, err);
	if (remote->process.pid == 0 || open_within(remote, err) < 0) {
		remote_close(&remote->meter);
		return -1;
	}
	*out = &remote->meter;
	return 0;
}

static struct remote *remote_of(const struct meter *meter)
{
	return meter->class->read == remote_read ? (struct remote *)(uintptr_t)meter : NULL;
}

int remote_fd(const struct meter *meter)
{
	const struct remote *remote = remote_of(meter);

	return remote ? remote->process.epoll : -1;
}

void remote_pace(struct meter *meter, double period_s)
{
	struct remote *remote = remote_of(meter);
	mono_t now = mono_now();

	if (!remote || period_s == remote->policy.period_s)
		return;
	remote->policy.period_s = period_s;
	if (remote->phase != PHASE_ANSWERING)
		return;
	send(remote->process.socket, &period_s, sizeof period_s, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (now.ns < remote->expected.ns)
		remote->expected = now;
}

void remote_request(struct meter *meter)
{
	struct remote *remote = remote_of(meter);
	mono_t now = mono_now();

	if (!remote || remote->phase != PHASE_ANSWERING)
		return;
	send(remote->process.socket, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (now.ns < remote->expected.ns)
		remote->expected = now;
}

void remote_status(const struct meter *meter, struct remote_status *out)
{
	const struct remote *remote = remote_of(meter);

	*out = remote ? remote->status : (struct remote_status){0};
	out->pid = remote ? remote->process.pid : 0;
}
