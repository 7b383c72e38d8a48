/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "harness/sim_params.h"

#include <math.h>
#include <string.h>

#include "harness/base/text.h"

#define PARAMETER(name) #name, offsetof(struct sim_params, name)

/* The defaults are a node of two sockets that settles within some 20 s, so that
 * a quick plan ends stable on it. */
const struct sim_parameter sim_parameters[] = {
	{PARAMETER(sockets), 2, 1, 16, "", true, "processor packages"},
	{PARAMETER(idle_w), 25, 0, 2000, "W", false, "power of an idle package"},
	{PARAMETER(span_w), 60, 0, 2000, "W", false, "what full load adds to a package at once"},
	{PARAMETER(exponent), 1, 0.1, 5, "", false, "exponent of the utilisation in that"},
	{PARAMETER(thermal_w), 2, 0, 500, "W", false, "what full load adds to a package as it warms up"},
	{PARAMETER(thermal_tau_s), 3, 0, 3600, "s", false, "time constant of the warming up"},
	{PARAMETER(turbo_w), 0, 0, 2000, "W", false,
	 "what a package draws on top while its turbo budget lasts"},
	{PARAMETER(turbo_budget_j), 0, 0, 1e6, "J", false,
	 "that budget; refilled at turbo_w when under half load"},
	{PARAMETER(noise_pct), 0.2, 0, 20, "%", false,
	 "standard deviation of the noise of packages and memory"},
	{PARAMETER(noise_rho), 0.3, 0, 0.999, "", false, "autocorrelation of the noise at 1 s"},
	{PARAMETER(dram_idle_w), 3, 0, 500, "W", false, "power of a socket's memory at idle"},
	{PARAMETER(dram_span_w), 6, 0, 500, "W", false, "what full load adds to a socket's memory"},
	{PARAMETER(platform_w), 40, 0, 5000, "W", false, "fans, disks and the rest"},
	{PARAMETER(efficiency), 0.92, 0.3, 1, "", false, "of the power supply"},
	{PARAMETER(period_s), 2, 0.1, 120, "s", false,
	 "sim/system shows a new value this often, as a BMC does"},
	{PARAMETER(lag_s), 4, 0, 120, "s", false, "how old what it shows is"},
	{PARAMETER(average_s), 2, 0.1, 120, "s", false, "how long a time it is the mean of"},
	{PARAMETER(resolution_w), 1, 0, 100, "W", false, "step that it is rounded to; 0: not rounded"},
	{PARAMETER(window_s), 28, 0, 120, "s", false, "time window that the packages report; 0: none"},
	{PARAMETER(seed), 1, 0, 4294967295, "", true, "of the noise"},
};

const size_t sim_parameters_n = ARRAY_SIZE(sim_parameters);

static double *member(struct sim_params *params, const struct sim_parameter *parameter)
{
	return (double *)((char *)params + parameter->offset);
}

double sim_parameter_get(const struct sim_params *params, const struct sim_parameter *parameter)
{
	return *(const double *)((const char *)params + parameter->offset);
}

void sim_params_defaults(struct sim_params *params)
{
	for (size_t i = 0; i < sim_parameters_n; i++)
		*member(params, &sim_parameters[i]) = sim_parameters[i].by_default;
}

static int unknown_key(const char *word, struct error *err)
{
	char keys[512];
	size_t used = 0;

	for (size_t i = 0; i < sim_parameters_n; i++)
		used += (size_t)snprintf(keys + used, sizeof keys - used, "%s%s", i ? ", " : "",
					 sim_parameters[i].key);
	return error_set(err, ERROR_INPUT, "--sim: KEY=VALUE expected, with one of the keys %s; \"%s\" came",
			 keys, word);
}

static int parse_word(struct sim_params *params, char *word, struct error *err)
{
	char *equals = strchr(word, '=');
	size_t key_size = equals ? (size_t)(equals - word) : strlen(word);
	double value;

	for (size_t i = 0; i < sim_parameters_n; i++) {
		const struct sim_parameter *p = &sim_parameters[i];

		if (!equals || strlen(p->key) != key_size || strncmp(p->key, word, key_size) != 0)
			continue;
		if (!text_to_double(equals + 1, &value) || value < p->least || value > p->most ||
		    (p->whole && value != floor(value)))
			return error_set(err, ERROR_INPUT,
					 "--sim: %s: \"%s\" is not a %snumber in %.10g..%.10g%s%s", p->key,
					 equals + 1, p->whole ? "whole " : "", p->least, p->most,
					 *p->unit ? " " : "", p->unit);
		*member(params, p) = value;
		return 0;
	}
	return unknown_key(word, err);
}

int sim_params_parse(struct sim_params *params, const char *text, struct error *err)
{
	struct strings words = {0};
	int result = 0;

	sim_params_defaults(params);
	if (!text || !*text)
		return 0;
	strings_split(&words, text, ',');
	for (size_t i = 0; i < words.n && result == 0; i++)
		result = parse_word(params, words.items[i], err);
	strings_free(&words);
	return result;
}

void sim_params_print(FILE *out)
{
	for (size_t i = 0; i < sim_parameters_n; i++) {
		const struct sim_parameter *p = &sim_parameters[i];

		fprintf(out, "  %-15s %s (%.10g%s%s; %.10g..%.10g)\n", p->key, p->help, p->by_default,
			*p->unit ? " " : "", p->unit, p->least, p->most);
	}
}
