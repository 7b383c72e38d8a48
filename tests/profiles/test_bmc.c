/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "harness/base/json.h"
#include "tests/simulate/learn.h"

/* How many of a grid were learnt, and how many of these rightly: the tolerances. */
struct score {
	unsigned n, learnt, right;
};

static void count(struct score *score, const struct bmc_fact *fact, double truth, double tolerance)
{
	score->n++;
	score->learnt += fact->learnt;
	score->right += fact->learnt && fabs(fact->value - truth) <= tolerance;
}

static const struct course *course_of(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(courses); i++)
		if (strcmp(courses[i].name, name) == 0)
			return &courses[i];
	fail_msg("no course %s", name);
	return NULL;
}

static struct learn_case case_of(const char *course, double period_s, double lag_s, double averaging_s,
				 double step_w, unsigned long seed)
{
	return (struct learn_case){
		.course = course_of(course),
		.idle_w = 60,
		.swing_w = 150,
		.bmc = {.period_s = period_s,
			.phase_s = 0.37 * period_s,
			.lag_s = lag_s,
			.averaging_s = averaging_s,
			.step_w = step_w},
		.seed = seed,
	};
}

struct scores {
	struct score period, lag, averaging, resolution, reach;
};

/* A part of the grid that visits each of its values. */
static void score_grid(const char *course, struct scores *all)
{
	static const double periods[] = {0.5, 1, 2, 5, 10}, lags[] = {0, 2, 5, 10, 20};
	static const double averagings[] = {0, 1, 4, 8, 16}, steps[] = {1, 2, 7, 14};
	static const double swings[] = {60, 150, 300};

	for (unsigned i = 0; i < 50; i++) {
		double period_s = periods[i % 5], lag_s = lags[(i + i / 5) % 5];
		double averaging_s = averagings[(i + i / 10) % 5], step_w = steps[i % 4];
		struct learn_case c = case_of(course, period_s, lag_s, averaging_s, step_w, i + 1);
		double middle_s = lag_s + averaging_s / 2;
		struct bmc_facts facts;

		c.swing_w = swings[i % 3];
		c.bmc.truncates = i / 2 % 2;
		learn_one(&c, &facts);
		count(&all->period, &facts.period_s, period_s, 0.2 * period_s);
		count(&all->lag, &facts.lag_s, middle_s, fmax(1, 0.2 * middle_s));
		count(&all->averaging, &facts.averaging_s, averaging_s, fmax(1, 0.2 * averaging_s));
		count(&all->resolution, &facts.resolution_w, step_w, 0);
		all->reach.n++;
		all->reach.learnt += facts.reach_s.learnt;
		all->reach.right += facts.reach_s.learnt && facts.reach_s.value >= lag_s + averaging_s - 0.25;
	}
}

static void what_is_learnt_at_a_step_is_right(void **state)
{
	struct scores all = {0};

	(void)state;
	score_grid("step", &all);
	assert_int_equal(all.period.right, all.period.learnt);
	assert_int_equal(all.lag.right, all.lag.learnt);
	assert_int_equal(all.resolution.right, all.resolution.learnt);
	assert_true(all.period.learnt >= 25 && all.lag.learnt >= 25);
}

static void a_pattern_of_loads_teaches_more_than_a_step(void **state)
{
	struct scores all = {0};

	(void)state;
	score_grid("pattern", &all);
	assert_int_equal(all.period.right, all.period.learnt);
	assert_int_equal(all.lag.right, all.lag.learnt);
	assert_int_equal(all.resolution.right, all.resolution.learnt);
	assert_true(all.reach.right + 1 >= all.reach.learnt);
	assert_true(all.period.learnt >= 38 && all.lag.learnt >= 38 && all.resolution.learnt >= 25);
}

static void polls_of_once_a_second_over_a_quick_run_teach_as_well(void **state)
{
	struct learn_case c = case_of("quick", 5, 4, 8, 1, 3);
	struct bmc_facts facts;

	(void)state;
	learn_one(&c, &facts);
	assert_true(facts.period_s.learnt && fabs(facts.period_s.value - 5) <= 0.1);
	assert_true(facts.lag_s.learnt && fabs(facts.lag_s.value - 8) <= 1);
	assert_true(facts.averaging_s.learnt && fabs(facts.averaging_s.value - 8) <= 1.6);
	assert_true(facts.resolution_w.learnt && facts.resolution_w.value == 1);
	assert_true(facts.reach_s.learnt && facts.reach_s.value >= 11.75 && facts.reach_s.value <= 14);
}

