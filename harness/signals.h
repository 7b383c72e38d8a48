/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * signals.h - the signals that end a run, as a descriptor to wait on.
 */
#ifndef WATTSTEP_SIGNALS_H
#define WATTSTEP_SIGNALS_H

#include "harness/base/error.h"

/* Blocks SIGINT, SIGTERM and SIGHUP and ignores SIGPIPE and SIGXFSZ. Returns a descriptor
 * that becomes readable when one of them arrives, or -1 with err. */
int signals_open(struct error *err);

/* Takes the next signal: its number, or 0 where none is waiting. */
int signals_take(int fd);

#endif
