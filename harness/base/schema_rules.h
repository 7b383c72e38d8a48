/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * schema_rules.h - the interpreter behind schema.h: one walk over a document,
 * one small function for each keyword of JSON Schema 2020-12.
 *
 * Only schema*.c and their test include this.
 */
#ifndef WATTSTEP_SCHEMA_RULES_H
#define WATTSTEP_SCHEMA_RULES_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "harness/base/error.h"
#include "harness/base/schema_words.h"

/* Schemas within schemas: ours stay below 20; a $ref that leads back to itself ends here. */
#define SCHEMA_DEPTH_MOST 200

/* One walk of a schema over a document. */
struct schema_walk {
	const json_t *root; /* the schema document that "#/$defs/..." is looked up in */
	json_t *documents;  /* schema documents in use, by file name; owned by who started the walk */
	const char *name;   /* the file, for messages */
	const char *base;   /* JSON pointer of the value that the walk begins with; "" for a whole file */
	bool ignore_unknown;
	unsigned depth;      /* schemas within schemas so far */
	size_t failed_depth; /* how many steps below base the violation lies */
	struct error *err;
};

/* Checks value against schema. Returns 0, or -1 with err and failed_depth set. */
int schema_apply(struct schema_walk *walk, const json_t *schema, const json_t *value,
		 const struct place *place);

/* Sets "name: /pointer: sentence" as the violation. Returns -1. */
int schema_refuse(struct schema_walk *walk, const struct place *place, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The schema that a "$ref" means: "#/$defs/x", "file", or "file#/$defs/x". *root
 * becomes the document it stands in. NULL: there is none. */
const json_t *schema_resolve(const char *reference, const json_t **root, json_t *documents,
			     struct error *err);

/* What a keyword's value has to be, so that a wrong schema is refused as a whole. */
enum keyword_shape {
	SHAPE_ANY, /* annotations, const */
	SHAPE_STRING,
	SHAPE_NUMBER,
	SHAPE_BOOLEAN,
	SHAPE_LIST,    /* of plain values */
	SHAPE_TYPE,    /* a string or a list of strings: names of types */
	SHAPE_PATTERN, /* a regular expression */
	SHAPE_REFERENCE,
	SHAPE_SCHEMA,
	SHAPE_SCHEMA_LIST,
	SHAPE_SCHEMA_MAP,
	SHAPE_PATTERN_MAP, /* a map whose keys are regular expressions */
};

struct schema_keyword {
	const char *name;
	enum keyword_shape shape;
	/* NULL: nothing to check (an annotation, or part of another keyword) */
	int (*check)(struct schema_walk *walk, const json_t *schema, const json_t *rule, const json_t *value,
		     const struct place *place);
};

/* All keywords we know, in the order in which they are checked: the first
 * violation is the one that is told. A NULL name ends it. */
extern const struct schema_keyword schema_keywords[];

/* Refuses a schema that has an unknown keyword, a wrong pattern or a $ref to
 * nothing, in any of its parts. ERROR_FAILED: the fault is ours. */
int schema_vet(const json_t *schema, const char *schema_name, json_t *documents, struct error *err);

/* Rules for plain values (schema_plain.c) and for a choice of forms (schema_choice.c); see schema_keywords.
 */
#define SCHEMA_RULE(function)                                                                                \
	int function(struct schema_walk *walk, const json_t *schema, const json_t *rule,                     \
		     const json_t *value, const struct place *place)
SCHEMA_RULE(schema_rule_type);
SCHEMA_RULE(schema_rule_const);
SCHEMA_RULE(schema_rule_enum);
SCHEMA_RULE(schema_rule_range);
SCHEMA_RULE(schema_rule_length);
SCHEMA_RULE(schema_rule_pattern);
SCHEMA_RULE(schema_rule_any_of);
SCHEMA_RULE(schema_rule_one_of);

/* Whether value is of a type, or of one of a list of types, as "type" names them. */
bool schema_type_fits(const json_t *types, const json_t *value);

/* Whether two values are equal as JSON Schema understands it: 1 and 1.0 are. */
bool schema_equal(const json_t *a, const json_t *b);

/* Whether text matches a regular expression (POSIX extended, which our schemas'
 * patterns share with ECMA 262). */
bool schema_matches(const char *pattern, const char *text);

#endif
