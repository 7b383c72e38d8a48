/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "harness/meter.h"
#include "harness/sim_node.h"
#include "tests/tree.h"

extern const struct meter_class meter_sim;

/* No noise and no memory of the past: power depends on the utilisation alone. */
#define PLAIN "noise_pct=0,thermal_w=0"

/* Longer than the least interval between two samples of the utilisation. */
static const struct timespec SAMPLE = {0, 120000000};

/* A machine whose stat file the test writes, and the meter on it. */
struct fixture {
	char *root;
	char *truth; /* path of --sim-truth */
	struct meter *meter;
	unsigned long busy, idle; /* ticks so far */
};

static void write_stat(const struct fixture *f)
{
	tree_write(f->root, "proc/stat",
		   "cpu  %lu 0 0 %lu 0 0 0 0 0 0\ncpu0 %lu 0 0 %lu 0 0 0 0 0 0\nintr 0\n", f->busy, f->idle,
		   f->busy, f->idle);
}

static int open_at(struct meter **out, const char *root, const char *sim, const char *truth,
		   struct error *err)
{
	char *procfs = xasprintf("%s/proc", root);
	struct meter_config config = {
		.roots = {.sysfs = "/nowhere", .procfs = procfs}, .sim = sim, .sim_truth = truth};
	int result;

	*err = (struct error){0};
	result = meter_sim.open(out, &config, err);
	free(procfs);
	return result;
}

static struct fixture fixture_new(const char *sim)
{
	struct fixture f = {.root = tree_new(), .busy = 1000, .idle = 1000};
	struct error err;

	f.truth = xasprintf("%s/truth.csv", f.root);
	write_stat(&f);
	if (open_at(&f.meter, f.root, sim, f.truth, &err) < 0)
		fail_msg("%s", err.text);
	return f;
}

static void fixture_free(struct fixture *f)
{
	meter_sim.close(f->meter);
	free(f->truth);
	tree_free(f->root);
}

/* Lets the machine have been busy by that share, and reads. */
static void read_after(struct fixture *f, double utilisation, struct reading *out)
{
	struct error err = {0};

	nanosleep(&SAMPLE, NULL);
	f->busy += (unsigned long)(utilisation * 100);
	f->idle += 100 - (unsigned long)(utilisation * 100);
	write_stat(f);
	meter_sim.read(f->meter, out, &err);
	assert_string_equal(err.text, "");
	for (size_t i = 0; i < f->meter->n_channels; i++) {
		assert_int_equal(out[i].state, READING_OK);
		assert_int_equal(out[i].event, EVENT_NONE);
	}
}

static double mean_w(const struct reading *a, const struct reading *b)
{
	return (b->value - a->value) / mono_between_s(a->at, b->at);
}

static void its_channels_are_packages_memories_and_the_system(void **state)
{
	static const char *const ids[] = {"sim/package-0", "sim/dram-0", "sim/package-1", "sim/dram-1",
					  "sim/package-2", "sim/dram-2", "sim/system"};
	struct fixture f = fixture_new("sockets=3,resolution_w=7,window_s=2");

	(void)state;
	assert_true(f.meter->synthetic);
	assert_int_equal(f.meter->n_channels, ARRAY_SIZE(ids));
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		assert_string_equal(f.meter->channels[i].id, ids[i]);
		assert_int_equal(f.meter->channels[i].unit, i == 6 ? UNIT_WATT : UNIT_JOULE);
	}
	assert_true(f.meter->channels[2].time_window_s == 2);
	assert_true(isnan(f.meter->channels[3].time_window_s));
	assert_true(f.meter->channels[6].resolution == 7);
	fixture_free(&f);
}

static void power_follows_the_machines_utilisation(void **state)
{
	static const double loads[] = {0, 0.25, 1, 0.5, 0};
	struct fixture f = fixture_new(PLAIN);
	struct sim_params params;
	struct reading before[5], after[5];

	(void)state;
	assert_int_equal(sim_params_parse(&params, PLAIN, NULL), 0);
	read_after(&f, 0, before);
	for (size_t i = 0; i < ARRAY_SIZE(loads); i++) {
		struct sim_power steady = sim_node_steady_w(&params, loads[i]);

		read_after(&f, loads[i], after);
		assert_true(fabs(mean_w(&before[0], &after[0]) - steady.cpu_w / 2) < 0.01);
		assert_true(fabs(mean_w(&before[3], &after[3]) - steady.dram_w / 2) < 0.01);
		assert_true(after[0].value / 61.03515625e-6 == round(after[0].value / 61.03515625e-6));
		memcpy(before, after, sizeof before);
	}
	fixture_free(&f);
}

