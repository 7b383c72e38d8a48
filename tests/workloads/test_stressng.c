/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/base/clock.h"
#include "workloads/load.h"
#include "workloads/program.h"
#include "workloads/stressng.h"
#include "workloads/topology.h"

static char *folder; /* of one test */

static int make_folder(void **state)
{
	struct error err = {0};

	(void)state;
	folder = load_temp_dir(&err);
	return folder ? 0 : -1;
}

static int remove_folder(void **state)
{
	(void)state;
	load_temp_remove(folder);
	free(folder);
	return 0;
}

/* A shell script that stands in for stress-ng. The caller frees its path. */
static char *stand_in(const char *script, mode_t mode)
{
	char *path = xasprintf("%s/stress-ng", folder);
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	fprintf(f, "#!/bin/sh\n%s\n", script);
	fclose(f);
	assert_int_equal(chmod(path, mode), 0);
	return path;
}

/* A stand-in that answers with this version and these lines of help. */
static char *stand_in_of(const char *version, const char *help)
{
	char *script = xasprintf(
		"case $1 in --version) echo 'stress-ng, version %s (gcc 12.2.0, x86_64 Linux 6.1.0)';; "
		"--help) echo '%s';; *) exit 1;; esac",
		version, help);
	char *path = stand_in(script, 0755);

	free(script);
	return path;
}

static void assert_refused(char *path, const char *part)
{
	struct error err = {0};

	assert_null(stressng_open(path, &err));
	assert_int_equal(err.kind, ERROR_FAILED);
	if (!strstr(err.text, part))
		fail_msg("expected \"%s\" in \"%s\"", part, err.text);
	free(path);
}

static void the_installed_one_answers(void **state)
{
	struct error err = {0};
	struct stressng *stressng = stressng_open(NULL, &err);

	(void)state;
	assert_string_equal(err.text, "");
	assert_int_equal(stressng_path(stressng)[0], '/');
	assert_true(strchr(stressng_version(stressng), '.') != NULL);
	stressng_close(stressng);
}

static void one_that_is_nowhere_in_path_tells_how_to_get_it(void **state)
{
	char *path = xstrdup(getenv("PATH"));
	struct error err = {0};

	(void)state;
	setenv("PATH", "/nowhere:/proc", 1);
	assert_null(stressng_open(NULL, &err));
	setenv("PATH", path, 1);
	assert_non_null(strstr(err.text, "apt install stress-ng"));
	free(path);
}

static void path_is_searched_in_its_order_and_made_absolute(void **state)
{
	char *fake = stand_in_of("0.99.01", "--timeout T --yaml file"), *before = xstrdup(getenv("PATH"));
	char *path = xasprintf("/nowhere:.:%s", before), *cwd = getcwd(NULL, 0);
	struct error err = {0};
	struct stressng *stressng;

	(void)state;
	assert_int_equal(chdir(folder), 0);
	setenv("PATH", path, 1);
	stressng = stressng_open(NULL, &err);
	setenv("PATH", before, 1);
	assert_int_equal(chdir(cwd), 0);
	assert_string_equal(err.text, "");
	assert_string_equal(stressng_version(stressng), "0.99.01");
	assert_int_equal(stressng_path(stressng)[0], '/');
	assert_int_equal(access(stressng_path(stressng), X_OK), 0);
	stressng_close(stressng);
	free(before);
	free(path);
	free(fake);
	free(cwd);
}

static void a_missing_file_is_named(void **state)
{
	(void)state;
	assert_refused(xstrdup("/nowhere/stress-ng"),
		       "/nowhere/stress-ng: expected the program stress-ng: No such");
}

static void a_file_that_is_not_executable_is_named(void **state)
{
	(void)state;
	assert_refused(stand_in("exit 0", 0644), "is not executable");
}

static void a_folder_is_not_a_program(void **state)
{
	(void)state;
	assert_refused(xstrdup(folder), "is a folder");
}

static void an_old_one_is_refused_with_both_versions(void **state)
{
	(void)state;
	assert_refused(stand_in_of("0.09.25", "--timeout T --yaml file"),
		       "is version 0.09.25, expected 0.12.00 or newer");
}

static void the_oldest_and_later_ones_are_taken(void **state)
{
	static const char *const versions[] = {"0.12.00", "0.12.06", "0.18.02", "1.0", "1.00.01"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
		char *path = stand_in_of(versions[i], "--timeout T --yaml file");
		struct error err = {0};
		struct stressng *stressng = stressng_open(path, &err);

		assert_string_equal(err.text, "");
		assert_string_equal(stressng_version(stressng), versions[i]);
		stressng_close(stressng);
		free(path);
	}
}

static void another_program_is_refused_and_quoted(void **state)
{
	(void)state;
	assert_refused(stand_in("echo 'stress 1.0.4'; echo more", 0755), "it answers \"stress 1.0.4\"");
	assert_refused(stand_in("exit 0", 0755), "is not stress-ng");
	assert_refused(stand_in("head -c 3000 /dev/urandom", 0755), "is not stress-ng");
}

