/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * powercap_zones.h - the power zones of a simulated node: which there are, what
 * they draw, and what their counters show.
 *
 * One list of zones, in the order of the kernel's folders. A zone's true energy
 * is the integral of its power, which is constant from one step to the next, so
 * the energy at any instant is known exactly. Its counter shows that energy as
 * hardware does: late by up to the update interval, in whole units, wrapping.
 *
 * The law: a package draws idle_w + span_w * u^exponent, with u the busy share
 * of its processors, reached with a first-order lag, plus a turbo reserve that
 * is used up and refills, times seeded noise. DRAM has numbers of its own. The
 * whole node draws what packages and DRAM draw, shown or not, the rest and the
 * fans, which follow the load on their own time, and the loss of its supplies.
 * Times are seconds of CLOCK_MONOTONIC and are passed in; the caller locks.
 */
#ifndef WATTSTEP_POWERCAP_ZONES_H
#define WATTSTEP_POWERCAP_ZONES_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_SOCKETS 8
#define DIES 2 /* of a socket, with --dies */
#define MOST_ZONES (MOST_SOCKETS * (DIES * 4 + 1) + 1)

/* Time over which the noise forgets itself: power moves within a second, not from one step to the next. */
#define NOISE_CORRELATION_S 1.0

struct law {
	double idle_w, span_w, exponent;
	double dram_idle_w, dram_span_w;
	double tau_s, noise_pct, turbo_w, turbo_budget_j;
	double rest_w, fan_w, fan_tau_s, loss_pct; /* outside processors and memory */
	double seed;
};

enum domain { DOMAIN_PACKAGE, DOMAIN_DRAM, DOMAIN_CORE, DOMAIN_UNCORE, DOMAIN_PSYS };

enum fault { FAULT_NONE, FAULT_STUCK, FAULT_ERROR, FAULT_GARBLED, FAULT_EMPTY };

struct zone {
	char folder[32];  /* "intel-rapl:0:0" */
	char name[32];    /* "dram", as the kernel calls it */
	char channel[32]; /* "dram-0", as wattstep calls it */
	const char *control_type;
	struct zone *parent; /* NULL: a zone of its own */
	enum domain domain;
	unsigned socket;
	bool repeats; /* shows another zone's counter once more: not in the truth */
	double share; /* of the socket's power */

	uint64_t unit_nj; /* one count */
	uint64_t counts;  /* the counter has so many values: 2^32 with the kernel's ranges */
	uint64_t start;   /* the counter at energy 0, in counts */

	double power_w;   /* since the last step */
	double energy_j;  /* at the last step */
	double latched_j; /* what the counter last took over */

	enum fault fault;
	int fault_errno;
	uint64_t stuck_uj;
	bool gone;
	unsigned generation; /* grows when the zone vanishes: open files of before stay dead */
};

struct socket_state {
	double package_w, dram_w; /* after the lag, before the noise */
	double package_noise, dram_noise;
	double turbo_left_j;
};

struct zones {
	struct law law;
	struct zone list[MOST_ZONES];
	size_t n;
	struct socket_state sockets[MOST_SOCKETS];
	unsigned n_sockets;
	double fan_w;    /* NAN: not yet known */
	double system_w; /* the whole node, since the last step */
	double system_j; /* at the last step */
	double update_s; /* counters take over the energy at multiples of this */
	double began_s, stepped_s;
	unsigned short random[3];
};

static void zones_begin(struct zones *zones, const struct law *law, unsigned sockets, double update_s)
{
	zones->law = *law;
	zones->n_sockets = sockets;
	zones->fan_w = NAN;
	zones->update_s = update_s;
	for (unsigned i = 0; i < 3; i++)
		zones->random[i] = (unsigned short)((uint64_t)law->seed >> 16 * i);
	for (unsigned s = 0; s < sockets; s++)
		zones->sockets[s] =
			(struct socket_state){.package_w = NAN, .turbo_left_j = law->turbo_budget_j};
}

