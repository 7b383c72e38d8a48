/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * simulate - the judge over seeded synthetic states, in simulated time, and the
 * table of what it made of them (docs/method.md).
 *
 * simulate [TRACES [PART_OF_A_NAME]]: so many of each family, of the families
 * whose names hold that part; without arguments 2000 of each that is to be
 * covered and 200 of the others. The same arguments give the same table.
 */
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/simulate/trial.h"

#define TRACES_COVERED 2000
#define TRACES_OTHERS 200

struct table {
	const char *title;
	const char *rule;
	bool tuning;
};

static const struct table tables[] = {
	{"standard rule, families in view when the method was chosen", "standard", true},
	{"standard rule, families only looked at in the end", "standard", false},
	{"quick rule, families in view when the method was chosen", "quick", true},
	{"quick rule, families only looked at in the end", "quick", false},
};

/* Shares the trials out to as many processes as there are processors. */
static void run_trials(const struct family *family, const struct rule *rule, struct outcome *out, size_t n)
{
	long workers = sysconf(_SC_NPROCESSORS_ONLN);

	for (long w = 0; w < workers; w++)
		if (fork() == 0) {
			for (size_t i = (size_t)w; i < n; i += (size_t)workers)
				out[i] = trial(family, rule, (unsigned)i);
			_exit(0);
		}
	while (wait(NULL) > 0)
		;
}

static void print_share(double share)
{
	if (isnan(share))
		printf("      -");
	else
		printf(" %6.3f", share);
}

static void print_row(const struct family *family, const struct summary *s)
{
	size_t rest = s->n - s->stable - s->by_reason[REASON_DRIFT] - s->by_reason[REASON_SHIFT] -
		      s->by_reason[REASON_IMPRECISE];
	double n = (double)s->n;

	printf("%-32s %5zu %6.3f %6.3f %6.3f %6.3f %6.3f %5.0f", family->name, s->n, (double)s->stable / n,
	       (double)s->by_reason[REASON_DRIFT] / n, (double)s->by_reason[REASON_SHIFT] / n,
	       (double)s->by_reason[REASON_IMPRECISE] / n, (double)rest / n, s->time_s);
	if (isnan(s->bias))
		printf("       -      -      -");
	else
		printf(" %7.3f %6.3f %6.3f", 100 * s->bias, 100 * s->half_width, 100 * s->u95);
	print_share(s->covered_ci95);
	print_share(s->covered_u95);
	printf("\n");
	fflush(stdout);
}

static void print_table(const struct table *table, size_t traces, const char *part)
{
	const struct rule *rule = rule_find(table->rule);
	bool quick = strcmp(table->rule, "quick") == 0;

	printf("\n%s\n%-32s %5s %6s %6s %6s %6s %6s %5s %7s %6s %6s %6s %6s\n", table->title, "family", "n",
	       "stable", "drift", "shift", "imprec", "insuff", "t/s", "bias/%", "h/%", "u95/%", "in ci",
	       "in u95");
	for (size_t f = 0; f < ARRAY_SIZE(families); f++) {
		const struct family *family = &families[f];
		bool covered = family->expected != REFUSED && family->expected != ONLY_REPORTED;
		size_t n = traces ? traces : covered ? TRACES_COVERED : TRACES_OTHERS;
		struct outcome *outcomes;
		struct summary summary;

		if (family->tuning != table->tuning || (quick && !family->quick) ||
		    !strstr(family->name, part))
			continue;
		outcomes = mmap(NULL, n * sizeof *outcomes, PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		if (outcomes == MAP_FAILED) {
			perror("simulate: room for the outcomes");
			exit(1);
		}
		fflush(stdout);
		run_trials(family, rule, outcomes, n);
		summary = summarise(family, outcomes, n);
		print_row(family, &summary);
		munmap(outcomes, n * sizeof *outcomes);
	}
}

int main(int argc, char **argv)
{
	size_t traces = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;

	for (size_t t = 0; t < ARRAY_SIZE(tables); t++)
		print_table(&tables[t], traces, argc > 2 ? argv[2] : "");
	return 0;
}
