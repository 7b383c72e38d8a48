/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The traces of the method's table and its cases that concern judging, on simulated time. */
#include "tests/profiles/synthetic.h"

static double flat(double t)
{
	(void)t;
	return 200;
}

static double ramp(double t)
{
	return 200 + 0.25 * t;
}

static double settles_with_tau_10(double t)
{
	return 200 - 80 * exp(-t / 10);
}

static double turbo_ends_after_100_s(double t)
{
	return t < 100 ? 260 : 200;
}

static double two_modes(double t)
{
	return fmod(t, 90) < 45 ? 200 : 230;
}

static double idle_with_bursts(double t)
{
	return 20 + (fmod(t, 120) < 10 ? 15 : 0);
}

static double small(double t)
{
	(void)t;
	return 0.3;
}

/* Judges one state of a law by a rule, with 0.5 % noise. */
static void judge_law(const char *rule, power_law *law, int seconds, struct judgement *out)
{
	struct synthetic s = synthetic_new(rule, 7);

	trace_add_channel(s.trace, "rapl/package-0", UNIT_JOULE);
	s.noise = 0.005;
	synthetic_begin(&s, "all-cores", 100);
	synthetic_run(&s, 0, seconds, law);
	synthetic_judge(&s, 0, out);
	synthetic_free(&s);
}

static void assert_verdict(const struct judgement *j, enum verdict verdict, enum reason reason)
{
	assert_string_equal(verdict_name(j->verdict), verdict_name(verdict));
	assert_int_equal(j->reason, reason);
}

static void flat_power_is_stable_and_its_mean_is_true(void **state)
{
	struct judgement j;

	(void)state;
	judge_law("standard", flat, 600, &j);
	assert_verdict(&j, VERDICT_STABLE, REASON_NONE);
	assert_true(fabs(j.sources[SOURCE_CPU].estimate.mean_w - 200) < 0.5);
	assert_true(j.sources[SOURCE_CPU].u95_w > 0 && j.sources[SOURCE_CPU].u95_w < 1);
	assert_true(j.window_end_s <= 180);
	judgement_free(&j);
}

static void the_quick_rule_ends_flat_power_within_90_s(void **state)
{
	struct judgement j;

	(void)state;
	judge_law("quick", flat, 90, &j);
	assert_verdict(&j, VERDICT_STABLE, REASON_NONE);
	judgement_free(&j);
}

static void a_transient_is_cut_and_does_not_bias_the_mean(void **state)
{
	struct judgement j;

	(void)state;
	judge_law("standard", settles_with_tau_10, 600, &j);
	assert_verdict(&j, VERDICT_STABLE, REASON_NONE);
	assert_true(fabs(j.sources[SOURCE_CPU].estimate.mean_w - 200) < 0.6);
	assert_true(j.window_start_s >= 20);
	judgement_free(&j);
}

static void a_ramp_is_unstable_because_of_drift(void **state)
{
	struct judgement j;

	(void)state;
	judge_law("standard", ramp, 605, &j);
	assert_verdict(&j, VERDICT_UNSTABLE, REASON_DRIFT);
	judgement_free(&j);
}

static void a_turbo_plateau_that_ends_after_100_s_is_not_taken_for_steady(void **state)
{
	struct judgement j;

	(void)state;
	judge_law("standard", turbo_ends_after_100_s, 600, &j);
	assert_verdict(&j, VERDICT_STABLE, REASON_NONE);
	assert_true(fabs(j.sources[SOURCE_CPU].estimate.mean_w - 200) < 0.6);
	judgement_free(&j);
}

static void power_that_moves_between_two_levels_is_unstable(void **state)
{
	struct judgement j;

	(void)state;
	judge_law("standard", two_modes, 605, &j);
	assert_int_equal(j.verdict, VERDICT_UNSTABLE);
	judgement_free(&j);
}

static void idle_with_a_burst_every_two_minutes_is_unstable(void **state)
{
	struct judgement j;

	(void)state;
	judge_law("standard", idle_with_bursts, 605, &j);
	assert_int_equal(j.verdict, VERDICT_UNSTABLE);
	judgement_free(&j);
}

