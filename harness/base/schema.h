/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * schema.h - holds a JSON document against one of our JSON Schemas.
 *
 * The published schema is the check: there is no second description of a
 * document's form in the code. It understands the part of JSON Schema 2020-12
 * that our schemas use and refuses a schema with any other keyword, so that no
 * rule is silently unchecked. (No C library for JSON Schema is packaged by the
 * distributions; docs/dependencies.md.)
 */
#ifndef WATTSTEP_SCHEMA_H
#define WATTSTEP_SCHEMA_H

#include <stdbool.h>

#include <jansson.h>

#include "harness/base/error.h"

/*
 * Checks document against the embedded schema of that name (for instance
 * "power-profile.schema.json"). The first violation sets err to
 * "name: /json/pointer: what was expected, what came", ERROR_INPUT.
 *
 * ignore_unknown: keys that the schema does not know are passed over, as a
 * reader does for documents of a higher minor version.
 */
int schema_check(const json_t *document, const char *schema_name, const char *name, bool ignore_unknown,
		 struct error *err);

/*
 * The same for a value inside a document: pointer is where it stands ("" for a
 * whole document), schema_name may go on to a definition:
 * "state.schema.json#/$defs/state".
 */
int schema_check_part(const json_t *part, const char *schema_name, const char *name, const char *pointer,
		      bool ignore_unknown, struct error *err);

/*
 * Checks "format" and "format_version" of a document: the format must be equal,
 * the major version must be 1. *newer says whether the minor version is higher
 * than ours (its unknown keys are to be ignored).
 */
int schema_check_format(const json_t *document, const char *format, const char *name, bool *newer,
			struct error *err);

#endif
