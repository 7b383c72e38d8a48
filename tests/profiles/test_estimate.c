/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/profiles/synthetic.h"

#include "profiles/estimate.h"

static void identical_values_have_no_scatter_and_divide_by_nothing(void **state)
{
	double w[60];
	struct estimate e;

	(void)state;
	for (size_t i = 0; i < 60; i++)
		w[i] = 212;
	assert_int_equal(estimate_window(w, 0, 60, 1, &e), 0);
	assert_true(e.mean_w == 212 && e.sd_w == 0 && e.half_width_w == 0 && e.drift_w_per_s == 0);
	assert_int_equal(e.n, 60);
	assert_int_equal(e.n_distinct, 1);
	assert_true(e.n_eff == 60);
	assert_int_equal(estimate_judge(&e, rule_find("standard"), 60, 0), REASON_NONE);
}

static void unknown_seconds_are_left_out_and_not_taken_as_zero(void **state)
{
	double w[40];
	struct estimate e;

	(void)state;
	for (size_t i = 0; i < 40; i++)
		w[i] = i % 4 == 1 ? NAN : 80;
	assert_int_equal(estimate_window(w, 0, 40, 1, &e), 0);
	assert_true(e.mean_w == 80 && e.min_w == 80);
	assert_int_equal(e.n, 30);
	for (size_t i = 0; i < 40; i++)
		w[i] = NAN;
	assert_int_equal(estimate_window(w, 0, 40, 1, &e), -1);
}

static void the_interval_covers_the_mean_of_white_noise_in_95_of_100_windows(void **state)
{
	gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
	int covered = 0;

	(void)state;
	gsl_rng_set(rng, 20261);
	for (int run = 0; run < 2000; run++) {
		double w[120];
		struct estimate e;

		for (size_t i = 0; i < 120; i++)
			w[i] = 200 + gsl_ran_ugaussian(rng);
		estimate_window(w, 0, 120, 1, &e);
		covered += fabs(e.mean_w - 200) <= e.half_width_w;
	}
	assert_in_range(covered, 1840, 1980);
	gsl_rng_free(rng);
}

static void a_ramp_has_its_slope_and_is_refused_as_drift(void **state)
{
	double w[120];
	struct estimate e;

	(void)state;
	for (size_t i = 0; i < 120; i++)
		w[i] = 100 + 0.05 * (double)i;
	estimate_window(w, 0, 120, 1, &e);
	assert_true(fabs(e.drift_w_per_s - 0.05) < 1e-9);
	assert_int_equal(estimate_judge(&e, rule_find("standard"), 120, 0), REASON_DRIFT);
}

static void the_transient_before_a_plateau_is_cut(void **state)
{
	double z[40];

	(void)state;
	for (size_t i = 0; i < 40; i++)
		z[i] = 200 - 80 * exp(-(double)i / 2) + 0.1 * ((double)(i % 3) - 1);
	assert_in_range(transient_truncation(z, 40, 0), 6, 20);
	for (size_t i = 0; i < 40; i++)
		z[i] = 200;
	assert_int_equal(transient_truncation(z, 40, 0), 0);
}

static void a_single_spike_does_not_move_the_beginning_of_the_window(void **state)
{
	double z[40];

	(void)state;
	for (size_t i = 0; i < 40; i++)
		z[i] = 200 + 0.1 * ((double)(i % 3) - 1);
	z[12] = 260;
	transient_clean(z, 40);
	assert_in_range(transient_truncation(z, 40, 0), 0, 2);
}

static void flicker_between_two_steps_of_a_coarse_source_is_no_transient(void **state)
{
	double z[40];

	(void)state;
	for (size_t i = 0; i < 40; i++)
		z[i] = i == 3 || i == 4 || i == 9 ? 253 : 252;
	assert_int_equal(transient_truncation(z, 40, 1), 0);
	assert_true(transient_truncation(z, 40, 0) > 0);
}

static void a_slow_source_is_counted_once_per_update(void **state)
{
	double w[100];
	struct estimate e;

	(void)state;
	for (size_t i = 0; i < 100; i++)
		w[i] = 300 + (double)(i / 5 % 2);
	estimate_window(w, 0, 100, 5, &e);
	assert_int_equal(e.n, 20);
	assert_int_equal(e.n_distinct, 2);
}

static void quantisation_is_part_of_u95(void **state)
{
	double w[60];
	struct estimate e;
	double u95_w;

	(void)state;
	for (size_t i = 0; i < 60; i++)
		w[i] = 212;
	estimate_window(w, 0, 60, 5, &e);
	u95_w = estimate_u95_w(&e, &(struct uncertainty_terms){1, 0, 0});
	assert_true(fabs(u95_w - (2 / sqrt(12) + 0.5)) < 1e-9);
	assert_true(estimate_u95_w(&e, &(struct uncertainty_terms){14, 0, 0}) >= 15);
	assert_true(estimate_u95_w(&e, &(struct uncertainty_terms){0, 0, 0}) == 0);
	assert_true(fabs(estimate_u95_w(&e, &(struct uncertainty_terms){0, 0, 1.5}) - 3) < 1e-9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(identical_values_have_no_scatter_and_divide_by_nothing),
		cmocka_unit_test(unknown_seconds_are_left_out_and_not_taken_as_zero),
		cmocka_unit_test(the_interval_covers_the_mean_of_white_noise_in_95_of_100_windows),
		cmocka_unit_test(a_ramp_has_its_slope_and_is_refused_as_drift),
		cmocka_unit_test(the_transient_before_a_plateau_is_cut),
		cmocka_unit_test(a_single_spike_does_not_move_the_beginning_of_the_window),
		cmocka_unit_test(flicker_between_two_steps_of_a_coarse_source_is_no_transient),
		cmocka_unit_test(a_slow_source_is_counted_once_per_update),
		cmocka_unit_test(quantisation_is_part_of_u95),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
