/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * unit.h - the units of readings, in meters and in traces.
 */
#ifndef WATTSTEP_UNIT_H
#define WATTSTEP_UNIT_H

enum unit {
	UNIT_JOULE,   /* cumulative energy */
	UNIT_WATT,    /* power at, or up to, the time of the reading */
	UNIT_PERCENT, /* mean over the time since the reading before */
};

#endif
