/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "harness/node_cpu.h"

#include <stdlib.h>
#include <string.h>

#include "harness/base/json.h"
#include "harness/cpu_files.h"
#include "harness/fields.h"

/* Arm's cpuinfo has no names but numbers (of the Main ID register), and cores of
 * different kinds: "implementer 0x41, part 0xd85, 0xd87". */
static char *arm_model(const char *cpuinfo)
{
	char *implementer = field(cpuinfo, "CPU implementer", ':');
	struct strings parts = {0};
	char *part, *joined, *model;

	while ((part = field_next(&cpuinfo, "CPU part", ':'))) {
		fields_add_distinct(&parts, part);
		free(part);
	}
	joined = fields_join(&parts);
	model = implementer && joined ? xasprintf("implementer %s, part %s", implementer, joined) : NULL;
	free(joined);
	free(implementer);
	strings_free(&parts);
	return model;
}

static json_t *model(const char *cpuinfo)
{
	char *name = field(cpuinfo, "model name", ':');

	return fields_string_steal(name ? name : arm_model(cpuinfo));
}

/* The codes of Arm Ltd. and its licensees: Linux, arch/arm64/include/asm/cputype.h. */
static const struct {
	const char *code, *vendor;
} arm_implementers[] = {
	{"0x41", "ARM"},       {"0x42", "Broadcom"}, {"0x43", "Cavium"}, {"0x46", "Fujitsu"},
	{"0x48", "HiSilicon"}, {"0x4e", "NVIDIA"},   {"0x50", "APM"},    {"0x51", "Qualcomm"},
	{"0x61", "Apple"},     {"0xc0", "Ampere"},
};

static json_t *vendor(const char *cpuinfo)
{
	char *name = field(cpuinfo, "vendor_id", ':');
	char *code = field(cpuinfo, "CPU implementer", ':');

	for (size_t i = 0; !name && code && i < ARRAY_SIZE(arm_implementers); i++)
		if (strcmp(code, arm_implementers[i].code) == 0)
			name = xstrdup(arm_implementers[i].vendor);
	free(code);
	return fields_string_steal(name);
}

/* The highest of all CPUs: those of a hybrid processor differ. The kernel counts in kHz. */
static json_t *max_mhz(const struct roots *roots)
{
	struct strings paths = {0};
	uint64_t khz, highest = 0;

	cpu_files(roots, "cpufreq/cpuinfo_max_freq", &paths);
	for (size_t i = 0; i < paths.n; i++)
		if (file_read_u64(paths.items[i], &khz) == 0 && khz > highest)
			highest = khz;
	strings_free(&paths);
	return highest ? json_number_or_null((double)highest / 1000) : json_null();
}

/* What the CPUs say in one of their files; several values where they differ. */
static json_t *setting(const struct roots *roots, const char *leaf)
{
	struct strings paths = {0}, values = {0};
	char value[128];
	char *joined;

	cpu_files(roots, leaf, &paths);
	for (size_t i = 0; i < paths.n; i++)
		if (file_read_text(paths.items[i], value, sizeof value) > 0)
			fields_add_distinct(&values, value);
	joined = fields_join(&values);
	strings_free(&values);
	strings_free(&paths);
	return fields_string_steal(joined);
}

/* A file that says 0 or 1: whether it says yes; null if it says neither. */
static json_t *is(const struct roots *roots, const char *path, const char *yes)
{
	char *value = fields_read_line(roots->sysfs, path);
	json_t *answer = json_null();

	if (value && (strcmp(value, "0") == 0 || strcmp(value, "1") == 0))
		answer = json_boolean(strcmp(value, yes) == 0);
	free(value);
	return answer;
}

static json_t *smt(const struct roots *roots, unsigned cores, unsigned threads)
{
	json_t *answer = is(roots, "devices/system/cpu/smt/active", "1");

	/* kernels before 4.19 do not say */
	return json_is_null(answer) && cores ? json_boolean(threads > cores) : answer;
}

/* intel_pstate has a switch of its own, the other drivers share one. */
static json_t *turbo(const struct roots *roots)
{
	json_t *answer = is(roots, "devices/system/cpu/intel_pstate/no_turbo", "0");

	return json_is_null(answer) ? is(roots, "devices/system/cpu/cpufreq/boost", "1") : answer;
}

static json_t *count_or_null(unsigned count)
{
	return count ? json_integer(count) : json_null();
}

json_t *node_cpu(const struct roots *roots, const struct topology *topology, const char *cpuinfo)
{
	unsigned sockets = topology ? topology_sockets(topology) : 0;
	unsigned cores = topology ? topology_cores(topology) : 0;
	unsigned threads = topology ? topology_threads(topology) : 0;
	json_t *cpu = json_object();

	json_object_set_new(cpu, "model", model(cpuinfo));
	json_object_set_new(cpu, "vendor", vendor(cpuinfo));
	json_object_set_new(cpu, "family", field_integer(cpuinfo, "cpu family"));
	json_object_set_new(cpu, "model_number", field_integer(cpuinfo, "model"));
	json_object_set_new(cpu, "stepping", field_integer(cpuinfo, "stepping"));
	json_object_set_new(cpu, "microcode", field_string(cpuinfo, "microcode"));
	json_object_set_new(cpu, "sockets", count_or_null(sockets));
	json_object_set_new(cpu, "cores", count_or_null(cores));
	json_object_set_new(cpu, "threads", count_or_null(threads));
	json_object_set_new(cpu, "smt", smt(roots, cores, threads));
	json_object_set_new(cpu, "max_mhz", max_mhz(roots));
	return cpu;
}

json_t *node_power_settings(const struct roots *roots)
{
	json_t *settings = json_object();

	json_object_set_new(settings, "governor", setting(roots, "cpufreq/scaling_governor"));
	json_object_set_new(settings, "scaling_driver", setting(roots, "cpufreq/scaling_driver"));
	json_object_set_new(settings, "turbo", turbo(roots));
	json_object_set_new(settings, "energy_performance_preference",
			    setting(roots, "cpufreq/energy_performance_preference"));
	return settings;
}
