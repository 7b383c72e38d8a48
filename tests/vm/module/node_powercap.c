// SPDX-License-Identifier: GPL-3.0-or-later OR GPL-2.0-only
#include "node_power.h"

#include <linux/err.h>
#include <linux/powercap.h>

/* Counters have 32 bits of 2^-14 J; the kernel's driver reckons with 61035 nJ, so that the range of
 * energy_uj is 262143328850 (drivers/powercap/intel_rapl_common.c). */
#define UNIT_NJ 61035ull
#define COUNTER_MOST 0xffffffffull

/* As a server of this size says them. */
#define LONG_TERM_UW 150000000ull
#define LONG_TERM_US 27983872ull
#define SHORT_TERM_UW 180000000ull
#define SHORT_TERM_US 2440ull

struct energy_zone {
	struct powercap_zone powercap;
	unsigned int package;
	enum domain domain;
	bool registered;
};

static struct powercap_control_type *control;
static struct energy_zone zones[MOST_PACKAGES][N_DOMAINS];

static struct energy_zone *zone_of(struct powercap_zone *powercap)
{
	return container_of(powercap, struct energy_zone, powercap);
}

static int get_energy_uj(struct powercap_zone *powercap, u64 *energy_uj)
{
	struct energy_zone *zone = zone_of(powercap);

	*energy_uj = (node_energy_units(zone->package, zone->domain) & COUNTER_MOST) * UNIT_NJ / 1000;
	return 0;
}

static int get_max_energy_range_uj(struct powercap_zone *powercap, u64 *range_uj)
{
	*range_uj = COUNTER_MOST * UNIT_NJ / 1000;
	return 0;
}

/* Zones live in an array: there is nothing to free. */
static int release(struct powercap_zone *powercap)
{
	return 0;
}

static const struct powercap_zone_ops zone_ops = {
	.get_max_energy_range_uj = get_max_energy_range_uj,
	.get_energy_uj = get_energy_uj,
	.release = release,
};

/* ---- limits: 0 is long_term, 1 short_term; they cannot be changed ---- */

static int get_power_limit_uw(struct powercap_zone *powercap, int id, u64 *uw)
{
	*uw = id == 0 ? LONG_TERM_UW : SHORT_TERM_UW;
	return 0;
}

static int get_time_window_us(struct powercap_zone *powercap, int id, u64 *us)
{
	*us = id == 0 ? LONG_TERM_US : SHORT_TERM_US;
	return 0;
}

static int refuse(struct powercap_zone *powercap, int id, u64 value)
{
	return -EACCES;
}

static const char *get_name(struct powercap_zone *powercap, int id)
{
	return id == 0 ? "long_term" : "short_term";
}

static int get_max_power_uw(struct powercap_zone *powercap, int id, u64 *uw)
{
	*uw = LONG_TERM_UW;
	return 0;
}

static const struct powercap_zone_constraint_ops limit_ops = {
	.set_power_limit_uw = refuse,
	.get_power_limit_uw = get_power_limit_uw,
	.set_time_window_us = refuse,
	.get_time_window_us = get_time_window_us,
	.get_max_power_uw = get_max_power_uw,
	.get_name = get_name,
};

/* ---- registering ---- */

static int add_zone(unsigned int package, enum domain domain)
{
	struct energy_zone *zone = &zones[package][domain];
	struct powercap_zone *parent =
		domain == DOMAIN_DRAM ? &zones[package][DOMAIN_PACKAGE].powercap : NULL;
	struct powercap_zone *made;
	char name[16];

	zone->package = package;
	zone->domain = domain;
	snprintf(name, sizeof(name), domain == DOMAIN_DRAM ? "dram" : "package-%u", package);
	made = powercap_register_zone(&zone->powercap, control, name, parent, &zone_ops,
				      domain == DOMAIN_DRAM ? 0 : 2, &limit_ops);
	if (IS_ERR(made))
		return PTR_ERR(made);
	zone->registered = true;
	return 0;
}

void node_powercap_remove(void)
{
	int package, domain;

	for (package = node_packages() - 1; package >= 0; package--)
		for (domain = N_DOMAINS - 1; domain >= 0; domain--)
			if (zones[package][domain].registered)
				powercap_unregister_zone(control, &zones[package][domain].powercap);
	powercap_unregister_control_type(control);
}

int node_powercap_add(void)
{
	unsigned int package;
	int failed = 0;

	control = powercap_register_control_type(NULL, "intel-rapl", NULL);
	if (IS_ERR(control))
		return PTR_ERR(control);
	for (package = 0; package < node_packages() && !failed; package++) {
		failed = add_zone(package, DOMAIN_PACKAGE);
		if (!failed)
			failed = add_zone(package, DOMAIN_DRAM);
	}
	if (failed)
		node_powercap_remove();
	return failed;
}
