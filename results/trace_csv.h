/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * trace_csv.h - a trace as a file: CSV that every tool reads, with lines
 * "#{...}" of JSON for what else judging needs.
 */
#ifndef WATTSTEP_TRACE_CSV_H
#define WATTSTEP_TRACE_CSV_H

#include "harness/base/error.h"
#include "profiles/trace.h"

struct trace_writer; /* opaque */

/* Creates the file (path "-": standard output) and writes what stands before
 * the rows. trace is borrowed. */
struct trace_writer *trace_writer_open(const char *path, const struct trace *trace, struct error *err)
	__attribute__((warn_unused_result));

/* Writes what has come to the trace since the last call. sync: it is on disk when this returns. */
int trace_writer_write(struct trace_writer *writer, int sync, struct error *err);

/* Writes the rest and closes. NULL is fine. */
int trace_writer_close(struct trace_writer *writer, struct error *err);

/*
 * Reads a trace, of ours or bare (the column header and rows alone, as other
 * programs write them). Path "-" is standard input. A last line that was cut
 * off is passed over. ERROR_INPUT says "path: line N: what was expected, what
 * came". The caller frees with trace_free.
 */
struct trace *trace_read(const char *path, struct error *err) __attribute__((warn_unused_result));

#endif
