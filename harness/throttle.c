/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "harness/throttle.h"

#include "harness/base/text.h"
#include "harness/cpu_files.h"

int64_t throttle_count(const struct roots *roots)
{
	struct strings paths = {0};
	int64_t sum = -1;

	cpu_files(roots, "thermal_throttle/core_throttle_count", &paths);
	cpu_files(roots, "thermal_throttle/package_throttle_count", &paths);
	for (size_t i = 0; i < paths.n; i++) {
		uint64_t count;

		if (file_read_u64(paths.items[i], &count) == 0)
			sum = (sum < 0 ? 0 : sum) + (int64_t)count;
	}
	strings_free(&paths);
	return sum;
}
