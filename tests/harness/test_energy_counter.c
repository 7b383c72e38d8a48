/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "harness/base/text.h"
#include "harness/energy_counter.h"

#define INTEL_RANGE_UJ 262143328850u
#define DRAM_RANGE_UJ 65712999613u
#define AMD_RANGE_UJ 65532610987u

static const uint64_t ranges_uj[] = {INTEL_RANGE_UJ, DRAM_RANGE_UJ, AMD_RANGE_UJ};

static mono_t at_s(double seconds)
{
	return mono_after_s((mono_t){0}, seconds);
}

/* A counter whose first value has been taken at 0 s. */
static struct energy_counter begun(uint64_t range_uj, double plausible_w, uint64_t raw_uj)
{
	struct energy_counter counter;

	energy_counter_init(&counter, range_uj, plausible_w);
	assert_int_equal(energy_counter_update(&counter, raw_uj, at_s(0)), EVENT_NONE);
	assert_true(energy_counter_j(&counter) == 0);
	return counter;
}

static void a_wrap_is_counted_with_the_counters_own_range(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ranges_uj); i++) {
		struct energy_counter counter = begun(ranges_uj[i], 400, ranges_uj[i] - 40000000);

		assert_int_equal(energy_counter_update(&counter, 60000000, at_s(1)), EVENT_NONE);
		assert_true(fabs(energy_counter_j(&counter) - 100) < 1e-9);
	}
}

/* Uniform in 0..1. */
static double uniform(unsigned *seed)
{
	return rand_r(seed) / (double)RAND_MAX;
}

/* Hours of random power and random intervals: wraps change nothing. */
static void follow_random_series(uint64_t range_uj, unsigned seed)
{
	unsigned state = seed;
	uint64_t true_uj = (uint64_t)(uniform(&state) * (double)range_uj), first_uj = true_uj;
	struct energy_counter counter = begun(range_uj, 400, true_uj % range_uj);
	double t = 0;

	for (int i = 0; i < 2000; i++) {
		double gap_s = 0.05 + 20 * uniform(&state);

		t += gap_s;
		true_uj += (uint64_t)(400e6 * uniform(&state) * gap_s);
		if (energy_counter_update(&counter, true_uj % range_uj, at_s(t)) != EVENT_NONE ||
		    fabs(energy_counter_j(&counter) - (double)(true_uj - first_uj) / 1e6) > 1e-3)
			fail_msg("seed %u, range %ju, step %d", seed, (uintmax_t)range_uj, i);
	}
	assert_true(true_uj > 10 * range_uj);
}

static void the_energy_of_a_random_series_is_the_one_that_was_put_in(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ranges_uj); i++)
		for (unsigned seed = 1; seed <= 20; seed++)
			follow_random_series(ranges_uj[i], seed);
}

static void energy_never_falls_whatever_is_read(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 50; seed++) {
		unsigned random = seed;
		struct energy_counter counter = begun(AMD_RANGE_UJ, 300, 0);
		double t = 0, last_j = 0;

		for (int i = 0; i < 500; i++) {
			uint64_t raw_uj = (uint64_t)(uniform(&random) * 1.2 * AMD_RANGE_UJ);
			double gap_s;
			enum reading_event event;

			gap_s = 300 * pow(uniform(&random), 4);
			t += gap_s;
			event = energy_counter_update(&counter, raw_uj, at_s(t));
			if (energy_counter_j(&counter) < last_j ||
			    (event != EVENT_NONE && energy_counter_j(&counter) != last_j) ||
			    energy_counter_j(&counter) - last_j > 1000 * (gap_s + 1))
				fail_msg("seed %u, step %d", seed, i);
			last_j = energy_counter_j(&counter);
		}
	}
}

static void a_fall_that_no_power_explains_is_a_reset(void **state)
{
	struct energy_counter counter = begun(INTEL_RANGE_UJ, 400, 100000000000);

	(void)state;
	assert_int_equal(energy_counter_update(&counter, 100100000000, at_s(1)), EVENT_NONE);
	assert_int_equal(energy_counter_update(&counter, 5000, at_s(2)), EVENT_COUNTER_RESET);
	assert_true(fabs(energy_counter_j(&counter) - 100) < 1e-9);
	assert_int_equal(energy_counter_update(&counter, 80005000, at_s(3)), EVENT_NONE);
	assert_true(fabs(energy_counter_j(&counter) - 180) < 1e-9);
}

static void a_gap_in_which_two_wraps_fit_is_lost(void **state)
{
	/* 65.5 kJ at 400 W: 163.8 s. */
	struct energy_counter counter = begun(AMD_RANGE_UJ, 400, 1000);

	(void)state;
	assert_int_equal(energy_counter_update(&counter, 60000001000, at_s(160)), EVENT_NONE);
	assert_int_equal(energy_counter_update(&counter, 61000001000, at_s(325)), EVENT_INTERVAL_LOST);
	assert_true(fabs(energy_counter_j(&counter) - 60000) < 1e-9);
	assert_int_equal(energy_counter_update(&counter, 61100001000, at_s(326)), EVENT_NONE);
	assert_true(fabs(energy_counter_j(&counter) - 60100) < 1e-9);
}

