/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * meter_dcmi.c - the whole node's power as its management controller tells it:
 * DCMI's Get Power Reading, and the rolling averages that it offers.
 *
 * "Not active" with watts is used, since OpenBMC says so at all times. What is
 * 0, of time stamp and period, was not told.
 */
#include "harness/meter.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "harness/base/json.h"
#include "harness/base/text.h"
#include "harness/bmc.h"
#include "harness/bmc_describe.h"
#include "harness/dcmi.h"

/* A BMC that has just begun to measure says 0 W at first. */
#define FIRST_TRIES 3
#define FIRST_PAUSE_S 1

/* A rolling average is asked for once in its time, but not more often and not more rarely than this, s: each
 * request costs the BMC as much as a reading. */
#define AVERAGE_LEAST_S 5.0
#define AVERAGE_MOST_S 20.0

enum { SYSTEM, MINIMUM, MAXIMUM, AVERAGE, TIME_STAMP, PERIOD, ACTIVE, PLAIN_CHANNELS };

struct rolling {
	struct dcmi_average what;
	double w; /* when the meter was opened; NAN: it did not say */
	mono_t due;
};

struct meter_dcmi {
	struct meter meter; /* first: meter.h */
	const struct bmc_options *options;
	struct bmc *bmc;
	struct bmc_device device;
	struct dcmi_capabilities capabilities;
	bool device_known, capabilities_known;
	struct dcmi_power first; /* when it was opened */
	struct rolling rolling[DCMI_MOST_AVERAGES];
	size_t n_rolling;
};

extern const struct meter_class meter_dcmi;

/* ---- reading ---- */

static struct reading reading_of(const struct bmc_answer *answer, double value)
{
	return (struct reading){
		.at = answer->at,
		.value = value,
		.took_s = answer->took_s,
		.state = isnan(value) ? READING_FAILED : READING_OK,
	};
}

static int ask_power(struct bmc *bmc, const struct dcmi_average *average, struct bmc_answer *answer,
		     struct dcmi_power *out, struct error *err)
{
	struct bmc_request request = dcmi_request_power(average);

	return bmc_ask(bmc, &request, answer, err) || dcmi_take_power(answer, out, err) ? -1 : 0;
}

/* A BMC sets bits without a meaning always alike. */
static int refuse_changed(const struct meter_dcmi *dcmi, const struct dcmi_power *power, struct error *err)
{
	if (power->reserved == dcmi->first.reserved)
		return 0;
	return error_set(
		err, ERROR_FAILED,
		"Get Power Reading: the BMC's answer is garbled: reserved bits 0x%02X that were 0x%02X",
		power->reserved, dcmi->first.reserved);
}

static void read_plain(struct meter_dcmi *dcmi, struct reading *out, struct error *err)
{
	struct bmc_answer answer;
	struct dcmi_power power = {.current_w = NAN};
	int failed = ask_power(dcmi->bmc, NULL, &answer, &power, err) || refuse_changed(dcmi, &power, err);

	for (size_t i = 0; i < PLAIN_CHANNELS; i++)
		out[i] = reading_of(&answer, NAN);
	if (failed)
		return;
	out[SYSTEM] = reading_of(&answer, power.current_w);
	out[MINIMUM] = reading_of(&answer, power.minimum_w);
	out[MAXIMUM] = reading_of(&answer, power.maximum_w);
	out[AVERAGE] = reading_of(&answer, power.average_w);
	out[TIME_STAMP] = reading_of(&answer, power.time_stamp_s);
	out[PERIOD] = reading_of(&answer, power.period_ms / 1e3);
	out[ACTIVE] = reading_of(&answer, power.active);
	if (power.time_stamp_s == 0)
		out[TIME_STAMP].state = READING_NONE;
	if (power.period_ms == 0)
		out[PERIOD].state = READING_NONE;
	if (isnan(power.current_w))
		error_set(err, ERROR_FAILED,
			  "Get Power Reading: the BMC answers 0 W or 65535 W, which is no measurement");
}

static double interval_s(const struct rolling *rolling)
{
	return fmin(fmax(rolling->what.period_s, AVERAGE_LEAST_S), AVERAGE_MOST_S);
}

static void read_rolling(struct meter_dcmi *dcmi, struct rolling *rolling, struct reading *out,
			 struct error *err)
{
	struct dcmi_power power = {.average_w = NAN};
	struct bmc_answer answer;

	*out = (struct reading){.at = mono_now(), .value = NAN, .state = READING_NONE};
	if (mono_now().ns < rolling->due.ns)
		return;
	ask_power(dcmi->bmc, &rolling->what, &answer, &power, err);
	*out = reading_of(&answer, power.average_w);
	rolling->due = mono_after_s(answer.at, interval_s(rolling));
}

