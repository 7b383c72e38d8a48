/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "harness/bmc_options.h"

static char user[] = "root", password[] = "calvin of the rig";

static struct options over_lan(void)
{
	return (struct options){.bmc = "bmc-17.example:1623", .bmc_user = user, .bmc_password = password};
}

static void assert_refused(const struct options *options, const char *first, const char *second)
{
	struct bmc_options bmc;
	struct error err = {0};

	assert_int_equal(bmc_options_read(&bmc, options, &err), -1);
	assert_int_equal(err.kind, ERROR_INPUT);
	assert_non_null(strstr(err.text, first));
	assert_non_null(strstr(err.text, second));
	assert_null(strstr(err.text, password));
	assert_null(strstr(err.text, "bmc-17"));
}

static void without_a_host_this_machine_is_asked_through_the_kernel_s_driver(void **state)
{
	struct options options = {0};
	struct bmc_options bmc;
	struct error err = {0};

	(void)state;
	assert_int_equal(bmc_options_read(&bmc, &options, &err), 0);
	assert_null(bmc.host);
	assert_int_equal(bmc.driver, IPMI_DEVICE_OPENIPMI);
	assert_string_equal(bmc.interface, "openipmi");
	assert_null(bmc.credentials.user);
	bmc_options_free(&bmc);
}

static void a_host_is_asked_by_ipmi_2_0_with_suite_3_as_operator(void **state)
{
	struct options options = over_lan();
	struct bmc_options bmc;
	struct error err = {0};

	(void)state;
	assert_int_equal(bmc_options_read(&bmc, &options, &err), 0);
	assert_int_equal(bmc.driver, IPMI_DEVICE_LAN_2_0);
	assert_string_equal(bmc.interface, "lan-2.0");
	assert_int_equal(bmc.cipher_suite, 3);
	assert_int_equal(bmc.privilege, IPMI_PRIVILEGE_LEVEL_OPERATOR);
	assert_int_equal(bmc.workarounds, 0);
	assert_string_equal(bmc.credentials.user, user);
	assert_string_equal(bmc.credentials.password, password);
	bmc_options_free(&bmc);
	assert_null(bmc.credentials.password);
}

static void each_choice_is_taken(void **state)
{
	struct options options = over_lan();
	struct bmc_options bmc;
	struct error err = {0};

	(void)state;
	options.bmc_protocol = "1.5";
	options.bmc_privilege = "admin";
	options.bmc_cipher_suite = "17";
	options.bmc_password = user; /* IPMI 1.5 has room for 16 bytes */
	assert_int_equal(bmc_options_read(&bmc, &options, &err), 0);
	assert_int_equal(bmc.driver, IPMI_DEVICE_LAN);
	assert_int_equal(bmc.privilege, IPMI_PRIVILEGE_LEVEL_ADMIN);
	assert_int_equal(bmc.cipher_suite, 17);
	bmc_options_free(&bmc);
}

static void a_word_that_is_no_choice_is_refused_with_the_choices(void **state)
{
	struct options options = over_lan();

	(void)state;
	options.bmc_protocol = "3.0";
	assert_refused(&options, "--bmc-protocol", "2.0, 1.5");
	options = over_lan();
	options.bmc_privilege = "root";
	assert_refused(&options, "--bmc-privilege", "user");
	options = over_lan();
	options.bmc_cipher_suite = "4";
	assert_refused(&options, "--bmc-cipher-suite", "\"4\"");
	options.bmc_cipher_suite = "3.0";
	assert_refused(&options, "--bmc-cipher-suite", "15-17");
	options = (struct options){.ipmi_driver = "bt"};
	assert_refused(&options, "--ipmi-driver", "openipmi, kcs, ssif, sunbmc, inteldcmi");
}

static void options_of_a_connection_that_is_not_made_are_refused(void **state)
{
	struct options options = {.bmc_cipher_suite = "3"};

	(void)state;
	assert_refused(&options, "--bmc-cipher-suite", "--bmc HOST");
	options = (struct options){.bmc_credentials = "file"};
	assert_refused(&options, "--bmc-credentials", "--bmc HOST");
	options = over_lan();
	options.ipmi_driver = "kcs";
	assert_refused(&options, "--ipmi-driver", "--bmc");
}

static void a_host_may_have_a_port_and_be_an_address_of_either_kind(void **state)
{
	static const char *const good[] = {"10.0.0.7", "10.0.0.7:623", "bmc", "fe80::1", "[fe80::1]:623"};
	static const char *const bad[] = {"a b",         "a,b",         "bmc-17:0", "bmc-17:65536",
					  "bmc-17:ipmi", "[fe80::1]:x", ":623"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct options options = over_lan();
		struct bmc_options bmc;
		struct error err = {0};

		options.bmc = good[i];
		assert_int_equal(bmc_options_read(&bmc, &options, &err), 0);
		bmc_options_free(&bmc);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct options options = over_lan();

		options.bmc = bad[i];
		assert_refused(&options, "--bmc", "expected");
	}
}

