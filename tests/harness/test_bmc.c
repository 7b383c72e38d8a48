/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "harness/bmc.h"
#include "harness/bmc_words.h"

static const struct bmc_options here = {.interface = "openipmi", .driver = IPMI_DEVICE_OPENIPMI};
static const struct bmc_request reading = {.what = "Get Power Reading"};

static enum error_kind kind_of_code(uint8_t code, const char *words)
{
	struct error err = {0};

	assert_int_equal(bmc_words_code(code, &reading, &here, &err), -1);
	assert_non_null(strstr(err.text, "Get Power Reading (openipmi): the BMC "));
	assert_non_null(strstr(err.text, words));
	return err.kind;
}

static void a_completion_code_becomes_a_sentence_with_the_code(void **state)
{
	(void)state;
	assert_int_equal(kind_of_code(0xc1, "does not have this command (completion code 0xC1)"),
			 ERROR_ABSENT);
	assert_int_equal(kind_of_code(0xd4, "--bmc-privilege"), ERROR_FORBIDDEN);
	assert_int_equal(kind_of_code(0xc0, "busy"), ERROR_FAILED);
	assert_int_equal(kind_of_code(0x81, "0x81"), ERROR_FAILED);
}

static void only_a_busy_bmc_is_worth_another_try(void **state)
{
	static const uint8_t passing[] = {0xc0, 0xc3}, lasting[] = {0x00, 0xc1, 0xcc, 0xd4, 0xff, 0x80};

	(void)state;
	for (size_t i = 0; i < sizeof passing; i++)
		assert_true(bmc_code_is_passing(passing[i]));
	for (size_t i = 0; i < sizeof lasting; i++)
		assert_false(bmc_code_is_passing(lasting[i]));
	assert_true(bmc_error_is_passing(IPMI_ERR_DRIVER_BUSY));
	assert_false(bmc_error_is_passing(IPMI_ERR_SESSION_TIMEOUT));
}

static void every_error_of_the_library_has_a_sentence(void **state)
{
	(void)state;
	for (int errnum = IPMI_ERR_CTX_NULL; errnum < IPMI_ERR_ERRNUMRANGE; errnum++) {
		struct error err = {0};

		assert_int_equal(bmc_words_error(errnum, &here, "connecting", &err), -1);
		assert_int_not_equal(err.kind, ERROR_NONE);
		assert_true(strlen(err.text) > strlen("connecting (openipmi): "));
	}
}

static void a_refused_user_is_told_from_a_silent_bmc(void **state)
{
	struct error refused = {0}, silent = {0};

	(void)state;
	bmc_words_error(IPMI_ERR_PASSWORD_INVALID, &here, "connecting", &refused);
	bmc_words_error(IPMI_ERR_CONNECTION_TIMEOUT, &here, "connecting", &silent);
	assert_int_equal(refused.kind, ERROR_FORBIDDEN);
	assert_int_equal(silent.kind, ERROR_FAILED);
}

static void another_node_s_tree_has_another_bmc(void **state)
{
	struct bmc_options named = here;
	struct error err = {0};

	(void)state;
	assert_int_equal(bmc_probe(&here, "/recorded/sys", &err), -1);
	assert_int_equal(err.kind, ERROR_ABSENT);
	named.host = "bmc";
	assert_int_equal(bmc_probe(&named, "/recorded/sys", NULL), 0);
	named = here;
	named.driver = IPMI_DEVICE_KCS;
	named.driver_named = true;
	assert_int_equal(bmc_probe(&named, "/recorded/sys", NULL), 0);
}

static void without_the_kernel_s_device_there_is_nothing_to_open(void **state)
{
	bool there = access("/dev/ipmi0", R_OK | W_OK) == 0;
	struct error err = {0};

	(void)state;
	assert_int_equal(bmc_probe(&here, "/sys", &err), there ? 0 : -1);
	if (!there)
		assert_non_null(strstr(err.text, "/dev/ipmi0"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_completion_code_becomes_a_sentence_with_the_code),
		cmocka_unit_test(only_a_busy_bmc_is_worth_another_try),
		cmocka_unit_test(every_error_of_the_library_has_a_sentence),
		cmocka_unit_test(a_refused_user_is_told_from_a_silent_bmc),
		cmocka_unit_test(another_node_s_tree_has_another_bmc),
		cmocka_unit_test(without_the_kernel_s_device_there_is_nothing_to_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
