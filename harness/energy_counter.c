/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "harness/energy_counter.h"

#include <math.h>

#define UJ_PER_J 1e6

void energy_counter_init(struct energy_counter *counter, uint64_t range_uj, double plausible_w)
{
	*counter = (struct energy_counter){.range_uj = range_uj, .plausible_w = plausible_w};
}

static bool wraps_are_ambiguous(const struct energy_counter *counter, double gap_s)
{
	return counter->range_uj > 0 && gap_s > (double)counter->range_uj / UJ_PER_J / counter->plausible_w;
}

static bool is_plausible(uint64_t delta_uj, double gap_s, double most_w)
{
	return (double)delta_uj / UJ_PER_J <= most_w * (fmax(gap_s, 0) + ENERGY_COUNTER_SLACK_S);
}

/* The energy between the last raw value and this one, into *delta_uj. */
static enum reading_event difference(const struct energy_counter *counter, uint64_t raw_uj, double gap_s,
				     uint64_t *delta_uj)
{
	if (wraps_are_ambiguous(counter, gap_s))
		return EVENT_INTERVAL_LOST;
	if (raw_uj >= counter->raw_uj) {
		*delta_uj = raw_uj - counter->raw_uj;
		return is_plausible(*delta_uj, gap_s, fmax(counter->plausible_w, ENERGY_COUNTER_RISE_W))
			       ? EVENT_NONE
			       : EVENT_INTERVAL_LOST;
	}
	/* A last value beyond the range cannot have wrapped at the range. */
	if (counter->raw_uj > counter->range_uj)
		return EVENT_COUNTER_RESET;
	*delta_uj = counter->range_uj - counter->raw_uj + raw_uj;
	return is_plausible(*delta_uj, gap_s, counter->plausible_w) ? EVENT_NONE : EVENT_COUNTER_RESET;
}

enum reading_event energy_counter_update(struct energy_counter *counter, uint64_t raw_uj, mono_t at)
{
	enum reading_event event = EVENT_NONE;
	uint64_t delta_uj = 0;

	if (counter->begun)
		event = difference(counter, raw_uj, mono_between_s(counter->at, at), &delta_uj);
	if (event == EVENT_NONE)
		counter->energy_uj += delta_uj;
	counter->begun = true;
	counter->raw_uj = raw_uj;
	counter->at = at;
	return event;
}

double energy_counter_j(const struct energy_counter *counter)
{
	return (double)counter->energy_uj / UJ_PER_J;
}
