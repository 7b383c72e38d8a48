/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "harness/bmc.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "harness/base/text.h"
#include "harness/bmc_words.h"

/* Of the kernel's driver; libfreeipmi opens the same. */
#define DEVICE "/dev/ipmi0"

/* Over LAN, in ms. A packet is sent again after a third of a second, then at growing intervals; a BMC that
 * is silent for this long has lost the session. Below the 10 s after which remote.h gives a child up, so
 * that the sentence is ours. With 30 % of the packets lost a request fails once in 100. */
#define SESSION_MS 8000
#define SEND_AGAIN_MS 350

/* A busy BMC: some need a second or third try. The pauses grow, and no further try is made when those before
 * took so long that the deadline of a reading comes near. */
#define MOST_TRIES 3
#define FIRST_PAUSE_S 0.1
#define TRY_WITHIN_S 3.0

/* Between attempts to connect again, doubled with each that fails. */
#define FIRST_RETRY_S 1.0
#define LONGEST_RETRY_S 30.0

struct bmc {
	const struct bmc_options *options;
	ipmi_ctx_t context;
	bool connected;
	double retry_s;      /* before the next attempt to connect */
	mono_t retry_at;     /* not before this */
	struct error broken; /* why it is not connected */
};

/* ---- connecting ---- */

int bmc_probe(const struct bmc_options *options, const char *sysfs, struct error *err)
{
	if (options->host)
		return 0;
	if (strcmp(sysfs, "/sys") != 0 && !options->driver_named)
		return error_set(
			err, ERROR_ABSENT,
			"this machine's own BMC is not the one of the node under --sysfs; --bmc HOST "
			"names another");
	if (options->driver != IPMI_DEVICE_OPENIPMI || access(DEVICE, R_OK | W_OK) == 0)
		return 0;
	if (errno == EACCES)
		return error_set(err, ERROR_FORBIDDEN, DEVICE " is not open to this user: run as root");
	return error_set(err, ERROR_ABSENT,
			 DEVICE
			 " does not exist: expected the device of the kernel's IPMI driver; try `modprobe "
			 "ipmi_devintf ipmi_si`, or --bmc HOST");
}

static int open_context(struct bmc *bmc)
{
	const struct bmc_options *o = bmc->options;
	char *host = o->host ? xstrdup(o->host) : NULL;
	int result;

	if (o->driver == IPMI_DEVICE_LAN_2_0)
		result = ipmi_ctx_open_outofband_2_0(bmc->context, host, o->credentials.user,
						     o->credentials.password, NULL, 0, o->privilege,
						     o->cipher_suite, SESSION_MS, SEND_AGAIN_MS,
						     o->workarounds, IPMI_FLAGS_DEFAULT);
	else if (o->driver == IPMI_DEVICE_LAN)
		result = ipmi_ctx_open_outofband(bmc->context, host, o->credentials.user,
						 o->credentials.password, IPMI_AUTHENTICATION_TYPE_MD5,
						 o->privilege, SESSION_MS, SEND_AGAIN_MS, o->workarounds,
						 IPMI_FLAGS_DEFAULT);
	else
		result = ipmi_ctx_open_inband(bmc->context, o->driver, 0, 0, 0, NULL, o->workarounds,
					      IPMI_FLAGS_DEFAULT);
	free(host);
	return result;
}

static int connect_bmc(struct bmc *bmc, struct error *err)
{
	if (mono_now().ns < bmc->retry_at.ns)
		return error_set(err, bmc->broken.kind, "%s", bmc->broken.text);
	if (open_context(bmc) == 0) {
		bmc->connected = true;
		bmc->retry_s = FIRST_RETRY_S;
		return 0;
	}
	bmc->broken = (struct error){0};
	bmc_words_error(ipmi_ctx_errnum(bmc->context), bmc->options, "connecting", &bmc->broken);
	bmc->retry_at = mono_after_s(mono_now(), bmc->retry_s);
	bmc->retry_s = fmin(2 * bmc->retry_s, LONGEST_RETRY_S);
	return error_set(err, bmc->broken.kind, "%s", bmc->broken.text);
}

