/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * powercap_tree.h - the folders, links and files that the kernel's powercap
 * driver shows for a list of zones.
 *
 * The tree is built once; which zones are away is asked at each look. Modes and
 * contents are those of Linux 6.1: energy_uj is for its owner alone.
 */
#ifndef WATTSTEP_POWERCAP_TREE_H
#define WATTSTEP_POWERCAP_TREE_H

#include <errno.h>
#include <sys/stat.h>

#include "tests/rigs/powercap_zones.h"

#define CLASS "/class/powercap"
#define VIRTUAL "/devices/virtual/powercap"

struct entry {
	char path[256];
	mode_t mode;
	char text[128];       /* what the file says, or where the link leads */
	int problem;          /* reading it gives this error instead */
	struct zone *zone;    /* NULL: belongs to none, always there */
	struct zone *counter; /* the file says this zone's energy, instead of the text */
	bool system;          /* or the whole node's */
};

struct tree {
	struct entry *entries;
	size_t n, room;
};

struct constraint {
	const char *name;
	double limit_uw, window_us, most_uw; /* most_uw NAN: asking gives ENODATA */
};

static struct entry *tree_add(struct tree *tree, struct zone *zone, mode_t mode, const char *dir,
			      const char *name, const char *text)
{
	struct entry *entry;

	if (tree->n == tree->room) {
		tree->room = tree->room ? 2 * tree->room : 256;
		tree->entries = realloc(tree->entries, tree->room * sizeof *tree->entries);
		if (!tree->entries)
			abort();
	}
	entry = &tree->entries[tree->n++];
	*entry = (struct entry){.mode = mode, .zone = zone};
	snprintf(entry->path, sizeof entry->path, "%s/%s", dir, name);
	snprintf(entry->text, sizeof entry->text, S_ISREG(mode) && *text ? "%s\n" : "%s", text);
	return entry;
}

static struct entry *tree_add_number(struct tree *tree, struct zone *zone, mode_t mode, const char *dir,
				     const char *name, double number)
{
	char text[32];

	snprintf(text, sizeof text, "%.0f", number);
	return tree_add(tree, zone, S_IFREG | mode, dir, name, text);
}

/* What the driver model puts into every device's folder; depth: of the folder below VIRTUAL. */
static void tree_add_device(struct tree *tree, struct zone *zone, const char *dir, unsigned depth)
{
	static const char *const up[] = {"../../../../class/powercap", "../../../../../class/powercap",
					 "../../../../../../class/powercap"};
	char power[200];

	snprintf(power, sizeof power, "%s/power", dir);
	tree_add(tree, zone, S_IFREG | 0644, dir, "uevent", "");
	tree_add(tree, zone, S_IFLNK | 0777, dir, "subsystem", up[depth]);
	tree_add(tree, zone, S_IFDIR | 0755, dir, "power", "");
	tree_add(tree, zone, S_IFREG | 0644, power, "control", "auto");
	tree_add(tree, zone, S_IFREG | 0444, power, "runtime_status", "unsupported");
	tree_add_number(tree, zone, 0444, power, "runtime_active_time", 0);
	tree_add_number(tree, zone, 0444, power, "runtime_suspended_time", 0);
}

static void tree_add_constraint(struct tree *tree, struct zone *zone, const char *dir, unsigned i,
				const struct constraint *constraint)
{
	char prefix[200];

	snprintf(prefix, sizeof prefix, "constraint_%u_name", i);
	tree_add(tree, zone, S_IFREG | 0444, dir, prefix, constraint->name);
	snprintf(prefix, sizeof prefix, "constraint_%u_power_limit_uw", i);
	tree_add_number(tree, zone, 0644, dir, prefix, constraint->limit_uw);
	snprintf(prefix, sizeof prefix, "constraint_%u_time_window_us", i);
	tree_add_number(tree, zone, 0644, dir, prefix, constraint->window_us);
	snprintf(prefix, sizeof prefix, "constraint_%u_max_power_uw", i);
	tree_add_number(tree, zone, 0444, dir, prefix, constraint->most_uw)->problem =
		isnan(constraint->most_uw) ? ENODATA : 0;
}

/* The entry of a zone or control type in class/powercap, and the folder it stands for. The
 * folder's path goes into dir. */
