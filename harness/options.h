/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * options.h - the options of all commands: one table for parsing, checking and
 * --help.
 */
#ifndef WATTSTEP_OPTIONS_H
#define WATTSTEP_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "harness/base/error.h"
#include "harness/base/roots.h"
#include "harness/base/text.h"

/* What the command line said; strings are argv's. A command looks only at what it accepts. */
struct options {
	const char *plan;              /* --plan NAME|FILE */
	const char *meters;            /* --meter LIST; NULL: all that are there */
	const char *output;            /* -o FILE; NULL: a name from the time */
	const char *trace;             /* --trace FILE; NULL: none */
	const char *sim;               /* --sim KEY=VALUE,... */
	const char *sim_truth;         /* --sim-truth FILE */
	const char *stress_ng;         /* --stress-ng PATH; NULL: from PATH */
	const char *node_name;         /* --node-name NAME; NULL: withheld */
	const char *calibration;       /* --calibration FILE */
	const char *bmc;               /* --bmc HOST[:PORT]; NULL: this machine's own */
	const char *bmc_credentials;   /* --bmc-credentials FILE */
	const char *bmc_protocol;      /* --bmc-protocol 2.0|1.5 */
	const char *bmc_cipher_suite;  /* --bmc-cipher-suite N */
	const char *bmc_privilege;     /* --bmc-privilege LEVEL */
	const char *ipmi_workarounds;  /* --ipmi-workarounds LIST */
	const char *ipmi_driver;       /* --ipmi-driver NAME */
	const char *bmc_facts;         /* --bmc-facts FILE; NULL: none */
	char *bmc_user, *bmc_password; /* WATTSTEP_BMC_USER and WATTSTEP_BMC_PASSWORD; owned */
	struct roots roots;            /* --sysfs DIR, --procfs DIR */
	double rate_hz;                /* --rate HZ */
	struct strings tags;           /* --tag KEY=VALUE, in order */
	bool json;                     /* --json */
	bool quiet;                    /* -q */
	bool sim_if_absent;            /* --sim-if-absent */
	bool idle_ab;                  /* --idle-ab */
	bool help;                     /* --help */
	bool version;                  /* --version */
	char **operands;               /* what is left, NULL-terminated; points into argv */
	int n_operands;
};

/* One bit for each option, for the set that a command accepts. */
enum option_id {
	OPTION_PLAN,
	OPTION_METER,
	OPTION_OUTPUT,
	OPTION_TRACE,
	OPTION_RATE,
	OPTION_SIM,
	OPTION_SIM_TRUTH,
	OPTION_SIM_IF_ABSENT,
	OPTION_STRESS_NG,
	OPTION_NODE_NAME,
	OPTION_TAG,
	OPTION_CALIBRATION,
	OPTION_BMC,
	OPTION_BMC_CREDENTIALS,
	OPTION_BMC_PROTOCOL,
	OPTION_BMC_CIPHER_SUITE,
	OPTION_BMC_PRIVILEGE,
	OPTION_IPMI_WORKAROUNDS,
	OPTION_IPMI_DRIVER,
	OPTION_BMC_FACTS,
	OPTION_IDLE_AB,
	OPTION_SYSFS,
	OPTION_PROCFS,
	OPTION_JSON,
	OPTION_QUIET,
	OPTION_HELP,
	OPTION_VERSION,
	OPTION_COUNT,
};

#define ACCEPTS(id) (1u << OPTION_##id)

/* Which management controller is read, and how. */
#define ACCEPTS_BMC                                                                                          \
	(ACCEPTS(BMC) | ACCEPTS(BMC_CREDENTIALS) | ACCEPTS(BMC_PROTOCOL) | ACCEPTS(BMC_CIPHER_SUITE) |       \
	 ACCEPTS(BMC_PRIVILEGE) | ACCEPTS(IPMI_WORKAROUNDS) | ACCEPTS(IPMI_DRIVER))

/* What every command accepts. */
#define ACCEPTS_ALWAYS (ACCEPTS(HELP) | ACCEPTS(VERSION))

/* Parses argv[1..] of a command that accepts those options. ERROR_INPUT names
 * the option and what was expected. What the environment has in secrets is taken
 * out of it. options_free releases what options owns, whatever was returned. */
int options_parse(struct options *options, uint32_t accepted, int argc, char **argv, struct error *err);
void options_free(struct options *options);

/* The lines of --help for those options. */
void options_print(uint32_t accepted, FILE *out);

#endif
