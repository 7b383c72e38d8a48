/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "harness/cpu_files.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

/* "cpu12", but neither "cpufreq" nor "cpuidle". */
static int is_cpu(const struct dirent *entry)
{
	const char *digits = entry->d_name + 3;

	return strncmp(entry->d_name, "cpu", 3) == 0 && *digits && !digits[strspn(digits, "0123456789")];
}

void cpu_files(const struct roots *roots, const char *leaf, struct strings *paths)
{
	char *folder = xasprintf("%s/devices/system/cpu", roots->sysfs);
	struct dirent **cpus;
	int n = scandir(folder, &cpus, is_cpu, versionsort);

	for (int i = 0; i < n; i++) {
		strings_addf(paths, "%s/%s/%s", folder, cpus[i]->d_name, leaf);
		free(cpus[i]);
	}
	if (n >= 0)
		free(cpus);
	free(folder);
}