static void a_period_below_the_interval_of_polling_is_not_learnt_but_the_lag_is(void **state)
{
	struct learn_case c = case_of("quick", 0.5, 3, 4, 1, 4);
	struct bmc_facts facts;

	(void)state;
	learn_one(&c, &facts);
	assert_false(facts.period_s.learnt);
	assert_true(facts.period_s.value == BMC_PERIOD_UNKNOWN_S);
	assert_true(facts.lag_s.learnt && fabs(facts.lag_s.value - 5) <= 1);
}

static void a_bmc_that_never_moves_teaches_nothing(void **state)
{
	struct learn_case c = case_of("pattern", 2, 3, 4, 1000, 5);
	struct bmc_facts facts;

	(void)state;
	learn_one(&c, &facts);
	assert_false(facts.period_s.learnt || facts.lag_s.learnt || facts.averaging_s.learnt ||
		     facts.resolution_w.learnt || facts.reach_s.learnt || facts.stamp_marks);
	assert_true(facts.period_s.value == 5 && facts.lag_s.value == 12.5 && facts.resolution_w.value == 1);
	assert_true(isnan(facts.averaging_s.value) && isnan(facts.lag_s.u));
}

static void no_readings_at_all_teach_nothing(void **state)
{
	double time_s[3] = {0, 1, 2}, watts[3] = {NAN, NAN, NAN};
	struct bmc_polls polls = {time_s, watts, NULL, 3}, none = {0};
	struct bmc_fast fast = {0};
	struct bmc_facts facts;

	(void)state;
	bmc_learn(&polls, &fast, &facts);
	assert_false(facts.period_s.learnt || facts.resolution_w.learnt);
	bmc_learn(&none, &fast, &facts);
	assert_false(facts.period_s.learnt || facts.resolution_w.learnt);
}

static void without_a_fast_source_the_period_is_learnt_and_the_lag_is_not(void **state)
{
	struct learn_case c = case_of("pattern", 2, 3, 4, 1, 6);
	struct bmc_fast none = {0};
	struct learn_data data;
	struct bmc_facts facts;

	(void)state;
	learn_data_make(&c, &data);
	bmc_learn(&data.polls, &none, &facts);
	assert_true(facts.period_s.learnt && fabs(facts.period_s.value - 2) < 0.05);
	assert_false(facts.lag_s.learnt || facts.reach_s.learnt);
	learn_data_free(&data);
}

static void a_fast_source_that_has_nothing_to_do_with_it_teaches_no_lag(void **state)
{
	struct learn_case c = case_of("pattern", 2, 3, 4, 1, 7);
	struct learn_data data;
	struct bmc_facts facts;

	(void)state;
	learn_data_make(&c, &data);
	for (size_t i = 0; i < data.fast.n; i++)
		data.fast_j[i] = 150 * data.fast_time_s[i] + 200 * sin(data.fast_time_s[i] / 3);
	bmc_learn(&data.polls, &data.fast, &facts);
	assert_true(facts.period_s.learnt);
	assert_false(facts.lag_s.learnt || facts.reach_s.learnt);
	learn_data_free(&data);
}

static void stamps_that_mark_updates_show_those_that_coarse_steps_hide(void **state)
{
	struct learn_case c = case_of("step", 5, 3, 0, 70, 8);
	struct bmc_facts facts;

	(void)state;
	c.bmc.stamp = STAMP_UPDATES;
	learn_one(&c, &facts);
	assert_true(facts.stamp_marks);
	assert_true(facts.period_s.learnt && fabs(facts.period_s.value - 5) < 0.1);
	c.bmc.stamp = STAMP_ZERO;
	learn_one(&c, &facts);
	assert_false(facts.stamp_marks || facts.period_s.learnt);
}

