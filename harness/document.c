/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "harness/document.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "harness/base/json.h"
#include "harness/overhead.h"
#include "profiles/profile.h"

/* A version 4 UUID: RFC 9562, section 5.4. */
static void make_uuid(char *out, size_t size)
{
	unsigned char b[16];

	while (getrandom(b, sizeof b, 0) != (ssize_t)sizeof b)
		; /* 16 bytes come whole; a signal may come before them */
	b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
	b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
	snprintf(out, size, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0],
		 b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14],
		 b[15]);
}

void document_begin(struct document *document)
{
	make_uuid(document->profile_id, sizeof document->profile_id);
	clock_rfc3339_now(document->started);
}

json_t *document_plan(const struct plan *plan)
{
	return json_pack("{s:s, s:s, s:s, s:i}", "name", plan->name, "sha256", plan->sha256, "rule",
			 plan->rule, "rounds", (int)plan->rounds);
}

static bool is_calibrated(const struct trace *trace)
{
	for (size_t i = 0; i < trace->n_channels; i++)
		if (!isnan(trace->channels[i].u_gain))
			return true;
	return false;
}

/* What the meter of a slow source is judged with. */
static void add_facts(json_t *meter, const struct trace_channel *channel)
{
	const struct bmc_facts *facts = &channel->facts;

	json_object_set_new(meter, "update_period_s", json_number_or_null(facts->period_s.value));
	json_object_set_new(meter, "lag_s", json_number_or_null(facts->lag_s.value));
	json_object_set_new(meter, "averaging_s", json_number_or_null(facts->averaging_s.value));
	json_object_set_new(meter, "learnt", json_boolean(facts->period_s.learnt && facts->lag_s.learnt));
}

static json_t *meters_json(const struct document *d)
{
	json_t *meters = meter_set_describe(d->meters), *meter;
	size_t i;

	for (size_t c = 0; c < d->trace->n_channels; c++) {
		const struct trace_channel *channel = &d->trace->channels[c];
		size_t length = strcspn(channel->id, "/");

		if (!channel_is_slow(channel) || channel_role(channel->id) != ROLE_SYSTEM)
			continue;
		json_array_foreach(meters, i, meter)
		{
			const char *id = json_get_string(meter, "id");

			if (strlen(id) == length && strncmp(id, channel->id, length) == 0)
				add_facts(meter, channel);
		}
	}
	return meters;
}

json_t *document_make(const struct document *d, json_t *judged, bool complete)
{
	struct overhead now;
	char ended[CLOCK_RFC3339_SIZE];
	json_t *run, *profile;

	clock_rfc3339_now(ended);
	overhead_now(d->sampler, d->roots, &now);
	run = json_pack("{s:s, s:s, s:o, s:O, s:O, s:n, s:o, s:O}", "started", d->started, "ended", ended,
			"monotonic_start_s",
			json_number_or_null((double)sampler_origin(d->sampler).ns * 1e-9), "plan", d->plan,
			"tags", d->tags, "seed", "overhead", overhead_json(&d->began, &now, d->threads),
			"warnings", d->warnings);
	profile = json_pack("{s:s, s:s, s:{s:s, s:s}, s:s, s:b, s:b, s:b, s:o, s:O, s:o}", "format",
			    PROFILE_FORMAT, "format_version", PROFILE_FORMAT_VERSION, "generator", "name",
			    "wattstep", "version", WATTSTEP_VERSION, "profile_id", d->profile_id, "complete",
			    complete, "synthetic", d->trace->synthetic, "excludes_calibration",
			    !is_calibrated(d->trace), "run", run, "node", d->node, "meters", meters_json(d));
	json_object_update(profile, judged);
	json_decref(judged);
	return profile;
}
