/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "harness/document.h"

#include <math.h>
#include <stdio.h>
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

json_t *document_make(const struct document *d, json_t *states, bool complete)
{
	struct overhead now;
	char ended[CLOCK_RFC3339_SIZE];
	json_t *run;

	clock_rfc3339_now(ended);
	overhead_now(d->sampler, &now);
	run = json_pack("{s:s, s:s, s:o, s:O, s:O, s:n, s:o, s:O}", "started", d->started, "ended", ended,
			"monotonic_start_s",
			json_number_or_null((double)sampler_origin(d->sampler).ns * 1e-9), "plan", d->plan,
			"tags", d->tags, "seed", "overhead", overhead_json(&d->began, &now, d->threads),
			"warnings", d->warnings);
	return json_pack("{s:s, s:s, s:{s:s, s:s}, s:s, s:b, s:b, s:b, s:o, s:O, s:o, s:o}", "format",
			 PROFILE_FORMAT, "format_version", PROFILE_FORMAT_VERSION, "generator", "name",
			 "wattstep", "version", WATTSTEP_VERSION, "profile_id", d->profile_id, "complete",
			 complete, "synthetic", d->trace->synthetic, "excludes_calibration",
			 !is_calibrated(d->trace), "run", run, "node", d->node, "meters",
			 meter_set_describe(d->meters), "states", states);
}
