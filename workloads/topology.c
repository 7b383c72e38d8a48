/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "workloads/topology.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hwloc.h>

#include "harness/base/text.h"

/* What is kept of hwloc's tree: a dozen bytes for each hardware thread. */
struct thread {
	unsigned cpu;  /* the kernel's number, as in /proc/stat */
	unsigned core; /* 0 .. cores-1, by the lowest CPU number in each */
	unsigned socket;
};

struct topology {
	struct thread *threads; /* ascending by cpu */
	unsigned n_threads, n_cores, n_sockets;
};

/* Discovery that placement has no use for. The kernel's sysfs says all about
 * processors; hwloc's x86 component would move us over every CPU to run cpuid,
 * waking them all, and the others open graphics and PCI devices. */
static const char *const needless[] = {"x86", "pci", "opencl", "cuda", "nvml", "rsmi", "levelzero", "gl"};

static hwloc_topology_t tree_new(struct error *err)
{
	hwloc_topology_t tree;

	if (hwloc_topology_init(&tree)) {
		error_set(err, ERROR_FAILED, "cannot start hwloc: %s", strerror(errno));
		return NULL;
	}
	for (size_t i = 0; i < ARRAY_SIZE(needless); i++)
		hwloc_topology_set_components(tree, HWLOC_TOPOLOGY_COMPONENTS_FLAG_BLACKLIST, needless[i]);
	hwloc_topology_set_all_types_filter(tree, HWLOC_TYPE_FILTER_KEEP_NONE);
	hwloc_topology_set_type_filter(tree, HWLOC_OBJ_PACKAGE, HWLOC_TYPE_FILTER_KEEP_ALL);
	hwloc_topology_set_type_filter(tree, HWLOC_OBJ_CORE, HWLOC_TYPE_FILTER_KEEP_ALL);
#if HWLOC_API_VERSION >= 0x00020800
	hwloc_topology_set_flags(tree, HWLOC_TOPOLOGY_FLAG_NO_DISTANCES | HWLOC_TOPOLOGY_FLAG_NO_MEMATTRS |
					       HWLOC_TOPOLOGY_FLAG_NO_CPUKINDS);
#endif
	return tree;
}

/* hwloc leaves offline CPUs and those outside the cpuset out by itself; the
 * affinity that taskset or a batch system gave us has to be asked for. */
static int restrict_to_affinity(hwloc_topology_t tree, struct error *err)
{
	hwloc_bitmap_t bound = hwloc_bitmap_alloc();
	int rc = 0;

	if (!bound || hwloc_get_cpubind(tree, bound, HWLOC_CPUBIND_THREAD) ||
	    hwloc_topology_restrict(tree, bound, 0))
		rc = error_set(err, ERROR_FAILED, "cannot find out which CPUs this process may use: %s",
			       strerror(errno));
	hwloc_bitmap_free(bound);
	return rc;
}

static int by_cpu(const void *a, const void *b)
{
	const struct thread *x = a, *y = b;

	return (x->cpu > y->cpu) - (x->cpu < y->cpu);
}

/* Numbers cores and sockets anew from 0, in the order of their first CPU. id
 * is the offset of the number in struct thread. Returns how many there are. */
static unsigned renumber(struct thread *threads, unsigned n, size_t id)
{
	unsigned *known = xcalloc(n, sizeof *known);
	unsigned n_known = 0;

	for (unsigned i = 0; i < n; i++) {
		unsigned *number = (unsigned *)((char *)&threads[i] + id);
		unsigned k = 0;

		while (k < n_known && known[k] != *number)
			k++;
		if (k == n_known)
			known[n_known++] = *number;
		*number = k;
	}
	free(known);
	return n_known;
}

/* Where the kernel tells of no cores, each hardware thread is one; where it
 * tells of no packages, the machine is one. */
static struct topology *topology_of(hwloc_topology_t tree, struct error *err)
{
	struct topology *topology;
	hwloc_obj_t pu = NULL;
	unsigned n = 0;
	int found = hwloc_get_nbobjs_by_type(tree, HWLOC_OBJ_PU);

