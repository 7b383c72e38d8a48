/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "harness/command.h"

#include <stdlib.h>
#include <string.h>

#include "harness/base/json.h"
#include "harness/conductor.h"
#include "profiles/rule.h"

/* stress-ng's own --timeout depends on the plan; shown with that of standard. */
static const char temp_dir_shown[] = "/tmp/wattstep-XXXXXX";

struct listing {
	const struct topology *topology;
	const struct stressng *stressng; /* NULL: not usable; why says why */
	const char *why;
	json_t *array;
};

static int list_state(const struct listing *listing, const struct state *state, struct error *err)
{
	json_t *entry =
		json_pack("{s:s, s:s, s:s, s:s}", "name", state->name, "description", state->description,
			  "placement", placement_name(state->placement), "sha256", state->sha256);
	struct strings argv = {0};
	unsigned *cpus = NULL;
	char why[256] = "";
	char *shell = NULL;
	size_t n = 0;
	int result = -1;

	if (state->n_stressors && !listing->stressng)
		snprintf(why, sizeof why, "%s", listing->why);
	else if (state->n_stressors)
		stressng_can(listing->stressng, state, why, sizeof why);
	if (topology_place(listing->topology, state->placement, &cpus, &n, err))
		goto out;
	if (!*why && state->n_stressors) {
		json_decref(conductor_workload(listing->stressng, state, cpus, n,
					       (unsigned)rule_find("standard")->most_s, temp_dir_shown,
					       &argv));
		shell = strings_shell(&argv);
	}
	json_object_set_new(entry, "command", json_string_or_null(shell));
	json_object_set_new(entry, "unsupported", json_string_or_null(*why ? why : NULL));
	json_array_append(listing->array, entry);
	result = 0;
out:
	json_decref(entry);
	strings_free(&argv);
	free(cpus);
	free(shell);
	return result;
}

static int list_all(const struct listing *listing, const struct options *options, struct error *err)
{
	struct state *state;
	int result = 0;

	for (int i = 0; i < options->n_operands && result == 0; i++) {
		state = state_load(options->operands[i], err);
		result = state ? list_state(listing, state, err) : -1;
		state_free(state);
	}
	for (size_t i = 0; options->n_operands == 0 && result == 0 && (state = state_builtin(i)); i++) {
		result = list_state(listing, state, err);
		state_free(state);
	}
	return result;
}

static void print_listing(const json_t *array)
{
	const json_t *entry;
	size_t i;

	json_array_foreach(array, i, entry)
	{
		const char *command = json_get_string(entry, "command"),
			   *why = json_get_string(entry, "unsupported");

		printf("%s: %s\n", json_get_string(entry, "name"), json_get_string(entry, "description"));
		if (why)
			printf("  cannot be produced here: %s\n", why);
		else
			printf("  %s\n", command ? command : "(nothing is started)");
	}
}

static int states_main(const struct options *options, struct error *err)
{
	struct topology *topology = topology_open(err);
	struct error why = {0};
	struct stressng *stressng = stressng_open(options->stress_ng, &why);
	struct listing listing = {topology, stressng, why.text, json_array()};
	int result = -1;

	if (topology && list_all(&listing, options, err) == 0) {
		if (options->json) {
			char *text = json_text(listing.array);

			fputs(text, stdout);
			free(text);
		} else {
			print_listing(listing.array);
		}
		result = 0;
	}
	json_decref(listing.array);
	stressng_close(stressng);
	topology_close(topology);
	return result;
}

const struct command command_states = {
	.name = "states",
	.operands = "[STATE...]",
	.summary = "the load states and, for this node, the exact command of each",
	.details = "A STATE is a built-in name or a file (docs/profile.md); without, all built-in ones.",
	.accepted = ACCEPTS(STRESS_NG) | ACCEPTS(JSON) | ACCEPTS_ALWAYS,
	.most_operands = -1,
	.main = states_main,
};
