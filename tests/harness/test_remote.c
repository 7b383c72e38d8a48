/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "harness/base/text.h"
#include "harness/remote.h"

/* What never blocks returns in microseconds; a crowded machine may hold us up for a while. */
#define AT_ONCE_S 2.0

/* For everything that has to happen at some time: only a failure waits so long. */
#define PATIENCE_S 20.0

#define MOST_OPENS 64

/* What the device behind the test meter does, and what was done to it: shared with the children. */
static struct device {
	enum { OPENS, IS_FORBIDDEN, HANGS_IN_OPEN, HAS_ANOTHER_NAME } on_open;
	enum { ANSWERS, HANGS_IN_READ, DIES_AT_THIRD_READ, IS_SLOW, FAILS } on_read;
	int n_opens;
	mono_t opened[MOST_OPENS];
	pid_t pid;
	bool reading, closed;
} * device;

/* The test meter counts 10 J a read, and always draws 100 W. */
struct test_meter {
	struct meter meter;
	struct channel channels[2];
	int n_reads;
};

static void hang(void)
{
	for (;;)
		pause();
}

static void sleep_s(double seconds)
{
	struct timespec time = {(time_t)seconds, (long)((seconds - floor(seconds)) * 1e9)};

	nanosleep(&time, NULL);
}

static const struct meter_class test_class;

static int test_open(struct meter **out, const struct meter_config *config, struct error *err)
{
	static struct test_meter m;

	(void)config;
	device->pid = getpid();
	device->opened[device->n_opens++ % MOST_OPENS] = mono_now();
	if (device->on_open == HANGS_IN_OPEN)
		hang();
	if (device->on_open == IS_FORBIDDEN)
		return error_set(err, ERROR_FORBIDDEN, "test: /dev/ipmi9: permission denied; run as root");
	m.channels[0] =
		(struct channel){.id = "test/energy", .unit = UNIT_JOULE, .scope = "a test", .range_j = NAN};
	m.channels[1] = (struct channel){.id = "test/power", .unit = UNIT_WATT, .resolution = 7};
	if (device->on_open == HAS_ANOTHER_NAME)
		strcpy(m.channels[1].id, "test/other");
	m.meter = (struct meter){&test_class, m.channels, 2, true};
	*out = &m.meter;
	return 0;
}

static void test_read(struct meter *meter, struct reading *out, struct error *err)
{
	struct test_meter *m = (struct test_meter *)meter;

	m->n_reads++;
	device->reading = true;
	if (device->on_read == HANGS_IN_READ)
		hang();
	if (device->on_read == DIES_AT_THIRD_READ && m->n_reads == 3)
		kill(getpid(), SIGKILL);
	if (device->on_read == IS_SLOW)
		sleep_s(0.15);
	out[0] = (struct reading){.at = mono_now(), .value = 10.0 * m->n_reads, .took_s = 0.001};
	out[1] = (struct reading){.at = mono_now(), .value = 100, .took_s = 0.002};
	if (device->on_read == FAILS) {
		out[1].state = READING_FAILED;
		out[1].value = NAN;
		error_set(err, ERROR_FAILED, "test: the node is busy");
	}
}

static void test_describe(const struct meter *meter, json_t *entry)
{
	(void)meter;
	json_object_set_new(entry, "interface", json_string("test"));
	json_object_set_new(entry, "described_by", json_integer(getpid()));
}

static void test_close(struct meter *meter)
{
	(void)meter;
	device->closed = true;
}

static const struct meter_class test_class = {
	.name = "test",
	.covers = "nothing at all",
	.needs = "a test",
	.blocking = true,
	.open = test_open,
	.read = test_read,
	.describe = test_describe,
	.close = test_close,
};

/* Fast enough for a test, and never late or lost by accident. */
static const struct remote_policy calm = {.period_s = 0.02, .open_s = 60, .late_s = 60, .lost_s = 60};

static const struct meter_config config = {.roots = {"/sys", "/proc"}};

static struct meter *opened(const struct remote_policy *policy)
{
	struct meter *meter = NULL;
	struct error err = {0};

	if (remote_open(&meter, &test_class, &config, policy, &err) < 0)
		fail_msg("%s", err.text);
	return meter;
}

static double since_s(mono_t then)
{
	return mono_between_s(then, mono_now());
}

