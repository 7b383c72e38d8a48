/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * command.h - the commands: one table, one file cmd_*.c each.
 */
#ifndef WATTSTEP_COMMAND_H
#define WATTSTEP_COMMAND_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "harness/base/error.h"
#include "harness/options.h"

struct command {
	const char *name;
	const char *operands;              /* as --help shows them: "[STATE...]" */
	const char *summary;               /* one line */
	const char *details;               /* more for --help; may be NULL */
	uint32_t accepted;                 /* options, by ACCEPTS() */
	int least_operands, most_operands; /* most < 0: any number */

	/* Does the work and returns the exit status; on -1 err says what went wrong. */
	int (*main)(const struct options *options, struct error *err);

	/* Prints what else --help has to say; may be NULL. */
	void (*more_help)(FILE *out);
};

/* Prints an error on standard error, as a line or as JSON, and returns its exit status. */
int command_report(const struct command *command, const struct error *err, bool json);

extern const struct command command_run, command_meters, command_states, command_analyze, command_show,
	command_validate;

#endif
