/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bmc_power.h - the true power of the node that a simulated BMC measures: all
 * samples of its cumulative energy, and where they come from.
 *
 * They come either from a file that always says "time_s energy_j" (powercapfs
 * offers one), or from a law: a power set by command, reached with a time
 * constant, times seeded noise. Between two samples the power is constant, so
 * the energy at any instant is known exactly. Times are seconds of
 * CLOCK_MONOTONIC and are passed in; the caller locks.
 */
#ifndef WATTSTEP_BMC_POWER_H
#define WATTSTEP_BMC_POWER_H

#include <fcntl.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Time over which the noise forgets itself, as in powercap_zones.h. */
#define POWER_NOISE_CORRELATION_S 1.0

struct sample {
	double at_s, energy_j;
};

struct power {
	struct sample *samples; /* in the order of time, two at least once it is in use */
	size_t n, room;

	int file; /* -1: the law below */
	double law_w, target_w, tau_s;
	double noise_pct, noise;
	unsigned short random[3];
};

static void power_add(struct power *power, double at_s, double energy_j)
{
	if (power->n > 0 && at_s <= power->samples[power->n - 1].at_s)
		return; /* nothing new */
	if (power->n == power->room) {
		power->room = power->room ? 2 * power->room : 4096;
		power->samples = realloc(power->samples, power->room * sizeof *power->samples);
		if (!power->samples)
			abort();
	}
	power->samples[power->n++] = (struct sample){at_s, energy_j};
}

/* The first of the samples that is not before t; the last of them where all are. */
static size_t power_find(const struct power *power, double t)
{
	size_t low = 1, high = power->n - 1;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (power->samples[middle].at_s < t)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Joules at t. Before the first sample and after the last the power is taken to be that beside it. */
static double power_energy(const struct power *power, double t)
{
	const struct sample *b = &power->samples[power_find(power, t)], *a = b - 1;

	return a->energy_j + (b->energy_j - a->energy_j) * (t - a->at_s) / (b->at_s - a->at_s);
}

static double power_mean(const struct power *power, double from_s, double to_s)
{
	return (power_energy(power, to_s) - power_energy(power, from_s)) / (to_s - from_s);
}

static double power_gauss(struct power *power)
{
	double radius = sqrt(-2 * log(1 - erand48(power->random)));

	return radius * cos(2 * M_PI * erand48(power->random));
}

/* The law's mean over the next dt_s, after which law and noise have moved on. */
static double power_of_law(struct power *power, double dt_s)
{
	double above_w = power->law_w - power->target_w, mean_w = power->target_w;
	double kept = power->tau_s > 0 ? exp(-dt_s / power->tau_s) : 0;

	if (power->tau_s > 0)
		mean_w += above_w * power->tau_s * (1 - kept) / dt_s;
	power->law_w = power->target_w + above_w * kept;
	mean_w *= fmax(1 + power->noise, 0);
	kept = exp(-dt_s / POWER_NOISE_CORRELATION_S);
	power->noise =
		kept * power->noise + sqrt(1 - kept * kept) * power->noise_pct / 100 * power_gauss(power);
	return mean_w;
}

/* The law's energy until now_s. */
static void power_go_on(struct power *power, double now_s)
{
	const struct sample last = power->n > 0 ? power->samples[power->n - 1] : (struct sample){now_s, 0};
	double dt_s = now_s - last.at_s;

	if (power->n == 0)
		power_add(power, now_s, 0);
	else if (dt_s > 0)
		power_add(power, now_s, last.energy_j + power_of_law(power, dt_s) * dt_s);
}

/* Takes a sample: what the file says now, nothing where it says nothing; or of the law at now_s. */
static void power_look(struct power *power, double now_s)
{
	double at_s, energy_j;
	char text[80];
	ssize_t length;

	if (power->file < 0) {
		power_go_on(power, now_s);
		return;
	}
	length = pread(power->file, text, sizeof text - 1, 0);
	text[length > 0 ? length : 0] = '\0';
	if (sscanf(text, "%lf %lf", &at_s, &energy_j) == 2)
		power_add(power, at_s, energy_j);
}

static const struct sample *power_last(const struct power *power)
{
	return &power->samples[power->n - 1];
}

/* The law goes to target_w from now_s on. */
static void power_set(struct power *power, double now_s, double target_w, double tau_s)
{
	power_look(power, now_s);
	power->target_w = target_w;
	power->tau_s = tau_s;
}

/* Goes on where an earlier BMC of this node stopped to look: the law knows nothing of its absence. */
static void power_resume(struct power *power, struct sample last, double power_w)
{
	power_add(power, last.at_s, last.energy_j);
	power->law_w = power->target_w = power_w;
}

/* file: NULL for the law. 0, or -1 with errno. */
static int power_begin(struct power *power, const char *file, double power_w, double noise_pct, double seed)
{
	power->file = file ? open(file, O_RDONLY | O_CLOEXEC) : -1;
	power->law_w = power->target_w = power_w;
	power->noise_pct = noise_pct;
	for (unsigned i = 0; i < 3; i++)
		power->random[i] = (unsigned short)((uint64_t)seed >> 16 * i);
	power->noise = noise_pct / 100 * power_gauss(power);
	return file && power->file < 0 ? -1 : 0;
}

#endif
