/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "results/trace_csv.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics_double.h>

#include "harness/base/json.h"
#include "harness/base/schema.h"
#include "harness/base/text.h"
#include "profiles/bmc.h"
#include "profiles/sources.h"
#include "results/trace_words.h"

const char *const trace_unit_names[UNITS] = {
	[UNIT_JOULE] = "J",  [UNIT_WATT] = "W",    [UNIT_PERCENT] = "pct",
	[UNIT_SECOND] = "s", [UNIT_FLAG] = "flag",
};
const char *const trace_end_names[4] = {
	[VISIT_RUNNING] = "running",
	[VISIT_DONE] = "done",
	[VISIT_INTERRUPTED] = "interrupted",
	[VISIT_SKIPPED] = "skipped",
};

#define MOST_CHANNELS 4096
#define MOST_VISITS 10000
#define MOST_SECONDS 1e8 /* three years; keeps microseconds well inside 64 bits */
#define MOST_VALUE 9e12  /* J, W or %: as micro-units inside 64 bits */

struct reader {
	const char *name;
	unsigned long line;
	struct trace *trace;
	int64_t *last_us; /* of each channel */
	bool has_header;
	bool has_visit_column;
	char state[128]; /* bare: of the row before */
	char visit[16];
	struct error *err;
};

#define REFUSE(reader, ...) refuse(reader, xasprintf(__VA_ARGS__))

static int refuse(struct reader *reader, char *text)
{
	error_set(reader->err, ERROR_INPUT, "%s: line %lu: %s", reader->name, reader->line, text);
	free(text);
	return -1;
}

static int index_of_word(const char *const *words, int n, const char *word)
{
	for (int i = 0; word && i < n; i++)
		if (strcmp(words[i], word) == 0)
			return i;
	return -1;
}

static double number_or(const json_t *object, const char *key, double otherwise)
{
	double value = json_get_number(object, key);

	return isnan(value) ? otherwise : value;
}

static struct trace_channel *add_channel(struct reader *reader, const char *id, enum unit unit)
{
	struct trace *trace = reader->trace;

	reader->last_us = xrealloc(reader->last_us, trace->n_channels + 1, sizeof *reader->last_us);
	reader->last_us[trace->n_channels] = INT64_MIN;
	return trace_add_channel(trace, id, unit);
}

static int read_channel(struct reader *reader, const json_t *value)
{
	const char *id = json_get_string(value, "id");
	int unit =
		index_of_word(trace_unit_names, ARRAY_SIZE(trace_unit_names), json_get_string(value, "unit"));
	const json_t *calibration = json_object_get(value, "calibration");
	struct trace_channel *channel;

	if (!id || unit < 0)
		return REFUSE(reader,
			      "/channels: each needs an \"id\" and a \"unit\" out of J, W, pct, s, flag");
	if (trace_find_channel(reader->trace, id) >= 0 || reader->trace->n_channels >= MOST_CHANNELS)
		return REFUSE(reader, "/channels: \"%s\" is there twice, or there are over %d", id,
			      MOST_CHANNELS);
	channel = add_channel(reader, id, (enum unit)unit);
	if (json_get_string(value, "scope"))
		channel->scope = xstrdup(json_get_string(value, "scope"));
	channel->resolution = json_get_number(value, "resolution");
	channel->power_limit_w = json_get_number(value, "power_limit_w");
	channel->interval_s = number_or(value, "interval_s", 1);
	if (!(channel->interval_s > 0))
		return REFUSE(reader, "/channels: interval_s of \"%s\" must be over 0", id);
	if (calibration) {
		channel->gain = number_or(calibration, "gain", 1);
		channel->offset_w = number_or(calibration, "offset_w", 0);
		channel->u_gain = number_or(calibration, "u_gain", 0);
		channel->u_offset_w = number_or(calibration, "u_offset_w", 0);
	}
	return 0;
}

