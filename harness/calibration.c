/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "harness/calibration.h"

#include <math.h>

#include "harness/base/json.h"
#include "harness/base/schema.h"

static double number_or(const json_t *object, const char *key, double otherwise)
{
	double value = json_get_number(object, key);

	return isnan(value) ? otherwise : value;
}

int calibration_apply(struct trace *trace, const char *path, struct error *err)
{
	json_t *document = json_read(path, err);
	const json_t *entry;
	bool newer = false;
	const char *id;
	int result = -1;

	if (!document || schema_check_format(document, "wattstep/calibration", path, &newer, err) ||
	    schema_check(document, CALIBRATION_SCHEMA, path, newer, err))
		goto out;
	json_object_foreach(json_object_get(document, "channels"), id, entry)
	{
		int i = trace_find_channel(trace, id);

		if (i < 0 || !unit_tells_power(trace->channels[i].unit)) {
			error_set(err, ERROR_INPUT,
				  "%s: /channels: \"%s\" is not measured here; `wattstep meters` lists the "
				  "channels",
				  path, id);
			goto out;
		}
		trace->channels[i].gain = number_or(entry, "gain", 1);
		trace->channels[i].offset_w = number_or(entry, "offset_w", 0);
		trace->channels[i].u_gain = json_get_number(entry, "u_gain");
		trace->channels[i].u_offset_w = json_get_number(entry, "u_offset_w");
	}
	result = 0;
out:
	json_decref(document);
	return result;
}
