/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "workloads/definition.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/schema_words.h"
#include "harness/base/text.h"

bool definition_is_path(const char *name_or_path)
{
	static const char ending[] = ".json";
	size_t n = strlen(name_or_path), m = strlen(ending);

	return strchr(name_or_path, '/') || (n > m && strcmp(name_or_path + n - m, ending) == 0);
}

int definition_refuse_name(const char *what, const char *name, const char *const *known, size_t n,
			   struct error *err)
{
	json_t *string = json_string(name); /* NULL where it is not UTF-8 */
	char *quoted = string ? schema_value_text(string) : xstrdup("that");
	char *list = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&list, &size);

	for (size_t i = 0; i < n; i++)
		fprintf(f, "%s%s", i ? ", " : "", known[i]);
	fclose(f);
	error_set(err, ERROR_INPUT,
		  "no %s is called %s; known are: %s (a file of your own needs a '/' or .json in its name)",
		  what, quoted, list);
	free(list);
	free(quoted);
	json_decref(string);
	return -1;
}