static int read_header(struct reader *reader, json_t *value)
{
	struct trace *trace = reader->trace;
	const json_t *channels = json_object_get(value, "channels");
	const char *rule = json_get_string(value, "rule");
	const json_t *channel;
	size_t i;

	if (!json_is_array(channels))
		return REFUSE(reader, "expected \"channels\", a list, in the header");
	if (!rule || !rule_find(rule))
		return REFUSE(reader, "/rule: expected quick, standard or thorough, got \"%s\"",
			      rule ? rule : "");
	trace->rule = rule_find(rule);
	trace->bare = trace->complete = false;
	trace->plan = json_incref(json_object_get(value, "plan"));
	trace->synthetic = json_is_true(json_object_get(value, "synthetic"));
	reader->has_header = true;
	json_array_foreach(channels, i, channel) if (read_channel(reader, channel)) return -1;
	return 0;
}

static struct trace_visit *add_visit(struct reader *reader, const char *state, int64_t began_us)
{
	if (reader->trace->n_visits >= MOST_VISITS) {
		REFUSE(reader, "over %d visits of states", MOST_VISITS);
		return NULL;
	}
	return trace_add_visit(reader->trace, state, began_us);
}

static int read_began(struct reader *reader, json_t *value, int64_t time_us)
{
	const char *state = json_get_string(value, "state");
	struct trace_visit *visit;

	if (!state)
		return REFUSE(reader, "state_began needs \"state\"");
	visit = add_visit(reader, state, time_us);
	if (!visit)
		return -1;
	visit->position = (unsigned)number_or(value, "position", 0);
	visit->target_pct = json_get_number(value, "target_pct");
	visit->share = number_or(value, "share", 1);
	visit->tau_s = json_get_number(value, "tau_s");
	visit->workload = json_incref(json_object_get(value, "workload"));
	visit->bmc_rests = json_is_true(json_object_get(value, "bmc_rests"));
	return 0;
}

static int read_ended(struct reader *reader, json_t *value, int64_t time_us)
{
	int end = index_of_word(trace_end_names, ARRAY_SIZE(trace_end_names), json_get_string(value, "end"));
	struct trace_visit *visit;

	if (end < 0 || reader->trace->n_visits == 0)
		return REFUSE(
			reader,
			"state_ended needs a state that began, and \"end\": done, interrupted or skipped");
	visit = &reader->trace->visits[reader->trace->n_visits - 1];
	visit->end = (enum visit_end)end;
	visit->ended_us = time_us;
	visit->context = json_incref(json_object_get(value, "context"));
	if (json_get_string(value, "note"))
		visit->note = xstrdup(json_get_string(value, "note"));
	return 0;
}

static int read_facts(struct reader *reader, const json_t *value, struct bmc_facts *facts)
{
	if (schema_check_part(value, BMC_FACTS_SCHEMA "#/$defs/facts", reader->name, "/facts", true,
			      reader->err))
		return -1;
	bmc_facts_from_json(value, facts);
	return 0;
}

static int read_event(struct reader *reader, json_t *value, const char *event)
{
	double time_s = json_get_number(value, "time_s");
	const char *id = json_get_string(value, "channel");
	int channel = id ? trace_find_channel(reader->trace, id) : -1;

	if (strcmp(event, "run_ended") == 0) {
		reader->trace->complete = json_is_true(json_object_get(value, "complete"));
		return 0;
	}
	if (!(fabs(time_s) <= MOST_SECONDS))
		return REFUSE(reader, "the event \"%s\" needs \"time_s\"", event);
	if (strcmp(event, "state_began") == 0)
		return read_began(reader, value, llround(time_s * 1e6));
	if (strcmp(event, "state_ended") == 0)
		return read_ended(reader, value, llround(time_s * 1e6));
	if (id && channel < 0)
		return REFUSE(reader, "unknown channel \"%s\"", id);
	if (channel >= 0 && strcmp(event, trace_event_name(TRACE_LEARNT)) == 0 &&
	    read_facts(reader, json_object_get(value, "facts"), &reader->trace->channels[channel].facts))
		return -1;
	for (int kind = 0; kind < TRACE_EVENT_KINDS; kind++)
		if (strcmp(event, trace_event_name(kind)) == 0)
			trace_add_event(reader->trace, llround(time_s * 1e6), kind, channel);
	return 0; /* an event that we do not know says nothing to this version */
}

