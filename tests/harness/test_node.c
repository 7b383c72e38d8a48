/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/utsname.h>

#include <cmocka.h>

#include "harness/base/json.h"
#include "harness/node.h"
#include "tests/tree.h"

/* The counts of this test's node stand in for the running kernel's. */
struct topology {
	unsigned sockets, cores, threads;
};

unsigned topology_sockets(const struct topology *topology)
{
	return topology->sockets;
}

unsigned topology_cores(const struct topology *topology)
{
	return topology->cores;
}

unsigned topology_threads(const struct topology *topology)
{
	return topology->threads;
}

#define CPU "sys/devices/system/cpu"

static const char xeon[] = "processor\t: 0\n"
			   "vendor_id\t: GenuineIntel\n"
			   "cpu family\t: 6\n"
			   "model\t\t: 143\n"
			   "model name\t: Intel(R) Xeon(R) Platinum 8480+ \n"
			   "stepping\t: 8\n"
			   "microcode\t: 0x2b000590\n"
			   "flags\t\t: fpu vme msr ht\n"
			   "vmx flags\t: hypervisor\n"
			   "\n"
			   "processor\t: 1\n"
			   "model name\t: another\n";

/* Describes the node whose /sys and /proc are <root>/sys and <root>/proc. */
static json_t *describe(const char *root, const struct topology *topology, const char *name)
{
	char *sysfs = xasprintf("%s/sys", root), *procfs = xasprintf("%s/proc", root);
	json_t *node = node_describe(&(struct roots){.sysfs = sysfs, .procfs = procfs}, topology, name);

	free(procfs);
	free(sysfs);
	assert_non_null(node);
	return node;
}

/* Holds one fact, /a/b of the node, against JSON text: "\"x\"", "7", "null". */
static void expect(const json_t *node, const char *pointer, const char *json)
{
	char *words = xstrdup(pointer), *rest = words, *word;
	char *found;

	strsep(&rest, "/");
	while (node && (word = strsep(&rest, "/")))
		node = json_object_get(node, word);
	free(words);
	if (!node)
		fail_msg("%s is not in the description", pointer);
	found = json_line(node);
	if (strcmp(found, json) != 0)
		fail_msg("%s is %s, expected %s", pointer, found, json);
	free(found);
}

static void an_intel_server_tells_its_processor(void **state)
{
	(void)state;
	char *root = tree_new();
	json_t *node;

	tree_write(root, "proc/cpuinfo", "%s", xeon);
	tree_write(root, "sys/class/dmi/id/sys_vendor", "Dell Inc.\n");
	tree_write(root, "sys/class/dmi/id/product_name", "PowerEdge R760 \n");
	tree_write(root, "proc/meminfo", "MemTotal:       527031224 kB\nMemFree: 1 kB\n");
	tree_write(root, "proc/sys/kernel/osrelease", "6.1.0-40-amd64\n");
	node = describe(root, &(struct topology){2, 112, 224}, NULL);
	expect(node, "/vendor", "\"Dell Inc.\"");
	expect(node, "/product", "\"PowerEdge R760\"");
	expect(node, "/cpu/model", "\"Intel(R) Xeon(R) Platinum 8480+\"");
	expect(node, "/cpu/vendor", "\"GenuineIntel\"");
	expect(node, "/cpu/family", "6");
	expect(node, "/cpu/model_number", "143");
	expect(node, "/cpu/stepping", "8");
	expect(node, "/cpu/microcode", "\"0x2b000590\"");
	expect(node, "/cpu/sockets", "2");
	expect(node, "/cpu/cores", "112");
	expect(node, "/cpu/threads", "224");
	expect(node, "/cpu/smt", "true");
	expect(node, "/memory/total_bytes", "539679973376");
	expect(node, "/os/kernel", "\"6.1.0-40-amd64\"");
	expect(node, "/virtual_machine", "false");
	json_decref(node);
	tree_free(root);
}

