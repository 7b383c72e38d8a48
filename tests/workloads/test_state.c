/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "harness/base/embedded.h"
#include "harness/base/json.h"
#include "tests/tree.h"
#include "workloads/state.h"

/* A state of its definition as a part of f.json; ' stands for ", %s for what follows. */
static struct state *state_of(struct error *err, const char *definition)
{
	char *text = xstrdup(definition);
	struct state *state;
	json_t *value;

	for (char *c = text; *c; c++)
		if (*c == '\'')
			*c = '"';
	*err = (struct error){0};
	value = json_parse(text, strlen(text), "f.json", err);
	assert_string_equal(err->text, "");
	state = state_from_json(value, "f.json", "/states/3", err);
	assert_true(!state == (err->kind == ERROR_INPUT));
	json_decref(value);
	free(text);
	return state;
}

#define REST "'placement': 'one-core', 'expect': {'utilisation_pct': 50}}"

static void assert_refused(const char *definition, const char *text)
{
	struct error err;

	assert_null(state_of(&err, definition));
	assert_string_equal(err.text, text);
}

/* Whether two definitions are the same load. */
static bool are_same(const char *a, const char *b)
{
	struct error err;
	struct state *first = state_of(&err, a), *second = state_of(&err, b);
	bool same;

	assert_non_null(first);
	assert_non_null(second);
	same = strcmp(first->sha256, second->sha256) == 0;
	state_free(first);
	state_free(second);
	return same;
}

static void the_built_in_states_come_by_load(void **state)
{
	static const char *const names[] = {"idle",        "single-core", "all-cores",
					    "all-threads", "memory",      "idle-unpolled"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct state *s = state_builtin(i);

		assert_non_null(s);
		assert_string_equal(s->name, names[i]);
		assert_true(strlen(s->description) > 0);
		assert_int_equal(strlen(s->sha256), DIGEST_SIZE - 1);
		state_free(s);
	}
	assert_null(state_builtin(ARRAY_SIZE(names)));
}

static void every_state_in_the_source_tree_is_known_by_its_name(void **state)
{
	static const char folder[] = "workloads/states/";
	size_t n = 0;

	(void)state;
	for (const struct embedded_file *f = embedded_files; f->path; f++) {
		struct error err = {0};
		struct state *s;
		char *name;

		if (strncmp(f->path, folder, strlen(folder)) != 0)
			continue;
		name = xstrdup(f->path + strlen(folder));
		*strrchr(name, '.') = '\0';
		s = state_load(name, &err);
		assert_string_equal(err.text, "");
		assert_string_equal(s->name, name);
		state_free(s);
		free(name);
		n++;
	}
	assert_null(state_builtin(n));
}

static void idle_runs_nothing(void **state)
{
	struct error err = {0};
	struct state *idle = state_load("idle", &err);

	(void)state;
	assert_int_equal(idle->n_stressors, 0);
	assert_int_equal(idle->placement, PLACEMENT_NONE);
	assert_true(idle->utilisation_pct == 0);
	state_free(idle);
}

static void a_load_has_a_fixed_method_so_that_it_is_stationary(void **state)
{
	struct error err = {0};
	struct state *s = state_load("all-cores", &err);

	(void)state;
	assert_int_equal(s->n_stressors, 1);
	assert_string_equal(s->stressors[0].name, "cpu");
	assert_int_equal(s->stressors[0].count, WORKERS_PER_CPU_SET);
	assert_int_equal(s->stressors[0].n_options, 1);
	assert_string_equal(s->stressors[0].options[0].key, "cpu-method");
	assert_string_equal(s->stressors[0].options[0].value, "matrixprod");
	assert_int_equal(s->placement, PLACEMENT_ONE_THREAD_PER_CORE);
	assert_true(s->utilisation_pct == 100);
	state_free(s);
}

static void options_are_words_whatever_their_type_was(void **state)
{
	struct error err;
	struct state *s =
		state_of(&err, "{'name': 'x', 'stressors': [{'stressor': 'vm', 'workers': 3, 'options': "
			       "{'vm-bytes': '1g', 'vm-hang': 0, 'x': 0.5, 'vm-keep': true}}]," REST);

	(void)state;
	assert_non_null(s);
	assert_int_equal(s->stressors[0].count, WORKERS_FIXED);
	assert_int_equal(s->stressors[0].workers, 3);
	assert_string_equal(s->stressors[0].options[0].value, "1g");
	assert_string_equal(s->stressors[0].options[1].value, "0");
	assert_string_equal(s->stressors[0].options[2].value, "0.5");
	assert_string_equal(s->stressors[0].options[3].key, "vm-keep");
	assert_null(s->stressors[0].options[3].value);
	assert_string_equal(s->description, "");
	state_free(s);
}

