/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/profiles/synthetic.h"

#include "profiles/series.h"

static struct trace_channel channel_of(enum unit unit)
{
	return (struct trace_channel){.unit = unit,
				      .interval_s = 1,
				      .gain = 1,
				      .u_gain = NAN,
				      .u_offset_w = NAN,
				      .resolution = NAN};
}

static void seconds_of_constant_power_are_exact_whatever_the_jitter(void **state)
{
	struct trace_channel channel = channel_of(UNIT_JOULE);
	gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
	struct series series;

	(void)state;
	series_init(&series, &channel, 0);
	for (int i = 0; i <= 100; i++) {
		double t = i + (i ? 0.4 * gsl_rng_uniform(rng) - 0.2 : 0);

		series_add(&series, t, llround(200e6 * t));
	}
	assert_true(series.n >= 99);
	for (size_t i = 0; i < series.n; i++)
		assert_true(fabs(series.seconds[i].w - 200) < 1e-3);
	series_free(&series);
	gsl_rng_free(rng);
}

static void a_missing_reading_costs_no_energy_and_is_counted(void **state)
{
	struct trace_channel channel = channel_of(UNIT_JOULE);
	double sum = 0;
	struct series series;

	(void)state;
	series_init(&series, &channel, 0);
	for (int i = 0; i <= 20; i++)
		series_add(&series, i, i == 7 || i == 8 ? TRACE_FAILED : 100000000LL * i * i);
	assert_int_equal(series.n, 20);
	for (size_t i = 0; i < 20; i++)
		sum += series.seconds[i].w;
	assert_true(fabs(sum - 100.0 * 400) < 1e-6);
	assert_true(fabs(series_missing_share(&series, 0, 20) - 2.0 / 21) < 1e-9);
	series_free(&series);
}

static void no_second_that_a_lost_interval_touches_has_a_value(void **state)
{
	struct trace_channel channel = channel_of(UNIT_JOULE);
	struct series series;

	(void)state;
	series_init(&series, &channel, 0);
	for (int i = 0; i <= 10; i++) {
		if (i == 5)
			series_break(&series);
		series_add(&series, i, i < 5 ? 50000000LL * i : 1000000LL + 50000000LL * (i - 5));
	}
	assert_int_equal(series.n, 10);
	for (size_t i = 0; i < 10; i++)
		if (i == 4)
			assert_true(isnan(series.seconds[i].w));
		else
			assert_true(fabs(series.seconds[i].w - 50) < 1e-6);
	assert_int_equal(series.losses, 1);
	series_free(&series);
}

static void a_gap_of_over_30_s_restarts_the_window_behind_it(void **state)
{
	struct trace_channel channel = channel_of(UNIT_JOULE);
	struct series series;

	(void)state;
	series_init(&series, &channel, 0);
	series_add(&series, 0, 0);
	series_add(&series, 1, 10000000);
	series_add(&series, 46, 460000000);
	assert_true(series.restart_s == 46);
	assert_true(series.longest_gap_s == 45);
	series_free(&series);
}

static void power_is_held_until_the_next_reading_and_shifted_by_its_lag(void **state)
{
	struct trace_channel channel = channel_of(UNIT_WATT);
	struct series series;

	(void)state;
	series_init(&series, &channel, 15);
	for (int i = 0; i <= 40; i++)
		series_add(&series, i + 0.25, i < 25 ? 100000 : 300000);
	assert_int_equal(series.n, 25);
	assert_true(fabs(series.seconds[0].w - 100) < 1e-6);
	assert_true(fabs(series.seconds[9].w - 100) < 1e-6);
	assert_true(fabs(series.seconds[10].w - (100 * 0.25 + 300 * 0.75)) < 1e-6);
	assert_true(fabs(series.seconds[24].w - 300) < 1e-6);
	series_free(&series);
}

static void zero_watts_65535_watts_and_4_29_megawatts_are_no_readings(void **state)
{
	struct trace_channel channel = channel_of(UNIT_WATT);
	struct series series;

	(void)state;
	series_init(&series, &channel, 0);
	for (int i = 0; i <= 20; i++)
		series_add(&series, i, i == 4 ? 0 : i == 9 ? 65535000 : i == 13 ? 4294967295 : 250000);
	for (size_t i = 0; i < series.n; i++)
		assert_true(fabs(series.seconds[i].w - 250) < 1e-6);
	assert_true(series.most == 250 && series.least == 250);
	assert_true(series_missing_share(&series, 0, 20) > 0.09);
	series_free(&series);
}

/* 100 W read ten times a second, then 300 W read every five seconds. */
static void unequal_intervals_weigh_by_their_time(void **state)
{
	struct trace_channel channel = channel_of(UNIT_JOULE);
	struct series series;
	double sum = 0;

	(void)state;
	series_init(&series, &channel, 0);
	for (int i = 0; i <= 200; i++)
		series_add(&series, i * 0.1, 10000000LL * i);
	for (int i = 25; i <= 40; i += 5)
		series_add(&series, i, 2000000000LL + 300000000LL * (i - 20));
	assert_int_equal(series.n, 40);
	for (size_t i = 0; i < series.n; i++)
		sum += series.seconds[i].w;
	assert_true(fabs(sum / 40 - 200) < 1e-6);
	series_free(&series);
}

static void a_counter_that_stands_still_is_noticed(void **state)
{
	struct trace_channel channel = channel_of(UNIT_JOULE);
	struct series series;

	(void)state;
	series_init(&series, &channel, 0);
	for (int i = 0; i <= 20; i++)
		series_add(&series, i, 30000000LL * (i < 10 ? i : i < 14 ? 10 : i));
	assert_true(series.longest_still_s >= 3);
	series_free(&series);
}

static void readings_at_1_khz_give_the_same_seconds_as_at_1_hz(void **state)
{
	struct trace_channel fast = channel_of(UNIT_JOULE), slow = channel_of(UNIT_JOULE);
	struct series a, b;

	(void)state;
	fast.interval_s = 0.001;
	series_init(&a, &fast, 0);
	series_init(&b, &slow, 0);
	for (int i = 0; i <= 30000; i++) {
		double t = i * 1e-3 + 2e-5, e = 100 * t + 20 * sin(t);

		series_add(&a, t, llround(e * 1e6));
		if (i % 1000 == 0)
			series_add(&b, t, llround(e * 1e6));
	}
	assert_int_equal(a.n, 30);
	assert_int_equal(b.n, 30);
	for (size_t i = 0; i < 30; i++)
		assert_true(fabs(a.seconds[i].w - b.seconds[i].w) < 0.01);
	series_free(&a);
	series_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(seconds_of_constant_power_are_exact_whatever_the_jitter),
		cmocka_unit_test(a_missing_reading_costs_no_energy_and_is_counted),
		cmocka_unit_test(no_second_that_a_lost_interval_touches_has_a_value),
		cmocka_unit_test(a_gap_of_over_30_s_restarts_the_window_behind_it),
		cmocka_unit_test(power_is_held_until_the_next_reading_and_shifted_by_its_lag),
		cmocka_unit_test(zero_watts_65535_watts_and_4_29_megawatts_are_no_readings),
		cmocka_unit_test(unequal_intervals_weigh_by_their_time),
		cmocka_unit_test(a_counter_that_stands_still_is_noticed),
		cmocka_unit_test(readings_at_1_khz_give_the_same_seconds_as_at_1_hz),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
