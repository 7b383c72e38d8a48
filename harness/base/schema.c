/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "harness/base/schema.h"

#include <stdlib.h>
#include <string.h>

#include "harness/base/embedded.h"
#include "harness/base/json.h"
#include "harness/base/schema_rules.h"
#include "harness/base/text.h"

/* The version of all our formats that this program writes; it reads any 1.x. */
#define OUR_VERSION "1.0"
#define OUR_MAJOR 1
#define OUR_MINOR 0

static const struct embedded_file *find_schema_file(const char *name)
{
	for (const struct embedded_file *f = embedded_files; f->path; f++) {
		const char *slash = strrchr(f->path, '/');

		if (strcmp(slash ? slash + 1 : f->path, name) == 0)
			return f;
	}
	return NULL;
}

/* The schema document of that name, from documents or built in. Borrowed from documents. */
static const json_t *schema_document(const char *name, json_t *documents, struct error *err)
{
	json_t *schema = json_object_get(documents, name);
	const struct embedded_file *file;

	if (schema)
		return schema;
	file = find_schema_file(name);
	if (!file) {
		error_set(err, ERROR_FAILED, "there is no built-in schema %s", name);
		return NULL;
	}
	schema = json_parse(file->text, file->size, file->path, err);
	if (!schema)
		return NULL;
	json_object_set_new(documents, name, schema);
	return schema_vet(schema, name, documents, err) ? NULL : schema;
}

const json_t *schema_resolve(const char *reference, const json_t **root, json_t *documents, struct error *err)
{
	static const char definitions[] = "#/$defs/";
	const char *fragment = strchrnul(reference, '#');
	const json_t *found = NULL;

	if (fragment != reference) {
		char *file = xasprintf("%.*s", (int)(fragment - reference), reference);

		*root = schema_document(file, documents, err);
		free(file);
	}
	if (!*root || !*fragment)
		return *root;
	if (strncmp(fragment, definitions, strlen(definitions)) == 0)
		found = json_object_get(json_object_get(*root, "$defs"), fragment + strlen(definitions));
	if (!found)
		error_set(err, ERROR_FAILED, "there is no schema %s", reference);
	return found;
}

int schema_check_part(const json_t *part, const char *schema_name, const char *name, const char *pointer,
		      bool ignore_unknown, struct error *err)
{
	struct schema_walk walk = {
		.documents = json_object(),
		.name = name,
		.base = pointer,
		.ignore_unknown = ignore_unknown,
		.err = err,
	};
	const json_t *schema = schema_resolve(schema_name, &walk.root, walk.documents, err);
	int result = schema ? schema_apply(&walk, schema, part, NULL) : -1;

	json_decref(walk.documents);
	return result;
}

int schema_check(const json_t *document, const char *schema_name, const char *name, bool ignore_unknown,
		 struct error *err)
{
	return schema_check_part(document, schema_name, name, "", ignore_unknown, err);
}

static int check_format_name(const char *came, const json_t *document, const char *format, const char *name,
			     struct error *err)
{
	static const char ours[] = "wattstep/";
	char *text;

	if (!json_object_get(document, "format"))
		return error_set(err, ERROR_INPUT, "%s: /: \"format\" is missing, expected \"%s\"", name,
				 format);
	if (came && strcmp(came, format) == 0)
		return 0;
	text = schema_value_text(json_object_get(document, "format"));
	if (came && strncmp(came, ours, strlen(ours)) == 0)
		error_set(err, ERROR_INPUT, "%s: /format: this is a %s, expected a \"%s\"", name, text,
			  format);
	else
		error_set(err, ERROR_INPUT, "%s: /format: expected \"%s\", got %s", name, format, text);
	free(text);
	return -1;
}

/* "1.0" in two whole numbers without leading zeros. */
static bool split_version(const char *version, uint64_t *major, uint64_t *minor)
{
	struct strings parts = {0};
	bool good;

	strings_split(&parts, version, '.');
	good = parts.n == 2 && text_to_u64(parts.items[0], major) && text_to_u64(parts.items[1], minor) &&
	       schema_matches("^(0|[1-9][0-9]*)\\.(0|[1-9][0-9]*)$", version);
	strings_free(&parts);
	return good;
}

static int check_format_version(const char *came, const json_t *document, const char *name, bool *newer,
				struct error *err)
{
	const json_t *value = json_object_get(document, "format_version");
	uint64_t major, minor;
	char *text;

	if (!value)
		return error_set(err, ERROR_INPUT, "%s: /: \"format_version\" is missing, expected \"%s\"",
				 name, OUR_VERSION);
	if (came && split_version(came, &major, &minor) && major == OUR_MAJOR) {
		*newer = minor > OUR_MINOR;
		return 0;
	}
	text = schema_value_text(value);
	if (came && split_version(came, &major, &minor) && major > OUR_MAJOR)
		error_set(err, ERROR_INPUT,
			  "%s: /format_version: %s is newer than this program reads (1.x): use a newer "
			  "wattstep",
			  name, text);
	else
		error_set(err, ERROR_INPUT, "%s: /format_version: expected \"%s\", got %s", name, OUR_VERSION,
			  text);
	free(text);
	return -1;
}

int schema_check_format(const json_t *document, const char *format, const char *name, bool *newer,
			struct error *err)
{
	char *text;

	*newer = false;
	if (!json_is_object(document)) {
		text = schema_value_text(document);
		error_set(err, ERROR_INPUT, "%s: /: expected an object, got %s", name, text);
		free(text);
		return -1;
	}
	if (check_format_name(json_get_string(document, "format"), document, format, name, err))
		return -1;
	return check_format_version(json_get_string(document, "format_version"), document, name, newer, err);
}
