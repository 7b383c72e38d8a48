/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bmc_words.h - what goes wrong between us and a BMC, in words.
 *
 * The sentences say what to do. They have neither the BMC's address nor a
 * secret in them, since they go into documents.
 */
#ifndef WATTSTEP_BMC_WORDS_H
#define WATTSTEP_BMC_WORDS_H

#include <stdbool.h>

#include "harness/bmc.h"

/* Sets err from a failed call into libfreeipmi: ipmi_ctx_errnum. Returns -1. */
int bmc_words_error(int errnum, const struct bmc_options *options, const char *what, struct error *err);

/* Sets err from a completion code other than 0. Returns -1. */
int bmc_words_code(uint8_t code, const struct bmc_request *request, const struct bmc_options *options,
		   struct error *err);

/* Whether the same request may well succeed a moment later. */
bool bmc_code_is_passing(uint8_t code);
bool bmc_error_is_passing(int errnum);

#endif
