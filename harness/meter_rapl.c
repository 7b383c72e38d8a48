/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * meter_rapl.c - energy counters of the processor (RAPL) through the kernel's
 * powercap tree. Zones are found by powercap.h, wraps resolved by
 * energy_counter.h; here files are kept open and read.
 */
#include "harness/meter.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/base/text.h"
#include "harness/energy_counter.h"
#include "harness/powercap.h"

/* Seconds between two attempts to open a zone again that cannot be read. A
 * driver that is loaded again takes about as long, and each attempt walks the
 * powercap tree. */
#define REOPEN_AFTER_S 1.0

#define TEXT_SIZE 32 /* a 64-bit number has 20 digits; room to see that there is more */

struct rapl_channel {
	char zone_id[48]; /* "package-0" */
	char *path;       /* of energy_uj */
	int fd;           /* after a failure perhaps on a file that is gone; -1: never opened */
	bool failing;     /* the last read failed */
	mono_t failed_at; /* when it was last tried to open it again, or when it began to fail */
	struct energy_counter counter;
};

struct meter_rapl {
	struct meter meter; /* first: meter.h */
	char *sysfs;
	struct powercap powercap;     /* as found at open */
	struct rapl_channel *sources; /* one per channel, in the same order */
};

extern const struct meter_class meter_rapl;

/* ---- one zone ---- */

/* What a failed read is called. Negative numbers are errno values. */
static const char *cause_text(int cause)
{
	switch (-cause) {
	case ENODATA:
		return "it is empty";
	case EBADMSG:
		return "it holds no whole number";
	default:
		return strerror(-cause);
	}
}

/* Returns 0 or -errno; -ENODATA: empty, -EBADMSG: not a whole number. */
static int read_raw(int fd, uint64_t *raw_uj)
{
	char text[TEXT_SIZE];
	ssize_t got;

	if (fd < 0)
		return -ENODEV;
	got = pread(fd, text, sizeof text - 1, 0);
	if (got < 0)
		return -errno;
	if (got > 0 && text[got - 1] == '\n')
		got--;
	text[got] = '\0';
	if (got == 0)
		return -ENODATA;
	return strlen(text) == (size_t)got && text_to_u64(text, raw_uj) ? 0 : -EBADMSG;
}

/* Opens a zone's counter and reads it once, since files can be opened that
 * cannot be read. Returns the descriptor or -errno. */
static int open_readable(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), failed;
	uint64_t raw_uj;

	if (fd < 0)
		return -errno;
	failed = read_raw(fd, &raw_uj);
	if (failed) {
		close(fd);
		return failed;
	}
	return fd;
}

/* The zone may be back under another number, so it is looked for by its id. */
static void reopen(const struct meter_rapl *rapl, struct rapl_channel *source)
{
	struct powercap now;
	const struct powercap_zone *zone;
	int fd = -1;

	if (powercap_scan(&now, rapl->sysfs, NULL) == 0 && (zone = powercap_find(&now, source->zone_id))) {
		char *path = xasprintf("%s/energy_uj", zone->path);

		fd = open_readable(path);
		if (fd >= 0) {
			free(source->path);
			source->path = path;
		} else {
			free(path);
		}
	}
	powercap_free(&now);
	if (fd < 0)
		return;
	if (source->fd >= 0)
		close(source->fd);
	source->fd = fd;
}

static int read_source(const struct meter_rapl *rapl, struct rapl_channel *source, uint64_t *raw_uj)
{
	int failed = read_raw(source->fd, raw_uj);

	if (failed && source->failing && mono_between_s(source->failed_at, mono_now()) >= REOPEN_AFTER_S) {
		source->failed_at = mono_now();
		reopen(rapl, source);
		failed = read_raw(source->fd, raw_uj);
	}
	if (failed && !source->failing)
		source->failed_at = mono_now();
	source->failing = failed != 0;
	return failed;
}

