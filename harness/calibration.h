/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * calibration.h - what a sensor is known to read wrong: --calibration FILE.
 *
 *     {"format": "wattstep/calibration", "format_version": "1.0",
 *      "channels": {"rapl/package-0": {"gain": 1.02, "offset_w": 0.4, "u_gain": 0.005, "u_offset_w": 0.2}}}
 *
 * True watts = gain * watts read + offset_w; u_gain and u_offset_w are standard
 * uncertainties and go into u95.
 */
#ifndef WATTSTEP_CALIBRATION_H
#define WATTSTEP_CALIBRATION_H

#include "harness/base/error.h"
#include "profiles/trace.h"

#define CALIBRATION_SCHEMA "calibration.schema.json"

/* Reads the file and sets gain, offset and their uncertainties of the trace's
 * channels. A channel that the trace does not have is an error: a calibration
 * that is silently not used would be worse. ERROR_INPUT. */
int calibration_apply(struct trace *trace, const char *path, struct error *err);

#endif
