/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "harness/base/text.h"
#include "harness/ipmi_sensor.h"

static void assert_slug(const char *name, const char *expected)
{
	char slug[64];

	ipmi_sensor_slug(name, slug, sizeof slug);
	assert_string_equal(slug, expected);
}

static void a_name_becomes_letters_digits_and_dashes(void **state)
{
	char slug[4];

	(void)state;
	assert_slug("Sys Power", "sys-power");
	assert_slug("PSU1_Input Power ", "psu1-input-power");
	assert_slug(" +3,\"V\n", "3-v");
	assert_slug("", "sensor");
	assert_slug("--", "sensor");
	ipmi_sensor_slug("CPU power", slug, sizeof slug);
	assert_string_equal(slug, "cpu");
}

/* The index of the sensor that is taken for the node, or -1, out of names up to NULL; entity 7 where marked
 * "*". */
static int whole_of(const char *const *names)
{
	struct ipmi_sensor sensors[8] = {0};
	size_t n = 0, whole;

	for (; names[n]; n++) {
		bool of_board = *names[n] == '*';

		snprintf(sensors[n].name, sizeof sensors[n].name, "%s", names[n] + of_board);
		sensors[n].entity = of_board ? 7 : 10;
	}
	whole = ipmi_sensor_whole_node(sensors, n);
	return whole < n ? (int)whole : -1;
}

#define WHOLE_OF(...) whole_of((const char *const[]){__VA_ARGS__, NULL})

static void the_whole_node_is_found_by_its_name(void **state)
{
	(void)state;
	assert_int_equal(WHOLE_OF("CPU Power", "MEM Power", "Sys Power"), 2);
	assert_int_equal(WHOLE_OF("PSU1_PIN", "Total_Power", "FAN_Power"), 1);
	assert_int_equal(WHOLE_OF("PS1 Input Power", "Pwr Consumption"), 1);
	assert_int_equal(WHOLE_OF("Power Meter", "PSU2"), 0);
	assert_int_equal(WHOLE_OF("*Board Power", "Power X"), 0);
	assert_int_equal(WHOLE_OF("Power"), 0);
}

static void a_part_an_extreme_or_a_limit_is_never_the_whole_node(void **state)
{
	(void)state;
	assert_int_equal(WHOLE_OF("*CPU1 Power"), -1);
	assert_int_equal(WHOLE_OF("*PSU1 Power", "*GPU2 Power", "*MEM Power"), -1);
	assert_int_equal(WHOLE_OF("PS1 Input Power", "PS2 Input Power"), -1);
	assert_int_equal(WHOLE_OF("*Sys Fan Power"), -1);
	assert_int_equal(WHOLE_OF("Sys Peak Power", "Power Cap"), -1);
	assert_int_equal(WHOLE_OF("System Max Power", "System Power"), 1);
}

static void of_unknown_sensors_none_is_chosen(void **state)
{
	(void)state;
	assert_int_equal(WHOLE_OF("Power A", "Power B"), -1);
	assert_int_equal(ipmi_sensor_whole_node(NULL, 0), 0);
}

static const struct ipmi_sensor four_watts = {.name = "Pwr", .number = 0x77, .lun = 1, .m = 4};

static double taken(const struct ipmi_sensor *sensor, const uint8_t *bytes, size_t n, struct error *err)
{
	struct bmc_answer answer = {.n = n};

	*err = (struct error){0};
	memcpy(answer.bytes, bytes, n);
	return ipmi_sensor_take(sensor, &answer, err);
}

static void a_count_becomes_watts_by_the_record_s_factors(void **state)
{
	static const uint8_t fifty[] = {0x2d, 0, 50, 0x40, 0xc0};
	struct ipmi_sensor tenths = {.m = 15, .r_exponent = -1, .b = 2, .b_exponent = 2};
	struct error err;

	(void)state;
	assert_true(taken(&four_watts, fifty, sizeof fifty, &err) == 200);
	assert_int_equal(err.kind, ERROR_NONE);
	assert_true(fabs(taken(&tenths, fifty, sizeof fifty, &err) - 95) < 1e-9); /* (15 50 + 200) / 10 */
	assert_true(ipmi_sensor_step_w(&four_watts) == 4);
	assert_true(fabs(ipmi_sensor_step_w(&tenths) - 1.5) < 1e-9);
	tenths.linearization = 7;
	assert_true(isnan(ipmi_sensor_step_w(&tenths)));
}

static void what_is_no_reading_is_none(void **state)
{
	static const uint8_t unavailable[] = {0x2d, 0, 50, 0x60, 0}, not_scanned[] = {0x2d, 0, 50, 0, 0},
			     zero[] = {0x2d, 0, 0, 0x40, 0}, cut_off[] = {0x2d, 0, 50};
	struct error err;

	(void)state;
	assert_true(isnan(taken(&four_watts, unavailable, sizeof unavailable, &err)));
	assert_non_null(strstr(err.text, "\"Pwr\""));
	assert_true(isnan(taken(&four_watts, not_scanned, sizeof not_scanned, &err)));
	assert_int_equal(err.kind, ERROR_FAILED);
	assert_true(isnan(taken(&four_watts, zero, sizeof zero, &err)));
	assert_non_null(strstr(err.text, "0 W"));
	assert_true(isnan(taken(&four_watts, cut_off, sizeof cut_off, &err)));
	assert_non_null(strstr(err.text, "garbled"));
}

static void a_request_names_the_sensor(void **state)
{
	struct bmc_request request = ipmi_sensor_request(&four_watts);

	(void)state;
	assert_int_equal(request.net_fn, 0x04);
	assert_int_equal(request.lun, 1);
	assert_int_equal(request.bytes[0], 0x2d);
	assert_int_equal(request.bytes[1], 0x77);
	assert_int_equal(request.n, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_becomes_letters_digits_and_dashes),
		cmocka_unit_test(the_whole_node_is_found_by_its_name),
		cmocka_unit_test(a_part_an_extreme_or_a_limit_is_never_the_whole_node),
		cmocka_unit_test(of_unknown_sensors_none_is_chosen),
		cmocka_unit_test(a_count_becomes_watts_by_the_record_s_factors),
		cmocka_unit_test(what_is_no_reading_is_none),
		cmocka_unit_test(a_request_names_the_sensor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