static void read_channel(const struct meter_rapl *rapl, size_t i, struct reading *out, struct error *err)
{
	struct rapl_channel *source = &rapl->sources[i];
	mono_t before = mono_now(), after;
	uint64_t raw_uj;
	int failed = read_source(rapl, source, &raw_uj);

	after = mono_now();
	*out = (struct reading){.at = {before.ns + (after.ns - before.ns) / 2},
				.took_s = mono_between_s(before, after),
				.value = NAN,
				.state = READING_FAILED};
	if (failed) {
		error_set(err, ERROR_FAILED, "%s: %s cannot be read: %s; it is tried again at every reading",
			  rapl->meter.channels[i].id, source->path, cause_text(failed));
		return;
	}
	out->state = READING_OK;
	out->event = energy_counter_update(&source->counter, raw_uj, out->at);
	out->value = energy_counter_j(&source->counter);
}

static void rapl_read(struct meter *meter, struct reading *out, struct error *err)
{
	struct meter_rapl *rapl = (struct meter_rapl *)meter;

	for (size_t i = 0; i < meter->n_channels; i++)
		read_channel(rapl, i, &out[i], err);
}

/* ---- opening ---- */

static int absent(const char *what, struct error *err)
{
	return error_set(
		err, ERROR_ABSENT,
		"%s; load the driver with `modprobe intel_rapl_msr` (for AMD processors too, since Linux "
		"5.11); virtual machines and containers have none: measure on the host; Arm processors have "
		"no "
		"RAPL: `wattstep meters` shows the other sources",
		what);
}

static int no_zones(const struct powercap *powercap, struct error *err)
{
	char what[512];

	snprintf(what, sizeof what, "%s holds no RAPL zone%s%s", powercap->path,
		 powercap->n_ignored ? " that can be used: " : "",
		 powercap->n_ignored ? powercap->ignored[0].reason : "");
	return absent(what, err);
}

static int find_zones(struct meter_rapl *rapl, struct error *err)
{
	struct error scan = {0};

	if (powercap_scan(&rapl->powercap, rapl->sysfs, &scan) < 0)
		return scan.kind == ERROR_ABSENT ? absent(scan.text, err)
						 : error_set(err, scan.kind, "%s", scan.text);
	return rapl->powercap.n_zones > 0 ? 0 : no_zones(&rapl->powercap, err);
}

static int forbidden(const char *path, struct error *err)
{
	return error_set(err, ERROR_FORBIDDEN,
			 "%s/energy_uj may be read by root alone (since Linux 5.10, against CVE-2020-8694); "
			 "run wattstep "
			 "as root or give it CAP_DAC_READ_SEARCH",
			 path);
}

/* Takes path and fd over. */
static void add_channel(struct meter_rapl *rapl, const struct powercap_zone *zone, char *path, int fd)
{
	size_t i = rapl->meter.n_channels++;
	struct channel *channel = &rapl->meter.channels[i];
	struct rapl_channel *source = &rapl->sources[i];

	*channel = (struct channel){.unit = UNIT_JOULE,
				    .resolution = zone->step_j,
				    .range_j = zone->range_uj ? (double)zone->range_uj / 1e6 : NAN,
				    .power_limit_w = zone->power_limit_w,
				    .time_window_s = zone->time_window_s};
	snprintf(channel->id, sizeof channel->id, "rapl/%s", zone->id);
	snprintf(channel->scope, sizeof channel->scope, "%s", zone->scope);
	source->path = path;
	source->fd = fd;
	snprintf(source->zone_id, sizeof source->zone_id, "%s", zone->id);
	energy_counter_init(&source->counter, zone->range_uj, zone->plausible_w);
}

/* A sum over the packages without one of them would be a wrong number: such a
 * zone stays, its readings fail, and it is tried again. */
static bool is_package(const struct powercap_zone *zone)
{
	return strncmp(zone->id, "package-", 8) == 0;
}

/* Opens what can be read; packages that cannot be read stay as channels without
 * readings, other zones are noted as ignored. Where nothing can be read, err is
 * the first refusal. */