/* A session that a BMC does not know any more is of no use, nor is its farewell. */
static void disconnect(struct bmc *bmc)
{
	ipmi_ctx_close(bmc->context);
	bmc->connected = false;
}

struct bmc *bmc_open(const struct bmc_options *options, struct error *err)
{
	struct bmc *bmc = xcalloc(1, sizeof *bmc);

	bmc->options = options;
	bmc->retry_s = FIRST_RETRY_S;
	bmc->context = ipmi_ctx_create();
	if (!bmc->context)
		error_set(err, ERROR_FAILED, "libfreeipmi: no memory for a connection");
	else if (connect_bmc(bmc, err) == 0)
		return bmc;
	bmc_close(bmc);
	return NULL;
}

void bmc_close(struct bmc *bmc)
{
	if (!bmc)
		return;
	if (bmc->connected)
		disconnect(bmc);
	if (bmc->context)
		ipmi_ctx_destroy(bmc->context);
	free(bmc);
}

bool bmc_is_connected(const struct bmc *bmc)
{
	return bmc->connected;
}

ipmi_ctx_t bmc_context(struct bmc *bmc)
{
	return bmc->context;
}

/* ---- asking ---- */

enum outcome { ANSWERED, PASSING, LASTING };

/* Asks once. */
static enum outcome ask(struct bmc *bmc, const struct bmc_request *request, struct bmc_answer *answer,
			struct error *err)
{
	mono_t before = mono_now();
	int n = ipmi_cmd_raw(bmc->context, request->lun, request->net_fn, request->bytes,
			     (unsigned)request->n, answer->bytes, sizeof answer->bytes);
	int errnum = n < 0 ? ipmi_ctx_errnum(bmc->context) : IPMI_ERR_SUCCESS;

	answer->took_s = mono_between_s(before, mono_now());
	answer->at = mono_after_s(before, answer->took_s / 2);
	answer->n = n > 0 ? (size_t)n : 0;
	if (n < 0) {
		bmc_words_error(errnum, bmc->options, request->what, err);
		if (bmc_error_is_passing(errnum))
			return PASSING;
		disconnect(bmc);
		return LASTING;
	}
	if (answer->n < BMC_DATA || answer->bytes[BMC_COMMAND] != request->bytes[BMC_COMMAND]) {
		error_set(err, ERROR_FAILED, "%s (%s): the BMC's answer is garbled: %zu bytes", request->what,
			  bmc->options->interface, answer->n);
		return LASTING;
	}
	if (answer->bytes[BMC_CODE] == 0)
		return ANSWERED;
	bmc_words_code(answer->bytes[BMC_CODE], request, bmc->options, err);
	return bmc_code_is_passing(answer->bytes[BMC_CODE]) ? PASSING : LASTING;
}

static void sleep_s(double seconds)
{
	struct timespec time = {(time_t)seconds, (long)(fmod(seconds, 1) * 1e9)};

	nanosleep(&time, NULL);
}

int bmc_ask(struct bmc *bmc, const struct bmc_request *request, struct bmc_answer *answer, struct error *err)
{
	mono_t began = mono_now();
	double pause_s = FIRST_PAUSE_S;

	*answer = (struct bmc_answer){.at = began};
	if (!bmc->connected && connect_bmc(bmc, err))
		return -1;
	for (int tries = 1;; tries++) {
		struct error why = {0};
		enum outcome outcome = ask(bmc, request, answer, &why);

		if (outcome == ANSWERED)
			return 0;
		if (outcome == LASTING || tries == MOST_TRIES ||
		    mono_between_s(began, mono_now()) > TRY_WITHIN_S)
			return error_set(err, why.kind, "%s", why.text);
		sleep_s(pause_s);
		pause_s *= 3;
	}
}
