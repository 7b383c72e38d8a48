/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cpu_files.h - a file that sysfs has once for each CPU.
 */
#ifndef WATTSTEP_CPU_FILES_H
#define WATTSTEP_CPU_FILES_H

#include "harness/base/roots.h"
#include "harness/base/text.h"

/* Adds "<sysfs>/devices/system/cpu/cpuN/<leaf>" for every CPU that the node
 * lists, by number. A CPU that is offline, or a kernel without that feature,
 * may lack the file itself. */
void cpu_files(const struct roots *roots, const char *leaf, struct strings *paths);

#endif
