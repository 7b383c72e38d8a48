/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "harness/throttle.h"
#include "tests/tree.h"

static int64_t count_of(const char *root)
{
	return throttle_count(&(struct roots){.sysfs = root, .procfs = "/nowhere"});
}

static void events_of_cores_and_packages_are_added(void **state)
{
	(void)state;
	char *root = tree_new();

	for (int cpu = 0; cpu < 12; cpu++) {
		char *folder = xasprintf("devices/system/cpu/cpu%d/thermal_throttle", cpu);
		char *core = xasprintf("%s/core_throttle_count", folder);
		char *package = xasprintf("%s/package_throttle_count", folder);

		tree_write(root, core, "%d\n", cpu);
		tree_write(root, package, "100\n");
		free(package);
		free(core);
		free(folder);
	}
	assert_int_equal(count_of(root), 66 + 1200);
	tree_free(root);
}

static void a_node_that_does_not_count_is_not_a_node_without_events(void **state)
{
	(void)state;
	char *root = tree_new();

	tree_write(root, "devices/system/cpu/cpu0/online", "1\n");
	assert_int_equal(count_of(root), -1);
	tree_write(root, "devices/system/cpu/cpu0/thermal_throttle/core_throttle_count", "0\n");
	assert_int_equal(count_of(root), 0);
	tree_free(root);
}

static void a_node_without_sysfs_does_not_count(void **state)
{
	(void)state;
	assert_int_equal(count_of("/nowhere"), -1);
}

static void an_unreadable_count_is_left_out(void **state)
{
	(void)state;
	char *root = tree_new();

	tree_write(root, "devices/system/cpu/cpu0/thermal_throttle/core_throttle_count", "garbage\n");
	tree_write(root, "devices/system/cpu/cpu1/thermal_throttle/core_throttle_count", "7\n");
	assert_int_equal(count_of(root), 7);
	tree_free(root);
}

static void only_folders_of_cpus_are_looked_at(void **state)
{
	(void)state;
	char *root = tree_new();

	tree_write(root, "devices/system/cpu/cpufreq/thermal_throttle/core_throttle_count", "5\n");
	tree_write(root, "devices/system/cpu/cpu/thermal_throttle/core_throttle_count", "5\n");
	assert_int_equal(count_of(root), -1);
	tree_free(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_of_cores_and_packages_are_added),
		cmocka_unit_test(a_node_that_does_not_count_is_not_a_node_without_events),
		cmocka_unit_test(a_node_without_sysfs_does_not_count),
		cmocka_unit_test(an_unreadable_count_is_left_out),
		cmocka_unit_test(only_folders_of_cpus_are_looked_at),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
