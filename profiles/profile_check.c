/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "profiles/profile.h"

#include <math.h>
#include <string.h>

#include "harness/base/json.h"
#include "harness/base/schema.h"
#include "harness/base/text.h"

#define BALANCE_TOLERANCE 0.001

/* Documents are rounded to 1e-6. */
#define ROUNDING 2e-6

struct place {
	const char *file;
	size_t state;
	const char *channel;
};

static int check_statistics(const struct place *at, const json_t *s, double length_s, struct error *err)
{
	const json_t *interval = json_object_get(s, "ci95_w");
	double mean_w = json_get_number(s, "mean_w"), energy_j = json_get_number(s, "energy_j");
	double low_w = json_number_value(json_array_get(interval, 0));
	double high_w = json_number_value(json_array_get(interval, 1));

	if (isnan(mean_w))
		return 0;
	if (json_is_number(json_array_get(interval, 0)) && json_is_number(json_array_get(interval, 1)) &&
	    (mean_w < low_w - ROUNDING || mean_w > high_w + ROUNDING))
		return error_set(err, ERROR_INPUT,
				 "%s: /states/%zu/power/%s/ci95_w: mean_w %g is outside %g..%g", at->file,
				 at->state, at->channel, mean_w, low_w, high_w);
	if (json_get_number(s, "min_w") > mean_w + ROUNDING ||
	    json_get_number(s, "max_w") < mean_w - ROUNDING)
		return error_set(err, ERROR_INPUT,
				 "%s: /states/%zu/power/%s/mean_w: %g is outside min_w..max_w", at->file,
				 at->state, at->channel, mean_w);
	if (fabs(energy_j - mean_w * length_s) > BALANCE_TOLERANCE * fabs(energy_j) + ROUNDING * length_s)
		return error_set(
			err, ERROR_INPUT,
			"%s: /states/%zu/power/%s/energy_j: expected mean_w times %g s = %g J within 0.1 %%, "
			"got %g",
			at->file, at->state, at->channel, length_s, mean_w * length_s, energy_j);
	return 0;
}

static int check_state(const char *file, size_t i, const json_t *state, struct error *err)
{
	const json_t *window = json_object_get(state, "window"), *statistics;
	json_t *power = json_object_get(state, "power");
	const char *verdict = json_get_string(state, "verdict"), *reason = json_get_string(state, "reason"),
		   *channel;
	double start_s = json_get_number(window, "start_s"), end_s = json_get_number(window, "end_s");

	if (start_s < json_get_number(state, "began_s") - ROUNDING)
		return error_set(err, ERROR_INPUT, "%s: /states/%zu/window/start_s: %g is before began_s",
				 file, i, start_s);
	if (end_s <= start_s)
		return error_set(err, ERROR_INPUT, "%s: /states/%zu/window/end_s: %g is not after start_s %g",
				 file, i, end_s, start_s);
	if ((strcmp(verdict, "stable") == 0) != (reason == NULL))
		return error_set(err, ERROR_INPUT,
				 "%s: /states/%zu/reason: expected null for stable and a reason for all "
				 "else, got \"%s\" "
				 "with \"%s\"",
				 file, i, reason ? reason : "null", verdict);
	json_object_foreach(power, channel, statistics)
	{
		struct place at = {file, i, channel};

		if (check_statistics(&at, statistics, end_s - start_s, err))
			return -1;
	}
	return 0;
}

int profile_check(const json_t *document, const char *name, struct error *err)
{
	const json_t *state;
	bool newer = false;
	size_t i;

	if (schema_check_format(document, PROFILE_FORMAT, name, &newer, err) ||
	    schema_check(document, PROFILE_SCHEMA, name, newer, err))
		return -1;
	json_array_foreach(json_object_get(document, "states"), i,
			   state) if (check_state(name, i, state, err)) return -1;
	return 0;
}
