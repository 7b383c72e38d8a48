/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/base/text.h"
#include "workloads/topology.h"

/* Where a placement goes on a described machine, as text. */
static void assert_placed(const char *machine, enum placement placement, const char *expected)
{
	struct error err = {0};
	struct topology *topology = topology_open_described(machine, &err);
	unsigned *cpus;
	char *text;
	size_t n;

	assert_non_null(topology);
	assert_int_equal(topology_place(topology, placement, &cpus, &n, &err), 0);
	text = cpu_list_text(cpus, n);
	assert_string_equal(text, expected);
	free(text);
	free(cpus);
	topology_close(topology);
}

/* Two sockets of four cores, numbered as most servers do: the second threads come last. */
static const char server[] = "package:2 core:4 pu:2(indexes=package:core:pu)";
static const char interleaved[] = "package:2 core:2 pu:2(indexes=0,4,2,6,1,5,3,7)";

static void a_machine_is_counted(void **state)
{
	struct error err = {0};
	struct topology *topology = topology_open_described(server, &err);

	(void)state;
	assert_int_equal(topology_sockets(topology), 2);
	assert_int_equal(topology_cores(topology), 8);
	assert_int_equal(topology_threads(topology), 16);
	topology_close(topology);
}

static void one_core_is_its_first_thread(void **state)
{
	(void)state;
	assert_placed(interleaved, PLACEMENT_ONE_CORE, "0");
}

static void one_thread_per_core_takes_the_first_of_each(void **state)
{
	(void)state;
	assert_placed("package:1 core:4 pu:2", PLACEMENT_ONE_THREAD_PER_CORE, "0,2,4,6");
	assert_placed(interleaved, PLACEMENT_ONE_THREAD_PER_CORE, "0-3");
}

static void all_threads_are_listed_ascending(void **state)
{
	(void)state;
	assert_placed(interleaved, PLACEMENT_ALL_THREADS, "0-7");
}

static void idle_is_placed_nowhere(void **state)
{
	(void)state;
	assert_placed(server, PLACEMENT_NONE, "");
}

static void a_machine_without_cores_has_one_for_each_thread(void **state)
{
	(void)state;
	assert_placed("pu:4", PLACEMENT_ONE_THREAD_PER_CORE, "0-3");
	assert_placed("pu:4", PLACEMENT_ONE_CORE, "0");
}

static void the_cores_of_a_list_are_counted_once(void **state)
{
	struct error err = {0};
	struct topology *topology = topology_open_described(interleaved, &err);

	(void)state;
	assert_int_equal(topology_cores_of(topology, (const unsigned[]){0, 4}, 2), 1);
	assert_int_equal(topology_cores_of(topology, (const unsigned[]){0, 1, 4, 5}, 4), 2);
	assert_int_equal(topology_cores_of(topology, (const unsigned[]){0, 99}, 2), 1);
	assert_int_equal(topology_cores_of(topology, NULL, 0), 0);
	topology_close(topology);
}

