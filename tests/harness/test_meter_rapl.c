/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>

#include "harness/meter.h"
#include "tests/harness/powercap_zone.h"

/* Joules by which a test may let a counter rise at once: meters are read here
 * microseconds apart, and more is not plausible (energy_counter.h). */
#define SMALL_J 20.0

/* Longer than the meter waits before it opens a zone again. */
static const struct timespec BACK_OFF = {1, 100000000};

extern const struct meter_class meter_rapl;

static int open_at(struct meter **out, const char *root, struct error *err)
{
	struct meter_config config = {.roots = {.sysfs = root, .procfs = "/nowhere"}};

	*err = (struct error){0};
	return meter_rapl.open(out, &config, err);
}

static struct meter *meter_of(const char *root)
{
	struct meter *meter = NULL;
	struct error err;

	if (open_at(&meter, root, &err) < 0)
		fail_msg("%s", err.text);
	return meter;
}

/* Reads the meter and gives the reading of one channel; the sentence is in err. */
static struct reading read_one(struct meter *meter, const char *id, struct error *err)
{
	struct reading readings[32];

	*err = (struct error){0};
	assert_in_range(meter->n_channels, 1, 32);
	meter_rapl.read(meter, readings, err);
	for (size_t i = 0; i < meter->n_channels; i++)
		if (strcmp(meter->channels[i].id, id) == 0)
			return readings[i];
	fail_msg("no channel %s", id);
	return readings[0];
}

static void assert_energy(struct meter *meter, const char *id, double energy_j, enum reading_event event)
{
	struct error err;
	struct reading r = read_one(meter, id, &err);

	assert_string_equal(err.text, "");
	assert_int_equal(r.state, READING_OK);
	assert_int_equal(r.event, event);
	if (fabs(r.value - energy_j) > 1e-6)
		fail_msg("%s: %.6f J, not %.6f J", id, r.value, energy_j);
}

static void assert_failed(struct meter *meter, const char *id, const char *part)
{
	struct error err;
	struct reading r = read_one(meter, id, &err);

	assert_int_equal(r.state, READING_FAILED);
	assert_true(isnan(r.value));
	assert_int_equal(err.kind, ERROR_FAILED);
	if (!strstr(err.text, id) || !strstr(err.text, part))
		fail_msg("\"%s\" does not say \"%s\"", err.text, part);
}

/* One package, in a tree of its own. */
static char *one_package(uint64_t energy_uj)
{
	char *root = tree_new();

	write_zone(root, "intel-rapl:0", "package-0", energy_uj, INTEL_RANGE_UJ);
	return root;
}

static void every_zone_is_a_channel_and_no_double_is(void **state)
{
	static const char *const ids[] = {"rapl/package-0", "rapl/core-0",    "rapl/uncore-0",
					  "rapl/dram-0",    "rapl/package-1", "rapl/core-1",
					  "rapl/uncore-1",  "rapl/dram-1",    "rapl/psys"};
	char *root = tree_new();
	struct meter *meter;

	(void)state;
	write_two_sockets(root);
	meter = meter_of(root);
	assert_int_equal(meter->n_channels, ARRAY_SIZE(ids));
	for (size_t i = 0; i < meter->n_channels; i++) {
		assert_string_equal(meter->channels[i].id, ids[i]);
		assert_int_equal(meter->channels[i].unit, UNIT_JOULE);
	}
	assert_false(meter->synthetic);
	assert_true(fabs(meter->channels[0].resolution - 61.035e-6) < 1e-9);
	assert_true(fabs(meter->channels[0].range_j - 262143.32885) < 1e-6);
	assert_true(isnan(meter->channels[0].power_limit_w));
	meter_rapl.close(meter);
	tree_free(root);
}

static void each_channel_follows_its_own_counter(void **state)
{
	char *root = tree_new();
	struct meter *meter;

	(void)state;
	write_two_sockets(root);
	meter = meter_of(root);
	assert_energy(meter, "rapl/dram-1", 0, EVENT_NONE);
	write_energy(root, "intel-rapl:1:2", 1000000 + 5000000);
	write_energy(root, "intel-rapl:0", 1000000 + 7250000);
	write_energy(root, "intel-rapl-mmio:0", 1000000 + 99000000);
	assert_energy(meter, "rapl/dram-1", 5, EVENT_NONE);
	assert_energy(meter, "rapl/package-0", 7.25, EVENT_NONE);
	assert_energy(meter, "rapl/dram-0", 0, EVENT_NONE);
	assert_energy(meter, "rapl/psys", 0, EVENT_NONE);
	meter_rapl.close(meter);
	tree_free(root);
}

