/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * node_cpu.h - the processor in a node's description (node.h).
 */
#ifndef WATTSTEP_NODE_CPU_H
#define WATTSTEP_NODE_CPU_H

#include <jansson.h>

#include "harness/base/roots.h"
#include "workloads/topology.h"

/* "cpu": model, how many, how fast. cpuinfo is the text of <procfs>/cpuinfo;
 * topology may be NULL. A new reference. */
json_t *node_cpu(const struct roots *roots, const struct topology *topology, const char *cpuinfo)
	__attribute__((warn_unused_result));

/* "power_settings": what decides the clock. A new reference. */
json_t *node_power_settings(const struct roots *roots) __attribute__((warn_unused_result));

#endif
