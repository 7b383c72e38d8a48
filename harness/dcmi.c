/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "harness/dcmi.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "harness/base/text.h"

#define GROUP 0xdc
#define GET_CAPABILITIES 0x01
#define GET_POWER_READING 0x02
#define GET_DEVICE_ID 0x01

#define PARAMETER_SUPPORTED 1
#define PARAMETER_AVERAGES 5

#define MODE_SYSTEM 1
#define MODE_ENHANCED 2

/* With command, completion code and group byte. */
#define POWER_READING_SIZE 20
#define CAPABILITIES_LEAST 9
#define AVERAGES_LEAST 7
#define DEVICE_LEAST 13

/* Neither is a measurement: HARDWARE.md. */
#define NO_READING_LOW 0
#define NO_READING_HIGH 0xffff

/* Network function Group Extension; data begin with the group's byte. */
struct bmc_request dcmi_request_power(const struct dcmi_average *average)
{
	return (struct bmc_request){
		.net_fn = BMC_NET_FN_GROUP,
		.bytes = {GET_POWER_READING, GROUP, average ? MODE_ENHANCED : MODE_SYSTEM,
			  average ? average->code : 0, 0},
		.n = 5,
		.what = "Get Power Reading",
	};
}

static struct bmc_request request_capability(uint8_t parameter)
{
	return (struct bmc_request){
		.net_fn = BMC_NET_FN_GROUP,
		.bytes = {GET_CAPABILITIES, GROUP, parameter},
		.n = 3,
		.what = "Get DCMI Capabilities",
	};
}

struct bmc_request dcmi_request_capabilities(void)
{
	return request_capability(PARAMETER_SUPPORTED);
}

struct bmc_request dcmi_request_averages(void)
{
	return request_capability(PARAMETER_AVERAGES);
}

struct bmc_request bmc_request_device(void)
{
	return (struct bmc_request){
		.net_fn = BMC_NET_FN_APP, .bytes = {GET_DEVICE_ID}, .n = 1, .what = "Get Device ID"};
}

/* ---- answers ---- */

static unsigned u16(const uint8_t *bytes)
{
	return bytes[0] | (unsigned)bytes[1] << 8;
}

static uint32_t u32(const uint8_t *bytes)
{
	return u16(bytes) | (uint32_t)u16(bytes + 2) << 16;
}

static int check(const struct bmc_answer *answer, size_t least, size_t most, const char *what,
		 struct error *err)
{
	if (answer->n < least || answer->n > most)
		return error_set(err, ERROR_FAILED,
				 "%s: the BMC's answer is garbled: %zu bytes, expected %zu", what, answer->n,
				 answer->n < least ? least : most);
	if (answer->bytes[BMC_DATA] != GROUP)
		return error_set(err, ERROR_FAILED,
				 "%s: the BMC's answer is garbled: of group 0x%02X, expected 0x%02X (DCMI)",
				 what, answer->bytes[BMC_DATA], GROUP);
	return 0;
}

/* So far above the greatest power that it has seen a reading is a slip: METHOD 5. */
#define MOST_OVER_MAXIMUM 10

static double watts(const uint8_t *bytes)
{
	unsigned value = u16(bytes);

	return value == NO_READING_LOW || value == NO_READING_HIGH ? NAN : value;
}

int dcmi_take_power(const struct bmc_answer *answer, struct dcmi_power *out, struct error *err)
{
	const uint8_t *data = answer->bytes + BMC_DATA + 1;

	if (check(answer, POWER_READING_SIZE, POWER_READING_SIZE, "Get Power Reading", err))
		return -1;
	*out = (struct dcmi_power){
		.current_w = watts(data),
		.minimum_w = watts(data + 2),
		.maximum_w = watts(data + 4),
		.average_w = watts(data + 6),
		.time_stamp_s = u32(data + 8),
		.period_ms = u32(data + 12),
		.active = data[16] >> 6 & 1,
		.reserved = data[16] & 0xbf,
	};
	if (out->minimum_w > out->maximum_w)
		return error_set(err, ERROR_FAILED,
				 "Get Power Reading: the BMC's answer is garbled: a minimum of %g W above a "
				 "maximum of "
				 "%g W",
				 out->minimum_w, out->maximum_w);
	if (out->current_w > MOST_OVER_MAXIMUM * out->maximum_w)
		out->current_w = NAN;
	return 0;
}

int dcmi_take_capabilities(const struct bmc_answer *answer, struct dcmi_capabilities *out, struct error *err)
{
	const uint8_t *data = answer->bytes + BMC_DATA + 1;

	if (check(answer, CAPABILITIES_LEAST, sizeof answer->bytes, "Get DCMI Capabilities", err))
		return -1;
	*out = (struct dcmi_capabilities){
		.major = data[0],
		.minor = data[1],
		.power_management = data[4] & 1,
		.in_band = data[5] & 1,
		.serial = data[5] >> 1 & 1,
		.lan_secondary = data[5] >> 2 & 1,
		.lan_primary = data[5] >> 3 & 1,
	};
	return 0;
}

/* The upper two bits are the unit, the lower six how many of it. */
static struct dcmi_average average_of(uint8_t code)
{
	static const struct {
		const char *word;
		double s;
	} units[] = {{"s", 1}, {"min", 60}, {"h", 3600}, {"d", 86400}};
	struct dcmi_average average = {.code = code, .period_s = (code & 63) * units[code >> 6].s};

	snprintf(average.name, sizeof average.name, "%u-%s", code & 63u, units[code >> 6].word);
	return average;
}

int dcmi_take_averages(const struct bmc_answer *answer, struct dcmi_average *out, struct error *err)
{
	const uint8_t *data = answer->bytes + BMC_DATA + 1;
	int n = 0;

	if (check(answer, AVERAGES_LEAST, sizeof answer->bytes, "Get DCMI Capabilities", err) ||
	    check(answer, AVERAGES_LEAST + (size_t)data[3], sizeof answer->bytes, "Get DCMI Capabilities",
		  err))
		return -1;
	for (size_t i = 0; i < data[3] && n < DCMI_MOST_AVERAGES; i++) {
		struct dcmi_average average = average_of(data[4 + i]);
		bool known = average.period_s == 0;

		for (int k = 0; k < n; k++)
			known = known || strcmp(out[k].name, average.name) == 0;
		if (!known)
			out[n++] = average;
	}
	return n;
}

/* Two decimal digits in a byte. */
static unsigned decimal(uint8_t bcd)
{
	return (bcd >> 4) * 10u + (bcd & 15u);
}

int bmc_take_device(const struct bmc_answer *answer, struct bmc_device *out, struct error *err)
{
	const uint8_t *data = answer->bytes + BMC_DATA;

	if (answer->n < DEVICE_LEAST)
		return error_set(err, ERROR_FAILED,
				 "Get Device ID: the BMC's answer is garbled: %zu bytes, expected %d",
				 answer->n, DEVICE_LEAST);
	*out = (struct bmc_device){
		.device_id = data[0],
		.manufacturer_id = (data[6] | (unsigned)data[7] << 8 | (unsigned)data[8] << 16) & 0xfffff,
		.product_id = u16(data + 9),
	};
	snprintf(out->firmware, sizeof out->firmware, "%u.%02u", data[2] & 127u, decimal(data[3]));
	snprintf(out->ipmi_version, sizeof out->ipmi_version, "%u.%u", data[4] & 15u, (unsigned)data[4] >> 4);
	if (ipmi_iana_enterprise_numbers_string(out->manufacturer_id, out->manufacturer,
						sizeof out->manufacturer) <= 0)
		out->manufacturer[0] = '\0';
	return 0;
}
