/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * verdict.h - what the readings of a state showed, in words.
 *
 * The words are published: other programs rely on them, and the manual prints
 * the same sentences.
 */
#ifndef WATTSTEP_VERDICT_H
#define WATTSTEP_VERDICT_H

/* Ascending by how much they take from a state's figures. */
enum verdict {
	VERDICT_STABLE,
	VERDICT_UNSTABLE,
	VERDICT_INSUFFICIENT,
	VERDICT_INVALID,
	VERDICT_SKIPPED,
};

enum reason {
	REASON_NONE,
	REASON_DRIFT,
	REASON_SHIFT,
	REASON_IMPRECISE,
	REASON_SHORT,
	REASON_MISSING,
	REASON_INTERRUPTED,
	REASON_RAPL_STUCK,
	REASON_DCMI_STUCK,
	REASON_LOAD_NOT_HELD,
	REASON_UNSUPPORTED,
	REASON_COUNT,
};

/* "stable", "unstable", "insufficient", "invalid", "skipped". */
const char *verdict_name(enum verdict verdict);

/* "drift", ...; NULL for REASON_NONE. */
const char *reason_name(enum reason reason);

/* The sentence for people; NULL for REASON_NONE. */
const char *reason_text(enum reason reason);

/* What happened that a reader of the figures should know. A set, as bits. */
enum flag {
	FLAG_GAPS = 1 << 0,
	FLAG_COUNTER_RESET = 1 << 1,
	FLAG_INTERVAL_LOST = 1 << 2,
	FLAG_SUSPENDED = 1 << 3,
	FLAG_DEGRADED = 1 << 4,
	FLAG_DEDUPLICATED = 1 << 5,
	FLAG_UNMOVING = 1 << 6,
	FLAG_SLOW_READS = 1 << 7,
	FLAG_STEAL = 1 << 8,
	FLAG_THROTTLED = 1 << 9,
	FLAG_POWER_LIMIT = 1 << 10,
	FLAG_DCMI_BELOW_RAPL = 1 << 11,
	FLAG_SOURCE_LOST = 1 << 12,
	FLAG_NOT_ACTIVE = 1 << 13,
};

/* The i-th flag's name and sentence, in ascending order of bits; NULL after the last. */
const char *flag_name(unsigned i);
const char *flag_text(unsigned i);

#endif
