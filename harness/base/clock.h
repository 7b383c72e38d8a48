/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * clock.h - time.
 *
 * Intervals are taken on CLOCK_MONOTONIC alone: it never jumps, whatever
 * happens to the wall clock. A type of its own keeps nanoseconds from being
 * mixed up with seconds.
 */
#ifndef WATTSTEP_CLOCK_H
#define WATTSTEP_CLOCK_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
	int64_t ns; /* CLOCK_MONOTONIC, nanoseconds */
} mono_t;

mono_t mono_now(void);

/* Seconds from a to b. */
double mono_between_s(mono_t a, mono_t b);

/* t plus seconds. */
mono_t mono_after_s(mono_t t, double seconds);

/* How far CLOCK_BOOTTIME is ahead of CLOCK_MONOTONIC, in seconds: it grows by the time spent suspended. */
double clock_suspended_s(void);

/* The wall clock's time as RFC 3339 in UTC with milliseconds, "2026-11-23T16:40:52.123Z". */
#define CLOCK_RFC3339_SIZE 32
void clock_rfc3339_now(char out[CLOCK_RFC3339_SIZE]);

#endif
