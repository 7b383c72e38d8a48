/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The limits that the method is held to, on fewer of the states that `make
 * simulate` tries. Seeds are fixed: the same method gives the same figures.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/simulate/trial.h"

/* A share of .93 among 500 scatters by .011, one of .986 (what the table of 2000 shows at most) by .005. */
#define TRACES 500
#define LEAST_COVERED 0.91
#define MOST_COVERED 0.995

/* No trace of a family that has to be refused may pass, so a few of each show much. */
#define TRACES_REFUSED 20

static struct summary simulate(const struct family *family, const char *rule, size_t n)
{
	struct outcome *outcomes = xcalloc(n, sizeof *outcomes);
	struct summary summary;

	for (size_t i = 0; i < n; i++)
		outcomes[i] = trial(family, rule_find(rule), (unsigned)i);
	summary = summarise(family, outcomes, n);
	free(outcomes);
	return summary;
}

/* Fails with the family's name and figures unless ok. */
static void expect(bool ok, const struct family *family, const struct summary *s, const char *what)
{
	if (!ok)
		fail_msg("%s: %s; of %zu %zu are stable, after %.0f s, in ci95 %.3f, in u95 %.3f",
			 family->name, what, s->n, s->stable, s->time_s, s->covered_ci95, s->covered_u95);
}

static void the_95_percent_interval_covers_the_truth_of_noise_and_of_what_has_settled(void **state)
{
	(void)state;
	for (size_t f = 0; f < ARRAY_SIZE(families); f++) {
		const struct family *family = &families[f];
		struct summary s;

		if (family->expected != COVERED)
			continue;
		s = simulate(family, "standard", TRACES);
		expect(s.covered_ci95 >= LEAST_COVERED, family, &s, "the interval is too narrow");
		expect(s.covered_ci95 <= MOST_COVERED, family, &s, "the interval is too wide");
		expect(!family->most_s || s.time_s <= family->most_s, family, &s, "it takes too long");
	}
}

static void the_95_percent_interval_covers_the_mean_of_what_repeats(void **state)
{
	(void)state;
	for (size_t f = 0; f < ARRAY_SIZE(families); f++) {
		const struct family *family = &families[f];
		struct summary s;

		if (family->expected != AMPLY_COVERED)
			continue;
		s = simulate(family, "standard", TRACES);
		expect(s.covered_ci95 >= LEAST_COVERED, family, &s, "the interval is too narrow");
		expect(!family->most_s || s.time_s <= family->most_s, family, &s, "it takes too long");
	}
}

static void u95_holds_what_a_slow_soak_has_still_to_go(void **state)
{
	(void)state;
	for (size_t f = 0; f < ARRAY_SIZE(families); f++) {
		const struct family *family = &families[f];
		struct summary s;

		if (family->expected != DRIFTS)
			continue;
		s = simulate(family, "standard", TRACES);
		expect(s.stable == 0 || s.covered_u95 >= LEAST_COVERED, family, &s, "u95 is too small");
		expect(!family->most_s || s.time_s <= family->most_s, family, &s, "it takes too long");
	}
}

static void what_never_settles_is_never_stable(void **state)
{
	(void)state;
	for (size_t f = 0; f < ARRAY_SIZE(families); f++) {
		const struct family *family = &families[f];
		struct summary s;

		if (family->expected != REFUSED)
			continue;
		s = simulate(family, "standard", TRACES_REFUSED);
		expect(s.stable == 0, family, &s, "some were accepted");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_95_percent_interval_covers_the_truth_of_noise_and_of_what_has_settled),
		cmocka_unit_test(the_95_percent_interval_covers_the_mean_of_what_repeats),
		cmocka_unit_test(u95_holds_what_a_slow_soak_has_still_to_go),
		cmocka_unit_test(what_never_settles_is_never_stable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
