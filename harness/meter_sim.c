/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * meter_sim.c - the simulated node as a meter: the power law of sim_node.h over
 * this machine's real utilisation, so that everything but the power itself is
 * real. Its readings are synthetic and say so.
 */
#include "harness/meter.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/text.h"
#include "harness/proc_stat.h"
#include "harness/sim_node.h"

/* Shortest interval that a utilisation is taken over, in s: the kernel counts
 * in ticks of 10 ms, so less of them would be all noise. Between two samples
 * the last utilisation goes on. */
#define SAMPLE_S 0.1

/* The truth has a row at each reading, and at least this often in between, in s. */
#define TRUTH_S 1.0

/* The energy unit of most Intel processors, 2^-14 J. */
#define ENERGY_STEP_J 61.03515625e-6

struct meter_sim {
	struct meter meter; /* first: meter.h */
	struct sim_params params;
	struct sim_node *node;
	unsigned sockets;
	struct proc_stat *stat;
	struct cpu_ticks ticks; /* at the last sample */
	double utilisation;     /* 0..1, over the interval that ended there */
	mono_t sampled_at;
	mono_t began; /* the node's first moment */
	double now_s; /* the node's time */
	FILE *truth;  /* NULL: not asked for */
	char *truth_path;
	double flushed_s; /* the node's time when it was last flushed */
	bool truth_lost;  /* writing has failed */
};

extern const struct meter_class meter_sim;

/* ---- the truth ---- */

static void write_truth(struct meter_sim *sim)
{
	double time_s = (double)sim->began.ns / 1e9 + sim->now_s;

	if (!sim->truth)
		return;
	for (unsigned i = 0; i < sim->sockets; i++) {
		fprintf(sim->truth, "%.9f,sim/package-%u,%.6f\n", time_s, i,
			sim_node_package_j(sim->node, i));
		fprintf(sim->truth, "%.9f,sim/dram-%u,%.6f\n", time_s, i, sim_node_dram_j(sim->node, i));
	}
	fprintf(sim->truth, "%.9f,sim/system,%.6f\n", time_s, sim_node_system_j(sim->node));
}

/* The first failure is told; the readings themselves are not touched by it. */
static void flush_truth(struct meter_sim *sim, struct error *err)
{
	if (!sim->truth || sim->now_s - sim->flushed_s < TRUTH_S)
		return;
	sim->flushed_s = sim->now_s;
	if ((fflush(sim->truth) == 0 && !ferror(sim->truth)) || sim->truth_lost)
		return;
	sim->truth_lost = true;
	error_set(err, ERROR_FAILED, "--sim-truth: %s cannot be written: %s; rows are missing in it",
		  sim->truth_path, strerror(errno));
}

static int open_truth(struct meter_sim *sim, const char *path, struct error *err)
{
	if (!path)
		return 0;
	sim->truth_path = xstrdup(path);
	sim->truth = fopen(path, "we");
	if (!sim->truth)
		return error_set(err, ERROR_FAILED, "--sim-truth: %s cannot be written: %s", path,
				 strerror(errno));
	fprintf(sim->truth, "time_s,channel,energy_j\n");
	write_truth(sim);
	return 0;
}

/* ---- reading ---- */

/* Takes a new utilisation, unless the last is too fresh. */
static int sample(struct meter_sim *sim, struct error *err)
{
	mono_t now = mono_now();
	struct cpu_ticks ticks;
	double pct;

	if (mono_between_s(sim->sampled_at, now) < SAMPLE_S)
		return 0;
	if (proc_stat_read(sim->stat, err) < 0)
		return -1;
	proc_stat_sum(sim->stat, NULL, 0, &ticks);
	pct = cpu_utilisation_pct(&sim->ticks, &ticks);
	if (!isnan(pct))
		sim->utilisation = pct / 100;
	sim->ticks = ticks;
	sim->sampled_at = now;
	return 0;
}

static void advance(struct meter_sim *sim, mono_t to)
{
	double to_s = mono_between_s(sim->began, to);

	while (sim->now_s < to_s) {
		sim->now_s = fmin(sim->now_s + TRUTH_S, to_s);
		sim_node_advance(sim->node, sim->now_s, sim->utilisation);
		write_truth(sim);
	}
}

static double channel_value(const struct meter_sim *sim, size_t i)
{
	double j;

	if (i == 2 * sim->sockets)
		return sim_node_bmc_w(sim->node);
	j = i % 2 ? sim_node_dram_j(sim->node, (unsigned)(i / 2))
		  : sim_node_package_j(sim->node, (unsigned)(i / 2));
	return floor(j / ENERGY_STEP_J) * ENERGY_STEP_J;
}

