/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "harness/powercap.h"
#include "tests/harness/powercap_zone.h"

static struct powercap scan(const char *root)
{
	struct powercap powercap;
	struct error err = {0};

	assert_int_equal(powercap_scan(&powercap, root, &err), 0);
	assert_int_equal(err.kind, ERROR_NONE);
	return powercap;
}

static const char *reason_of(const struct powercap *powercap, const char *folder)
{
	for (size_t i = 0; i < powercap->n_ignored; i++)
		if (strcmp(powercap->ignored[i].folder, folder) == 0)
			return powercap->ignored[i].reason;
	fail_msg("%s is not ignored", folder);
	return NULL;
}

static void each_zone_gets_the_id_of_its_name_and_its_parents(void **state)
{
	static const char *const expected[][2] = {
		{"intel-rapl:0", "package-0"},  {"intel-rapl:0:0", "core-0"},  {"intel-rapl:0:1", "uncore-0"},
		{"intel-rapl:0:2", "dram-0"},   {"intel-rapl:1", "package-1"}, {"intel-rapl:1:0", "core-1"},
		{"intel-rapl:1:1", "uncore-1"}, {"intel-rapl:1:2", "dram-1"},  {"intel-rapl:2", "psys"},
	};
	char *root = tree_new();
	struct powercap powercap;

	(void)state;
	write_two_sockets(root);
	powercap = scan(root);
	assert_int_equal(powercap.n_zones, ARRAY_SIZE(expected));
	for (size_t i = 0; i < powercap.n_zones; i++) {
		assert_string_equal(powercap.zones[i].folder, expected[i][0]);
		assert_string_equal(powercap.zones[i].id, expected[i][1]);
	}
	assert_string_equal(powercap_find(&powercap, "dram-1")->scope, "memory of socket 1");
	assert_null(powercap_find(&powercap, "dram-2"));
	powercap_free(&powercap);
	tree_free(root);
}

static void the_doubles_of_mmio_are_left_out_and_named(void **state)
{
	char *root = tree_new();
	struct powercap powercap;

	(void)state;
	write_two_sockets(root);
	powercap = scan(root);
	assert_int_equal(powercap.n_ignored, 2);
	assert_string_equal(reason_of(&powercap, "intel-rapl-mmio:0"), "repeats intel-rapl");
	powercap_free(&powercap);
	tree_free(root);
}

static void dies_keep_their_number(void **state)
{
	char *root = tree_new();
	struct powercap powercap;

	(void)state;
	write_zone(root, "intel-rapl:0", "package-0-die-0", 0, INTEL_RANGE_UJ);
	write_zone(root, "intel-rapl:1", "package-0-die-1", 0, INTEL_RANGE_UJ);
	write_zone(root, "intel-rapl:1:0", "dram", 0, DRAM_RANGE_UJ);
	powercap = scan(root);
	assert_int_equal(powercap.n_zones, 3);
	assert_string_equal(powercap.zones[1].id, "package-0-die-1");
	assert_string_equal(powercap.zones[1].scope, "cores, caches and uncore of die 1 of socket 0");
	assert_string_equal(powercap.zones[2].id, "dram-0-die-1");
	powercap_free(&powercap);
	tree_free(root);
}

static void the_name_decides_and_not_the_number_of_the_folder(void **state)
{
	char *root = tree_new();
	struct powercap powercap;

	(void)state;
	write_zone(root, "intel-rapl:10", "package-0", 0, INTEL_RANGE_UJ);
	write_zone(root, "intel-rapl:10:0", "dram", 0, INTEL_RANGE_UJ);
	write_zone(root, "intel-rapl:2", "psys-1", 0, INTEL_RANGE_UJ);
	write_zone(root, "intel-rapl:a", "package-1", 0, INTEL_RANGE_UJ);
	powercap = scan(root);
	assert_int_equal(powercap.n_zones, 4);
	assert_string_equal(powercap.zones[0].id, "psys-1");
	assert_string_equal(powercap.zones[1].id, "package-0");
	assert_string_equal(powercap.zones[2].id, "dram-0");
	assert_string_equal(powercap.zones[3].id, "package-1");
	powercap_free(&powercap);
	tree_free(root);
}

static void of_two_zones_with_one_id_the_first_is_used(void **state)
{
	char *root = tree_new();
	struct powercap powercap;

	(void)state;
	write_zone(root, "intel-rapl:2", "package-0", 0, INTEL_RANGE_UJ);
	write_zone(root, "intel-rapl:10", "package-0", 0, INTEL_RANGE_UJ);
	powercap = scan(root);
	assert_int_equal(powercap.n_zones, 1);
	assert_string_equal(powercap.zones[0].folder, "intel-rapl:2");
	assert_string_equal(reason_of(&powercap, "intel-rapl:10"), "package-0 again, as in intel-rapl:2");
	powercap_free(&powercap);
	tree_free(root);
}

