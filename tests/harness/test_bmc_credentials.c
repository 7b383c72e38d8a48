/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "harness/base/text.h"
#include "harness/bmc_credentials.h"

static void parsed(const char *text, const char *user, const char *password)
{
	struct bmc_credentials credentials;
	struct error err = {0};

	assert_int_equal(bmc_credentials_parse(&credentials, text, "file", &err), 0);
	if (user)
		assert_string_equal(credentials.user, user);
	else
		assert_null(credentials.user);
	if (password)
		assert_string_equal(credentials.password, password);
	else
		assert_null(credentials.password);
	bmc_credentials_wipe(&credentials);
}

static void refused(const char *text, const char *words)
{
	struct bmc_credentials credentials;
	struct error err = {0};

	assert_int_equal(bmc_credentials_parse(&credentials, text, "file", &err), -1);
	assert_int_equal(err.kind, ERROR_INPUT);
	assert_non_null(strstr(err.text, words));
	assert_null(strstr(err.text, "hunter"));
	assert_null(credentials.user);
	assert_null(credentials.password);
}

static void user_and_password_stand_on_a_line_each(void **state)
{
	(void)state;
	parsed("user admin\npassword hunter2\n", "admin", "hunter2");
	parsed("password hunter2\nuser admin", "admin", "hunter2");
	parsed("# of the rig\n\nuser\tadmin\r\npassword \thunter2\r\n", "admin", "hunter2");
	parsed("user admin\n", "admin", NULL);
	parsed("", NULL, NULL);
}

static void a_password_may_have_blanks_and_be_empty(void **state)
{
	(void)state;
	parsed("user a b\npassword hunter 2 # \n", "a b", "hunter 2 # ");
	parsed("user a\npassword \n", "a", "");
}

static void other_lines_are_refused_by_number_and_without_the_secret(void **state)
{
	(void)state;
	refused("user admin\npasword hunter2\n", "line 2");
	refused("user admin\nhunter2\n", "line 2");
	refused("user admin\npassword\n", "line 2");
	refused("user\npassword hunter2\n", "line 1");
	refused("user admin\npassword hunter2\npassword hunter3\n", "twice");
}

/* A file of that mode; the folder is removed with it. */
struct file {
	char folder[64], path[80];
};

static struct file file_with(const char *text, mode_t mode)
{
	struct file file = {.folder = "/tmp/wattstep-test-XXXXXX"};
	FILE *f;

	assert_non_null(mkdtemp(file.folder));
	snprintf(file.path, sizeof file.path, "%s/bmc", file.folder);
	f = fopen(file.path, "w");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(file.path, mode), 0);
	return file;
}

static void remove_file(const struct file *file)
{
	unlink(file->path);
	rmdir(file->folder);
}

static void a_file_that_others_cannot_use_is_read(void **state)
{
	static const mode_t modes[] = {0600, 0400};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		struct file file = file_with("user admin\npassword hunter2\n", modes[i]);
		struct bmc_credentials credentials;
		struct error err = {0};

		assert_int_equal(bmc_credentials_read(&credentials, file.path, &err), 0);
		assert_string_equal(credentials.password, "hunter2");
		bmc_credentials_wipe(&credentials);
		assert_null(credentials.password);
		remove_file(&file);
	}
}

static void a_file_that_others_can_use_is_refused_with_the_way_to_mend_it(void **state)
{
	static const mode_t modes[] = {0640, 0604, 0620, 0601, 0644};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		struct file file = file_with("user admin\npassword hunter2\n", modes[i]);
		struct bmc_credentials credentials;
		struct error err = {0};

		assert_int_equal(bmc_credentials_read(&credentials, file.path, &err), -1);
		assert_int_equal(err.kind, ERROR_INPUT);
		assert_non_null(strstr(err.text, "chmod 600"));
		remove_file(&file);
	}
}

static void a_missing_file_a_folder_and_a_device_are_refused(void **state)
{
	static const char *const paths[] = {"/no/such/file", "/tmp", "/dev/null"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		struct bmc_credentials credentials = {0};
		struct error err = {0};

		assert_int_equal(bmc_credentials_read(&credentials, paths[i], &err), -1);
		assert_int_equal(err.kind, ERROR_INPUT);
		assert_non_null(strstr(err.text, paths[i]));
	}
}

/* Only root can give files away. */
static void a_file_of_somebody_else_is_refused(void **state)
{
	struct file file = file_with("user admin\npassword hunter2\n", 0600);
	struct bmc_credentials credentials;
	struct error err = {0};

	(void)state;
	if (geteuid() == 0) {
		assert_int_equal(chown(file.path, 65534, 65534), 0);
		assert_int_equal(bmc_credentials_read(&credentials, file.path, &err), -1);
		assert_non_null(strstr(err.text, "belongs to user 65534"));
	}
	remove_file(&file);
}

static void a_huge_file_is_refused(void **state)
{
	char *text = xcalloc(5000, 1);
	struct bmc_credentials credentials;
	struct error err = {0};
	struct file file;

	(void)state;
	memset(text, '#', 4999);
	file = file_with(text, 0600);
	assert_int_equal(bmc_credentials_read(&credentials, file.path, &err), -1);
	assert_non_null(strstr(err.text, "4096"));
	remove_file(&file);
	free(text);
}

static void the_environment_completes_what_the_file_does_not_say(void **state)
{
	struct bmc_credentials credentials;
	struct error err = {0};

	(void)state;
	assert_int_equal(bmc_credentials_parse(&credentials, "user admin\n", "file", &err), 0);
	bmc_credentials_complete(&credentials, "other", "hunter2");
	assert_string_equal(credentials.user, "admin");
	assert_string_equal(credentials.password, "hunter2");
	bmc_credentials_wipe(&credentials);
}

static void a_secret_is_taken_out_of_the_environment(void **state)
{
	char *secret, *left;

	(void)state;
	setenv("WATTSTEP_TEST_SECRET", "hunter2", 1);
	left = getenv("WATTSTEP_TEST_SECRET");
	secret = secret_from_environment("WATTSTEP_TEST_SECRET");
	assert_string_equal(secret, "hunter2");
	assert_null(getenv("WATTSTEP_TEST_SECRET"));
	assert_string_equal(left, "");
	secret_free(secret);
	assert_null(secret_from_environment("WATTSTEP_TEST_SECRET"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(user_and_password_stand_on_a_line_each),
		cmocka_unit_test(a_password_may_have_blanks_and_be_empty),
		cmocka_unit_test(other_lines_are_refused_by_number_and_without_the_secret),
		cmocka_unit_test(a_file_that_others_cannot_use_is_read),
		cmocka_unit_test(a_file_that_others_can_use_is_refused_with_the_way_to_mend_it),
		cmocka_unit_test(a_missing_file_a_folder_and_a_device_are_refused),
		cmocka_unit_test(a_file_of_somebody_else_is_refused),
		cmocka_unit_test(a_huge_file_is_refused),
		cmocka_unit_test(the_environment_completes_what_the_file_does_not_say),
		cmocka_unit_test(a_secret_is_taken_out_of_the_environment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
