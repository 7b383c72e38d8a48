/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "harness/sim_node.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "harness/base/text.h"

/* Grid on which the system's energy is remembered for the controller's rolling
 * mean, in steps a second. Between its points power is taken as constant. */
#define GRID_PER_S 10

/* The load from which a package uses up its turbo budget; below, it refills. */
#define TURBO_UTILISATION 0.5

#define PI 3.14159265358979323846

struct source {
	double noise; /* relative */
	double energy_j;
	double turbo_left_j; /* packages only */
};

struct sim_node {
	struct sim_params params;
	uint64_t random;     /* state of the generator */
	double now_s;        /* time since the first moment */
	uint64_t grid;       /* the last grid point reached */
	double warmth;       /* h */
	unsigned n_packages; /* and as many memories */
	struct source *cpu, *dram;
	double *grid_j; /* system energy at grid points, a ring */
	size_t grid_n;
};

/* splitmix64, by Sebastiano Vigna, 2015 (public domain): any seed will do. */
static uint64_t random_next(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

/* Uniform in (0, 1]. */
static double random_uniform(uint64_t *state)
{
	return (double)((random_next(state) >> 11) + 1) * 0x1p-53;
}

/* Box and Muller 1958; one of the pair is enough. */
static double random_normal(uint64_t *state)
{
	double radius = sqrt(-2 * log(random_uniform(state)));

	return radius * cos(2 * PI * random_uniform(state));
}

struct sim_power sim_node_steady_w(const struct sim_params *p, double u)
{
	struct sim_power power;

	power.cpu_w = p->sockets * (p->idle_w + p->span_w * pow(u, p->exponent) + p->thermal_w * u);
	power.dram_w = p->sockets * (p->dram_idle_w + p->dram_span_w * u);
	power.system_w = (power.cpu_w + power.dram_w + p->platform_w) / p->efficiency;
	return power;
}

static void draw_noise(struct sim_node *node, double rho)
{
	double sd = node->params.noise_pct / 100 * sqrt(1 - rho * rho);

	for (unsigned i = 0; i < node->n_packages; i++) {
		node->cpu[i].noise = rho * node->cpu[i].noise + sd * random_normal(&node->random);
		node->dram[i].noise = rho * node->dram[i].noise + sd * random_normal(&node->random);
	}
}

struct sim_node *sim_node_new(const struct sim_params *params)
{
	struct sim_node *node = xcalloc(1, sizeof *node);

	node->params = *params;
	node->random = (uint64_t)params->seed;
	node->n_packages = (unsigned)params->sockets;
	node->cpu = xcalloc(node->n_packages, sizeof *node->cpu);
	node->dram = xcalloc(node->n_packages, sizeof *node->dram);
	for (unsigned i = 0; i < node->n_packages; i++)
		node->cpu[i].turbo_left_j = params->turbo_budget_j;
	draw_noise(node, 0);
	/* Two more: the point before the oldest time, and the rounding up. */
	node->grid_n = (size_t)((params->lag_s + params->average_s + params->period_s) * GRID_PER_S) + 3;
	node->grid_j = xcalloc(node->grid_n, sizeof *node->grid_j);
	return node;
}

void sim_node_free(struct sim_node *node)
{
	if (!node)
		return;
	free(node->cpu);
	free(node->dram);
	free(node->grid_j);
	free(node);
}

/* The integral of h over dt, and h at its end: h' = (u - h) / tau. */
static double warm_up(double *warmth, double u, double tau_s, double dt)
{
	double from = tau_s > 0 ? *warmth - u : 0, left = tau_s > 0 ? exp(-dt / tau_s) : 0;

	*warmth = u + from * left;
	return u * dt + from * tau_s * (1 - left);
}

static double turbo_j(const struct sim_params *p, double *left_j, double u, double dt)
{
	double j = p->turbo_w * dt;

	if (u < TURBO_UTILISATION) {
		*left_j = fmin(*left_j + j, p->turbo_budget_j);
		return 0;
	}
	j = fmin(j, *left_j);
	*left_j -= j;
	return j;
}

/* One step within which the noise is constant. */
static void step(struct sim_node *node, double dt, double u)
{
	const struct sim_params *p = &node->params;
	double at_once_j = (p->idle_w + p->span_w * pow(u, p->exponent)) * dt;
	double thermal_j = p->thermal_w * warm_up(&node->warmth, u, p->thermal_tau_s, dt);
	double dram_j = (p->dram_idle_w + p->dram_span_w * u) * dt;

	for (unsigned i = 0; i < node->n_packages; i++) {
		struct source *cpu = &node->cpu[i], *dram = &node->dram[i];
		double turbo = turbo_j(p, &cpu->turbo_left_j, u, dt);

		cpu->energy_j += (at_once_j + thermal_j + turbo) * (1 + cpu->noise);
		dram->energy_j += dram_j * (1 + dram->noise);
	}
}

static double grid_time_s(uint64_t grid)
{
	return (double)grid / GRID_PER_S;
}

void sim_node_advance(struct sim_node *node, double to_s, double utilisation)
{
	double u = fmin(fmax(utilisation, 0), 1);

	while (grid_time_s(node->grid + 1) <= to_s) {
		step(node, grid_time_s(node->grid + 1) - node->now_s, u);
		node->grid++;
		node->now_s = grid_time_s(node->grid);
		node->grid_j[node->grid % node->grid_n] = sim_node_system_j(node);
		if (node->grid % GRID_PER_S == 0)
			draw_noise(node, node->params.noise_rho);
	}
	if (to_s > node->now_s) {
		step(node, to_s - node->now_s, u);
		node->now_s = to_s;
	}
}

double sim_node_package_j(const struct sim_node *node, unsigned package)
{
	return node->cpu[package].energy_j;
}

double sim_node_dram_j(const struct sim_node *node, unsigned package)
{
	return node->dram[package].energy_j;
}

double sim_node_system_j(const struct sim_node *node)
{
	double j = node->params.platform_w * node->now_s;

	for (unsigned i = 0; i < node->n_packages; i++)
		j += node->cpu[i].energy_j + node->dram[i].energy_j;
	return j / node->params.efficiency;
}

/* The system's energy at an earlier time, before the first moment too. */
static double system_j_at(const struct sim_node *node, double t)
{
	uint64_t grid;
	double next_j, next_s, j;

	if (t < 0)
		return t * sim_node_steady_w(&node->params, 0).system_w;
	grid = (uint64_t)(t * GRID_PER_S);
	if (grid > node->grid)
		grid = node->grid;
	j = node->grid_j[grid % node->grid_n];
	if (grid < node->grid) {
		next_j = node->grid_j[(grid + 1) % node->grid_n];
		next_s = grid_time_s(grid + 1);
	} else {
		next_j = sim_node_system_j(node);
		next_s = node->now_s;
	}
	if (next_s <= grid_time_s(grid))
		return j;
	return j + (next_j - j) * (t - grid_time_s(grid)) / (next_s - grid_time_s(grid));
}

double sim_node_bmc_w(const struct sim_node *node)
{
	const struct sim_params *p = &node->params;
	double to_s = floor(node->now_s / p->period_s) * p->period_s - p->lag_s;
	double mean_w = (system_j_at(node, to_s) - system_j_at(node, to_s - p->average_s)) / p->average_s;

	return p->resolution_w > 0 ? round(mean_w / p->resolution_w) * p->resolution_w : mean_w;
}
