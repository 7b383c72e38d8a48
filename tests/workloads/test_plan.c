/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/tree.h"
#include "workloads/plan.h"

#define HEAD                                                                                                 \
	"\"format\": \"wattstep/plan\", \"format_version\": \"1.0\", \"name\": \"mine\", \"rule\": "         \
	"\"quick\""
#define WEB                                                                                                  \
	"\"name\": \"web\", \"stressors\": [{\"stressor\": \"cpu\", \"workers\": 1}], \"placement\": "       \
	"\"one-core\", \"expect\": {\"utilisation_pct\": 100}"
#define WEB_FILE "{\"format\": \"wattstep/state\", \"format_version\": \"1.0\", " WEB "}"

/* The plan <root>/<path>; NULL: err. */
static struct plan *load(const char *root, const char *path, struct error *err)
{
	char *full = xasprintf("%s/%s", root, path);
	struct plan *plan;

	*err = (struct error){0};
	plan = plan_load(full, err);
	free(full);
	return plan;
}

static struct plan *plan_of(const char *text)
{
	char *root = tree_new();
	struct error err;
	struct plan *plan;

	tree_write(root, "plan.json", "%s", text);
	plan = load(root, "plan.json", &err);
	assert_string_equal(err.text, "");
	tree_free(root);
	return plan;
}

static void assert_states(const struct plan *plan, const char *names)
{
	struct strings list = {0};

	strings_split(&list, names, ',');
	assert_int_equal(plan->n_states, list.n);
	for (size_t i = 0; i < list.n; i++)
		assert_string_equal(plan->states[i]->name, list.items[i]);
	strings_free(&list);
}

static void the_built_in_plans_measure_what_they_are_meant_to(void **state)
{
	static const struct {
		const char *name, *states;
		unsigned rounds;
	} expected[] = {
		{"quick", "idle,single-core,all-cores,memory", 1},
		{"standard", "idle,single-core,all-cores,all-threads,memory,idle", 1},
		{"thorough", "idle,single-core,all-cores,all-threads,memory,idle", 3},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		struct error err = {0};
		struct plan *plan = plan_load(expected[i].name, &err);

		assert_string_equal(err.text, "");
		assert_string_equal(plan->name, expected[i].name);
		assert_string_equal(plan->rule, expected[i].name);
		assert_int_equal(plan->rounds, expected[i].rounds);
		assert_states(plan, expected[i].states);
		plan_free(plan);
	}
}

static void an_unknown_plan_is_answered_with_the_known_ones(void **state)
{
	struct error err = {0};

	(void)state;
	assert_null(plan_load("fast", &err));
	assert_int_equal(err.kind, ERROR_INPUT);
	assert_string_equal(
		err.text, "no plan is called \"fast\"; known are: quick, standard, thorough (a file of your "
			  "own needs a '/' or .json in its name)");
}

static void a_state_is_a_name_a_file_beside_the_plan_or_a_definition(void **state)
{
	char *root = tree_new();
	struct error err;
	struct plan *plan;

	(void)state;
	tree_write(root, "plans/mine.json",
		   "{" HEAD ", \"states\": [\"idle\", \"near.json\", \"../far/web.json\", {" WEB "}]}");
	tree_write(root, "plans/near.json", WEB_FILE);
	tree_write(root, "far/web.json", WEB_FILE);
	plan = load(root, "plans/mine.json", &err);
	assert_string_equal(err.text, "");
	assert_states(plan, "idle,web,web,web");
	assert_string_equal(plan->states[1]->sha256, plan->states[3]->sha256);
	assert_int_equal(plan->rounds, 1);
	assert_string_equal(plan->description, "");
	plan_free(plan);
	tree_free(root);
}

static void a_state_may_stand_twice(void **state)
{
	struct plan *plan =
		plan_of("{" HEAD ", \"states\": [\"idle\", \"memory\", \"idle\"], \"rounds\": 2}");

	(void)state;
	assert_states(plan, "idle,memory,idle");
	assert_int_equal(plan->rounds, 2);
	plan_free(plan);
}

static void unknown_keys_of_a_newer_minor_version_are_passed_over(void **state)
{
	struct plan *plan = plan_of(
		"{\"format\": \"wattstep/plan\", \"format_version\": \"1.7\", \"name\": \"mine\", \"rule\": "
		"\"quick\", \"colour\": \"blue\", \"states\": [\"idle\", {\"later\": 1, " WEB "}]}");

	(void)state;
	assert_states(plan, "idle,web");
	plan_free(plan);
}

static bool are_same(const char *a, const char *b)
{
	struct plan *first = plan_of(a), *second = plan_of(b);
	bool same = strcmp(first->sha256, second->sha256) == 0;

	plan_free(first);
	plan_free(second);
	return same;
}