/* The one thing that holds for every read. */
static void read_at_once(struct meter *meter, struct reading *out, struct error *err)
{
	mono_t began = mono_now();

	*err = (struct error){0};
	meter->class->read(meter, out, err);
	assert_true(since_s(began) < AT_ONCE_S);
}

/* Reads until something comes, good or bad. */
static void next_reading(struct meter *meter, struct reading out[2], struct error *err)
{
	mono_t began = mono_now();

	for (read_at_once(meter, out, err); out[0].state == READING_NONE; read_at_once(meter, out, err)) {
		assert_true(since_s(began) < PATIENCE_S);
		sleep_s(0.002);
	}
}

static void wait_for_a_read(void)
{
	mono_t began = mono_now();

	while (!*(volatile bool *)&device->reading && since_s(began) < PATIENCE_S)
		sleep_s(0.002);
}

static struct remote_status status_of(const struct meter *meter)
{
	struct remote_status status;

	remote_status(meter, &status);
	return status;
}

static void assert_no_such_process(pid_t pid)
{
	assert_true(pid > 0);
	assert_int_equal(kill(pid, 0), -1);
	assert_int_equal(errno, ESRCH);
}

static int fresh_device(void **state)
{
	(void)state;
	memset(device, 0, sizeof *device);
	return 0;
}

static void channels_and_class_are_those_of_the_meter(void **state)
{
	struct meter *meter = opened(&calm);

	(void)state;
	assert_string_equal(meter->class->name, "test");
	assert_string_equal(meter->class->covers, "nothing at all");
	assert_int_equal(meter->n_channels, 2);
	assert_string_equal(meter->channels[0].id, "test/energy");
	assert_true(isnan(meter->channels[0].range_j));
	assert_int_equal(meter->channels[1].unit, UNIT_WATT);
	assert_true(meter->channels[1].resolution == 7);
	assert_true(meter->synthetic);
	meter->class->close(meter);
}

static void readings_arrive_in_order_with_their_own_times(void **state)
{
	struct meter *meter = opened(&calm);
	mono_t before = mono_now();
	struct reading out[2];
	struct error err;

	(void)state;
	sleep_s(0.1); /* some are waiting, some are still to come */
	for (int i = 1; i <= 10; i++) {
		next_reading(meter, out, &err);
		assert_int_equal(out[0].state, READING_OK);
		assert_true(out[0].value == 10 * i && out[1].value == 100);
		assert_true(out[0].took_s == 0.001);
		assert_int_equal(out[0].event, EVENT_NONE);
		assert_true(out[0].at.ns <= mono_now().ns);
		assert_true(i == 1 || out[0].at.ns > before.ns);
		before = out[0].at;
	}
	assert_int_equal(status_of(meter).n_late + status_of(meter).n_losses, 0);
	meter->class->close(meter);
}

static void a_failed_channel_and_its_sentence_are_handed_on(void **state)
{
	struct meter *meter = opened(&calm);
	struct reading out[2];
	struct error err;

	(void)state;
	device->on_read = FAILS;
	do
		next_reading(meter, out, &err);
	while (err.kind == ERROR_NONE);
	assert_int_equal(out[0].state, READING_OK);
	assert_int_equal(out[1].state, READING_FAILED);
	assert_string_equal(err.text, "test: the node is busy");
	meter->class->close(meter);
}

static void between_two_polls_there_is_nothing_until_it_is_asked_for(void **state)
{
	struct remote_policy policy = {.period_s = 3600, .late_s = 60, .lost_s = 60};
	struct meter *meter = opened(&policy);
	struct pollfd readable = {.fd = remote_fd(meter), .events = POLLIN};
	struct reading out[2];
	struct error err;

	(void)state;
	next_reading(meter, out, &err);
	assert_int_equal(poll(&readable, 1, 50), 0);
	read_at_once(meter, out, &err);
	assert_int_equal(out[0].state, READING_NONE);
	assert_true(isnan(out[0].value));
	assert_int_equal(err.kind, ERROR_NONE);
	remote_request(meter);
	assert_int_equal(poll(&readable, 1, (int)(PATIENCE_S * 1000)), 1);
	read_at_once(meter, out, &err);
	assert_true(out[0].state == READING_OK && out[0].value == 20);
	assert_int_equal(poll(&readable, 1, 0), 0);
	meter->class->close(meter);
}

