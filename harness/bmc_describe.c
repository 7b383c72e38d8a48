/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "harness/bmc_describe.h"

#include <math.h>
#include <stdarg.h>

#include "harness/base/json.h"

json_t *bmc_describe_device(const struct bmc_device *d)
{
	return json_pack("{s:o, s:i, s:i, s:i, s:s, s:s}", "manufacturer",
			 json_string_or_null(*d->manufacturer ? d->manufacturer : NULL), "manufacturer_id",
			 (int)d->manufacturer_id, "product_id", (int)d->product_id, "device_id",
			 (int)d->device_id, "firmware", d->firmware, "ipmi_version", d->ipmi_version);
}

static void line(FILE *out, const char *label, const char *format, ...) __attribute__((format(printf, 3, 4)));

static void line(FILE *out, const char *label, const char *format, ...)
{
	va_list arguments;

	fprintf(out, "  %-38s: ", label);
	va_start(arguments, format);
	vfprintf(out, format, arguments);
	va_end(arguments);
	fputc('\n', out);
}

static const char *or_unknown(const char *text)
{
	return text ? text : "not told";
}

static void print_device(const json_t *device, FILE *out)
{
	if (!json_is_object(device))
		return;
	line(out, "Manufacturer", "%s (%.0f)", or_unknown(json_get_string(device, "manufacturer")),
	     json_get_number(device, "manufacturer_id"));
	line(out, "Product ID", "%.0f", json_get_number(device, "product_id"));
	line(out, "Firmware Revision", "%s", or_unknown(json_get_string(device, "firmware")));
	line(out, "IPMI Version", "%s", or_unknown(json_get_string(device, "ipmi_version")));
}

static void print_watts(FILE *out, const char *label, double w)
{
	if (isnan(w))
		line(out, label, "not told");
	else
		line(out, label, "%g Watts", w);
}

static void print_power(const json_t *power, FILE *out)
{
	double period_s = json_get_number(power, "period_s");

	if (!json_is_object(power))
		return;
	print_watts(out, "Current Power", json_get_number(power, "current_w"));
	print_watts(out, "Minimum Power over sampling duration", json_get_number(power, "minimum_w"));
	print_watts(out, "Maximum Power over sampling duration", json_get_number(power, "maximum_w"));
	print_watts(out, "Average Power over sampling duration", json_get_number(power, "average_w"));
	line(out, "Time Stamp", "%s", or_unknown(json_get_string(power, "time_stamp")));
	if (isnan(period_s))
		line(out, "Statistics reporting time period", "not told");
	else
		line(out, "Statistics reporting time period", "%.0f milliseconds", period_s * 1e3);
	line(out, "Power Measurement", "%s",
	     json_is_true(json_object_get(power, "active")) ? "Active" : "Not Available");
}

static void print_rolling(const json_t *averages, FILE *out)
{
	const json_t *average;
	size_t i;

	json_array_foreach(averages, i, average)
	{
		char label[64];

		snprintf(label, sizeof label, "Average Power over the last %g s",
			 json_get_number(average, "period_s"));
		print_watts(out, label, json_get_number(average, "average_w"));
	}
}

static void print_capabilities(const json_t *entry, FILE *out)
{
	static const struct {
		const char *key, *label;
	} capabilities[] = {
		{"power_management", "Power Management / Monitoring Support"},
		{"in_band", "In-band System Interface Channel"},
		{"serial", "Serial TMODE"},
		{"lan_secondary", "Out-Of-Band Secondary LAN Channel"},
		{"lan_primary", "Out-Of-Band Primary LAN Channel"},
	};
	const json_t *told = json_object_get(entry, "capabilities");

	if (!json_object_get(entry, "dcmi_version"))
		return;
	line(out, "DCMI Specification Conformance", "%s", or_unknown(json_get_string(entry, "dcmi_version")));
	for (size_t i = 0; i < sizeof capabilities / sizeof *capabilities && json_is_object(told); i++)
		line(out, capabilities[i].label, "%s",
		     json_is_true(json_object_get(told, capabilities[i].key)) ? "Available" : "Not present");
}

void bmc_describe_print(const json_t *entry, FILE *out)
{
	line(out, "Interface", "%s", or_unknown(json_get_string(entry, "interface")));
	print_device(json_object_get(entry, "device"), out);
	print_capabilities(entry, out);
	print_power(json_object_get(entry, "power_reading"), out);
	print_rolling(json_object_get(entry, "rolling_averages"), out);
}
