/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "harness/base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Length of the UTF-8 character at s (RFC 3629), and its code point; 0: it is none. */
static size_t decode(const char *s, uint32_t *code)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	unsigned char first = (unsigned char)*s;
	size_t length = first < 0x80                    ? 1
			: first >= 0xc2 && first < 0xe0 ? 2
			: first >= 0xe0 && first < 0xf0 ? 3
							: 4;

	if (first >= 0xf5 || (first >= 0x80 && first < 0xc2))
		return 0;
	*code = length == 1 ? first : first & (0x7fu >> length);
	for (size_t i = 1; i < length; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		*code = *code << 6 | (s[i] & 0x3f);
	}
	if (*code < least[length] || *code > 0x10ffff || (*code >= 0xd800 && *code < 0xe000))
		return 0;
	return length;
}

/* C0 and C1 controls, and the marks of Unicode's bidirectional algorithm. */
static bool is_control(uint32_t code)
{
	return (code < 0x20 && code != '\n') || (code >= 0x7f && code < 0xa0) ||
	       (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

char *text_clean(const char *s)
{
	char *out = xcalloc(4 * strlen(s) + 1, 1);
	size_t used = 0;

	while (*s) {
		uint32_t code = 0;
		size_t length = decode(s, &code);

		if (length && !is_control(code)) {
			memcpy(out + used, s, length);
			used += length;
			s += length;
			continue;
		}
		for (size_t i = 0; i < (length ? length : 1); i++, s++)
			used += (size_t)sprintf(out + used, "\\x%02x", (unsigned char)*s);
	}
	return out;
}

bool text_is_clean(const char *s)
{
	char *clean = text_clean(s);
	bool same = strcmp(clean, s) == 0 && !strchr(s, '\n');

	free(clean);
	return same;
}