static void readings_are_dated_within_the_call(void **state)
{
	char *root = one_package(5);
	struct meter *meter = meter_of(root);
	struct error err;
	mono_t before = mono_now(), after;
	struct reading r = read_one(meter, "rapl/package-0", &err);

	(void)state;
	after = mono_now();
	assert_true(r.at.ns >= before.ns && r.at.ns <= after.ns);
	assert_true(r.took_s >= 0 && r.took_s <= mono_between_s(before, after));
	meter_rapl.close(meter);
	tree_free(root);
}

static void a_wrap_is_resolved(void **state)
{
	char *root = one_package(INTEL_RANGE_UJ - 10000000);
	struct meter *meter = meter_of(root);

	(void)state;
	assert_energy(meter, "rapl/package-0", 0, EVENT_NONE);
	write_energy(root, "intel-rapl:0", 10000000);
	assert_energy(meter, "rapl/package-0", SMALL_J, EVENT_NONE);
	meter_rapl.close(meter);
	tree_free(root);
}

static void a_counter_that_starts_again_is_a_reset_and_goes_on(void **state)
{
	char *root = one_package(100000000000);
	struct meter *meter = meter_of(root);

	(void)state;
	assert_energy(meter, "rapl/package-0", 0, EVENT_NONE);
	write_energy(root, "intel-rapl:0", 1000);
	assert_energy(meter, "rapl/package-0", 0, EVENT_COUNTER_RESET);
	write_energy(root, "intel-rapl:0", 3001000);
	assert_energy(meter, "rapl/package-0", 3, EVENT_NONE);
	meter_rapl.close(meter);
	tree_free(root);
}

static void a_garbled_counter_is_a_failed_reading_and_never_a_number(void **state)
{
	static const char *const garbled[][2] = {
		{"", "it is empty"},
		{"\n", "it is empty"},
		{"12x\n", "it holds no whole number"},
		{"-5\n", "it holds no whole number"},
		{" 12\n", "it holds no whole number"},
		{"12\n13\n", "it holds no whole number"},
		{"18446744073709551616\n", "it holds no whole number"},
		{"1000000000000000000000000000000000000000000\n", "it holds no whole number"},
	};
	char *root = tree_new();
	struct meter *meter;

	(void)state;
	write_two_sockets(root);
	meter = meter_of(root);
	assert_energy(meter, "rapl/package-1", 0, EVENT_NONE);
	for (size_t i = 0; i < ARRAY_SIZE(garbled); i++) {
		struct error err;

		write_zone_file(root, "intel-rapl:1", "energy_uj", garbled[i][0]);
		assert_failed(meter, "rapl/package-1", garbled[i][1]);
		assert_int_equal(read_one(meter, "rapl/package-0", &err).state, READING_OK);
	}
	write_energy(root, "intel-rapl:1", 1000000 + 9000000);
	assert_energy(meter, "rapl/package-1", 9, EVENT_NONE);
	meter_rapl.close(meter);
	tree_free(root);
}

/* A kernel's file fails when its zone is gone; a file of ours has to be emptied first. */
static void remove_zone(const char *root, const char *folder)
{
	char *path = xasprintf("%s/class/powercap/%s", root, folder);

	write_zone_file(root, folder, "energy_uj", "");
	tree_free(path);
}

static void a_zone_that_vanishes_is_found_again_under_another_number(void **state)
{
	char *root = one_package(1000000);
	struct meter *meter = meter_of(root);

	(void)state;
	assert_energy(meter, "rapl/package-0", 0, EVENT_NONE);
	remove_zone(root, "intel-rapl:0");
	assert_failed(meter, "rapl/package-0", "energy_uj");
	nanosleep(&BACK_OFF, NULL);
	assert_failed(meter, "rapl/package-0", "energy_uj");
	write_zone(root, "intel-rapl:0", "package-1", 7000000, INTEL_RANGE_UJ);
	write_zone(root, "intel-rapl:1", "package-0", 5000000, INTEL_RANGE_UJ);
	nanosleep(&BACK_OFF, NULL);
	assert_energy(meter, "rapl/package-0", 4, EVENT_NONE);
	write_energy(root, "intel-rapl:1", 6000000);
	assert_energy(meter, "rapl/package-0", 5, EVENT_NONE);
	meter_rapl.close(meter);
	tree_free(root);
}

