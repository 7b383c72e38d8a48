/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "harness/meter_set.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/json.h"
#include "harness/base/text.h"
#include "harness/remote.h"

static int add_slot(struct meter_set *set, const struct meter_class *class, struct error *err)
{
	for (size_t i = 0; i < set->n_slots; i++)
		if (set->slots[i].class == class)
			return error_set(err, ERROR_INPUT, "--meter: \"%s\" is named twice", class->name);
	set->slots = xrealloc(set->slots, set->n_slots + 1, sizeof *set->slots);
	set->slots[set->n_slots++] = (struct meter_slot){.class = class};
	return 0;
}

static int refuse_unknown(const char *name, struct error *err)
{
	struct strings names = {0};
	char *known;

	for (const struct meter_class *const *c = meter_classes; *c; c++)
		strings_add(&names, (*c)->name);
	known = strings_join(&names, ", ");
	error_set(err, ERROR_INPUT, "--meter: unknown meter \"%s\"; known are: %s", name, known);
	strings_free(&names);
	free(known);
	return -1;
}

static int choose(struct meter_set *set, const char *list, struct error *err)
{
	struct strings names = {0};
	int result = 0;

	if (!list) {
		for (const struct meter_class *const *c = meter_classes; *c; c++)
			if ((*c)->automatic && add_slot(set, *c, err))
				return -1;
		return 0;
	}
	strings_split(&names, list, ',');
	for (size_t i = 0; i < names.n && result == 0; i++) {
		const struct meter_class *class = meter_class_find(names.items[i]);

		result = class ? add_slot(set, class, err) : refuse_unknown(names.items[i], err);
	}
	strings_free(&names);
	return result;
}

/* The slot of the meter in whose place this one is used, or NULL. */
static const struct meter_slot *slot_before(const struct meter_set *set, const struct meter_class *class)
{
	for (size_t i = 0; class->instead && i < set->n_slots; i++)
		if (strcmp(set->slots[i].class->name, class->instead) == 0)
			return &set->slots[i];
	return NULL;
}

/* A source that is refused or does not answer would not do better in another form. One that is read is read
 * in this form too where it was asked for. */
static int refuse_needless(const struct meter_slot *before, bool asked_for, struct error *err)
{
	if (!before || before->why.kind == ERROR_ABSENT || (before->meter && asked_for))
		return 0;
	return error_set(err, before->meter ? ERROR_ABSENT : before->why.kind, "not tried, since %s %s",
			 before->class->name, before->meter ? "is read" : "failed");
}

static int open_slot(struct meter_slot *slot, const struct meter_config *config, int signal_fd)
{
	const struct meter_class *class = slot->class;
	struct remote_policy policy = {.open_s = class->open_s, .signal_fd = signal_fd};

	if (class->probe && class->probe(config, &slot->why))
		return -1;
	return class->blocking ? remote_open(&slot->meter, class, config, &policy, &slot->why)
			       : class->open(&slot->meter, config, &slot->why);
}

int meter_set_open(struct meter_set *set, const char *list, const struct meter_config *config, int signal_fd,
		   struct error *err)
{
	*set = (struct meter_set){0};
	if (choose(set, list, err)) {
		meter_set_close(set);
		return -1;
	}
	for (size_t i = 0; i < set->n_slots; i++) {
		struct meter_slot *slot = &set->slots[i];
		const struct meter_slot *before = slot_before(set, slot->class);

		if (refuse_needless(before, list, &slot->why) || open_slot(slot, config, signal_fd))
			slot->meter = NULL;
		else
			set->n_open++;
	}
	return 0;
}

void meter_set_close(struct meter_set *set)
{
	for (size_t i = 0; i < set->n_slots; i++)
		if (set->slots[i].meter)
			set->slots[i].meter->class->close(set->slots[i].meter);
	free(set->slots);
	*set = (struct meter_set){0};
}

int meter_set_explain(const struct meter_set *set, struct error *err)
{
	enum error_kind kind = ERROR_ABSENT;
	struct strings lines = {0};
	char *text;

	strings_add(&lines, "no power source can be read");
	for (size_t i = 0; i < set->n_slots; i++) {
		const struct meter_slot *slot = &set->slots[i];

		if (slot->why.kind != ERROR_ABSENT && kind == ERROR_ABSENT)
			kind = slot->why.kind;
		strings_addf(&lines, "  %s: %s", slot->class->name, slot->why.text);
	}
	strings_add(&lines, "  sim: the built-in simulated node is always there: --meter sim");
	text = strings_join(&lines, "\n");
	error_set(err, kind, "%s", text);
	strings_free(&lines);
	free(text);
	return -1;
}

static json_t *channel_json(const struct channel *channel)
{
	json_t *value = json_pack("{s:s, s:s}", "id", channel->id, "scope", channel->scope);

	if (!isnan(channel->resolution) && unit_tells_power(channel->unit))
		json_object_set_new(value, channel->unit == UNIT_JOULE ? "resolution_j" : "resolution_w",
				    json_real(channel->resolution));
	if (!isnan(channel->range_j))
		json_object_set_new(value, "range_j", json_number_or_null(channel->range_j));
	if (!isnan(channel->power_limit_w))
		json_object_set_new(value, "power_limit_w", json_number_or_null(channel->power_limit_w));
	if (!isnan(channel->time_window_s))
		json_object_set_new(value, "time_window_s", json_number_or_null(channel->time_window_s));
	return value;
}

json_t *meter_set_describe(const struct meter_set *set)
{
	json_t *meters = json_array();

	for (size_t i = 0; i < set->n_slots; i++) {
		const struct meter *meter = set->slots[i].meter;
		json_t *entry, *channels;

		if (!meter)
			continue;
		channels = json_array();
		for (size_t c = 0; c < meter->n_channels; c++)
			json_array_append_new(channels, channel_json(&meter->channels[c]));
		entry = json_pack("{s:s, s:o}", "id", meter->class->name, "channels", channels);
		meter->class->describe(meter, entry);
		json_array_append_new(meters, entry);
	}
	return meters;
}
