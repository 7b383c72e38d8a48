/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "harness/options.h"

#include <getopt.h>
#include <stddef.h>
#include <string.h>

#include "harness/bmc_credentials.h"

enum option_kind { KIND_FLAG, KIND_TEXT, KIND_NUMBER, KIND_LIST };

struct option_entry {
	const char *name;     /* long name */
	char letter;          /* short name, or 0 */
	const char *argument; /* NULL for a flag */
	enum option_kind kind;
	size_t offset;       /* in struct options */
	double least, most;  /* KIND_NUMBER */
	const char *unit;    /* KIND_NUMBER */
	const char *initial; /* the default as --help shows it; NULL: none */
	const char *help;
};

#define AT(field) offsetof(struct options, field)

static const struct option_entry entries[OPTION_COUNT] = {
	[OPTION_PLAN] =
		{"plan", 'p', "NAME|FILE", KIND_TEXT, AT(plan), 0, 0, NULL, "standard",
		 "which states, and by which rule: quick, standard, thorough, or a file (docs/profile.md)"},
	[OPTION_METER] = {"meter", 'm', "LIST", KIND_TEXT, AT(meters), 0, 0, NULL,
			  "all that are there but sim", "power sources to read, such as rapl,sim"},
	[OPTION_OUTPUT] =
		{"output", 'o', "FILE", KIND_TEXT, AT(output), 0, 0, NULL, "wattstep-<UTC time>.json",
		 "the profile; - is standard output, written once at the end, not safe against a crash"},
	[OPTION_TRACE] = {"trace", 0, "FILE", KIND_TEXT, AT(trace), 0, 0, NULL, NULL,
			  "keep all readings as CSV, for `wattstep analyze`"},
	[OPTION_RATE] = {"rate", 0, "HZ", KIND_NUMBER, AT(rate_hz), 0.5, 1000, "Hz", "1",
			 "how often energy counters are read"},
	[OPTION_SIM] = {"sim", 0, "KEY=VALUE,...", KIND_TEXT, AT(sim), 0, 0, NULL, NULL,
			"parameters of the simulated node (`wattstep meters --help` lists them)"},
	[OPTION_SIM_TRUTH] = {"sim-truth", 0, "FILE", KIND_TEXT, AT(sim_truth), 0, 0, NULL, NULL,
			      "write the simulated node's true energy as CSV"},
	[OPTION_SIM_IF_ABSENT] = {"sim-if-absent", 0, NULL, KIND_FLAG, AT(sim_if_absent), 0, 0, NULL, NULL,
				  "measure the simulated node where no power source is present (not where "
				  "permission is missing)"},
	[OPTION_STRESS_NG] = {"stress-ng", 0, "PATH", KIND_TEXT, AT(stress_ng), 0, 0, NULL, "from PATH",
			      "the stress-ng to use"},
	[OPTION_NODE_NAME] = {"node-name", 0, "NAME", KIND_TEXT, AT(node_name), 0, 0, NULL, "withheld",
			      "a name for the node in the document"},
	[OPTION_TAG] = {"tag", 0, "KEY=VALUE", KIND_LIST, AT(tags), 0, 0, NULL, NULL,
			"a note of your own for the document; may be repeated"},
	[OPTION_CALIBRATION] = {"calibration", 0, "FILE", KIND_TEXT, AT(calibration), 0, 0, NULL, NULL,
				"gain, offset and their uncertainty for each channel (docs/profile.md)"},
	[OPTION_BMC] = {"bmc", 0, "HOST[:PORT]", KIND_TEXT, AT(bmc), 0, 0, NULL, "this machine's own",
			"the management controller to read over the network (IPMI over LAN)"},
	[OPTION_BMC_CREDENTIALS] =
		{"bmc-credentials", 0, "FILE", KIND_TEXT, AT(bmc_credentials), 0, 0, NULL,
		 "WATTSTEP_BMC_USER and WATTSTEP_BMC_PASSWORD in the environment",
		 "lines `user NAME` and `password WORD`, readable by you alone (mode 0600)"},
	[OPTION_BMC_PROTOCOL] = {"bmc-protocol", 0, "VERSION", KIND_TEXT, AT(bmc_protocol), 0, 0, NULL, "2.0",
				 "version of IPMI over LAN: 2.0 or 1.5"},
	[OPTION_BMC_CIPHER_SUITE] = {"bmc-cipher-suite", 0, "N", KIND_TEXT, AT(bmc_cipher_suite), 0, 0, NULL,
				     "3",
				     "how an IPMI 2.0 session is authenticated and encrypted, such as 17"},
	[OPTION_BMC_PRIVILEGE] = {"bmc-privilege", 0, "LEVEL", KIND_TEXT, AT(bmc_privilege), 0, 0, NULL,
				  "operator", "privilege to ask for: user, operator or admin"},
	[OPTION_IPMI_WORKAROUNDS] = {"ipmi-workarounds", 0, "LIST", KIND_TEXT, AT(ipmi_workarounds), 0, 0,
				     NULL, NULL,
				     "for BMCs that keep IPMI's rules badly, such as opensesspriv,authcap"},
	[OPTION_IPMI_DRIVER] =
		{"ipmi-driver", 0, "NAME", KIND_TEXT, AT(ipmi_driver), 0, 0, NULL, "openipmi",
		 "how to reach this machine's own BMC: openipmi, kcs, ssif, sunbmc or inteldcmi"},
	[OPTION_BMC_FACTS] = {"bmc-facts", 0, "FILE", KIND_TEXT, AT(bmc_facts), 0, 0, NULL, NULL,
			      "what is known of the management controller's period, lag and step; is learnt "
			      "and written where the file is missing"},
	[OPTION_IDLE_AB] = {"idle-ab", 0, NULL, KIND_FLAG, AT(idle_ab), 0, 0, NULL, NULL,
			    "measure idle also without asking the management controller: what asking costs"},
	[OPTION_SYSFS] = {"sysfs", 0, "DIR", KIND_TEXT, AT(roots.sysfs), 0, 0, NULL, "/sys",
			  "where meters and node facts look for the kernel's /sys"},
	[OPTION_PROCFS] = {"procfs", 0, "DIR", KIND_TEXT, AT(roots.procfs), 0, 0, NULL, "/proc",
			   "where meters and node facts look for the kernel's /proc"},
	[OPTION_JSON] = {"json", 0, NULL, KIND_FLAG, AT(json), 0, 0, NULL, NULL,
			 "JSON instead of text; errors, too"},
	[OPTION_QUIET] = {"quiet", 'q', NULL, KIND_FLAG, AT(quiet), 0, 0, NULL, NULL, "only what goes wrong"},
	[OPTION_HELP] = {"help", 'h', NULL, KIND_FLAG, AT(help), 0, 0, NULL, NULL, "this text"},
	[OPTION_VERSION] = {"version", 0, NULL, KIND_FLAG, AT(version), 0, 0, NULL, NULL,
			    "the version of wattstep"},
};

