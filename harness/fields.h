/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fields.h - facts out of the kernel's text files, as JSON.
 *
 * A fact that is absent, empty or unreadable is null (NULL), never 0 or "".
 */
#ifndef WATTSTEP_FIELDS_H
#define WATTSTEP_FIELDS_H

#include <jansson.h>

#include "harness/base/text.h"

/* A whole file <root>/<path>, "" where it cannot be read. The caller frees. */
char *fields_read(const char *root, const char *path) __attribute__((warn_unused_result));

/* The first line of the file <root>/<path>, without blanks at its ends. The caller frees. */
char *fields_read_line(const char *root, const char *path) __attribute__((warn_unused_result));

/* The value of the first line "key: value" (or '=' as separator). The caller frees. */
char *field(const char *text, const char *key, char separator) __attribute__((warn_unused_result));

/* The same from *at on, which moves behind that line. */
char *field_next(const char **at, const char *key, char separator) __attribute__((warn_unused_result));

/* Fields "key: value" as JSON. New references. */
json_t *field_string(const char *text, const char *key) __attribute__((warn_unused_result));
json_t *field_integer(const char *text, const char *key) __attribute__((warn_unused_result));

/* A string as JSON, null for NULL and for what is not UTF-8. Frees s. */
json_t *fields_string_steal(char *s) __attribute__((warn_unused_result));

/* Adds s unless it is in the list. */
void fields_add_distinct(struct strings *list, const char *s);

/* The items of a list, ", " between them; NULL for none. The caller frees. */
char *fields_join(const struct strings *list) __attribute__((warn_unused_result));

#endif
