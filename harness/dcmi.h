/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * dcmi.h - the DCMI commands that tell power, and what their answers mean: DCMI
 * specification 1.5, chapter 6; Get Device ID: IPMI 2.0, section 20.1.
 *
 * Pure: bytes in, values out. An answer that is shorter or longer than it can
 * be, of another group, or that contradicts itself, is garbled: nothing of it is
 * used.
 */
#ifndef WATTSTEP_DCMI_H
#define WATTSTEP_DCMI_H

#include <stdbool.h>
#include <stdint.h>

#include "harness/bmc.h"

struct dcmi_power {
	double current_w, minimum_w, maximum_w, average_w; /* NAN: no reading */
	uint32_t time_stamp_s;                             /* since 1970; 0: the BMC does not tell */
	uint32_t period_ms; /* minimum, maximum and average are over so long; 0: not told */
	bool active;
	uint8_t reserved; /* bits of the last byte that mean nothing, and so stay as they are */
};

struct dcmi_capabilities {
	unsigned major, minor; /* of the specification it conforms to */
	bool power_management; /* power is measured */
	bool in_band, lan_primary, lan_secondary, serial;
};

/* Rolling averages: how many there can be in an answer of 64 bytes, and more than any BMC has. */
#define DCMI_MOST_AVERAGES 16

struct dcmi_average {
	uint8_t code; /* as the BMC names it */
	double period_s;
	char name[16]; /* "5-s", "1-min" */
};

struct bmc_device {
	unsigned device_id, manufacturer_id, product_id;
	char manufacturer[128]; /* "" where IANA's number is not known */
	char firmware[16];      /* "2.17" */
	char ipmi_version[8];   /* "2.0" */
};

/* Requests. average: NULL, or that rolling average. */
struct bmc_request dcmi_request_power(const struct dcmi_average *average);
struct bmc_request dcmi_request_capabilities(void);
struct bmc_request dcmi_request_averages(void);
struct bmc_request bmc_request_device(void);

/* Answers. -1: garbled, and err says how; ERROR_FAILED. */
int dcmi_take_power(const struct bmc_answer *answer, struct dcmi_power *out, struct error *err);
int dcmi_take_capabilities(const struct bmc_answer *answer, struct dcmi_capabilities *out, struct error *err);
int bmc_take_device(const struct bmc_answer *answer, struct bmc_device *out, struct error *err);

/* The rolling averages in out[DCMI_MOST_AVERAGES], each once; returns how many. */
int dcmi_take_averages(const struct bmc_answer *answer, struct dcmi_average *out, struct error *err);

#endif
