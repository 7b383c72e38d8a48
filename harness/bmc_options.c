/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "harness/bmc_options.h"

#include <stdlib.h>
#include <string.h>

/* The names of `ipmi-dcmi -W`, and what each means to each kind of connection: freeipmi/api/ipmi-api.h.
 * opensesspriv belongs to sun20, as ipmi-dcmi(8) says. */
static const struct {
	const char *name;
	unsigned in_band, lan_1_5, lan_2_0;
} workarounds[] = {
	{"none", 0, 0, 0},
	{"assumeio", IPMI_WORKAROUND_FLAGS_INBAND_ASSUME_IO_BASE_ADDRESS, 0, 0},
	{"spinpoll", IPMI_WORKAROUND_FLAGS_INBAND_SPIN_POLL, 0, 0},
	{"authcap", 0, IPMI_WORKAROUND_FLAGS_OUTOFBAND_AUTHENTICATION_CAPABILITIES,
	 IPMI_WORKAROUND_FLAGS_OUTOFBAND_2_0_AUTHENTICATION_CAPABILITIES},
	{"nochecksumcheck", 0, IPMI_WORKAROUND_FLAGS_OUTOFBAND_NO_CHECKSUM_CHECK,
	 IPMI_WORKAROUND_FLAGS_OUTOFBAND_2_0_NO_CHECKSUM_CHECK},
	{"idzero", 0, IPMI_WORKAROUND_FLAGS_OUTOFBAND_ACCEPT_SESSION_ID_ZERO, 0},
	{"unexpectedauth", 0, IPMI_WORKAROUND_FLAGS_OUTOFBAND_CHECK_UNEXPECTED_AUTHCODE, 0},
	{"forcepermsg", 0, IPMI_WORKAROUND_FLAGS_OUTOFBAND_FORCE_PERMSG_AUTHENTICATION, 0},
	{"endianseq", 0, IPMI_WORKAROUND_FLAGS_OUTOFBAND_BIG_ENDIAN_SEQUENCE_NUMBER, 0},
	{"noauthcodecheck", 0, IPMI_WORKAROUND_FLAGS_OUTOFBAND_NO_AUTH_CODE_CHECK, 0},
	{"intel20", 0, 0, IPMI_WORKAROUND_FLAGS_OUTOFBAND_2_0_INTEL_2_0_SESSION},
	{"supermicro20", 0, 0, IPMI_WORKAROUND_FLAGS_OUTOFBAND_2_0_SUPERMICRO_2_0_SESSION},
	{"sun20", 0, 0,
	 IPMI_WORKAROUND_FLAGS_OUTOFBAND_2_0_SUN_2_0_SESSION |
		 IPMI_WORKAROUND_FLAGS_OUTOFBAND_2_0_OPEN_SESSION_PRIVILEGE},
	{"opensesspriv", 0, 0, IPMI_WORKAROUND_FLAGS_OUTOFBAND_2_0_OPEN_SESSION_PRIVILEGE},
	{"integritycheckvalue", 0, 0, IPMI_WORKAROUND_FLAGS_OUTOFBAND_2_0_NON_EMPTY_INTEGRITY_CHECK_VALUE},
};

struct choice {
	const char *word;      /* on the command line */
	unsigned value;        /* libfreeipmi's */
	const char *interface; /* in documents; NULL: not in any */
};

/* The first is the default. Raw KCS and SSIF beside a loaded kernel driver are unsafe: by name only. */
static const struct choice drivers[] = {
	{"openipmi", IPMI_DEVICE_OPENIPMI, "openipmi"},
	{"kcs", IPMI_DEVICE_KCS, "kcs"},
	{"ssif", IPMI_DEVICE_SSIF, "ssif"},
	{"sunbmc", IPMI_DEVICE_SUNBMC, "sunbmc"},
	{"inteldcmi", IPMI_DEVICE_INTELDCMI, "inteldcmi"},
};
static const struct choice protocols[] = {
	{"2.0", IPMI_DEVICE_LAN_2_0, "lan-2.0"},
	{"1.5", IPMI_DEVICE_LAN, "lan-1.5"},
};

/* A user's privilege should do for reading power, but is not enough for many a BMC. */
static const struct choice privileges[] = {
	{"operator", IPMI_PRIVILEGE_LEVEL_OPERATOR, NULL},
	{"user", IPMI_PRIVILEGE_LEVEL_USER, NULL},
	{"admin", IPMI_PRIVILEGE_LEVEL_ADMIN, NULL},
};

/* Those that libfreeipmi can speak: ipmi-dcmi(8). 3 is HMAC-SHA1 with AES-128, 17 the same with SHA256. */
static const unsigned cipher_suites[] = {0, 1, 2, 3, 6, 7, 8, 11, 12, 15, 16, 17};
#define CIPHER_SUITE_DEFAULT 3

static const struct choice *choose(const struct choice *choices, size_t n, const char *option,
				   const char *word, struct error *err)
{
	struct strings words = {0};
	char *known;

	for (size_t i = 0; i < n; i++)
		if (!word || strcmp(choices[i].word, word) == 0)
			return &choices[i];
	for (size_t i = 0; i < n; i++)
		strings_add(&words, choices[i].word);
	known = strings_join(&words, ", ");
	error_set(err, ERROR_INPUT, "%s: expected one of %s, got \"%s\"", option, known, word);
	strings_free(&words);
	free(known);
	return NULL;
}

#define CHOOSE(choices, option, word, err) choose(choices, ARRAY_SIZE(choices), option, word, err)