static void a_third_of_a_watt_is_held_against_absolute_floors_and_ends(void **state)
{
	struct synthetic s = synthetic_new("standard", 7);
	struct judgement j;

	(void)state;
	trace_add_channel(s.trace, "rapl/package-0", UNIT_JOULE);
	s.noise = 0.1; /* 0.03 W: far more than the relative precision allows */
	synthetic_begin(&s, "all-cores", 100);
	synthetic_run(&s, 0, 300, small);
	synthetic_judge(&s, 0, &j);
	assert_verdict(&j, VERDICT_STABLE, REASON_NONE);
	judgement_free(&j);
	synthetic_free(&s);
}

static void power_that_settles_with_30_s_of_tau_under_a_slow_source_is_waited_for(void **state)
{
	struct synthetic s = synthetic_new("standard", 3);
	struct judgement j;

	(void)state;
	trace_add_channel(s.trace, "rapl/package-0", UNIT_JOULE);
	trace_add_channel(s.trace, "dcmi/system", UNIT_WATT)->resolution = 1;
	synthetic_begin(&s, "all-cores", 100);
	for (int t = 0; t <= 600; t++) {
		s.clock_s = t;
		synthetic_row(&s, 0, 200.0 * t);
		synthetic_row(&s, 1, round(300 + 20 * (1 - exp(-(t - t % 5) / 30.0))));
	}
	synthetic_judge(&s, 0, &j);
	assert_verdict(&j, VERDICT_STABLE, REASON_NONE);
	assert_true(fabs(j.sources[SOURCE_SYSTEM].estimate.mean_w - 320) <= 3.2);
	assert_true(j.window_start_s >= 30);
	assert_true(j.window_end_s - j.window_start_s >= 120);
	judgement_free(&j);
	synthetic_free(&s);
}

static void a_plateau_in_steps_of_14_w_is_stable_and_no_better_known_than_its_step(void **state)
{
	struct synthetic s = synthetic_new("standard", 3);
	struct judgement j;

	(void)state;
	trace_add_channel(s.trace, "rapl/package-0", UNIT_JOULE);
	trace_add_channel(s.trace, "dcmi/system", UNIT_WATT)->resolution = 14;
	synthetic_begin(&s, "all-cores", 100);
	for (int t = 0; t <= 300; t++) {
		s.clock_s = t;
		synthetic_row(&s, 0, 200.0 * t);
		synthetic_row(&s, 1, t < 12 ? 280 : 322);
	}
	synthetic_judge(&s, 0, &j);
	assert_verdict(&j, VERDICT_STABLE, REASON_NONE);
	assert_true(fabs(j.sources[SOURCE_SYSTEM].estimate.mean_w - 322) < 1e-6);
	assert_true(j.sources[SOURCE_SYSTEM].u95_w >= 15);
	assert_true(j.sources[SOURCE_SYSTEM].u95_w < 16);
	judgement_free(&j);
	synthetic_free(&s);
}

static void a_reset_counter_loses_one_interval_and_says_so(void **state)
{
	struct synthetic s = synthetic_new("quick", 3);
	struct judgement j;

	(void)state;
	trace_add_channel(s.trace, "rapl/package-0", UNIT_JOULE);
	synthetic_begin(&s, "all-cores", 100);
	for (int t = 0; t <= 60; t++) {
		s.clock_s = t;
		if (t == 30)
			trace_add_event(s.trace, 30000000, TRACE_COUNTER_RESET, 0);
		synthetic_row(&s, 0, 200.0 * (t < 30 ? t : t - 1));
	}
	synthetic_judge(&s, 0, &j);
	assert_verdict(&j, VERDICT_STABLE, REASON_NONE);
	assert_true(j.flags & FLAG_COUNTER_RESET);
	assert_true(fabs(j.sources[SOURCE_CPU].estimate.mean_w - 200) < 1e-6);
	judgement_free(&j);
	synthetic_free(&s);
}

static void one_reading_in_ten_missing_is_flagged_and_costs_nothing(void **state)
{
	struct synthetic s = synthetic_new("standard", 11);
	struct judgement j;

	(void)state;
	trace_add_channel(s.trace, "rapl/package-0", UNIT_JOULE);
	synthetic_begin(&s, "all-cores", 100);
	for (int t = 0; t <= 300; t++) {
		s.clock_s = t;
		synthetic_row(&s, 0, gsl_rng_uniform(s.rng) < 0.1 ? NAN : 200.0 * t);
	}
	synthetic_judge(&s, 0, &j);
	assert_verdict(&j, VERDICT_STABLE, REASON_NONE);
	assert_true(j.flags & FLAG_GAPS);
	assert_true(fabs(j.sources[SOURCE_CPU].estimate.mean_w - 200) < 1e-6);
	judgement_free(&j);
	synthetic_free(&s);
}

