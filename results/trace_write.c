/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "results/trace_csv.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/base/json.h"
#include "harness/base/text.h"
#include "results/trace_words.h"

struct trace_writer {
	const struct trace *trace;
	char *path;
	FILE *file;
	size_t rows, events, began, ended; /* written so far */
};

/* Full precision: what is read back must be the same number. */
static json_t *exact_or_null(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

static void write_json_line(struct trace_writer *writer, json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT);

	fprintf(writer->file, "#%s\n", text);
	free(text);
	json_decref(value);
}

static json_t *channel_json(const struct trace_channel *c)
{
	json_t *value =
		json_pack("{s:s, s:s, s:o, s:o, s:o, s:f}", "id", c->id, "unit", trace_unit_names[c->unit],
			  "scope", json_string_or_null(c->scope), "resolution", exact_or_null(c->resolution),
			  "power_limit_w", exact_or_null(c->power_limit_w), "interval_s", c->interval_s);

	if (!isnan(c->u_gain))
		json_object_set_new(value, "calibration",
				    json_pack("{s:f, s:f, s:f, s:f}", "gain", c->gain, "offset_w",
					      c->offset_w, "u_gain", c->u_gain, "u_offset_w", c->u_offset_w));
	return value;
}

static void write_header(struct trace_writer *writer)
{
	const struct trace *trace = writer->trace;
	json_t *channels = json_array();

	for (size_t i = 0; i < trace->n_channels; i++)
		json_array_append_new(channels, channel_json(&trace->channels[i]));
	fprintf(writer->file, "%s\n", TRACE_MAGIC);
	write_json_line(writer, json_pack("{s:s, s:s, s:O?, s:b, s:o}", "generator",
					  "wattstep " WATTSTEP_VERSION, "rule", trace->rule->name, "plan",
					  trace->plan, "synthetic", trace->synthetic, "channels", channels));
	fprintf(writer->file, "%s\n", TRACE_COLUMNS);
}

static double seconds(int64_t us)
{
	return (double)us * 1e-6;
}

static void write_began(struct trace_writer *writer, const struct trace_visit *v)
{
	json_t *value =
		json_pack("{s:s, s:f, s:s, s:i, s:i, s:o, s:f, s:o, s:O?}", "event", "state_began", "time_s",
			  seconds(v->began_us), "state", v->state, "visit", (int)v->visit, "position",
			  (int)v->position, "target_pct", exact_or_null(v->target_pct), "share", v->share,
			  "tau_s", exact_or_null(v->tau_s), "workload", v->workload);

	if (v->bmc_rests)
		json_object_set_new(value, "bmc_rests", json_true());
	write_json_line(writer, value);
}

static void write_ended(struct trace_writer *writer, const struct trace_visit *v)
{
	write_json_line(writer, json_pack("{s:s, s:f, s:s, s:i, s:s, s:o, s:O?}", "event", "state_ended",
					  "time_s", seconds(v->ended_us), "state", v->state, "visit",
					  (int)v->visit, "end", trace_end_names[v->end], "note",
					  json_string_or_null(v->note), "context", v->context));
}

static void write_event(struct trace_writer *writer, const struct trace_event *e)
{
	json_t *value =
		json_pack("{s:s, s:f}", "event", trace_event_name(e->kind), "time_s", seconds(e->time_us));

	if (e->channel >= 0)
		json_object_set_new(value, "channel", json_string(writer->trace->channels[e->channel].id));
	if (e->kind == TRACE_LEARNT)
		json_object_set_new(value, "facts",
				    bmc_facts_to_json(&writer->trace->channels[e->channel].facts));
	write_json_line(writer, value);
}

/* All that stands before row r: ends before begins, as they happened. */
static void write_before(struct trace_writer *writer, size_t r)
{
	const struct trace *trace = writer->trace;

	for (;;) {
		const struct trace_visit *next = &trace->visits[writer->began];
		const struct trace_visit *open = &trace->visits[writer->ended];

		if (writer->ended < writer->began && open->end != VISIT_RUNNING && open->end_row <= r) {
			while (writer->events < trace->n_events && trace->events[writer->events].row <= r &&
			       trace->events[writer->events].time_us <= open->ended_us)
				write_event(writer, &trace->events[writer->events++]);
			write_ended(writer, open);
			writer->ended++;
		} else if (writer->began < trace->n_visits && next->first_row <= r) {
			write_began(writer, next);
			writer->began++;
		} else {
			break;
		}
	}
	while (writer->events < trace->n_events && trace->events[writer->events].row <= r)
		write_event(writer, &trace->events[writer->events++]);
}

static void write_row(struct trace_writer *writer, const struct trace_row *row)
{
	const struct trace_channel *channel = &writer->trace->channels[row->channel];
	int decimals = channel->unit == UNIT_JOULE ? 6 : 3;
	int64_t scale = channel->unit == UNIT_JOULE ? 1000000 : 1000;
	FILE *f = writer->file;

	fprintf(f, "%lld.%06lld,", (long long)(row->time_us / 1000000), (long long)(row->time_us % 1000000));
	if (row->visit == TRACE_OUTSIDE)
		fputs(",,", f);
	else
		fprintf(f, "%s,%u,", writer->trace->visits[row->visit].state,
			writer->trace->visits[row->visit].visit);
	fprintf(f, "%s,%s,", channel->id, trace_unit_names[channel->unit]);
	if (row->value != TRACE_FAILED)
		fprintf(f, "%s%lld.%0*lld", row->value < 0 ? "-" : "", (long long)llabs(row->value / scale),
			decimals, (long long)llabs(row->value % scale));
	fputc('\n', f);
}

int trace_writer_write(struct trace_writer *writer, int sync, struct error *err)
{
	while (writer->rows < writer->trace->n_rows) {
		write_before(writer, writer->rows);
		write_row(writer, &writer->trace->rows[writer->rows++]);
	}
	write_before(writer, writer->rows);
	if (sync && fflush(writer->file) == 0)
		fdatasync(fileno(writer->file)); /* a pipe cannot: that is fine */
	if (ferror(writer->file))
		return error_set(err, ERROR_FAILED, "%s: the trace cannot be written: %s", writer->path,
				 strerror(errno));
	return 0;
}

struct trace_writer *trace_writer_open(const char *path, const struct trace *trace, struct error *err)
{
	FILE *file = strcmp(path, "-") == 0 ? fdopen(dup(STDOUT_FILENO), "we") : fopen(path, "we");
	struct trace_writer *writer;

	if (!file) {
		error_set(err, ERROR_FAILED, "%s: the trace cannot be written: %s", path, strerror(errno));
		return NULL;
	}
	writer = xcalloc(1, sizeof *writer);
	writer->trace = trace;
	writer->path = xstrdup(path);
	writer->file = file;
	write_header(writer);
	return writer;
}

int trace_writer_close(struct trace_writer *writer, struct error *err)
{
	int result;

	if (!writer)
		return 0;
	result = trace_writer_write(writer, 0, err);
	write_json_line(writer,
			json_pack("{s:s, s:b}", "event", "run_ended", "complete", writer->trace->complete));
	if (result == 0)
		result = trace_writer_write(writer, 1, err);
	if (fclose(writer->file) != 0)
		result = error_set(err, ERROR_FAILED, "%s: the trace cannot be written: %s", writer->path,
				   strerror(errno));
	free(writer->path);
	free(writer);
	return result;
}
