/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "harness/ipmi_sensor.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "harness/base/text.h"

#define GET_SENSOR_READING 0x2d

/* Flags in the second byte of a reading. */
#define READING_UNAVAILABLE 0x20
#define SCANNING_ENABLED 0x40

/* Entities that stand for the node: system board, power unit, system chassis. */
static const uint8_t node_entities[] = {7, 19, 23};

/* Parts of slugs, between dashes; a number behind them does not count ("cpu1"). */
static const char *const part_words[] = {
	"cpu",  "proc", "processor", "mem",  "memory",  "dimm", "dram",   "ps",  "psu",    "fan",
	"fans", "gpu",  "disk",      "hdd",  "hdds",    "pcie", "peak",   "min", "max",    "minimum",
	"cap",  "pch",  "limit",     "slot", "maximum", "vr",   "supply", "soc", "budget", "core",
};
static const char *const node_words[] = {"sys", "system", "total", "node", "server"};

/* Dell; HPE; Supermicro. */
static const char *const node_names[] = {"pwr-consumption", "power-meter", "pw-consumption"};

void ipmi_sensor_slug(const char *name, char *out, size_t size)
{
	size_t n = 0;

	for (const char *c = name; *c && n + 1 < size; c++) {
		if (isalnum((unsigned char)*c))
			out[n++] = (char)tolower((unsigned char)*c);
		else if (n > 0 && out[n - 1] != '-')
			out[n++] = '-';
	}
	while (n > 0 && out[n - 1] == '-')
		n--;
	out[n] = '\0';
	if (n == 0)
		snprintf(out, size, "sensor");
}

/* Whether the slug has one of these words, with or without a number behind it. */
static bool has_word(const char *slug, const char *const *words, size_t n)
{
	for (const char *at = slug; *at; at += strcspn(at, "-"), at += *at == '-') {
		size_t length = strcspn(at, "-0123456789");

		for (size_t i = 0; i < n; i++)
			if (strlen(words[i]) == length && strncmp(at, words[i], length) == 0)
				return true;
	}
	return false;
}

static bool is_of_node(const struct ipmi_sensor *sensor)
{
	for (size_t i = 0; i < ARRAY_SIZE(node_entities); i++)
		if (sensor->entity == node_entities[i])
			return true;
	return false;
}

/* 0: a part. The higher, the surer that it is the whole node. */
static int rank(const struct ipmi_sensor *sensor)
{
	char slug[sizeof sensor->name];

	ipmi_sensor_slug(sensor->name, slug, sizeof slug);
	if (has_word(slug, part_words, ARRAY_SIZE(part_words)))
		return 0;
	if (has_word(slug, node_words, ARRAY_SIZE(node_words)))
		return 4;
	for (size_t i = 0; i < ARRAY_SIZE(node_names); i++)
		if (strcmp(slug, node_names[i]) == 0)
			return 3;
	return is_of_node(sensor) ? 2 : 1;
}

size_t ipmi_sensor_whole_node(const struct ipmi_sensor *sensors, size_t n)
{
	int least = n == 1 ? 1 : 2, best = 0;
	size_t found = n;

	for (size_t i = 0; i < n; i++)
		if (rank(&sensors[i]) >= least && rank(&sensors[i]) > best) {
			found = i;
			best = rank(&sensors[i]);
		}
	return found;
}

double ipmi_sensor_step_w(const struct ipmi_sensor *sensor)
{
	return sensor->linearization == 0 && sensor->m != 0 ? fabs(sensor->m * pow(10, sensor->r_exponent))
							    : NAN;
}

struct bmc_request ipmi_sensor_request(const struct ipmi_sensor *sensor)
{
	return (struct bmc_request){
		.net_fn = BMC_NET_FN_SENSOR,
		.lun = sensor->lun,
		.bytes = {GET_SENSOR_READING, sensor->number},
		.n = 2,
		.what = "Get Sensor Reading",
	};
}

double ipmi_sensor_take(const struct ipmi_sensor *sensor, const struct bmc_answer *answer, struct error *err)
{
	const uint8_t *data = answer->bytes + BMC_DATA;
	double w = NAN;

	if (answer->n < BMC_DATA + 2) {
		error_set(err, ERROR_FAILED,
			  "Get Sensor Reading: the BMC's answer is garbled: %zu bytes, expected 4 or more",
			  answer->n);
		return NAN;
	}
	if (data[1] & READING_UNAVAILABLE || !(data[1] & SCANNING_ENABLED)) {
		error_set(err, ERROR_FAILED, "Get Sensor Reading: the BMC has no reading of \"%s\"",
			  sensor->name);
		return NAN;
	}
	if (ipmi_sensor_decode_value(sensor->r_exponent, sensor->b_exponent, sensor->m, sensor->b,
				     sensor->linearization, sensor->format, data[0], &w) < 0 ||
	    w <= 0) {
		error_set(err, ERROR_FAILED,
			  "Get Sensor Reading: the BMC says %g W for \"%s\", which is no measurement", w,
			  sensor->name);
		return NAN;
	}
	return w;
}
