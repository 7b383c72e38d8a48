/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bmc_options.h - which management controller (BMC) is asked, and how: the
 * command line and the credentials, checked, in libfreeipmi's terms.
 */
#ifndef WATTSTEP_BMC_OPTIONS_H
#define WATTSTEP_BMC_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <freeipmi/freeipmi.h>

#include "harness/base/error.h"
#include "harness/bmc_credentials.h"
#include "harness/options.h"

struct bmc_options {
	const char *host;                   /* HOST[:PORT], borrowed; NULL: this machine's own, in-band */
	struct bmc_credentials credentials; /* with a host alone */
	const char *interface;              /* "openipmi", "lan-2.0", ...: in documents */
	ipmi_driver_type_t driver;
	bool driver_named; /* by --ipmi-driver */
	uint8_t cipher_suite;
	uint8_t privilege;
	const char *privilege_name;
	unsigned workarounds; /* flags of libfreeipmi for that driver */
};

/* Checks what was given and reads the credentials. ERROR_INPUT names the option
 * and what was expected; a message never has a secret or the host in it. */
int bmc_options_read(struct bmc_options *out, const struct options *options, struct error *err);
void bmc_options_free(struct bmc_options *bmc); /* wipes the credentials; NULL is fine */

/* The flags of "opensesspriv,authcap" for a driver. A name that is for other drivers counts for nothing, as
 * in FreeIPMI's own tools. */
int bmc_workarounds_read(unsigned *flags, const char *list, ipmi_driver_type_t driver, struct error *err);

#endif
