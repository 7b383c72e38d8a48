/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "harness/node.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "harness/base/json.h"
#include "harness/fields.h"
#include "harness/node_cpu.h"

/* What firmware says where its maker filled nothing in. */
static bool is_filler(const char *s)
{
	static const char *const fillers[] = {
		"To Be Filled By O.E.M.",
		"To Be Filled By O.E.M",
		"System Product Name",
		"System Manufacturer",
		"Default string",
		"Product Name",
		"System Name",
		"Not Specified",
		"Not Applicable",
		"Not Available",
		"N/A",
		"None",
		"Unknown",
		"Undefined",
		"Empty",
		"Invalid",
		"OEM",
		"O.E.M.",
		"0",
	};

	for (size_t i = 0; i < ARRAY_SIZE(fillers); i++)
		if (strcasecmp(s, fillers[i]) == 0)
			return true;
	return false;
}

static char *firmware_name(const struct roots *roots, const char *path)
{
	char *name = fields_read_line(roots->sysfs, path);

	if (name && is_filler(name)) {
		free(name);
		return NULL;
	}
	return name;
}

/* Boards without DMI (most small Arm ones) name themselves in the device tree. */
static json_t *product(const struct roots *roots)
{
	char *name = firmware_name(roots, "class/dmi/id/product_name");

	return fields_string_steal(name ? name : firmware_name(roots, "firmware/devicetree/base/model"));
}

/* On x86 the processor's flags tell; elsewhere the node does not say. */
static json_t *virtual_machine(const char *cpuinfo)
{
	char *flags = field(cpuinfo, "flags", ':');
	char *rest = flags, *flag;
	bool found = false;

	if (!flags)
		return json_null();
	while ((flag = strsep(&rest, " ")))
		found |= strcmp(flag, "hypervisor") == 0;
	free(flags);
	return json_boolean(found);
}

static json_t *memory(const struct roots *roots)
{
	char *meminfo = fields_read(roots->procfs, "meminfo");
	char *total = field(meminfo, "MemTotal", ':'); /* "527031224 kB", and the kernel's kB is 1024 bytes */
	unsigned long long kib = total ? strtoull(total, NULL, 10) : 0;
	json_t *object = json_object();

	json_object_set_new(object, "total_bytes",
			    kib ? json_integer((json_int_t)(kib * 1024)) : json_null());
	free(total);
	free(meminfo);
	return object;
}

/* The file is this machine's: it says nothing about a node whose procfs is another's. */
static json_t *distribution(const struct roots *roots)
{
	char *release, *quoted, *start;
	json_t *name = json_null();

	if (strcmp(roots->procfs, "/proc") != 0)
		return name;
	release = fields_read("/etc", "os-release");
	quoted = field(release, "PRETTY_NAME", '=');
	if (quoted) {
		start = quoted + strspn(quoted, "\"'");
		name = fields_string_steal(xasprintf("%.*s", (int)strcspn(start, "\"'"), start));
	}
	free(quoted);
	free(release);
	return name;
}

static json_t *operating_system(const struct roots *roots)
{
	json_t *os = json_object();

	json_object_set_new(os, "kernel",
			    fields_string_steal(fields_read_line(roots->procfs, "sys/kernel/osrelease")));
	json_object_set_new(os, "distribution", distribution(roots));
	return os;
}

json_t *node_describe(const struct roots *roots, const struct topology *topology, const char *node_name)
{
	char *cpuinfo = fields_read(roots->procfs, "cpuinfo");
	char *vendor = firmware_name(roots, "class/dmi/id/sys_vendor");
	json_t *node = json_object();

	json_object_set_new(node, "id", json_pack("{s:n, s:n, s:n}", "machine", "hardware", "software"));
	json_object_set_new(node, "type", json_null());
	json_object_set_new(node, "name", fields_string_steal(node_name ? xstrdup(node_name) : NULL));
	json_object_set_new(node, "vendor", fields_string_steal(vendor));
	json_object_set_new(node, "product", product(roots));
	json_object_set_new(node, "virtual_machine", virtual_machine(cpuinfo));
	json_object_set_new(node, "cpu", node_cpu(roots, topology, cpuinfo));
	json_object_set_new(node, "memory", memory(roots));
	json_object_set_new(node, "os", operating_system(roots));
	json_object_set_new(node, "power_settings", node_power_settings(roots));
	free(cpuinfo);
	return node;
}