static void a_host_without_user_or_password_is_refused(void **state)
{
	struct options options = over_lan();

	(void)state;
	options.bmc_user = NULL;
	assert_refused(&options, "no user", "WATTSTEP_BMC_USER");
	options = over_lan();
	options.bmc_password = NULL;
	assert_refused(&options, "no password", "--bmc-credentials");
}

static void secrets_longer_than_ipmi_s_fields_are_refused_unseen(void **state)
{
	static char longer[] = "calvin of the rig, and then some";
	struct options options = over_lan();

	(void)state;
	options.bmc_password = longer;
	assert_refused(&options, "password", "20");
	options = over_lan();
	options.bmc_protocol = "1.5";
	assert_refused(&options, "password", "16");
	options = over_lan();
	options.bmc_user = longer;
	assert_refused(&options, "user", "16");
}

static unsigned flags_of(const char *list, ipmi_driver_type_t driver)
{
	struct error err = {0};
	unsigned flags = 77;

	assert_int_equal(bmc_workarounds_read(&flags, list, driver, &err), 0);
	return flags;
}

static void a_workaround_means_what_libfreeipmi_says_for_that_connection(void **state)
{
	(void)state;
	assert_int_equal(flags_of("opensesspriv", IPMI_DEVICE_LAN_2_0),
			 IPMI_WORKAROUND_FLAGS_OUTOFBAND_2_0_OPEN_SESSION_PRIVILEGE);
	assert_int_equal(flags_of("authcap,endianseq", IPMI_DEVICE_LAN),
			 IPMI_WORKAROUND_FLAGS_OUTOFBAND_AUTHENTICATION_CAPABILITIES |
				 IPMI_WORKAROUND_FLAGS_OUTOFBAND_BIG_ENDIAN_SEQUENCE_NUMBER);
	assert_int_equal(flags_of("spinpoll", IPMI_DEVICE_OPENIPMI), IPMI_WORKAROUND_FLAGS_INBAND_SPIN_POLL);
	assert_int_equal(flags_of("none", IPMI_DEVICE_LAN_2_0), 0);
}

static void a_workaround_of_another_connection_counts_for_nothing(void **state)
{
	(void)state;
	assert_int_equal(flags_of("opensesspriv", IPMI_DEVICE_LAN), 0);
	assert_int_equal(flags_of("idzero,spinpoll", IPMI_DEVICE_LAN_2_0), 0);
	assert_int_equal(flags_of("sun20", IPMI_DEVICE_KCS), 0);
}

static void sun20_brings_opensesspriv_with_it(void **state)
{
	(void)state;
	assert_true(flags_of("sun20", IPMI_DEVICE_LAN_2_0) & flags_of("opensesspriv", IPMI_DEVICE_LAN_2_0));
}

static void an_unknown_workaround_is_refused_with_all_names(void **state)
{
	static const char *const names[] = {"none",
					    "assumeio",
					    "spinpoll",
					    "authcap",
					    "idzero",
					    "nochecksumcheck",
					    "unexpectedauth",
					    "forcepermsg",
					    "endianseq",
					    "noauthcodecheck",
					    "intel20",
					    "supermicro20",
					    "sun20",
					    "opensesspriv",
					    "integritycheckvalue"};
	struct error err = {0};
	unsigned flags;

	(void)state;
	assert_int_equal(bmc_workarounds_read(&flags, "opensesspriv,opensespriv", IPMI_DEVICE_LAN_2_0, &err),
			 -1);
	assert_int_equal(err.kind, ERROR_INPUT);
	assert_non_null(strstr(err.text, "\"opensespriv\""));
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		assert_non_null(strstr(err.text, names[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_host_this_machine_is_asked_through_the_kernel_s_driver),
		cmocka_unit_test(a_host_is_asked_by_ipmi_2_0_with_suite_3_as_operator),
		cmocka_unit_test(each_choice_is_taken),
		cmocka_unit_test(a_word_that_is_no_choice_is_refused_with_the_choices),
		cmocka_unit_test(options_of_a_connection_that_is_not_made_are_refused),
		cmocka_unit_test(a_host_may_have_a_port_and_be_an_address_of_either_kind),
		cmocka_unit_test(a_host_without_user_or_password_is_refused),
		cmocka_unit_test(secrets_longer_than_ipmi_s_fields_are_refused_unseen),
		cmocka_unit_test(a_workaround_means_what_libfreeipmi_says_for_that_connection),
		cmocka_unit_test(a_workaround_of_another_connection_counts_for_nothing),
		cmocka_unit_test(sun20_brings_opensesspriv_with_it),
		cmocka_unit_test(an_unknown_workaround_is_refused_with_all_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
