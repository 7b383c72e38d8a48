/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * unit.h - the units of readings, in meters and in traces.
 */
#ifndef WATTSTEP_UNIT_H
#define WATTSTEP_UNIT_H

#include <stdbool.h>

enum unit {
	UNIT_JOULE,   /* cumulative energy */
	UNIT_WATT,    /* power at, or up to, the time of the reading */
	UNIT_PERCENT, /* mean over the time since the reading before */
	UNIT_SECOND,  /* a time that a source tells, such as its clock */
	UNIT_FLAG,    /* 0 or 1 */
	UNITS,
};

/* Whether power follows from readings of this unit; others say something about a source, and nobody judges
 * them. */
static inline bool unit_tells_power(enum unit unit)
{
	return unit == UNIT_JOULE || unit == UNIT_WATT;
}

#endif
