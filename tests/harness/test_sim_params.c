/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "harness/sim_params.h"

static void without_words_all_is_at_its_default(void **state)
{
	struct sim_params params;

	(void)state;
	assert_int_equal(sim_params_parse(&params, NULL, NULL), 0);
	for (size_t i = 0; i < sim_parameters_n; i++)
		assert_true(sim_parameter_get(&params, &sim_parameters[i]) == sim_parameters[i].by_default);
	assert_int_equal(sim_params_parse(&params, "", NULL), 0);
}

static void every_member_has_one_row_and_a_default_within_its_bounds(void **state)
{
	(void)state;
	assert_int_equal(sim_parameters_n * sizeof(double), sizeof(struct sim_params));
	for (size_t i = 0; i < sim_parameters_n; i++) {
		const struct sim_parameter *p = &sim_parameters[i];

		assert_true(p->by_default >= p->least && p->by_default <= p->most);
		for (size_t j = 0; j < i; j++)
			assert_true(sim_parameters[j].offset != p->offset);
	}
}

static void words_replace_defaults(void **state)
{
	struct sim_params params;

	(void)state;
	assert_int_equal(sim_params_parse(&params, "sockets=4,idle_w=12.5,seed=7", NULL), 0);
	assert_true(params.sockets == 4 && params.idle_w == 12.5 && params.seed == 7);
	assert_true(params.efficiency == 0.92);
}

static void assert_refused(const char *text, const char *part)
{
	struct sim_params params;
	struct error err = {0};

	assert_int_equal(sim_params_parse(&params, text, &err), -1);
	assert_int_equal(err.kind, ERROR_INPUT);
	if (!strstr(err.text, part))
		fail_msg("%s: %s", text, err.text);
}

static void an_unknown_key_is_refused_with_the_list_of_keys(void **state)
{
	(void)state;
	assert_refused("socket=2", "\"socket=2\" came");
	assert_refused("socket=2", "keys sockets, idle_w, ");
	assert_refused("idle_w", "\"idle_w\" came");
	assert_refused("idle_w=5,", "\"\" came");
	assert_refused("=5", "\"=5\" came");
}

static void a_value_out_of_bounds_is_refused_with_the_bounds(void **state)
{
	(void)state;
	assert_refused("sockets=0", "--sim: sockets: \"0\" is not a whole number in 1..16");
	assert_refused("sockets=1.5", "is not a whole number");
	assert_refused("efficiency=1.01", "0.3..1");
	assert_refused("idle_w=-1", "0..2000 W");
	assert_refused("idle_w=five", "\"five\" is not a number");
	assert_refused("idle_w=", "\"\" is not a number");
	assert_refused("idle_w=nan", "\"nan\" is not a number");
}

static void the_help_names_every_key(void **state)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	sim_params_print(out);
	fclose(out);
	for (size_t i = 0; i < sim_parameters_n; i++)
		assert_non_null(strstr(text, sim_parameters[i].key));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_words_all_is_at_its_default),
		cmocka_unit_test(every_member_has_one_row_and_a_default_within_its_bounds),
		cmocka_unit_test(words_replace_defaults),
		cmocka_unit_test(an_unknown_key_is_refused_with_the_list_of_keys),
		cmocka_unit_test(a_value_out_of_bounds_is_refused_with_the_bounds),
		cmocka_unit_test(the_help_names_every_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