static int store(struct options *options, const struct option_entry *entry, char *value, struct error *err)
{
	void *field = (char *)options + entry->offset;
	double number;

	if (entry->kind != KIND_FLAG && !*value)
		return error_set(err, ERROR_INPUT, "--%s: expected %s, got nothing", entry->name,
				 entry->argument);
	switch (entry->kind) {
	case KIND_FLAG:
		*(bool *)field = true;
		break;
	case KIND_TEXT:
		*(const char **)field = value;
		break;
	case KIND_LIST:
		strings_add(field, value);
		break;
	case KIND_NUMBER:
		if (!text_to_double(value, &number) || number < entry->least || number > entry->most)
			return error_set(err, ERROR_INPUT, "--%s: expected %g to %g %s, got \"%s\"",
					 entry->name, entry->least, entry->most, entry->unit, value);
		*(double *)field = number;
		break;
	}
	return 0;
}

/* getopt's tables for the accepted options; a value of getopt_long is an option_id + 256 or a letter. */
static void make_tables(uint32_t accepted, struct option *longs, char *letters)
{
	*letters++ = ':';
	for (int i = 0; i < OPTION_COUNT; i++) {
		const struct option_entry *entry = &entries[i];

		if (!(accepted & 1u << i))
			continue;
		*longs++ = (struct option){entry->name, entry->argument ? required_argument : no_argument,
					   NULL, i + 256};
		if (entry->letter)
			*letters++ = entry->letter;
		if (entry->letter && entry->argument)
			*letters++ = ':';
	}
	*longs = (struct option){0};
	*letters = '\0';
}

