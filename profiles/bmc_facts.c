/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <string.h>

#include "harness/base/json.h"
#include "harness/base/schema.h"
#include "profiles/bmc_facts.h"

void bmc_facts_default(struct bmc_facts *facts)
{
	*facts = (struct bmc_facts){
		.period_s = {BMC_PERIOD_UNKNOWN_S, NAN, false},
		.lag_s = {BMC_SHIFT_UNKNOWN_S - BMC_PERIOD_UNKNOWN_S / 2, NAN, false},
		.averaging_s = {NAN, NAN, false},
		.resolution_w = {BMC_RESOLUTION_UNKNOWN_W, NAN, false},
		.reach_s = {BMC_SHIFT_UNKNOWN_S - BMC_PERIOD_UNKNOWN_S, NAN, false},
	};
}

double bmc_shift_s(const struct bmc_facts *facts)
{
	return facts->lag_s.value + facts->period_s.value / 2;
}

double bmc_guard_s(const struct bmc_facts *facts)
{
	return facts->reach_s.value + facts->period_s.value;
}

/* Full precision: what is read back from a trace must be the same number. */
static json_t *exact_or_null(const struct bmc_fact *fact, double value)
{
	return fact->learnt && isfinite(value) ? json_real(value) : json_null();
}

static void put_fact(json_t *object, const char *key, const char *u_key, const struct bmc_fact *fact)
{
	json_object_set_new(object, key, exact_or_null(fact, fact->value));
	if (u_key)
		json_object_set_new(object, u_key, exact_or_null(fact, fact->u));
}

json_t *bmc_facts_to_json(const struct bmc_facts *facts)
{
	json_t *object = json_object();

	put_fact(object, "update_period_s", "u_update_period_s", &facts->period_s);
	put_fact(object, "lag_s", "u_lag_s", &facts->lag_s);
	put_fact(object, "averaging_s", "u_averaging_s", &facts->averaging_s);
	put_fact(object, "resolution_w", NULL, &facts->resolution_w);
	put_fact(object, "reach_s", NULL, &facts->reach_s);
	json_object_set_new(object, "time_stamp", json_string(facts->stamp_marks ? "updates" : "other"));
	return object;
}

json_t *bmc_facts_document(json_t *channels)
{
	json_t *document = json_object();

	json_object_set_new(document, "format", json_string(BMC_FACTS_FORMAT));
	json_object_set_new(document, "format_version", json_string("1.0"));
	json_object_set_new(document, "channels", channels);
	return document;
}

int bmc_facts_check(const json_t *document, const char *name, struct error *err)
{
	bool newer = false;

	if (schema_check_format(document, BMC_FACTS_FORMAT, name, &newer, err))
		return -1;
	return schema_check(document, BMC_FACTS_SCHEMA, name, newer, err);
}

/* null leaves what is assumed where nothing was learnt. */
static void get_fact(const json_t *object, const char *key, const char *u_key, struct bmc_fact *fact)
{
	double value = json_get_number(object, key);

	if (isnan(value))
		return;
	fact->value = value;
	fact->u = u_key ? json_get_number(object, u_key) : 0;
	fact->learnt = true;
}

void bmc_facts_from_json(const json_t *object, struct bmc_facts *facts)
{
	const char *stamp = json_get_string(object, "time_stamp");

	bmc_facts_default(facts);
	get_fact(object, "update_period_s", "u_update_period_s", &facts->period_s);
	get_fact(object, "lag_s", "u_lag_s", &facts->lag_s);
	get_fact(object, "averaging_s", "u_averaging_s", &facts->averaging_s);
	get_fact(object, "resolution_w", NULL, &facts->resolution_w);
	get_fact(object, "reach_s", NULL, &facts->reach_s);
	facts->stamp_marks = stamp && strcmp(stamp, "updates") == 0;
}

int bmc_facts_from_document(const json_t *document, const char *channel, const char *name,
			    struct bmc_facts *facts, struct error *err)
{
	const json_t *object;

	if (bmc_facts_check(document, name, err))
		return -1;
	object = json_object_get(json_object_get(document, "channels"), channel);
	if (!object)
		return error_set(
			err, ERROR_INPUT,
			"%s: /channels: expected facts of \"%s\", which is measured here; learn them "
			"with a run without --bmc-facts",
			name, channel);
	bmc_facts_from_json(object, facts);
	if (facts->reach_s.learnt && facts->lag_s.learnt && facts->reach_s.value < facts->lag_s.value)
		return error_set(err, ERROR_INPUT,
				 "%s: /channels/%s/reach_s: expected %g s (lag_s) or more, got %g s: the "
				 "oldest power in a reading is older than its middle",
				 name, channel, facts->lag_s.value, facts->reach_s.value);
	return 0;
}

int bmc_facts_read(const char *path, const char *channel, struct bmc_facts *facts, struct error *err)
{
	json_t *document = json_read(path, err);
	int result;

	if (!document)
		return -1;
	result = bmc_facts_from_document(document, channel, path, facts, err);
	json_decref(document);
	return result;
}
