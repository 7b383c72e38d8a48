/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ipmi_sensor.h - a BMC's power sensors: what their records and answers mean.
 *
 * Pure. Records: IPMI 2.0, section 43.1; readings: section 35.14.
 */
#ifndef WATTSTEP_IPMI_SENSOR_H
#define WATTSTEP_IPMI_SENSOR_H

#include <stddef.h>
#include <stdint.h>

#include "harness/bmc.h"

struct ipmi_sensor {
	char name[64]; /* as the BMC calls it */
	uint8_t number, lun;
	uint8_t entity; /* what it belongs to: IPMI 2.0, table 43-13 */
	/* watts = linearization((m raw + b 10^b_exponent) 10^r_exponent) */
	int16_t m, b;
	int8_t b_exponent, r_exponent;
	uint8_t linearization, format;
};

/* The part of a channel's name behind "ipmi/": letters, digits and dashes; "sensor" for a name without any.
 */
void ipmi_sensor_slug(const char *name, char *out, size_t size);

/*
 * Which of n sensors measures the whole node, or n where none is known to:
 * a name such as "Sys Power" or "Total_Power"; the names of makers that say it
 * otherwise ("Pwr Consumption", "Power Meter"); a sensor of the system board or
 * of the power unit; or the only one. Never one of a part (a processor, memory,
 * one of the power supplies) nor an extreme or a limit.
 */
size_t ipmi_sensor_whole_node(const struct ipmi_sensor *sensors, size_t n);

/* The smallest step in W; NAN where it is not the same everywhere. */
double ipmi_sensor_step_w(const struct ipmi_sensor *sensor);

struct bmc_request ipmi_sensor_request(const struct ipmi_sensor *sensor);

/* The power in W; NAN: none, and err says why. */
double ipmi_sensor_take(const struct ipmi_sensor *sensor, const struct bmc_answer *answer, struct error *err);

#endif