static void zones_that_cannot_be_understood_are_named(void **state)
{
	char *root = tree_new();
	struct powercap powercap;

	(void)state;
	write_zone(root, "intel-rapl:0", "package-0", 0, INTEL_RANGE_UJ);
	write_zone(root, "intel-rapl:0:0", "gpu", 0, INTEL_RANGE_UJ);
	write_zone(root, "intel-rapl:1", "package-1x", 0, INTEL_RANGE_UJ);
	write_zone(root, "intel-rapl:3", "", 0, INTEL_RANGE_UJ);
	write_zone(root, "intel-rapl:4:0", "dram", 0, INTEL_RANGE_UJ);
	write_energy(root, "intel-rapl:5", 7);
	powercap = scan(root);
	assert_int_equal(powercap.n_zones, 1);
	assert_int_equal(powercap.n_ignored, 5);
	assert_string_equal(reason_of(&powercap, "intel-rapl:0:0"),
			    "\"gpu\" below \"package-0\" is no zone that we know");
	assert_string_equal(reason_of(&powercap, "intel-rapl:1"), "\"package-1x\" is no zone that we know");
	assert_string_equal(reason_of(&powercap, "intel-rapl:3"), "its file name is missing or empty");
	assert_string_equal(reason_of(&powercap, "intel-rapl:5"), "its file name is missing or empty");
	powercap_free(&powercap);
	tree_free(root);
}

/* The only zone of a tree with these constraint files, NULL at the end. */
static struct powercap_zone zone_with(const char *const *files)
{
	char *root = tree_new();
	struct powercap powercap;
	struct powercap_zone zone;

	write_zone(root, "intel-rapl:0", "package-0", 0, INTEL_RANGE_UJ);
	for (; *files; files += 2)
		write_zone_file(root, "intel-rapl:0", files[0], files[1]);
	powercap = scan(root);
	assert_int_equal(powercap.n_zones, 1);
	zone = powercap.zones[0];
	powercap_free(&powercap);
	tree_free(root);
	return zone; /* its strings are gone, its numbers stay */
}

static void the_limit_and_its_window_are_those_of_long_term(void **state)
{
	struct powercap_zone zone = zone_with((const char *[]){
		"constraint_0_name", "short_term\n", "constraint_0_power_limit_uw", "300000000\n",
		"constraint_0_time_window_us", "2440\n", "constraint_1_name", "long_term\n",
		"constraint_1_power_limit_uw", "205000000\n", "constraint_1_time_window_us", "27983872\n",
		"constraint_1_max_power_uw", "205000000\n", NULL});

	(void)state;
	assert_true(zone.power_limit_w == 205);
	assert_true(fabs(zone.time_window_s - 27.983872) < 1e-9);
	assert_true(zone.plausible_w == 600);
}

static void limits_that_mean_no_limit_are_passed_over(void **state)
{
	struct powercap_zone zone = zone_with((const char *[]){
		"constraint_0_name", "long_term\n", "constraint_0_power_limit_uw", "4090000000\n",
		"constraint_0_time_window_us", "0\n", "constraint_0_max_power_uw", "0\n", NULL});

	(void)state;
	assert_true(isnan(zone.power_limit_w));
	assert_true(isnan(zone.time_window_s));
	assert_true(zone.plausible_w == POWERCAP_DEFAULT_PLAUSIBLE_W);
}

static void a_limit_that_is_not_enabled_is_none(void **state)
{
	struct powercap_zone zone = zone_with((const char *[]){
		"enabled", "0\n", "constraint_0_name", "long_term\n", "constraint_0_power_limit_uw",
		"150000000\n", "constraint_0_time_window_us", "1000000\n", NULL});

	(void)state;
	assert_true(isnan(zone.power_limit_w));
	assert_true(zone.time_window_s == 1);
	assert_true(zone.plausible_w == 300);
}

static void empty_and_garbled_constraint_files_are_tolerated(void **state)
{
	struct powercap_zone zone = zone_with(
		(const char *[]){"constraint_0_name", "long_term\n", "constraint_0_power_limit_uw", "",
				 "constraint_0_max_power_uw", "many\n", "constraint_0_time_window_us", "-1\n",
				 "max_energy_range_uj", "\n", NULL});

	(void)state;
	assert_true(isnan(zone.power_limit_w));
	assert_true(isnan(zone.time_window_s));
	assert_true(zone.plausible_w == POWERCAP_DEFAULT_PLAUSIBLE_W);
	assert_int_equal(zone.range_uj, 0);
	assert_true(isnan(zone.step_j));
}