static void a_list_of_cpus_is_written_in_ranges(void **state)
{
	static const struct {
		unsigned cpus[6];
		size_t n;
		const char *text;
	} cases[] = {
		{{0}, 0, ""},
		{{7}, 1, "7"},
		{{0, 1}, 2, "0-1"},
		{{0, 1, 2, 3, 8}, 5, "0-3,8"},
		{{1, 3, 4, 6}, 4, "1,3-4,6"},
		{{4294967294u, 4294967295u}, 2, "4294967294-4294967295"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *text = cpu_list_text(cases[i].cpus, cases[i].n);

		assert_string_equal(text, cases[i].text);
		free(text);
	}
}

static void this_machine_has_the_cpus_of_our_affinity(void **state)
{
	struct error err = {0};
	struct topology *topology = topology_open(&err);
	cpu_set_t set;
	unsigned *cpus;
	size_t n;

	(void)state;
	assert_string_equal(err.text, "");
	assert_int_equal(sched_getaffinity(0, sizeof set, &set), 0);
	assert_int_equal(topology_threads(topology), CPU_COUNT(&set));
	assert_int_equal(topology_place(topology, PLACEMENT_ALL_THREADS, &cpus, &n, &err), 0);
	assert_int_equal(n, CPU_COUNT(&set));
	for (size_t i = 0; i < n; i++)
		assert_true(CPU_ISSET(cpus[i], &set));
	free(cpus);
	topology_close(topology);
}

static void a_narrower_affinity_is_honoured(void **state)
{
	struct error err = {0};
	struct topology *topology;
	cpu_set_t before, one;
	unsigned *cpus;
	int last = CPU_SETSIZE - 1;
	size_t n;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
	while (!CPU_ISSET(last, &before))
		last--;
	CPU_ZERO(&one);
	CPU_SET(last, &one);
	assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
	topology = topology_open(&err);
	assert_int_equal(sched_setaffinity(0, sizeof before, &before), 0);
	assert_non_null(topology);
	assert_int_equal(topology_threads(topology), 1);
	assert_int_equal(topology_place(topology, PLACEMENT_ONE_THREAD_PER_CORE, &cpus, &n, &err), 0);
	assert_int_equal(n, 1);
	assert_int_equal(cpus[0], last);
	free(cpus);
	topology_close(topology);
}

static void another_machine_in_the_environment_is_refused(void **state)
{
	struct error err = {0};

	(void)state;
	setenv("HWLOC_SYNTHETIC", "pu:64", 1);
	assert_null(topology_open(&err));
	unsetenv("HWLOC_SYNTHETIC");
	assert_non_null(strstr(err.text, "HWLOC_SYNTHETIC"));
}

static void a_description_that_makes_no_sense_is_refused(void **state)
{
	struct error err = {0};

	(void)state;
	assert_null(topology_open_described("package:two", &err));
	assert_int_equal(err.kind, ERROR_INPUT);
	assert_non_null(strstr(err.text, "package:two"));
}

/* The recordings are of hwloc 3; hwloc 2 reads all that matters here when the
 * file says that it is of version 2. The caller removes the copy and frees. */
static char *readable_copy(const char *data, const char *name)
{
	static const char theirs[] = "topology version=\"3.0\"";
	char *source = xasprintf("%s/topologies/%s", data, name);
	char *copy = xasprintf("/tmp/wattstep-test-%d-%s", (int)getpid(), name);
	char *text = file_read_all(source, 1 << 24, NULL);
	FILE *f = fopen(copy, "we");
	char *version;

	assert_non_null(text);
	assert_non_null(f);
	version = strstr(text, theirs);
	if (version)
		version[strcspn(version, "3")] = '2';
	fputs(text, f);
	fclose(f);
	free(text);
	free(source);
	return copy;
}

/* Real machines, where the variable TEST_DATA names a folder of recorded ones. */
static void recorded_machines_are_placed_as_they_are(void **state)
{
	static const struct {
		const char *file;
		unsigned sockets, cores, threads;
		const char *one_per_core;
	} machines[] = {
		{"16em64t-4s2c2t-offlines.xml", 4, 6, 7, "0-1,3-4,6,15"},
		{"AMD-17h-Zen-2xEpyc-7451.xml", 2, 48, 96, "0-47"},
		{"AMD-19h-Zen3-2xEpyc-7763.xml", 2, 128, 128, "0-127"},
		{"Intel-Haswell-2xXeon-E5-2680v3.xml", 2, 24, 24, "0-23"},
		{"Intel-KnightsLanding-XeonPhi-7210.xml", 1, 64, 256, "0-63"},
		{"Intel-RaptorLake-Corei7-1370P.xml", 1, 14, 20, "0,2,4,6,8,10,12-19"},
		{"Intel-SapphireRapids-2xXeonMax9460.xml", 2, 80, 160, "0-79"},
		{"Intel-Skylake-2xXeon6140.xml", 2, 36, 72, "0-35"},
		{"fakecpukinds.xml", 1, 2, 4, "0-1"},
		{"nvidia-dgx-gb10.xml", 1, 20, 20, "0-19"},
	};
	const char *data = getenv("TEST_DATA");

	(void)state;
	if (!data)
		skip();
	for (size_t i = 0; i < ARRAY_SIZE(machines); i++) {
		char *path = readable_copy(data, machines[i].file);
		struct error err = {0};
		struct topology *topology = topology_open_described(path, &err);

		assert_non_null(topology);
		assert_int_equal(topology_sockets(topology), machines[i].sockets);
		assert_int_equal(topology_cores(topology), machines[i].cores);
		assert_int_equal(topology_threads(topology), machines[i].threads);
		topology_close(topology);
		assert_placed(path, PLACEMENT_ONE_THREAD_PER_CORE, machines[i].one_per_core);
		unlink(path);
		free(path);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_machine_is_counted),
		cmocka_unit_test(one_core_is_its_first_thread),
		cmocka_unit_test(one_thread_per_core_takes_the_first_of_each),
		cmocka_unit_test(all_threads_are_listed_ascending),
		cmocka_unit_test(idle_is_placed_nowhere),
		cmocka_unit_test(a_machine_without_cores_has_one_for_each_thread),
		cmocka_unit_test(the_cores_of_a_list_are_counted_once),
		cmocka_unit_test(a_list_of_cpus_is_written_in_ranges),
		cmocka_unit_test(this_machine_has_the_cpus_of_our_affinity),
		cmocka_unit_test(a_narrower_affinity_is_honoured),
		cmocka_unit_test(another_machine_in_the_environment_is_refused),
		cmocka_unit_test(a_description_that_makes_no_sense_is_refused),
		cmocka_unit_test(recorded_machines_are_placed_as_they_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