static void readings_up_to_200_ms_early_or_late_change_nothing(void **state)
{
	struct synthetic s = synthetic_new("standard", 11);
	struct judgement j;

	(void)state;
	trace_add_channel(s.trace, "rapl/package-0", UNIT_JOULE);
	synthetic_begin(&s, "all-cores", 100);
	for (int t = 0; t <= 300; t++) {
		double at_s = t ? t + 0.4 * gsl_rng_uniform(s.rng) - 0.2 : 0;

		s.clock_s = at_s;
		synthetic_row(&s, 0, 200 * at_s);
	}
	synthetic_judge(&s, 0, &j);
	assert_verdict(&j, VERDICT_STABLE, REASON_NONE);
	assert_true(fabs(j.sources[SOURCE_CPU].estimate.mean_w - 200) < 1e-3);
	assert_true(j.sources[SOURCE_CPU].estimate.sd_w < 1e-3);
	assert_int_equal(j.flags, 0);
	judgement_free(&j);
	synthetic_free(&s);
}

static double one_second_of_1000_w(double t)
{
	return 200 + (t > 100 && t < 101 ? 800 : 0);
}

static void one_extreme_second_is_neither_the_mean_nor_hidden(void **state)
{
	const struct estimate *cpu;
	struct judgement j;

	(void)state;
	judge_law("standard", one_second_of_1000_w, 600, &j);
	cpu = &j.sources[SOURCE_CPU].estimate;
	assert_true(cpu->max_w > 950);
	assert_true(fabs(cpu->median_w - 200) < 1);
	assert_true(cpu->mean_w > 200 && cpu->mean_w < 200 + 1.2 * 800 / 120.0);
	judgement_free(&j);
}

static void a_memory_that_stands_still_leaves_no_sum_of_the_others(void **state)
{
	struct synthetic s = synthetic_new("quick", 11);
	struct judgement j;

	(void)state;
	trace_add_channel(s.trace, "rapl/package-0", UNIT_JOULE);
	trace_add_channel(s.trace, "rapl/dram-0", UNIT_JOULE);
	trace_add_channel(s.trace, "rapl/dram-1", UNIT_JOULE);
	synthetic_begin(&s, "all-cores", 100);
	for (int t = 0; t <= 60; t++) {
		s.clock_s = t;
		synthetic_row(&s, 0, 200.0 * t);
		synthetic_row(&s, 1, 12.0 * t);
		synthetic_row(&s, 2, 7);
	}
	synthetic_judge(&s, 0, &j);
	assert_verdict(&j, VERDICT_STABLE, REASON_NONE);
	assert_int_equal(j.sources[SOURCE_CPU].verdict, VERDICT_STABLE);
	assert_int_equal(j.sources[SOURCE_DRAM].verdict, VERDICT_INVALID);
	assert_int_equal(j.sources[SOURCE_DRAM].reason, REASON_RAPL_STUCK);
	assert_int_equal(j.channels[1].verdict, VERDICT_STABLE);
	assert_true(j.flags & FLAG_UNMOVING);
	judgement_free(&j);
	synthetic_free(&s);
}

static void a_source_that_was_lost_in_the_window_has_no_verdict_of_its_first_seconds(void **state)
{
	struct synthetic s = synthetic_new("quick", 11);
	struct judgement j;

	(void)state;
	trace_add_channel(s.trace, "rapl/package-0", UNIT_JOULE);
	trace_add_channel(s.trace, "rapl/dram-0", UNIT_JOULE);
	synthetic_begin(&s, "all-cores", 100);
	for (int t = 0; t <= 90; t++) {
		s.clock_s = t;
		synthetic_row(&s, 0, t < 22 ? 200.0 * t : NAN);
		synthetic_row(&s, 1, 12.0 * t);
	}
	synthetic_judge(&s, 0, &j);
	assert_true(j.flags & FLAG_SOURCE_LOST);
	assert_int_equal(j.sources[SOURCE_CPU].verdict, VERDICT_INSUFFICIENT);
	assert_int_equal(j.sources[SOURCE_CPU].reason, REASON_MISSING);
	assert_int_equal(j.sources[SOURCE_DRAM].verdict, VERDICT_STABLE);
	judgement_free(&j);
	synthetic_free(&s);
}

