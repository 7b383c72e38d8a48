/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * error.h - one error object, the caller's.
 *
 * A function that can fail takes a struct error as its last parameter and
 * returns 0, or -1 (NULL where it returns a pointer) with the error set. The
 * first error wins: setting a set error changes nothing, so a clean-up that
 * fails cannot hide the cause. Library code fills it, only commands print it,
 * and nothing below main ends the program: a load may have to be stopped.
 */
#ifndef WATTSTEP_ERROR_H
#define WATTSTEP_ERROR_H

enum error_kind {
	ERROR_NONE = 0,
	ERROR_FAILED,    /* the work failed: exit status 1 */
	ERROR_INPUT,     /* the command line or an input file is wrong: 2 */
	ERROR_ABSENT,    /* a power source is not there: 3 */
	ERROR_FORBIDDEN, /* a power source is there, but we may not read it: 3 */
};

struct error {
	enum error_kind kind;
	char text[2048]; /* one sentence: what, where, what was expected, what came, what to do */
};

/* Sets *err unless it is already set. err may be NULL. Always returns -1, so
 * that a failing function can end with `return error_set(...)`. */
int error_set(struct error *err, enum error_kind kind, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Puts "prefix: " in front of the text of a set error: where it happened. Returns -1. */
int error_prefix(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The exit status that DESIGN fixes for this kind of error. */
int error_exit_status(const struct error *err);

/* The kind as a word for programs: "failed", "input", "absent", "forbidden". */
const char *error_kind_name(enum error_kind kind);

#endif
