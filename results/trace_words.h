/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * trace_words.h - the words of the trace file, shared by its writer and reader.
 */
#ifndef WATTSTEP_TRACE_WORDS_H
#define WATTSTEP_TRACE_WORDS_H

#include "harness/base/unit.h"

#define TRACE_MAGIC "#wattstep-trace 1"
#define TRACE_COLUMNS "time_s,state,visit,channel,unit,value"
#define TRACE_COLUMNS_WITHOUT_VISIT "time_s,state,channel,unit,value"

/* By enum unit, and by enum visit_end. */
extern const char *const trace_unit_names[UNITS];
extern const char *const trace_end_names[4];

#endif
