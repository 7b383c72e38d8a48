/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bmc_credentials.h - user and password of a BMC over the network.
 *
 * They come from a file that nobody else can read, or from the environment;
 * never from the command line, where ps shows them. No message, document or
 * trace has them. The file has a line each:
 *
 *     user NAME
 *     password WORD
 *
 * What stands behind the first blanks counts to the end of the line. Empty lines
 * and those that begin with # are passed over.
 */
#ifndef WATTSTEP_BMC_CREDENTIALS_H
#define WATTSTEP_BMC_CREDENTIALS_H

#include <stddef.h>

#include "harness/base/error.h"

struct bmc_credentials {
	char *user, *password; /* owned; NULL: not given */
};

/* Reads the file. It must be a regular one, owned by the user or root, and closed to all others (mode 0600
 * or stricter). ERROR_INPUT. */
int bmc_credentials_read(struct bmc_credentials *out, const char *path, struct error *err);

/* The same from text, NUL behind it; name is what messages call it. */
int bmc_credentials_parse(struct bmc_credentials *out, const char *text, const char *name, struct error *err);

/* Takes copies of what is not there yet; NULL: not known either. */
void bmc_credentials_complete(struct bmc_credentials *credentials, const char *user, const char *password);

/* Whether both are there and fit into IPMI's fields. ERROR_INPUT. */
int bmc_credentials_check(const struct bmc_credentials *credentials, size_t longest_password,
			  struct error *err);

/* Frees both, with nothing left in memory. */
void bmc_credentials_wipe(struct bmc_credentials *credentials);

/* A copy of an environment variable, which is then no longer there: not for the load, and not in
 * /proc/PID/environ. NULL: it was not set. The caller frees with secret_free. */
char *secret_from_environment(const char *name) __attribute__((warn_unused_result));
void secret_free(char *secret); /* NULL is fine */

#endif
