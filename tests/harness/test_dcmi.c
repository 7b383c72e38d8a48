/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "harness/base/text.h"
#include "harness/dcmi.h"

#define ANSWER(...) (&(struct bmc_answer){.bytes = {__VA_ARGS__}, .n = sizeof((uint8_t[]){__VA_ARGS__})})

/* 319 W now, 12..500 W, mean 200 W; 2026-11-23T20:24:27Z; 1 h; active. */
#define WHOLE                                                                                                \
	0x02, 0x00, 0xdc, 0x3f, 0x01, 0x0c, 0x00, 0xf4, 0x01, 0xc8, 0x00, 0xbb, 0x5e, 0x04, 0x6b, 0x80,      \
		0xee, 0x36, 0x00, 0x40

static struct dcmi_power taken(const struct bmc_answer *answer)
{
	struct dcmi_power power;
	struct error err = {0};

	assert_int_equal(dcmi_take_power(answer, &power, &err), 0);
	assert_int_equal(err.kind, ERROR_NONE);
	return power;
}

static void all_fields_of_a_reading_are_taken(void **state)
{
	struct dcmi_power power = taken(ANSWER(WHOLE));

	(void)state;
	assert_true(power.current_w == 319 && power.minimum_w == 12 && power.maximum_w == 500 &&
		    power.average_w == 200);
	assert_int_equal(power.time_stamp_s, 0x6b045ebb);
	assert_int_equal(power.period_ms, 3600000);
	assert_true(power.active);
}

static void zero_and_all_ones_are_no_readings(void **state)
{
	struct dcmi_power power = taken(
		ANSWER(0x02, 0, 0xdc, 0, 0, 0xff, 0xff, 0xfe, 0xff, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x40));

	(void)state;
	assert_true(isnan(power.current_w) && isnan(power.minimum_w));
	assert_true(power.maximum_w == 65534 && power.average_w == 1);
}

static void not_active_is_told_and_the_watts_stay(void **state)
{
	struct bmc_answer answer = *ANSWER(WHOLE);

	(void)state;
	answer.bytes[19] = 0xbf; /* all the reserved bits, and not that one */
	assert_false(taken(&answer).active);
	assert_true(taken(&answer).current_w == 319);
	assert_int_equal(taken(&answer).reserved, 0xbf);
}

static void a_reading_of_any_other_length_is_garbled(void **state)
{
	(void)state;
	for (size_t n = BMC_DATA; n < 40; n++) {
		struct bmc_answer answer = *ANSWER(WHOLE);
		struct dcmi_power power = {.current_w = -1};
		struct error err = {0};

		answer.n = n;
		if (n == 20)
			continue;
		assert_int_equal(dcmi_take_power(&answer, &power, &err), -1);
		assert_int_equal(err.kind, ERROR_FAILED);
		assert_non_null(strstr(err.text, "garbled"));
		assert_true(power.current_w == -1);
	}
}

static void statistics_that_contradict_each_other_are_garbled(void **state)
{
	struct bmc_answer answer = *ANSWER(WHOLE);
	struct dcmi_power power;
	struct error err = {0};

	(void)state;
	answer.bytes[6] = 0x02; /* a minimum of 524 W */
	assert_int_equal(dcmi_take_power(&answer, &power, &err), -1);
	assert_non_null(strstr(err.text, "524 W above a maximum of 500 W"));
	answer.bytes[5] = answer.bytes[6] = 0; /* none is told */
	assert_int_equal(dcmi_take_power(&answer, &power, NULL), 0);
}

static void a_reading_far_above_the_maximum_is_none(void **state)
{
	struct bmc_answer answer = *ANSWER(WHOLE);
	struct dcmi_power power;

	(void)state;
	answer.bytes[3] = 0x8c; /* 5004 W, the maximum being 500 W */
	answer.bytes[4] = 0x13;
	assert_int_equal(dcmi_take_power(&answer, &power, NULL), 0);
	assert_true(isnan(power.current_w));
	answer.bytes[3] = 0x84; /* 4996 W */
	assert_int_equal(dcmi_take_power(&answer, &power, NULL), 0);
	assert_true(power.current_w == 4996);
}

