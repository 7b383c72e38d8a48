/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "harness/command.h"

#include <stdlib.h>
#include <string.h>

#include "harness/base/json.h"
#include "harness/base/schema.h"
#include "harness/calibration.h"
#include "profiles/bmc_facts.h"
#include "profiles/profile.h"
#include "workloads/plan.h"

static int check_plan(const json_t *document, const char *path, struct error *err)
{
	struct plan *plan = plan_from_json(document, path, err);

	if (!plan)
		return -1;
	plan_free(plan);
	return 0;
}

static int check_state(const json_t *document, const char *path, struct error *err)
{
	struct state *state = state_from_json(document, path, "", err);

	if (!state)
		return -1;
	state_free(state);
	return 0;
}

static int check_calibration(const json_t *document, const char *path, struct error *err)
{
	bool newer = false;

	if (schema_check_format(document, "wattstep/calibration", path, &newer, err))
		return -1;
	return schema_check(document, CALIBRATION_SCHEMA, path, newer, err);
}

static const struct {
	const char *format;
	int (*check)(const json_t *document, const char *path, struct error *err);
} formats[] = {
	{PROFILE_FORMAT, profile_check},     {"wattstep/plan", check_plan},
	{"wattstep/state", check_state},     {"wattstep/calibration", check_calibration},
	{BMC_FACTS_FORMAT, bmc_facts_check},
};

static int check_document(const json_t *document, const char *path, struct error *err)
{
	const char *format = json_get_string(document, "format");

	for (size_t i = 0; format && i < ARRAY_SIZE(formats); i++)
		if (strcmp(format, formats[i].format) == 0)
			return formats[i].check(document, path, err);
	return error_set(err, ERROR_INPUT,
			 "%s: /format: expected wattstep/power-profile, wattstep/plan, wattstep/state, "
			 "wattstep/calibration or wattstep/bmc-facts, got \"%.60s\"",
			 path, format ? format : "nothing");
}

static void print_valid_json(const char *path, const char *format)
{
	json_t *value = json_pack("{s:s, s:s, s:b}", "file", path, "format", format, "valid", 1);
	char *line = json_line(value);

	puts(line);
	free(line);
	json_decref(value);
}

static int validate_main(const struct options *options, struct error *err)
{
	int status = 0;

	(void)err; /* each file's error is told as it is found */
	for (int i = 0; i < options->n_operands; i++) {
		const char *path = options->operands[i];
		struct error why = {0};
		json_t *document = json_read(path, &why);

		if (!document || check_document(document, path, &why))
			status = command_report(&command_validate, &why, options->json);
		else if (options->json)
			print_valid_json(path, json_get_string(document, "format"));
		else if (!options->quiet)
			printf("%s: valid %s\n", path, json_get_string(document, "format"));
		json_decref(document);
	}
	return status;
}

const struct command command_validate = {
	.name = "validate",
	.operands = "FILE...",
	.summary = "check profiles, plans, states, calibrations and facts of a BMC: status 0, or 2 and what "
		   "is wrong",
	.details = "What a file is follows from its \"format\". - reads standard input. With --quiet,\n"
		   "only what is wrong is printed; with --json, a line of JSON for each file.",
	.accepted = ACCEPTS(JSON) | ACCEPTS(QUIET) | ACCEPTS_ALWAYS,
	.least_operands = 1,
	.most_operands = -1,
	.main = validate_main,
};
