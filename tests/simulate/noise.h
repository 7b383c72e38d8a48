/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * noise.h - what a synthetic node's power does around its law, second by
 * second, from a seeded generator.
 */
#ifndef WATTSTEP_TESTS_NOISE_H
#define WATTSTEP_TESTS_NOISE_H

#include <stdbool.h>
#include <math.h>

#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>

/* Octaves of 1/f noise: first-order noise of 1, 4, 16, ... 4096 s, each of the same power. */
#define NOISE_OCTAVES 7

enum noise_kind {
	NOISE_NORMAL,  /* first-order autoregressive, normal */
	NOISE_STUDENT, /* heavy tails: Student's t with 3 degrees of freedom */
	NOISE_PINK,    /* power over frequency falls as 1/f down to 1/4096 s */
	NOISE_LOAD, /* the load jumps between two levels, every 10 s in the mean; one is 3 times as noisy */
};

struct noise {
	enum noise_kind kind;
	double sd_w; /* of a second's power */
	double rho;  /* autocorrelation from one second to the next */
	double spike_w, spike_share;
};

struct noise_state {
	gsl_rng *rng;
	double level; /* autoregressive state, in standard deviations */
	double octaves[NOISE_OCTAVES];
	bool busy;
};

static inline void noise_begin(struct noise_state *state, gsl_rng *rng)
{
	*state = (struct noise_state){.rng = rng, .level = gsl_ran_gaussian_ziggurat(rng, 1)};
	for (int i = 0; i < NOISE_OCTAVES; i++)
		state->octaves[i] = gsl_ran_gaussian_ziggurat(rng, 1);
	state->busy = gsl_rng_uniform(rng) < 0.5;
}

static inline double noise_pink(struct noise_state *state)
{
	double sum = 0, tau_s = 1;

	for (int i = 0; i < NOISE_OCTAVES; i++, tau_s *= 4) {
		double rho = exp(-1 / tau_s);

		state->octaves[i] = rho * state->octaves[i] +
				    sqrt(1 - rho * rho) * gsl_ran_gaussian_ziggurat(state->rng, 1);
		sum += state->octaves[i];
	}
	return sum / sqrt(NOISE_OCTAVES);
}

/* The next second's deviation from the law, W. */
static inline double noise_next(struct noise_state *state, const struct noise *noise)
{
	double fresh = noise->kind == NOISE_STUDENT ? gsl_ran_tdist(state->rng, 3) / sqrt(3)
						    : gsl_ran_gaussian_ziggurat(state->rng, 1);
	double w;

	state->level = noise->rho * state->level + sqrt(1 - noise->rho * noise->rho) * fresh;
	w = noise->sd_w * (noise->kind == NOISE_PINK ? noise_pink(state) : state->level);
	if (noise->kind == NOISE_LOAD) {
		state->busy ^= gsl_rng_uniform(state->rng) < 0.1;
		w = state->busy ? w + noise->sd_w / 2 : w / 3 - noise->sd_w / 2;
	}
	if (noise->spike_share > 0 && gsl_rng_uniform(state->rng) < noise->spike_share)
		w += noise->spike_w;
	return w;
}

#endif