static const struct option_entry *entry_of(int value)
{
	for (int i = 0; i < OPTION_COUNT; i++)
		if (value == i + 256 || value == entries[i].letter)
			return &entries[i];
	return NULL;
}

/* What goes into the document as it is. */
static int check_names(const struct options *options, struct error *err)
{
	for (size_t i = 0; i < options->tags.n; i++)
		if (strcspn(options->tags.items[i], "=") == 0 || !strchr(options->tags.items[i], '=') ||
		    !text_is_clean(options->tags.items[i]))
			return error_set(err, ERROR_INPUT, "--tag: expected KEY=VALUE in UTF-8, got \"%s\"",
					 options->tags.items[i]);
	if (options->node_name && !text_is_clean(options->node_name))
		return error_set(err, ERROR_INPUT, "--node-name: expected one line of UTF-8, got \"%s\"",
				 options->node_name);
	return 0;
}

int options_parse(struct options *options, uint32_t accepted, int argc, char **argv, struct error *err)
{
	struct option longs[OPTION_COUNT + 1];
	char letters[2 * OPTION_COUNT + 2];
	int value;

	*options = (struct options){
		.roots = {"/sys", "/proc"},
		.rate_hz = 1,
		.bmc_user = secret_from_environment("WATTSTEP_BMC_USER"),
		.bmc_password = secret_from_environment("WATTSTEP_BMC_PASSWORD"),
	};
	make_tables(accepted, longs, letters);
	opterr = 0;
	optind = 0;
	while ((value = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		if (value == '?')
			return error_set(err, ERROR_INPUT,
					 "%s: unknown option; `wattstep %s --help` lists them",
					 argv[optind - 1], argv[0]);
		if (value == ':')
			return error_set(err, ERROR_INPUT, "%s: expected a value behind it",
					 argv[optind - 1]);
		if (store(options, entry_of(value), optarg, err))
			return -1;
	}
	options->operands = argv + optind;
	options->n_operands = argc - optind;
	return check_names(options, err);
}

void options_free(struct options *options)
{
	strings_free(&options->tags);
	secret_free(options->bmc_user);
	secret_free(options->bmc_password);
}

/* Prints text with line breaks at 78 columns, its lines indented. */
static void print_wrapped(FILE *out, const char *text, int indent)
{
	int column = indent;

	while (*text) {
		int length = (int)strcspn(text, " ");

		if (column + 1 + length > 78) {
			fprintf(out, "\n%*s", indent, "");
			column = indent;
		}
		fprintf(out, "%s%.*s", column > indent ? " " : "", length, text);
		column += length + 1;
		text += length + strspn(text + length, " ");
	}
	fputc('\n', out);
}

void options_print(uint32_t accepted, FILE *out)
{
	for (int i = 0; i < OPTION_COUNT; i++) {
		const struct option_entry *entry = &entries[i];
		char letter[5] = "    ", name[64], help[256];

		if (!(accepted & 1u << i))
			continue;
		if (entry->letter)
			snprintf(letter, sizeof letter, "-%c, ", entry->letter);
		snprintf(name, sizeof name, "%s--%s%s%s", letter, entry->name, entry->argument ? " " : "",
			 entry->argument ? entry->argument : "");
		snprintf(help, sizeof help, "%s%s%s%s", entry->help, entry->initial ? " (" : "",
			 entry->initial ? entry->initial : "", entry->initial ? ")" : "");
		fprintf(out, "  %-27s ", name);
		if (strlen(name) > 27)
			fprintf(out, "\n%30s", "");
		print_wrapped(out, help, 30);
	}
}
