/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * meter_ipmi.c - power sensors of a management controller without DCMI: those
 * whose record says watts.
 *
 * Sensors of other controllers behind the BMC are left out, and so are those
 * that have no reading when the meter is opened (an empty bay for a supply).
 */
#include "harness/meter.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "harness/base/json.h"
#include "harness/base/text.h"
#include "harness/bmc.h"
#include "harness/bmc_describe.h"
#include "harness/bmc_words.h"
#include "harness/dcmi.h"
#include "harness/ipmi_sensor.h"

/* Big machines have some tens. */
#define MOST_SENSORS 64

/* Hundreds of records come in pieces of some bytes, in-band about 10 ms each. */
#define OPEN_S 60.0

/* Table 43-1: linear, or by a fixed function; above that the factors depend on the reading. */
#define LINEARIZATION_MOST 11
#define OWNER_BMC 0x20

struct meter_ipmi {
	struct meter meter; /* first: meter.h */
	const struct bmc_options *options;
	struct bmc *bmc;
	struct bmc_device device;
	bool device_known;
	struct ipmi_sensor sensors[MOST_SENSORS];
	size_t n_sensors;
	size_t whole; /* index of that of the whole node; n_sensors: there is none */
};

extern const struct meter_class meter_ipmi;

static double read_sensor(struct meter_ipmi *ipmi, size_t i, struct bmc_answer *answer, struct error *err)
{
	struct bmc_request request = ipmi_sensor_request(&ipmi->sensors[i]);

	return bmc_ask(ipmi->bmc, &request, answer, err) ? NAN
							 : ipmi_sensor_take(&ipmi->sensors[i], answer, err);
}

static void ipmi_read(struct meter *meter, struct reading *out, struct error *err)
{
	struct meter_ipmi *ipmi = (struct meter_ipmi *)meter;

	for (size_t i = 0; i < ipmi->n_sensors; i++) {
		struct bmc_answer answer;
		double w = read_sensor(ipmi, i, &answer, err);

		out[i] = (struct reading){.at = answer.at,
					  .value = w,
					  .took_s = answer.took_s,
					  .state = isnan(w) ? READING_FAILED : READING_OK};
	}
}

/* ---- finding sensors ---- */

/* Whether the record is of a sensor of the BMC's own that tells watts; then it is filled in. */
static bool take_record(ipmi_sdr_ctx_t sdr, const void *record, unsigned size, struct ipmi_sensor *out)
{
	uint8_t percentage, modifier, rate, unit, modifier_unit, type, owner_type, owner, channel, instance,
		instance_type;

	if (ipmi_sdr_parse_sensor_units(sdr, record, size, &percentage, &modifier, &rate, &unit,
					&modifier_unit) < 0 ||
	    unit != IPMI_SENSOR_UNIT_WATTS || percentage || modifier || rate)
		return false;
	if (ipmi_sdr_parse_event_reading_type_code(sdr, record, size, &type) < 0 ||
	    type != IPMI_EVENT_READING_TYPE_CODE_THRESHOLD)
		return false;
	if (ipmi_sdr_parse_sensor_owner_id(sdr, record, size, &owner_type, &owner) < 0 || owner_type != 0 ||
	    owner << 1 != OWNER_BMC ||
	    ipmi_sdr_parse_sensor_owner_lun(sdr, record, size, &out->lun, &channel) < 0 ||
	    ipmi_sdr_parse_sensor_number(sdr, record, size, &out->number) < 0 ||
	    ipmi_sdr_parse_entity_id_instance_type(sdr, record, size, &out->entity, &instance,
						   &instance_type) < 0)
		return false;
	if (ipmi_sdr_parse_sensor_decoding_data(sdr, record, size, &out->r_exponent, &out->b_exponent,
						&out->m, &out->b, &out->linearization, &out->format) < 0 ||
	    out->linearization > LINEARIZATION_MOST)
		return false;
	return ipmi_sdr_parse_id_string(sdr, record, size, out->name, sizeof out->name - 1) >= 0;
}

static int take_sensor(ipmi_sdr_ctx_t sdr, uint8_t record_type, const void *record, unsigned size, void *data)
{
	struct meter_ipmi *ipmi = data;
	struct ipmi_sensor sensor = {0};
	struct bmc_answer answer;
	char *clean;

	if (record_type != IPMI_SDR_FORMAT_FULL_SENSOR_RECORD || ipmi->n_sensors == MOST_SENSORS ||
	    !take_record(sdr, record, size, &sensor))
		return 0;
	clean = text_clean(sensor.name);
	snprintf(sensor.name, sizeof sensor.name, "%s", clean);
	free(clean);
	ipmi->sensors[ipmi->n_sensors] = sensor;
	if (!isnan(read_sensor(ipmi, ipmi->n_sensors, &answer, NULL)))
		ipmi->n_sensors++;
	return 0;
}

static int explain_records(struct meter_ipmi *ipmi, ipmi_sdr_ctx_t sdr, struct error *err)
{
	int errnum = ipmi_sdr_ctx_errnum(sdr);

	if (errnum == IPMI_SDR_ERR_IPMI_ERROR)
		return bmc_words_error(ipmi_ctx_errnum(bmc_context(ipmi->bmc)), ipmi->options,
				       "sensor records", err);
	if (errnum == IPMI_SDR_ERR_CACHE_CREATE_INVALID_RECORD_COUNT)
		return error_set(err, ERROR_ABSENT, "sensor records (%s): the BMC has none",
				 ipmi->options->interface);
	return error_set(err, ERROR_FAILED, "sensor records (%s): the BMC's cannot be read: %s",
			 ipmi->options->interface, ipmi_sdr_ctx_strerror(errnum));
}