static void the_hypervisor_flag_makes_a_virtual_machine(void **state)
{
	(void)state;
	char *root = tree_new();
	json_t *node;

	tree_write(root, "proc/cpuinfo", "flags\t\t: fpu hypervisor lahf_lm\n");
	node = describe(root, NULL, NULL);
	expect(node, "/virtual_machine", "true");
	json_decref(node);
	tree_write(root, "proc/cpuinfo", "flags\t\t: fpu hypervisor_like\n");
	node = describe(root, NULL, NULL);
	expect(node, "/virtual_machine", "false");
	json_decref(node);
	tree_free(root);
}

static void what_is_absent_is_null(void **state)
{
	(void)state;
	json_t *node = describe("/nowhere", NULL, NULL);

	expect(node, "/id", "{\"machine\":null,\"hardware\":null,\"software\":null}");
	expect(node, "/type", "null");
	expect(node, "/name", "null");
	expect(node, "/vendor", "null");
	expect(node, "/product", "null");
	expect(node, "/virtual_machine", "null");
	expect(node, "/cpu",
	       "{\"model\":null,\"vendor\":null,\"family\":null,\"model_number\":null,\"stepping\":null,"
	       "\"microcode\":null,\"sockets\":null,\"cores\":null,\"threads\":null,\"smt\":null,\"max_mhz\":"
	       "null}");
	expect(node, "/memory", "{\"total_bytes\":null}");
	expect(node, "/os", "{\"kernel\":null,\"distribution\":null}");
	expect(node, "/power_settings",
	       "{\"governor\":null,\"scaling_driver\":null,\"turbo\":null,\"energy_performance_preference\":"
	       "null}");
	json_decref(node);
}

static void what_firmware_was_not_told_is_null(void **state)
{
	(void)state;
	char *root = tree_new();
	json_t *node;

	tree_write(root, "sys/class/dmi/id/sys_vendor", "To Be Filled By O.E.M.\n");
	tree_write(root, "sys/class/dmi/id/product_name", "System Product Name\n");
	node = describe(root, NULL, NULL);
	expect(node, "/vendor", "null");
	expect(node, "/product", "null");
	json_decref(node);
	tree_write(root, "sys/class/dmi/id/sys_vendor", "  \n");
	tree_write(root, "sys/class/dmi/id/product_name", "default STRING\n");
	node = describe(root, NULL, NULL);
	expect(node, "/vendor", "null");
	expect(node, "/product", "null");
	json_decref(node);
	tree_free(root);
}

static void text_that_is_not_utf8_is_null(void **state)
{
	(void)state;
	char *root = tree_new();
	json_t *node;

	tree_write(root, "sys/class/dmi/id/sys_vendor", "\xff\xfe\n");
	node = describe(root, NULL, "caf\xe9");
	expect(node, "/vendor", "null");
	expect(node, "/name", "null");
	json_decref(node);
	tree_free(root);
}

static void arm_is_named_by_its_numbers_and_its_board(void **state)
{
	(void)state;
	char *root = tree_new();
	json_t *node;

	tree_write(root, "proc/cpuinfo",
		   "processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd05\n\n"
		   "processor\t: 1\nCPU implementer\t: 0x41\nCPU part\t: 0xd05\n\n"
		   "processor\t: 2\nCPU implementer\t: 0x41\nCPU part\t: 0xd0b\n");
	tree_write(root, "sys/firmware/devicetree/base/model", "Khadas VIM3");
	node = describe(root, NULL, NULL);
	expect(node, "/cpu/model", "\"implementer 0x41, part 0xd05, 0xd0b\"");
	expect(node, "/cpu/vendor", "\"ARM\"");
	expect(node, "/cpu/family", "null");
	expect(node, "/product", "\"Khadas VIM3\"");
	expect(node, "/virtual_machine", "null");
	json_decref(node);
	tree_free(root);
}

