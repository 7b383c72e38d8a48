/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "workloads/state.h"

#include <stdlib.h>
#include <string.h>

#include "harness/base/embedded.h"
#include "harness/base/json.h"
#include "harness/base/text.h"
#include "workloads/definition.h"

/* The built-in states, in the order in which people see them; each is workloads/states/NAME.json. */
static const char *const builtin_names[] = {"idle",        "single-core", "all-cores",
					    "all-threads", "memory",      "idle-unpolled"};

static const char *const placement_names[] = {
	[PLACEMENT_NONE] = "none",
	[PLACEMENT_ONE_CORE] = "one-core",
	[PLACEMENT_ONE_THREAD_PER_CORE] = "one-thread-per-core",
	[PLACEMENT_ALL_THREADS] = "all-threads",
};

const char *placement_name(enum placement placement)
{
	return placement_names[placement];
}

int placement_from_name(const char *name, enum placement *placement)
{
	for (size_t i = 0; i < ARRAY_SIZE(placement_names); i++)
		if (strcmp(placement_names[i], name) == 0) {
			*placement = (enum placement)i;
			return 0;
		}
	return -1;
}

static struct state *load_builtin(const char *name, struct error *err)
{
	char *path = xasprintf("workloads/states/%s.json", name);
	const struct embedded_file *file = embedded_find(path);
	struct state *state = NULL;
	json_t *value = NULL;

	if (file)
		value = json_parse(file->text, file->size, path, err);
	else
		error_set(err, ERROR_FAILED, "%s is not built in", path);
	if (value)
		state = state_from_json(value, path, "", err);
	json_decref(value);
	free(path);
	return state;
}

static struct state *load_file(const char *path, struct error *err)
{
	json_t *value = json_read(path, err);
	struct state *state = value ? state_from_json(value, path, "", err) : NULL;

	json_decref(value);
	return state;
}

struct state *state_load(const char *name_or_path, struct error *err)
{
	if (definition_is_path(name_or_path))
		return load_file(name_or_path, err);
	for (size_t i = 0; i < ARRAY_SIZE(builtin_names); i++)
		if (strcmp(builtin_names[i], name_or_path) == 0)
			return load_builtin(name_or_path, err);
	definition_refuse_name("state", name_or_path, builtin_names, ARRAY_SIZE(builtin_names), err);
	return NULL;
}

struct state *state_builtin(size_t i)
{
	struct error ignored = {0};

	return i < ARRAY_SIZE(builtin_names) ? load_builtin(builtin_names[i], &ignored) : NULL;
}

static void free_stressor(struct stressor *stressor)
{
	for (size_t i = 0; i < stressor->n_options; i++) {
		free(stressor->options[i].key);
		free(stressor->options[i].value);
	}
	free(stressor->options);
	free(stressor->name);
}

void state_free(struct state *state)
{
	if (!state)
		return;
	for (size_t i = 0; i < state->n_stressors; i++)
		free_stressor(&state->stressors[i]);
	free(state->stressors);
	free(state->description);
	free(state->name);
	free(state);
}
