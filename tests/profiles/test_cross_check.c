/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "profiles/cross_check.h"

static struct statistics figure(double mean_w, double u95_w)
{
	return (struct statistics){
		.present = true, .verdict = VERDICT_STABLE, .estimate.mean_w = mean_w, .u95_w = u95_w};
}

static struct judgement state(double cpu_w, double dram_w, double system_w)
{
	struct judgement judgement = {.verdict = VERDICT_STABLE};

	judgement.sources[SOURCE_CPU] = figure(cpu_w, 0.3);
	judgement.sources[SOURCE_DRAM] = figure(dram_w, 0.4);
	judgement.sources[SOURCE_SYSTEM] = figure(system_w, 1.2);
	return judgement;
}

static void what_is_left_over_is_as_uncertain_as_its_parts(void **unused)
{
	struct judgement judgement = state(150, 20, 280);
	struct residual residual = cross_check_residual(&judgement);

	(void)unused;
	assert_true(fabs(residual.w - 110) < 1e-9);
	assert_true(fabs(residual.u95_w - 1.3) < 1e-9); /* 0.3, 0.4, 1.2 */
}

static void a_node_without_a_memory_counter_leaves_it_in_the_rest(void **unused)
{
	struct judgement judgement = state(150, 20, 280);

	(void)unused;
	judgement.sources[SOURCE_DRAM] = (struct statistics){0};
	assert_true(fabs(cross_check_residual(&judgement).w - 130) < 1e-9);
}

static void a_part_that_failed_leaves_nothing_that_could_be_told(void **unused)
{
	struct judgement judgement = state(150, 20, 280);

	(void)unused;
	judgement.sources[SOURCE_DRAM] = (struct statistics){.reason = REASON_RAPL_STUCK};
	assert_true(isnan(cross_check_residual(&judgement).w));
	judgement = state(150, 20, 280);
	judgement.sources[SOURCE_SYSTEM].present = false;
	assert_true(isnan(cross_check_residual(&judgement).w));
}

static void the_line_through_the_states_is_found(void **unused)
{
	struct judgement judgements[4];
	struct agreement agreement;

	(void)unused;
	for (int i = 0; i < 4; i++)
		judgements[i] = state(50 + 50 * i, 10, 90 + 1.1 * (60 + 50 * i));
	judgements[3].sources[SOURCE_SYSTEM].estimate.mean_w = 500; /* invalid: not taken */
	judgements[3].verdict = VERDICT_INVALID;
	agreement = cross_check_states(judgements, 4);
	assert_int_equal(agreement.n, 3);
	assert_true(fabs(agreement.slope - 1.1) < 1e-9 && fabs(agreement.offset_w - 90) < 1e-6);
	assert_true(agreement.rmse_w < 1e-6);
}

static void states_of_one_power_show_no_line(void **unused)
{
	struct judgement judgements[4];

	(void)unused;
	for (int i = 0; i < 4; i++)
		judgements[i] = state(50 + i, 10, 150 + i);
	assert_true(isnan(cross_check_states(judgements, 4).slope));
	assert_true(isnan(cross_check_states(judgements, 2).slope));
	assert_int_equal(cross_check_states(judgements, 4).n, 4);
}

static void asking_costs_what_idle_draws_more_with_it(void **unused)
{
	struct trace *trace = trace_new(rule_find("quick"));
	struct judgement judgements[3];
	struct residual cost;

	(void)unused;
	for (int i = 0; i < 3; i++) {
		trace_add_visit(trace, "state", 0)->target_pct = i == 0 ? 100 : 0;
		judgements[i] = state(i == 0 ? 150 : 20 + 1.5 * i, 10, NAN);
	}
	trace->visits[1].bmc_rests = true;
	cost = cross_check_polling(trace, judgements);
	assert_true(fabs(cost.w - 1.5) < 1e-9);
	assert_true(fabs(cost.u95_w - sqrt(0.5)) < 1e-9); /* 0.3 and 0.4, twice */
	judgements[2].verdict = VERDICT_INVALID;
	assert_true(isnan(cross_check_polling(trace, judgements).w));
	trace->visits[1].bmc_rests = false;
	assert_true(isnan(cross_check_polling(trace, judgements).w));
	trace_free(trace);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_left_over_is_as_uncertain_as_its_parts),
		cmocka_unit_test(a_node_without_a_memory_counter_leaves_it_in_the_rest),
		cmocka_unit_test(a_part_that_failed_leaves_nothing_that_could_be_told),
		cmocka_unit_test(the_line_through_the_states_is_found),
		cmocka_unit_test(states_of_one_power_show_no_line),
		cmocka_unit_test(asking_costs_what_idle_draws_more_with_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
