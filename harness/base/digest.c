/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "harness/base/digest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gcrypt.h>

void digest_bytes(const void *data, size_t size, char out[DIGEST_SIZE])
{
	unsigned char raw[32];

	gcry_control(GCRYCTL_INITIALIZATION_FINISHED, 0);
	gcry_md_hash_buffer(GCRY_MD_SHA256, raw, data, size);
	for (size_t i = 0; i < sizeof raw; i++)
		snprintf(out + 2 * i, 3, "%02x", raw[i]);
}

void digest_json(const json_t *value, char out[DIGEST_SIZE])
{
	char *text = json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);

	digest_bytes(text, strlen(text), out);
	free(text);
}