static void dcmi_read(struct meter *meter, struct reading *out, struct error *err)
{
	struct meter_dcmi *dcmi = (struct meter_dcmi *)meter;

	read_plain(dcmi, out, err);
	for (size_t i = 0; i < dcmi->n_rolling; i++)
		read_rolling(dcmi, &dcmi->rolling[i], &out[PLAIN_CHANNELS + i], err);
}

/* ---- opening ---- */

/* 1: there is no power in this answer, but there may be in the next. */
static int read_first_once(struct meter_dcmi *dcmi, struct error *err)
{
	struct bmc_answer answer;

	if (ask_power(dcmi->bmc, NULL, &answer, &dcmi->first, err))
		return err->kind == ERROR_FAILED && bmc_is_connected(dcmi->bmc) ? 1 : -1;
	if (!isnan(dcmi->first.current_w))
		return 0;
	error_set(err, ERROR_ABSENT,
		  "Get Power Reading (%s): the BMC answers 0 W or 65535 W: it does not measure power",
		  dcmi->options->interface);
	return 1;
}

/* A BMC that answers, but never with a power, has no DCMI power to read. */
static int read_first(struct meter_dcmi *dcmi, struct error *err)
{
	static const struct timespec pause = {FIRST_PAUSE_S, 0};
	struct error why = {0};
	int result = read_first_once(dcmi, &why);

	for (int tries = 1; result == 1 && tries < FIRST_TRIES; tries++) {
		why = (struct error){0};
		nanosleep(&pause, NULL);
		result = read_first_once(dcmi, &why);
	}
	return result ? error_set(err, result == 1 ? ERROR_ABSENT : why.kind, "%s", why.text) : 0;
}

/* What a BMC does not tell about itself is not known, and no reason not to read it. */
static void learn_about(struct meter_dcmi *dcmi)
{
	struct bmc_request device = bmc_request_device(), capabilities = dcmi_request_capabilities();
	struct bmc_answer answer;

	dcmi->device_known = bmc_ask(dcmi->bmc, &device, &answer, NULL) == 0 &&
			     bmc_take_device(&answer, &dcmi->device, NULL) == 0;
	dcmi->capabilities_known = bmc_ask(dcmi->bmc, &capabilities, &answer, NULL) == 0 &&
				   dcmi_take_capabilities(&answer, &dcmi->capabilities, NULL) == 0;
}

static void find_rolling(struct meter_dcmi *dcmi)
{
	struct dcmi_average averages[DCMI_MOST_AVERAGES];
	struct bmc_request request = dcmi_request_averages();
	struct bmc_answer answer;
	int n = bmc_ask(dcmi->bmc, &request, &answer, NULL) == 0 ? dcmi_take_averages(&answer, averages, NULL)
								 : 0;

	for (int i = 0; i < n; i++) {
		struct rolling *rolling = &dcmi->rolling[dcmi->n_rolling];
		struct dcmi_power power;

		if (ask_power(dcmi->bmc, &averages[i], &answer, &power, NULL))
			continue;
		*rolling = (struct rolling){.what = averages[i], .w = power.average_w};
		rolling->due = mono_after_s(answer.at, interval_s(rolling));
		dcmi->n_rolling++;
	}
}

static struct channel *add_channel(struct meter_dcmi *dcmi, enum unit unit, const char *scope)
{
	struct channel *channel = &dcmi->meter.channels[dcmi->meter.n_channels++];

	*channel = (struct channel){
		.unit = unit, .resolution = NAN, .range_j = NAN, .power_limit_w = NAN, .time_window_s = NAN};
	snprintf(channel->scope, sizeof channel->scope, "%s", scope);
	return channel;
}

static void add_channels(struct meter_dcmi *dcmi)
{
	static const struct {
		const char *id;
		enum unit unit;
		const char *scope;
	} plain[PLAIN_CHANNELS] = {
		[SYSTEM] = {"dcmi/system", UNIT_WATT, "whole node, as its BMC measures it"},
		[MINIMUM] = {"dcmi/minimum", UNIT_WATT, "least power in the BMC's statistics period"},
		[MAXIMUM] = {"dcmi/maximum", UNIT_WATT, "greatest power in the BMC's statistics period"},
		[AVERAGE] = {"dcmi/average", UNIT_WATT, "mean power over the BMC's statistics period"},
		[TIME_STAMP] = {"dcmi/time-stamp", UNIT_SECOND, "the BMC's clock at the reading, since 1970"},
		[PERIOD] = {"dcmi/period", UNIT_SECOND, "statistics period of minimum, maximum and average"},
		[ACTIVE] = {"dcmi/active", UNIT_FLAG, "whether the BMC says that it measures"},
	};

	dcmi->meter.channels = xcalloc(PLAIN_CHANNELS + dcmi->n_rolling, sizeof *dcmi->meter.channels);
	for (size_t i = 0; i < PLAIN_CHANNELS; i++)
		snprintf(add_channel(dcmi, plain[i].unit, plain[i].scope)->id,
			 sizeof dcmi->meter.channels->id, "%s", plain[i].id);
	for (size_t i = 0; i < dcmi->n_rolling; i++) {
		struct channel *channel = add_channel(dcmi, UNIT_WATT, "rolling mean inside the BMC");

		snprintf(channel->id, sizeof channel->id, "dcmi/average-%s", dcmi->rolling[i].what.name);
		channel->interval_s = interval_s(&dcmi->rolling[i]);
	}
}

