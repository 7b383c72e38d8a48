/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * digest.h - SHA-256, so that definitions can be compared by their hash.
 */
#ifndef WATTSTEP_DIGEST_H
#define WATTSTEP_DIGEST_H

#include <stddef.h>

#include <jansson.h>

#define DIGEST_SIZE 65 /* 64 hexadecimal digits and a NUL */

/* SHA-256 of size bytes. */
void digest_bytes(const void *data, size_t size, char out[DIGEST_SIZE]);

/* SHA-256 of a JSON value's canonical form (keys sorted, no white space), so
 * that order and layout of a file do not matter. */
void digest_json(const json_t *value, char out[DIGEST_SIZE]);

#endif