static void a_hash_says_what_is_measured_and_how(void **state)
{
	const char *one = "{" HEAD ", \"states\": [\"idle\", \"memory\"]}";

	(void)state;
	assert_true(are_same(one, "{" HEAD
				  ", \"description\": \"words\", \"rounds\": 1.0, \"order\": \"as-listed\", "
				  "\"states\": [\"idle\", \"memory\"]}"));
	assert_false(are_same(one, "{" HEAD ", \"rounds\": 2, \"states\": [\"idle\", \"memory\"]}"));
	assert_false(are_same(one, "{" HEAD ", \"states\": [\"memory\", \"idle\"]}"));
	assert_false(are_same(
		one, "{\"format\": \"wattstep/plan\", \"format_version\": \"1.0\", \"name\": \"mine\", "
		     "\"rule\": \"standard\", \"states\": [\"idle\", \"memory\"]}"));
}

static void states_of_the_command_line_take_the_place_of_the_plans(void **state)
{
	char *names[] = {(char *)"memory", (char *)"idle"};
	struct error err = {0};
	struct plan *plan = plan_load("quick", &err), *direct;

	(void)state;
	assert_int_equal(plan_select(plan, names, ARRAY_SIZE(names), &err), 0);
	assert_states(plan, "memory,idle");
	direct = plan_of("{" HEAD ", \"states\": [\"memory\", \"idle\"]}");
	assert_string_equal(plan->sha256, direct->sha256);
	plan_free(direct);
	plan_free(plan);
}

static void an_unknown_state_of_the_command_line_is_refused(void **state)
{
	char *names[] = {(char *)"idle", (char *)"full"};
	struct error err = {0};
	struct plan *plan = plan_load("quick", &err);

	(void)state;
	assert_int_equal(plan_select(plan, names, ARRAY_SIZE(names), &err), -1);
	assert_int_equal(err.kind, ERROR_INPUT);
	assert_non_null(strstr(err.text, "no state is called \"full\""));
	plan_free(plan);
}

static void a_syntax_error_is_named_by_file_line_and_column(void **state)
{
	char *root = tree_new();
	char *expected = xasprintf("%s/plan.json: line 3, column 1: ", root);
	struct error err;

	(void)state;
	tree_write(root, "plan.json", "{\"a\": 1,\n\"b\": 2,\n}");
	assert_null(load(root, "plan.json", &err));
	assert_int_equal(strncmp(err.text, expected, strlen(expected)), 0);
	free(expected);
	tree_free(root);
}

static void idle_without_the_bmc_goes_before_idle_and_changes_the_hash(void **state)
{
	struct error err = {0};
	struct plan *plan = plan_load("quick", &err), *without = plan_load("quick", &err);
	char name[] = "all-cores", *names[] = {name};

	(void)state;
	assert_int_equal(plan_add_idle_unpolled(plan, &err), 0);
	assert_int_equal(plan->n_states, without->n_states + 1);
	assert_string_equal(plan->states[0]->name, "idle-unpolled");
	assert_true(plan->states[0]->bmc_rests);
	assert_string_equal(plan->states[1]->name, "idle");
	assert_false(plan->states[1]->bmc_rests);
	assert_string_not_equal(plan->sha256, without->sha256);
	assert_int_equal(plan_select(plan, names, 1, &err), 0);
	assert_int_equal(plan_add_idle_unpolled(plan, &err), 0);
	assert_int_equal(plan->n_states, 3);
	assert_string_equal(plan->states[1]->name, "idle");
	assert_string_equal(plan->states[2]->name, "all-cores");
	plan_free(plan);
	plan_free(without);
}

static void freeing_nothing_is_fine(void **state)
{
	(void)state;
	plan_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(idle_without_the_bmc_goes_before_idle_and_changes_the_hash),
		cmocka_unit_test(the_built_in_plans_measure_what_they_are_meant_to),
		cmocka_unit_test(an_unknown_plan_is_answered_with_the_known_ones),
		cmocka_unit_test(a_state_is_a_name_a_file_beside_the_plan_or_a_definition),
		cmocka_unit_test(a_state_may_stand_twice),
		cmocka_unit_test(unknown_keys_of_a_newer_minor_version_are_passed_over),
		cmocka_unit_test(a_hash_says_what_is_measured_and_how),
		cmocka_unit_test(states_of_the_command_line_take_the_place_of_the_plans),
		cmocka_unit_test(an_unknown_state_of_the_command_line_is_refused),
		cmocka_unit_test(a_syntax_error_is_named_by_file_line_and_column),
		cmocka_unit_test(freeing_nothing_is_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