static void sim_read(struct meter *meter, struct reading *out, struct error *err)
{
	struct meter_sim *sim = (struct meter_sim *)meter;
	mono_t before = mono_now(), at;
	bool failed = sample(sim, err) < 0;

	at = mono_now();
	if (!failed)
		advance(sim, at);
	for (size_t i = 0; i < meter->n_channels; i++)
		out[i] = (struct reading){.at = at,
					  .value = failed ? NAN : channel_value(sim, i),
					  .state = failed ? READING_FAILED : READING_OK};
	for (size_t i = 0; i < meter->n_channels; i++)
		out[i].took_s = mono_between_s(before, at);
	flush_truth(sim, err);
}

/* ---- opening ---- */

static void add_channels(struct meter_sim *sim)
{
	double window_s = sim->params.window_s > 0 ? sim->params.window_s : NAN;
	struct channel *c;

	sim->meter.n_channels = 2 * sim->sockets + 1;
	c = sim->meter.channels = xcalloc(sim->meter.n_channels, sizeof *c);
	for (unsigned i = 0; i < sim->sockets; i++, c += 2) {
		c[0] = c[1] = (struct channel){.unit = UNIT_JOULE,
					       .resolution = ENERGY_STEP_J,
					       .range_j = NAN,
					       .power_limit_w = NAN,
					       .time_window_s = NAN};
		c[0].time_window_s = window_s;
		snprintf(c[0].id, sizeof c->id, "sim/package-%u", i);
		snprintf(c[0].scope, sizeof c->scope, "simulated: package of socket %u", i);
		snprintf(c[1].id, sizeof c->id, "sim/dram-%u", i);
		snprintf(c[1].scope, sizeof c->scope, "simulated: memory of socket %u", i);
	}
	*c = (struct channel){.id = "sim/system",
			      .scope = "simulated: whole node as a BMC shows it",
			      .unit = UNIT_WATT,
			      .resolution = sim->params.resolution_w > 0 ? sim->params.resolution_w : NAN,
			      .range_j = NAN,
			      .power_limit_w = NAN,
			      .time_window_s = NAN};
}

static void sim_close(struct meter *meter)
{
	struct meter_sim *sim = (struct meter_sim *)meter;

	if (!sim)
		return;
	if (sim->truth)
		fclose(sim->truth);
	free(sim->truth_path);
	proc_stat_close(sim->stat);
	sim_node_free(sim->node);
	free(meter->channels);
	free(sim);
}

static int sim_open(struct meter **out, const struct meter_config *config, struct error *err)
{
	struct meter_sim *sim = xcalloc(1, sizeof *sim);

	sim->meter.class = &meter_sim;
	sim->meter.synthetic = true;
	if (sim_params_parse(&sim->params, config->sim, err) < 0)
		goto failed;
	sim->sockets = (unsigned)sim->params.sockets;
	sim->stat = proc_stat_open(&config->roots, err);
	if (!sim->stat)
		goto failed;
	proc_stat_sum(sim->stat, NULL, 0, &sim->ticks);
	sim->node = sim_node_new(&sim->params);
	sim->began = sim->sampled_at = mono_now();
	if (open_truth(sim, config->sim_truth, err) < 0)
		goto failed;
	add_channels(sim);
	*out = &sim->meter;
	return 0;
failed:
	sim_close(&sim->meter);
	return -1;
}

/* ---- for the profile ---- */

static void sim_describe(const struct meter *meter, json_t *entry)
{
	const struct meter_sim *sim = (const struct meter_sim *)meter;
	json_t *parameters = json_object();

	for (size_t i = 0; i < sim_parameters_n; i++) {
		const struct sim_parameter *p = &sim_parameters[i];
		double value = sim_parameter_get(&sim->params, p);

		json_object_set_new(parameters, p->key,
				    p->whole ? json_integer((json_int_t)value) : json_real(value));
	}
	json_object_set_new(entry, "interface", json_string("simulated"));
	json_object_set_new(entry, "parameters", parameters);
}

const struct meter_class meter_sim = {
	.name = "sim",
	.covers = "a simulated node under this machine's real load; nothing is measured",
	.needs = "/proc/stat",
	.automatic = false,
	.blocking = false,
	.least_poll_s = 0,
	.open = sim_open,
	.read = sim_read,
	.describe = sim_describe,
	.close = sim_close,
};
