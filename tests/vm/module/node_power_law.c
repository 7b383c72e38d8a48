// SPDX-License-Identifier: GPL-3.0-or-later OR GPL-2.0-only
#include "node_power.h"

#include <linux/cpuhotplug.h>
#include <linux/kernel_stat.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <linux/tick.h>
#include <linux/topology.h>

static unsigned int packages;
module_param(packages, uint, 0444);
MODULE_PARM_DESC(packages, "how many; 0: as many as the machine has. More have no CPUs and draw idle power");

/* A server of two sockets with one busy core adds 10 to 20 W; the values are round, so that a reader can
 * reckon. */
static unsigned int package_idle_mw = 40000, package_cpu_mw = 60000;
static unsigned int dram_idle_mw = 5000, dram_cpu_mw = 10000;
module_param(package_idle_mw, uint, 0444);
module_param(package_cpu_mw, uint, 0444);
module_param(dram_idle_mw, uint, 0444);
module_param(dram_cpu_mw, uint, 0444);

static bool powercap = true;
module_param(powercap, bool, 0444);
MODULE_PARM_DESC(powercap,
		 "whether there are powercap zones; N: perf alone, as on kernels without intel_rapl_msr");

static unsigned int start_j;
module_param(start_j, uint, 0444);
MODULE_PARM_DESC(start_j, "where the counters begin; they wrap after 2^18 J");

/* What has been accounted so far: the busy time of a package in us. */
static DEFINE_RAW_SPINLOCK(account_lock);
static u64 busy_us[MOST_PACKAGES];
static u64 idle_seen_us[NR_CPUS];
static ktime_t accounted_at, loaded_at;
static struct cpumask counted; /* the CPUs that are online */

static enum cpuhp_state hotplug_state;

unsigned int node_packages(void)
{
	return packages;
}

static u64 idle_us(unsigned int cpu)
{
	return get_cpu_idle_time_us(cpu, NULL) + get_cpu_iowait_time_us(cpu, NULL);
}

/* The idle time of another CPU may step back by some us, and begins anew when it comes online. */
static void account_cpu(unsigned int cpu, u64 elapsed_us)
{
	unsigned int package = topology_logical_package_id(cpu);
	u64 idle = idle_us(cpu), rested_us;

	if (package >= MOST_PACKAGES)
		return;
	rested_us = idle > idle_seen_us[cpu] ? idle - idle_seen_us[cpu] : 0;
	busy_us[package] += elapsed_us > rested_us ? elapsed_us - rested_us : 0;
	idle_seen_us[cpu] = idle;
}

/* Up to now; the caller holds the lock. What is left of a us stays for the next time. */
static void account(void)
{
	u64 elapsed_us = ktime_us_delta(ktime_get(), accounted_at);
	unsigned int cpu;

	if (elapsed_us == 0)
		return;
	for_each_cpu(cpu, &counted) account_cpu(cpu, elapsed_us);
	accounted_at = ktime_add_us(accounted_at, elapsed_us);
}

/* mW x us = nJ. The caller holds the lock. */
static u64 energy_nj(unsigned int package, enum domain domain)
{
	u64 time_us = ktime_us_delta(accounted_at, loaded_at);

	if (domain == DOMAIN_PACKAGE)
		return package_idle_mw * time_us + package_cpu_mw * busy_us[package];
	return dram_idle_mw * time_us + dram_cpu_mw * busy_us[package];
}

u64 node_energy_nj(unsigned int package, enum domain domain)
{
	unsigned long flags;
	u64 nj;

	raw_spin_lock_irqsave(&account_lock, flags);
	account();
	nj = energy_nj(package, domain);
	raw_spin_unlock_irqrestore(&account_lock, flags);
	return nj;
}

u64 node_energy_units(unsigned int package, enum domain domain)
{
	return ((u64)start_j << 14) +
	       mul_u64_u64_div_u64(node_energy_nj(package, domain), 1 << 14, NSEC_PER_SEC);
}

/* ---- CPUs come and go ---- */

static int cpu_comes(unsigned int cpu)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&account_lock, flags);
	account();
	idle_seen_us[cpu] = idle_us(cpu);
	cpumask_set_cpu(cpu, &counted);
	raw_spin_unlock_irqrestore(&account_lock, flags);
	return 0;
}

static int cpu_goes(unsigned int cpu)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&account_lock, flags);
	account();
	cpumask_clear_cpu(cpu, &counted);
	raw_spin_unlock_irqrestore(&account_lock, flags);
	node_pmu_leave_cpu(cpu);
	return 0;
}

/* ---- the truth ---- */

/* One moment: "monotonic_ns N", then for each zone its energy since the module was loaded, in nJ. */
static int show_truth(struct seq_file *out, void *unused)
{
	u64 nj[MOST_PACKAGES][N_DOMAINS];
	unsigned int package;
	unsigned long flags;
	ktime_t at;

	raw_spin_lock_irqsave(&account_lock, flags);
	account();
	at = accounted_at;
	for (package = 0; package < packages; package++) {
		nj[package][DOMAIN_PACKAGE] = energy_nj(package, DOMAIN_PACKAGE);
		nj[package][DOMAIN_DRAM] = energy_nj(package, DOMAIN_DRAM);
	}
	raw_spin_unlock_irqrestore(&account_lock, flags);
	seq_printf(out, "monotonic_ns %lld\n", ktime_to_ns(at));
	for (package = 0; package < packages; package++)
		seq_printf(out, "package-%u %llu\ndram-%u %llu\n", package, nj[package][DOMAIN_PACKAGE],
			   package, nj[package][DOMAIN_DRAM]);
	return 0;
}

/* ---- loading ---- */

static int add_all(void)
{
	int failed = powercap ? node_powercap_add() : 0;

	if (failed)
		return failed;
	failed = node_pmu_add();
	if (failed)
		goto no_pmu;
	failed = cpuhp_setup_state(CPUHP_AP_ONLINE_DYN, "node_power:online", cpu_comes, cpu_goes);
	if (failed < 0)
		goto no_hotplug;
	hotplug_state = failed;
	if (proc_create_single("node_power", 0444, NULL, show_truth))
		return 0;
	failed = -ENOMEM;
	cpuhp_remove_state(hotplug_state);
no_hotplug:
	node_pmu_remove();
no_pmu:
	if (powercap)
		node_powercap_remove();
	return failed;
}

static int __init node_power_load(void)
{
	if (packages == 0)
		packages = topology_max_packages();
	if (packages > MOST_PACKAGES)
		return -EINVAL;
	loaded_at = accounted_at = ktime_get();
	return add_all();
}

static void __exit node_power_unload(void)
{
	remove_proc_entry("node_power", NULL);
	cpuhp_remove_state(hotplug_state);
	node_pmu_remove();
	if (powercap)
		node_powercap_remove();
}

module_init(node_power_load);
module_exit(node_power_unload);
MODULE_DESCRIPTION("Energy counters that follow the load of a virtual machine, for tests of wattstep");
MODULE_LICENSE("GPL");
