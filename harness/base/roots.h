/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * roots.h - where the kernel's files are looked for.
 *
 * Meters and node facts read below these folders, so that a recorded or
 * simulated node can be measured (--sysfs, --procfs). What acts on the machine
 * (load, placement, cgroups) always uses the running kernel instead.
 */
#ifndef WATTSTEP_ROOTS_H
#define WATTSTEP_ROOTS_H

struct roots {
	const char *sysfs;  /* "/sys" unless --sysfs says otherwise */
	const char *procfs; /* "/proc" unless --procfs says otherwise */
};

#endif
