/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "harness/perf_pmu.h"
#include "tests/tree.h"

#define POWER "bus/event_source/devices/power"

static void write_event(const char *root, const char *event, const char *config)
{
	char *path = xasprintf(POWER "/events/%s", event);
	char *scale = xasprintf("%s.scale", path), *unit = xasprintf("%s.unit", path);

	tree_write(root, path, "%s\n", config);
	tree_write(root, scale, "2.3283064365386962890625e-10\n");
	tree_write(root, unit, "Joules\n");
	free(path);
	free(scale);
	free(unit);
}

static void write_cpu(const char *root, unsigned cpu, unsigned package, unsigned die)
{
	char *folder = xasprintf("devices/system/cpu/cpu%u/topology", cpu);
	char *package_path = xasprintf("%s/physical_package_id", folder),
	     *die_path = xasprintf("%s/die_id", folder);

	tree_write(root, package_path, "%u\n", package);
	tree_write(root, die_path, "%u\n", die);
	free(folder);
	free(package_path);
	free(die_path);
}

/* Two sockets with package and memory, and a counter of the platform. */
static char *two_sockets(void)
{
	char *root = tree_new();

	tree_write(root, POWER "/type", "23\n");
	tree_write(root, POWER "/cpumask", "0,24\n");
	write_event(root, "energy-pkg", "event=0x02");
	write_event(root, "energy-ram", "event=0x03");
	write_event(root, "energy-psys", "event=0x05");
	write_cpu(root, 0, 0, 0);
	write_cpu(root, 24, 1, 0);
	return root;
}

static void each_package_has_its_counters_and_the_platform_one(void **state)
{
	static const struct {
		const char *id;
		unsigned cpu;
		uint64_t config;
	} expected[] = {{"package-0", 0, 2},
			{"dram-0", 0, 3},
			{"psys", 0, 5},
			{"package-1", 24, 2},
			{"dram-1", 24, 3}};
	char *root = two_sockets();
	struct perf_pmu pmu;
	struct error err = {0};

	(void)state;
	assert_int_equal(perf_pmu_scan(&pmu, root, &err), 0);
	assert_int_equal(pmu.type, 23);
	assert_int_equal(pmu.n_counters, ARRAY_SIZE(expected));
	for (size_t i = 0; i < pmu.n_counters; i++) {
		assert_string_equal(pmu.counters[i].id, expected[i].id);
		assert_int_equal(pmu.counters[i].cpu, expected[i].cpu);
		assert_int_equal(pmu.counters[i].config, expected[i].config);
		assert_true(pmu.counters[i].count_j == 0x1p-32);
	}
	assert_string_equal(pmu.counters[4].scope, "memory of socket 1");
	perf_pmu_free(&pmu);
	tree_free(root);
}

static void two_cpus_of_one_package_are_its_dies(void **state)
{
	char *root = two_sockets();
	struct perf_pmu pmu;

	(void)state;
	write_cpu(root, 24, 0, 1);
	assert_int_equal(perf_pmu_scan(&pmu, root, NULL), 0);
	assert_string_equal(pmu.counters[0].id, "package-0-die-0");
	assert_string_equal(pmu.counters[3].id, "package-0-die-1");
	perf_pmu_free(&pmu);
	tree_free(root);
}

static void a_range_in_the_mask_is_all_its_cpus(void **state)
{
	char *root = two_sockets();
	struct perf_pmu pmu;

	(void)state;
	tree_write(root, POWER "/cpumask", "0-1\n");
	write_cpu(root, 1, 1, 0);
	assert_int_equal(perf_pmu_scan(&pmu, root, NULL), 0);
	assert_int_equal(pmu.counters[3].cpu, 1);
	assert_string_equal(pmu.counters[3].id, "package-1");
	perf_pmu_free(&pmu);
	tree_free(root);
}

static void refused(const char *root, enum error_kind kind, const char *words)
{
	struct perf_pmu pmu;
	struct error err = {0};

	assert_int_equal(perf_pmu_scan(&pmu, root, &err), -1);
	assert_int_equal(err.kind, kind);
	assert_non_null(strstr(err.text, words));
	perf_pmu_free(&pmu);
}

static void a_kernel_without_the_pmu_is_absent(void **state)
{
	char *root = tree_new();

	(void)state;
	refused(root, ERROR_ABSENT, "modprobe rapl");
	tree_free(root);
}

/* AMD's driver for another counter has the same name. */
static void a_pmu_that_counts_no_energy_is_absent(void **state)
{
	char *root = tree_new();

	(void)state;
	tree_write(root, POWER "/type", "23\n");
	tree_write(root, POWER "/cpumask", "0\n");
	tree_write(root, POWER "/events/power-pkg", "event=0x01\n");
	refused(root, ERROR_ABSENT, "counts no energy");
	tree_free(root);
}

static void what_makes_no_sense_is_quoted(void **state)
{
	static const char *const masks[] = {"", "x", "0-", "0;1"};
	char *root = two_sockets();

	(void)state;
	tree_write(root, POWER "/events/energy-ram.unit", "Watts\n");
	refused(root, ERROR_FAILED, "energy-ram");
	tree_write(root, POWER "/events/energy-ram.unit", "Joules\n");
	tree_write(root, POWER "/events/energy-ram.scale", "-1\n");
	refused(root, ERROR_FAILED, "\"-1\"");
	for (size_t i = 0; i < ARRAY_SIZE(masks); i++) {
		tree_write(root, POWER "/cpumask", "%s\n", masks[i]);
		refused(root, ERROR_FAILED, "cpumask");
	}
	tree_free(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_package_has_its_counters_and_the_platform_one),
		cmocka_unit_test(two_cpus_of_one_package_are_its_dies),
		cmocka_unit_test(a_range_in_the_mask_is_all_its_cpus),
		cmocka_unit_test(a_kernel_without_the_pmu_is_absent),
		cmocka_unit_test(a_pmu_that_counts_no_energy_is_absent),
		cmocka_unit_test(what_makes_no_sense_is_quoted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
