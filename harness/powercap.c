/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "harness/powercap.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/text.h"

#define ZONE_PREFIX "intel-rapl:"
#define MMIO_PREFIX "intel-rapl-mmio:"

/* MAX_CONSTRAINTS_PER_ZONE of the kernel's drivers/powercap/powercap_sys.c. */
#define MOST_CONSTRAINTS 10

/* RAPL counters have 32 bits: the range is so many energy units. */
#define COUNTER_STEPS 4294967295.0

#define UJ_PER_J 1e6
#define UW_PER_W 1e6
#define US_PER_S 1e6

/* What a zone's name says. */
struct zone_name {
	const char *kind; /* "package", "core", "uncore", "dram", "psys" */
	char socket[32];  /* "0" or "0-die-1"; empty for psys */
	char of_whom[40]; /* "socket 0", "die 1 of socket 0" */
};

static void read_name(const char *zone_path, char name[64])
{
	char *path = xasprintf("%s/name", zone_path);

	if (file_read_text(path, name, 64) < 0)
		name[0] = '\0';
	free(path);
}

/* "package-P", "package-P-die-D", "psys", "psys-P". */
static bool understand_top(const char *name, struct zone_name *out)
{
	unsigned socket, die;
	int end = 0;

	*out = (struct zone_name){0};
	if (strcmp(name, "psys") == 0) {
		out->kind = "psys";
		return true;
	}
	if (sscanf(name, "psys-%4u%n", &socket, &end) == 1 && !name[end]) {
		out->kind = "psys";
		snprintf(out->socket, sizeof out->socket, "%u", socket);
		return true;
	}
	out->kind = "package";
	end = 0;
	if (sscanf(name, "package-%4u%n", &socket, &end) == 1 && !name[end]) {
		snprintf(out->socket, sizeof out->socket, "%u", socket);
		snprintf(out->of_whom, sizeof out->of_whom, "socket %u", socket);
		return true;
	}
	end = 0;
	if (sscanf(name, "package-%4u-die-%4u%n", &socket, &die, &end) == 2 && !name[end]) {
		snprintf(out->socket, sizeof out->socket, "%u-die-%u", socket, die);
		snprintf(out->of_whom, sizeof out->of_whom, "die %u of socket %u", die, socket);
		return true;
	}
	return false;
}

static bool understand_sub(const char *name, const struct zone_name *parent, struct zone_name *out)
{
	static const char *const known[] = {"core", "uncore", "dram"};

	*out = *parent;
	if (strcmp(parent->kind, "package") != 0)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (strcmp(name, known[i]) == 0) {
			out->kind = known[i];
			return true;
		}
	return false;
}

static void describe_scope(struct powercap_zone *zone, const struct zone_name *name)
{
	static const struct {
		const char *kind, *before, *behind;
	} scopes[] = {
		{"package", "cores, caches and uncore of ", ""},
		{"core", "cores of ", "; inside the package"},
		{"uncore", "uncore (graphics) of ", "; inside the package"},
		{"dram", "memory of ", ""},
		{"psys", "whole platform as the firmware defines it; contains the packages", ""},
	};

	for (size_t i = 0; i < ARRAY_SIZE(scopes); i++)
		if (strcmp(name->kind, scopes[i].kind) == 0)
			snprintf(zone->scope, sizeof zone->scope, "%s%s%s", scopes[i].before, name->of_whom,
				 scopes[i].behind);
}

/* A number in a file of the zone; NAN where it is missing, empty or garbled. */
static double read_number(const char *zone_path, const char *file)
{
	char *path = xasprintf("%s/%s", zone_path, file);
	uint64_t value;
	int failed = file_read_u64(path, &value);

	free(path);
	return failed ? NAN : (double)value;
}

static double read_constraint(const char *zone_path, int i, const char *what)
{
	char file[64];

	snprintf(file, sizeof file, "constraint_%d_%s", i, what);
	return read_number(zone_path, file);
}