static void a_hash_says_what_runs_and_not_how_it_was_written(void **state)
{
	const char *one =
		"{'name': 'x', 'stressors': [{'stressor': 'cpu', 'workers': 1, 'options': {'cpu-method': "
		"'fft', 'cpu-load': 50}}]," REST;

	(void)state;
	assert_true(are_same(
		one, "{'description': 'other words', 'format_version': '1.4', 'name': 'x', 'stressors': "
		     "[{'options': {'cpu-load': '50', 'cpu-method': 'fft'}, 'workers': 1.0, 'stressor': "
		     "'cpu'}], 'expect': {'utilisation_pct': 50.0}, 'placement': 'one-core'}"));
	assert_false(are_same(one, "{'name': 'x', 'stressors': [{'stressor': 'cpu', 'workers': 2, 'options': "
				   "{'cpu-method': 'fft', 'cpu-load': 50}}]," REST));
	assert_false(are_same(one, "{'name': 'x', 'stressors': [{'stressor': 'cpu', 'workers': 1, 'options': "
				   "{'cpu-method': 'fft', 'cpu-load': 51}}]," REST));
	assert_false(are_same(one, "{'name': 'y', 'stressors': [{'stressor': 'cpu', 'workers': 1, 'options': "
				   "{'cpu-method': 'fft', 'cpu-load': 50}}]," REST));
}

static void an_option_without_value_is_not_the_word_true(void **state)
{
	(void)state;
	assert_false(are_same(
		"{'name': 'x', 'stressors': [{'stressor': 'vm', 'workers': 1, 'options': {'vm-keep': "
		"true}}]," REST,
		"{'name': 'x', 'stressors': [{'stressor': 'vm', 'workers': 1, 'options': {'vm-keep': "
		"'true'}}]," REST));
}

static void a_fault_is_named_by_its_pointer_in_the_whole_document(void **state)
{
	(void)state;
	assert_refused("{'name': 'x', 'stressors': [{'stressor': 'cpu', 'workers': 0}]," REST,
		       "f.json: /states/3/stressors/0/workers: 0 is outside 1..4096");
	assert_refused("{'name': 'x', 'stressors': []," REST,
		       "f.json: /states/3/placement: there are no stressors to place; expected \"none\", got "
		       "\"one-core\"");
}

static void a_part_of_a_newer_document_still_has_names_that_stress_ng_can_take(void **state)
{
	(void)state;
	assert_refused(
		"{'name': 'x', 'later': 1, 'stressors': [{'stressor': 'cpu', 'workers': 1, 'options': {'A "
		"b': "
		"1}}]," REST,
		"f.json: /states/3/stressors/0/options: names of options are lower-case letters, digits and "
		"dashes");
}

static void an_unknown_name_is_answered_with_the_known_ones(void **state)
{
	struct error err = {0};

	(void)state;
	assert_null(state_load("full\n", &err));
	assert_int_equal(err.kind, ERROR_INPUT);
	assert_string_equal(
		err.text,
		"no state is called \"full\\n\"; known are: idle, single-core, all-cores, "
		"all-threads, memory, idle-unpolled (a file of your own needs a '/' or .json in its name)");
}

static void a_file_has_to_say_its_format(void **state)
{
	char *root = tree_new(), *path = xasprintf("%s/x.json", root);
	struct error err = {0};
	char *expected = xasprintf("%s: /: \"format\" is missing, expected \"wattstep/state\"", path);

	(void)state;
	tree_write(root, "x.json", "{\"name\": \"x\"}");
	assert_null(state_load(path, &err));
	assert_string_equal(err.text, expected);
	free(expected);
	free(path);
	tree_free(root);
}

static void unknown_keys_of_a_newer_minor_version_are_passed_over(void **state)
{
	char *root = tree_new(), *path = xasprintf("%s/x.json", root);
	struct error err = {0};
	struct state *s;

	(void)state;
	tree_write(root, "x.json",
		   "{\"format\": \"wattstep/state\", \"format_version\": \"1.1\", \"name\": \"x\", "
		   "\"stressors\": [], "
		   "\"placement\": \"none\", \"expect\": {\"utilisation_pct\": 0}, \"later\": {}}");
	s = state_load(path, &err);
	assert_string_equal(err.text, "");
	assert_string_equal(s->name, "x");
	state_free(s);
	free(path);
	tree_free(root);
}

static void a_placement_goes_by_its_name(void **state)
{
	enum placement placement = PLACEMENT_NONE;

	(void)state;
	assert_int_equal(placement_from_name("all-threads", &placement), 0);
	assert_int_equal(placement, PLACEMENT_ALL_THREADS);
	assert_string_equal(placement_name(placement), "all-threads");
	assert_int_equal(placement_from_name("everywhere", &placement), -1);
}

static void freeing_nothing_is_fine(void **state)
{
	(void)state;
	state_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_built_in_states_come_by_load),
		cmocka_unit_test(every_state_in_the_source_tree_is_known_by_its_name),
		cmocka_unit_test(idle_runs_nothing),
		cmocka_unit_test(a_load_has_a_fixed_method_so_that_it_is_stationary),
		cmocka_unit_test(options_are_words_whatever_their_type_was),
		cmocka_unit_test(a_hash_says_what_runs_and_not_how_it_was_written),
		cmocka_unit_test(an_option_without_value_is_not_the_word_true),
		cmocka_unit_test(a_fault_is_named_by_its_pointer_in_the_whole_document),
		cmocka_unit_test(a_part_of_a_newer_document_still_has_names_that_stress_ng_can_take),
		cmocka_unit_test(an_unknown_name_is_answered_with_the_known_ones),
		cmocka_unit_test(a_file_has_to_say_its_format),
		cmocka_unit_test(unknown_keys_of_a_newer_minor_version_are_passed_over),
		cmocka_unit_test(a_placement_goes_by_its_name),
		cmocka_unit_test(freeing_nothing_is_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
