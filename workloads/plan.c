/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "workloads/plan.h"

#include <stdlib.h>
#include <string.h>

#include "harness/base/embedded.h"
#include "harness/base/json.h"
#include "harness/base/schema.h"
#include "harness/base/text.h"
#include "workloads/definition.h"

/* The built-in plans, in the order in which people see them; each is workloads/plans/NAME.json. */
static const char *const builtin_names[] = {"quick", "standard", "thorough"};

static void add_state_steal(struct plan *plan, struct state *state)
{
	plan->states = xrealloc(plan->states, plan->n_states + 1, sizeof(struct state *));
	plan->states[plan->n_states++] = state;
}

/* A path in a plan is relative to the plan's file. The caller frees. */
static char *beside(const char *plan_path, const char *path)
{
	const char *slash = strrchr(plan_path, '/');

	if (*path == '/' || !slash)
		return xstrdup(path);
	return xasprintf("%.*s/%s", (int)(slash - plan_path), plan_path, path);
}

static struct state *load_named(const char *entry, const char *plan_path, struct error *err)
{
	char *path;
	struct state *state;

	if (!definition_is_path(entry))
		return state_load(entry, err);
	path = beside(plan_path, entry);
	state = state_load(path, err);
	free(path);
	return state;
}

/* Measurements are told apart by the state's name, so one name means one load. */
static int check_names(const struct plan *plan, const char *name, struct error *err)
{
	for (size_t i = 1; i < plan->n_states; i++)
		for (size_t j = 0; j < i; j++) {
			const struct state *a = plan->states[j], *b = plan->states[i];

			if (strcmp(a->name, b->name) == 0 && strcmp(a->sha256, b->sha256) != 0)
				return error_set(
					err, ERROR_INPUT,
					"%s: /states/%zu: another load is called \"%s\" at /states/%zu; give "
					"one of them another name",
					name, i, b->name, j);
		}
	return 0;
}

static int load_states(struct plan *plan, const json_t *states, const char *name, const char *path,
		       struct error *err)
{
	const json_t *entry;
	size_t i;

	json_array_foreach(states, i, entry)
	{
		char *pointer = xasprintf("/states/%zu", i);
		struct state *state;

		if (json_is_string(entry)) {
			state = load_named(json_string_value(entry), path, err);
			if (!state)
				error_prefix(err, "%s: %s", name, pointer);
		} else {
			state = state_from_json(entry, name, pointer, err);
		}
		free(pointer);
		if (!state)
			return -1;
		add_state_steal(plan, state);
	}
	return check_names(plan, name, err);
}

static void digest_plan(struct plan *plan)
{
	json_t *states = json_array(), *definition;

	for (size_t i = 0; i < plan->n_states; i++)
		json_array_append_new(states, json_string(plan->states[i]->sha256));
	definition = json_pack("{s:s, s:i, s:o}", "rule", plan->rule, "rounds", (int)plan->rounds, "states",
			       states);
	digest_json(definition, plan->sha256);
	json_decref(definition);
}

struct plan *plan_from_json(const json_t *value, const char *path, struct error *err)
{
	const char *name = strcmp(path, "-") == 0 ? "standard input" : path;
	const json_t *rounds = json_object_get(value, "rounds");
	const char *description = json_get_string(value, "description");
	struct plan *plan;
	bool newer;

	if (schema_check_format(value, "wattstep/plan", name, &newer, err) ||
	    schema_check(value, "plan.schema.json", name, newer, err))
		return NULL;
	plan = xcalloc(1, sizeof *plan);
	plan->name = xstrdup(json_get_string(value, "name"));
	plan->description = xstrdup(description ? description : "");
	plan->rule = xstrdup(json_get_string(value, "rule"));
	plan->rounds = rounds ? (unsigned)json_number_value(rounds) : 1;
	if (load_states(plan, json_object_get(value, "states"), name, path, err)) {
		plan_free(plan);
		return NULL;
	}
	digest_plan(plan);
	return plan;
}

static json_t *read_builtin(const char *name, struct error *err)
{
	char *path = xasprintf("workloads/plans/%s.json", name);
	const struct embedded_file *file = embedded_find(path);
	json_t *value = NULL;

	if (file)
		value = json_parse(file->text, file->size, path, err);
	else
		error_set(err, ERROR_FAILED, "%s is not built in", path);
	free(path);
	return value;
}

static bool is_builtin(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(builtin_names); i++)
		if (strcmp(builtin_names[i], name) == 0)
			return true;
	return false;
}

struct plan *plan_load(const char *name_or_path, struct error *err)
{
	struct plan *plan = NULL;
	json_t *value = NULL;

	if (strcmp(name_or_path, "-") == 0 || definition_is_path(name_or_path))
		value = json_read(name_or_path, err);
	else if (is_builtin(name_or_path))
		value = read_builtin(name_or_path, err);
	else
		definition_refuse_name("plan", name_or_path, builtin_names, ARRAY_SIZE(builtin_names), err);
	if (value)
		plan = plan_from_json(value, name_or_path, err);
	json_decref(value);
	return plan;
}

static void free_states(struct plan *plan)
{
	for (size_t i = 0; i < plan->n_states; i++)
		state_free(plan->states[i]);
	free(plan->states);
	plan->states = NULL;
	plan->n_states = 0;
}

int plan_select(struct plan *plan, char *const *names, size_t n, struct error *err)
{
	free_states(plan);
	for (size_t i = 0; i < n; i++) {
		struct state *state = state_load(names[i], err);

		if (!state)
			return -1;
		add_state_steal(plan, state);
	}
	if (check_names(plan, "command line", err))
		return -1;
	digest_plan(plan);
	return 0;
}

static int insert_state(struct plan *plan, size_t at, const char *name, struct error *err)
{
	struct state *state = state_load(name, err);

	if (!state)
		return -1;
	add_state_steal(plan, state);
	memmove(&plan->states[at + 1], &plan->states[at], (plan->n_states - 1 - at) * sizeof(struct state *));
	plan->states[at] = state;
	return 0;
}

int plan_add_idle_unpolled(struct plan *plan, struct error *err)
{
	size_t idle = 0;

	while (idle < plan->n_states && plan->states[idle]->n_stressors > 0)
		idle++;
	if (idle == plan->n_states) {
		idle = 0;
		if (insert_state(plan, 0, "idle", err))
			return -1;
	}
	if (insert_state(plan, idle, "idle-unpolled", err))
		return -1;
	digest_plan(plan);
	return 0;
}

void plan_free(struct plan *plan)
{
	if (!plan)
		return;
	free_states(plan);
	free(plan->rule);
	free(plan->description);
	free(plan->name);
	free(plan);
}
