/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "harness/base/text.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *or_die(void *p)
{
	static const char message[] = "wattstep: out of memory\n";

	if (!p) {
		if (write(STDERR_FILENO, message, sizeof message - 1) < 0)
			abort();
		_exit(1);
	}
	return p;
}

void *xcalloc(size_t n, size_t size)
{
	return or_die(calloc(n ? n : 1, size));
}

void *xrealloc(void *p, size_t n, size_t size)
{
	return or_die(reallocarray(p, n ? n : 1, size));
}

char *xstrdup(const char *s)
{
	return or_die(strdup(s));
}

__attribute__((format(printf, 1, 0))) static char *format_new(const char *format, va_list args)
{
	char *s = NULL;

	if (vasprintf(&s, format, args) < 0)
		s = NULL;
	return or_die(s);
}

char *xasprintf(const char *format, ...)
{
	va_list args;
	char *s;

	va_start(args, format);
	s = format_new(format, args);
	va_end(args);
	return s;
}

static void add_steal(struct strings *list, char *s)
{
	list->items = xrealloc(list->items, list->n + 2, sizeof *list->items);
	list->items[list->n++] = s;
	list->items[list->n] = NULL;
}

void strings_add(struct strings *list, const char *s)
{
	add_steal(list, xstrdup(s));
}

void strings_addf(struct strings *list, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add_steal(list, format_new(format, args));
	va_end(args);
}

void strings_free(struct strings *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->items[i]);
	free(list->items);
	*list = (struct strings){0};
}

static bool is_plain_word(const char *s)
{
	if (!*s)
		return false;
	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr("-_./:,=+@%", *s))
			return false;
	return true;
}

char *strings_shell(const struct strings *words)
{
	char *out = NULL;
	size_t size = 0;
	FILE *f = or_die(open_memstream(&out, &size));

	for (size_t i = 0; i < words->n; i++) {
		const char *s = words->items[i];

		if (i)
			fputc(' ', f);
		if (is_plain_word(s)) {
			fputs(s, f);
			continue;
		}
		fputc('\'', f);
		for (; *s; s++)
			if (*s == '\'')
				fputs("'\\''", f);
			else
				fputc(*s, f);
		fputc('\'', f);
	}
	fclose(f);
	return or_die(out);
}

char *strings_join(const struct strings *list, const char *separator)
{
	char *out = NULL;
	size_t size = 0;
	FILE *f = or_die(open_memstream(&out, &size));

	for (size_t i = 0; i < list->n; i++)
		fprintf(f, "%s%s", i ? separator : "", list->items[i]);
	fclose(f);
	return or_die(out);
}

void strings_split(struct strings *out, const char *s, char separator)
{
	const char *end;

	while ((end = strchr(s, separator))) {
		strings_addf(out, "%.*s", (int)(end - s), s);
		s = end + 1;
	}
	strings_add(out, s);
}

bool text_to_u64(const char *s, uint64_t *out)
{
	char *end;

	if (!isdigit((unsigned char)*s))
		return false;
	errno = 0;
	*out = strtoull(s, &end, 10);
	return !errno && !*end;
}

bool text_to_double(const char *s, double *out)
{
	char *end;

	if (!*s || isspace((unsigned char)*s))
		return false;
	errno = 0;
	*out = strtod(s, &end);
	return !errno && !*end && *out == *out && *out - *out == 0; /* neither NaN nor infinite */
}

int file_read_text(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got;

	if (fd < 0)
		return -errno;
	got = read(fd, buf, size - 1);
	if (got < 0)
		got = -errno;
	close(fd);
	if (got < 0)
		return (int)got;
	while (got > 0 && buf[got - 1] == '\n')
		got--;
	buf[got] = '\0';
	return (int)got;
}

int file_read_u64(const char *path, uint64_t *out)
{
	char buf[64] = "";
	int got = file_read_text(path, buf, sizeof buf);

	if (got < 0)
		return got;
	return text_to_u64(buf, out) ? 0 : -EINVAL;
}

char *file_read_all(const char *path, size_t most, size_t *size)
{
	int fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
	size_t used = 0, room = 0;
	char *data = NULL;
	ssize_t got;

	if (fd < 0)
		return NULL;
	do {
		if (room - used < 2) {
			room = room ? room * 2 : 65536;
			data = xrealloc(data, room, 1);
		}
		got = read(fd, data + used, room - used - 1);
		if (got > 0)
			used += (size_t)got;
		if (used > most) {
			got = -1;
			errno = EFBIG;
		}
	} while (got > 0 || (got < 0 && errno == EINTR));
	if (got < 0) {
		int saved = errno;

		free(data);
		close(fd);
		errno = saved;
		return NULL;
	}
	close(fd);
	data[used] = '\0';
	if (size)
		*size = used;
	return data;
}
