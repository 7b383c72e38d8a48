/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bmc_describe.h - what a BMC says of itself, as JSON and for people.
 */
#ifndef WATTSTEP_BMC_DESCRIBE_H
#define WATTSTEP_BMC_DESCRIBE_H

#include <stdio.h>

#include <jansson.h>

#include "harness/dcmi.h"

/* The "device" of a meter's entry: maker, product and firmware; no serial numbers. A new reference. */
json_t *bmc_describe_device(const struct bmc_device *device) __attribute__((warn_unused_result));

/* The entry of dcmi or ipmi in lines, close to the words of ipmi-dcmi and bmc-info. */
void bmc_describe_print(const json_t *entry, FILE *out);

#endif
