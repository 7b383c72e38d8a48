/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * families.h - the synthetic nodes that the judge is tried on: a law of power
 * over time, noise around it, and what a good method does with it.
 */
#ifndef WATTSTEP_TESTS_FAMILIES_H
#define WATTSTEP_TESTS_FAMILIES_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

#include "harness/base/text.h"
#include "tests/simulate/noise.h"

enum expectation {
	COVERED,       /* stable; ci95 holds the truth in .93 to .98 */
	AMPLY_COVERED, /* stable; in .93 and more: what repeats, and a late step that hardly shows */
	DRIFTS,        /* may end as stable; then u95 holds the truth in .93 and more */
	REFUSED,       /* never stable */
	ONLY_REPORTED, /* no limit is set */
};

struct family {
	const char *name;
	bool tuning; /* in view when the method was chosen; else only looked at in the end */
	enum expectation expected;
	double (*law)(const double *p, double t); /* W at t seconds of the state */
	double p[5];
	double period_s; /* the law repeats, and begins anywhere in its period; 0: it does not */
	double truth_w;  /* what it settles to */
	double most_s;   /* median time to the verdict must not be longer; 0: no limit */
	struct noise noise;
	bool bmc;      /* judged as `system`, through a BMC */
	double step_j; /* the counter's smallest step; 0: none */
	bool quick;    /* judged by the quick rule, too */
};

static inline double settles(const double *p, double t)
{
	return p[1] + (p[0] - p[1]) * exp(-t / p[2]);
}

static inline double settles_twice(const double *p, double t)
{
	return p[0] + p[1] * exp(-t / p[2]) + p[3] * exp(-t / p[4]);
}

static inline double ramps(const double *p, double t)
{
	return p[0] + p[1] * t;
}

/* p: mean, amplitude, period. */
static inline double saws(const double *p, double t)
{
	return p[0] + p[1] * (2 * fmod(t, p[2]) / p[2] - 1);
}

/* p: mean, amplitude, three periods. */
static inline double fans(const double *p, double t)
{
	return p[0] + p[1] * (sin(2 * M_PI * t / p[2]) + sin(2 * M_PI * t / p[3]) + sin(2 * M_PI * t / p[4]));
}

/* p: before, after, time of the step. */
static inline double steps(const double *p, double t)
{
	return t < p[2] ? p[0] : p[1];
}

/* p: low, high, seconds of high, period. */
static inline double bursts(const double *p, double t)
{
	return fmod(t, p[3]) < p[2] ? p[1] : p[0];
}

#define USUAL_NOISE .noise = {.sd_w = 1, .rho = 0.3} /* 0.5 % of 200 W */
#define IDLE_NOISE .noise = {.sd_w = 0.3, .rho = 0.3}
#define FLAT(power_w) .law = steps, .p = {power_w, power_w}, .truth_w = (power_w)
#define SETTLES(from_w, to_w, tau_s) .law = settles, .p = {from_w, to_w, tau_s}, .truth_w = (to_w)
#define STEPS(from_w, to_w, at_s) .law = steps, .p = {from_w, to_w, at_s}, .truth_w = (to_w)
#define RAMPS(from_w, w_per_s) .law = ramps, .p = {from_w, w_per_s}, .truth_w = NAN
#define SAWS(power_w, swing_w, seconds)                                                                      \
	.law = saws, .p = {power_w, swing_w, seconds}, .period_s = (seconds), .truth_w = (power_w)
#define FANS(swing_w, a_s, b_s, c_s, all_s)                                                                  \
	.law = fans, .p = {200, swing_w, a_s, b_s, c_s}, .period_s = (all_s), .truth_w = 200
#define BURSTS(low_w, high_w, high_s, seconds)                                                               \
	.law = bursts, .p = {low_w, high_w, high_s, seconds}, .period_s = (seconds),                         \
	.truth_w = (low_w) + ((high_w) - (low_w)) * (double)(high_s) / (seconds)

