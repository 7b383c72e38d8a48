/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A slow source that is lost, or answers in part, beside a fast one; on simulated time. */
#include "tests/profiles/synthetic.h"

/* The process that asks a BMC gives it up so long after its last answer: a poll every 2 s, and 10 s of
 * waiting. */
#define GIVEN_UP_S 12

/* How a BMC behaves in a state: whether it answers in second t. */
typedef bool answers_law(int t, int lost_at);

static bool until_lost(int t, int lost_at)
{
	return t < lost_at;
}

static bool one_in_four(int t, int lost_at)
{
	(void)lost_at;
	return t % 4 == 0;
}

static bool never(int t, int lost_at)
{
	(void)t;
	(void)lost_at;
	return false;
}

/* Judges 300 s of 200 W row by row; answers NULL: no BMC. Returns when the verdict fell. */
static int verdict_falls_at(const char *rule, answers_law *answers, int lost_at, struct judgement *out)
{
	struct synthetic s = synthetic_new(rule, 7);
	struct judge *judge;
	int t;

	trace_add_channel(s.trace, "rapl/package-0", UNIT_JOULE);
	if (answers)
		trace_add_channel(s.trace, "dcmi/system", UNIT_WATT);
	synthetic_begin(&s, "all-cores", 100);
	judge = judge_new(s.trace, 0, NULL);
	for (t = 0; t < 700; t++) {
		s.clock_s = t;
		synthetic_row(&s, 0, 200.0 * t + (t % 3));
		if (answers && answers(t, lost_at))
			synthetic_row(&s, 1, 300);
		else if (answers && (answers == one_in_four ? t % 4 == 2 : t == lost_at + GIVEN_UP_S))
			synthetic_row(&s, 1, NAN);
		if (judge_advance(judge))
			break;
	}
	judge_conclude(judge, out);
	judge_free(judge);
	synthetic_free(&s);
	return t;
}

static void a_bmc_that_is_lost_for_good_costs_at_most_13_s(void **state)
{
	static const char *const rules[] = {"quick", "standard"};
	struct judgement j;

	(void)state;
	for (size_t r = 0; r < ARRAY_SIZE(rules); r++) {
		int alone = verdict_falls_at(rules[r], NULL, 0, &j);

		judgement_free(&j);
		for (int lost_at = 1; lost_at < 130; lost_at++) {
			int at = verdict_falls_at(rules[r], until_lost, lost_at, &j);
			int latest = (lost_at > alone ? lost_at : alone) + 13;

			if (at > latest || j.verdict != VERDICT_STABLE)
				fail_msg("%s, lost after %d s: %s after %d s, at the latest %d s; alone %d s",
					 rules[r], lost_at, verdict_name(j.verdict), at, latest, alone);
			judgement_free(&j);
		}
	}
}

static void the_state_in_which_it_was_lost_says_so(void **state)
{
	struct judgement j;

	(void)state;
	verdict_falls_at("quick", until_lost, 40, &j);
	assert_true(j.flags & FLAG_SOURCE_LOST);
	assert_int_equal(j.sources[SOURCE_SYSTEM].reason, REASON_MISSING);
	assert_int_equal(j.sources[SOURCE_CPU].verdict, VERDICT_STABLE);
	judgement_free(&j);
}

static void a_bmc_that_never_answers_costs_nothing(void **state)
{
	struct judgement j;
	int alone = verdict_falls_at("quick", NULL, 0, &j), beside;

	(void)state;
	judgement_free(&j);
	beside = verdict_falls_at("quick", never, 0, &j);
	assert_int_equal(beside, alone);
	assert_true(j.flags & FLAG_SOURCE_LOST);
	judgement_free(&j);
}

static void a_bmc_that_answers_in_part_is_waited_for(void **state)
{
	struct judgement j;
	int alone = verdict_falls_at("quick", NULL, 0, &j), beside;

	(void)state;
	judgement_free(&j);
	beside = verdict_falls_at("quick", one_in_four, 0, &j);
	assert_true(beside > alone + 13);
	assert_true(j.sources[SOURCE_SYSTEM].present);
	assert_false(j.flags & FLAG_SOURCE_LOST);
	judgement_free(&j);
}

static void readings_of_a_bmc_that_is_not_active_are_used_and_flagged(void **state)
{
	struct synthetic s = synthetic_new("quick", 7);
	struct judgement j;

	(void)state;
	trace_add_channel(s.trace, "rapl/package-0", UNIT_JOULE);
	trace_add_channel(s.trace, "dcmi/system", UNIT_WATT);
	trace_add_channel(s.trace, "dcmi/active", UNIT_FLAG);
	synthetic_begin(&s, "all-cores", 100);
	for (int t = 0; t < 110; t++) {
		s.clock_s = t;
		synthetic_row(&s, 0, 200.0 * t);
		synthetic_row(&s, 1, 319);
		synthetic_row(&s, 2, 0);
	}
	synthetic_judge(&s, 0, &j);
	assert_true(j.flags & FLAG_NOT_ACTIVE);
	assert_true(fabs(j.sources[SOURCE_SYSTEM].estimate.mean_w - 319) < 1e-6);
	judgement_free(&j);
	synthetic_free(&s);
}

static void a_state_in_which_the_bmc_rests_waits_for_nothing_and_says_that_it_is_missing(void **state)
{
	struct synthetic s = synthetic_new("quick", 7);
	struct judgement j;

	(void)state;
	trace_add_channel(s.trace, "rapl/package-0", UNIT_JOULE);
	trace_add_channel(s.trace, "dcmi/system", UNIT_WATT);
	synthetic_begin(&s, "idle-unpolled", 0);
	s.trace->visits[0].bmc_rests = true;
	for (int t = 0; t < 60; t++) {
		s.clock_s = t;
		synthetic_row(&s, 0, 200.0 * t);
	}
	synthetic_judge(&s, 0, &j);
	assert_int_equal(j.verdict, VERDICT_STABLE);
	assert_false(j.flags & FLAG_SOURCE_LOST);
	assert_false(j.sources[SOURCE_SYSTEM].present);
	assert_int_equal(j.sources[SOURCE_SYSTEM].reason, REASON_MISSING);
	judgement_free(&j);
	synthetic_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bmc_that_is_lost_for_good_costs_at_most_13_s),
		cmocka_unit_test(the_state_in_which_it_was_lost_says_so),
		cmocka_unit_test(a_bmc_that_never_answers_costs_nothing),
		cmocka_unit_test(a_bmc_that_answers_in_part_is_waited_for),
		cmocka_unit_test(readings_of_a_bmc_that_is_not_active_are_used_and_flagged),
		cmocka_unit_test(
			a_state_in_which_the_bmc_rests_waits_for_nothing_and_says_that_it_is_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