static void a_read_that_hangs_is_late_then_lost_and_never_holds_us_up(void **state)
{
	struct remote_policy policy = {.period_s = 0.02,
				       .late_s = 0.1,
				       .lost_s = 0.4,
				       .backoff_least_s = 0.1,
				       .backoff_most_s = 0.25};
	static const double waits_s[] = {0.1, 0.2, 0.25, 0.25};
	unsigned n_failed = 0, n_late_said = 0;
	mono_t began = mono_now();
	struct reading out[2];
	struct error err = {0};
	struct meter *meter;

	(void)state;
	device->on_read = HANGS_IN_READ;
	meter = opened(&policy);
	while (device->n_opens < 5 && since_s(began) < PATIENCE_S) {
		read_at_once(meter, out, &err);
		n_failed += out[0].state == READING_FAILED;
		n_late_said += strstr(err.text, "s, which is late") != NULL;
		if (out[0].state == READING_FAILED)
			assert_non_null(strstr(err.text, "its process is started again in"));
		assert_int_not_equal(out[0].state, READING_OK);
		sleep_s(0.005);
	}
	assert_int_equal(device->n_opens, 5);
	assert_int_equal(n_failed, 4);
	assert_true(n_late_said > 0);
	for (size_t i = 0; i < ARRAY_SIZE(waits_s); i++)
		assert_true(mono_between_s(device->opened[i], device->opened[i + 1]) >=
			    0.3 + waits_s[i] - 0.01);
	assert_true(status_of(meter).lost);
	assert_int_equal(status_of(meter).n_losses, 4);
	assert_int_equal(status_of(meter).n_late, 4);
	meter->class->close(meter);
	assert_no_such_process(device->pid);
}

static void answers_that_are_late_again_and_again_are_counted_and_kept(void **state)
{
	struct remote_policy policy = {.period_s = 0.01, .late_s = 0.1, .lost_s = 60};
	struct pollfd readable = {.events = POLLIN};
	struct reading out[2];
	struct meter *meter;
	struct error err;

	(void)state;
	device->on_read = IS_SLOW;
	meter = opened(&policy);
	readable.fd = remote_fd(meter);
	for (int i = 1; i <= 4; i++) {
		assert_int_equal(poll(&readable, 1, (int)(PATIENCE_S * 1000)), 1);
		read_at_once(meter, out, &err);
		assert_non_null(strstr(err.text, "test: no answer for"));
		assert_true(out[0].state == READING_OK && out[0].value == 10 * i);
		assert_true(out[0].event == EVENT_NONE);
	}
	assert_true(status_of(meter).n_late >= 4);
	assert_int_equal(status_of(meter).n_losses, 0);
	assert_false(status_of(meter).lost);
	meter->class->close(meter);
}

static void energy_goes_on_after_a_restart_and_its_interval_is_lost(void **state)
{
	struct remote_policy policy = calm;
	struct reading out[2];
	struct meter *meter;
	struct error err;

	(void)state;
	policy.backoff_least_s = 0.05;
	device->on_read = DIES_AT_THIRD_READ;
	meter = opened(&policy);
	next_reading(meter, out, &err);
	next_reading(meter, out, &err);
	assert_true(out[0].value == 20);
	next_reading(meter, out, &err);
	assert_int_equal(out[0].state, READING_FAILED);
	assert_int_equal(out[1].state, READING_FAILED);
	assert_true(isnan(out[0].value));
	assert_non_null(strstr(err.text, "test: its process was ended by signal 9"));
	assert_true(status_of(meter).lost);
	device->on_read = ANSWERS;
	next_reading(meter, out, &err);
	assert_true(out[0].state == READING_OK && out[0].value == 30);
	assert_int_equal(out[0].event, EVENT_INTERVAL_LOST);
	assert_int_equal(out[1].event, EVENT_NONE);
	next_reading(meter, out, &err);
	assert_true(out[0].value == 40);
	assert_int_equal(out[0].event, EVENT_NONE);
	assert_false(status_of(meter).lost);
	assert_int_equal(status_of(meter).n_restarts, 1);
	meter->class->close(meter);
}

