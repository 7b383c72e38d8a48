/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * powercap_options.h - what the command line of powercapfs says, and the zones
 * that it asks for.
 */
#ifndef WATTSTEP_POWERCAP_OPTIONS_H
#define WATTSTEP_POWERCAP_OPTIONS_H

#include <getopt.h>

#include "tests/rigs/powercap_zones.h"

struct settings {
	struct law law;
	double sockets, tick_ms, step_us, utilisation;
	double unit_nj, dram_unit_nj, range_uj, dram_range_uj, start_uj;
	double time_window_us, power_limit_uw;
	bool psys, mmio, core, uncore, no_dram, flat, with_parent;
	const char *dies, *truth;
};

static struct settings settings = {
	.law = {.idle_w = 40,
		.span_w = 160,
		.exponent = 0.8,
		.dram_idle_w = 4,
		.dram_span_w = 12,
		.turbo_budget_j = 1000,
		.seed = 1},
	.sockets = 1,
	.tick_ms = 100,
	.step_us = 1000,
	.utilisation = NAN,
	.unit_nj = 61035, /* 2^-14 J, Intel packages since Haswell */
	.dram_unit_nj = 15300,
	.range_uj = 262143328850,
	.dram_range_uj = 65712999613,
	.start_uj = 1e9,
	.time_window_us = 27983872, /* 28 s as the hardware rounds it */
};

/* An option takes a number, a text, or nothing, as the one pointer of its row says. */
static const struct row {
	const char *name;
	double *number;
	double least, most;
	const char **text;
	bool *flag;
	const char *help;
} rows[] = {
	{"sockets", &settings.sockets, 1, MOST_SOCKETS, NULL, NULL, "packages (1)"},
	{"idle-w", &settings.law.idle_w, 0, 1e4, NULL, NULL, "a package with nothing to do (40)"},
	{"span-w", &settings.law.span_w, 0, 1e4, NULL, NULL, "what full load adds (160)"},
	{"exponent", &settings.law.exponent, 0.01, 10, NULL, NULL, "of the busy share (0.8)"},
	{"dram-idle-w", &settings.law.dram_idle_w, 0, 1e4, NULL, NULL, "the DRAM of a socket (4)"},
	{"dram-span-w", &settings.law.dram_span_w, 0, 1e4, NULL, NULL, "what full load adds (12)"},
	{"tau-s", &settings.law.tau_s, 0, 1e4, NULL, NULL, "time constant of the power (0)"},
	{"noise-pct", &settings.law.noise_pct, 0, 100, NULL, NULL, "sd of the power, AR(1) (0)"},
	{"turbo-w", &settings.law.turbo_w, 0, 1e4, NULL, NULL, "above the law, while the budget lasts (0)"},
	{"turbo-budget-j", &settings.law.turbo_budget_j, 0, 1e9, NULL, NULL, "the budget (1000)"},
	{"rest-w", &settings.law.rest_w, 0, 1e4, NULL, NULL, "of the node, neither CPU nor DRAM (0)"},
	{"fan-w", &settings.law.fan_w, 0, 1e4, NULL, NULL, "what full load adds to that (0)"},
	{"fan-tau-s", &settings.law.fan_tau_s, 0, 1e4, NULL, NULL, "with this time constant (0)"},
	{"loss-pct", &settings.law.loss_pct, 0, 100, NULL, NULL, "of all, in the supplies (0)"},
	{"seed", &settings.law.seed, 0, 1e14, NULL, NULL, "of the noise (1)"},
	{"utilisation", &settings.utilisation, 0, 1, NULL, NULL, "instead of the machine's own"},
	{"tick-ms", &settings.tick_ms, 10, 1000, NULL, NULL, "how often the load is read (100)"},
	{"step-us", &settings.step_us, 1, 1e7, NULL, NULL, "how often counters move (1000)"},
	{"unit-nj", &settings.unit_nj, 1, 1e9, NULL, NULL, "a package's count (61035)"},
	{"dram-unit-nj", &settings.dram_unit_nj, 1, 1e9, NULL, NULL, "DRAM's count (15300)"},
	{"range-uj", &settings.range_uj, 1e4, 4e15, NULL, NULL, "packages wrap here (262143328850)"},
	{"dram-range-uj", &settings.dram_range_uj, 1e4, 4e15, NULL, NULL, "DRAM here (65712999613)"},
	{"start-uj", &settings.start_uj, 0, 4e15, NULL, NULL, "counters begin here, in their range (1e9)"},
	{"time-window-us", &settings.time_window_us, 0, 1e9, NULL, NULL, "of the long term (27983872)"},
	{"power-limit-uw", &settings.power_limit_uw, 0, 1e10, NULL, NULL, "long term (idle + span)"},
	{"dies", NULL, 0, 0, &settings.dies, NULL, "mirrored or real: two dies a socket"},
	{"truth", NULL, 0, 0, &settings.truth, NULL, "file for the true energy"},
	{"psys", NULL, 0, 0, NULL, &settings.psys, "a platform zone"},
	{"mmio", NULL, 0, 0, NULL, &settings.mmio, "intel-rapl-mmio:0, package-0 once more"},
	{"core", NULL, 0, 0, NULL, &settings.core, "core zones"},
	{"uncore", NULL, 0, 0, NULL, &settings.uncore, "uncore zones"},
	{"no-dram", NULL, 0, 0, NULL, &settings.no_dram, "no DRAM zones"},
	{"flat", NULL, 0, 0, NULL, &settings.flat, "folders in class/powercap, not links"},
	{"with-parent", NULL, 0, 0, NULL, &settings.with_parent, "end when the parent ends"},
};
#define N_ROWS (sizeof rows / sizeof rows[0])