static void one_that_fails_is_refused_with_its_status(void **state)
{
	(void)state;
	assert_refused(stand_in("exit 126", 0755), "ended with status 126");
	assert_refused(stand_in("kill -9 $$", 0755), "ended by signal 9");
}

static void help_without_options_is_refused(void **state)
{
	(void)state;
	assert_refused(stand_in_of("0.15.06", "see the manual"), "--help names no --yaml");
}

/* The deadline of stress-ng itself is 10 s, too long to wait for in a test. */
static void one_that_hangs_is_killed_with_its_children(void **state)
{
	static const char *const scripts[] = {"sleep 1000 & echo $! > child; wait",
					      "exec >&- 2>&-; sleep 1000 & echo $! > child; wait",
					      "sleep 1000 & echo $! > child; exit 0"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(scripts); i++) {
		char *script = xasprintf("cd %s; %s", folder, scripts[i]), *path = stand_in(script, 0755);
		char *file = xasprintf("%s/child", folder), *stat, text[512] = "";
		struct error err = {0};
		uint64_t child;

		assert_null(program_ask(path, "--version", 1.5, &err));
		assert_non_null(strstr(err.text, "did not end within 1.5 s"));
		assert_int_equal(file_read_u64(file, &child), 0);
		stat = xasprintf("/proc/%d/stat", (int)child);
		for (int tries = 0;
		     tries < 1000 && file_read_text(stat, text, sizeof text) > 0 && !strstr(text, ") Z");
		     tries++)
			usleep(10000);
		assert_true(access(stat, F_OK) != 0 || strstr(text, ") Z"));
		free(stat);
		free(file);
		free(path);
		free(script);
	}
}

static void one_that_never_stops_writing_is_killed(void **state)
{
	(void)state;
	assert_refused(stand_in("exec yes", 0755), "wrote over");
}

static struct stressor_option matrixprod[] = {{(char *)"cpu-method", (char *)"matrixprod"}};
static struct stressor_option unknown[] = {{(char *)"cpu-meth", NULL}};
static struct stressor_option keep[] = {{(char *)"vm-keep", NULL}};

static struct stressor cpu = {
	.name = (char *)"cpu", .count = WORKERS_PER_CPU_SET, .options = matrixprod, .n_options = 1};

static struct stressng *open_installed(void)
{
	struct error err = {0};
	struct stressng *stressng = stressng_open(NULL, &err);

	assert_non_null(stressng);
	return stressng;
}

static void what_help_names_can_be_done(void **state)
{
	struct state all_cores = {.name = (char *)"all-cores", .stressors = &cpu, .n_stressors = 1};
	struct stressng *stressng = open_installed();
	char reason[128] = "";

	(void)state;
	assert_true(stressng_can(stressng, &all_cores, reason, sizeof reason));
	stressng_close(stressng);
}

static void a_missing_option_or_stressor_is_named(void **state)
{
	struct stressor missing[] = {
		{.name = (char *)"warp", .count = WORKERS_PER_CPU_SET},
		{.name = (char *)"cpu", .count = WORKERS_PER_CPU_SET, .options = unknown, .n_options = 1},
	};
	static const char *const reasons[] = {"has no stressor \"warp\"", "has no option --cpu-meth"};
	struct stressng *stressng = open_installed();
	char reason[128] = "";

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(missing); i++) {
		struct state asked = {.name = (char *)"x", .stressors = &missing[i], .n_stressors = 1};

		assert_false(stressng_can(stressng, &asked, reason, sizeof reason));
		assert_non_null(strstr(reason, reasons[i]));
	}
	stressng_close(stressng);
}

static void assert_command(const char *help, const struct state *asked, const unsigned *cpus, size_t n,
			   const char *expected)
{
	char *path = stand_in_of("0.15.06", help);
	struct error err = {0};
	struct stressng *stressng = stressng_open(path, &err);
	struct strings argv = {0};
	char *text;

	stressng_command(stressng, asked, cpus, n, 600, "/tmp/wattstep-x", &argv);
	text = strings_shell(&argv);
	assert_string_equal(text + (argv.n ? strlen(path) + 1 : 0), expected);
	free(text);
	strings_free(&argv);
	stressng_close(stressng);
	free(path);
}

static void a_state_becomes_a_command(void **state)
{
	struct stressor both[] = {cpu,
				  {.name = (char *)"vm",
				   .count = WORKERS_FIXED,
				   .workers = 3,
				   .options = keep,
				   .n_options = 1}};
	struct state mixed = {.name = (char *)"mixed", .stressors = both, .n_stressors = 2};

	(void)state;
	assert_command(
		"--timeout T --yaml file --oomable", &mixed, (const unsigned[]){0, 1, 4}, 3,
		"--cpu 3 --cpu-method matrixprod --vm 3 --vm-keep --taskset 0-1,4 --oomable --timeout 600s "
		"--temp-path /tmp/wattstep-x --metrics --yaml /tmp/wattstep-x/stress-ng.yaml");
	assert_int_equal(stressng_workers(&mixed, 3), 6);
}

