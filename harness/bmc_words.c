/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "harness/bmc_words.h"

#include <string.h>

#include "harness/base/text.h"

/* By libfreeipmi's numbers; the texts go on behind "the BMC ". Over LAN unless said otherwise. */
static const struct {
	int errnum;
	enum error_kind kind;
	const char *text;
} errors[] = {
	{IPMI_ERR_USERNAME_INVALID, ERROR_FORBIDDEN,
	 "refuses the user: look at --bmc-credentials and at the users of the BMC"},
	{IPMI_ERR_PASSWORD_INVALID, ERROR_FORBIDDEN,
	 "refuses the password; where it is right, try --ipmi-workarounds opensesspriv"},
	{IPMI_ERR_K_G_INVALID, ERROR_FORBIDDEN,
	 "refuses the session key: one with a K_g key of its own cannot be read; else try "
	 "--ipmi-workarounds opensesspriv"},
	{IPMI_ERR_PASSWORD_VERIFICATION_TIMEOUT, ERROR_FORBIDDEN,
	 "does not answer to user and password: one of them is wrong, or it wants another "
	 "--bmc-cipher-suite or --bmc-protocol"},
	{IPMI_ERR_PRIVILEGE_LEVEL_CANNOT_BE_OBTAINED, ERROR_FORBIDDEN,
	 "does not give this user that privilege: try another --bmc-privilege, or --ipmi-workarounds "
	 "opensesspriv"},
	{IPMI_ERR_PRIVILEGE_LEVEL_INSUFFICIENT, ERROR_FORBIDDEN,
	 "wants a higher privilege: try --bmc-privilege operator or admin"},
	{IPMI_ERR_AUTHENTICATION_TYPE_UNAVAILABLE, ERROR_FAILED,
	 "offers no MD5 authentication to that privilege by IPMI 1.5: try --bmc-protocol 2.0"},
	{IPMI_ERR_CIPHER_SUITE_ID_UNAVAILABLE, ERROR_FAILED,
	 "does not offer this cipher suite: try another --bmc-cipher-suite, such as 3 or 17"},
	{IPMI_ERR_IPMI_2_0_UNAVAILABLE, ERROR_FAILED, "does not speak IPMI 2.0: try --bmc-protocol 1.5"},
	{IPMI_ERR_BAD_RMCPPLUS_STATUS_CODE, ERROR_FAILED,
	 "refuses the session: try another --bmc-cipher-suite, or --ipmi-workarounds opensesspriv"},
	{IPMI_ERR_IPMI_ERROR, ERROR_FAILED,
	 "answers in a way that is not understood: try another --bmc-cipher-suite or --ipmi-workarounds"},
	{IPMI_ERR_CONNECTION_TIMEOUT, ERROR_FAILED,
	 "does not answer: expected one that speaks IPMI over LAN at the host and port of --bmc (623 by "
	 "default)"},
	{IPMI_ERR_SESSION_TIMEOUT, ERROR_FAILED, "does not answer any more"},
	{IPMI_ERR_HOSTNAME_INVALID, ERROR_FAILED,
	 "cannot be found: the host of --bmc has no address; look at its name"},
	{IPMI_ERR_PERMISSION, ERROR_FORBIDDEN, "is not open to this user: run as root"},
	{IPMI_ERR_DEVICE_NOT_FOUND, ERROR_ABSENT,
	 "is not there: its driver found no device; try another --ipmi-driver, or --bmc HOST"},
	{IPMI_ERR_DEVICE_NOT_SUPPORTED, ERROR_ABSENT,
	 "is not reached by this driver: try another --ipmi-driver, or --bmc HOST"},
	{IPMI_ERR_DRIVER_BUSY, ERROR_FAILED, "is not reached: its driver is busy"},
	{IPMI_ERR_DRIVER_TIMEOUT, ERROR_FAILED, "does not answer its driver"},
	{IPMI_ERR_MESSAGE_TIMEOUT, ERROR_FAILED, "does not answer in time"},
	{IPMI_ERR_BMC_BUSY, ERROR_FAILED, "is busy"},
};

/* IPMI 2.0, table 5-2. The texts go on behind "the BMC ". */
static const struct {
	uint8_t code;
	bool passing;
	enum error_kind kind;
	const char *text;
} codes[] = {
	{0xc0, true, ERROR_FAILED, "is busy"},
	{0xc1, false, ERROR_ABSENT, "does not have this command"},
	{0xc2, false, ERROR_ABSENT, "does not have this command here"},
	{0xc3, true, ERROR_FAILED, "did not get it done in time"},
	{0xc4, true, ERROR_FAILED, "is out of space"},
	{0xc9, false, ERROR_ABSENT, "does not take these parameters"},
	{0xcb, false, ERROR_ABSENT, "does not have what was asked for"},
	{0xcc, false, ERROR_ABSENT, "does not take this request"},
	{0xce, false, ERROR_FAILED, "cannot answer"},
	{0xcf, true, ERROR_FAILED, "took it for one asked twice"},
	{0xd2, true, ERROR_FAILED, "is starting"},
	{0xd3, true, ERROR_FAILED, "does not reach the part that measures"},
	{0xd4, false, ERROR_FORBIDDEN,
	 "wants a higher privilege; over the network try --bmc-privilege operator or admin"},
	{0xd5, false, ERROR_FAILED, "cannot do this in its present state"},
	{0xd6, false, ERROR_FORBIDDEN, "has this command switched off: look at its firmware firewall"},
	{0xff, false, ERROR_FAILED, "failed, and does not say why"},
};

int bmc_words_error(int errnum, const struct bmc_options *options, const char *what, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++)
		if (errors[i].errnum == errnum)
			return error_set(err, errors[i].kind, "%s (%s): the BMC %s", what, options->interface,
					 errors[i].text);
	return error_set(err, ERROR_FAILED, "%s (%s): failed: %s", what, options->interface,
			 ipmi_ctx_strerror(errnum));
}

int bmc_words_code(uint8_t code, const struct bmc_request *request, const struct bmc_options *options,
		   struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		if (codes[i].code == code)
			return error_set(err, codes[i].kind, "%s (%s): the BMC %s (completion code 0x%02X)",
					 request->what, options->interface, codes[i].text, code);
	return error_set(err, ERROR_FAILED, "%s (%s): the BMC refuses it (completion code 0x%02X)",
			 request->what, options->interface, code);
}

bool bmc_code_is_passing(uint8_t code)
{
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		if (codes[i].code == code)
			return codes[i].passing;
	return false;
}

bool bmc_error_is_passing(int errnum)
{
	return errnum == IPMI_ERR_DRIVER_BUSY || errnum == IPMI_ERR_BMC_BUSY ||
	       errnum == IPMI_ERR_MESSAGE_TIMEOUT;
}