static void reads_in_quick_succession_go_on_at_the_last_utilisation(void **state)
{
	struct fixture f = fixture_new(PLAIN);
	struct reading before[5], after[5];
	struct error err = {0};

	(void)state;
	read_after(&f, 0, before);
	read_after(&f, 1, before);
	for (int i = 0; i < 50; i++) {
		meter_sim.read(f.meter, after, &err);
		assert_true(after[0].value >= before[0].value);
		assert_true(after[0].at.ns > before[0].at.ns);
		memcpy(before, after, sizeof before);
	}
	assert_string_equal(err.text, "");
	fixture_free(&f);
}

static void the_system_starts_at_the_power_of_the_idle_node(void **state)
{
	struct fixture f = fixture_new(PLAIN ",platform_w=44,efficiency=1");
	struct reading readings[5];

	(void)state;
	read_after(&f, 1, readings);
	assert_true(readings[4].value == 100); /* 2 (25 + 3) + 44 W, shown with a lag of 4 s */
	fixture_free(&f);
}

/* The truth file's energy of a channel at a time; fails where there is no such row. */
static double truth_j(const char *text, mono_t at, const char *channel)
{
	for (const char *line = strchr(text, '\n') + 1; *line; line = strchr(line, '\n') + 1) {
		const char *comma = strchr(line, ',');

		if (fabs(strtod(line, NULL) - (double)at.ns / 1e9) < 1e-7 &&
		    strncmp(comma + 1, channel, strlen(channel)) == 0)
			return strtod(comma + 1 + strlen(channel) + 1, NULL);
	}
	fail_msg("no row of %s at %jd ns", channel, (intmax_t)at.ns);
	return NAN;
}

static void the_truth_holds_the_energy_of_every_reading(void **state)
{
	struct fixture f = fixture_new("noise_pct=1,turbo_w=20,turbo_budget_j=5");
	struct reading readings[10][5];
	double last_j = -1;
	char *text;

	(void)state;
	for (int i = 0; i < 10; i++)
		read_after(&f, i % 2 ? 0.9 : 0.1, readings[i]);
	meter_sim.close(f.meter);
	f.meter = NULL;
	text = file_read_all(f.truth, 1 << 20, NULL);
	assert_non_null(text);
	assert_memory_equal(text, "time_s,channel,energy_j\n", 24);
	for (int i = 0; i < 10; i++) {
		double system_j = truth_j(text, readings[i][0].at, "sim/system");

		assert_true(fabs(truth_j(text, readings[i][0].at, "sim/package-0") - readings[i][0].value) <
			    1e-4);
		assert_true(fabs(truth_j(text, readings[i][3].at, "sim/dram-1") - readings[i][3].value) <
			    1e-4);
		assert_true(system_j > last_j);
		assert_true(system_j > readings[i][0].value + readings[i][1].value + readings[i][2].value);
		last_j = system_j;
	}
	free(text);
	fixture_free(&f);
}

static void the_truth_has_a_row_a_second_where_nobody_reads(void **state)
{
	struct fixture f = fixture_new("sockets=1");
	struct timespec over_two_s = {2, 200000000};
	struct reading readings[3];
	double last_s = 0, most_s = 0;
	unsigned rows = 0;
	char *text, *line;

	(void)state;
	nanosleep(&over_two_s, NULL);
	read_after(&f, 0.5, readings);
	meter_sim.close(f.meter);
	f.meter = NULL;
	text = file_read_all(f.truth, 1 << 20, NULL);
	for (line = strchr(text, '\n') + 1; *line; line = strchr(line, '\n') + 1) {
		double time_s = strtod(line, NULL);

		if (last_s > 0)
			most_s = fmax(most_s, time_s - last_s);
		last_s = time_s;
		rows++;
	}
	assert_true(rows >= 4 * 3);
	assert_true(most_s < 1.001);
	free(text);
	fixture_free(&f);
}

