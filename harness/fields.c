/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "harness/fields.h"

#include <stdlib.h>
#include <string.h>

#include "harness/base/json.h"

/* cpuinfo, the longest, has 1.5 kB a CPU: enough for 10000 of them. */
#define MOST_BYTES (16u << 20)

/* What stands between start and end, without blanks; NULL if nothing does. */
static char *trimmed(const char *start, const char *end)
{
	while (start < end && strchr(" \t", *start))
		start++;
	while (end > start && strchr(" \t\r", end[-1]))
		end--;
	return end > start ? xasprintf("%.*s", (int)(end - start), start) : NULL;
}

char *fields_read(const char *root, const char *path)
{
	char *full = xasprintf("%s/%s", root, path);
	char *text = file_read_all(full, MOST_BYTES, NULL);

	free(full);
	return text ? text : xstrdup("");
}

char *fields_read_line(const char *root, const char *path)
{
	char *text = fields_read(root, path);
	char *line = trimmed(text, text + strcspn(text, "\n"));

	free(text);
	return line;
}

char *field_next(const char **at, const char *key, char separator)
{
	size_t length = strlen(key);

	while (**at) {
		const char *line = *at;
		const char *end = line + strcspn(line, "\n");
		const char *value = line + length;

		*at = end + (*end == '\n');
		if (strncmp(line, key, length) != 0)
			continue;
		value += strspn(value, " \t");
		if (*value == separator)
			return trimmed(value + 1, end);
	}
	return NULL;
}

char *field(const char *text, const char *key, char separator)
{
	return field_next(&text, key, separator);
}

json_t *field_string(const char *text, const char *key)
{
	return fields_string_steal(field(text, key, ':'));
}

json_t *field_integer(const char *text, const char *key)
{
	char *s = field(text, key, ':');
	uint64_t number;
	json_t *value = s && text_to_u64(s, &number) ? json_integer((json_int_t)number) : json_null();

	free(s);
	return value;
}

json_t *fields_string_steal(char *s)
{
	json_t *value = json_string_or_null(s);

	free(s);
	return value ? value : json_null();
}

void fields_add_distinct(struct strings *list, const char *s)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->items[i], s) == 0)
			return;
	strings_add(list, s);
}

char *fields_join(const struct strings *list)
{
	char *joined = NULL;

	for (size_t i = 0; i < list->n; i++) {
		char *longer = xasprintf("%s%s%s", joined ? joined : "", joined ? ", " : "", list->items[i]);

		free(joined);
		joined = longer;
	}
	return joined;
}