static void a_stamp_that_is_a_clock_or_stands_still_marks_no_updates(void **state)
{
	static const enum bmc_stamp useless[] = {STAMP_ZERO, STAMP_STILL, STAMP_CLOCK};
	static const char *const at[] = {"pattern", "quick"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(useless) * ARRAY_SIZE(at); i++) {
		struct learn_case c = case_of(at[i % 2], 5, 3, 4, 1, 9);
		struct bmc_facts facts;

		c.bmc.stamp = useless[i / 2];
		learn_one(&c, &facts);
		assert_false(facts.stamp_marks);
		assert_true(facts.period_s.learnt && fabs(facts.period_s.value - 5) < 0.2);
	}
}

static void updates_that_jitter_wander_or_fail_and_polls_that_are_missed_do_not_mislead(void **state)
{
	unsigned learnt = 0;

	(void)state;
	for (unsigned seed = 1; seed <= 8; seed++) {
		struct learn_case c = case_of("pattern", 2, 3, 4, 1, seed);
		struct bmc_facts facts;

		c.bmc.jitter_s = 0.05;
		c.bmc.wander_s = 0.01;
		c.bmc.skipped = 0.05;
		c.bmc.missed = 0.1;
		learn_one(&c, &facts);
		learnt += facts.period_s.learnt && facts.lag_s.learnt;
		assert_true(!facts.period_s.learnt || fabs(facts.period_s.value - 2) <= 0.4);
		assert_true(!facts.lag_s.learnt || fabs(facts.lag_s.value - 5) <= 1);
	}
	assert_true(learnt >= 7);
}

/* ---- resolution ---- */

static struct bmc_fact resolution_of(const double *watts, size_t n)
{
	double time_s[64];
	struct bmc_polls polls = {time_s, watts, NULL, n};
	struct bmc_fast fast = {0};
	struct bmc_facts facts;

	for (size_t i = 0; i < n; i++)
		time_s[i] = (double)i;
	bmc_learn(&polls, &fast, &facts);
	return facts.resolution_w;
}

static void fewer_than_six_distinct_values_show_no_step(void **state)
{
	static const double watts[] = {200, 201, 199, 202, 198, 200, 201, 197};
	struct bmc_fact fact = resolution_of(watts, 7);

	(void)state;
	assert_false(fact.learnt);
	assert_true(fact.value == 1);
	fact = resolution_of(watts, 8);
	assert_true(fact.learnt && fact.value == 1);
}

static void tenths_of_a_watt_are_found_exactly(void **state)
{
	static const double watts[] = {187.3, 187.9, 187.4, 186.8, 201.7, 203.1, 190.0, 188.8};
	struct bmc_fact fact = resolution_of(watts, ARRAY_SIZE(watts));

	(void)state;
	assert_true(fact.learnt && fact.value == 0.1);
}

static void a_coarse_step_needs_values_that_cannot_be_multiples_by_chance(void **state)
{
	static const double few[] = {140, 182, 154, 238, 210, 252};
	static const double enough[] = {140, 182, 154, 238, 210, 252, 294, 196, 168, 336};
	/* What a rolling mean shows in steps of 1 W after a step of the load: 12 W a time. */
	static const double ramp[] = {100, 112, 124, 136, 148, 160, 172, 184, 196, 208, 220, 220};

	(void)state;
	assert_false(resolution_of(few, ARRAY_SIZE(few)).learnt);
	assert_true(resolution_of(enough, ARRAY_SIZE(enough)).value == 14);
	assert_false(resolution_of(ramp, ARRAY_SIZE(ramp)).learnt);
}

/* ---- one reading for each update ---- */

static void one_poll_is_marked_for_each_update_hidden_or_not(void **state)
{
	static const double steps[] = {0, 1, 14, 1000};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		struct learn_case c = case_of("pattern", 2, 3, 4, steps[i], 11);
		struct learn_data data;
		struct bmc_facts facts;
		bool *is_update;
		size_t n, marked = 0;

		learn_data_make(&c, &data);
		bmc_facts_default(&facts);
		facts.period_s = (struct bmc_fact){2, 0, true};
		is_update = xcalloc(data.polls.n, sizeof *is_update);
		n = bmc_updates(&data.polls, &facts, is_update);
		for (size_t p = 0; p < data.polls.n; p++)
			marked += is_update[p];
		assert_int_equal(n, marked);
		assert_in_range(n, 44, 46); /* 90 s */
		free(is_update);
		learn_data_free(&data);
	}
}