/* Adds a zone, its names and counter still to be filled in. */
static struct zone *zones_add(struct zones *zones, struct zone *parent, enum domain domain, unsigned socket,
			      double share)
{
	struct zone *zone = &zones->list[zones->n++];

	zone->parent = parent;
	zone->control_type = "intel-rapl";
	zone->domain = domain;
	zone->socket = socket;
	zone->share = share;
	return zone;
}

/* The range becomes a whole number of counts, as the kernel's is. */
static void zone_set_counter(struct zone *zone, double unit_nj, double range_uj, double start_uj)
{
	zone->unit_nj = (uint64_t)unit_nj;
	zone->counts = (uint64_t)llround(range_uj * 1000 / unit_nj) + 1;
	zone->start = (uint64_t)(start_uj * 1000 / unit_nj) % zone->counts;
}

/* As max_energy_range_uj says: the greatest value of the counter. */
static uint64_t zone_range_uj(const struct zone *zone)
{
	return (zone->counts - 1) * zone->unit_nj / 1000;
}

/* Takes the energy over into the counter, if an update was due since. */
static void zone_latch(const struct zones *zones, struct zone *zone, double now_s)
{
	double updated_s =
		zones->began_s + floor((now_s - zones->began_s) / zones->update_s) * zones->update_s;

	if (updated_s > zones->stepped_s)
		zone->latched_j = zone->energy_j + zone->power_w * (updated_s - zones->stepped_s);
}

static uint64_t zone_raw(const struct zone *zone)
{
	return (uint64_t)(zone->latched_j * 1e9 / (double)zone->unit_nj);
}

/* The value of energy_uj now. */
static uint64_t zone_counter_uj(const struct zones *zones, struct zone *zone, double now_s)
{
	if (zone->fault == FAULT_STUCK)
		return zone->stuck_uj;
	zone_latch(zones, zone, now_s);
	return (zone->start + zone_raw(zone)) % zone->counts * zone->unit_nj / 1000;
}

/* The counter falls to 0, as when its driver is loaded anew. */
static void zone_reset(const struct zones *zones, struct zone *zone, double now_s)
{
	zone_latch(zones, zone, now_s);
	zone->start = zone->counts - zone_raw(zone) % zone->counts;
}

static double zones_gauss(struct zones *zones)
{
	double radius = sqrt(-2 * log(1 - erand48(zones->random)));

	return radius * cos(2 * M_PI * erand48(zones->random));
}

static double zones_noise(struct zones *zones, double noise, double dt_s)
{
	double kept = exp(-dt_s / NOISE_CORRELATION_S);

	return kept * noise + sqrt(1 - kept * kept) * zones->law.noise_pct / 100 * zones_gauss(zones);
}

/* Towards target with a time constant; at once where there is no past. */
static double lagged(double power_w, double target_w, double tau_s, double dt_s)
{
	if (isnan(power_w) || tau_s <= 0)
		return target_w;
	return target_w + (power_w - target_w) * exp(-dt_s / tau_s);
}

/* What the turbo reserve adds: full while it lasts, refilled by what is not busy. */
static double zones_turbo(const struct zones *zones, struct socket_state *socket, double u, double dt_s)
{
	double turbo_w = zones->law.turbo_w;
	double left_j = socket->turbo_left_j + turbo_w * (1 - u) * dt_s;
	double used_j = fmin(turbo_w * u * dt_s, left_j);

	socket->turbo_left_j = fmin(left_j - used_j, zones->law.turbo_budget_j);
	return dt_s > 0 ? used_j / dt_s : 0;
}

static double zone_power(const struct zones *zones, const struct zone *zone, double package_w, double dram_w)
{
	double cores_w =
		fmax(package_w - zones->law.idle_w / 2, 0); /* half of idle is neither core nor uncore */

	switch (zone->domain) {
	case DOMAIN_DRAM:
		return dram_w * zone->share;
	case DOMAIN_CORE:
		return 0.85 * cores_w * zone->share;
	case DOMAIN_UNCORE:
		return 0.10 * cores_w * zone->share;
	case DOMAIN_PSYS: /* the whole platform: added up by zones_step */
	case DOMAIN_PACKAGE:
		break;
	}
	return package_w * zone->share;
}

