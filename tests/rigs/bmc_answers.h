/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bmc_answers.h - the bytes with which a simulated BMC answers, right ones and
 * wrong ones.
 *
 * A request begins with DCMI's group byte, an answer with the completion code
 * and that byte. All functions write to out, which has room for 36 bytes, and
 * return the length. Places and numbers are those of DCMI 1.5, sections 6.1
 * (capabilities) and 6.6 (power), and of IPMI 2.0, section 35.14 (sensors).
 */
#ifndef WATTSTEP_BMC_ANSWERS_H
#define WATTSTEP_BMC_ANSWERS_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/rigs/bmc_faults.h"

#define DCMI 0xdc
#define PICMG 0x00 /* another group */

#define MODE_SYSTEM 0x01
#define MODE_ROLLING 0x02
#define MEASUREMENT_ACTIVE 0x40

#define SENSOR_SCANNED 0xc0 /* events and scanning are enabled */
#define SENSOR_UNAVAILABLE 0x20
#define OTHER_SENSOR 23 /* the raw reading of what is no power sensor: 23 degrees */

#define CODE_OK 0x00
#define CODE_UNSUPPORTED 0xc1
#define CODE_WRONG_LENGTH 0xc7
#define CODE_NOT_PRESENT 0xcb
#define CODE_WRONG_FIELD 0xcc

#define LAN_CHANNEL 1 /* startlan 1 in ipmi_sim's lan.conf */

struct request {
	const unsigned char *data;
	unsigned length;
};

/* 0 where the request is too short. */
static unsigned request_byte(struct request request, unsigned i)
{
	return i < request.length ? request.data[i] : 0;
}

/* The numbers of IPMI are little-endian. Returns the place behind. */
static unsigned put(unsigned char *out, unsigned at, unsigned bytes, uint32_t number)
{
	for (unsigned i = 0; i < bytes; i++)
		out[at + i] = (unsigned char)(number >> 8 * i);
	return at + bytes;
}

static unsigned answer_code(unsigned char *out, unsigned code)
{
	out[0] = (unsigned char)code;
	out[1] = DCMI;
	return 2;
}

/* What each parameter of the capabilities says behind version and revision. */
static unsigned answer_capabilities(const struct bmc *bmc, struct request request, unsigned char *out)
{
	unsigned at = answer_code(out, CODE_OK);

	at = put(out, at, 3, 0x020501); /* DCMI 1.5, parameter revision 2 */
	switch (request_byte(request, 1)) {
	case 1: /* power management is offered; in-band by KCS, and over LAN */
		return put(out, at, 3, 0x050100);
	case 2: /* an event log of 512 entries, and the temperature each 5 s */
		at = put(out, at, 4, 512);
		return put(out, at, 1, 5);
	case 3: /* the BMC itself manages power: address 20h, channel 0, revision 1 */
		return put(out, at, 2, 0x0120);
	case 4: /* LAN on this channel; no second, no serial */
		return put(out, at, 3, 0xffff00 | LAN_CHANNEL);
	case 5: /* the rolling averages */
		at = put(out, at, 1, (uint32_t)bmc->averages.n);
		for (size_t i = 0; i < bmc->averages.n; i++)
			at = put(out, at, 1, bmc->averages.list[i].code);
		return at;
	default:
		return answer_code(out, CODE_WRONG_FIELD);
	}
}

static uint32_t stamp(const struct bmc *bmc, double now_s)
{
	double at_s = readings_last(&bmc->readings)->at_s;

	if (strcmp(bmc_settings.stamp, STAMP_STILL) == 0)
		at_s = bmc->readings.boot_s;
	if (strcmp(bmc_settings.stamp, STAMP_REQUEST) == 0)
		at_s = now_s;
	return (uint32_t)floor(bmc->epoch_s + at_s);
}

static unsigned answer_reading(const struct bmc *bmc, double now_s, double period_s, unsigned char *out)
{
	struct statistics statistics = readings_statistics(&bmc->readings, now_s, period_s);
	uint32_t period_ms = (uint32_t)fmin(statistics.period_s * 1000, UINT32_MAX);
	bool active = !bmc_settings.not_active;
	unsigned at = answer_code(out, CODE_OK);

	at = put(out, at, 2, statistics.current);
	at = put(out, at, 2, statistics.least);
	at = put(out, at, 2, statistics.most);
	at = put(out, at, 2, statistics.average);
	at = put(out, at, 4, active ? stamp(bmc, now_s) : 0);
	at = put(out, at, 4, active ? period_ms : 0);
	return put(out, at, 1, active ? MEASUREMENT_ACTIVE : 0);
}

/* Makes of a right reading what the fault wants it to be. */
static unsigned spoil(struct bmc *bmc, enum answer answer, unsigned char *out, unsigned length)
{
	switch (answer) {
	case ANSWER_CODE:
		return answer_code(out, bmc->faults.code);
	case ANSWER_SHORT:
		return 5;
	case ANSWER_LONG:
		return put(out, length, 4, 0x5a5a5a5a);
	case ANSWER_GARBLED:
		for (unsigned i = 2; i < length; i++)
			out[i] = (unsigned char)(256 * erand48(bmc->random));
		return length;
	case ANSWER_GROUP:
		out[1] = PICMG;
		return length;
	case ANSWER_SHOW:
		put(out, 2, 2, bmc->faults.watts);
		return length;
	case ANSWER_UNAVAILABLE:
		memset(out + 2, 0, length - 2);
		return length;
	case ANSWER_NONE:
	case ANSWER_RIGHT:
		break;
	}
	return length;
}

/* Request: group, mode, rolling average's time period, reserved. */
static unsigned answer_power(struct bmc *bmc, double now_s, struct request request, enum answer answer,
			     unsigned char *out)
{
	unsigned mode = request_byte(request, 1);
	double period_s = mode == MODE_SYSTEM ? bmc_settings.statistics_s : NAN;

	if (request.length != 4)
		return answer_code(out, CODE_WRONG_LENGTH);
	for (size_t i = 0; mode == MODE_ROLLING && i < bmc->averages.n; i++)
		if (bmc->averages.list[i].code == request_byte(request, 2))
			period_s = bmc->averages.list[i].period_s;
	if (isnan(period_s))
		return answer_code(out, CODE_WRONG_FIELD);
	return spoil(bmc, answer, out, answer_reading(bmc, now_s, period_s, out));
}

/* The last number is that of a sensor that measures no power. */
static bool sensor_present(const struct bmc *bmc, unsigned number)
{
	return number >= 1 && number <= bmc->sensors.n + 1;
}

/* Get Sensor Reading; its answers have no group byte. */
static unsigned answer_sensor(const struct bmc *bmc, unsigned number, enum answer answer, unsigned char *out)
{
	unsigned watts = answer == ANSWER_SHOW ? bmc->faults.watts : readings_last(&bmc->readings)->watts;
	double counts = OTHER_SENSOR;

	if (number <= bmc->sensors.n)
		counts = watts * bmc->sensors.list[number - 1] / bmc_settings.sensor_step_w;
	out[0] = CODE_OK;
	out[1] = (unsigned char)fmin(round(counts), 255);
	out[2] = answer == ANSWER_UNAVAILABLE ? SENSOR_SCANNED | SENSOR_UNAVAILABLE : SENSOR_SCANNED;
	out[3] = SENSOR_SCANNED; /* within all thresholds */
	if (answer == ANSWER_CODE)
		out[0] = (unsigned char)bmc->faults.code;
	return answer == ANSWER_CODE || answer == ANSWER_SHORT ? 1 : 4;
}

#endif