static const struct family families[] = {
	/* The table that the method began with. */
	{"flat", true, COVERED, FLAT(200), .most_s = 140, USUAL_NOISE, .quick = true},
	{"120 -> 200 W, tau 10 s", true, COVERED, SETTLES(120, 200, 10), .most_s = 170, USUAL_NOISE,
	 .quick = true},
	{"120 -> 200 W, tau 30 s", true, COVERED, SETTLES(120, 200, 30), .most_s = 255, USUAL_NOISE,
	 .quick = true},
	{"+5 % heat soak, tau 120 s", true, DRIFTS, SETTLES(190, 200, 120), .most_s = 385, USUAL_NOISE},
	{"+5 % heat soak, tau 300 s", true, DRIFTS, SETTLES(190, 200, 300), USUAL_NOISE},
	{"ramp 0.25 W/s", true, REFUSED, RAMPS(200, 0.25), USUAL_NOISE, .quick = true},
	{"ramp 1 %/min", true, REFUSED, RAMPS(200, 2.0 / 60), USUAL_NOISE},
	{"sawtooth +-2 %, 20 s", true, AMPLY_COVERED, SAWS(200, 4, 20), .most_s = 175, USUAL_NOISE,
	 .quick = true},
	{"sawtooth +-2 %, 60 s", true, AMPLY_COVERED, SAWS(200, 4, 60), .most_s = 285, USUAL_NOISE},
	{"sawtooth +-5 %, 120 s", true, REFUSED, SAWS(200, 10, 120), USUAL_NOISE},
	{"260 -> 200 W at 28 s", true, COVERED, STEPS(260, 200, 28), .most_s = 160, USUAL_NOISE,
	 .quick = true},
	{"260 -> 200 W at 56 s", true, COVERED, STEPS(260, 200, 56), .most_s = 185, USUAL_NOISE},
	{"260 -> 200 W at 100 s", true, COVERED, STEPS(260, 200, 100), .most_s = 225, USUAL_NOISE},
	{"200/230 W every 45 s", true, REFUSED, BURSTS(200, 230, 45, 90), USUAL_NOISE},
	/* One in ten of the stable ones has had no spike by 155 s and cannot be told from flat power, which
	 * has to end by 140 s. */
	{"+60 W spikes, p .02", true, ONLY_REPORTED, .law = steps, .p = {200, 200}, .truth_w = 201.2,
	 .most_s = 300, .noise = {.sd_w = 1, .rho = 0.3, .spike_w = 60, .spike_share = 0.02}},
	{"AR(1) rho .9, sd 1 %", true, COVERED, FLAT(200), .noise = {.sd_w = 2, .rho = 0.9}},
	{"idle 20 W, sd .3 W", true, COVERED, FLAT(20), .most_s = 175, IDLE_NOISE, .quick = true},
	{"idle + 15 W, 10 s in 120 s", true, REFUSED, BURSTS(20, 35, 10, 120), IDLE_NOISE},
	/* More to choose with. */
	{"AR(1) rho .6, sd .5 %", true, COVERED, FLAT(200), .noise = {.sd_w = 1, .rho = 0.6}, .quick = true},
	{"120 -> 200 W, tau 60 s", true, DRIFTS, SETTLES(120, 200, 60), USUAL_NOISE},
	{"fans 15, 37, 70 s, +-.5 %", true, AMPLY_COVERED, FANS(1, 15, 37, 70, 7770), USUAL_NOISE},
	{"BMC, flat", true, ONLY_REPORTED, FLAT(200.4), USUAL_NOISE, .bmc = true},
	/* More, that were in view when the constants were chosen. */
	{"white noise, sd .2 %", true, COVERED, FLAT(200), .noise = {.sd_w = 0.4}, .quick = true},
	{"AR(1) rho .8, sd .5 %", true, COVERED, FLAT(200), .noise = {.sd_w = 1, .rho = 0.8}},
	{"AR(1) rho .95, sd .5 %", true, COVERED, FLAT(200), .noise = {.sd_w = 1, .rho = 0.95}},
	{"heavy tails, t(3)", true, COVERED, FLAT(200),
	 .noise = {.kind = NOISE_STUDENT, .sd_w = 1, .rho = 0.3}, .quick = true},
	{"noise follows the load", true, COVERED, FLAT(200),
	 .noise = {.kind = NOISE_LOAD, .sd_w = 1.5, .rho = 0.3}},
	{"1/f noise, sd .5 %", true, ONLY_REPORTED, FLAT(200), .noise = {.kind = NOISE_PINK, .sd_w = 1}},
	{"counter of 1 J, 20.3 W", true, COVERED, FLAT(20.3), IDLE_NOISE, .step_j = 1},
	{"150 -> 200 W, tau 20 s", true, COVERED, SETTLES(150, 200, 20), USUAL_NOISE, .quick = true},
	{"60 -> 20 W, tau 15 s", true, COVERED, SETTLES(60, 20, 15), IDLE_NOISE},
	{"two constants, 10 and 60 s", true, DRIFTS, .law = settles_twice, .p = {200, -60, 10, -10, 60},
	 .truth_w = 200, USUAL_NOISE},
	{"+3 % heat soak, tau 90 s", true, DRIFTS, SETTLES(194, 200, 90), USUAL_NOISE},
	{"+3 % heat soak, tau 200 s", true, DRIFTS, SETTLES(194, 200, 200), USUAL_NOISE},
	{"250 -> 200 W at 15 s", true, COVERED, STEPS(250, 200, 15), USUAL_NOISE, .quick = true},
	{"250 -> 200 W at 40 s", true, COVERED, STEPS(250, 200, 40), USUAL_NOISE},
	{"250 -> 200 W at 80 s", true, COVERED, STEPS(250, 200, 80), USUAL_NOISE},
	{"250 -> 200 W at 120 s", true, COVERED, STEPS(250, 200, 120), USUAL_NOISE},
	{"250 -> 200 W at 150 s", true, ONLY_REPORTED, STEPS(250, 200, 150), USUAL_NOISE},
	{"late step, 200 -> 206 W at 90 s", true, COVERED, STEPS(200, 206, 90), USUAL_NOISE},
	{"late step, 200 -> 202 W at 60 s", true, AMPLY_COVERED, STEPS(200, 202, 60), USUAL_NOISE},
	{"fan 25 s, +-1 %", true, AMPLY_COVERED, FANS(0.67, 25, 25, 25, 25), USUAL_NOISE},
	{"fan 90 s, +-.5 %", true, AMPLY_COVERED, FANS(0.33, 90, 90, 90, 90), USUAL_NOISE},
	{"idle + 15 W, 5 s in 60 s", true, ONLY_REPORTED, BURSTS(20, 35, 5, 60), IDLE_NOISE},
	{"idle + 15 W, 10 s in 90 s", true, REFUSED, BURSTS(20, 35, 10, 90), IDLE_NOISE},
	{"idle + 15 W, 10 s in 200 s", true, ONLY_REPORTED, BURSTS(20, 35, 10, 200), IDLE_NOISE},
	{"200/215 W every 60 s", true, REFUSED, BURSTS(200, 215, 60, 120), USUAL_NOISE},
	{"BMC, 220 -> 300 W, tau 20 s", true, ONLY_REPORTED, SETTLES(120.4, 200.4, 20), USUAL_NOISE,
	 .bmc = true},
	/* Written down when the method stood, and only looked at in the end. */
	{"AR(1) rho .7, sd 2.5 W of 350", false, COVERED, FLAT(350), .noise = {.sd_w = 2.5, .rho = 0.7},
	 .quick = true},
	{"AR(1) rho .85, sd .7 W of 150", false, COVERED, FLAT(150), .noise = {.sd_w = 0.7, .rho = 0.85}},
	{"white noise, sd 1 W of 90", false, COVERED, FLAT(90), .noise = {.sd_w = 1}, .quick = true},
	{"heavy tails, rho .6", false, COVERED, FLAT(120),
	 .noise = {.kind = NOISE_STUDENT, .sd_w = 1, .rho = 0.6}},
	{"noise follows the load, 1 W of 120", false, COVERED, FLAT(120),
	 .noise = {.kind = NOISE_LOAD, .sd_w = 1, .rho = 0.3}},
	{"counter of .5 J, 8.7 W", false, COVERED, FLAT(8.7), .noise = {.sd_w = 0.1, .rho = 0.3},
	 .step_j = 0.5},
	{"90 -> 150 W, tau 25 s", false, COVERED, SETTLES(90, 150, 25), USUAL_NOISE},
	{"300 -> 260 W, tau 12 s", false, COVERED, SETTLES(300, 260, 12), USUAL_NOISE, .quick = true},
	{"50 -> 110 W, tau 40 s", false, DRIFTS, SETTLES(50, 110, 40), USUAL_NOISE},
	{"two constants, 5 and 40 s", false, DRIFTS, .law = settles_twice, .p = {250, -70, 5, -15, 40},
	 .truth_w = 250, USUAL_NOISE},
	{"+4 % heat soak, tau 150 s", false, DRIFTS, SETTLES(192, 200, 150), USUAL_NOISE},
	{"-2 % heat soak, tau 110 s", false, DRIFTS, SETTLES(153, 150, 110), USUAL_NOISE},
	{"240 -> 180 W at 70 s", false, COVERED, STEPS(240, 180, 70), USUAL_NOISE},
	{"210 -> 200 W at 22 s", false, COVERED, STEPS(210, 200, 22), USUAL_NOISE, .quick = true},
	{"sawtooth +-1.5 %, 33 s", false, AMPLY_COVERED, SAWS(200, 3, 33), USUAL_NOISE},
	{"sawtooth +-3 %, 12 s", false, AMPLY_COVERED, SAWS(150, 4.5, 12), USUAL_NOISE, .quick = true},
	{"fan 45 s, +-.8 %", false, AMPLY_COVERED, FANS(0.53, 45, 45, 45, 45), USUAL_NOISE},
	{"ramp .7 %/min", false, REFUSED, RAMPS(200, 1.4 / 60), USUAL_NOISE},
	{"sawtooth +-4 %, 150 s", false, REFUSED, SAWS(200, 8, 150), USUAL_NOISE},
	{"150 + 40 W, 15 s in 100 s", false, REFUSED, BURSTS(150, 190, 15, 100), USUAL_NOISE},
	{"180/190 W every 50 s", false, REFUSED, BURSTS(180, 190, 50, 100), USUAL_NOISE},
	{"BMC, 160 -> 240 W, tau 35 s", false, ONLY_REPORTED, SETTLES(60.4, 140.4, 35), USUAL_NOISE,
	 .bmc = true},
};

#endif
