/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <regex.h>
#include <string.h>

#include "harness/base/schema_rules.h"
#include "harness/base/text.h"

struct vet {
	const json_t *root;
	const char *name;
	json_t *documents;
	struct error *err;
};

static int vet_schema(const struct vet *vet, const json_t *schema);

static int refuse_keyword(const struct vet *vet, const char *keyword, const char *why)
{
	return error_set(vet->err, ERROR_FAILED, "schema %s: \"%s\" %s", vet->name, keyword, why);
}

static int vet_pattern(const struct vet *vet, const char *pattern)
{
	regex_t compiled;

	if (regcomp(&compiled, pattern, REG_EXTENDED | REG_NOSUB) != 0)
		return refuse_keyword(vet, pattern, "is not a regular expression");
	regfree(&compiled);
	return 0;
}

static int vet_list(const struct vet *vet, const json_t *list)
{
	const json_t *part;
	size_t i;

	json_array_foreach(list, i, part) if (vet_schema(vet, part)) return -1;
	return 0;
}

static int vet_map(const struct vet *vet, const json_t *map, bool keys_are_patterns)
{
	const char *key;
	json_t *part;

	json_object_foreach((json_t *)map, key, part)
	{
		if (keys_are_patterns && vet_pattern(vet, key))
			return -1;
		if (vet_schema(vet, part))
			return -1;
	}
	return 0;
}

static bool is_type_name(const json_t *name)
{
	static const char *const names[] = {"string",  "object",  "array", "number",
					    "integer", "boolean", "null"};

	for (size_t i = 0; json_is_string(name) && i < ARRAY_SIZE(names); i++)
		if (strcmp(names[i], json_string_value(name)) == 0)
			return true;
	return false;
}

static bool are_type_names(const json_t *types)
{
	const json_t *type;
	size_t i;

	if (!json_is_array(types))
		return is_type_name(types);
	json_array_foreach(types, i, type) if (!is_type_name(type)) return false;
	return json_array_size(types) > 0;
}

static bool has_shape(enum keyword_shape shape, const json_t *value)
{
	switch (shape) {
	case SHAPE_ANY:
		return true;
	case SHAPE_STRING:
	case SHAPE_PATTERN:
	case SHAPE_REFERENCE:
		return json_is_string(value);
	case SHAPE_NUMBER:
		return json_is_number(value);
	case SHAPE_BOOLEAN:
		return json_is_boolean(value);
	case SHAPE_TYPE:
		return are_type_names(value);
	case SHAPE_LIST:
	case SHAPE_SCHEMA_LIST:
		return json_is_array(value);
	case SHAPE_SCHEMA_MAP:
	case SHAPE_PATTERN_MAP:
		return json_is_object(value);
	case SHAPE_SCHEMA:
		return json_is_object(value) || json_is_boolean(value);
	}
	return false;
}

static int vet_reference(const struct vet *vet, const char *reference)
{
	const json_t *root = vet->root;

	if (!schema_resolve(reference, &root, vet->documents, vet->err))
		return refuse_keyword(vet, reference, "refers to nothing");
	return 0;
}

static int vet_keyword(const struct vet *vet, const char *name, const json_t *value)
{
	const struct schema_keyword *k = schema_keywords;

	while (k->name && strcmp(k->name, name) != 0)
		k++;
	if (!k->name)
		return refuse_keyword(vet, name, "is no keyword that is checked");
	if (!has_shape(k->shape, value))
		return refuse_keyword(vet, name, "has a value of the wrong type");
	switch (k->shape) {
	case SHAPE_PATTERN:
		return vet_pattern(vet, json_string_value(value));
	case SHAPE_REFERENCE:
		return vet_reference(vet, json_string_value(value));
	case SHAPE_SCHEMA:
		return vet_schema(vet, value);
	case SHAPE_SCHEMA_LIST:
		return vet_list(vet, value);
	case SHAPE_SCHEMA_MAP:
		return vet_map(vet, value, false);
	case SHAPE_PATTERN_MAP:
		return vet_map(vet, value, true);
	default:
		return 0;
	}
}

static int vet_schema(const struct vet *vet, const json_t *schema)
{
	const char *name;
	json_t *value;

	if (json_is_boolean(schema))
		return 0;
	if (!json_is_object(schema))
		return error_set(vet->err, ERROR_FAILED, "schema %s: a part of it is not a schema",
				 vet->name);
	json_object_foreach((json_t *)schema, name, value) if (vet_keyword(vet, name, value)) return -1;
	return 0;
}

int schema_vet(const json_t *schema, const char *schema_name, json_t *documents, struct error *err)
{
	const struct vet vet = {schema, schema_name, documents, err};

	return vet_schema(&vet, schema);
}
