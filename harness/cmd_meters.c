/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "harness/command.h"

#include <math.h>
#include <stdlib.h>

#include "harness/base/json.h"
#include "harness/bmc_options.h"
#include "harness/meter_set.h"
#include "harness/sim_params.h"
#include "results/table.h"

/* Every meter is tried here, also those that `run` reads only when named. */
static void open_all(struct meter_set *set, const struct options *options, const struct bmc_options *bmc)
{
	struct meter_config config = {options->roots, options->sim, options->sim_truth, bmc};
	char list[256] = "";
	struct error err = {0};
	size_t used = 0;

	for (const struct meter_class *const *c = meter_classes; *c; c++)
		used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", used ? "," : "",
					 (*c)->name);
	if (meter_set_open(set, list, &config, 0, &err))
		*set = (struct meter_set){0};
}

static bool is_usable(const struct meter_set *set)
{
	for (size_t i = 0; i < set->n_slots; i++)
		if (set->slots[i].meter && !set->slots[i].meter->synthetic)
			return true;
	return false;
}

static void print_channels(const struct meter *meter)
{
	static const char *const kinds[UNITS] = {[UNIT_JOULE] = "energy",
						 [UNIT_WATT] = "power",
						 [UNIT_PERCENT] = "percent",
						 [UNIT_SECOND] = "time",
						 [UNIT_FLAG] = "yes or no"};
	struct strings cells = {0};

	for (size_t i = 0; i < meter->n_channels; i++) {
		const struct channel *channel = &meter->channels[i];

		strings_add(&cells, "  ");
		strings_add(&cells, channel->id);
		strings_add(&cells, kinds[channel->unit]);
		if (isnan(channel->resolution) || !unit_tells_power(channel->unit))
			strings_add(&cells, "-");
		else if (channel->unit == UNIT_JOULE)
			strings_addf(&cells, "%.4g uJ", channel->resolution * 1e6);
		else
			strings_addf(&cells, "%g W", channel->resolution);
		strings_add(&cells, channel->scope);
	}
	table_print(stdout, (const char *const *)cells.items, meter->n_channels, 5, "lllrl");
	strings_free(&cells);
}

static void print_facts(const struct meter *meter)
{
	json_t *entry;

	if (!meter->class->print)
		return;
	entry = json_object();
	meter->class->describe(meter, entry);
	meter->class->print(entry, stdout);
	json_decref(entry);
}

static void print_table(const struct meter_set *set)
{
	for (size_t i = 0; i < set->n_slots; i++) {
		const struct meter_slot *slot = &set->slots[i];

		printf("%s: %s\n", slot->class->name, slot->class->covers);
		if (!slot->meter) {
			printf("  not usable (%s): %s\n", error_kind_name(slot->why.kind), slot->why.text);
			continue;
		}
		if (!slot->class->automatic)
			printf("  usable, but only when named: --meter %s\n", slot->class->name);
		print_facts(slot->meter);
		print_channels(slot->meter);
	}
}

static void print_json(const struct meter_set *set)
{
	json_t *usable = meter_set_describe(set), *missing = json_array();
	json_t *document;
	char *text;

	for (size_t i = 0; i < set->n_slots; i++)
		if (!set->slots[i].meter)
			json_array_append_new(missing,
					      json_pack("{s:s, s:s, s:s}", "id", set->slots[i].class->name,
							"kind", error_kind_name(set->slots[i].why.kind),
							"text", set->slots[i].why.text));
	document = json_pack("{s:o, s:o}", "meters", usable, "unusable", missing);
	text = json_text(document);
	fputs(text, stdout);
	free(text);
	json_decref(document);
}

/* What the command line says wrongly is no property of the node. */
static int refuse_input(const struct meter_set *set, struct error *err)
{
	for (size_t i = 0; i < set->n_slots; i++)
		if (set->slots[i].why.kind == ERROR_INPUT) {
			*err = set->slots[i].why;
			return -1;
		}
	return 0;
}

static int meters_main(const struct options *options, struct error *err)
{
	struct bmc_options bmc;
	struct meter_set set;
	int status = -1;

	if (bmc_options_read(&bmc, options, err))
		return -1;
	open_all(&set, options, &bmc);
	if (refuse_input(&set, err) == 0) {
		if (options->json)
			print_json(&set);
		else
			print_table(&set);
		status = is_usable(&set) ? 0 : 3;
	}
	meter_set_close(&set);
	bmc_options_free(&bmc);
	return status;
}

static void print_sim_parameters(FILE *out)
{
	fputs("\nParameters of the simulated node (--sim KEY=VALUE,...):\n", out);
	sim_params_print(out);
}

const struct command command_meters = {
	.name = "meters",
	.operands = "",
	.summary = "what can be measured here; for what cannot: why, and what to do about it",
	.details = "Status 0 with a usable power source, else 3 (the simulated node is none).",
	.accepted = ACCEPTS_BMC | ACCEPTS(SIM) | ACCEPTS(SYSFS) | ACCEPTS(PROCFS) | ACCEPTS(JSON) |
		    ACCEPTS_ALWAYS,
	.main = meters_main,
	.more_help = print_sim_parameters,
};
