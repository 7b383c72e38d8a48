/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * kipmid.h - what the kernel's own thread for a slow BMC interface costs.
 *
 * Where a KCS or SMIC interface has no interrupt, the driver ipmi_si polls it in
 * a kernel thread "kipmi0", which can keep a processor busy for as long as a
 * request is under way (Documentation/driver-api/ipmi.rst) and so raises the
 * power that is measured.
 */
#ifndef WATTSTEP_KIPMID_H
#define WATTSTEP_KIPMID_H

#include "harness/base/roots.h"

/* Processor time of all such threads since the machine started, s; NAN: there are none. */
double kipmid_cpu_s(const struct roots *roots);

#endif
