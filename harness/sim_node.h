/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sim_node.h - a simulated node: a known power law over a utilisation that is
 * passed in, so that what a measurement should have found can be said.
 *
 * Pure: utilisation and time come in, energy goes out; no clock, no files. The
 * noise is drawn from a generator of its own by the seed. The time steps that
 * it is advanced in change nothing but the last bits.
 *
 * With u the utilisation (0..1, shared evenly by the packages), and the
 * parameters of sim_params.h:
 *
 *   package = (idle_w + span_w u^exponent + thermal_w h + turbo) (1 + noise)
 *   h         follows u with the time constant thermal_tau_s
 *   turbo   = turbo_w while u >= 1/2 and the package's budget (turbo_budget_j
 *             when full) lasts, else 0; below u = 1/2 the budget is refilled
 *             at turbo_w
 *   dram    = (dram_idle_w + dram_span_w u) (1 + noise), per socket
 *   noise     first-order autoregressive in steps of 1 s (constant in between),
 *             with the standard deviation noise_pct and the lag-1
 *             autocorrelation noise_rho; one of its own per package and memory
 *   system  = (packages + drams + platform_w) / efficiency
 *
 * What a baseboard management controller would show of system: at each
 * multiple of period_s a new value, the mean from lag_s + average_s before to
 * lag_s before, rounded to resolution_w.
 *
 * Before its first moment the node was idle for ever.
 */
#ifndef WATTSTEP_SIM_NODE_H
#define WATTSTEP_SIM_NODE_H

#include <stddef.h>

#include "harness/sim_params.h"

struct sim_node; /* opaque */

struct sim_power {
	double cpu_w;    /* all packages */
	double dram_w;   /* all memory */
	double system_w; /* the whole node */
};

/* What the node draws in the mean once it has settled at a utilisation: warmed up, the turbo budget used up.
 */
struct sim_power sim_node_steady_w(const struct sim_params *params, double utilisation);

/* The caller frees. */
struct sim_node *sim_node_new(const struct sim_params *params) __attribute__((warn_unused_result));
void sim_node_free(struct sim_node *node); /* NULL is fine */

/* Goes on to the time to_s, in seconds since the node's first moment, at a
 * utilisation (clamped to 0..1). A time that is not later changes nothing. */
void sim_node_advance(struct sim_node *node, double to_s, double utilisation);

/* Joules since the node's first moment. */
double sim_node_package_j(const struct sim_node *node, unsigned package);
double sim_node_dram_j(const struct sim_node *node, unsigned package);
double sim_node_system_j(const struct sim_node *node);

/* Watts that the controller shows now. */
double sim_node_bmc_w(const struct sim_node *node);

#endif
