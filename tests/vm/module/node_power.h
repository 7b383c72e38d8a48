/* SPDX-License-Identifier: GPL-3.0-or-later OR GPL-2.0-only */
/*
 * node_power.h - the parts of node_power.ko, the kernel module that gives the
 * guest energy counters:
 *
 *   node_power_law.c  the law: how much energy each package has drawn
 *   node_powercap.c   it as powercap zones, named and shaped as intel_rapl's
 *   node_pmu.c        it as the perf PMU "power", as the kernel's rapl PMU
 *
 * The law is linear, so that the true energy follows from the time that the
 * CPUs were busy and from nothing else, exactly, whenever it is asked for:
 *
 *   package: package_idle_mw * time + package_cpu_mw * (busy time of its CPUs)
 *   dram:    dram_idle_mw    * time + dram_cpu_mw    * (busy time of its CPUs)
 *
 * busy is what the kernel's own accounting does not call idle or waiting for
 * I/O. The truth since the module was loaded is in /proc/node_power.
 */
#ifndef NODE_POWER_H
#define NODE_POWER_H

#include <linux/types.h>

#define MOST_PACKAGES 8

enum domain { DOMAIN_PACKAGE, DOMAIN_DRAM, N_DOMAINS };

/* Packages there are, CPU-less ones included (module parameter `packages`). */
unsigned int node_packages(void);

/* Energy since the module was loaded, in nJ; and as the hardware counts it, in
 * units of 2^-14 J (Intel's ENERGY_STATUS unit, 61.035 uJ), from start_j on. */
u64 node_energy_nj(unsigned int package, enum domain domain);
u64 node_energy_units(unsigned int package, enum domain domain);

int node_powercap_add(void);
void node_powercap_remove(void);

int node_pmu_add(void);
void node_pmu_remove(void);

/* Before a CPU goes: events that are counted on it move to another one of its package. */
void node_pmu_leave_cpu(unsigned int cpu);

#endif
