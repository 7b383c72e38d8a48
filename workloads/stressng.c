/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "workloads/stressng.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "workloads/program.h"
#include "workloads/topology.h"

/* The oldest that is let in: Debian 11 ships 0.12.06. Tested is 0.15.06
 * (Debian 12); of the others only what their --help says is used. */
#define LEAST_VERSION 12 /* 1000 * major + minor */
#define LEAST_TEXT "0.12.00"

/* --version and --help answer in milliseconds; a full file server may need seconds. */
#define ANSWER_DEADLINE_S 10.0

struct stressng {
	char *path;
	char version[32];
	struct strings options; /* all that --help names, without the dashes, sorted */
};

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool has_option(const struct stressng *stressng, const char *name)
{
	return stressng->options.n && bsearch(&name, stressng->options.items, stressng->options.n,
					      sizeof *stressng->options.items, by_text);
}

/* Every word "--NAME" of the help text. */
static void read_options(struct strings *options, const char *help)
{
	const char *s = help;

	while ((s = strstr(s, "--"))) {
		bool starts_a_word = s == help || isspace((unsigned char)s[-1]);
		size_t length = 0;

		s += 2;
		while (isalnum((unsigned char)s[length]) || s[length] == '-')
			length++;
		if (starts_a_word && length)
			strings_addf(options, "%.*s", (int)length, s);
		s += length;
	}
	if (options->n)
		qsort(options->items, options->n, sizeof *options->items, by_text);
}

/* "stress-ng, version 0.15.06 (gcc 12.2.0, x86_64 Linux 6.1.0)" */
static int read_version(struct stressng *stressng, const char *text, struct error *err)
{
	unsigned major, minor;

	if (sscanf(text, "stress-ng, version %31[0-9.]", stressng->version) != 1 ||
	    sscanf(stressng->version, "%u.%u", &major, &minor) != 2)
		return error_set(
			err, ERROR_FAILED,
			"%s is not stress-ng: expected \"stress-ng, version ...\", it answers \"%.60s\"",
			stressng->path, text);
	if (1000 * major + minor < LEAST_VERSION)
		return error_set(
			err, ERROR_FAILED,
			"%s is version %s, expected %s or newer: install a newer stress-ng and name it "
			"with --stress-ng PATH",
			stressng->path, stressng->version, LEAST_TEXT);
	return 0;
}

static int ask(struct stressng *stressng, struct error *err)
{
	char *version = program_ask(stressng->path, "--version", ANSWER_DEADLINE_S, err);
	char *help = NULL;
	int rc = -1;

	if (!version)
		return -1;
	version[strcspn(version, "\n")] = '\0';
	if (read_version(stressng, version, err) == 0)
		help = program_ask(stressng->path, "--help", ANSWER_DEADLINE_S, err);
	if (help) {
		read_options(&stressng->options, help);
		rc = 0;
	}
	if (rc == 0 && (!has_option(stressng, "yaml") || !has_option(stressng, "timeout")))
		rc = error_set(err, ERROR_FAILED,
			       "%s --help names no --yaml and --timeout: expected the options of stress-ng",
			       stressng->path);
	free(version);
	free(help);
	return rc;
}

struct stressng *stressng_open(const char *path, struct error *err)
{
	struct stressng *stressng;
	char *found = program_find(path, "stress-ng", err);

	if (!found) {
		error_set(err, ERROR_FAILED,
			  "stress-ng is not in PATH: install it (on Debian and Ubuntu: apt install "
			  "stress-ng) or "
			  "name it with --stress-ng PATH");
		return NULL;
	}
	stressng = xcalloc(1, sizeof *stressng);
	stressng->path = found;
	if (ask(stressng, err)) {
		stressng_close(stressng);
		return NULL;
	}
	return stressng;
}

void stressng_close(struct stressng *stressng)
{
	if (!stressng)
		return;
	strings_free(&stressng->options);
	free(stressng->path);
	free(stressng);
}

const char *stressng_path(const struct stressng *stressng)
{
	return stressng->path;
}

const char *stressng_version(const struct stressng *stressng)
{
	return stressng->version;
}

bool stressng_can(const struct stressng *stressng, const struct state *state, char *reason, size_t size)
{
	for (size_t i = 0; i < state->n_stressors; i++) {
		const struct stressor *stressor = &state->stressors[i];

		if (!has_option(stressng, stressor->name)) {
			snprintf(reason, size, "stress-ng %s has no stressor \"%s\"", stressng->version,
				 stressor->name);
			return false;
		}
		for (size_t k = 0; k < stressor->n_options; k++)
			if (!has_option(stressng, stressor->options[k].key)) {
				snprintf(reason, size, "stress-ng %s has no option --%s", stressng->version,
					 stressor->options[k].key);
				return false;
			}
	}
	return true;
}

static unsigned workers_of(const struct stressor *stressor, size_t n_cpus)
{
	return stressor->count == WORKERS_PER_CPU_SET ? (unsigned)n_cpus : stressor->workers;
}

unsigned stressng_workers(const struct state *state, size_t n_cpus)
{
	unsigned sum = 0;

	for (size_t i = 0; i < state->n_stressors; i++)
		sum += workers_of(&state->stressors[i], n_cpus);
	return sum;
}

static void add_stressor(const struct stressor *stressor, size_t n_cpus, struct strings *argv)
{
	unsigned workers = workers_of(stressor, n_cpus);

	if (!workers) /* 0 would mean "on every CPU" to stress-ng */
		return;
	strings_addf(argv, "--%s", stressor->name);
	strings_addf(argv, "%u", workers);
	for (size_t i = 0; i < stressor->n_options; i++) {
		strings_addf(argv, "--%s", stressor->options[i].key);
		if (stressor->options[i].value)
			strings_add(argv, stressor->options[i].value);
	}
}

/*
 * What makes a load the same from second to second and from run to run, where
 * this version has it: no random advice about each mapping, the same random
 * numbers each time, no silent replacement of a worker that ran out of memory.
 * (--quiet is not among them: with it 0.15.06 writes no metrics into its YAML.)
 */
static const char *const steadying[] = {"no-madvise", "no-rand-seed", "oomable"};

void stressng_command(const struct stressng *stressng, const struct state *state, const unsigned *cpus,
		      size_t n, unsigned timeout_s, const char *temp_dir, struct strings *argv)
{
	if (!state->n_stressors)
		return;
	strings_add(argv, stressng->path);
	for (size_t i = 0; i < state->n_stressors; i++)
		add_stressor(&state->stressors[i], n, argv);
	if (n) {
		char *list = cpu_list_text(cpus, n);

		strings_add(argv, "--taskset");
		strings_add(argv, list);
		free(list);
	}
	for (size_t i = 0; i < ARRAY_SIZE(steadying); i++)
		if (has_option(stressng, steadying[i]))
			strings_addf(argv, "--%s", steadying[i]);
	strings_add(argv, "--timeout");
	strings_addf(argv, "%us", timeout_s);
	strings_add(argv, "--temp-path");
	strings_add(argv, temp_dir);
	strings_add(argv, "--metrics");
	strings_add(argv, "--yaml");
	strings_addf(argv, "%s/" STRESSNG_RESULT, temp_dir);
}
