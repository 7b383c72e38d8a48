/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * throttle.h - how often the processor slowed itself down because of heat.
 */
#ifndef WATTSTEP_THROTTLE_H
#define WATTSTEP_THROTTLE_H

#include <stdint.h>

#include "harness/base/roots.h"

/* Thermal throttling events since boot, over cores and packages. Only its rise
 * means something: each CPU of a package repeats the package's events. -1: the
 * node does not count them (AMD and Arm, most virtual machines). Opens two files
 * for each CPU, so ask at the ends of a state, not every second. */
int64_t throttle_count(const struct roots *roots);

#endif