static void the_truth_is_on_disk_while_the_meter_is_read(void **state)
{
	struct fixture f = fixture_new("sockets=1");
	struct reading readings[3];
	char *text;

	(void)state;
	for (int i = 0; i < 12; i++)
		read_after(&f, 0.5, readings);
	text = file_read_all(f.truth, 1 << 20, NULL);
	assert_true(strlen(text) > 100);
	free(text);
	fixture_free(&f);
}

static void a_stat_file_that_fails_is_a_failed_reading(void **state)
{
	struct fixture f = fixture_new(PLAIN);
	struct reading before[5], after[5];
	struct error err = {0};

	(void)state;
	read_after(&f, 0, before);
	nanosleep(&SAMPLE, NULL);
	tree_write(f.root, "proc/stat", "%s", "");
	meter_sim.read(f.meter, after, &err);
	assert_int_equal(err.kind, ERROR_FAILED);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(after[i].state, READING_FAILED);
		assert_true(isnan(after[i].value));
	}
	read_after(&f, 1, after);
	assert_true(fabs(mean_w(&before[0], &after[0]) - 85) < 0.01); /* 25 + 60 W over the whole gap */
	fixture_free(&f);
}

static void wrong_parameters_and_paths_are_refused(void **state)
{
	struct fixture f = fixture_new("");
	struct meter *meter = NULL;
	struct error err;

	(void)state;
	assert_int_equal(open_at(&meter, f.root, "watts=5", NULL, &err), -1);
	assert_int_equal(err.kind, ERROR_INPUT);
	assert_int_equal(open_at(&meter, f.root, NULL, "/nowhere/truth.csv", &err), -1);
	assert_int_equal(err.kind, ERROR_FAILED);
	assert_non_null(strstr(err.text, "--sim-truth: /nowhere/truth.csv cannot be written: No such file"));
	assert_int_equal(open_at(&meter, "/nowhere", NULL, NULL, &err), -1);
	assert_int_not_equal(err.kind, ERROR_NONE);
	assert_null(meter);
	meter_sim.close(NULL);
	fixture_free(&f);
}

static void a_truth_that_cannot_be_kept_is_told_once(void **state)
{
	struct fixture f = fixture_new("");
	struct meter *meter = NULL;
	struct reading readings[5];
	struct timespec over_a_second = {1, 100000000};
	unsigned told = 0;
	struct error err;

	(void)state;
	assert_int_equal(open_at(&meter, f.root, NULL, "/dev/full", &err), 0);
	for (int i = 0; i < 2; i++) {
		nanosleep(&over_a_second, NULL);
		err = (struct error){0};
		meter_sim.read(meter, readings, &err);
		assert_int_equal(readings[0].state, READING_OK);
		if (err.kind == ERROR_NONE)
			continue;
		assert_non_null(strstr(err.text, "/dev/full cannot be written: No space left"));
		told++;
	}
	assert_int_equal(told, 1);
	meter_sim.close(meter);
	fixture_free(&f);
}

static void it_describes_itself_with_all_its_parameters(void **state)
{
	struct fixture f = fixture_new("sockets=1,idle_w=33.5");
	json_t *entry = json_object(), *parameters;

	(void)state;
	meter_sim.describe(f.meter, entry);
	assert_string_equal(json_string_value(json_object_get(entry, "interface")), "simulated");
	parameters = json_object_get(entry, "parameters");
	assert_int_equal(json_object_size(parameters), sim_parameters_n);
	assert_true(json_number_value(json_object_get(parameters, "idle_w")) == 33.5);
	assert_true(json_is_integer(json_object_get(parameters, "sockets")));
	json_decref(entry);
	fixture_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(its_channels_are_packages_memories_and_the_system),
		cmocka_unit_test(power_follows_the_machines_utilisation),
		cmocka_unit_test(reads_in_quick_succession_go_on_at_the_last_utilisation),
		cmocka_unit_test(the_system_starts_at_the_power_of_the_idle_node),
		cmocka_unit_test(the_truth_holds_the_energy_of_every_reading),
		cmocka_unit_test(the_truth_has_a_row_a_second_where_nobody_reads),
		cmocka_unit_test(the_truth_is_on_disk_while_the_meter_is_read),
		cmocka_unit_test(a_stat_file_that_fails_is_a_failed_reading),
		cmocka_unit_test(wrong_parameters_and_paths_are_refused),
		cmocka_unit_test(a_truth_that_cannot_be_kept_is_told_once),
		cmocka_unit_test(it_describes_itself_with_all_its_parameters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