static int open_zones(struct meter_rapl *rapl, struct error *err)
{
	struct powercap *powercap = &rapl->powercap;
	struct error refusal = {0};
	size_t n_readable = 0;

	for (size_t i = 0; i < powercap->n_zones; i++) {
		const struct powercap_zone *zone = &powercap->zones[i];
		char *path = xasprintf("%s/energy_uj", zone->path);
		int fd = open_readable(path);

		n_readable += fd >= 0;
		if (fd >= 0 || is_package(zone)) {
			add_channel(rapl, zone, path, fd >= 0 ? fd : -1);
			path = NULL;
		}
		if (fd >= 0)
			continue;
		if (fd == -EACCES || fd == -EPERM)
			forbidden(zone->path, &refusal);
		else
			error_set(&refusal, fd == -ENOENT ? ERROR_ABSENT : ERROR_FAILED,
				  "%s/energy_uj cannot be read: %s; `dmesg | grep -i rapl` may say why",
				  zone->path, cause_text(fd));
		if (path)
			powercap_ignore(powercap, zone->folder, "energy_uj of %s cannot be read: %s",
					zone->id, cause_text(fd));
		free(path);
	}
	if (n_readable > 0)
		return 0;
	return error_set(err, refusal.kind, "%s", refusal.text);
}

static void rapl_close(struct meter *meter)
{
	struct meter_rapl *rapl = (struct meter_rapl *)meter;

	if (!rapl)
		return;
	for (size_t i = 0; i < meter->n_channels; i++) {
		if (rapl->sources[i].fd >= 0)
			close(rapl->sources[i].fd);
		free(rapl->sources[i].path);
	}
	free(rapl->sources);
	free(meter->channels);
	powercap_free(&rapl->powercap);
	free(rapl->sysfs);
	free(rapl);
}

static int rapl_open(struct meter **out, const struct meter_config *config, struct error *err)
{
	struct meter_rapl *rapl = xcalloc(1, sizeof *rapl);
	size_t n_zones;

	rapl->meter.class = &meter_rapl;
	rapl->sysfs = xstrdup(config->roots.sysfs);
	if (find_zones(rapl, err) < 0)
		goto failed;
	n_zones = rapl->powercap.n_zones;
	rapl->meter.channels = xcalloc(n_zones, sizeof *rapl->meter.channels);
	rapl->sources = xcalloc(n_zones, sizeof *rapl->sources);
	if (open_zones(rapl, err) < 0)
		goto failed;
	*out = &rapl->meter;
	return 0;
failed:
	rapl_close(&rapl->meter);
	return -1;
}

/* ---- for the profile ---- */

static void rapl_describe(const struct meter *meter, json_t *entry)
{
	const struct meter_rapl *rapl = (const struct meter_rapl *)meter;
	const struct powercap *powercap = &rapl->powercap;
	json_t *zones = json_object(), *ignored = json_array();

	for (size_t i = 0; i < meter->n_channels; i++) {
		const struct powercap_zone *zone = powercap_find(powercap, rapl->sources[i].zone_id);

		json_object_set_new(zones, meter->channels[i].id, json_string(zone->folder));
	}
	for (size_t i = 0; i < powercap->n_ignored; i++)
		json_array_append_new(ignored, json_pack("{s:s, s:s}", "zone", powercap->ignored[i].folder,
							 "reason", powercap->ignored[i].reason));
	json_object_set_new(entry, "interface", json_string("powercap"));
	json_object_set_new(entry, "path", json_string(powercap->path));
	json_object_set_new(entry, "zones", zones);
	json_object_set_new(entry, "ignored", ignored);
}

const struct meter_class meter_rapl = {
	.name = "rapl",
	.covers = "processor packages, and memory where the processor counts it (RAPL)",
	.needs = "an Intel or AMD x86 processor, the module intel_rapl_msr, and root to read it",
	.automatic = true,
	.blocking = false,
	.least_poll_s = 0,
	.open = rapl_open,
	.read = rapl_read,
	.describe = rapl_describe,
	.close = rapl_close,
};