static void where_stamps_mark_updates_a_failed_one_is_not_counted(void **state)
{
	struct learn_case c = case_of("pattern", 5, 3, 4, 14, 21);
	struct learn_data data;
	struct bmc_facts facts;
	bool *is_update;
	size_t n;

	(void)state;
	c.bmc.stamp = STAMP_UPDATES;
	c.bmc.skipped = 0.5;
	learn_data_make(&c, &data);
	bmc_learn(&data.polls, &data.fast, &facts);
	assert_true(facts.stamp_marks);
	is_update = xcalloc(data.polls.n, sizeof *is_update);
	n = bmc_updates(&data.polls, &facts, is_update);
	assert_in_range(n, 4, 15); /* of 18 */
	free(is_update);
	learn_data_free(&data);
}

static void every_change_is_an_update_even_where_the_period_is_too_long(void **state)
{
	static const double time_s[] = {0, 1, 2, 3, 4, 5, 6, 7}, watts[] = {1, 2, 2, 3, NAN, 4, 4, 4};
	static const bool expected[] = {true, true, false, true, false, true, false, false};
	struct bmc_polls polls = {time_s, watts, NULL, 8};
	struct bmc_facts facts;
	bool is_update[8];

	(void)state;
	bmc_facts_default(&facts);
	assert_int_equal(bmc_updates(&polls, &facts, is_update), 4);
	assert_memory_equal(is_update, expected, sizeof expected);
}

static void the_guard_keeps_power_from_before_a_change_out(void **state)
{
	struct learn_case c = case_of("pattern", 5, 3, 8, 1, 12);
	struct bmc_facts facts;

	(void)state;
	learn_one(&c, &facts);
	assert_true(facts.reach_s.learnt);
	assert_true(bmc_guard_s(&facts) >= 3 + 8 + 5 - 0.5);
	assert_true(bmc_guard_s(&facts) <= 3 + 8 + 5 + 2);
	assert_true(fabs(bmc_shift_s(&facts) - (3 + 4 + 2.5)) <= 1);
}

/* ---- traces ---- */

/* The data as rows of a trace: two packages and a memory, the BMC beside them; its first channel is 0. */
static struct trace *trace_of(const struct learn_data *data, bool stamped)
{
	struct trace *trace = trace_new(NULL);
	size_t next = 0;

	trace_add_channel(trace, "rapl/package-0", UNIT_JOULE);
	trace_add_channel(trace, "rapl/package-1", UNIT_JOULE);
	trace_add_channel(trace, "rapl/dram-0", UNIT_JOULE);
	trace_add_channel(trace, "dcmi/system", UNIT_WATT);
	if (stamped)
		trace_add_channel(trace, "dcmi/time-stamp", UNIT_WATT);
	trace_add_visit(trace, "idle", 30000000);
	for (size_t i = 0; i < data->fast.n; i++) {
		int64_t time_us = llround(data->fast_time_s[i] * 1e6), uj = llround(data->fast_j[i] * 1e6);
		uint16_t visit = time_us >= 30000000 ? 0 : TRACE_OUTSIDE;

		for (; next < data->polls.n && data->poll_time_s[next] <= data->fast_time_s[i]; next++) {
			int64_t at_us = llround(data->poll_time_s[next] * 1e6);

			trace_add_row(trace, at_us, 3, visit, trace_value(UNIT_WATT, data->poll_w[next]));
			if (stamped)
				trace_add_row(trace, at_us, 4, visit,
					      trace_value(UNIT_WATT, data->poll_stamp_s[next]));
		}
		trace_add_row(trace, time_us, 0, visit, uj / 2);
		trace_add_row(trace, time_us + 20, 1, visit, uj / 4);
		trace_add_row(trace, time_us + 40, 2, visit, uj - uj / 2 - uj / 4);
	}
	return trace;
}