static int read_json_line(struct reader *reader, const char *text)
{
	struct error err = {0};
	json_t *value = json_parse(text, strlen(text), "JSON", &err);
	const char *event;
	int result = 0;

	if (!value)
		return REFUSE(reader, "%s", err.text);
	event = json_get_string(value, "event");
	if (event)
		result = read_event(reader, value, event);
	else if (!reader->has_header)
		result = read_header(reader, value);
	json_decref(value);
	return result;
}

static int read_columns(struct reader *reader, const char *line)
{
	reader->has_visit_column = strcmp(line, TRACE_COLUMNS) == 0;
	if (reader->has_visit_column || strcmp(line, TRACE_COLUMNS_WITHOUT_VISIT) == 0)
		return 0;
	return REFUSE(reader, "expected the columns \"%s\", got \"%.60s\"", TRACE_COLUMNS, line);
}

/* A bare trace tells a visit by its rows alone: a change of name or number begins one. */
static int follow_bare_state(struct reader *reader, const char *state, const char *visit, int64_t time_us)
{
	struct trace_visit *added;

	if (reader->has_header || (strcmp(state, reader->state) == 0 && strcmp(visit, reader->visit) == 0))
		return 0;
	if (strlen(state) >= sizeof reader->state || strlen(visit) >= sizeof reader->visit)
		return REFUSE(reader, "a state's name or visit number is too long");
	snprintf(reader->state, sizeof reader->state, "%s", state);
	snprintf(reader->visit, sizeof reader->visit, "%s", visit);
	if (!*state)
		return 0;
	added = add_visit(reader, state, time_us);
	if (!added)
		return -1;
	added->end = VISIT_DONE;
	added->position = (unsigned)reader->trace->n_visits - 1;
	return 0;
}

static int find_row_channel(struct reader *reader, const char *id, const char *unit_word)
{
	int unit = index_of_word(trace_unit_names, ARRAY_SIZE(trace_unit_names), unit_word);
	int channel = trace_find_channel(reader->trace, id);

	if (unit < 0)
		return REFUSE(reader, "unit: expected J, W, pct, s or flag, got \"%.20s\"", unit_word);
	if (channel < 0 && reader->has_header)
		return REFUSE(reader, "channel \"%.60s\" is not in the header", id);
	if (channel < 0) {
		if (reader->trace->n_channels >= MOST_CHANNELS || !*id || strlen(id) > 63)
			return REFUSE(reader,
				      "channel: expected a name of 1 to 63 characters, at most %d of them",
				      MOST_CHANNELS);
		channel = (int)reader->trace->n_channels;
		add_channel(reader, id, (enum unit)unit);
	}
	if (reader->trace->channels[channel].unit != (enum unit)unit)
		return REFUSE(reader, "channel \"%s\" had the unit %s before", id,
			      trace_unit_names[reader->trace->channels[channel].unit]);
	return channel;
}

static int read_row(struct reader *reader, char *line)
{
	struct strings fields = {0};
	size_t columns = reader->has_visit_column ? 6 : 5, id_column = columns - 3;
	double time_s = NAN, value = NAN;
	int64_t time_us;
	int channel, result = -1;

	strings_split(&fields, line, ',');
	if (fields.n != columns) {
		REFUSE(reader, "expected %zu fields, got %zu", columns, fields.n);
		goto out;
	}
	if (!text_to_double(fields.items[0], &time_s) || fabs(time_s) > MOST_SECONDS) {
		REFUSE(reader, "time_s: expected seconds, got \"%.40s\"", fields.items[0]);
		goto out;
	}
	if (*fields.items[columns - 1] &&
	    (!text_to_double(fields.items[columns - 1], &value) || fabs(value) > MOST_VALUE)) {
		REFUSE(reader, "value: expected a number or nothing, got \"%.40s\"",
		       fields.items[columns - 1]);
		goto out;
	}
	time_us = llround(time_s * 1e6);
	channel = find_row_channel(reader, fields.items[id_column], fields.items[id_column + 1]);
	if (channel < 0 ||
	    follow_bare_state(reader, fields.items[1], columns == 6 ? fields.items[2] : "", time_us))
		goto out;
	if (time_us < reader->last_us[channel]) {
		REFUSE(reader, "time_s: \"%s\" goes back to %s from %.6f", fields.items[id_column],
		       fields.items[0], (double)reader->last_us[channel] * 1e-6);
		goto out;
	}
	reader->last_us[channel] = time_us;
	if (*fields.items[1] && reader->trace->n_visits == 0) {
		REFUSE(reader, "a row of state \"%.60s\" before its state_began", fields.items[1]);
		goto out;
	}
	trace_add_row(reader->trace, time_us, (size_t)channel,
		      *fields.items[1] ? reader->trace->n_visits - 1 : TRACE_OUTSIDE,
		      trace_value(reader->trace->channels[channel].unit, value));
	result = 0;
out:
	strings_free(&fields);
	return result;
}