/* The whole node's power from that of its sockets, after dt_s of u. */
static double zones_system_w(struct zones *zones, double sockets_w, const double *u, double dt_s)
{
	const struct law *law = &zones->law;
	double busy = 0;

	for (unsigned s = 0; s < zones->n_sockets; s++)
		busy += u[s] / zones->n_sockets;
	zones->fan_w = lagged(zones->fan_w, law->fan_w * busy, law->fan_tau_s, dt_s);
	return (sockets_w + law->rest_w + zones->fan_w) * (1 + law->loss_pct / 100);
}

/* Joules of the whole node until now_s. */
static double zones_system_j(const struct zones *zones, double now_s)
{
	return zones->system_j + zones->system_w * (now_s - zones->stepped_s);
}

/* Ends the step that runs and begins the next: u[socket] is the busy share (0 to 1) that it is drawn with. */
static void zones_step(struct zones *zones, const double *u, double now_s)
{
	const struct law *law = &zones->law;
	double dt_s = now_s - zones->stepped_s, sockets_w = 0, platform_w = 20; /* fans, disks, board */

	for (size_t i = 0; i < zones->n; i++) {
		zone_latch(zones, &zones->list[i], now_s);
		zones->list[i].energy_j += zones->list[i].power_w * dt_s;
	}
	zones->system_j = zones_system_j(zones, now_s);
	zones->stepped_s = now_s;
	for (unsigned s = 0; s < zones->n_sockets; s++) {
		struct socket_state *socket = &zones->sockets[s];
		double shape = pow(u[s], law->exponent), package_w, dram_w;

		socket->dram_w = lagged(isnan(socket->package_w) ? NAN : socket->dram_w,
					law->dram_idle_w + law->dram_span_w * shape, law->tau_s, dt_s);
		socket->package_w =
			lagged(socket->package_w, law->idle_w + law->span_w * shape, law->tau_s, dt_s);
		socket->package_noise = zones_noise(zones, socket->package_noise, dt_s);
		socket->dram_noise = zones_noise(zones, socket->dram_noise, dt_s);
		package_w = (socket->package_w + zones_turbo(zones, socket, u[s], dt_s)) *
			    fmax(1 + socket->package_noise, 0);
		dram_w = socket->dram_w * fmax(1 + socket->dram_noise, 0);
		sockets_w += package_w + dram_w;
		platform_w += 1.1 * (package_w + dram_w);
		for (size_t i = 0; i < zones->n; i++)
			if (zones->list[i].socket == s)
				zones->list[i].power_w =
					zone_power(zones, &zones->list[i], package_w, dram_w);
	}
	zones->system_w = zones_system_w(zones, sockets_w, u, dt_s);
	for (size_t i = 0; i < zones->n; i++)
		if (zones->list[i].domain == DOMAIN_PSYS)
			zones->list[i].power_w = platform_w;
}

/* Time, energy and power begin. */
static void zones_start(struct zones *zones, const double *u, double now_s)
{
	for (unsigned s = 0; s < zones->n_sockets; s++) {
		zones->sockets[s].package_noise = zones->law.noise_pct / 100 * zones_gauss(zones);
		zones->sockets[s].dram_noise = zones->law.noise_pct / 100 * zones_gauss(zones);
	}
	zones->began_s = zones->stepped_s = now_s;
	zones_step(zones, u, now_s);
}

/* By folder ("intel-rapl:0") or by channel ("package-0"); NULL: none. */
static struct zone *zones_find(struct zones *zones, const char *name)
{
	for (size_t i = 0; i < zones->n; i++)
		if (strcmp(zones->list[i].folder, name) == 0 || strcmp(zones->list[i].channel, name) == 0)
			return &zones->list[i];
	return NULL;
}

/* Whether the zone's folder is away, with its parent's or on its own. */
static bool zone_gone(const struct zone *zone)
{
	return zone->gone || (zone->parent && zone->parent->gone);
}

static unsigned zone_generation(const struct zone *zone)
{
	return zone->generation + (zone->parent ? zone->parent->generation : 0);
}

#endif