static void a_hole_of_45_s_restarts_the_window(void **state)
{
	struct synthetic s = synthetic_new("standard", 11);
	struct judgement j;

	(void)state;
	trace_add_channel(s.trace, "rapl/package-0", UNIT_JOULE);
	synthetic_begin(&s, "all-cores", 100);
	for (int t = 0; t <= 400; t++) {
		s.clock_s = t;
		if (t <= 60 || t >= 105)
			synthetic_row(&s, 0, 200.0 * t);
	}
	synthetic_judge(&s, 0, &j);
	assert_verdict(&j, VERDICT_STABLE, REASON_NONE);
	assert_true(j.window_start_s >= 105);
	assert_true(j.flags & FLAG_GAPS);
	judgement_free(&j);
	synthetic_free(&s);
}

static void a_counter_that_freezes_in_mid_state_is_invalid_but_not_the_other_source(void **state)
{
	struct synthetic s = synthetic_new("quick", 11);
	struct judgement j;

	(void)state;
	trace_add_channel(s.trace, "rapl/package-0", UNIT_JOULE);
	trace_add_channel(s.trace, "rapl/dram-0", UNIT_JOULE);
	synthetic_begin(&s, "all-cores", 100);
	for (int t = 0; t <= 90; t++) {
		s.clock_s = t;
		synthetic_row(&s, 0, 200.0 * (t < 20 ? t : 20));
		synthetic_row(&s, 1, 12.0 * t);
	}
	synthetic_judge(&s, 0, &j);
	assert_verdict(&j, VERDICT_INVALID, REASON_RAPL_STUCK);
	assert_int_equal(j.channels[0].verdict, VERDICT_INVALID);
	assert_int_equal(j.sources[SOURCE_DRAM].verdict, VERDICT_STABLE);
	judgement_free(&j);
	synthetic_free(&s);
}

/* Two zones of one socket; the second repeats the first, or is a die of its own. */
static void judge_dies(bool mirrored, const char *second, double *mean_w, unsigned *flags)
{
	struct synthetic s = synthetic_new("quick", 5);
	struct judgement *all;
	bool excluded[2];

	trace_add_channel(s.trace, "rapl/package-0-die-0", UNIT_JOULE);
	trace_add_channel(s.trace, second, UNIT_JOULE);
	s.noise = 0.005;
	for (int v = 0; v < 2; v++) {
		synthetic_begin(&s, v ? "all-cores" : "idle", v ? 100 : 0);
		for (int t = 0; t <= 60; t++) {
			s.clock_s = v * 60 + t;
			synthetic_second(&s, 0, v ? 68 : 30);
			synthetic_second(&s, 1, v ? 68 : 30);
			synthetic_row(&s, 0, s.energy_j[0]);
			synthetic_row(&s, 1, mirrored ? s.energy_j[0] : s.energy_j[1]);
		}
	}
	all = judge_all(s.trace, excluded);
	*mean_w = all[0].sources[SOURCE_CPU].estimate.mean_w;
	*flags = all[0].flags;
	judge_all_free(all, 2);
	synthetic_free(&s);
}

static void a_zone_that_repeats_another_of_its_socket_is_counted_once_in_earlier_states_too(void **state)
{
	double mean_w;
	unsigned flags;

	(void)state;
	judge_dies(true, "rapl/package-0-die-1", &mean_w, &flags);
	assert_true(fabs(mean_w - 30) < 0.5);
	assert_true(flags & FLAG_DEDUPLICATED);
}

static void real_dies_are_added(void **state)
{
	double mean_w;
	unsigned flags;

	(void)state;
	judge_dies(false, "rapl/package-0-die-1", &mean_w, &flags);
	assert_true(fabs(mean_w - 60) < 1);
	assert_false(flags & FLAG_DEDUPLICATED);
}

static void zones_of_different_sockets_are_never_merged(void **state)
{
	double mean_w;
	unsigned flags;

	(void)state;
	judge_dies(true, "rapl/package-1-die-0", &mean_w, &flags);
	assert_true(fabs(mean_w - 60) < 1);
	assert_false(flags & FLAG_DEDUPLICATED);
}