/* Watts of a limit, NAN where it says "no limit" or nothing. */
static double read_limit_w(const char *zone_path, int i, const char *what)
{
	double limit_w = read_constraint(zone_path, i, what) / UW_PER_W;

	return limit_w >= POWERCAP_LEAST_LIMIT_W && limit_w <= POWERCAP_MOST_LIMIT_W ? limit_w : NAN;
}

static bool is_long_term(const char *zone_path, int i)
{
	char *path = xasprintf("%s/constraint_%d_name", zone_path, i), name[64];
	bool is = file_read_text(path, name, sizeof name) > 0 && strcmp(name, "long_term") == 0;

	free(path);
	return is;
}

static void read_constraints(struct powercap_zone *zone, double default_plausible_w)
{
	double greatest_w = NAN; /* fmax passes over NAN */

	zone->power_limit_w = zone->time_window_s = NAN;
	for (int i = 0; i < MOST_CONSTRAINTS; i++) {
		double limit_w = read_limit_w(zone->path, i, "power_limit_uw");

		greatest_w = fmax(greatest_w, fmax(limit_w, read_limit_w(zone->path, i, "max_power_uw")));
		if (is_long_term(zone->path, i)) {
			double window_s = read_constraint(zone->path, i, "time_window_us") / US_PER_S;

			zone->time_window_s = window_s > 0 ? window_s : NAN;
			zone->power_limit_w = read_number(zone->path, "enabled") == 0 ? NAN : limit_w;
		}
	}
	zone->plausible_w = isnan(greatest_w) ? default_plausible_w : 2 * greatest_w;
}

static void read_facts(struct powercap_zone *zone, double default_plausible_w)
{
	char *path = xasprintf("%s/max_energy_range_uj", zone->path);

	if (file_read_u64(path, &zone->range_uj) < 0)
		zone->range_uj = 0;
	free(path);
	/* energy_uj counts whole uJ: a range with less than 1 uJ a step is not a 32-bit counter's. */
	zone->step_j = (double)zone->range_uj >= COUNTER_STEPS
			       ? (double)zone->range_uj / COUNTER_STEPS / UJ_PER_J
			       : NAN;
	read_constraints(zone, default_plausible_w);
}

void powercap_ignore(struct powercap *powercap, const char *folder, const char *format, ...)
{
	char reason[256];
	va_list args;

	va_start(args, format);
	vsnprintf(reason, sizeof reason, format, args);
	va_end(args);
	powercap->ignored = xrealloc(powercap->ignored, powercap->n_ignored + 1, sizeof *powercap->ignored);
	powercap->ignored[powercap->n_ignored++] =
		(struct powercap_ignored){.folder = xstrdup(folder), .reason = xstrdup(reason)};
}

/* Understands the folder's name file, and its parent's. Returns false with the reason noted. */
static bool understand(struct powercap *powercap, const char *folder, struct zone_name *out)
{
	const char *sub = strchr(folder + strlen(ZONE_PREFIX), ':');
	char *path = xasprintf("%s/%s", powercap->path, folder);
	char name[64], parent_name[64];
	struct zone_name parent;
	bool understood;

	read_name(path, name);
	if (!sub) {
		understood = understand_top(name, out);
	} else {
		path[strlen(path) - strlen(sub)] = '\0';
		read_name(path, parent_name);
		understood = understand_top(parent_name, &parent) && understand_sub(name, &parent, out);
	}
	if (!name[0])
		powercap_ignore(powercap, folder, "its file name is missing or empty");
	else if (!understood && sub)
		powercap_ignore(powercap, folder, "\"%s\" below \"%s\" is no zone that we know", name,
				parent_name);
	else if (!understood)
		powercap_ignore(powercap, folder, "\"%s\" is no zone that we know", name);
	free(path);
	return understood;
}