static void a_trace_teaches_what_its_arrays_do(void **state)
{
	struct learn_case c = case_of("pattern", 2, 3, 4, 1, 13);
	struct bmc_facts facts, direct;
	struct learn_data data;
	struct trace *trace;

	(void)state;
	c.bmc.stamp = STAMP_UPDATES;
	learn_data_make(&c, &data);
	bmc_learn(&data.polls, &data.fast, &direct);
	trace = trace_of(&data, true);
	bmc_learn_from_trace(trace, 3, NULL, &facts);
	assert_true(facts.stamp_marks);
	assert_true(facts.lag_s.learnt && fabs(facts.lag_s.value - direct.lag_s.value) < 0.05);
	assert_true(fabs(facts.period_s.value - direct.period_s.value) < 0.01);
	assert_true(fabs(facts.averaging_s.value - direct.averaging_s.value) < 0.1);
	assert_true(facts.resolution_w.value == direct.resolution_w.value);
	trace_free(trace);
	learn_data_free(&data);
}

static void failed_rows_and_a_counter_reset_in_a_trace_do_not_mislead(void **state)
{
	struct learn_case c = case_of("standard", 2, 3, 4, 1, 14);
	struct learn_data data;
	struct bmc_facts facts;
	struct trace *trace;
	size_t at = SIZE_MAX;

	(void)state;
	learn_data_make(&c, &data);
	trace = trace_of(&data, false);
	for (size_t r = 0; r < trace->n_rows; r++) {
		struct trace_row *row = &trace->rows[r];

		if (row->channel == 0 && row->time_us > 500000000) {
			at = at < r ? at : r;
			row->value -= 40000000000;
		}
		if (r % 17 == 3)
			row->value = TRACE_FAILED;
		else if (row->channel == 3 && r % 29 == 5)
			row->value = r % 2 ? 0 : 65535000;
	}
	trace_add_event(trace, trace->rows[at].time_us, TRACE_COUNTER_RESET, 0);
	trace->events[0].row = at;
	bmc_learn_from_trace(trace, 3, NULL, &facts);
	assert_true(facts.period_s.learnt && fabs(facts.period_s.value - 2) < 0.1);
	assert_true(facts.lag_s.learnt && fabs(facts.lag_s.value - 5) < 1);
	assert_true(facts.resolution_w.learnt && facts.resolution_w.value == 1);
	trace_free(trace);
	learn_data_free(&data);
}

/* ---- the facts file ---- */

static void assert_same_fact(const struct bmc_fact *a, const struct bmc_fact *b)
{
	assert_int_equal(a->learnt, b->learnt);
	assert_true((isnan(a->value) && isnan(b->value)) || fabs(a->value - b->value) < 1e-6);
	assert_true((isnan(a->u) && isnan(b->u)) || fabs(a->u - b->u) < 1e-6);
}

static void facts_come_back_from_their_file_as_they_were(void **state)
{
	struct learn_case c = case_of("pattern", 2, 3, 4, 1, 15);
	struct bmc_facts facts, nothing, back;
	json_t *channels = json_object(), *document;
	struct error err = {0};

	(void)state;
	learn_one(&c, &facts);
	bmc_facts_default(&nothing);
	json_object_set_new(channels, "dcmi/system", bmc_facts_to_json(&facts));
	json_object_set_new(channels, "ipmi/PSU1", bmc_facts_to_json(&nothing));
	document = bmc_facts_document(channels);
	assert_int_equal(bmc_facts_from_document(document, "dcmi/system", "facts", &back, &err), 0);
	assert_same_fact(&back.period_s, &facts.period_s);
	assert_same_fact(&back.lag_s, &facts.lag_s);
	assert_same_fact(&back.averaging_s, &facts.averaging_s);
	assert_same_fact(&back.resolution_w, &facts.resolution_w);
	assert_same_fact(&back.reach_s, &facts.reach_s);
	assert_int_equal(back.stamp_marks, facts.stamp_marks);
	assert_int_equal(bmc_facts_from_document(document, "ipmi/PSU1", "facts", &back, &err), 0);
	assert_same_fact(&back.lag_s, &nothing.lag_s);
	assert_same_fact(&back.averaging_s, &nothing.averaging_s);
	json_decref(document);
}

#define FACTS(rest)                                                                                          \
	"{\"format\": \"wattstep/bmc-facts\", \"format_version\": \"1.0\", \"channels\": {\"dcmi/system\": " \
	"{\"update_period_s\": 2, \"averaging_s\": null, \"resolution_w\": 1, \"time_stamp\": "              \
	"\"other\", " rest "}}}"

