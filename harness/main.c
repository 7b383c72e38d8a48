/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/base/json.h"
#include "harness/command.h"

static const struct command *const commands[] = {
	&command_run, &command_meters, &command_states, &command_analyze, &command_show, &command_validate,
};

static void print_usage(FILE *out)
{
	fputs("wattstep characterises how much power this node draws, load state by load state.\n\n"
	      "Usage: wattstep COMMAND [OPTION...] [OPERAND...]\n\n",
	      out);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(out, "  %-9s %s\n", commands[i]->name, commands[i]->summary);
	fputs("\n`wattstep COMMAND --help` tells more of each, and so does `man wattstep`.\n"
	      "First steps: `wattstep meters`, then `wattstep run --plan quick`.\n",
	      out);
}

static void print_version(void)
{
	puts("wattstep " WATTSTEP_VERSION);
}

static void print_help(const struct command *command)
{
	printf("Usage: wattstep %s [OPTION...]%s%s\n\n%s.\n", command->name, *command->operands ? " " : "",
	       command->operands, command->summary);
	if (command->details)
		printf("\n%s\n", command->details);
	puts("\nOptions:");
	options_print(command->accepted, stdout);
	if (command->more_help)
		command->more_help(stdout);
}

int command_report(const struct command *command, const struct error *err, bool json)
{
	int status = error_exit_status(err);
	char *text = text_clean(err->text);

	if (json) {
		json_t *value = json_pack("{s:{s:s, s:s, s:s, s:i}}", "error", "command", command->name,
					  "kind", error_kind_name(err->kind), "text", text, "status", status);
		char *line = json_line(value);

		fprintf(stderr, "%s\n", line);
		free(line);
		json_decref(value);
	} else {
		fprintf(stderr, "wattstep %s: %s\n", command->name, text);
	}
	free(text);
	return status;
}

static bool wants_json(char **argv)
{
	for (; *argv; argv++)
		if (strcmp(*argv, "--json") == 0)
			return true;
	return false;
}

static int check_operands(const struct command *command, const struct options *options, struct error *err)
{
	if (options->n_operands < command->least_operands)
		return error_set(err, ERROR_INPUT, "expected %s; `wattstep %s --help` tells more",
				 command->operands, command->name);
	if (command->most_operands >= 0 && options->n_operands > command->most_operands)
		return error_set(err, ERROR_INPUT, "\"%s\" is one operand too many; expected %s",
				 options->operands[command->most_operands],
				 *command->operands ? command->operands : "none");
	return 0;
}

static int run_command(const struct command *command, int argc, char **argv)
{
	struct options options = {0};
	struct error err = {0};
	int status = -1;

	if (options_parse(&options, command->accepted, argc, argv, &err) == 0) {
		if (options.help) {
			print_help(command);
			status = 0;
		} else if (options.version) {
			print_version();
			status = 0;
		} else if (check_operands(command, &options, &err) == 0) {
			status = command->main(&options, &err);
		}
	}
	if (status < 0)
		status = command_report(command, &err, wants_json(argv));
	options_free(&options);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, "wattstep %s: standard output cannot be written\n", command->name);
		status = status ? status : 1;
	}
	return status;
}

/* A closed standard descriptor would be given to the first file that is opened, and messages would land in
 * it. */
static void open_standard_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	open_standard_descriptors();
	if (argc < 2) {
		print_usage(stderr);
		return 2;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
		print_usage(stdout);
		return 0;
	}
	if (strcmp(argv[1], "--version") == 0) {
		print_version();
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (strcmp(argv[1], commands[i]->name) == 0)
			return run_command(commands[i], argc - 1, argv + 1);
	fprintf(stderr, "wattstep: unknown command \"%s\"; `wattstep --help` lists them\n", argv[1]);
	return 2;
}