/* libfreeipmi keeps the records in a file: one in memory, which ends with this process. */
static int find_sensors(struct meter_ipmi *ipmi, struct error *err)
{
	ipmi_sdr_ctx_t sdr = ipmi_sdr_ctx_create();
	int fd = memfd_create("wattstep-sdr", MFD_CLOEXEC), result = -1;
	char *path = xasprintf("/proc/self/fd/%d", fd);

	if (!sdr || fd < 0)
		error_set(err, ERROR_FAILED, "no memory for the BMC's sensor records");
	else if (ipmi_sdr_cache_create(sdr, bmc_context(ipmi->bmc), path,
				       IPMI_SDR_CACHE_CREATE_FLAGS_OVERWRITE, NULL, NULL) < 0 ||
		 ipmi_sdr_cache_open(sdr, NULL, path) < 0 ||
		 ipmi_sdr_cache_iterate(sdr, take_sensor, ipmi) < 0)
		explain_records(ipmi, sdr, err);
	else if (ipmi->n_sensors == 0)
		error_set(err, ERROR_ABSENT,
			  "sensor records (%s): the BMC has no sensor of its own that tells watts",
			  ipmi->options->interface);
	else
		result = 0;
	free(path);
	if (sdr)
		ipmi_sdr_ctx_destroy(sdr);
	if (fd >= 0)
		close(fd);
	return result;
}

/* ---- opening ---- */

/* Two sensors may have one name: the second becomes "ps1-2". */
static void name_channel(struct meter_ipmi *ipmi, size_t i)
{
	struct channel *channel = &ipmi->meter.channels[i];
	char slug[sizeof ipmi->sensors->name - 16];
	unsigned same = 1;

	ipmi_sensor_slug(ipmi->sensors[i].name, slug, sizeof slug);
	snprintf(channel->id, sizeof channel->id, "ipmi/%s", i == ipmi->whole ? "system" : slug);
	for (size_t k = 0; k < i; k++)
		if (strcmp(ipmi->meter.channels[k].id, channel->id) == 0) {
			snprintf(channel->id, sizeof channel->id, "ipmi/%s-%u", slug, ++same);
			k = (size_t)-1;
		}
}

static void add_channels(struct meter_ipmi *ipmi)
{
	ipmi->meter.n_channels = ipmi->n_sensors;
	ipmi->meter.channels = xcalloc(ipmi->n_sensors, sizeof *ipmi->meter.channels);
	for (size_t i = 0; i < ipmi->n_sensors; i++) {
		struct channel *channel = &ipmi->meter.channels[i];

		*channel = (struct channel){.unit = UNIT_WATT,
					    .resolution = ipmi_sensor_step_w(&ipmi->sensors[i]),
					    .range_j = NAN,
					    .power_limit_w = NAN,
					    .time_window_s = NAN};
		snprintf(channel->scope, sizeof channel->scope, "sensor \"%s\" of the BMC%s",
			 ipmi->sensors[i].name, i == ipmi->whole ? ", taken for the whole node" : "");
		name_channel(ipmi, i);
	}
}

static void ipmi_close(struct meter *meter)
{
	struct meter_ipmi *ipmi = (struct meter_ipmi *)meter;

	if (!ipmi)
		return;
	bmc_close(ipmi->bmc);
	free(meter->channels);
	free(ipmi);
}

static int ipmi_probe(const struct meter_config *config, struct error *err)
{
	return bmc_probe(config->bmc, config->roots.sysfs, err);
}

static int ipmi_open(struct meter **out, const struct meter_config *config, struct error *err)
{
	struct meter_ipmi *ipmi = xcalloc(1, sizeof *ipmi);
	struct bmc_request device = bmc_request_device();
	struct bmc_answer answer;

	ipmi->meter.class = &meter_ipmi;
	ipmi->options = config->bmc;
	ipmi->bmc = bmc_open(config->bmc, err);
	if (!ipmi->bmc || find_sensors(ipmi, err)) {
		ipmi_close(&ipmi->meter);
		return -1;
	}
	ipmi->device_known = bmc_ask(ipmi->bmc, &device, &answer, NULL) == 0 &&
			     bmc_take_device(&answer, &ipmi->device, NULL) == 0;
	ipmi->whole = ipmi_sensor_whole_node(ipmi->sensors, ipmi->n_sensors);
	add_channels(ipmi);
	*out = &ipmi->meter;
	return 0;
}

static void ipmi_describe(const struct meter *meter, json_t *entry)
{
	const struct meter_ipmi *ipmi = (const struct meter_ipmi *)meter;

	json_object_set_new(entry, "interface", json_string(ipmi->options->interface));
	json_object_set_new(entry, "device",
			    ipmi->device_known ? bmc_describe_device(&ipmi->device) : json_null());
}

const struct meter_class meter_ipmi = {
	.name = "ipmi",
	.covers = "power sensors of a management controller (BMC) without DCMI",
	.needs = "a BMC with sensors in watts, at /dev/ipmi0 or --bmc HOST",
	.automatic = true,
	.blocking = true,
	.least_poll_s = 1,
	.open_s = OPEN_S,
	.instead = "dcmi",
	.probe = ipmi_probe,
	.open = ipmi_open,
	.read = ipmi_read,
	.describe = ipmi_describe,
	.print = bmc_describe_print,
	.close = ipmi_close,
};