static void tree_add_folder(struct tree *tree, struct zone *zone, const char *parent, const char *name,
			    bool flat, char *dir, size_t size)
{
	char target[200];

	snprintf(dir, size, "%.80s/%.31s", flat ? CLASS : parent, name);
	snprintf(target, sizeof target, "../..%s", dir);
	if (!flat)
		tree_add(tree, zone, S_IFLNK | 0777, CLASS, name, target);
	tree_add(tree, zone, S_IFDIR | 0755, flat ? CLASS : parent, name, "");
}

static void tree_add_control_type(struct tree *tree, const char *name, bool flat)
{
	char dir[128];

	tree_add_folder(tree, NULL, VIRTUAL, name, flat, dir, sizeof dir);
	tree_add_device(tree, NULL, dir, 0);
	tree_add_number(tree, NULL, 0644, dir, "enabled", 1);
}

/* constraints: those of a package; other zones have one of which little is known, as recorded on real
 * machines. */
static void tree_add_zone(struct tree *tree, struct zone *zone, bool flat,
			  const struct constraint *constraints)
{
	static const struct constraint vague = {"long_term", 0, 976, NAN};
	bool package = zone->domain == DOMAIN_PACKAGE;
	char parent[128], dir[128], above[64];

	snprintf(parent, sizeof parent, "%s/%s%s%s", VIRTUAL, zone->control_type, zone->parent ? "/" : "",
		 zone->parent ? zone->parent->folder : "");
	tree_add_folder(tree, zone, parent, zone->folder, flat, dir, sizeof dir);
	tree_add_device(tree, zone, dir, zone->parent ? 2 : 1);
	snprintf(above, sizeof above, "../../%s", zone->parent ? zone->parent->folder : zone->control_type);
	tree_add(tree, zone, S_IFLNK | 0777, dir, "device", above);
	tree_add(tree, zone, S_IFREG | 0444, dir, "name", zone->name);
	tree_add_number(tree, zone, 0644, dir, "enabled", package ? 1 : 0);
	tree_add_number(tree, zone, 0444, dir, "max_energy_range_uj", (double)zone_range_uj(zone));
	tree_add(tree, zone, S_IFREG | 0400, dir, "energy_uj", "")->counter = zone;
	tree_add_constraint(tree, zone, dir, 0, package ? &constraints[0] : &vague);
	if (package)
		tree_add_constraint(tree, zone, dir, 1, &constraints[1]);
}

static void tree_build(struct tree *tree, struct zones *zones, bool flat,
		       const struct constraint *constraints)
{
	bool mmio = false;

	tree_add(tree, NULL, S_IFDIR | 0755, "", "", "");
	tree_add(tree, NULL, S_IFREG | 0200, "", "control", "");
	tree_add(tree, NULL, S_IFREG | 0444, "", "system_energy", "")->system = true;
	tree_add(tree, NULL, S_IFDIR | 0755, "", "class", "");
	tree_add(tree, NULL, S_IFDIR | 0755, "/class", "powercap", "");
	tree_add(tree, NULL, S_IFDIR | 0755, "", "devices", "");
	tree_add(tree, NULL, S_IFDIR | 0755, "/devices", "virtual", "");
	tree_add(tree, NULL, S_IFDIR | 0755, "/devices/virtual", "powercap", "");
	tree_add_control_type(tree, "intel-rapl", flat);
	for (size_t i = 0; i < zones->n; i++)
		mmio = mmio || strcmp(zones->list[i].control_type, "intel-rapl") != 0;
	if (mmio)
		tree_add_control_type(tree, "intel-rapl-mmio", flat);
	for (size_t i = 0; i < zones->n; i++)
		tree_add_zone(tree, &zones->list[i], flat, constraints);
}

static bool entry_gone(const struct entry *entry)
{
	return entry->zone && zone_gone(entry->zone);
}

static const struct entry *tree_find(const struct tree *tree, const char *path)
{
	for (size_t i = 0; i < tree->n; i++)
		if (strcmp(tree->entries[i].path, path) == 0)
			return entry_gone(&tree->entries[i]) ? NULL : &tree->entries[i];
	return NULL;
}

/* The entry's name if it stands right in the folder dir, else NULL. */
static const char *entry_name_in(const struct entry *entry, const char *dir)
{
	size_t length = strcmp(dir, "/") == 0 ? 0 : strlen(dir);
	const char *name = entry->path + length + 1;

	if (strncmp(entry->path, dir, length) != 0 || entry->path[length] != '/' || !*name ||
	    strchr(name, '/'))
		return NULL;
	return name;
}

#endif
