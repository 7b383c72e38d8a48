/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "harness/proc_stat.h"
#include "tests/tree.h"

/* A stat file that a test rewrites, and the reader of it. */
struct fixture {
	char *root;
	struct proc_stat *stat;
};

static struct proc_stat *open_at(const char *root, struct error *err)
{
	return proc_stat_open(&(struct roots){.sysfs = "/nowhere", .procfs = root}, err);
}

static struct fixture fixture_new(const char *text)
{
	struct fixture f = {.root = tree_new()};
	struct error err = {0};

	tree_write(f.root, "stat", "%s", text);
	f.stat = open_at(f.root, &err);
	assert_string_equal(err.text, "");
	assert_non_null(f.stat);
	return f;
}

static void fixture_free(struct fixture *f)
{
	proc_stat_close(f->stat);
	tree_free(f->root);
}

/* What the file says next, and how the CPUs' sum rose. */
static struct cpu_ticks rise(struct fixture *f, const char *text, const unsigned *cpus, size_t n)
{
	struct cpu_ticks before, after;
	struct error err = {0};

	proc_stat_sum(f->stat, cpus, n, &before);
	tree_write(f->root, "stat", "%s", text);
	assert_int_equal(proc_stat_read(f->stat, &err), 0);
	proc_stat_sum(f->stat, cpus, n, &after);
	return (struct cpu_ticks){after.busy - before.busy, after.total - before.total,
				  after.steal - before.steal};
}

static void busy_is_all_but_idle_iowait_and_steal(void **state)
{
	(void)state;
	struct fixture f = fixture_new("cpu  10 20 30 40 50 60 70 80 5 5\nintr 1 2 3\n");
	struct cpu_ticks r = rise(&f, "cpu  11 22 34 48 66 92 134 208 6 6\nintr 1 2 3\n", NULL, 0);

	assert_int_equal(r.busy, 1 + 2 + 4 + 32 + 64);
	assert_int_equal(r.total, 1 + 2 + 4 + 8 + 16 + 32 + 64);
	assert_int_equal(r.steal, 128);
	fixture_free(&f);
}

static void given_cpus_are_summed_and_others_left_out(void **state)
{
	(void)state;
	const unsigned cpus[] = {1, 3};
	struct fixture f =
		fixture_new("cpu  0 0 0 0\ncpu0 0 0 0 0\ncpu1 0 0 0 0\ncpu2 0 0 0 0\ncpu3 0 0 0 0\nctxt 1\n");
	struct cpu_ticks r =
		rise(&f, "cpu  1111 0 0 5\ncpu0 1 0 0 1\ncpu1 10 0 0 1\ncpu2 100 0 0 1\ncpu3 1000 0 0 2\n",
		     cpus, 2);

	assert_int_equal(r.busy, 1010);
	assert_int_equal(r.total, 1013);
	fixture_free(&f);
}

static void a_cpu_that_does_not_exist_adds_nothing(void **state)
{
	(void)state;
	const unsigned cpus[] = {0, 4096};
	struct fixture f = fixture_new("cpu  0 0 0 0\ncpu0 0 0 0 0\n");
	struct cpu_ticks r = rise(&f, "cpu  7 0 0 3\ncpu0 7 0 0 3\n", cpus, 2);

	assert_int_equal(r.total, 10);
	fixture_free(&f);
}

static void a_counter_that_falls_back_never_makes_time_negative(void **state)
{
	(void)state;
	struct fixture f = fixture_new("cpu  100 0 0 1000 50\n");
	struct cpu_ticks r = rise(&f, "cpu  100 0 0 1000 43\n", NULL, 0);

	assert_int_equal(r.total, 0);
	r = rise(&f, "cpu  110 0 0 1090 43\n", NULL, 0);
	assert_int_equal(r.busy, 10);
	assert_int_equal(r.total, 100);
	fixture_free(&f);
}

