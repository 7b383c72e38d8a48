/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * powercap_zone.h - zones of a powercap tree of a test's own making.
 */
#ifndef WATTSTEP_TESTS_POWERCAP_ZONE_H
#define WATTSTEP_TESTS_POWERCAP_ZONE_H

#include <stdint.h>

#include "tests/tree.h"

#define INTEL_RANGE_UJ 262143328850u
#define DRAM_RANGE_UJ 65712999613u
#define AMD_RANGE_UJ 65532610987u

static inline void write_zone_file(const char *root, const char *folder, const char *file, const char *text)
{
	char *path = xasprintf("class/powercap/%s/%s", folder, file);

	tree_write(root, path, "%s", text);
	free(path);
}

static inline void write_energy(const char *root, const char *folder, uint64_t energy_uj)
{
	char text[32];

	snprintf(text, sizeof text, "%ju\n", (uintmax_t)energy_uj);
	write_zone_file(root, folder, "energy_uj", text);
}

/* A zone without constraints, as AMD's are. */
static inline void write_zone(const char *root, const char *folder, const char *name, uint64_t energy_uj,
			      uint64_t range_uj)
{
	char text[80];

	snprintf(text, sizeof text, "%s\n", name);
	write_zone_file(root, folder, "name", text);
	snprintf(text, sizeof text, "%ju\n", (uintmax_t)range_uj);
	write_zone_file(root, folder, "max_energy_range_uj", text);
	write_energy(root, folder, energy_uj);
}

/* Two sockets with all that a server and a laptop have between them. */
static inline void write_two_sockets(const char *root)
{
	tree_write(root, "class/powercap/intel-rapl/enabled", "1\n");
	for (int socket = 0; socket < 2; socket++) {
		static const char *const subs[] = {"core", "uncore", "dram"};
		char folder[48], name[32];

		snprintf(folder, sizeof folder, "intel-rapl:%d", socket);
		snprintf(name, sizeof name, "package-%d", socket);
		write_zone(root, folder, name, 1000000, INTEL_RANGE_UJ);
		for (int i = 0; i < 3; i++) {
			snprintf(folder, sizeof folder, "intel-rapl:%d:%d", socket, i);
			write_zone(root, folder, subs[i], 1000000, i == 2 ? DRAM_RANGE_UJ : INTEL_RANGE_UJ);
		}
	}
	write_zone(root, "intel-rapl:2", "psys", 5000000, UINT64_C(4294967295000000));
	write_zone(root, "intel-rapl-mmio:0", "package-0", 1000000, INTEL_RANGE_UJ);
	write_zone(root, "intel-rapl-mmio:0:0", "dram", 1000000, INTEL_RANGE_UJ);
}

#endif