static void the_energy_step_follows_from_the_range(void **state)
{
	static const struct {
		uint64_t range_uj;
		double step_uj;
	} cases[] = {{INTEL_RANGE_UJ, 61.035},
		     {DRAM_RANGE_UJ, 15.3},
		     {AMD_RANGE_UJ, 15.258},
		     {UINT64_C(4294967295000000), 1e6}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *root = tree_new();
		struct powercap powercap;

		write_zone(root, "intel-rapl:0", "package-0", 0, cases[i].range_uj);
		powercap = scan(root);
		assert_true(fabs(powercap.zones[0].step_j * 1e6 / cases[i].step_uj - 1) < 1e-6);
		powercap_free(&powercap);
		tree_free(root);
	}
}

static void a_whole_platform_may_draw_what_all_its_sockets_may(void **state)
{
	char *root = tree_new();
	struct powercap powercap;

	(void)state;
	write_two_sockets(root);
	powercap = scan(root);
	assert_true(powercap_find(&powercap, "package-0")->plausible_w == POWERCAP_DEFAULT_PLAUSIBLE_W);
	assert_true(powercap_find(&powercap, "psys")->plausible_w == 2 * POWERCAP_DEFAULT_PLAUSIBLE_W);
	powercap_free(&powercap);
	tree_free(root);
}

static void a_tree_without_zones_is_empty(void **state)
{
	char *root = tree_new();
	struct powercap powercap;

	(void)state;
	tree_write(root, "class/powercap/intel-rapl/enabled", "1\n");
	tree_write(root, "class/powercap/dtpm/enabled", "1\n");
	powercap = scan(root);
	assert_int_equal(powercap.n_zones, 0);
	assert_int_equal(powercap.n_ignored, 0);
	powercap_free(&powercap);
	tree_free(root);
}

static void a_missing_tree_is_absent(void **state)
{
	char *root = tree_new();
	struct powercap powercap;
	struct error err = {0};

	(void)state;
	assert_int_equal(powercap_scan(&powercap, root, &err), -1);
	assert_int_equal(err.kind, ERROR_ABSENT);
	assert_non_null(strstr(err.text, root));
	powercap_free(&powercap);
	tree_free(root);
}

static void the_recorded_machine_has_two_packages_and_one_core_zone(void **state)
{
	const char *data = getenv("TEST_DATA");
	struct powercap powercap;
	char *root;

	(void)state;
	if (!data)
		skip();
	root = xasprintf("%s/sysfs-one-package", data);
	powercap = scan(root);
	assert_int_equal(powercap.n_zones, 3);
	assert_string_equal(powercap.zones[0].id, "package-0");
	assert_string_equal(powercap.zones[1].id, "core-0");
	assert_string_equal(powercap.zones[2].id, "package-10");
	assert_string_equal(powercap.zones[2].folder, "intel-rapl:a");
	assert_true(powercap.zones[0].plausible_w == 190);
	assert_true(isnan(powercap.zones[0].power_limit_w));
	assert_true(fabs(powercap.zones[0].time_window_s - 0.999424) < 1e-9);
	powercap_free(&powercap);
	free(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_zone_gets_the_id_of_its_name_and_its_parents),
		cmocka_unit_test(the_doubles_of_mmio_are_left_out_and_named),
		cmocka_unit_test(dies_keep_their_number),
		cmocka_unit_test(the_name_decides_and_not_the_number_of_the_folder),
		cmocka_unit_test(of_two_zones_with_one_id_the_first_is_used),
		cmocka_unit_test(zones_that_cannot_be_understood_are_named),
		cmocka_unit_test(the_limit_and_its_window_are_those_of_long_term),
		cmocka_unit_test(limits_that_mean_no_limit_are_passed_over),
		cmocka_unit_test(a_limit_that_is_not_enabled_is_none),
		cmocka_unit_test(empty_and_garbled_constraint_files_are_tolerated),
		cmocka_unit_test(the_energy_step_follows_from_the_range),
		cmocka_unit_test(a_whole_platform_may_draw_what_all_its_sockets_may),
		cmocka_unit_test(a_tree_without_zones_is_empty),
		cmocka_unit_test(a_missing_tree_is_absent),
		cmocka_unit_test(the_recorded_machine_has_two_packages_and_one_core_zone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
