/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "harness/meter.h"

#include <string.h>

extern const struct meter_class meter_rapl, meter_perf, meter_dcmi, meter_ipmi, meter_sim;

const struct meter_class *const meter_classes[] = {&meter_rapl, &meter_perf, &meter_dcmi,
						   &meter_ipmi, &meter_sim,  NULL};

const struct meter_class *meter_class_find(const char *name)
{
	for (const struct meter_class *const *c = meter_classes; *c; c++)
		if (strcmp((*c)->name, name) == 0)
			return *c;
	return NULL;
}
