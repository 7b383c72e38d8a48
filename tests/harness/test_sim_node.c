/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "harness/sim_node.h"

static struct sim_params params_of(const char *text)
{
	struct sim_params params;
	struct error err = {0};

	if (sim_params_parse(&params, text, &err) < 0)
		fail_msg("%s", err.text);
	return params;
}

static struct sim_node *node_of(const char *text)
{
	struct sim_params params = params_of(text);

	return sim_node_new(&params);
}

/* Mean power of all packages, all memories and the system while the node is advanced. */
static struct sim_power mean_over(struct sim_node *node, unsigned sockets, double from_s, double to_s,
				  double u)
{
	double cpu_j[2] = {0}, dram_j[2] = {0}, system_j[2];
	double at_s[2] = {from_s, to_s};

	for (int end = 0; end < 2; end++) {
		sim_node_advance(node, at_s[end], u);
		for (unsigned i = 0; i < sockets; i++) {
			cpu_j[end] += sim_node_package_j(node, i);
			dram_j[end] += sim_node_dram_j(node, i);
		}
		system_j[end] = sim_node_system_j(node);
	}
	return (struct sim_power){(cpu_j[1] - cpu_j[0]) / (to_s - from_s),
				  (dram_j[1] - dram_j[0]) / (to_s - from_s),
				  (system_j[1] - system_j[0]) / (to_s - from_s)};
}

static void assert_near(double value, double expected, double relative)
{
	if (!(fabs(value - expected) <= relative * fabs(expected)))
		fail_msg("%.9g is not %.9g", value, expected);
}

static void the_steady_power_is_reached_at_every_utilisation(void **state)
{
	static const char *const texts[] = {
		"noise_pct=0", "noise_pct=0,sockets=4,exponent=0.5,efficiency=0.8",
		"noise_pct=0.5,turbo_w=50,turbo_budget_j=2000", "noise_pct=0,thermal_tau_s=0"};

	(void)state;
	for (int i = 0; i < 4; i++)
		for (int quarters = 0; quarters <= 4; quarters++) {
			double u = quarters / 4.0;
			struct sim_params params = params_of(texts[i]);
			struct sim_node *node = sim_node_new(&params);
			struct sim_power steady = sim_node_steady_w(&params, u), mean;

			mean = mean_over(node, (unsigned)params.sockets, 100, 3000, u);
			assert_near(mean.cpu_w, steady.cpu_w, 1e-3);
			assert_near(mean.dram_w, steady.dram_w, 1e-3);
			assert_near(mean.system_w, steady.system_w, 1e-3);
			sim_node_free(node);
		}
}

static void the_law_is_the_documented_one(void **state)
{
	struct sim_params params =
		params_of("sockets=2,idle_w=20,span_w=80,exponent=0.5,thermal_w=4,dram_idle_w=3,"
			  "dram_span_w=8,platform_w=50,efficiency=0.9");
	struct sim_power power = sim_node_steady_w(&params, 0.25);

	(void)state;
	assert_near(power.cpu_w, 2 * (20 + 40 + 1), 1e-12);
	assert_near(power.dram_w, 2 * (3 + 2), 1e-12);
	assert_near(power.system_w, (122 + 10 + 50) / 0.9, 1e-12);
}

static void part_of_the_power_follows_with_its_time_constant(void **state)
{
	struct sim_node *node =
		node_of("noise_pct=0,sockets=1,idle_w=0,span_w=0,thermal_w=10,thermal_tau_s=30");

	(void)state;
	sim_node_advance(node, 30, 1);
	/* Integral of 10 (1 - exp(-t/30)) over 30 s: 300 exp(-1). */
	assert_near(sim_node_package_j(node, 0), 300 * exp(-1), 1e-9);
	sim_node_free(node);
}