	if (found < 1) {
		error_set(err, ERROR_FAILED, "hwloc finds no CPU that this process may use");
		return NULL;
	}
	topology = xcalloc(1, sizeof *topology);
	topology->threads = xcalloc((size_t)found, sizeof *topology->threads);
	while ((pu = hwloc_get_next_obj_by_type(tree, HWLOC_OBJ_PU, pu))) {
		hwloc_obj_t core = hwloc_get_ancestor_obj_by_type(tree, HWLOC_OBJ_CORE, pu);
		hwloc_obj_t package = hwloc_get_ancestor_obj_by_type(tree, HWLOC_OBJ_PACKAGE, pu);

		topology->threads[n++] =
			(struct thread){.cpu = pu->os_index,
					.core = core ? core->logical_index : pu->logical_index,
					.socket = package ? package->logical_index : 0};
	}
	topology->n_threads = n;
	qsort(topology->threads, n, sizeof *topology->threads, by_cpu);
	topology->n_cores = renumber(topology->threads, n, offsetof(struct thread, core));
	topology->n_sockets = renumber(topology->threads, n, offsetof(struct thread, socket));
	return topology;
}

struct topology *topology_open(struct error *err)
{
	struct topology *topology = NULL;
	hwloc_topology_t tree = tree_new(err);

	if (!tree)
		return NULL;
	if (hwloc_topology_load(tree))
		error_set(err, ERROR_FAILED, "hwloc cannot read the topology of this machine: %s",
			  strerror(errno));
	else if (!hwloc_topology_is_thissystem(tree))
		error_set(
			err, ERROR_FAILED,
			"hwloc describes another machine than this one: take HWLOC_XMLFILE, HWLOC_SYNTHETIC "
			"and HWLOC_FSROOT out of the environment");
	else if (restrict_to_affinity(tree, err) == 0)
		topology = topology_of(tree, err);
	hwloc_topology_destroy(tree);
	return topology;
}

struct topology *topology_open_described(const char *description, struct error *err)
{
	size_t length = strlen(description);
	bool is_file = length > 4 && strcmp(description + length - 4, ".xml") == 0;
	struct topology *topology = NULL;
	hwloc_topology_t tree = tree_new(err);

	if (!tree)
		return NULL;
	if ((is_file ? hwloc_topology_set_xml(tree, description)
		     : hwloc_topology_set_synthetic(tree, description)) ||
	    hwloc_topology_load(tree))
		error_set(err, ERROR_INPUT, "%s: not a topology that hwloc understands", description);
	else
		topology = topology_of(tree, err);
	hwloc_topology_destroy(tree);
	return topology;
}

void topology_close(struct topology *topology)
{
	if (!topology)
		return;
	free(topology->threads);
	free(topology);
}

unsigned topology_sockets(const struct topology *topology)
{
	return topology->n_sockets;
}

unsigned topology_cores(const struct topology *topology)
{
	return topology->n_cores;
}

unsigned topology_threads(const struct topology *topology)
{
	return topology->n_threads;
}

int topology_place(const struct topology *topology, enum placement placement, unsigned **cpus, size_t *n,
		   struct error *err)
{
	bool *taken = xcalloc(topology->n_cores, sizeof *taken);

	*cpus = xcalloc(topology->n_threads, sizeof **cpus);
	*n = 0;
	for (unsigned i = 0; i < topology->n_threads; i++) {
		const struct thread *thread = &topology->threads[i];
		bool use = placement == PLACEMENT_ALL_THREADS ||
			   (placement == PLACEMENT_ONE_THREAD_PER_CORE && !taken[thread->core]) ||
			   (placement == PLACEMENT_ONE_CORE && i == 0);

		if (use)
			(*cpus)[(*n)++] = thread->cpu;
		taken[thread->core] = true;
	}
	free(taken);
	if (*n || placement == PLACEMENT_NONE)
		return 0;
	free(*cpus);
	*cpus = NULL;
	return error_set(err, ERROR_INPUT, "placement %d is not one of those that are known", (int)placement);
}

unsigned topology_cores_of(const struct topology *topology, const unsigned *cpus, size_t n)
{
	bool *seen = xcalloc(topology->n_cores, sizeof *seen);
	unsigned count = 0;

	for (size_t i = 0; i < n; i++) {
		const struct thread key = {.cpu = cpus[i]};
		const struct thread *thread =
			bsearch(&key, topology->threads, topology->n_threads, sizeof key, by_cpu);

		if (thread && !seen[thread->core]) {
			seen[thread->core] = true;
			count++;
		}
	}
	free(seen);
	return count;
}

char *cpu_list_text(const unsigned *cpus, size_t n)
{
	char *text = xcalloc(n + 1, 2 * sizeof "4294967295,");
	char *end = text;

	for (size_t i = 0, last; i < n; i = last + 1) {
		last = i;
		while (last + 1 < n && cpus[last + 1] == cpus[last] + 1)
			last++;
		end += sprintf(end, last > i ? "%s%u-%u" : "%s%u", i ? "," : "", cpus[i], cpus[last]);
	}
	return text;
}