static void idle_that_starts_anew_counts_again_at_once(void **state)
{
	(void)state;
	struct fixture f = fixture_new("cpu  100 0 0 1000000 0\n");

	rise(&f, "cpu  100 0 0 0 0\n", NULL, 0);
	assert_int_equal(rise(&f, "cpu  150 0 0 50 0\n", NULL, 0).total, 100);
	fixture_free(&f);
}

static void a_cpu_that_goes_offline_is_neither_busy_nor_idle(void **state)
{
	(void)state;
	const unsigned cpus[] = {0, 1};
	struct fixture f = fixture_new("cpu  0 0 0 0\ncpu0 500 0 0 500\ncpu1 500 0 0 500\n");
	struct cpu_ticks r = rise(&f, "cpu  100 0 0 0\ncpu0 600 0 0 500\n", cpus, 2);

	assert_int_equal(r.busy, 100);
	assert_int_equal(r.total, 100);
	assert_int_equal(proc_stat_online(f.stat, cpus, 2), 1);
	r = rise(&f, "cpu  100 0 0 0\ncpu0 600 0 0 500\ncpu1 500 0 0 540\n", cpus, 2);
	assert_int_equal(proc_stat_online(f.stat, cpus, 2), 2);
	assert_int_equal(r.busy, 0);
	assert_int_equal(r.total, 40);
	fixture_free(&f);
}

static void a_cpu_that_comes_online_does_not_bring_its_past(void **state)
{
	(void)state;
	const unsigned cpus[] = {0, 1};
	struct fixture f = fixture_new("cpu  0 0 0 0\ncpu0 0 0 0 100\n");
	struct cpu_ticks r = rise(&f, "cpu  0 0 0 0\ncpu0 0 0 0 200\ncpu1 900000 0 0 800000\n", cpus, 2);

	assert_int_equal(r.busy, 0);
	assert_int_equal(r.total, 100);
	fixture_free(&f);
}

static void many_cpus_fit_whatever_the_size_of_the_file(void **state)
{
	(void)state;
	enum { CPUS = 1024 };
	size_t size = (CPUS + 2) * 128;
	char *text = xcalloc(size, 1);
	unsigned cpus[CPUS];
	struct fixture f;
	struct cpu_ticks r;

	for (unsigned round = 0; round < 2; round++) {
		size_t used = (size_t)snprintf(text, size, "cpu  %u 0 0 0 0 0 0 0 0 0\n", round);

		for (unsigned cpu = 0; cpu < CPUS; cpu++) {
			cpus[cpu] = cpu;
			used += (size_t)snprintf(text + used, size - used,
						 "cpu%u 123456789%u 0 123456789 0 0 0 0 0 0 0\n", cpu,
						 cpu % 2 ? round * 2 : round);
		}
		snprintf(text + used, size - used, "intr 5\n");
		if (round == 0)
			f = fixture_new(text);
	}
	r = rise(&f, text, cpus, CPUS);
	assert_int_equal(r.busy, CPUS / 2 * 1 + CPUS / 2 * 2);
	fixture_free(&f);
	free(text);
}

static void utilisation_leaves_steal_out(void **state)
{
	(void)state;
	const struct cpu_ticks before = {.busy = 1000, .total = 2000, .steal = 300};
	const struct cpu_ticks after = {.busy = 1030, .total = 2060, .steal = 340};

	assert_float_equal(cpu_utilisation_pct(&before, &after), 50, 1e-9);
	assert_float_equal(cpu_steal_pct(&before, &after), 40, 1e-9);
}

static void no_time_means_no_utilisation(void **state)
{
	(void)state;
	const struct cpu_ticks same = {.busy = 5, .total = 9, .steal = 1};

	assert_true(isnan(cpu_utilisation_pct(&same, &same)));
	assert_true(isnan(cpu_steal_pct(&same, &same)));
}