static void idle_has_no_command(void **state)
{
	struct state idle = {.name = (char *)"idle", .placement = PLACEMENT_NONE};

	(void)state;
	assert_command("--timeout T --yaml file", &idle, NULL, 0, "");
	assert_int_equal(stressng_workers(&idle, 0), 0);
}

/* To stress-ng "--cpu 0" means one on every CPU. */
static void no_workers_never_become_all(void **state)
{
	struct state nowhere = {.name = (char *)"nowhere", .stressors = &cpu, .n_stressors = 1};
	struct stressng *stressng = open_installed();
	struct strings argv = {0};

	(void)state;
	stressng_command(stressng, &nowhere, NULL, 0, 600, folder, &argv);
	for (size_t i = 0; i < argv.n; i++)
		assert_string_not_equal(argv.items[i], "--cpu");
	strings_free(&argv);
	stressng_close(stressng);
}

static void the_real_program_runs_the_command_and_writes_its_figures(void **state)
{
	struct state all_cores = {.name = (char *)"all-cores", .stressors = &cpu, .n_stressors = 1};
	struct error err = {0};
	struct stressng *stressng = open_installed();
	struct topology *topology = topology_open(&err);
	struct strings argv = {0};
	struct load_status status;
	struct pollfd input = {.events = POLLIN};
	char *result = xasprintf("%s/" STRESSNG_RESULT, folder), *text;
	struct load *load;
	unsigned *cpus;
	size_t n;

	(void)state;
	assert_int_equal(topology_place(topology, PLACEMENT_ALL_THREADS, &cpus, &n, &err), 0);
	stressng_command(stressng, &all_cores, cpus, n, 1, folder, &argv);
	load = load_start(argv.items, folder, &err);
	assert_string_equal(err.text, "");
	input.fd = load_fd(load);
	assert_int_equal(poll(&input, 1, 30000), 1);
	load_watch(load, &status);
	assert_false(status.running);
	assert_int_equal(status.exit_status, 0);
	assert_int_equal(load_stop(load, &err), 0);
	text = file_read_all(result, 1 << 20, NULL);
	assert_non_null(text);
	assert_non_null(strstr(text, "bogo-ops-per-second-real-time"));
	free(text);
	free(result);
	free(cpus);
	strings_free(&argv);
	topology_close(topology);
	stressng_close(stressng);
}

/* Starts the command, lets it work for a moment and stops it. Whether its figures are there. */
static bool has_figures_when_stopped(const struct strings *argv)
{
	char *result = xasprintf("%s/" STRESSNG_RESULT, folder), *text;
	struct load_status status = {0};
	struct error err = {0};
	struct load *load = load_start(argv->items, folder, &err);
	bool found;

	assert_string_equal(err.text, "");
	for (int tries = 0; tries < 2000 && status.n_processes < 2; tries++) {
		usleep(10000);
		load_watch(load, &status);
	}
	usleep(300000);
	assert_int_equal(load_stop(load, &err), 0);
	text = file_read_all(result, 1 << 20, NULL);
	found = text && strstr(text, "bogo-ops-per-second-real-time");
	free(text);
	free(result);
	return found;
}

/* On a machine so busy that a second is too short for it, one of five tries will do. */
static void it_writes_its_figures_when_it_is_stopped(void **state)
{
	struct state all_cores = {.name = (char *)"all-cores", .stressors = &cpu, .n_stressors = 1};
	struct stressng *stressng = open_installed();
	struct error err = {0};
	struct topology *topology = topology_open(&err);
	struct strings argv = {0};
	bool found = false;
	unsigned *cpus;
	size_t n;

	(void)state;
	assert_int_equal(topology_place(topology, PLACEMENT_ONE_CORE, &cpus, &n, &err), 0);
	stressng_command(stressng, &all_cores, cpus, n, 60, folder, &argv);
	for (int tries = 0; tries < 5 && !found; tries++)
		found = has_figures_when_stopped(&argv);
	assert_true(found);
	free(cpus);
	strings_free(&argv);
	topology_close(topology);
	stressng_close(stressng);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_folder, remove_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_installed_one_answers),
		TEST(one_that_is_nowhere_in_path_tells_how_to_get_it),
		TEST(path_is_searched_in_its_order_and_made_absolute),
		TEST(a_missing_file_is_named),
		TEST(a_file_that_is_not_executable_is_named),
		TEST(a_folder_is_not_a_program),
		TEST(an_old_one_is_refused_with_both_versions),
		TEST(the_oldest_and_later_ones_are_taken),
		TEST(another_program_is_refused_and_quoted),
		TEST(one_that_fails_is_refused_with_its_status),
		TEST(help_without_options_is_refused),
		TEST(one_that_hangs_is_killed_with_its_children),
		TEST(one_that_never_stops_writing_is_killed),
		TEST(what_help_names_can_be_done),
		TEST(a_missing_option_or_stressor_is_named),
		TEST(a_state_becomes_a_command),
		TEST(idle_has_no_command),
		TEST(no_workers_never_become_all),
		TEST(the_real_program_runs_the_command_and_writes_its_figures),
		TEST(it_writes_its_figures_when_it_is_stopped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
