/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "harness/base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int error_set(struct error *err, enum error_kind kind, const char *format, ...)
{
	va_list args;

	if (!err || err->kind != ERROR_NONE)
		return -1;
	err->kind = kind;
	va_start(args, format);
	vsnprintf(err->text, sizeof err->text, format, args);
	va_end(args);
	return -1;
}

int error_prefix(struct error *err, const char *format, ...)
{
	char prefix[256], text[sizeof err->text];
	va_list args;

	if (!err || err->kind == ERROR_NONE)
		return -1;
	va_start(args, format);
	vsnprintf(prefix, sizeof prefix, format, args);
	va_end(args);
	memcpy(text, err->text, sizeof text);
	err->text[0] = '\0';
	strncat(err->text, prefix, sizeof err->text - 1);
	strncat(err->text, ": ", sizeof err->text - 1 - strlen(err->text));
	strncat(err->text, text, sizeof err->text - 1 - strlen(err->text));
	return -1;
}

int error_exit_status(const struct error *err)
{
	switch (err->kind) {
	case ERROR_NONE:
		return 0;
	case ERROR_INPUT:
		return 2;
	case ERROR_ABSENT:
	case ERROR_FORBIDDEN:
		return 3;
	case ERROR_FAILED:
		break;
	}
	return 1;
}

const char *error_kind_name(enum error_kind kind)
{
	static const char *const names[] = {"none", "failed", "input", "absent", "forbidden"};

	return names[kind];
}