/* A bare trace does not say how often it was sampled: the median time between a channel's readings. */
static void learn_intervals(struct trace *trace)
{
	double *gaps = xcalloc(trace->n_rows, sizeof *gaps);

	for (size_t c = 0; c < trace->n_channels; c++) {
		int64_t last_us = INT64_MIN;
		size_t n = 0;

		for (size_t r = 0; r < trace->n_rows; r++) {
			if (trace->rows[r].channel != c)
				continue;
			if (last_us != INT64_MIN && trace->rows[r].time_us > last_us)
				gaps[n++] = (double)(trace->rows[r].time_us - last_us) * 1e-6;
			last_us = trace->rows[r].time_us;
		}
		gsl_sort(gaps, 1, n);
		if (n)
			trace->channels[c].interval_s = gsl_stats_median_from_sorted_data(gaps, 1, n);
	}
	free(gaps);
}

/* Nor how its slow sources follow the truth. */
static void learn_slow_sources(struct trace *trace)
{
	for (size_t c = 0; c < trace->n_channels; c++)
		if (channel_is_slow(&trace->channels[c]))
			bmc_learn_from_trace(trace, c, NULL, &trace->channels[c].facts);
}

static int read_line(struct reader *reader, char *line, bool *columns_seen)
{
	if (reader->line == 1 && strncmp(line, "#wattstep-trace", 15) == 0)
		return strcmp(line, TRACE_MAGIC) == 0
			       ? 0
			       : REFUSE(reader, "expected \"%s\", got \"%.40s\": a trace of a later version",
					TRACE_MAGIC, line);
	if (line[0] == '#')
		return line[1] == '{' ? read_json_line(reader, line + 1) : 0;
	if (!*columns_seen) {
		*columns_seen = true;
		return read_columns(reader, line);
	}
	return read_row(reader, line);
}

struct trace *trace_read(const char *path, struct error *err)
{
	bool standard = strcmp(path, "-") == 0, columns_seen = false;
	FILE *file = standard ? stdin : fopen(path, "re");
	struct reader reader = {.name = standard ? "standard input" : path, .err = err};
	char *line = NULL;
	size_t room = 0;
	ssize_t length;
	int result = 0;

	if (!file) {
		error_set(err, ERROR_INPUT, "%s: cannot be read: %s", reader.name, strerror(errno));
		return NULL;
	}
	reader.last_us = xcalloc(1, sizeof *reader.last_us);
	reader.trace = trace_new(rule_find("standard"));
	reader.trace->bare = reader.trace->complete = true;
	while (result == 0 && (length = getline(&line, &room, file)) > 0) {
		reader.line++;
		if (line[length - 1] == '\n')
			line[--length] = '\0';
		else if (reader.has_header)
			break; /* cut off: its writer was killed */
		result = strlen(line) == (size_t)length
				 ? read_line(&reader, line, &columns_seen)
				 : REFUSE(&reader, "a NUL byte: this is not a text file");
	}
	if (result == 0 && reader.trace->n_visits == 0)
		result = error_set(err, ERROR_INPUT,
				   "%s: no readings of any state: expected the columns \"%s\" and rows",
				   reader.name, TRACE_COLUMNS);
	if (result == 0 && reader.trace->bare) {
		learn_intervals(reader.trace);
		learn_slow_sources(reader.trace);
	}
	free(line);
	free(reader.last_us);
	if (!standard)
		fclose(file);
	if (result) {
		trace_free(reader.trace);
		return NULL;
	}
	return reader.trace;
}
