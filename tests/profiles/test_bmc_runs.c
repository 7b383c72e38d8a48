/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whole synthetic runs beside a BMC that is learnt first, through the real
 * judge: is the whole node's power what the BMC measured? Seeds are fixed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/simulate/bmc_run.h"

#define RUNS 200
#define LEAST_COVERED 0.93

struct tally {
	size_t n, covered, stable, stable_covered, within;
};

/* RUNS runs of all states; every other BMC truncates. */
static struct tally run_all(double period_s, double step_w, const char *rule)
{
	struct tally tally = {0};

	for (unsigned r = 0; r < RUNS; r++) {
		const struct simulated_bmc bmc = {
			.period_s = period_s,
			.lag_s = 1,
			.averaging_s = period_s,
			.step_w = step_w,
			.truncates = r % 2,
		};
		struct bmc_run run = bmc_run_begin(&bmc, rule_find(rule), 1000 + r);
		struct state_outcome outcomes[RUN_STATES];

		if (strcmp(rule, "quick") != 0)
			bmc_run_learn(&run);
		for (size_t i = 0; i < RUN_STATES; i++)
			bmc_run_state(&run, i);
		bmc_run_outcomes(&run, outcomes);
		for (size_t i = 0; i < RUN_STATES; i++) {
			double off_w = fabs(outcomes[i].mean_w - outcomes[i].truth_w);
			bool covered = off_w <= outcomes[i].u95_w;
			bool stable = outcomes[i].verdict == VERDICT_STABLE;

			tally.n++;
			tally.covered += covered;
			tally.stable += stable;
			tally.stable_covered += stable && covered;
			tally.within += off_w <= fmax(1, 0.01 * outcomes[i].truth_w);
		}
		bmc_run_end(&run);
	}
	return tally;
}

static void expect_covered(const struct tally *t, double least_stable)
{
	if ((double)t->covered < LEAST_COVERED * (double)t->n ||
	    (double)t->stable_covered < LEAST_COVERED * (double)t->stable ||
	    (double)t->stable < least_stable * (double)t->n)
		fail_msg("of %zu states u95 holds the truth in %zu; of %zu stable ones in %zu", t->n,
			 t->covered, t->stable, t->stable_covered);
}

static void the_whole_node_is_known_within_a_watt_or_a_percent(void **state)
{
	struct tally t = run_all(2, 1, "standard");

	(void)state;
	expect_covered(&t, 0.95);
	assert_int_equal(t.within, t.n);
}

static void u95_holds_the_truth_of_a_bmc_in_steps_of_7_w_every_5_s(void **state)
{
	struct tally t = run_all(5, 7, "standard");

	(void)state;
	expect_covered(&t, 0.95);
}

static void u95_holds_the_truth_of_a_bmc_in_steps_of_14_w_every_10_s(void **state)
{
	struct tally t = run_all(10, 14, "standard");

	(void)state;
	expect_covered(&t, 0.95);
}

static void u95_holds_the_truth_in_quick_where_nothing_is_learnt_first(void **state)
{
	struct tally t = run_all(2, 7, "quick");

	(void)state;
	expect_covered(&t, 0.7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_whole_node_is_known_within_a_watt_or_a_percent),
		cmocka_unit_test(u95_holds_the_truth_of_a_bmc_in_steps_of_7_w_every_5_s),
		cmocka_unit_test(u95_holds_the_truth_of_a_bmc_in_steps_of_14_w_every_10_s),
		cmocka_unit_test(u95_holds_the_truth_in_quick_where_nothing_is_learnt_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
