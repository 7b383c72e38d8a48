// SPDX-License-Identifier: GPL-3.0-or-later OR GPL-2.0-only
#include "node_power.h"

#include <linux/cpumask.h>
#include <linux/module.h>
#include <linux/perf_event.h>
#include <linux/topology.h>

/* Numbers of the events, as arch/x86/events/rapl.c has them. */
#define EVENT_PACKAGE 0x02
#define EVENT_DRAM 0x03

/* Counts are in 2^-32 J, whatever the unit of the hardware, 2^-14 J. */
#define COUNT_SHIFT (32 - 14)

/* The CPU of each package that its events are counted on. */
static struct cpumask readers;

static enum domain domain_of(const struct perf_event *event)
{
	return event->attr.config == EVENT_DRAM ? DOMAIN_DRAM : DOMAIN_PACKAGE;
}

static void pmu_read(struct perf_event *event)
{
	u64 now = node_energy_units(topology_logical_package_id(event->cpu), domain_of(event));
	u64 before = local64_xchg(&event->hw.prev_count, now);

	local64_add((now - before) << COUNT_SHIFT, &event->count);
}

static void pmu_start(struct perf_event *event, int flags)
{
	local64_set(&event->hw.prev_count,
		    node_energy_units(topology_logical_package_id(event->cpu), domain_of(event)));
	event->hw.state = 0;
}

static void pmu_stop(struct perf_event *event, int flags)
{
	if (event->hw.state & PERF_HES_STOPPED)
		return;
	pmu_read(event);
	event->hw.state = PERF_HES_STOPPED | PERF_HES_UPTODATE;
}

static int pmu_add(struct perf_event *event, int flags)
{
	event->hw.state = PERF_HES_STOPPED | PERF_HES_UPTODATE;
	if (flags & PERF_EF_START)
		pmu_start(event, flags);
	return 0;
}

static void pmu_del(struct perf_event *event, int flags)
{
	pmu_stop(event, flags);
}

static int pmu_event_init(struct perf_event *event)
{
	unsigned int cpu;

	if (event->attr.type != event->pmu->type)
		return -ENOENT;
	if (event->cpu < 0 || event->attr.sample_period ||
	    (event->attr.config != EVENT_PACKAGE && event->attr.config != EVENT_DRAM))
		return -EINVAL;
	for_each_cpu(cpu, &readers) if (topology_logical_package_id(cpu) ==
					topology_logical_package_id(event->cpu)) event->cpu = cpu;
	return 0;
}

/* ---- what it shows in sysfs ---- */

static ssize_t cpumask_show(struct device *dev, struct device_attribute *attr, char *page)
{
	return cpumap_print_to_pagebuf(true, page, &readers);
}
static DEVICE_ATTR_RO(cpumask);

#define TEXT(variable, file, text)                                                                           \
	static struct perf_pmu_events_attr variable = {                                                      \
		.attr = {.attr = {.name = file, .mode = 0444}, .show = perf_event_sysfs_show},               \
		.event_str = text,                                                                           \
	}

TEXT(pkg, "energy-pkg", "event=0x02");
TEXT(pkg_unit, "energy-pkg.unit", "Joules");
TEXT(pkg_scale, "energy-pkg.scale", "2.3283064365386962890625e-10");
TEXT(ram, "energy-ram", "event=0x03");
TEXT(ram_unit, "energy-ram.unit", "Joules");
TEXT(ram_scale, "energy-ram.scale", "2.3283064365386962890625e-10");

static struct attribute *event_attributes[] = {&pkg.attr.attr,
					       &pkg_unit.attr.attr,
					       &pkg_scale.attr.attr,
					       &ram.attr.attr,
					       &ram_unit.attr.attr,
					       &ram_scale.attr.attr,
					       NULL};
static const struct attribute_group event_group = {.name = "events", .attrs = event_attributes};

static struct attribute *mask_attributes[] = {&dev_attr_cpumask.attr, NULL};
static const struct attribute_group mask_group = {.attrs = mask_attributes};

PMU_FORMAT_ATTR(event, "config:0-7");
static struct attribute *format_attributes[] = {&format_attr_event.attr, NULL};
static const struct attribute_group format_group = {.name = "format", .attrs = format_attributes};

static const struct attribute_group *groups[] = {&mask_group, &event_group, &format_group, NULL};

static struct pmu pmu = {
	.module = THIS_MODULE,
	.attr_groups = groups,
	.task_ctx_nr = perf_invalid_context,
	.capabilities = PERF_PMU_CAP_NO_EXCLUDE,
	.event_init = pmu_event_init,
	.add = pmu_add,
	.del = pmu_del,
	.start = pmu_start,
	.stop = pmu_stop,
	.read = pmu_read,
};

/* ---- registering ---- */

static unsigned int another_of_package(unsigned int cpu)
{
	unsigned int other;

	for_each_online_cpu(other) if (other != cpu && topology_logical_package_id(other) ==
							       topology_logical_package_id(cpu)) return other;
	return nr_cpu_ids;
}

void node_pmu_leave_cpu(unsigned int cpu)
{
	unsigned int heir = another_of_package(cpu);

	if (!cpumask_test_and_clear_cpu(cpu, &readers) || heir >= nr_cpu_ids)
		return;
	cpumask_set_cpu(heir, &readers);
	perf_pmu_migrate_context(&pmu, cpu, heir);
}

int node_pmu_add(void)
{
	unsigned int cpu, reader;
	bool has_reader;

	for_each_online_cpu(cpu)
	{
		has_reader = false;
		for_each_cpu(reader, &readers) has_reader |=
			topology_logical_package_id(reader) == topology_logical_package_id(cpu);
		if (!has_reader)
			cpumask_set_cpu(cpu, &readers);
	}
	return perf_pmu_register(&pmu, "power", -1);
}

void node_pmu_remove(void)
{
	perf_pmu_unregister(&pmu);
}