static void settings_that_differ_between_cpus_stand_beside_each_other(void **state)
{
	(void)state;
	char *root = tree_new();
	json_t *node;

	tree_write(root, CPU "/cpu0/cpufreq/scaling_governor", "performance\n");
	tree_write(root, CPU "/cpu1/cpufreq/scaling_governor", "performance\n");
	tree_write(root, CPU "/cpu2/online", "0\n");
	tree_write(root, CPU "/cpu10/cpufreq/scaling_governor", "powersave\n");
	tree_write(root, CPU "/cpu0/cpufreq/scaling_driver", "intel_pstate\n");
	tree_write(root, CPU "/cpu0/cpufreq/energy_performance_preference", "balance_performance\n");
	tree_write(root, CPU "/cpu0/cpufreq/cpuinfo_max_freq", "5200000\n");
	tree_write(root, CPU "/cpu1/cpufreq/cpuinfo_max_freq", "3800500\n");
	node = describe(root, NULL, NULL);
	expect(node, "/power_settings/governor", "\"performance, powersave\"");
	expect(node, "/power_settings/scaling_driver", "\"intel_pstate\"");
	expect(node, "/power_settings/energy_performance_preference", "\"balance_performance\"");
	expect(node, "/cpu/max_mhz", "5200.0");
	json_decref(node);
	tree_free(root);
}

static void turbo_is_read_from_either_driver(void **state)
{
	(void)state;
	char *root = tree_new();
	json_t *node;

	tree_write(root, CPU "/cpufreq/boost", "1\n");
	node = describe(root, NULL, NULL);
	expect(node, "/power_settings/turbo", "true");
	json_decref(node);
	tree_write(root, CPU "/intel_pstate/no_turbo", "1\n");
	node = describe(root, NULL, NULL);
	expect(node, "/power_settings/turbo", "false");
	json_decref(node);
	tree_free(root);
}

static void smt_is_what_the_kernel_says_before_what_can_be_counted(void **state)
{
	(void)state;
	char *root = tree_new();
	json_t *node = describe(root, &(struct topology){1, 4, 4}, NULL);

	expect(node, "/cpu/smt", "false");
	json_decref(node);
	tree_write(root, CPU "/smt/active", "1\n");
	node = describe(root, &(struct topology){1, 4, 4}, NULL);
	expect(node, "/cpu/smt", "true");
	json_decref(node);
	tree_free(root);
}

static void the_single_machine_is_named_only_on_request(void **state)
{
	(void)state;
	char *root = tree_new();
	json_t *node;
	char *text;

	tree_write(root, "proc/cpuinfo", "%sSerial\t\t: secret1\n", xeon);
	tree_write(root, "proc/sys/kernel/hostname", "secret2\n");
	tree_write(root, "proc/version", "Linux version 6.1 (root@secret3)\n");
	tree_write(root, "sys/class/dmi/id/product_serial", "secret4\n");
	tree_write(root, "sys/class/dmi/id/product_uuid", "secret5\n");
	node = describe(root, NULL, NULL);
	text = json_line(node);
	assert_null(strstr(text, "secret"));
	free(text);
	json_decref(node);
	node = describe(root, NULL, "rack 3, left");
	expect(node, "/name", "\"rack 3, left\"");
	json_decref(node);
	tree_free(root);
}

static void the_running_kernel_is_described(void **state)
{
	(void)state;
	json_t *node = node_describe(&(struct roots){.sysfs = "/sys", .procfs = "/proc"}, NULL, NULL);
	double bytes = json_get_number(json_object_get(node, "memory"), "total_bytes");
	double pages = (double)sysconf(_SC_PHYS_PAGES);
	struct utsname kernel;

	uname(&kernel);
	assert_string_equal(json_get_string(json_object_get(node, "os"), "kernel"), kernel.release);
	assert_true(fabs(bytes / pages / (double)sysconf(_SC_PAGESIZE) - 1) < 1e-3);
	json_decref(node);
}

