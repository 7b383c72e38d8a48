/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "harness/overhead.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "harness/base/json.h"
#include "harness/base/text.h"
#include "harness/kipmid.h"

static double seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec * 1e-6;
}

/* Not ru_maxrss: that goes on from the program which started us. 0: not told. */
static long most_memory_bytes(void)
{
	char status[4096];
	const char *line;

	if (file_read_text("/proc/self/status", status, sizeof status) < 0)
		return 0;
	line = strstr(status, "VmHWM:");
	return line ? strtol(line + strlen("VmHWM:"), NULL, 10) * 1024 : 0;
}

void overhead_now(const struct sampler *sampler, const struct roots *roots, struct overhead *out)
{
	struct rusage used;
	double remote_cpu_s;
	long remote_wakeups;

	getrusage(RUSAGE_SELF, &used);
	sampler_remote_cost(sampler, &remote_cpu_s, &remote_wakeups);
	*out = (struct overhead){
		.at = mono_now(),
		.cpu_s = seconds(used.ru_utime) + seconds(used.ru_stime) + remote_cpu_s,
		.wakeups = used.ru_nvcsw + remote_wakeups,
		.max_rss_bytes = most_memory_bytes(),
		.late_ticks = sampler_late_ticks(sampler),
		.kipmid_cpu_s = kipmid_cpu_s(roots),
	};
}

json_t *overhead_json(const struct overhead *before, const struct overhead *after, unsigned threads)
{
	double elapsed_s = mono_between_s(before->at, after->at), cpu_s = after->cpu_s - before->cpu_s;

	return json_pack("{s:o, s:I, s:I, s:I, s:o, s:o}", "cpu_s", json_number_or_null(cpu_s), "wakeups",
			 (json_int_t)(after->wakeups - before->wakeups), "max_rss_bytes",
			 (json_int_t)after->max_rss_bytes, "late_ticks",
			 (json_int_t)(after->late_ticks - before->late_ticks), "machine_pct",
			 json_number_or_null(elapsed_s > 0 ? 100 * cpu_s / (elapsed_s * threads) : NAN),
			 "kipmid_cpu_s", json_number_or_null(after->kipmid_cpu_s - before->kipmid_cpu_s));
}
