/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/schema_rules.h"
#include "harness/base/text.h"

static bool type_is(const char *type, const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return strcmp(type, "object") == 0;
	case JSON_ARRAY:
		return strcmp(type, "array") == 0;
	case JSON_STRING:
		return strcmp(type, "string") == 0;
	case JSON_NULL:
		return strcmp(type, "null") == 0;
	case JSON_TRUE:
	case JSON_FALSE:
		return strcmp(type, "boolean") == 0;
	case JSON_INTEGER:
		return strcmp(type, "integer") == 0 || strcmp(type, "number") == 0;
	case JSON_REAL: /* 4.0 is an integer to JSON Schema */
		return strcmp(type, "number") == 0 ||
		       (strcmp(type, "integer") == 0 &&
			floor(json_real_value(value)) == json_real_value(value));
	}
	return false;
}

bool schema_type_fits(const json_t *types, const json_t *value)
{
	const json_t *type;
	size_t i;

	if (json_is_string(types))
		return type_is(json_string_value(types), value);
	json_array_foreach(types, i, type) if (type_is(json_string_value(type), value)) return true;
	return false;
}

static bool equal_lists(const json_t *a, const json_t *b)
{
	size_t n = json_array_size(a);

	if (n != json_array_size(b))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!schema_equal(json_array_get(a, i), json_array_get(b, i)))
			return false;
	return true;
}

static bool equal_objects(const json_t *a, const json_t *b)
{
	const char *key;
	json_t *value;

	if (json_object_size(a) != json_object_size(b))
		return false;
	json_object_foreach((json_t *)a, key, value)
	{
		const json_t *other = json_object_get(b, key);

		if (!other || !schema_equal(value, other))
			return false;
	}
	return true;
}

bool schema_equal(const json_t *a, const json_t *b)
{
	if (json_is_integer(a) && json_is_integer(b))
		return json_integer_value(a) == json_integer_value(b);
	if (json_is_number(a) && json_is_number(b))
		return json_number_value(a) == json_number_value(b);
	if (json_is_array(a) && json_is_array(b))
		return equal_lists(a, b);
	if (json_is_object(a) && json_is_object(b))
		return equal_objects(a, b);
	return json_equal(a, b);
}

bool schema_matches(const char *pattern, const char *text)
{
	regex_t compiled;
	bool matches;

	if (regcomp(&compiled, pattern, REG_EXTENDED | REG_NOSUB) != 0)
		return false;
	matches = regexec(&compiled, text, 0, NULL, 0) == 0;
	regfree(&compiled);
	return matches;
}

SCHEMA_RULE(schema_rule_type)
{
	char *expected, *came;

	(void)schema;
	if (schema_type_fits(rule, value))
		return 0;
	expected = schema_types_text(rule);
	came = schema_value_text(value);
	schema_refuse(walk, place, "expected %s, got %s", expected, came);
	free(expected);
	free(came);
	return -1;
}

SCHEMA_RULE(schema_rule_const)
{
	char *expected, *came;

	(void)schema;
	if (schema_equal(rule, value))
		return 0;
	expected = schema_value_text(rule);
	came = schema_value_text(value);
	schema_refuse(walk, place, "expected %s, got %s", expected, came);
	free(expected);
	free(came);
	return -1;
}

SCHEMA_RULE(schema_rule_enum)
{
	const json_t *allowed;
	char *expected, *came;
	size_t i;

	(void)schema;
	json_array_foreach(rule, i, allowed) if (schema_equal(allowed, value)) return 0;
	expected = schema_list_text(rule);
	came = schema_value_text(value);
	schema_refuse(walk, place, "%s is not one of: %s", came, expected);
	free(expected);
	free(came);
	return -1;
}

static double number_or(const json_t *number, double otherwise)
{
	return json_is_number(number) ? json_number_value(number) : otherwise;
}

/* All four bounds at once, whichever of them the table came to first. */
SCHEMA_RULE(schema_rule_range)
{
	double least = number_or(json_object_get(schema, "minimum"), -INFINITY);
	double most = number_or(json_object_get(schema, "maximum"), INFINITY);
	double above = number_or(json_object_get(schema, "exclusiveMinimum"), -INFINITY);
	double below = number_or(json_object_get(schema, "exclusiveMaximum"), INFINITY);
	double x = json_number_value(value);

	(void)rule;
	if (!json_is_number(value) || (x >= least && x <= most && x > above && x < below))
		return 0;
	if (x <= above)
		return schema_refuse(walk, place, "%.15g is not above %.15g", x, above);
	if (x >= below)
		return schema_refuse(walk, place, "%.15g is not below %.15g", x, below);
	if (isfinite(least) && isfinite(most))
		return schema_refuse(walk, place, "%.15g is outside %.15g..%.15g", x, least, most);
	if (x < least)
		return schema_refuse(walk, place, "%.15g is below %.15g", x, least);
	return schema_refuse(walk, place, "%.15g is above %.15g", x, most);
}

/* Characters, not bytes. */
static size_t utf8_length(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

SCHEMA_RULE(schema_rule_length)
{
	double least = number_or(json_object_get(schema, "minLength"), 0);
	double most = number_or(json_object_get(schema, "maxLength"), INFINITY);
	size_t n;

	(void)rule;
	if (!json_is_string(value))
		return 0;
	n = utf8_length(json_string_value(value));
	if ((double)n < least)
		return n == 0 ? schema_refuse(walk, place, "is empty")
			      : schema_refuse(walk, place, "has %zu characters, expected %.0f or more", n,
					      least);
	if ((double)n > most)
		return schema_refuse(walk, place, "has %zu characters, expected %.0f or fewer", n, most);
	return 0;
}

SCHEMA_RULE(schema_rule_pattern)
{
	const char *meaning = json_string_value(json_object_get(schema, "description"));
	char *came;

	if (!json_is_string(value) || schema_matches(json_string_value(rule), json_string_value(value)))
		return 0;
	came = schema_value_text(value);
	if (meaning)
		schema_refuse(walk, place, "%s is not as expected: %s", came, meaning);
	else
		schema_refuse(walk, place, "%s does not match %s", came, json_string_value(rule));
	free(came);
	return -1;
}