/* Machines of others, where TEST_DATA has them (CONTRIBUTING.md): what each must tell. */
static const struct {
	const char *archive, *pointer, *json;
} recorded[] = {
	{"128arm-2pa2n8cluster4co", "/vendor", "\"Huawei\""},
	{"128arm-2pa2n8cluster4co", "/cpu/model", "\"implementer 0x48, part 0xd01\""},
	{"128arm-2pa2n8cluster4co", "/cpu/vendor", "\"HiSilicon\""},
	{"128arm-2pa2n8cluster4co", "/cpu/smt", "false"},
	{"20em64t-hybrid-1p6c2t+2ca4co1t", "/cpu/model", "\"13th Gen Intel(R) Core(TM) i7-1370P\""},
	{"20em64t-hybrid-1p6c2t+2ca4co1t", "/cpu/max_mhz", "5200.0"},
	{"20em64t-hybrid-1p6c2t+2ca4co1t", "/cpu/smt", "true"},
	{"20em64t-hybrid-1p6c2t+2ca4co1t", "/power_settings/turbo", "true"},
	{"64amd64-4p2n4ca2co", "/cpu/family", "21"},
	{"64amd64-4p2n4ca2co", "/product", "\"PowerEdge R815\""},
	{"64amd64-4p2n4ca2co", "/power_settings/scaling_driver", "\"acpi-cpufreq\""},
	{"nvidia-dgx-gb10", "/cpu/model", "\"implementer 0x41, part 0xd87, 0xd85\""},
	{"nvidia-dgx-gb10", "/memory/total_bytes", "128520671232"},
	{"offline-cpu0-node0", "/cpu/microcode", "\"0x43\""},
};

/* Unpacks the few files that are read, without the leading folders. */
static char *unpack(const char *data, const char *archive)
{
	char *root = tree_new();
	char *command =
		xasprintf("tar -xjf '%s/sysroots/%s.tar.bz2' -C '%s' --wildcards --transform "
			  "'s,.*/\\(sys\\|proc\\)/\\(class\\|devices\\|cpuinfo\\|meminfo\\),\\1/\\2,' "
			  "'*/class/dmi/id' '*/devices/system/cpu' '*/cpuinfo' '*/meminfo'",
			  data, archive, root);

	assert_int_equal(system(command), 0);
	free(command);
	return root;
}

static void recorded_machines_tell_what_they_are(void **state)
{
	(void)state;
	const char *data = getenv("TEST_DATA"), *archive = "";
	char *root = NULL;
	json_t *node = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(recorded); i++) {
		if (strcmp(recorded[i].archive, archive) != 0) {
			if (root)
				tree_free(root);
			json_decref(node);
			archive = recorded[i].archive;
			root = unpack(data, archive);
			node = describe(root, NULL, NULL);
		}
		expect(node, recorded[i].pointer, recorded[i].json);
	}
	json_decref(node);
	tree_free(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_intel_server_tells_its_processor),
		cmocka_unit_test(the_hypervisor_flag_makes_a_virtual_machine),
		cmocka_unit_test(what_is_absent_is_null),
		cmocka_unit_test(what_firmware_was_not_told_is_null),
		cmocka_unit_test(text_that_is_not_utf8_is_null),
		cmocka_unit_test(arm_is_named_by_its_numbers_and_its_board),
		cmocka_unit_test(settings_that_differ_between_cpus_stand_beside_each_other),
		cmocka_unit_test(turbo_is_read_from_either_driver),
		cmocka_unit_test(smt_is_what_the_kernel_says_before_what_can_be_counted),
		cmocka_unit_test(the_single_machine_is_named_only_on_request),
		cmocka_unit_test(the_running_kernel_is_described),
	};
	const struct CMUnitTest tests_with_data[] = {
		cmocka_unit_test(recorded_machines_tell_what_they_are),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	if (getenv("TEST_DATA"))
		failed += cmocka_run_group_tests(tests_with_data, NULL, NULL);
	return failed;
}
