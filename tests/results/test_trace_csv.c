/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/profiles/synthetic.h"

#include <stdio.h>
#include <unistd.h>

#include "harness/base/error.h"
#include "profiles/profile.h"
#include "results/trace_csv.h"

static double level(double t)
{
	return 150 + 10 * exp(-t / 3);
}

/* A run of three states, with all that a trace can hold. */
static struct synthetic recorded_run(void)
{
	struct synthetic s = synthetic_new("quick", 77);
	static const char *const names[] = {"idle", "all-cores", "memory"};

	trace_add_channel(s.trace, "rapl/package-0", UNIT_JOULE)->resolution = 6.103515625e-05;
	trace_add_channel(s.trace, "rapl/dram-0", UNIT_JOULE)->power_limit_w = 35.5;
	trace_add_channel(s.trace, "sim/system", UNIT_WATT)->resolution = 7;
	trace_add_channel(s.trace, "node/utilisation", UNIT_PERCENT);
	trace_add_channel(s.trace, "dcmi/time-stamp", UNIT_SECOND);
	trace_add_channel(s.trace, "dcmi/active", UNIT_FLAG);
	s.trace->channels[0].gain = 1.01;
	s.trace->channels[0].offset_w = -0.25;
	s.trace->channels[0].u_gain = 0.004;
	s.trace->channels[0].u_offset_w = 0.1;
	s.trace->plan = json_pack("{s:s}", "name", "quick");
	s.noise = 0.004;
	for (int v = 0; v < 3; v++) {
		synthetic_begin(&s, names[v], v ? 100 : 0);
		s.trace->visits[v].share = v / 3.0;
		s.trace->visits[v].tau_s = 27.983872;
		s.trace->visits[v].workload = json_pack("{s:[s,s]}", "argv", "stress-ng", "--cpu");
		for (int t = 0; t <= 80; t++) {
			s.clock_s += 1 + 1e-5 * gsl_rng_uniform(s.rng);
			for (size_t c = 0; c < 2; c++)
				synthetic_second(&s, c, level(t) / (double)(1 + 9 * c));
			if (v == 1 && t == 40)
				trace_add_event(s.trace, llround(s.clock_s * 1e6), TRACE_COUNTER_RESET, 1);
			synthetic_row(&s, 0, t == 33 ? NAN : s.energy_j[0]);
			synthetic_row(&s, 1, s.energy_j[1]);
			synthetic_row(&s, 2, 7 * round((level(t) + 80) / 7));
			if (t)
				synthetic_row(&s, 3, v ? 99.9 : 0.4);
			synthetic_row(&s, 4, 1795465467 + t);
			synthetic_row(&s, 5, t > 20);
		}
		s.trace->visits[v].ended_us = llround(s.clock_s * 1e6);
		trace_add_row(s.trace, llround(s.clock_s * 1e6) + 500, 0, TRACE_OUTSIDE,
			      trace_value(UNIT_JOULE, s.energy_j[0]));
		s.clock_s += 3;
	}
	s.trace->complete = true;
	return s;
}

static char *states_text(const struct trace *trace)
{
	json_t *judged = profile_judged(trace), *states = json_object_get(judged, "states");
	char *text = json_dumps(states, JSON_INDENT(1));

	json_decref(judged);
	return text;
}

static void a_trace_read_back_is_judged_to_the_same_digits(void **state)
{
	struct synthetic s = recorded_run();
	char path[] = "/tmp/wattstep-test-XXXXXX";
	struct error err = {0};
	struct trace_writer *writer;
	struct trace *again;
	char *before, *after;

	(void)state;
	close(mkstemp(path));
	writer = trace_writer_open(path, s.trace, &err);
	assert_non_null(writer);
	assert_int_equal(trace_writer_close(writer, &err), 0);
	again = trace_read(path, &err);
	assert_string_equal(err.text, "");
	assert_int_equal(again->n_rows, s.trace->n_rows);
	assert_int_equal(again->n_events, s.trace->n_events);
	assert_int_equal(again->n_visits, 3);
	assert_true(again->complete && !again->bare);
	before = states_text(s.trace);
	after = states_text(again);
	assert_non_null(strstr(before, "counter_reset"));
	assert_string_equal(before, after);
	free(before);
	free(after);
	trace_free(again);
	synthetic_free(&s);
	unlink(path);
}

static struct trace *read_text(const char *text, struct error *err)
{
	char path[] = "/tmp/wattstep-test-XXXXXX";
	FILE *file = fdopen(mkstemp(path), "w");
	struct trace *trace;

