/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "harness/base/schema_words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A quoted value is cut here, in bytes: a message stays one or two lines. */
#define QUOTED_MOST 60

/* A key inside a JSON pointer is cut here, in bytes. */
#define KEY_MOST 80

/* Bytes of s up to most, never ending inside a character of UTF-8. */
static int cut(const char *s, size_t most)
{
	size_t n = strlen(s);

	if (n <= most)
		return (int)n;
	for (n = most; n > 0 && ((unsigned char)s[n] & 0xc0) == 0x80; n--)
		;
	return (int)n;
}

static char *dump(const json_t *value)
{
	char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(15));
	char *copy = xstrdup(text ? text : "?");

	free(text);
	return copy;
}

static char *quoted(const json_t *string)
{
	char *text = dump(string);
	char *out;

	if (strlen(text) <= QUOTED_MOST)
		return text;
	out = xasprintf("%.*s...\"", cut(text, QUOTED_MOST), text);
	free(text);
	return out;
}

char *schema_value_text(const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return xstrdup("an object");
	case JSON_ARRAY:
		return xstrdup("a list");
	case JSON_STRING:
		return quoted(value);
	case JSON_REAL:
		return xasprintf("%.15g", json_real_value(value));
	default:
		return dump(value);
	}
}

static const char *type_words(const char *type)
{
	static const char *const words[][2] = {
		{"string", "a string"},        {"object", "an object"}, {"array", "a list"},
		{"number", "a number"},        {"null", "null"},        {"boolean", "true or false"},
		{"integer", "a whole number"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcmp(words[i][0], type) == 0)
			return words[i][1];
	return type;
}

char *schema_or(const struct strings *words)
{
	char *out = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&out, &size);

	for (size_t i = 0; i < words->n; i++)
		fprintf(f, "%s%s", i == 0 ? "" : i + 1 == words->n ? " or " : ", ", words->items[i]);
	fclose(f);
	return out;
}

char *schema_types_text(const json_t *types)
{
	struct strings words = {0};
	const json_t *type;
	char *out;
	size_t i;

	if (json_is_string(types))
		return xstrdup(type_words(json_string_value(types)));
	json_array_foreach(types, i, type) strings_add(&words, type_words(json_string_value(type)));
	out = schema_or(&words);
	strings_free(&words);
	return out;
}

char *schema_list_text(const json_t *list)
{
	char *out = NULL;
	size_t size = 0, i;
	FILE *f = open_memstream(&out, &size);
	const json_t *item;

	json_array_foreach(list, i, item)
	{
		char *text = schema_value_text(item);

		fprintf(f, "%s%s", i ? ", " : "", json_is_string(item) ? json_string_value(item) : text);
		free(text);
	}
	fclose(f);
	return out;
}

char *schema_keys_text(const json_t *object)
{
	char *out = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&out, &size);
	const char *key, *comma = "";
	json_t *value;

	json_object_foreach((json_t *)object, key, value)
	{
		fprintf(f, "%s%s", comma, key);
		comma = ", ";
	}
	fclose(f);
	return out;
}

/* A key as RFC 6901 writes it in a pointer, control characters as JSON writes them. */
static void write_key(FILE *f, const char *key)
{
	json_t *string = json_string(key);
	char *text = dump(string); /* with its quotes */
	size_t end = strlen(text) - 1;
	int most = cut(text, KEY_MOST);

	for (size_t i = 1; i < end && i < (size_t)most; i++)
		if (text[i] == '~')
			fputs("~0", f);
		else if (text[i] == '/')
			fputs("~1", f);
		else
			fputc(text[i], f);
	if ((size_t)most < end)
		fputs("...", f);
	free(text);
	json_decref(string);
}

static void write_place(FILE *f, const struct place *place)
{
	if (!place)
		return;
	write_place(f, place->up);
	fputc('/', f);
	if (place->key)
		write_key(f, place->key);
	else
		fprintf(f, "%zu", place->index);
}

char *schema_pointer(const char *base, const struct place *place)
{
	char *out = NULL;
	size_t size = 0;
	FILE *f;

	if (!*base && !place)
		return xstrdup("/");
	f = open_memstream(&out, &size);
	fputs(base, f);
	write_place(f, place);
	fclose(f);
	return out;
}
