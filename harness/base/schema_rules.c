/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "harness/base/schema_rules.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/text.h"

int schema_refuse(struct schema_walk *walk, const struct place *place, const char *format, ...)
{
	char *pointer = schema_pointer(walk->base, place);
	char text[900]; /* leaves room for file and pointer in an error's 1024 bytes */
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	error_set(walk->err, ERROR_INPUT, "%s: %s: %s", walk->name, pointer, text);
	free(pointer);
	walk->failed_depth = 0;
	for (; place; place = place->up)
		walk->failed_depth++;
	return -1;
}

int schema_apply(struct schema_walk *walk, const json_t *schema, const json_t *value,
		 const struct place *place)
{
	int result = 0;

	if (json_is_false(schema))
		return schema_refuse(walk, place, "is not allowed here");
	if (walk->depth == SCHEMA_DEPTH_MOST)
		return schema_refuse(walk, place, "is nested too deeply");
	walk->depth++;
	for (const struct schema_keyword *k = schema_keywords; k->name && result == 0; k++) {
		const json_t *rule = k->check ? json_object_get(schema, k->name) : NULL;

		if (rule)
			result = k->check(walk, schema, rule, value, place);
	}
	walk->depth--;
	return result;
}

static SCHEMA_RULE(rule_reference)
{
	const json_t *before = walk->root;
	const json_t *target =
		schema_resolve(json_string_value(rule), &walk->root, walk->documents, walk->err);
	int result = target ? schema_apply(walk, target, value, place) : -1;

	(void)schema;
	walk->root = before;
	return result;
}

static bool matches_any(const json_t *patterns, const char *key)
{
	const char *pattern;
	json_t *unused;

	json_object_foreach((json_t *)patterns, pattern,
			    unused) if (schema_matches(pattern, key)) return true;
	return false;
}

static int refuse_unknown(struct schema_walk *walk, const json_t *schema, const struct place *place,
			  const char *key)
{
	const json_t *patterns = json_object_get(schema, "patternProperties");
	const json_t *properties = json_object_get(schema, "properties");
	char *known = schema_keys_text(properties);
	char *like = schema_keys_text(patterns);
	json_t *string = json_string(key);
	char *came = schema_value_text(string);

	if (json_object_size(properties) == 0 && json_object_size(patterns) == 0)
		schema_refuse(walk, place, "unknown key %s; none is expected here", came);
	else
		schema_refuse(walk, place, "unknown key %s; known are%s%s%s%s", came, *known ? ": " : "",
			      known, *like ? (*known ? " and those like " : " those like ") : "", like);
	json_decref(string);
	free(known);
	free(like);
	free(came);
	return -1;
}

static SCHEMA_RULE(rule_additional_properties)
{
	const json_t *properties = json_object_get(schema, "properties");
	const json_t *patterns = json_object_get(schema, "patternProperties");
	const char *key;
	json_t *member;

	if (!json_is_object(value) || (json_is_false(rule) && walk->ignore_unknown))
		return 0;
	json_object_foreach((json_t *)value, key, member)
	{
		struct place here = {.up = place, .key = key};

		if (json_object_get(properties, key) || matches_any(patterns, key))
			continue;
		if (json_is_false(rule))
			return refuse_unknown(walk, schema, place, key);
		if (schema_apply(walk, rule, member, &here))
			return -1;
	}
	return 0;
}

static SCHEMA_RULE(rule_required)
{
	const json_t *key;
	size_t i;

	(void)schema;
	if (!json_is_object(value))
		return 0;
	json_array_foreach(rule, i, key)
	{
		if (!json_object_get(value, json_string_value(key)))
			return schema_refuse(walk, place, "\"%s\" is missing", json_string_value(key));
	}
	return 0;
}

static SCHEMA_RULE(rule_properties)
{
	const char *key;
	json_t *member;

	(void)schema;
	json_object_foreach((json_t *)value, key, member)
	{
		const json_t *known = json_object_get(rule, key);
		struct place here = {.up = place, .key = key};

		if (known && schema_apply(walk, known, member, &here))
			return -1;
	}
	return 0;
}

