/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "harness/slow_facts.h"

#include <stdlib.h>
#include <unistd.h>

#include "harness/base/json.h"
#include "harness/base/text.h"
#include "harness/outfile.h"
#include "profiles/bmc.h"
#include "profiles/sources.h"

struct trace_channel *slow_system(const struct trace *trace)
{
	size_t *members = xcalloc(trace->n_channels, sizeof *members);
	size_t n = source_members(trace, SOURCE_SYSTEM, NULL, members);
	struct trace_channel *channel = n ? &trace->channels[members[0]] : NULL;

	free(members);
	return channel && channel_is_slow(channel) ? channel : NULL;
}

int slow_facts_take(struct trace *trace, const char *path, bool *known, struct error *err)
{
	struct trace_channel *channel = slow_system(trace);

	*known = false;
	if (!path || !channel || access(path, F_OK) != 0)
		return 0;
	if (bmc_facts_read(path, channel->id, &channel->facts, err))
		return -1;
	trace_add_event(trace, 0, TRACE_LEARNT, (int)(channel - trace->channels));
	*known = true;
	return 0;
}

int slow_facts_keep(const struct trace *trace, const char *path, struct error *err)
{
	const struct trace_channel *channel = slow_system(trace);
	struct bmc_facts facts;
	json_t *document;
	char *text;
	int result;

	if (!channel)
		return 1;
	bmc_learn_from_trace(trace, (size_t)(channel - trace->channels), NULL, &facts);
	if (!facts.period_s.learnt || !facts.lag_s.learnt)
		return 1;
	document = bmc_facts_document(json_pack("{s:o}", channel->id, bmc_facts_to_json(&facts)));
	text = json_text(document);
	result = outfile_write(path, text, err);
	free(text);
	json_decref(document);
	return result;
}