static void the_turbo_lasts_as_long_as_its_budget(void **state)
{
	/* 40 W on top of 100 W out of 400 J: 10 s. */
	struct sim_node *node = node_of(
		"noise_pct=0,sockets=1,idle_w=20,span_w=80,thermal_w=0,turbo_w=40,turbo_budget_j=400");

	(void)state;
	assert_near(mean_over(node, 1, 0, 10, 1).cpu_w, 140, 1e-9);
	assert_near(mean_over(node, 1, 10, 60, 1).cpu_w, 100, 1e-9);
	sim_node_advance(node, 65, 0); /* refills 200 J */
	assert_near(mean_over(node, 1, 65, 70, 1).cpu_w, 140, 1e-9);
	assert_near(mean_over(node, 1, 70, 100, 1).cpu_w, 100, 1e-9);
	sim_node_free(node);
}

static void the_steps_of_advancing_change_nothing(void **state)
{
	static const char text[] = "turbo_w=30,turbo_budget_j=250,noise_pct=2,lag_s=3,resolution_w=0";
	struct sim_node *coarse = node_of(text), *fine = node_of(text);
	unsigned seed = 11;
	double t = 0;

	(void)state;
	for (int block = 1; block <= 20; block++) {
		double u = (double)rand_r(&seed) / RAND_MAX, end_s = block * 7.3;

		while (t < end_s) {
			t = fmin(end_s, t + 0.3 * rand_r(&seed) / RAND_MAX);
			sim_node_advance(fine, t, u);
		}
		sim_node_advance(coarse, end_s, u);
		assert_near(sim_node_package_j(fine, 0), sim_node_package_j(coarse, 0), 1e-9);
		assert_near(sim_node_dram_j(fine, 1), sim_node_dram_j(coarse, 1), 1e-9);
		assert_near(sim_node_system_j(fine), sim_node_system_j(coarse), 1e-9);
		assert_near(sim_node_bmc_w(fine), sim_node_bmc_w(coarse), 1e-9);
	}
	sim_node_free(coarse);
	sim_node_free(fine);
}

static void a_seed_gives_the_same_node_again_and_another_seed_another(void **state)
{
	struct sim_node *a = node_of("seed=5"), *b = node_of("seed=5"), *c = node_of("seed=6");

	(void)state;
	for (int t = 1; t < 50; t++) {
		sim_node_advance(a, t, 0.5);
		sim_node_advance(b, t, 0.5);
		sim_node_advance(c, t, 0.5);
		assert_true(sim_node_package_j(a, 1) == sim_node_package_j(b, 1));
		assert_true(sim_node_package_j(a, 1) != sim_node_package_j(c, 1));
		assert_true(sim_node_package_j(a, 1) != sim_node_package_j(a, 0));
	}
	sim_node_free(a);
	sim_node_free(b);
	sim_node_free(c);
}

static void the_noise_has_the_deviation_and_the_correlation_that_were_asked_for(void **state)
{
	struct sim_node *node = node_of("sockets=1,idle_w=100,noise_pct=1,noise_rho=0.6");
	double last_j = 0, last = 0, squares = 0, products = 0;
	int n = 50000;

	(void)state;
	for (int t = 1; t <= n; t++) {
		double deviation;

		sim_node_advance(node, t, 0);
		deviation = sim_node_package_j(node, 0) - last_j - 100;
		last_j = sim_node_package_j(node, 0);
		squares += deviation * deviation;
		products += deviation * last;
		last = deviation;
	}
	assert_near(sqrt(squares / n), 1, 0.03);
	assert_near(products / squares, 0.6, 0.03);
	sim_node_free(node);
}

static void time_that_does_not_go_on_changes_nothing(void **state)
{
	struct sim_node *node = node_of("");
	double j;

	(void)state;
	sim_node_advance(node, 5, 1);
	j = sim_node_system_j(node);
	sim_node_advance(node, 5, 1);
	sim_node_advance(node, 3, 1);
	assert_true(sim_node_system_j(node) == j);
	sim_node_free(node);
}