static void dcmi_close(struct meter *meter)
{
	struct meter_dcmi *dcmi = (struct meter_dcmi *)meter;

	if (!dcmi)
		return;
	bmc_close(dcmi->bmc);
	free(meter->channels);
	free(dcmi);
}

static int dcmi_probe(const struct meter_config *config, struct error *err)
{
	return bmc_probe(config->bmc, config->roots.sysfs, err);
}

static int dcmi_open(struct meter **out, const struct meter_config *config, struct error *err)
{
	struct meter_dcmi *dcmi = xcalloc(1, sizeof *dcmi);

	dcmi->meter.class = &meter_dcmi;
	dcmi->options = config->bmc;
	dcmi->bmc = bmc_open(config->bmc, err);
	if (!dcmi->bmc || read_first(dcmi, err)) {
		dcmi_close(&dcmi->meter);
		return -1;
	}
	learn_about(dcmi);
	find_rolling(dcmi);
	add_channels(dcmi);
	*out = &dcmi->meter;
	return 0;
}

/* ---- for the profile ---- */

static json_t *capabilities_json(const struct dcmi_capabilities *c)
{
	return json_pack("{s:b, s:b, s:b, s:b, s:b}", "power_management", c->power_management, "in_band",
			 c->in_band, "lan_primary", c->lan_primary, "lan_secondary", c->lan_secondary,
			 "serial", c->serial);
}

static json_t *time_json(uint32_t time_stamp_s)
{
	time_t seconds = time_stamp_s;
	char text[32];
	struct tm utc;

	if (time_stamp_s == 0 || !gmtime_r(&seconds, &utc))
		return json_null();
	strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
	return json_string(text);
}

static json_t *power_json(const struct dcmi_power *p)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:b}", "current_w",
			 json_number_or_null(p->current_w), "minimum_w", json_number_or_null(p->minimum_w),
			 "maximum_w", json_number_or_null(p->maximum_w), "average_w",
			 json_number_or_null(p->average_w), "time_stamp", time_json(p->time_stamp_s),
			 "period_s", json_number_or_null(p->period_ms ? p->period_ms / 1e3 : NAN), "active",
			 p->active);
}

static void dcmi_describe(const struct meter *meter, json_t *entry)
{
	const struct meter_dcmi *dcmi = (const struct meter_dcmi *)meter;
	const struct dcmi_capabilities *c = &dcmi->capabilities;
	json_t *rolling = json_array();
	char version[16];

	for (size_t i = 0; i < dcmi->n_rolling; i++)
		json_array_append_new(rolling,
				      json_pack("{s:o, s:o}", "period_s",
						json_number_or_null(dcmi->rolling[i].what.period_s),
						"average_w", json_number_or_null(dcmi->rolling[i].w)));
	snprintf(version, sizeof version, "%u.%u", c->major, c->minor);
	json_object_set_new(entry, "interface", json_string(dcmi->options->interface));
	json_object_set_new(entry, "device",
			    dcmi->device_known ? bmc_describe_device(&dcmi->device) : json_null());
	json_object_set_new(entry, "dcmi_version",
			    dcmi->capabilities_known ? json_string(version) : json_null());
	json_object_set_new(entry, "capabilities",
			    dcmi->capabilities_known ? capabilities_json(c) : json_null());
	json_object_set_new(entry, "power_reading", power_json(&dcmi->first));
	json_object_set_new(entry, "rolling_averages", rolling);
}

const struct meter_class meter_dcmi = {
	.name = "dcmi",
	.covers = "the whole node, as its management controller (BMC) measures it (DCMI)",
	.needs = "a BMC with DCMI, at /dev/ipmi0 or --bmc HOST",
	.automatic = true,
	.blocking = true,
	.least_poll_s = 1,
	.probe = dcmi_probe,
	.open = dcmi_open,
	.read = dcmi_read,
	.describe = dcmi_describe,
	.print = bmc_describe_print,
	.close = dcmi_close,
};
