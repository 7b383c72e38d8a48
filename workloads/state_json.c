/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/json.h"
#include "harness/base/schema.h"
#include "harness/base/text.h"
#include "workloads/state.h"

/* Where a definition stands, for messages. */
struct source {
	const char *name;
	const char *pointer;
	struct error *err;
};

/* Options of stress-ng that a definition cannot have. stress-ng takes any
 * unambiguous beginning of an option for the option, so that beginnings are
 * refused, too. */
static const char *const set_by_us[] = {"timeout",       "taskset",  "temp-path", "yaml",   "metrics",
					"metrics-brief", "log-file", "quiet",     "verbose"};
static const char *const choose_what_runs[] = {"all",       "class",    "dry-run", "exclude", "help",
					       "job",       "parallel", "permute", "random",  "sequential",
					       "stressors", "version",  "with"};

__attribute__((format(printf, 3, 4))) static int refuse(const struct source *source, const char *where,
							const char *format, ...)
{
	char text[600]; /* leaves room for file and pointer in an error's 1024 bytes */
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	return error_set(source->err, ERROR_INPUT, "%s: %s%s: %s", source->name, source->pointer, where,
			 text);
}

/* Text of a stress-ng option's value; NULL for true: an option without one. The caller frees. */
static char *option_value(const json_t *value)
{
	if (json_is_string(value))
		return xstrdup(json_string_value(value));
	if (json_is_integer(value))
		return xasprintf("%" JSON_INTEGER_FORMAT, json_integer_value(value));
	return json_is_real(value) ? xasprintf("%.15g", json_real_value(value)) : NULL;
}

static void fill_stressor(struct stressor *stressor, const json_t *value)
{
	const json_t *workers = json_object_get(value, "workers");
	const json_t *options = json_object_get(value, "options");
	const char *key;
	json_t *option;

	stressor->name = xstrdup(json_get_string(value, "stressor"));
	stressor->count = json_is_string(workers) ? WORKERS_PER_CPU_SET : WORKERS_FIXED;
	stressor->workers = json_is_string(workers) ? 0 : (unsigned)json_number_value(workers);
	stressor->options = xcalloc(json_object_size(options), sizeof *stressor->options);
	json_object_foreach((json_t *)options, key, option)
	{
		struct stressor_option *o = &stressor->options[stressor->n_options++];

		o->key = xstrdup(key);
		o->value = option_value(option);
	}
}

/* value has passed the schema. */
static struct state *fill_state(const json_t *value)
{
	struct state *state = xcalloc(1, sizeof *state);
	const json_t *stressors = json_object_get(value, "stressors");
	const char *description = json_get_string(value, "description");

	state->name = xstrdup(json_get_string(value, "name"));
	state->description = xstrdup(description ? description : "");
	state->n_stressors = json_array_size(stressors);
	state->stressors = xcalloc(state->n_stressors, sizeof *state->stressors);
	for (size_t i = 0; i < state->n_stressors; i++)
		fill_stressor(&state->stressors[i], json_array_get(stressors, i));
	(void)placement_from_name(json_get_string(value, "placement"), &state->placement);
	state->utilisation_pct = json_get_number(json_object_get(value, "expect"), "utilisation_pct");
	state->bmc_rests = json_is_false(json_object_get(value, "poll_bmc"));
	return state;
}

/* The one of options[n] that stress-ng would take this one for, or NULL. */
static const char *taken_as(const char *option, const char *const *options, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strncmp(options[i], option, strlen(option)) == 0)
			return options[i];
	return NULL;
}

/* The schema asks for this, too; but in a document of a newer version it would
 * pass over what it does not know, and this goes to stress-ng. */
static bool is_option_name(const char *key)
{
	return *key >= 'a' && *key <= 'z' &&
	       strspn(key, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(key);
}

/* Whether an earlier option of the state, or of one of its stressors, has this name. */
static bool is_repeated(const struct state *state, size_t stressor, size_t option)
{
	const char *key = state->stressors[stressor].options[option].key;

	for (size_t i = 0; i <= stressor; i++)
		for (size_t j = 0; j < (i == stressor ? option : state->stressors[i].n_options); j++)
			if (strcmp(state->stressors[i].options[j].key, key) == 0)
				return true;
	return false;
}

/* Whether key is the name of one of the state's stressors: as an option it would set its workers again. */
static bool is_stressor(const struct state *state, const char *key, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(state->stressors[i].name, key) == 0)
			return true;
	return false;
}