	fputs(text, file);
	fclose(file);
	trace = trace_read(path, err);
	unlink(path);
	return trace;
}

static void what_a_source_tells_beside_power_is_kept_and_not_judged(void **state)
{
	struct synthetic s = recorded_run();
	char path[] = "/tmp/wattstep-test-XXXXXX";
	struct trace_writer *writer;
	struct error err = {0};
	struct trace *again;
	char *judged;
	int64_t stamp = 0, active = 0;

	(void)state;
	close(mkstemp(path));
	writer = trace_writer_open(path, s.trace, &err);
	assert_int_equal(trace_writer_close(writer, &err), 0);
	again = trace_read(path, &err);
	assert_non_null(again);
	assert_int_equal(again->channels[4].unit, UNIT_SECOND);
	assert_int_equal(again->channels[5].unit, UNIT_FLAG);
	for (size_t r = 0; r < again->n_rows; r++) {
		stamp = again->rows[r].channel == 4 ? again->rows[r].value : stamp;
		active += again->rows[r].channel == 5 ? again->rows[r].value : 0;
	}
	assert_int_equal(stamp, INT64_C(1795465547000));
	assert_int_equal(active, 3 * 60 * 1000);
	judged = states_text(again);
	assert_null(strstr(judged, "dcmi/"));
	assert_non_null(strstr(judged, "sim/system"));
	free(judged);
	trace_free(again);
	synthetic_free(&s);
	unlink(path);
}

static void writing_as_it_grows_gives_the_same_file_as_at_the_end(void **state)
{
	struct synthetic s = recorded_run();
	struct trace *grown = trace_new(s.trace->rule);
	char path[] = "/tmp/wattstep-test-XXXXXX";
	struct error err = {0};
	struct trace_writer *writer;
	struct trace *again;
	size_t event = 0;

	(void)state;
	close(mkstemp(path));
	for (size_t c = 0; c < s.trace->n_channels; c++)
		trace_add_channel(grown, s.trace->channels[c].id, s.trace->channels[c].unit);
	writer = trace_writer_open(path, grown, &err);
	for (size_t r = 0; r < s.trace->n_rows; r++) {
		const struct trace_row *row = &s.trace->rows[r];

		if (row->visit != TRACE_OUTSIDE && row->visit == grown->n_visits)
			trace_add_visit(grown, s.trace->visits[row->visit].state,
					s.trace->visits[row->visit].began_us);
		for (; event < s.trace->n_events && s.trace->events[event].row == r; event++)
			trace_add_event(grown, s.trace->events[event].time_us, s.trace->events[event].kind,
					s.trace->events[event].channel);
		trace_add_row(grown, row->time_us, row->channel, row->visit, row->value);
		if (row->visit == TRACE_OUTSIDE) {
			grown->visits[grown->n_visits - 1].end = VISIT_DONE;
			grown->visits[grown->n_visits - 1].ended_us = row->time_us;
		}
		if (r % 3 == 0)
			assert_int_equal(trace_writer_write(writer, 0, &err), 0);
	}
	assert_int_equal(trace_writer_close(writer, &err), 0);
	again = trace_read(path, &err);
	assert_string_equal(err.text, "");
	assert_int_equal(again->n_rows, s.trace->n_rows);
	for (size_t r = 0; r < again->n_rows; r++) {
		const struct trace_row *a = &again->rows[r], *b = &s.trace->rows[r];

		assert_true(a->time_us == b->time_us && a->value == b->value && a->channel == b->channel &&
			    a->visit == b->visit);
	}
	for (size_t v = 0; v < 3; v++) {
		assert_int_equal(again->visits[v].end, VISIT_DONE);
		assert_int_equal(again->visits[v].began_us, s.trace->visits[v].began_us);
	}
	assert_int_equal(again->events[0].row, s.trace->events[0].row);
	trace_free(again);
	trace_free(grown);
	synthetic_free(&s);
	unlink(path);
}

static void a_bare_trace_without_visits_begins_a_visit_at_each_change_of_state(void **state)
{
	struct error err = {0};
	struct trace *trace =
		read_text("time_s,state,channel,unit,value\n"
			  "0,idle,rapl/package-0,J,0\n2,idle,rapl/package-0,J,40\n"
			  "4,,rapl/package-0,J,90\n6,busy,rapl/package-0,J,300\n8,busy,rapl/package-0,J,500\n"
			  "9,idle,rapl/package-0,J,510",
			  &err);

	(void)state;
	assert_string_equal(err.text, "");
	assert_int_equal(trace->n_visits, 3);
	assert_string_equal(trace->visits[2].state, "idle");
	assert_int_equal(trace->visits[2].visit, 2);
	assert_int_equal(trace->n_rows, 6);
	assert_int_equal(trace->rows[2].visit, TRACE_OUTSIDE);
	assert_true(trace->channels[0].interval_s == 2);
	assert_true(trace->bare && trace->complete);
	assert_string_equal(trace->rule->name, "standard");
	trace_free(trace);
}