static void an_answer_of_another_group_is_garbled(void **state)
{
	struct bmc_answer answer = *ANSWER(WHOLE);
	struct dcmi_power power;
	struct error err = {0};

	(void)state;
	answer.bytes[2] = 0x52;
	assert_int_equal(dcmi_take_power(&answer, &power, &err), -1);
	assert_non_null(strstr(err.text, "0x52"));
}

static void requests_name_group_mode_and_average(void **state)
{
	struct dcmi_average average = {.code = 0x45};
	struct bmc_request plain = dcmi_request_power(NULL), rolling = dcmi_request_power(&average);
	static const uint8_t of_plain[] = {0x02, 0xdc, 0x01, 0x00, 0x00},
			     of_rolling[] = {0x02, 0xdc, 0x02, 0x45, 0x00};

	(void)state;
	assert_int_equal(plain.net_fn, 0x2c);
	assert_int_equal(plain.n, 5);
	assert_memory_equal(plain.bytes, of_plain, 5);
	assert_memory_equal(rolling.bytes, of_rolling, 5);
}

static void capabilities_are_taken_bit_by_bit(void **state)
{
	struct dcmi_capabilities c;
	struct error err = {0};

	(void)state;
	assert_int_equal(dcmi_take_capabilities(ANSWER(1, 0, 0xdc, 1, 5, 2, 0, 1, 9), &c, &err), 0);
	assert_int_equal(c.major, 1);
	assert_int_equal(c.minor, 5);
	assert_true(c.power_management && c.in_band && c.lan_primary);
	assert_false(c.serial || c.lan_secondary);
	assert_int_equal(dcmi_take_capabilities(ANSWER(1, 0, 0xdc, 1, 5, 2, 0, 0, 6), &c, &err), 0);
	assert_false(c.power_management || c.in_band || c.lan_primary);
	assert_true(c.serial && c.lan_secondary);
	assert_int_equal(dcmi_take_capabilities(ANSWER(1, 0, 0xdc, 1, 5, 2, 0, 1), &c, &err), -1);
}

static void rolling_averages_are_named_by_their_time(void **state)
{
	struct dcmi_average averages[DCMI_MOST_AVERAGES];
	struct error err = {0};

	(void)state;
	assert_int_equal(
		dcmi_take_averages(ANSWER(1, 0, 0xdc, 1, 5, 2, 4, 0x05, 0x41, 0x9e, 0xc7), averages, &err),
		4);
	assert_string_equal(averages[0].name, "5-s");
	assert_string_equal(averages[1].name, "1-min");
	assert_string_equal(averages[2].name, "30-h");
	assert_string_equal(averages[3].name, "7-d");
	assert_true(averages[0].period_s == 5 && averages[1].period_s == 60 &&
		    averages[2].period_s == 108000 && averages[3].period_s == 604800);
}

static void rolling_averages_that_say_nothing_new_are_passed_over(void **state)
{
	struct dcmi_average averages[DCMI_MOST_AVERAGES];
	struct error err = {0};

	(void)state;
	/* Over 0 s; the same twice; more bytes than are counted. */
	assert_int_equal(
		dcmi_take_averages(ANSWER(1, 0, 0xdc, 1, 5, 2, 3, 0x40, 0x05, 0x05, 0x06), averages, &err),
		1);
	assert_int_equal(dcmi_take_averages(ANSWER(1, 0, 0xdc, 1, 5, 2, 0), averages, &err), 0);
}

