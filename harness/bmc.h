/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bmc.h - a connection to a management controller (BMC) through libfreeipmi.
 *
 * A call can block, in-band for a minute: use it in a process of its own
 * (remote.h). A connection that breaks is opened again by the next request, at
 * longer and longer intervals, so that a wrong password cannot lock an account.
 * What a BMC answers is handed over in bytes: libfreeipmi does not look at the
 * group byte, and whoever asks knows best what makes an answer whole.
 */
#ifndef WATTSTEP_BMC_H
#define WATTSTEP_BMC_H

#include <stdint.h>

#include "harness/base/clock.h"
#include "harness/base/error.h"
#include "harness/bmc_options.h"

struct bmc; /* opaque */

/* Network functions, IPMI 2.0, table 5-1. */
#define BMC_NET_FN_SENSOR 0x04
#define BMC_NET_FN_APP 0x06
#define BMC_NET_FN_GROUP 0x2c

struct bmc_request {
	uint8_t net_fn, lun;
	uint8_t bytes[8]; /* the command and its data */
	size_t n;
	const char *what; /* for people: "Get Power Reading" */
};

#define BMC_COMMAND 0 /* index of the command in an answer ... */
#define BMC_CODE 1    /* ... of the completion code ... */
#define BMC_DATA 2    /* ... and of the first byte of data */

struct bmc_answer {
	uint8_t bytes[64];
	size_t n;
	mono_t at;     /* midpoint of the request that was answered */
	double took_s; /* that request alone */
};

/* Where nothing can be opened, without touching any device: says why, ERROR_ABSENT or ERROR_FORBIDDEN.
 * sysfs: "/sys" unless another node's tree is measured, which has another BMC. */
int bmc_probe(const struct bmc_options *options, const char *sysfs, struct error *err);

/* Connects. options is borrowed and must outlive it. ERROR_FAILED: nobody answers, or not in this way;
 * ERROR_FORBIDDEN: refused. */
struct bmc *bmc_open(const struct bmc_options *options, struct error *err)
	__attribute__((warn_unused_result));
void bmc_close(struct bmc *bmc); /* NULL is fine */

/*
 * Asks, again where the BMC is busy. 0: answered with completion code 0, at
 * least BMC_DATA bytes. -1: err has the sentence for people, ERROR_ABSENT where
 * the BMC does not have the command, ERROR_FORBIDDEN where it takes more
 * privilege, else ERROR_FAILED.
 */
int bmc_ask(struct bmc *bmc, const struct bmc_request *request, struct bmc_answer *answer, struct error *err);

/* Whether the last request found a connection and left one. */
bool bmc_is_connected(const struct bmc *bmc);

/* The context, for libfreeipmi's own functions; borrowed. */
ipmi_ctx_t bmc_context(struct bmc *bmc);

#endif