static void a_zone_that_comes_back_from_zero_is_a_reset(void **state)
{
	char *root = one_package(100000000000);
	struct meter *meter = meter_of(root);

	(void)state;
	assert_energy(meter, "rapl/package-0", 0, EVENT_NONE);
	write_energy(root, "intel-rapl:0", 100002000000);
	assert_energy(meter, "rapl/package-0", 2, EVENT_NONE);
	remove_zone(root, "intel-rapl:0");
	assert_failed(meter, "rapl/package-0", "energy_uj");
	nanosleep(&BACK_OFF, NULL);
	write_zone(root, "intel-rapl:0", "package-0", 500, INTEL_RANGE_UJ);
	assert_energy(meter, "rapl/package-0", 2, EVENT_COUNTER_RESET);
	meter_rapl.close(meter);
	tree_free(root);
}

static void assert_absent(const char *root, const char *part)
{
	struct meter *meter = NULL;
	struct error err;

	assert_int_equal(open_at(&meter, root, &err), -1);
	assert_null(meter);
	assert_int_equal(err.kind, ERROR_ABSENT);
	assert_non_null(strstr(err.text, "modprobe intel_rapl_msr"));
	if (!strstr(err.text, root) || !strstr(err.text, part))
		fail_msg("\"%s\" does not say \"%s\"", err.text, part);
}

static void a_tree_without_zones_is_absent_and_says_what_to_do(void **state)
{
	char *root = tree_new();

	(void)state;
	assert_absent(root, "does not exist");
	tree_write(root, "class/powercap/intel-rapl/enabled", "1\n");
	assert_absent(root, "holds no RAPL zone;");
	write_zone(root, "intel-rapl-mmio:0", "package-0", 1, INTEL_RANGE_UJ);
	assert_absent(root, "repeats intel-rapl");
	tree_free(root);
}

static void counters_that_all_fail_are_a_failure_with_its_cause(void **state)
{
	char *root = tree_new();
	struct meter *meter = NULL;
	struct error err;

	(void)state;
	write_zone(root, "intel-rapl:0", "package-0", 1, INTEL_RANGE_UJ);
	write_zone_file(root, "intel-rapl:0", "energy_uj", "nonsense\n");
	assert_int_equal(open_at(&meter, root, &err), -1);
	assert_int_equal(err.kind, ERROR_FAILED);
	assert_non_null(strstr(err.text, "intel-rapl:0/energy_uj cannot be read: it holds no whole number"));
	tree_free(root);
}

static void zones_that_cannot_be_read_are_left_out_and_described(void **state)
{
	char *root = tree_new();
	json_t *entry = json_object(), *ignored;
	struct meter *meter;

	(void)state;
	write_two_sockets(root);
	write_zone_file(root, "intel-rapl:1:2", "energy_uj", "");
	meter = meter_of(root);
	assert_int_equal(meter->n_channels, 8);
	meter_rapl.describe(meter, entry);
	assert_string_equal(json_string_value(json_object_get(entry, "interface")), "powercap");
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(entry, "zones"), "rapl/dram-0")),
		"intel-rapl:0:2");
	ignored = json_object_get(entry, "ignored");
	assert_int_equal(json_array_size(ignored), 3); /* two of mmio, and this one */
	assert_string_equal(json_string_value(json_object_get(json_array_get(ignored, 2), "zone")),
			    "intel-rapl:1:2");
	assert_string_equal(json_string_value(json_object_get(json_array_get(ignored, 2), "reason")),
			    "energy_uj of dram-1 cannot be read: it is empty");
	json_decref(entry);
	meter_rapl.close(meter);
	tree_free(root);
}

/* What a user without rights sees, as an exit status: permission bits do not stop root. */
enum seen { SEEN_FORBIDDEN = 40, SEEN_PACKAGE_FAILING, SEEN_OTHER };