static void a_broken_facts_file_is_refused_with_its_place(void **state)
{
	static const struct {
		const char *text, *said;
	} cases[] = {
		{FACTS("\"lag_s\": -3, \"reach_s\": 4"), "/channels/dcmi~1system/lag_s"},
		{FACTS("\"lag_s\": \"3\", \"reach_s\": 4"), "/channels/dcmi~1system/lag_s"},
		{FACTS("\"lag_s\": 3"), "reach_s"},
		{FACTS("\"lag_s\": 3, \"reach_s\": 2"), "expected 3 s (lag_s) or more, got 2 s"},
		{FACTS("\"lag_s\": 3, \"reach_s\": 4, \"delay\": 1"), "delay"},
		{"{\"format\": \"wattstep/plan\", \"format_version\": \"1.0\"}", "wattstep/bmc-facts"},
		{"{\"format\": \"wattstep/bmc-facts\", \"format_version\": \"2.0\"}", "format_version"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct error err = {0};
		json_t *document = json_parse(cases[i].text, strlen(cases[i].text), "facts", &err);
		struct bmc_facts facts;

		assert_non_null(document);
		assert_int_equal(bmc_facts_from_document(document, "dcmi/system", "facts", &facts, &err), -1);
		assert_int_equal(err.kind, ERROR_INPUT);
		if (!strstr(err.text, cases[i].said))
			fail_msg("expected \"%s\" in: %s", cases[i].said, err.text);
		json_decref(document);
	}
}

static void a_file_without_the_channel_or_without_itself_says_so(void **state)
{
	static const char text[] = FACTS("\"lag_s\": 3, \"reach_s\": 4");
	struct error err = {0}, absent = {0};
	json_t *document = json_parse(text, strlen(text), "facts", &err);
	struct bmc_facts facts;

	(void)state;
	assert_int_equal(bmc_facts_from_document(document, "ipmi/PSU1", "facts", &facts, &err), -1);
	assert_non_null(strstr(err.text, "facts: /channels: expected facts of \"ipmi/PSU1\""));
	assert_int_equal(bmc_facts_read("/nonexistent/facts.json", "dcmi/system", &facts, &absent), -1);
	assert_non_null(strstr(absent.text, "/nonexistent/facts.json: cannot be read"));
	json_decref(document);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_learnt_at_a_step_is_right),
		cmocka_unit_test(a_pattern_of_loads_teaches_more_than_a_step),
		cmocka_unit_test(polls_of_once_a_second_over_a_quick_run_teach_as_well),
		cmocka_unit_test(a_period_below_the_interval_of_polling_is_not_learnt_but_the_lag_is),
		cmocka_unit_test(a_bmc_that_never_moves_teaches_nothing),
		cmocka_unit_test(no_readings_at_all_teach_nothing),
		cmocka_unit_test(without_a_fast_source_the_period_is_learnt_and_the_lag_is_not),
		cmocka_unit_test(a_fast_source_that_has_nothing_to_do_with_it_teaches_no_lag),
		cmocka_unit_test(stamps_that_mark_updates_show_those_that_coarse_steps_hide),
		cmocka_unit_test(a_stamp_that_is_a_clock_or_stands_still_marks_no_updates),
		cmocka_unit_test(updates_that_jitter_wander_or_fail_and_polls_that_are_missed_do_not_mislead),
		cmocka_unit_test(fewer_than_six_distinct_values_show_no_step),
		cmocka_unit_test(tenths_of_a_watt_are_found_exactly),
		cmocka_unit_test(a_coarse_step_needs_values_that_cannot_be_multiples_by_chance),
		cmocka_unit_test(one_poll_is_marked_for_each_update_hidden_or_not),
		cmocka_unit_test(where_stamps_mark_updates_a_failed_one_is_not_counted),
		cmocka_unit_test(every_change_is_an_update_even_where_the_period_is_too_long),
		cmocka_unit_test(the_guard_keeps_power_from_before_a_change_out),
		cmocka_unit_test(a_trace_teaches_what_its_arrays_do),
		cmocka_unit_test(failed_rows_and_a_counter_reset_in_a_trace_do_not_mislead),
		cmocka_unit_test(facts_come_back_from_their_file_as_they_were),
		cmocka_unit_test(a_broken_facts_file_is_refused_with_its_place),
		cmocka_unit_test(a_file_without_the_channel_or_without_itself_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