static int check_option(const struct source *source, const struct state *state, size_t i, size_t j)
{
	const char *key = state->stressors[i].options[j].key;
	const char *ours = taken_as(key, set_by_us, ARRAY_SIZE(set_by_us));
	const char *chooser = taken_as(key, choose_what_runs, ARRAY_SIZE(choose_what_runs));
	bool good_name = is_option_name(key);
	char *where =
		xasprintf("/stressors/%zu/options%s%.80s", i, good_name ? "/" : "", good_name ? key : "");
	int result = 0;

	if (!good_name)
		result = refuse(source, where, "names of options are lower-case letters, digits and dashes");
	else if (ours)
		result = refuse(source, where,
				"is --%s to stress-ng, which wattstep sets itself; leave it out", ours);
	else if (chooser)
		result = refuse(source, where, "is --%s to stress-ng, which changes what runs; leave it out",
				chooser);
	else if (is_stressor(state, key, state->n_stressors))
		result = refuse(source, where, "is a stressor of this state; its workers say how many run");
	else if (is_repeated(state, i, j))
		result = refuse(source, where,
				"is given to an earlier stressor already; stress-ng knows it once");
	free(where);
	return result;
}

static int check_stressor(const struct source *source, const struct state *state, size_t i)
{
	const char *name = state->stressors[i].name;
	const char *ours = taken_as(name, set_by_us, ARRAY_SIZE(set_by_us));
	const char *chooser = taken_as(name, choose_what_runs, ARRAY_SIZE(choose_what_runs));
	char *where = xasprintf("/stressors/%zu/stressor", i);
	int result = 0;

	if (ours || chooser)
		result = refuse(source, where, "--%s is an option of stress-ng, not a stressor",
				ours ? ours : chooser);
	else if (is_stressor(state, name, i))
		result = refuse(source, where, "\"%s\" stands twice; raise the workers of the first instead",
				name);
	free(where);
	for (size_t j = 0; j < state->stressors[i].n_options && result == 0; j++)
		result = check_option(source, state, i, j);
	return result;
}

static int check_meaning(const struct source *source, const struct state *state)
{
	bool idle = state->n_stressors == 0;

	if (!idle && state->placement == PLACEMENT_NONE)
		return refuse(source, "/placement",
			      "\"none\" runs nothing, but there are stressors; expected one-core, "
			      "one-thread-per-core "
			      "or all-threads");
	if (idle && state->placement != PLACEMENT_NONE)
		return refuse(source, "/placement",
			      "there are no stressors to place; expected \"none\", got \"%s\"",
			      placement_name(state->placement));
	if (idle && state->utilisation_pct > 0)
		return refuse(source, "/expect/utilisation_pct",
			      "no stressor runs, so nothing reaches %.15g %%; expected 0",
			      state->utilisation_pct);
	if (!idle && state->utilisation_pct <= 0)
		return refuse(source, "/expect/utilisation_pct",
			      "stressors run, so the CPUs are not idle; expected more than 0");
	for (size_t i = 0; i < state->n_stressors; i++)
		if (check_stressor(source, state, i))
			return -1;
	return 0;
}

static json_t *stressor_to_json(const struct stressor *stressor)
{
	json_t *options = json_object();

	for (size_t i = 0; i < stressor->n_options; i++) {
		const struct stressor_option *o = &stressor->options[i];

		json_object_set_new(options, o->key, o->value ? json_string(o->value) : json_true());
	}
	return json_pack("{s:s, s:o, s:o}", "stressor", stressor->name, "workers",
			 stressor->count == WORKERS_PER_CPU_SET ? json_string("placed")
								: json_integer(stressor->workers),
			 "options", options);
}

/* Made of what was understood, not of what was written: 1 and 1.0, or a default
 * written out, are the same load. */
static void digest_state(struct state *state)
{
	json_t *stressors = json_array(), *definition;

	for (size_t i = 0; i < state->n_stressors; i++)
		json_array_append_new(stressors, stressor_to_json(&state->stressors[i]));
	definition = json_pack("{s:s, s:o, s:s, s:{s:f}}", "name", state->name, "stressors", stressors,
			       "placement", placement_name(state->placement), "expect", "utilisation_pct",
			       state->utilisation_pct);
	if (state->bmc_rests)
		json_object_set_new(definition, "poll_bmc", json_false());
	digest_json(definition, state->sha256);
	json_decref(definition);
}

static int check_form(const json_t *value, const struct source *source)
{
	bool newer;

	/* Inside another document its schema has said which keys may be there. */
	if (*source->pointer)
		return schema_check_part(value, "state.schema.json#/$defs/state", source->name,
					 source->pointer, true, source->err);
	if (schema_check_format(value, "wattstep/state", source->name, &newer, source->err))
		return -1;
	return schema_check(value, "state.schema.json", source->name, newer, source->err);
}

struct state *state_from_json(const json_t *value, const char *name, const char *pointer, struct error *err)
{
	const struct source source = {name, pointer, err};
	struct state *state;

	if (check_form(value, &source))
		return NULL;
	state = fill_state(value);
	if (check_meaning(&source, state)) {
		state_free(state);
		return NULL;
	}
	digest_state(state);
	return state;
}
