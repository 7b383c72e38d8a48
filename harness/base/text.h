/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * text.h - strings and small files.
 */
#ifndef WATTSTEP_TEXT_H
#define WATTSTEP_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof(a)[0])

/* Allocation that cannot be answered ends the program: there is nothing left to
 * report with. The load's guard (workloads/guard.h) sees the end and stops it.
 * The caller frees. */
void *xcalloc(size_t n, size_t size) __attribute__((warn_unused_result));
void *xrealloc(void *p, size_t n, size_t size) __attribute__((warn_unused_result));
char *xstrdup(const char *s) __attribute__((warn_unused_result));
char *xasprintf(const char *format, ...) __attribute__((format(printf, 1, 2), warn_unused_result));

/* A NULL-terminated list of strings that owns them. Start from {0}. */
struct strings {
	char **items; /* items[n] is NULL once n > 0 */
	size_t n;
};

void strings_add(struct strings *list, const char *s);
void strings_addf(struct strings *list, const char *format, ...) __attribute__((format(printf, 2, 3)));
void strings_free(struct strings *list);

/* The words of a command as a person would type it into a shell, quoted where
 * a shell would split or expand. The caller frees. */
char *strings_shell(const struct strings *words) __attribute__((warn_unused_result));

/* All of them with the separator between. The caller frees. */
char *strings_join(const struct strings *list, const char *separator) __attribute__((warn_unused_result));

/* Splits "a,b,c" at a separator; empty parts are kept. */
void strings_split(struct strings *out, const char *s, char separator);

/* A copy that a terminal, a JSON document and a log can take: control characters (but the newline), marks
 * that turn the direction of writing, and bytes that are not UTF-8 become "\\x1b". The caller frees. */
char *text_clean(const char *s) __attribute__((warn_unused_result));

/* Whether text_clean would change nothing and s has no newline. */
bool text_is_clean(const char *s);

/* A whole number or a number in decimal, nothing before or behind it. */
bool text_to_u64(const char *s, uint64_t *out);
bool text_to_double(const char *s, double *out);

/* Reads a small text file (sysfs, procfs) into buf, without the newline at its
 * end. Returns the length, or -errno. */
int file_read_text(const char *path, char *buf, size_t size);

/* Reads one unsigned whole number. Returns 0 or -errno; -EINVAL: not a number. */
int file_read_u64(const char *path, uint64_t *out);

/* Reads a whole file, or standard input where path is "-", into memory, with a
 * NUL behind it. *size may be NULL. The caller frees. NULL: errno says why;
 * EFBIG beyond most bytes. */
char *file_read_all(const char *path, size_t most, size_t *size) __attribute__((warn_unused_result));

#endif