static void core_uncore_and_psys_are_never_added(void **state)
{
	static const char *const ids[] = {"rapl/package-0", "rapl/core-0",    "rapl/uncore-0", "rapl/psys",
					  "rapl/dram-0",    "rapl/package-1", "rapl/dram-1"};
	struct synthetic s = synthetic_new("quick", 5);
	struct judgement j;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
		trace_add_channel(s.trace, ids[i], UNIT_JOULE);
	synthetic_begin(&s, "all-cores", 100);
	for (int t = 0; t <= 60; t++) {
		s.clock_s = t;
		for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
			synthetic_row(&s, i, (10.0 + (double)i) * t);
	}
	synthetic_judge(&s, 0, &j);
	assert_true(fabs(j.sources[SOURCE_CPU].estimate.mean_w - 25) < 1e-6);
	assert_true(fabs(j.sources[SOURCE_DRAM].estimate.mean_w - 30) < 1e-6);
	assert_true(fabs(j.channels[3].estimate.mean_w - 13) < 1e-6);
	judgement_free(&j);
	synthetic_free(&s);
}

static void a_bmc_that_does_not_move_while_rapl_does_is_stuck_and_rapl_stays_stable(void **state)
{
	struct synthetic s = synthetic_new("quick", 5);
	struct judgement *all;
	bool excluded[2];

	(void)state;
	trace_add_channel(s.trace, "rapl/package-0", UNIT_JOULE);
	trace_add_channel(s.trace, "dcmi/system", UNIT_WATT);
	for (int v = 0; v < 2; v++) {
		synthetic_begin(&s, v ? "all-cores" : "idle", v ? 100 : 0);
		for (int t = 0; t <= 90; t++) {
			s.clock_s = v * 90 + t;
			s.energy_j[0] += v ? 200 : 50;
			synthetic_row(&s, 0, s.energy_j[0]);
			s.clock_s += 0.137 + 0.0011 * (t % 7); /* sums of joules are not exact there */
			synthetic_row(&s, 1, 212.3);
		}
	}
	all = judge_all(s.trace, excluded);
	assert_int_equal(all[0].verdict, VERDICT_STABLE);
	assert_verdict(&all[1], VERDICT_INVALID, REASON_DCMI_STUCK);
	assert_int_equal(all[1].sources[SOURCE_CPU].verdict, VERDICT_STABLE);
	assert_int_equal(all[1].sources[SOURCE_SYSTEM].verdict, VERDICT_INVALID);
	judge_all_free(all, 2);
	synthetic_free(&s);
}

/* A quick state of 60 s of 200 W with that utilisation. */
static void judge_utilisation(double target_pct, double machine_pct, double load_pct, struct judgement *out)
{
	struct synthetic s = synthetic_new("quick", 5);

	trace_add_channel(s.trace, "rapl/package-0", UNIT_JOULE);
	trace_add_channel(s.trace, "node/utilisation", UNIT_PERCENT);
	trace_add_channel(s.trace, "load/utilisation", UNIT_PERCENT);
	synthetic_begin(&s, "state", target_pct);
	for (int t = 0; t <= 60; t++) {
		s.clock_s = t;
		synthetic_row(&s, 0, 200.0 * t);
		synthetic_row(&s, 1, machine_pct);
		synthetic_row(&s, 2, load_pct);
	}
	synthetic_judge(&s, 0, out);
	synthetic_free(&s);
}

static void a_load_off_its_target_by_over_2_points_was_not_held(void **state)
{
	struct judgement j;

	(void)state;
	judge_utilisation(100, 50, 99, &j);
	assert_verdict(&j, VERDICT_STABLE, REASON_NONE);
	assert_true(fabs(j.utilisation_pct - 99) < 1e-9 && fabs(j.machine_pct - 50) < 1e-9);
	judgement_free(&j);
	judge_utilisation(100, 50, 97, &j);
	assert_verdict(&j, VERDICT_INVALID, REASON_LOAD_NOT_HELD);
	judgement_free(&j);
}

static void idle_that_is_over_2_percent_busy_is_invalid(void **state)
{
	struct judgement j;

	(void)state;
	judge_utilisation(0, 1.5, NAN, &j);
	assert_verdict(&j, VERDICT_STABLE, REASON_NONE);
	judgement_free(&j);
	judge_utilisation(0, 3, NAN, &j);
	assert_verdict(&j, VERDICT_INVALID, REASON_LOAD_NOT_HELD);
	judgement_free(&j);
}