static void a_list_of_averages_that_ends_early_is_garbled(void **state)
{
	struct dcmi_average averages[DCMI_MOST_AVERAGES];
	struct error err = {0};

	(void)state;
	assert_int_equal(dcmi_take_averages(ANSWER(1, 0, 0xdc, 1, 5, 2, 3, 5, 6), averages, &err), -1);
	assert_int_equal(dcmi_take_averages(ANSWER(1, 0, 0xdc, 1, 5, 2, 255, 5), averages, &err), -1);
	assert_int_equal(dcmi_take_averages(ANSWER(1, 0, 0xdc), averages, &err), -1);
}

static void more_averages_than_there_is_room_for_are_left_out(void **state)
{
	struct bmc_answer answer = *ANSWER(1, 0, 0xdc, 1, 5, 2, 40);
	struct dcmi_average averages[DCMI_MOST_AVERAGES];
	struct error err = {0};

	(void)state;
	answer.n = 47;
	for (uint8_t i = 0; i < 40; i++)
		answer.bytes[7 + i] = i + 1;
	assert_int_equal(dcmi_take_averages(&answer, averages, &err), DCMI_MOST_AVERAGES);
}

static void a_device_has_maker_product_and_firmware(void **state)
{
	struct bmc_device device;
	struct error err = {0};

	(void)state;
	assert_int_equal(
		bmc_take_device(ANSWER(1, 0, 0x20, 1, 0x82, 0x17, 0x02, 0xdf, 0xa2, 0x02, 0xf0, 0x00, 0x01),
				&device, &err),
		0);
	assert_int_equal(device.manufacturer_id, 674); /* the upper four bits are reserved */
	assert_string_equal(device.manufacturer, "Dell Inc.");
	assert_int_equal(device.product_id, 256);
	assert_string_equal(device.firmware, "2.17");
	assert_string_equal(device.ipmi_version, "2.0");
	assert_int_equal(bmc_take_device(ANSWER(1, 0, 0x20, 1), &device, &err), -1);
}

static void random_answers_are_refused_or_sane(void **state)
{
	unsigned seed = 20261123;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		struct dcmi_average averages[DCMI_MOST_AVERAGES];
		struct dcmi_capabilities capabilities;
		struct bmc_device device;
		struct bmc_answer answer = {0};
		struct dcmi_power power;
		int n;

		for (size_t b = 0; b < sizeof answer.bytes; b++)
			answer.bytes[b] = (uint8_t)rand_r(&seed);
		answer.bytes[2] = i % 2 ? 0xdc : answer.bytes[2];
		answer.n = BMC_DATA + (size_t)rand_r(&seed) % (sizeof answer.bytes - BMC_DATA + 1);
		if (dcmi_take_power(&answer, &power, NULL) == 0)
			assert_true(answer.n == 20 && answer.bytes[2] == 0xdc && !(power.current_w <= 0));
		n = dcmi_take_averages(&answer, averages, NULL);
		assert_in_range(n + 1, 0, DCMI_MOST_AVERAGES + 1);
		dcmi_take_capabilities(&answer, &capabilities, NULL);
		bmc_take_device(&answer, &device, NULL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_fields_of_a_reading_are_taken),
		cmocka_unit_test(zero_and_all_ones_are_no_readings),
		cmocka_unit_test(not_active_is_told_and_the_watts_stay),
		cmocka_unit_test(a_reading_of_any_other_length_is_garbled),
		cmocka_unit_test(statistics_that_contradict_each_other_are_garbled),
		cmocka_unit_test(a_reading_far_above_the_maximum_is_none),
		cmocka_unit_test(an_answer_of_another_group_is_garbled),
		cmocka_unit_test(requests_name_group_mode_and_average),
		cmocka_unit_test(capabilities_are_taken_bit_by_bit),
		cmocka_unit_test(rolling_averages_are_named_by_their_time),
		cmocka_unit_test(rolling_averages_that_say_nothing_new_are_passed_over),
		cmocka_unit_test(a_list_of_averages_that_ends_early_is_garbled),
		cmocka_unit_test(more_averages_than_there_is_room_for_are_left_out),
		cmocka_unit_test(a_device_has_maker_product_and_firmware),
		cmocka_unit_test(random_answers_are_refused_or_sane),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
