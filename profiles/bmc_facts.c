/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "profiles/bmc_facts.h"

#include <math.h>

#include "harness/base/json.h"
#include "harness/base/schema.h"

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
static json_t *real_or_null(const struct bmc_fact *fact, double value)
{
	return fact->learnt && isfinite(value) ? json_real(value) : json_null();
}

json_t *bmc_facts_to_json(const struct bmc_facts *f)
{
	return json_pack(
		"{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b}", "period_s",
		real_or_null(&f->period_s, f->period_s.value), "u_period_s",
		real_or_null(&f->period_s, f->period_s.u), "lag_s", real_or_null(&f->lag_s, f->lag_s.value),
		"u_lag_s", real_or_null(&f->lag_s, f->lag_s.u), "averaging_s",
		real_or_null(&f->averaging_s, f->averaging_s.value), "u_averaging_s",
		real_or_null(&f->averaging_s, f->averaging_s.u), "reach_s",
		real_or_null(&f->reach_s, f->reach_s.value), "u_reach_s",
		real_or_null(&f->reach_s, f->reach_s.u), "resolution_w",
		real_or_null(&f->resolution_w, f->resolution_w.value), "stamp_marks", f->stamp_marks);
}

static void take(const json_t *value, const char *key, const char *u_key, struct bmc_fact *fact)
{
	double number = json_get_number(value, key);

	if (isnan(number))
		return;
	*fact = (struct bmc_fact){number, json_get_number(value, u_key), true};
}

void bmc_facts_from_json(const json_t *value, struct bmc_facts *facts)
{
	bmc_facts_default(facts);
	take(value, "period_s", "u_period_s", &facts->period_s);
	take(value, "lag_s", "u_lag_s", &facts->lag_s);
	take(value, "averaging_s", "u_averaging_s", &facts->averaging_s);
	take(value, "reach_s", "u_reach_s", &facts->reach_s);
	take(value, "resolution_w", "", &facts->resolution_w);
	facts->stamp_marks = json_is_true(json_object_get(value, "stamp_marks"));
}

json_t *bmc_facts_document(const char *channel, const struct bmc_facts *facts)
{
	return json_pack("{s:s, s:s, s:{s:o}}", "format", BMC_FACTS_FORMAT, "format_version", "1.0",
			 "channels", channel, bmc_facts_to_json(facts));
}

int bmc_facts_read(const char *path, const char *channel, struct bmc_facts *facts, struct error *err)
{
	json_t *document = json_read(path, err);
	const json_t *of_channel;
	int result = -1;
	bool newer;

	if (!document)
		return -1;
	of_channel = json_object_get(json_object_get(document, "channels"), channel);
	if (schema_check_format(document, BMC_FACTS_FORMAT, path, &newer, err) == 0 &&
	    schema_check(document, BMC_FACTS_SCHEMA, path, newer, err) == 0) {
		if (of_channel)
			result = 0;
		else
			error_set(err, ERROR_INPUT, "%s: /channels: \"%s\" is not in it", path, channel);
	}
	if (result == 0)
		bmc_facts_from_json(of_channel, facts);
	json_decref(document);
	return result;
}