static void a_lost_worker_makes_the_state_invalid_at_once(void **state)
{
	struct synthetic s = synthetic_new("standard", 5);
	struct judgement j;

	(void)state;
	trace_add_channel(s.trace, "rapl/package-0", UNIT_JOULE);
	synthetic_begin(&s, "all-cores", 100);
	synthetic_run(&s, 0, 40, flat);
	trace_add_event(s.trace, 40500000, TRACE_WORKER_LOST, -1);
	synthetic_judge(&s, 0, &j);
	assert_verdict(&j, VERDICT_INVALID, REASON_LOAD_NOT_HELD);
	judgement_free(&j);
	synthetic_free(&s);
}

static void a_visit_that_was_cut_off_is_interrupted_and_has_figures(void **state)
{
	struct synthetic s = synthetic_new("standard", 5);
	struct judgement j;

	(void)state;
	trace_add_channel(s.trace, "rapl/package-0", UNIT_JOULE);
	synthetic_begin(&s, "all-cores", 100);
	synthetic_run(&s, 0, 50, flat);
	s.trace->visits[0].end = VISIT_INTERRUPTED;
	synthetic_judge(&s, 0, &j);
	assert_verdict(&j, VERDICT_INSUFFICIENT, REASON_INTERRUPTED);
	assert_true(fabs(j.sources[SOURCE_CPU].estimate.mean_w - 200) < 1e-6);
	judgement_free(&j);
	synthetic_free(&s);
}

static void a_visit_without_readings_is_insufficient_and_has_no_numbers(void **state)
{
	struct synthetic s = synthetic_new("quick", 5);
	struct judgement j;

	(void)state;
	trace_add_channel(s.trace, "rapl/package-0", UNIT_JOULE);
	synthetic_begin(&s, "all-cores", 100);
	synthetic_judge(&s, 0, &j);
	assert_int_equal(j.verdict, VERDICT_INSUFFICIENT);
	assert_false(j.sources[SOURCE_CPU].present);
	assert_true(isnan(j.window_start_s));
	judgement_free(&j);
	synthetic_free(&s);
}

static void a_source_that_falls_silent_is_no_longer_waited_for(void **state)
{
	struct synthetic s = synthetic_new("quick", 5);
	struct judgement j;

	(void)state;
	trace_add_channel(s.trace, "rapl/package-0", UNIT_JOULE);
	trace_add_channel(s.trace, "dcmi/system", UNIT_WATT);
	synthetic_begin(&s, "all-cores", 100);
	for (int t = 0; t <= 90; t++) {
		s.clock_s = t;
		synthetic_row(&s, 0, 200.0 * t);
		synthetic_row(&s, 1, t < 12 ? 300 : NAN);
	}
	synthetic_judge(&s, 0, &j);
	assert_verdict(&j, VERDICT_STABLE, REASON_NONE);
	assert_true(j.flags & FLAG_SOURCE_LOST);
	assert_false(j.sources[SOURCE_SYSTEM].present);
	judgement_free(&j);
	synthetic_free(&s);
}

static void judging_row_by_row_and_all_at_once_gives_the_same(void **state)
{
	struct synthetic whole = synthetic_new("standard", 9), grown = synthetic_new("standard", 9);
	struct judgement a, b;
	struct judge *judge;

	(void)state;
	trace_add_channel(whole.trace, "rapl/package-0", UNIT_JOULE);
	trace_add_channel(grown.trace, "rapl/package-0", UNIT_JOULE);
	whole.noise = grown.noise = 0.01;
	synthetic_begin(&whole, "all-cores", 100);
	synthetic_begin(&grown, "all-cores", 100);
	synthetic_run(&whole, 0, 400, settles_with_tau_10);
	synthetic_judge(&whole, 0, &a);
	judge = judge_new(grown.trace, 0, NULL);
	for (size_t i = 0; i < whole.trace->n_rows; i++) {
		const struct trace_row *row = &whole.trace->rows[i];

		trace_add_row(grown.trace, row->time_us, row->channel, row->visit, row->value);
		if (judge_advance(judge))
			break;
	}
	judge_conclude(judge, &b);
	assert_int_equal(a.verdict, b.verdict);
	assert_memory_equal(&a.sources[SOURCE_CPU].estimate, &b.sources[SOURCE_CPU].estimate,
			    sizeof(struct estimate));
	assert_true(a.window_start_s == b.window_start_s && a.window_end_s == b.window_end_s);
	assert_true(grown.trace->n_rows < whole.trace->n_rows);
	judge_free(judge);
	judgement_free(&a);
	judgement_free(&b);
	synthetic_free(&whole);
	synthetic_free(&grown);
}