/* The package is there without readings, so that no sum leaves it out; the memory has them. */
static bool package_fails_alone(struct meter *meter)
{
	struct reading readings[2];
	struct error err = {0};

	if (meter->n_channels != 2)
		return false;
	meter->class->read(meter, readings, &err);
	return readings[0].state == READING_FAILED && isnan(readings[0].value) &&
	       readings[1].state == READING_OK && err.kind == ERROR_FAILED;
}

static enum seen seen_without_rights(const char *root)
{
	struct meter *meter = NULL;
	struct error err;
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		if (geteuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0))
			_exit(SEEN_OTHER);
		if (open_at(&meter, root, &err) == 0)
			_exit(package_fails_alone(meter) ? SEEN_PACKAGE_FAILING : SEEN_OTHER);
		_exit(err.kind == ERROR_FORBIDDEN && strstr(err.text, "CAP_DAC_READ_SEARCH") &&
				      strstr(err.text, "CVE-2020-8694")
			      ? SEEN_FORBIDDEN
			      : SEEN_OTHER);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return (enum seen)WEXITSTATUS(status);
}

static void set_mode(const char *root, const char *path, mode_t mode)
{
	char *full = xasprintf("%s/%s", root, path);

	assert_int_equal(chmod(full, mode), 0);
	free(full);
}

static void a_counter_for_root_alone_is_forbidden_and_not_absent(void **state)
{
	static const char *const folders[] = {"", "class", "class/powercap", "class/powercap/intel-rapl:0",
					      "class/powercap/intel-rapl:0:0"};
	char *root = one_package(7);

	(void)state;
	write_zone(root, "intel-rapl:0:0", "dram", 5, DRAM_RANGE_UJ);
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		set_mode(root, folders[i], 0755);
	set_mode(root, "class/powercap/intel-rapl:0/energy_uj", 0);
	assert_int_equal(seen_without_rights(root), SEEN_PACKAGE_FAILING);
	set_mode(root, "class/powercap/intel-rapl:0:0/energy_uj", 0);
	assert_int_equal(seen_without_rights(root), SEEN_FORBIDDEN);
	set_mode(root, "class/powercap", 0);
	assert_int_equal(seen_without_rights(root), SEEN_OTHER);
	set_mode(root, "class/powercap", 0755);
	tree_free(root);
}

static void closing_nothing_is_fine(void **state)
{
	(void)state;
	meter_rapl.close(NULL);
}

static void the_recorded_machine_can_be_read(void **state)
{
	const char *data = getenv("TEST_DATA");
	struct meter *meter;
	char *root;

	(void)state;
	if (!data)
		skip();
	root = xasprintf("%s/sysfs-one-package", data);
	meter = meter_of(root);
	assert_int_equal(meter->n_channels, 3);
	assert_energy(meter, "rapl/package-10", 0, EVENT_NONE);
	assert_energy(meter, "rapl/core-0", 0, EVENT_NONE);
	assert_true(fabs(meter->channels[0].time_window_s - 0.999424) < 1e-9);
	meter_rapl.close(meter);
	free(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_zone_is_a_channel_and_no_double_is),
		cmocka_unit_test(each_channel_follows_its_own_counter),
		cmocka_unit_test(readings_are_dated_within_the_call),
		cmocka_unit_test(a_wrap_is_resolved),
		cmocka_unit_test(a_counter_that_starts_again_is_a_reset_and_goes_on),
		cmocka_unit_test(a_garbled_counter_is_a_failed_reading_and_never_a_number),
		cmocka_unit_test(a_zone_that_vanishes_is_found_again_under_another_number),
		cmocka_unit_test(a_zone_that_comes_back_from_zero_is_a_reset),
		cmocka_unit_test(a_tree_without_zones_is_absent_and_says_what_to_do),
		cmocka_unit_test(counters_that_all_fail_are_a_failure_with_its_cause),
		cmocka_unit_test(zones_that_cannot_be_read_are_left_out_and_described),
		cmocka_unit_test(a_counter_for_root_alone_is_forbidden_and_not_absent),
		cmocka_unit_test(closing_nothing_is_fine),
		cmocka_unit_test(the_recorded_machine_can_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