static void a_rise_that_no_power_explains_is_lost(void **state)
{
	struct energy_counter counter = begun(INTEL_RANGE_UJ, 400, 0);

	(void)state;
	assert_int_equal(energy_counter_update(&counter, 53000000000, at_s(1)), EVENT_INTERVAL_LOST);
	assert_true(energy_counter_j(&counter) == 0);
	assert_int_equal(energy_counter_update(&counter, 53200000000, at_s(2)), EVENT_NONE);
	assert_true(fabs(energy_counter_j(&counter) - 200) < 1e-9);
}

static void a_rise_above_the_published_limits_is_taken(void **state)
{
	/* 95 W published, no limit in effect, 250 W drawn. */
	struct energy_counter counter = begun(INTEL_RANGE_UJ, 190, 0);

	(void)state;
	assert_int_equal(energy_counter_update(&counter, 250000000, at_s(1)), EVENT_NONE);
	assert_true(fabs(energy_counter_j(&counter) - 250) < 1e-9);
}

static void an_equal_value_adds_nothing(void **state)
{
	struct energy_counter counter = begun(INTEL_RANGE_UJ, 400, 7);

	(void)state;
	assert_int_equal(energy_counter_update(&counter, 7, at_s(1)), EVENT_NONE);
	assert_true(energy_counter_j(&counter) == 0);
}

static void reads_at_the_same_time_are_no_division_by_zero(void **state)
{
	struct energy_counter counter = begun(INTEL_RANGE_UJ, 400, 0);

	(void)state;
	assert_int_equal(energy_counter_update(&counter, 400000, at_s(0)), EVENT_NONE);
	assert_true(fabs(energy_counter_j(&counter) - 0.4) < 1e-9);
	assert_int_equal(energy_counter_update(&counter, 900000000, at_s(0)), EVENT_INTERVAL_LOST);
}

static void a_counter_in_steps_of_one_joule_is_followed(void **state)
{
	struct energy_counter counter = begun(UINT64_C(4294967295000000), 2, 3000000);

	(void)state;
	assert_int_equal(energy_counter_update(&counter, 4000000, at_s(0.1)), EVENT_NONE);
	assert_int_equal(energy_counter_update(&counter, 4000000, at_s(0.2)), EVENT_NONE);
	assert_int_equal(energy_counter_update(&counter, 204000000, at_s(1.2)), EVENT_NONE);
	assert_true(fabs(energy_counter_j(&counter) - 201) < 1e-9);
}

static void without_a_range_no_fall_is_a_wrap(void **state)
{
	struct energy_counter counter = begun(0, 400, 1000000);

	(void)state;
	assert_int_equal(energy_counter_update(&counter, 999999, at_s(1)), EVENT_COUNTER_RESET);
	assert_int_equal(energy_counter_update(&counter, 100999999, at_s(2)), EVENT_NONE);
	assert_int_equal(energy_counter_update(&counter, 999, at_s(1e6)), EVENT_COUNTER_RESET);
	assert_true(fabs(energy_counter_j(&counter) - 100) < 1e-9);
}

static void a_value_beyond_the_range_does_not_wrap_at_the_range(void **state)
{
	struct energy_counter counter = begun(INTEL_RANGE_UJ, 400, INTEL_RANGE_UJ - 10);

	(void)state;
	assert_int_equal(energy_counter_update(&counter, INTEL_RANGE_UJ + 90, at_s(1)), EVENT_NONE);
	assert_int_equal(energy_counter_update(&counter, 200, at_s(2)), EVENT_COUNTER_RESET);
	assert_true(fabs(energy_counter_j(&counter) - 100e-6) < 1e-12);
	assert_int_equal(energy_counter_update(&counter, UINT64_MAX, at_s(3)), EVENT_INTERVAL_LOST);
	assert_int_equal(energy_counter_update(&counter, 0, at_s(4)), EVENT_COUNTER_RESET);
	assert_true(fabs(energy_counter_j(&counter) - 100e-6) < 1e-12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_wrap_is_counted_with_the_counters_own_range),
		cmocka_unit_test(the_energy_of_a_random_series_is_the_one_that_was_put_in),
		cmocka_unit_test(energy_never_falls_whatever_is_read),
		cmocka_unit_test(a_fall_that_no_power_explains_is_a_reset),
		cmocka_unit_test(a_gap_in_which_two_wraps_fit_is_lost),
		cmocka_unit_test(a_rise_that_no_power_explains_is_lost),
		cmocka_unit_test(a_rise_above_the_published_limits_is_taken),
		cmocka_unit_test(an_equal_value_adds_nothing),
		cmocka_unit_test(reads_at_the_same_time_are_no_division_by_zero),
		cmocka_unit_test(a_counter_in_steps_of_one_joule_is_followed),
		cmocka_unit_test(without_a_range_no_fall_is_a_wrap),
		cmocka_unit_test(a_value_beyond_the_range_does_not_wrap_at_the_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