static void a_last_line_that_was_cut_off_is_passed_over(void **state)
{
	struct error err = {0};
	struct trace *trace = read_text(
		"#wattstep-trace 1\n"
		"#{\"rule\": \"quick\", \"channels\": [{\"id\": \"rapl/package-0\", \"unit\": \"J\"}]}\n"
		"time_s,state,visit,channel,unit,value\n"
		"#{\"event\": \"state_began\", \"time_s\": 0, \"state\": \"idle\", \"target_pct\": 0}\n"
		"0.000000,idle,1,rapl/package-0,J,0.000000\n1.000000,idle,1,rapl/package-0,J,4",
		&err);

	(void)state;
	assert_string_equal(err.text, "");
	assert_int_equal(trace->n_rows, 1);
	assert_int_equal(trace->visits[0].end, VISIT_RUNNING);
	assert_false(trace->complete);
	trace_free(trace);
}

static void what_is_no_trace_is_refused_by_line_with_what_came(void **state)
{
	static const struct {
		const char *text, *expected;
	} cases[] = {
		{"", "no readings of any state"},
		{"hello\n", "line 1: expected the columns"},
		{"#wattstep-trace 2\n", "line 1: expected \"#wattstep-trace 1\""},
		{"time_s,state,visit,channel,unit,value\n1,idle,1,rapl/package-0,J\n",
		 "line 2: expected 6 fields, got 5"},
		{"time_s,state,visit,channel,unit,value\nx,idle,1,rapl/package-0,J,1\n",
		 "line 2: time_s: expected seconds, got \"x\""},
		{"time_s,state,visit,channel,unit,value\nnan,idle,1,rapl/package-0,J,1\n", "time_s"},
		{"time_s,state,visit,channel,unit,value\n1,idle,1,rapl/package-0,kWh,1\n",
		 "unit: expected J, W, pct, s or flag, got \"kWh\""},
		{"time_s,state,visit,channel,unit,value\n1,idle,1,rapl/package-0,J,1e300\n",
		 "value: expected a number"},
		{"time_s,state,visit,channel,unit,value\n1,idle,1,rapl/package-0,J,twelve\n",
		 "got \"twelve\""},
		{"time_s,state,visit,channel,unit,value\n5,idle,1,rapl/package-0,J,1\n4,idle,1,rapl/"
		 "package-0,J,2\n",
		 "line 3: time_s: \"rapl/package-0\" goes back"},
		{"time_s,state,visit,channel,unit,value\n5,idle,1,rapl/package-0,J,1\n6,idle,1,rapl/"
		 "package-0,W,2\n",
		 "had the unit J before"},
		{"#wattstep-trace 1\n#{\"rule\": \n", "line 2: JSON"},
		{"#{\"rule\": \"fast\", \"channels\": []}\n",
		 "/rule: expected quick, standard or thorough, got \"fast\""},
		{"#{\"rule\": \"quick\", \"channels\": "
		 "[]}\ntime_s,state,visit,channel,unit,value\n0,idle,1,rapl/x,J,1\n",
		 "channel \"rapl/x\" is not in the header"},
		{"#{\"rule\": \"quick\", \"channels\": [{\"id\": \"rapl/x\", \"unit\": \"J\"}]}\n"
		 "time_s,state,visit,channel,unit,value\n0,idle,1,rapl/x,J,1\n",
		 "before its state_began"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct error err = {0};

		assert_null(read_text(cases[i].text, &err));
		assert_int_equal(err.kind, ERROR_INPUT);
		if (!strstr(err.text, cases[i].expected))
			fail_msg("expected \"%s\" in \"%s\"", cases[i].expected, err.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_trace_read_back_is_judged_to_the_same_digits),
		cmocka_unit_test(what_a_source_tells_beside_power_is_kept_and_not_judged),
		cmocka_unit_test(writing_as_it_grows_gives_the_same_file_as_at_the_end),
		cmocka_unit_test(a_bare_trace_without_visits_begins_a_visit_at_each_change_of_state),
		cmocka_unit_test(a_last_line_that_was_cut_off_is_passed_over),
		cmocka_unit_test(what_is_no_trace_is_refused_by_line_with_what_came),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