static SCHEMA_RULE(rule_pattern_properties)
{
	const char *key, *pattern;
	json_t *member, *known;

	(void)schema;
	json_object_foreach((json_t *)value, key, member)
	{
		struct place here = {.up = place, .key = key};

		json_object_foreach((json_t *)rule, pattern, known)
		{
			if (schema_matches(pattern, key) && schema_apply(walk, known, member, &here))
				return -1;
		}
	}
	return 0;
}

static SCHEMA_RULE(rule_items)
{
	const json_t *item;
	size_t i;

	(void)schema;
	json_array_foreach(value, i, item)
	{
		struct place here = {.up = place, .index = i};

		if (schema_apply(walk, rule, item, &here))
			return -1;
	}
	return 0;
}

/* minItems and maxItems */
static SCHEMA_RULE(rule_count)
{
	const json_t *least = json_object_get(schema, "minItems");
	const json_t *most = json_object_get(schema, "maxItems");
	size_t n = json_array_size(value);

	(void)rule;
	if (!json_is_array(value))
		return 0;
	if (least && (double)n < json_number_value(least))
		return schema_refuse(walk, place, "has %zu items, expected %.0f or more", n,
				     json_number_value(least));
	if (most && (double)n > json_number_value(most))
		return schema_refuse(walk, place, "has %zu items, expected %.0f or fewer", n,
				     json_number_value(most));
	return 0;
}

static SCHEMA_RULE(rule_unique_items)
{
	size_t n = json_array_size(value);

	(void)schema;
	for (size_t i = 1; json_is_true(rule) && i < n; i++)
		for (size_t j = 0; j < i; j++) {
			struct place here = {.up = place, .index = i};

			if (schema_equal(json_array_get(value, i), json_array_get(value, j)))
				return schema_refuse(walk, &here, "repeats item %zu", j);
		}
	return 0;
}

static SCHEMA_RULE(rule_all_of)
{
	const json_t *part;
	size_t i;

	(void)schema;
	json_array_foreach(rule, i, part) if (schema_apply(walk, part, value, place)) return -1;
	return 0;
}

const struct schema_keyword schema_keywords[] = {
	{"$ref", SHAPE_REFERENCE, rule_reference},
	{"type", SHAPE_TYPE, schema_rule_type},
	{"const", SHAPE_ANY, schema_rule_const},
	{"enum", SHAPE_LIST, schema_rule_enum},
	{"additionalProperties", SHAPE_SCHEMA, rule_additional_properties},
	{"required", SHAPE_LIST, rule_required},
	{"properties", SHAPE_SCHEMA_MAP, rule_properties},
	{"patternProperties", SHAPE_PATTERN_MAP, rule_pattern_properties},
	{"minItems", SHAPE_NUMBER, rule_count},
	{"maxItems", SHAPE_NUMBER, rule_count},
	{"items", SHAPE_SCHEMA, rule_items},
	{"uniqueItems", SHAPE_BOOLEAN, rule_unique_items},
	{"minimum", SHAPE_NUMBER, schema_rule_range},
	{"maximum", SHAPE_NUMBER, schema_rule_range},
	{"exclusiveMinimum", SHAPE_NUMBER, schema_rule_range},
	{"exclusiveMaximum", SHAPE_NUMBER, schema_rule_range},
	{"minLength", SHAPE_NUMBER, schema_rule_length},
	{"maxLength", SHAPE_NUMBER, schema_rule_length},
	{"pattern", SHAPE_PATTERN, schema_rule_pattern},
	{"allOf", SHAPE_SCHEMA_LIST, rule_all_of},
	{"anyOf", SHAPE_SCHEMA_LIST, schema_rule_any_of},
	{"oneOf", SHAPE_SCHEMA_LIST, schema_rule_one_of},
	{"$defs", SHAPE_SCHEMA_MAP, NULL},
	{"$schema", SHAPE_STRING, NULL},
	{"$id", SHAPE_STRING, NULL},
	{"$comment", SHAPE_STRING, NULL},
	{"title", SHAPE_STRING, NULL},
	{"description", SHAPE_STRING, NULL},
	{"default", SHAPE_ANY, NULL},
	{"examples", SHAPE_LIST, NULL},
	{NULL, SHAPE_ANY, NULL},
};
