/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "profiles/verdict.h"

#include <stddef.h>

#include "harness/base/text.h"

struct word {
	const char *name;
	const char *text;
};

static const struct word reasons[REASON_COUNT] = {
	[REASON_DRIFT] = {"drift", "power was still rising or falling when the time was up"},
	[REASON_SHIFT] = {"shift", "the two halves of the window differ: power moved between levels"},
	[REASON_IMPRECISE] = {"imprecise", "power varied too much for the precision the plan asks for"},
	[REASON_SHORT] = {"short", "too little time was left behind the transient for a window"},
	[REASON_MISSING] = {"missing", "the source gave no readings, or was lost"},
	[REASON_INTERRUPTED] = {"interrupted", "the run was stopped during this state"},
	[REASON_RAPL_STUCK] = {"rapl_stuck",
			       "an energy counter of a package or a memory stood still for 2 s or more"},
	[REASON_DCMI_STUCK] = {"dcmi_stuck", "the BMC's reading did not move while RAPL's did"},
	[REASON_LOAD_NOT_HELD] = {"load_not_held",
				  "the processors were more or less busy than the state says"},
	[REASON_UNSUPPORTED] = {"unsupported", "the installed stress-ng cannot produce this state"},
};

static const struct word flags[] = {
	{"gaps", "over 5 % of the readings are missing, or none came for over 10 s"},
	{"counter_reset",
	 "an energy counter fell to a lower value that is no wrap; that interval is left out"},
	{"interval_lost", "the energy of an interval is not known; it is left out"},
	{"suspended", "the machine was suspended; the window begins after it"},
	{"degraded", "a source failed three times or more"},
	{"deduplicated", "zones that repeat another zone's counter are counted once"},
	{"unmoving", "an energy counter other than a package's did not move"},
	{"slow_reads", "a read took over 5 ms, so its time is less certain"},
	{"steal", "the hypervisor took over 2 % of the processors' time"},
	{"throttled", "the processors throttled because of heat"},
	{"power_limit", "package power reached the long-term power limit"},
	{"dcmi_below_rapl", "the whole node reads less than its processors and memory: wrong scope"},
	{"source_lost", "a source stopped answering for over 30 s"},
	{"not_active", "the BMC says that it does not measure, and gives readings all the same"},
};

const char *verdict_name(enum verdict verdict)
{
	static const char *const names[] = {"stable", "unstable", "insufficient", "invalid", "skipped"};

	return names[verdict];
}

const char *reason_name(enum reason reason)
{
	return reasons[reason].name;
}

const char *reason_text(enum reason reason)
{
	return reasons[reason].text;
}

const char *flag_name(unsigned i)
{
	return i < ARRAY_SIZE(flags) ? flags[i].name : NULL;
}

const char *flag_text(unsigned i)
{
	return i < ARRAY_SIZE(flags) ? flags[i].text : NULL;
}
