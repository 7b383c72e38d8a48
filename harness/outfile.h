/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * outfile.h - a document that is on disk whole or not at all.
 */
#ifndef WATTSTEP_OUTFILE_H
#define WATTSTEP_OUTFILE_H

#include "harness/base/error.h"

/* Whether outfile_write will be able to write there: tried with an empty file
 * beside it, before a long run begins. ERROR_FAILED. */
int outfile_check(const char *path, struct error *err);

/* Replaces the file by text: written beside it, fsync, rename, fsync of the
 * folder. path "-": standard output, as it is. ERROR_FAILED; an older version of the file then stays. */
int outfile_write(const char *path, const char *text, struct error *err);

#endif