/* Idle 100 W, full 200 W of the whole node, without noise. */
#define STEP_NODE                                                                                            \
	"noise_pct=0,sockets=1,idle_w=40,span_w=100,thermal_w=0,dram_idle_w=0,dram_span_w=0,platform_w=60,"  \
	"efficiency=1,"

static void the_controller_lags_and_averages_as_set(void **state)
{
	struct sim_node *node = node_of(STEP_NODE "period_s=1,lag_s=5,average_s=4,resolution_w=0");

	(void)state;
	assert_near(sim_node_bmc_w(node), 100, 1e-9);
	sim_node_advance(node, 20, 0);
	for (int t = 21; t <= 40; t++) {
		double share = fmin(fmax((t - 25) / 4.0, 0),
				    1); /* of the window that lies behind the step at 20 s */

		sim_node_advance(node, t, 1);
		assert_near(sim_node_bmc_w(node), 100 + 100 * share, 1e-9);
	}
	sim_node_free(node);
}

static void the_controller_shows_a_new_value_once_a_period(void **state)
{
	struct sim_node *node = node_of(STEP_NODE "period_s=3,lag_s=0,average_s=30,resolution_w=0");
	double last = sim_node_bmc_w(node), changed_s = 0;
	int changes = 0;

	(void)state;
	for (int i = 1; i <= 300; i++) {
		double t = i * 0.1, shown;

		sim_node_advance(node, t, 1);
		shown = sim_node_bmc_w(node);
		if (shown == last)
			continue;
		if (changes++)
			assert_true(fabs(t - changed_s - 3) < 0.15);
		changed_s = t;
		last = shown;
	}
	assert_true(changes == 10 || changes == 9);
	sim_node_free(node);
}

static void the_controller_rounds_to_its_resolution(void **state)
{
	struct sim_node *node = node_of(STEP_NODE "resolution_w=14,average_s=10,period_s=0.5,lag_s=1");

	(void)state;
	for (int i = 1; i <= 200; i++) {
		double shown;

		sim_node_advance(node, i * 0.25, 1);
		shown = sim_node_bmc_w(node);
		assert_true(fmod(shown, 14) == 0);
		assert_true(shown >= 98 && shown <= 210);
	}
	assert_true(sim_node_bmc_w(node) == 196); /* 200 W */
	sim_node_free(node);
}

static void the_mean_of_what_the_controller_shows_is_the_mean_power(void **state)
{
	struct sim_node *node = node_of("noise_pct=3,period_s=2,average_s=2,lag_s=4,resolution_w=0");
	double sum_w = 0;

	(void)state;
	sim_node_advance(node, 100, 0.7);
	for (int i = 0; i < 500; i++) {
		sim_node_advance(node, 106 + 2 * i, 0.7);
		sum_w += sim_node_bmc_w(node); /* means of 98..100 s, 100..102 s, ... */
	}
	sim_node_free(node);
	node = node_of("noise_pct=3,period_s=2,average_s=2,lag_s=4,resolution_w=0");
	assert_near(sum_w / 500, mean_over(node, 2, 100, 1100, 0.7).system_w, 1e-9);
	sim_node_free(node);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_steady_power_is_reached_at_every_utilisation),
		cmocka_unit_test(the_law_is_the_documented_one),
		cmocka_unit_test(part_of_the_power_follows_with_its_time_constant),
		cmocka_unit_test(the_turbo_lasts_as_long_as_its_budget),
		cmocka_unit_test(the_steps_of_advancing_change_nothing),
		cmocka_unit_test(a_seed_gives_the_same_node_again_and_another_seed_another),
		cmocka_unit_test(the_noise_has_the_deviation_and_the_correlation_that_were_asked_for),
		cmocka_unit_test(time_that_does_not_go_on_changes_nothing),
		cmocka_unit_test(the_controller_lags_and_averages_as_set),
		cmocka_unit_test(the_controller_shows_a_new_value_once_a_period),
		cmocka_unit_test(the_controller_rounds_to_its_resolution),
		cmocka_unit_test(the_mean_of_what_the_controller_shows_is_the_mean_power),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
