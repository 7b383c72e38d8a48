/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "harness/kipmid.h"
#include "tests/tree.h"

static void the_time_of_all_threads_of_the_driver_is_summed(void **state)
{
	char *root = tree_new();
	double ticks = (double)sysconf(_SC_CLK_TCK);

	(void)state;
	tree_write(root, "1/stat", "1 (systemd) S 0 1 1 0 -1 4194560 1 2 3 4 111 222 5 6 20 0 1 0 7\n");
	tree_write(root, "212/stat", "212 (kipmi0) S 2 0 0 0 -1 2129984 0 0 0 0 3 4500 0 0 39 19 1 0 9\n");
	tree_write(root, "213/stat", "213 (kipmi1) S 2 0 0 0 -1 2129984 0 0 0 0 0 100 0 0 39 19 1 0 9\n");
	tree_write(root, "400/stat", "400 (a (kipmi0) R) S 1 0 0 0 -1 0 0 0 0 0 7 7 0 0 20 0 1 0 9\n");
	assert_true(fabs(kipmid_cpu_s(&(struct roots){.procfs = root}) - 4603 / ticks) < 1e-9);
	tree_free(root);
}

static void no_such_thread_is_not_no_time(void **state)
{
	char *root = tree_new();

	(void)state;
	tree_write(root, "1/stat", "1 (systemd) S 0 1 1 0 -1 4194560 1 2 3 4 111 222 5 6 20 0 1 0 7\n");
	assert_true(isnan(kipmid_cpu_s(&(struct roots){.procfs = root})));
	assert_true(isnan(kipmid_cpu_s(&(struct roots){.procfs = "/nonexistent"})));
	tree_free(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_time_of_all_threads_of_the_driver_is_summed),
		cmocka_unit_test(no_such_thread_is_not_no_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
