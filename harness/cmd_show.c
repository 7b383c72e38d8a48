/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "harness/command.h"

#include <stdlib.h>
#include <string.h>

#include "harness/base/json.h"
#include "profiles/profile.h"
#include "results/table.h"

static void print_plain(const char *text)
{
	char *clean = text_clean(text ? text : "");

	fputs(clean, stdout);
	free(clean);
}

/* ", 2 cores", ", 1 core"; nothing where it is not known. */
static void print_count(const json_t *cpu, const char *what)
{
	json_int_t n = json_integer_value(json_object_get(cpu, what));

	if (n)
		printf(", %d %.*s", (int)n, (int)strlen(what) - (n == 1), what);
}

static void print_node(const json_t *node)
{
	const json_t *cpu = json_object_get(node, "cpu");
	const char *vendor = json_get_string(node, "vendor"), *product = json_get_string(node, "product");
	const char *model = json_get_string(cpu, "model");
	double bytes = json_get_number(json_object_get(node, "memory"), "total_bytes");

	fputs("node:      ", stdout);
	print_plain(vendor ? vendor : "vendor not known");
	fputs(", ", stdout);
	print_plain(product ? product : "product not known");
	fputs("\nprocessor: ", stdout);
	print_plain(model ? model : "not known");
	print_count(cpu, "sockets");
	print_count(cpu, "cores");
	print_count(cpu, "threads");
	if (bytes == bytes)
		printf("; memory %.1f GiB", bytes / (1 << 30));
	putchar('\n');
}

static void print_run(const json_t *document)
{
	const json_t *run = json_object_get(document, "run"), *plan = json_object_get(run, "plan"), *warning;
	size_t i;

	fputs("run:       ", stdout);
	print_plain(json_get_string(run, "started"));
	fputs(", plan ", stdout);
	print_plain(json_get_string(plan, "name"));
	printf(", wattstep ");
	print_plain(json_get_string(json_object_get(document, "generator"), "version"));
	putchar('\n');
	if (json_is_true(json_object_get(document, "synthetic")))
		puts("SYNTHETIC: readings of the simulated node; this is not a measurement");
	if (!json_is_true(json_object_get(document, "complete")))
		puts("INCOMPLETE: the run did not come to its end");
	json_array_foreach(json_object_get(run, "warnings"), i, warning)
	{
		fputs("warning:   ", stdout);
		print_plain(json_string_value(warning));
		putchar('\n');
	}
}

static int show_main(const struct options *options, struct error *err)
{
	const char *path = options->operands[0];
	json_t *document = json_read(path, err);
	int result = -1;

	if (!document || profile_check(document, path, err))
		goto out;
	if (options->json) {
		char *text = json_text(document);

		fputs(text, stdout);
		free(text);
	} else {
		print_node(json_object_get(document, "node"));
		print_run(document);
		putchar('\n');
		table_print_states(stdout, json_object_get(document, "states"));
	}
	result = 0;
out:
	json_decref(document);
	return result;
}

const struct command command_show = {
	.name = "show",
	.operands = "PROFILE",
	.summary = "print a power profile as a table",
	.details = "Watts are mean ± u95: the mean power of the state's window, known to so many\n"
		   "watts with 95 % confidence. - reads standard input.",
	.accepted = ACCEPTS(JSON) | ACCEPTS_ALWAYS,
	.least_operands = 1,
	.most_operands = 1,
	.main = show_main,
};
