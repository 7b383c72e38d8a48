/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * powercap.h - finds the RAPL zones of the kernel's powercap tree.
 *
 * A zone is a folder "intel-rapl:P", a sub-zone "intel-rapl:P:S", below
 * SYSFS/class/powercap; AMD processors have the same names. What a zone is
 * says its file `name` alone: the number in the folder's name is only an order
 * of registration. Sub-zones carry equal names on each socket, so their
 * parent's name tells them apart.
 *
 * Nothing here reads energy: that is meter_rapl.c.
 * Source: the kernel's Documentation/power/powercap/powercap.rst.
 */
#ifndef WATTSTEP_POWERCAP_H
#define WATTSTEP_POWERCAP_H

#include <stddef.h>
#include <stdint.h>

#include "harness/base/error.h"

/* Limits outside these watts say "no limit" (4090 W and 0 W are common) and are
 * no measure of what is plausible. METHOD.md, section 1. */
#define POWERCAP_LEAST_LIMIT_W 1.0
#define POWERCAP_MOST_LIMIT_W 2000.0

/* What a socket is taken to draw at most where its zone publishes no limit. METHOD.md, section 1. */
#define POWERCAP_DEFAULT_PLAUSIBLE_W 1000.0

struct powercap_zone {
	char *folder;         /* "intel-rapl:0:2" */
	char *path;           /* of that folder */
	char id[48];          /* "package-0", "package-0-die-1", "dram-0", "psys" */
	char scope[128];      /* what is inside the measurement, for people */
	uint64_t range_uj;    /* at this value energy_uj wraps; 0: unknown */
	double step_j;        /* the counter's energy unit; NAN: unknown */
	double plausible_w;   /* 2 x the greatest of its limits, or the default */
	double power_limit_w; /* of the constraint long_term; NAN: none, not enabled or unknown */
	double time_window_s; /* tau of the constraint long_term; NAN: unknown */
};

/* A zone that is not used, and why. */
struct powercap_ignored {
	char *folder;
	char *reason;
};

struct powercap {
	char *path;                  /* SYSFS/class/powercap */
	struct powercap_zone *zones; /* by folder, numbers counted: intel-rapl:2 before intel-rapl:10 */
	size_t n_zones;
	struct powercap_ignored *ignored;
	size_t n_ignored;
};

/*
 * Lists the zones. Left out, with the reason in ignored: the doubles under
 * intel-rapl-mmio, a zone whose id an earlier one has, a zone whose name is
 * missing or unknown, a sub-zone without its parent. A tree without zones is a
 * success with n_zones 0. ERROR_ABSENT: no powercap folder; ERROR_FORBIDDEN,
 * ERROR_FAILED: it cannot be listed. *out is to be freed in every case.
 */
int powercap_scan(struct powercap *out, const char *sysfs, struct error *err);

/* The zone of that id, or NULL. */
const struct powercap_zone *powercap_find(const struct powercap *powercap, const char *id);

/* Notes one more zone as not used. */
void powercap_ignore(struct powercap *powercap, const char *folder, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

void powercap_free(struct powercap *powercap); /* leaves *powercap empty; an empty one is fine */

#endif
