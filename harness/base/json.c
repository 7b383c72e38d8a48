/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "harness/base/json.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/text.h"

/* Twelve significant digits: 1e-6 of 100 kW, and short forms such as 0.1 stay short. */
#define PUBLISHED (JSON_ENCODE_ANY | JSON_REAL_PRECISION(12))

json_t *json_parse(const char *text, size_t size, const char *name, struct error *err)
{
	json_error_t at;
	json_t *value = json_loadb(text, size, JSON_REJECT_DUPLICATES, &at);

	if (!value)
		error_set(err, ERROR_INPUT, "%s: line %d, column %d: not JSON: %s", name, at.line, at.column,
			  at.text);
	return value;
}

json_t *json_read(const char *path, struct error *err)
{
	const char *name = strcmp(path, "-") == 0 ? "standard input" : path;
	size_t size = 0;
	char *text = file_read_all(path, JSON_MOST_BYTES, &size);
	json_t *value;

	if (!text) {
		error_set(err, ERROR_INPUT, "%s: cannot be read: %s", name, strerror(errno));
		return NULL;
	}
	value = json_parse(text, size, name, err);
	free(text);
	return value;
}

char *json_text(const json_t *value)
{
	char *text = json_dumps(value, JSON_INDENT(2) | PUBLISHED);
	char *line = xasprintf("%s\n", text);

	free(text);
	return line;
}

char *json_line(const json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT | PUBLISHED);
	char *line = xstrdup(text);

	free(text);
	return line;
}

json_t *json_number_or_null(double value)
{
	return isfinite(value) ? json_real(round(value * 1e6) / 1e6) : json_null();
}

json_t *json_string_or_null(const char *value)
{
	return value ? json_string(value) : json_null();
}

double json_get_number(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	return json_is_number(value) ? json_number_value(value) : NAN;
}

const char *json_get_string(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}