static int usage(const char *problem, const char *what)
{
	fprintf(stderr, "powercapfs: %s%s\nusage: powercapfs [OPTION...] MOUNT\n", problem, what);
	for (size_t i = 0; i < N_ROWS; i++)
		fprintf(stderr, "  --%-16s %s\n", rows[i].name, rows[i].help);
	return 2;
}

static int take_option(const struct row *row, const char *value)
{
	char *end = NULL;

	if (row->flag)
		*row->flag = true;
	else if (row->text)
		*row->text = value;
	else
		*row->number = strtod(value, &end);
	if (row->number &&
	    (*value == '\0' || *end || !(*row->number >= row->least && *row->number <= row->most)))
		return usage("not a number in its bounds: ", value);
	return 0;
}

/* 0, or 2 after a message. */
static int take_options(int argc, char **argv)
{
	struct option options[N_ROWS + 1] = {0};
	int index = 0, got, problem = 0;

	for (size_t i = 0; i < N_ROWS; i++)
		options[i] = (struct option){rows[i].name, rows[i].flag ? no_argument : required_argument,
					     NULL, 0};
	while (!problem && (got = getopt_long(argc, argv, "", options, &index)) != -1)
		problem = got == 0 ? take_option(&rows[index], optarg)
				   : usage("not understood: ", argv[optind - 1]);
	if (!problem && settings.dies && strcmp(settings.dies, "real") != 0 &&
	    strcmp(settings.dies, "mirrored") != 0)
		problem = usage("--dies is neither mirrored nor real: ", settings.dies);
	if (!problem && optind != argc - 1)
		problem = usage("one folder to mount on is needed", "");
	return problem;
}

static void name_zone(struct zone *zone, const char *folder, const char *domain, int die)
{
	char suffix[16] = "";

	if (die >= 0)
		snprintf(suffix, sizeof suffix, "-die-%d", die);
	snprintf(zone->folder, sizeof zone->folder, "%s", folder);
	snprintf(zone->channel, sizeof zone->channel, "%s-%u%s", domain, zone->socket, suffix);
	snprintf(zone->name, sizeof zone->name, "%s",
		 zone->domain == DOMAIN_PACKAGE ? zone->channel : domain);
}

static void add_inner(struct zones *zones, struct zone *package, unsigned *inner, enum domain domain,
		      const char *name, int die)
{
	struct zone *zone = zones_add(zones, package, domain, package->socket, package->share);
	bool dram = domain == DOMAIN_DRAM;
	char folder[32];

	snprintf(folder, sizeof folder, "%.20s:%u", package->folder, (*inner)++);
	name_zone(zone, folder, name, die);
	zone_set_counter(zone, dram ? settings.dram_unit_nj : settings.unit_nj,
			 dram ? settings.dram_range_uj : settings.range_uj, settings.start_uj);
}

/* A package, or one die of it, and the zones inside. */
static void add_package(struct zones *zones, const char *folder, unsigned socket, int die, double share)
{
	struct zone *package = zones_add(zones, NULL, DOMAIN_PACKAGE, socket, share);
	unsigned inner = 0;

	name_zone(package, folder, "package", die);
	zone_set_counter(package, settings.unit_nj, settings.range_uj, settings.start_uj);
	if (settings.core)
		add_inner(zones, package, &inner, DOMAIN_CORE, "core", die);
	if (settings.uncore)
		add_inner(zones, package, &inner, DOMAIN_UNCORE, "uncore", die);
	if (!settings.no_dram)
		add_inner(zones, package, &inner, DOMAIN_DRAM, "dram", die);
}

static void add_psys(struct zones *zones, const char *folder)
{
	struct zone *psys = zones_add(zones, NULL, DOMAIN_PSYS, 0, 1);

	snprintf(psys->folder, sizeof psys->folder, "%s", folder);
	snprintf(psys->name, sizeof psys->name, "psys");
	snprintf(psys->channel, sizeof psys->channel, "psys");
	zone_set_counter(psys, 1e9, 4294967295e6, settings.start_uj); /* 1 J, as on Sapphire Rapids */
}

static void add_mmio(struct zones *zones)
{
	struct zone *mmio = zones_add(zones, NULL, DOMAIN_PACKAGE, 0, 1);

	name_zone(mmio, "intel-rapl-mmio:0", "package", -1);
	mmio->control_type = "intel-rapl-mmio";
	mmio->repeats = true;
	zone_set_counter(mmio, settings.unit_nj, settings.range_uj, settings.start_uj);
}

/* Of the socket's power: no two pieces of silicon are alike. */
static const double die_shares[DIES] = {0.52, 0.48};

/* The zones of the settings, in the kernel's order. */
static void add_zones(struct zones *zones)
{
	int dies = settings.dies ? DIES : 1;
	bool real = settings.dies && strcmp(settings.dies, "real") == 0;
	unsigned outer = 0;
	char folder[32];

	for (unsigned socket = 0; socket < zones->n_sockets; socket++)
		for (int die = 0; die < dies; die++) {
			snprintf(folder, sizeof folder, "intel-rapl:%u", outer++);
			add_package(zones, folder, socket, settings.dies ? die : -1,
				    real ? die_shares[die] : 1);
		}
	if (settings.psys) {
		snprintf(folder, sizeof folder, "intel-rapl:%u", outer);
		add_psys(zones, folder);
	}
	if (settings.mmio)
		add_mmio(zones);
}

#endif