static void add_zone(struct powercap *powercap, const char *folder)
{
	const struct powercap_zone *earlier;
	struct powercap_zone *zone;
	struct zone_name name;
	char id[sizeof zone->id];

	if (!understand(powercap, folder, &name))
		return;
	snprintf(id, sizeof id, "%s%s%s", name.kind, name.socket[0] ? "-" : "", name.socket);
	earlier = powercap_find(powercap, id);
	if (earlier) {
		powercap_ignore(powercap, folder, "%s again, as in %s", id, earlier->folder);
		return;
	}
	powercap->zones = xrealloc(powercap->zones, powercap->n_zones + 1, sizeof *powercap->zones);
	zone = &powercap->zones[powercap->n_zones++];
	*zone = (struct powercap_zone){.folder = xstrdup(folder),
				       .path = xasprintf("%s/%s", powercap->path, folder)};
	snprintf(zone->id, sizeof zone->id, "%s", id);
	describe_scope(zone, &name);
}

static int is_zone_or_double(const struct dirent *entry)
{
	return strncmp(entry->d_name, ZONE_PREFIX, strlen(ZONE_PREFIX)) == 0 ||
	       strncmp(entry->d_name, MMIO_PREFIX, strlen(MMIO_PREFIX)) == 0;
}

/* Whole platforms hold every socket, so "1000 W a socket" is multiplied for psys. */
static double default_plausible_w(const struct powercap *powercap, const struct powercap_zone *zone)
{
	size_t sockets = 0;

	if (strncmp(zone->id, "psys", 4) != 0)
		return POWERCAP_DEFAULT_PLAUSIBLE_W;
	for (size_t i = 0; i < powercap->n_zones; i++)
		sockets += strncmp(powercap->zones[i].id, "package", 7) == 0;
	return POWERCAP_DEFAULT_PLAUSIBLE_W * (sockets > 1 ? (double)sockets : 1);
}

static int cannot_list(const char *path, int cause, struct error *err)
{
	if (cause == ENOENT || cause == ENOTDIR)
		return error_set(err, ERROR_ABSENT, "%s does not exist: this kernel has no powercap", path);
	return error_set(err, cause == EACCES || cause == EPERM ? ERROR_FORBIDDEN : ERROR_FAILED,
			 "%s cannot be listed: %s", path, strerror(cause));
}

int powercap_scan(struct powercap *out, const char *sysfs, struct error *err)
{
	struct dirent **entries;
	int n;

	*out = (struct powercap){.path = xasprintf("%s/class/powercap", sysfs)};
	n = scandir(out->path, &entries, is_zone_or_double, versionsort);
	if (n < 0)
		return cannot_list(out->path, errno, err);
	for (int i = 0; i < n; i++) {
		const char *folder = entries[i]->d_name;

		if (strncmp(folder, MMIO_PREFIX, strlen(MMIO_PREFIX)) == 0)
			powercap_ignore(out, folder, "repeats intel-rapl");
		else
			add_zone(out, folder);
		free(entries[i]);
	}
	free(entries);
	for (size_t i = 0; i < out->n_zones; i++)
		read_facts(&out->zones[i], default_plausible_w(out, &out->zones[i]));
	return 0;
}

const struct powercap_zone *powercap_find(const struct powercap *powercap, const char *id)
{
	for (size_t i = 0; i < powercap->n_zones; i++)
		if (strcmp(powercap->zones[i].id, id) == 0)
			return &powercap->zones[i];
	return NULL;
}

void powercap_free(struct powercap *powercap)
{
	for (size_t i = 0; i < powercap->n_zones; i++) {
		free(powercap->zones[i].folder);
		free(powercap->zones[i].path);
	}
	for (size_t i = 0; i < powercap->n_ignored; i++) {
		free(powercap->ignored[i].folder);
		free(powercap->ignored[i].reason);
	}
	free(powercap->zones);
	free(powercap->ignored);
	free(powercap->path);
	*powercap = (struct powercap){0};
}
