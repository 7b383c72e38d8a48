/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * node.h - what this node is: the "node" object of a profile.
 */
#ifndef WATTSTEP_NODE_H
#define WATTSTEP_NODE_H

#include <jansson.h>

#include "harness/base/roots.h"
#include "workloads/topology.h"

/*
 * The facts that decide how much power a node draws: processor, memory, kernel,
 * power settings. Read below the given roots; sockets, cores and threads come
 * from topology, which may be NULL. A fact that the node does not tell is null,
 * never 0. Nothing in it names the single machine (no host name, no serial
 * number) but node_name, which is what the user asked for, or NULL.
 *
 * Where CPUs differ (hybrid processors, settings of single CPUs) the different
 * values stand beside each other: "performance, powersave". A new reference.
 */
json_t *node_describe(const struct roots *roots, const struct topology *topology, const char *node_name)
	__attribute__((warn_unused_result));

#endif
