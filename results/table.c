/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "results/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/json.h"
#include "harness/base/text.h"
#include "profiles/verdict.h"

static const char *const quantities[] = {"cpu", "dram", "system"};

/* Columns on the terminal: UTF-8 continuation bytes take none. */
static int width_of(const char *s)
{
	int width = 0;

	for (; *s; s++)
		width += (*s & 0xc0) != 0x80;
	return width;
}

void table_print(FILE *out, const char *const *cells, size_t rows, size_t columns, const char *align)
{
	int *widths = xcalloc(columns, sizeof *widths);

	for (size_t i = 0; i < rows * columns; i++)
		if (width_of(cells[i]) > widths[i % columns])
			widths[i % columns] = width_of(cells[i]);
	for (size_t i = 0; i < rows * columns; i++) {
		size_t column = i % columns;
		int padding = widths[column] - width_of(cells[i]);
		bool last = column + 1 == columns;

		fprintf(out, "%*s%s%*s%s", align[column] == 'r' ? padding : 0, "", cells[i],
			align[column] == 'r' || last ? 0 : padding, "", last ? "\n" : "  ");
	}
	free(widths);
}

/* "95.31 ± 0.12", or "-" for what was not measured. */
static void add_watts(struct strings *cells, const json_t *statistics)
{
	double mean_w = json_get_number(statistics, "mean_w"), u95_w = json_get_number(statistics, "u95_w");

	if (isnan(mean_w))
		strings_add(cells, "-");
	else if (isnan(u95_w))
		strings_addf(cells, "%.2f", mean_w);
	else
		strings_addf(cells, "%.2f ± %.2f", mean_w, u95_w);
}

static void add_number(struct strings *cells, int decimals, double value)
{
	char text[32] = "-";

	if (!isnan(value))
		snprintf(text, sizeof text, "%.*f", decimals, value);
	strings_add(cells, text);
}

static bool any_has(const json_t *states, const char *quantity)
{
	const json_t *state;
	size_t i;

	json_array_foreach(states, i,
			   state) if (json_object_get(json_object_get(state, "power"), quantity)) return true;
	return false;
}

static void add_state(struct strings *cells, const json_t *states, const json_t *state)
{
	const json_t *power = json_object_get(state, "power"), *window = json_object_get(state, "window");
	json_int_t visit = json_integer_value(json_object_get(state, "visit"));

	char *name = text_clean(json_get_string(state, "name"));

	if (visit > 1)
		strings_addf(cells, "%s (%d)", name, (int)visit);
	else
		strings_add(cells, name);
	free(name);
	strings_add(cells, json_get_string(state, "verdict"));
	for (size_t q = 0; q < ARRAY_SIZE(quantities); q++)
		if (any_has(states, quantities[q]))
			add_watts(cells, json_object_get(power, quantities[q]));
	add_number(cells, 1, json_get_number(json_object_get(state, "utilisation"), "cpu_pct"));
	add_number(cells, 0, json_get_number(state, "settle_s"));
	add_number(cells, 0, json_get_number(window, "end_s") - json_get_number(window, "start_s"));
}

/* The published sentence of a flag, or its name where this version does not know it. */
static const char *sentence_of(const char *flag)
{
	for (unsigned i = 0; flag_name(i); i++)
		if (strcmp(flag_name(i), flag) == 0)
			return flag_text(i);
	return flag;
}

static void print_remarks(FILE *out, const json_t *state)
{
	const char *text = json_get_string(state, "reason_text"), *reason = json_get_string(state, "reason");
	char *name = text_clean(json_get_string(state, "name")), *why = text_clean(text ? text : "");
	const json_t *flag;
	size_t i;

	if (reason)
		fprintf(out, "%s: %s (%s): %s\n", name, json_get_string(state, "verdict"), reason, why);
	json_array_foreach(json_object_get(state, "flags"), i, flag) fprintf(
		out, "%s: %s: %s\n", name, json_string_value(flag), sentence_of(json_string_value(flag)));
	free(name);
	free(why);
}

void table_print_states(FILE *out, const json_t *states)
{
	struct strings cells = {0};
	const json_t *state;
	size_t i, columns;

	strings_add(&cells, "state");
	strings_add(&cells, "verdict");
	for (size_t q = 0; q < ARRAY_SIZE(quantities); q++)
		if (any_has(states, quantities[q]))
			strings_addf(&cells, "%s, W", quantities[q]);
	strings_add(&cells, "busy, %");
	strings_add(&cells, "settled, s");
	strings_add(&cells, "window, s");
	columns = cells.n;
	json_array_foreach(states, i, state) add_state(&cells, states, state);
	table_print(out, (const char *const *)cells.items, cells.n / columns, columns, "llrrrrrrrr");
	strings_free(&cells);
	json_array_foreach(states, i, state) print_remarks(out, state);
}
