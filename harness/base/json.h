/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * json.h - reading and writing JSON files, on jansson.
 */
#ifndef WATTSTEP_JSON_H
#define WATTSTEP_JSON_H

#include <jansson.h>

#include "harness/base/error.h"

/* The largest document that is read, in bytes: a profile of a run over two days has under 1 MB. */
#define JSON_MOST_BYTES (64u << 20)

/* Parses text; name is what messages call it. Duplicate keys are refused. On a
 * syntax error err says "name: line L, column C: ...". The caller owns the value. */
json_t *json_parse(const char *text, size_t size, const char *name, struct error *err)
	__attribute__((warn_unused_result));

/* Reads a file, or standard input where path is "-". The caller owns the value. */
json_t *json_read(const char *path, struct error *err) __attribute__((warn_unused_result));

/* A document as it is published: two spaces of indentation, keys in the order
 * of insertion, numbers with 12 significant digits, a newline at its end. The
 * caller frees. */
char *json_text(const json_t *value) __attribute__((warn_unused_result));

/* The same on one line, without the newline. */
char *json_line(const json_t *value) __attribute__((warn_unused_result));

/* A number, or null where it is not finite: absent is never 0. Rounded to
 * 1e-6, below the resolution of every source, so that a document has no noise
 * digits. A new reference. */
json_t *json_number_or_null(double value) __attribute__((warn_unused_result));

/* A string, or null for NULL. A new reference. */
json_t *json_string_or_null(const char *value) __attribute__((warn_unused_result));

/* Getters that give what absent needs: NAN, NULL. */
double json_get_number(const json_t *object, const char *key);
const char *json_get_string(const json_t *object, const char *key);

#endif