static void what_cannot_be_opened_again_is_tried_until_it_can(void **state)
{
	struct remote_policy policy = calm;
	struct reading out[2];
	struct meter *meter;
	struct error err = {0};
	bool refusal_said = false, change_said = false;
	mono_t began = mono_now();

	(void)state;
	policy.backoff_least_s = policy.backoff_most_s = 0.03;
	device->on_read = DIES_AT_THIRD_READ;
	meter = opened(&policy);
	while (status_of(meter).n_losses < 5 && since_s(began) < PATIENCE_S) {
		read_at_once(meter, out, &err);
		device->on_open = status_of(meter).n_losses < 3 ? IS_FORBIDDEN : HAS_ANOTHER_NAME;
		refusal_said |=
			strstr(err.text, "could not be opened again: test: /dev/ipmi9: permission") != NULL;
		change_said |= strstr(err.text, "other channels") != NULL;
		sleep_s(0.002);
	}
	assert_true(refusal_said && change_said);
	assert_int_equal(status_of(meter).n_restarts, 0);
	device->on_open = OPENS;
	device->on_read = ANSWERS;
	next_reading(meter, out, &err);
	assert_int_equal(out[0].state, READING_OK);
	assert_int_equal(status_of(meter).n_restarts, 1);
	meter->class->close(meter);
}

static void a_refusal_arrives_here_as_it_was_said(void **state)
{
	struct meter *meter = NULL;
	struct error err = {0};

	(void)state;
	device->on_open = IS_FORBIDDEN;
	assert_int_equal(remote_open(&meter, &test_class, &config, &calm, &err), -1);
	assert_null(meter);
	assert_int_equal(err.kind, ERROR_FORBIDDEN);
	assert_string_equal(err.text, "test: /dev/ipmi9: permission denied; run as root");
	assert_no_such_process(device->pid);
}

static void an_open_that_hangs_is_given_up(void **state)
{
	struct remote_policy policy = {.open_s = 0.3};
	struct meter *meter = NULL;
	mono_t began = mono_now();
	struct error err = {0};

	(void)state;
	device->on_open = HANGS_IN_OPEN;
	assert_int_equal(remote_open(&meter, &test_class, &config, &policy, &err), -1);
	assert_true(since_s(began) >= 0.3 && since_s(began) < PATIENCE_S);
	assert_int_equal(err.kind, ERROR_FAILED);
	assert_non_null(strstr(err.text, "test: did not open within 0.3 s"));
	assert_no_such_process(device->pid);
}

static void a_signal_ends_the_wait_for_an_open(void **state)
{
	struct itimerval soon = {.it_value = {.tv_usec = 200000}};
	sigset_t alarm_only;
	struct remote_policy policy = {.open_s = 3600};
	struct signalfd_siginfo info;
	struct meter *meter = NULL;
	struct error err = {0};

	(void)state;
	device->on_open = HANGS_IN_OPEN;
	sigemptyset(&alarm_only);
	sigaddset(&alarm_only, SIGALRM);
	sigprocmask(SIG_BLOCK, &alarm_only, NULL);
	policy.signal_fd = signalfd(-1, &alarm_only, SFD_CLOEXEC | SFD_NONBLOCK);
	assert_true(policy.signal_fd > 0);
	setitimer(ITIMER_REAL, &soon, NULL);
	assert_int_equal(remote_open(&meter, &test_class, &config, &policy, &err), -1);
	assert_non_null(strstr(err.text, "interrupted"));
	assert_no_such_process(device->pid);
	/* It is still there for whoever has to act on it. */
	assert_int_equal(read(policy.signal_fd, &info, sizeof info), sizeof info);
	close(policy.signal_fd);
	sigprocmask(SIG_UNBLOCK, &alarm_only, NULL);
}

static void an_unhindered_child_closes_its_meter_and_ends(void **state)
{
	struct meter *meter = opened(&calm);
	pid_t pid = status_of(meter).pid;

	(void)state;
	assert_int_equal(pid, device->pid);
	meter->class->close(meter);
	assert_true(device->closed);
	assert_no_such_process(pid);
}

static void a_hanging_child_is_killed_at_the_end(void **state)
{
	struct remote_policy policy = calm;
	struct meter *meter;
	mono_t began;

	(void)state;
	device->on_read = HANGS_IN_READ;
	policy.close_s = 0.2;
	meter = opened(&policy);
	wait_for_a_read();
	began = mono_now();
	meter->class->close(meter);
	assert_true(since_s(began) < 0.4 + AT_ONCE_S);
	assert_false(device->closed);
	assert_no_such_process(device->pid);
}