static int refuse_workaround(const char *name, struct error *err)
{
	struct strings names = {0};
	char *known;

	for (size_t i = 0; i < ARRAY_SIZE(workarounds); i++)
		strings_add(&names, workarounds[i].name);
	known = strings_join(&names, ", ");
	error_set(err, ERROR_INPUT, "--ipmi-workarounds: \"%s\" is not known; known are: %s", name, known);
	strings_free(&names);
	free(known);
	return -1;
}

static unsigned flags_for(size_t workaround, ipmi_driver_type_t driver)
{
	if (driver == IPMI_DEVICE_LAN)
		return workarounds[workaround].lan_1_5;
	if (driver == IPMI_DEVICE_LAN_2_0)
		return workarounds[workaround].lan_2_0;
	return workarounds[workaround].in_band;
}

int bmc_workarounds_read(unsigned *flags, const char *list, ipmi_driver_type_t driver, struct error *err)
{
	struct strings names = {0};
	int result = 0;

	*flags = 0;
	strings_split(&names, list, ',');
	for (size_t i = 0; i < names.n && result == 0; i++) {
		size_t w = 0;

		while (w < ARRAY_SIZE(workarounds) && strcmp(workarounds[w].name, names.items[i]) != 0)
			w++;
		if (w < ARRAY_SIZE(workarounds))
			*flags |= flags_for(w, driver);
		else
			result = refuse_workaround(names.items[i], err);
	}
	strings_free(&names);
	return result;
}

static int read_cipher_suite(struct bmc_options *bmc, const char *text, struct error *err)
{
	uint64_t number = CIPHER_SUITE_DEFAULT;

	if (text && !text_to_u64(text, &number))
		number = UINT64_MAX;
	for (size_t i = 0; i < ARRAY_SIZE(cipher_suites); i++)
		if (number == cipher_suites[i]) {
			bmc->cipher_suite = (uint8_t)number;
			return 0;
		}
	return error_set(err, ERROR_INPUT,
			 "--bmc-cipher-suite: expected one of 0-3, 6-8, 11, 12, 15-17, got \"%s\"", text);
}

/* What is said about a connection that is not made has no effect, and so is a slip. */
static int refuse_misplaced(const struct options *o, struct error *err)
{
	const struct {
		const char *option, *value;
	} over_lan[] = {{"--bmc-credentials", o->bmc_credentials},
			{"--bmc-protocol", o->bmc_protocol},
			{"--bmc-cipher-suite", o->bmc_cipher_suite},
			{"--bmc-privilege", o->bmc_privilege}};

	for (size_t i = 0; i < ARRAY_SIZE(over_lan) && !o->bmc; i++)
		if (over_lan[i].value)
			return error_set(err, ERROR_INPUT,
					 "%s: is for a BMC over the network; name it with --bmc HOST",
					 over_lan[i].option);
	if (o->bmc && o->ipmi_driver)
		return error_set(err, ERROR_INPUT,
				 "--ipmi-driver: is for this machine's own BMC; with --bmc it has no effect");
	return 0;
}

/* Whether what stands behind the last colon of HOST:PORT or [ADDRESS]:PORT is a port. A bare IPv6 address has
 * several colons and no port. */
static int check_host(const char *host, struct error *err)
{
	const char *colon = strrchr(host, ':');
	bool bracketed = *host == '[';
	uint64_t port;

	if (host[strcspn(host, " \t/@,;")] || *host == ':' || !text_is_clean(host) || strlen(host) > 255)
		return error_set(err, ERROR_INPUT, "--bmc: expected HOST or HOST:PORT");
	if (!colon || (bracketed ? colon[-1] != ']' : strchr(host, ':') != colon))
		return 0;
	if (!text_to_u64(colon + 1, &port) || port < 1 || port > 65535)
		return error_set(err, ERROR_INPUT,
				 "--bmc: expected a port of 1 to 65535 behind the colon, got \"%s\"",
				 colon + 1);
	return 0;
}

static int read_connection(struct bmc_options *bmc, const struct options *o, struct error *err)
{
	const struct choice *privilege = CHOOSE(privileges, "--bmc-privilege", o->bmc_privilege, err);
	const struct choice *kind = o->bmc ? CHOOSE(protocols, "--bmc-protocol", o->bmc_protocol, err)
					   : CHOOSE(drivers, "--ipmi-driver", o->ipmi_driver, err);

	if (!privilege || !kind || read_cipher_suite(bmc, o->bmc_cipher_suite, err))
		return -1;
	bmc->privilege = (uint8_t)privilege->value;
	bmc->privilege_name = privilege->word;
	bmc->driver = (ipmi_driver_type_t)kind->value;
	bmc->interface = kind->interface;
	bmc->driver_named = o->ipmi_driver;
	return o->ipmi_workarounds
		       ? bmc_workarounds_read(&bmc->workarounds, o->ipmi_workarounds, bmc->driver, err)
		       : 0;
}

int bmc_options_read(struct bmc_options *out, const struct options *o, struct error *err)
{
	size_t longest = IPMI_2_0_MAX_PASSWORD_LENGTH;

	*out = (struct bmc_options){.host = o->bmc};
	if (refuse_misplaced(o, err) || read_connection(out, o, err))
		return -1;
	if (!o->bmc)
		return 0;
	if (out->driver == IPMI_DEVICE_LAN)
		longest = IPMI_1_5_MAX_PASSWORD_LENGTH;
	if (check_host(o->bmc, err) ||
	    (o->bmc_credentials && bmc_credentials_read(&out->credentials, o->bmc_credentials, err)))
		goto failed;
	bmc_credentials_complete(&out->credentials, o->bmc_user, o->bmc_password);
	if (bmc_credentials_check(&out->credentials, longest, err) == 0)
		return 0;
failed:
	bmc_options_free(out);
	return -1;
}

void bmc_options_free(struct bmc_options *bmc)
{
	if (bmc)
		bmc_credentials_wipe(&bmc->credentials);
}
