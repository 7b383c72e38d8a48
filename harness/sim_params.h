/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sim_params.h - what the simulated node is made of: --sim KEY=VALUE,...
 *
 * One table holds each parameter's default, bounds, unit and help; parsing,
 * checking, --help and the manual read it. What the parameters mean together
 * is said in sim_node.h.
 */
#ifndef WATTSTEP_SIM_PARAMS_H
#define WATTSTEP_SIM_PARAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "harness/base/error.h"

/* One member for each row of the table. */
struct sim_params {
	double sockets;
	double idle_w, span_w, exponent;
	double thermal_w, thermal_tau_s;
	double turbo_w, turbo_budget_j;
	double noise_pct, noise_rho;
	double dram_idle_w, dram_span_w;
	double platform_w, efficiency;
	double period_s, lag_s, average_s, resolution_w;
	double window_s;
	double seed;
};

struct sim_parameter {
	const char *key;
	size_t offset; /* of its member in struct sim_params */
	double by_default, least, most;
	const char *unit; /* "" for a plain number */
	bool whole;       /* whole numbers only */
	const char *help;
};

/* The table, in the order in which people see it. */
extern const struct sim_parameter sim_parameters[];
extern const size_t sim_parameters_n;

double sim_parameter_get(const struct sim_params *params, const struct sim_parameter *parameter);

void sim_params_defaults(struct sim_params *params);

/* Defaults, then each KEY=VALUE of text (NULL or "": none). ERROR_INPUT: an
 * unknown key (all keys are listed), no number, or a value out of bounds. */
int sim_params_parse(struct sim_params *params, const char *text, struct error *err);

/* The table as lines for --help and the manual. */
void sim_params_print(FILE *out);

#endif