static void the_description_is_the_meter_s_with_what_happened_to_its_process(void **state)
{
	struct meter *meter = opened(&calm);
	json_t *entry = json_object();
	json_t *process;

	(void)state;
	meter->class->describe(meter, entry);
	assert_string_equal(json_string_value(json_object_get(entry, "interface")), "test");
	assert_int_equal(json_integer_value(json_object_get(entry, "described_by")), device->pid);
	process = json_object_get(entry, "process");
	assert_true(json_is_integer(json_object_get(process, "late")));
	assert_int_equal(json_integer_value(json_object_get(process, "restarts")), 0);
	json_decref(entry);
	meter->class->close(meter);
}

static void signals_for_the_program_do_not_stop_the_child(void **state)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
	struct meter *meter = opened(&calm);
	struct reading out[2];
	struct error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		kill(status_of(meter).pid, signals[i]);
	for (int i = 0; i < 10; i++) {
		next_reading(meter, out, &err);
		assert_int_equal(out[0].state, READING_OK);
	}
	assert_int_equal(getsid(status_of(meter).pid), status_of(meter).pid);
	meter->class->close(meter);
}

static void the_child_is_named_after_its_meter(void **state)
{
	struct meter *meter = opened(&calm);
	char path[64], name[64];

	(void)state;
	snprintf(path, sizeof path, "/proc/%d/comm", (int)device->pid);
	assert_true(file_read_text(path, name, sizeof name) > 0);
	assert_string_equal(name, "wattstep-test");
	meter->class->close(meter);
}

static void the_child_keeps_none_of_our_descriptors(void **state)
{
	struct pollfd end = {.events = 0};
	struct meter *meter;
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	meter = opened(&calm);
	close(ends[1]);
	end.fd = ends[0];
	assert_int_equal(poll(&end, 1, (int)(PATIENCE_S * 1000)), 1);
	assert_true(end.revents & POLLHUP);
	close(ends[0]);
	meter->class->close(meter);
}

/* We adopt the orphan, so that its end can be seen whatever process number 1 is here. */
static void the_child_of_a_killed_program_ends(void **state)
{
	mono_t began = mono_now();
	pid_t program;

	(void)state;
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	device->on_read = HANGS_IN_READ;
	program = fork();
	if (program == 0) {
		struct meter *meter;
		struct error err = {0};

		if (remote_open(&meter, &test_class, &config, &calm, &err) < 0)
			_exit(1);
		wait_for_a_read();
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(program, NULL, 0), program);
	while (waitpid(device->pid, NULL, WNOHANG) != device->pid) {
		assert_true(since_s(began) < PATIENCE_S);
		sleep_s(0.005);
	}
	assert_no_such_process(device->pid);
	prctl(PR_SET_CHILD_SUBREAPER, 0);
}

static void an_ordinary_meter_has_no_process(void **state)
{
	struct meter meter = {.class = &test_class};

	(void)state;
	assert_int_equal(remote_fd(&meter), -1);
	assert_int_equal(status_of(&meter).pid, 0);
	remote_request(&meter);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup(f, fresh_device)
		TEST(channels_and_class_are_those_of_the_meter),
		TEST(readings_arrive_in_order_with_their_own_times),
		TEST(a_failed_channel_and_its_sentence_are_handed_on),
		TEST(between_two_polls_there_is_nothing_until_it_is_asked_for),
		TEST(a_read_that_hangs_is_late_then_lost_and_never_holds_us_up),
		TEST(answers_that_are_late_again_and_again_are_counted_and_kept),
		TEST(energy_goes_on_after_a_restart_and_its_interval_is_lost),
		TEST(what_cannot_be_opened_again_is_tried_until_it_can),
		TEST(a_refusal_arrives_here_as_it_was_said),
		TEST(an_open_that_hangs_is_given_up),
		TEST(a_signal_ends_the_wait_for_an_open),
		TEST(an_unhindered_child_closes_its_meter_and_ends),
		TEST(a_hanging_child_is_killed_at_the_end),
		TEST(the_description_is_the_meter_s_with_what_happened_to_its_process),
		TEST(signals_for_the_program_do_not_stop_the_child),
		TEST(the_child_is_named_after_its_meter),
		TEST(the_child_keeps_none_of_our_descriptors),
		TEST(the_child_of_a_killed_program_ends),
		TEST(an_ordinary_meter_has_no_process),
	};

	device = mmap(NULL, sizeof *device, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (device == MAP_FAILED)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
