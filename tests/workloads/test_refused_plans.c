/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Refused plans are data: each folder tests/cases/plans/<sentence> holds a
 * plan.json and the exact text of its error. Each is loaded from inside its
 * folder, so that messages have its name alone. Run from the root of the tree.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "harness/base/text.h"
#include "workloads/plan.h"

#define CASES "tests/cases/plans/*/plan.json"

/* Where the tests began, to come back to. */
static char *root;

static void a_plan_is_refused_with_exactly_this_message(void **state)
{
	char *folder = xstrdup(*state);
	char expected[sizeof(struct error)];
	struct error err = {0};
	struct plan *plan;

	*strrchr(folder, '/') = '\0';
	assert_int_equal(chdir(folder), 0);
	plan = plan_load("plan.json", &err);
	assert_true(file_read_text("error", expected, sizeof expected) > 0);
	assert_int_equal(chdir(root), 0);
	free(folder);

	assert_null(plan);
	assert_string_equal(error_kind_name(err.kind), "input");
	assert_string_equal(err.text, expected);
}

int main(void)
{
	struct CMUnitTest *tests;
	glob_t cases;
	int failed;

	if (glob(CASES, 0, NULL, &cases) != 0 || !(root = getcwd(NULL, 0))) {
		print_error("no cases in %s: %s\n", CASES, strerror(errno));
		return 1;
	}
	tests = xcalloc(cases.gl_pathc, sizeof *tests);
	for (size_t i = 0; i < cases.gl_pathc; i++)
		tests[i] = (struct CMUnitTest){.name = cases.gl_pathv[i],
					       .test_func = a_plan_is_refused_with_exactly_this_message,
					       .initial_state = cases.gl_pathv[i]};
	failed = _cmocka_run_group_tests("refused plans", tests, cases.gl_pathc, NULL, NULL);
	free(tests);
	free(root);
	globfree(&cases);
	return failed;
}