static void refuse(const char *text, const char *word)
{
	char *root = tree_new();
	struct error err = {0};

	tree_write(root, "stat", "%s", text);
	assert_null(open_at(root, &err));
	assert_int_equal(err.kind, ERROR_FAILED);
	assert_non_null(strstr(err.text, root));
	assert_non_null(strstr(err.text, word));
	tree_free(root);
}

static void a_garbled_file_is_refused_and_quoted(void **state)
{
	(void)state;
	refuse("", "expected a first line");
	refuse("intr 5\n", "intr 5");
	refuse("cpu  1 2 3\n", "cpu  1 2 3");
	refuse("cpu  1 2 3 4\ncpux 1 2 3 4\n", "cpux 1 2 3 4");
	refuse("cpu  1 2 3 4\ncpu99999999999 1 2 3 4\n", "cpu99999999999");
}

static void a_missing_file_is_named(void **state)
{
	(void)state;
	struct error err = {0};

	assert_null(open_at("/nowhere", &err));
	assert_non_null(strstr(err.text, "/nowhere/stat"));
}

static void a_failed_read_keeps_what_was_seen(void **state)
{
	(void)state;
	struct fixture f = fixture_new("cpu  10 0 0 10\n");
	struct cpu_ticks before, after;
	struct error err = {0};

	rise(&f, "cpu  20 0 0 20\n", NULL, 0);
	proc_stat_sum(f.stat, NULL, 0, &before);
	tree_write(f.root, "stat", "nothing\n");
	assert_int_equal(proc_stat_read(f.stat, &err), -1);
	proc_stat_sum(f.stat, NULL, 0, &after);
	assert_int_equal(after.total, before.total);
	assert_int_equal(after.total, 20);
	fixture_free(&f);
}

/* The running kernel's file, against time that this process has burnt itself. */
static void the_running_kernel_sees_a_busy_loop(void **state)
{
	(void)state;
	struct error err = {0};
	struct proc_stat *stat = open_at("/proc", &err);
	const double burn_s = 0.3, tick_s = 1.0 / (double)sysconf(_SC_CLK_TCK);
	struct cpu_ticks before, after;
	clock_t end = clock() + (clock_t)(burn_s * CLOCKS_PER_SEC);

	assert_non_null(stat);
	proc_stat_sum(stat, NULL, 0, &before);
	while (clock() < end)
		;
	assert_int_equal(proc_stat_read(stat, &err), 0);
	proc_stat_sum(stat, NULL, 0, &after);
	assert_true((double)(after.busy - before.busy) * tick_s >
		    burn_s / 10); /* generous: a hypervisor may take the rest */
	assert_true(cpu_utilisation_pct(&before, &after) > 0);
	proc_stat_close(stat);
}

static void closing_nothing_is_fine(void **state)
{
	(void)state;
	proc_stat_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(busy_is_all_but_idle_iowait_and_steal),
		cmocka_unit_test(given_cpus_are_summed_and_others_left_out),
		cmocka_unit_test(a_cpu_that_does_not_exist_adds_nothing),
		cmocka_unit_test(a_counter_that_falls_back_never_makes_time_negative),
		cmocka_unit_test(idle_that_starts_anew_counts_again_at_once),
		cmocka_unit_test(a_cpu_that_goes_offline_is_neither_busy_nor_idle),
		cmocka_unit_test(a_cpu_that_comes_online_does_not_bring_its_past),
		cmocka_unit_test(many_cpus_fit_whatever_the_size_of_the_file),
		cmocka_unit_test(utilisation_leaves_steal_out),
		cmocka_unit_test(no_time_means_no_utilisation),
		cmocka_unit_test(a_garbled_file_is_refused_and_quoted),
		cmocka_unit_test(a_missing_file_is_named),
		cmocka_unit_test(a_failed_read_keeps_what_was_seen),
		cmocka_unit_test(the_running_kernel_sees_a_busy_loop),
		cmocka_unit_test(closing_nothing_is_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