static void the_scatter_over_rounds_goes_into_u95(void **state)
{
	struct synthetic s = synthetic_new("quick", 9);
	struct judgement *all;
	bool excluded[1];

	(void)state;
	trace_add_channel(s.trace, "rapl/package-0", UNIT_JOULE);
	for (int round = 0; round < 3; round++) {
		synthetic_begin(&s, "all-cores", 100);
		s.trace->visits[round].position = 0;
		for (int t = 0; t <= 60; t++) {
			s.energy_j[0] += 200 + 4 * round;
			s.clock_s += 1;
			synthetic_row(&s, 0, s.energy_j[0]);
		}
	}
	all = judge_all(s.trace, excluded);
	assert_true(fabs(all[1].sources[SOURCE_CPU].u95_w - 2 * 4 / sqrt(3)) < 0.05);
	judge_all_free(all, 3);
	synthetic_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flat_power_is_stable_and_its_mean_is_true),
		cmocka_unit_test(the_quick_rule_ends_flat_power_within_90_s),
		cmocka_unit_test(a_transient_is_cut_and_does_not_bias_the_mean),
		cmocka_unit_test(a_ramp_is_unstable_because_of_drift),
		cmocka_unit_test(a_turbo_plateau_that_ends_after_100_s_is_not_taken_for_steady),
		cmocka_unit_test(power_that_moves_between_two_levels_is_unstable),
		cmocka_unit_test(idle_with_a_burst_every_two_minutes_is_unstable),
		cmocka_unit_test(a_third_of_a_watt_is_held_against_absolute_floors_and_ends),
		cmocka_unit_test(power_that_settles_with_30_s_of_tau_under_a_slow_source_is_waited_for),
		cmocka_unit_test(a_plateau_in_steps_of_14_w_is_stable_and_no_better_known_than_its_step),
		cmocka_unit_test(a_reset_counter_loses_one_interval_and_says_so),
		cmocka_unit_test(one_reading_in_ten_missing_is_flagged_and_costs_nothing),
		cmocka_unit_test(readings_up_to_200_ms_early_or_late_change_nothing),
		cmocka_unit_test(one_extreme_second_is_neither_the_mean_nor_hidden),
		cmocka_unit_test(a_memory_that_stands_still_leaves_no_sum_of_the_others),
		cmocka_unit_test(a_source_that_was_lost_in_the_window_has_no_verdict_of_its_first_seconds),
		cmocka_unit_test(a_hole_of_45_s_restarts_the_window),
		cmocka_unit_test(a_counter_that_freezes_in_mid_state_is_invalid_but_not_the_other_source),
		cmocka_unit_test(
			a_zone_that_repeats_another_of_its_socket_is_counted_once_in_earlier_states_too),
		cmocka_unit_test(real_dies_are_added),
		cmocka_unit_test(zones_of_different_sockets_are_never_merged),
		cmocka_unit_test(core_uncore_and_psys_are_never_added),
		cmocka_unit_test(a_bmc_that_does_not_move_while_rapl_does_is_stuck_and_rapl_stays_stable),
		cmocka_unit_test(a_load_off_its_target_by_over_2_points_was_not_held),
		cmocka_unit_test(idle_that_is_over_2_percent_busy_is_invalid),
		cmocka_unit_test(a_lost_worker_makes_the_state_invalid_at_once),
		cmocka_unit_test(a_visit_that_was_cut_off_is_interrupted_and_has_figures),
		cmocka_unit_test(a_visit_without_readings_is_insufficient_and_has_no_numbers),
		cmocka_unit_test(a_source_that_falls_silent_is_no_longer_waited_for),
		cmocka_unit_test(judging_row_by_row_and_all_at_once_gives_the_same),
		cmocka_unit_test(the_scatter_over_rounds_goes_into_u95),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
