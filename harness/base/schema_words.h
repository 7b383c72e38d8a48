/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * schema_words.h - what stands in a document, and where, in words for messages.
 *
 * All texts are UTF-8, control characters escaped as JSON does, on one line;
 * long values are cut. The caller frees them.
 */
#ifndef WATTSTEP_SCHEMA_WORDS_H
#define WATTSTEP_SCHEMA_WORDS_H

#include <stddef.h>

#include <jansson.h>

#include "harness/base/text.h"

/* Where in the document: a chain of keys and indices from the value up to the whole. */
struct place {
	const struct place *up; /* NULL: the value that the walk began with */
	const char *key;        /* NULL: an item of a list */
	size_t index;           /* of that item */
};

char *schema_value_text(const json_t *value); /* 7, "seven", an object, a list */
char *schema_or(const struct strings *words); /* "a, b or c" */
char *schema_types_text(const json_t *types); /* of "type": "a string or an object" */
char *schema_list_text(const json_t *list);   /* "quick, standard, thorough" */
char *schema_keys_text(const json_t *object); /* its keys, in their order, with commas */

/* base, itself a JSON pointer, and what is below it; "/" for a whole document. */
char *schema_pointer(const char *base, const struct place *place);

#endif
