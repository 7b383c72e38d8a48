/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "harness/command.h"

#include <stdlib.h>

#include "harness/base/json.h"
#include "harness/calibration.h"
#include "profiles/bmc.h"
#include "profiles/profile.h"
#include "results/table.h"
#include "results/trace_csv.h"

static int analyze_main(const struct options *options, struct error *err)
{
	struct trace *trace = trace_read(options->operands[0], err);
	json_t *judged, *states;
	int status;

	if (!trace)
		return -1;
	if (options->calibration && calibration_apply(trace, options->calibration, err)) {
		trace_free(trace);
		return -1;
	}
	bmc_refine(trace);
	judged = profile_judged(trace);
	states = json_object_get(judged, "states");
	status = profile_exit_status(states, trace->complete);
	if (options->json) {
		json_t *document =
			json_pack("{s:b, s:b}", "complete", trace->complete, "synthetic", trace->synthetic);
		char *text;

		json_object_update(document, judged);
		text = json_text(document);
		fputs(text, stdout);
		free(text);
		json_decref(document);
	} else {
		if (trace->synthetic)
			puts("SYNTHETIC: readings of the simulated node; this is not a measurement\n");
		table_print_states(stdout, states);
	}
	json_decref(judged);
	trace_free(trace);
	return status;
}

const struct command command_analyze = {
	.name = "analyze",
	.operands = "TRACE",
	.summary = "judge a recorded trace again: the same verdicts and figures as run",
	.details = "A trace of `wattstep run --trace`, or a bare one of another program: the columns\n"
		   "time_s,state,visit,channel,unit,value (visit may be missing) and rows. A bare one\n"
		   "is judged by the rule standard, as if every state loaded all cores. - reads standard "
		   "input. The status is\n"
		   "that of run.",
	.accepted = ACCEPTS(CALIBRATION) | ACCEPTS(JSON) | ACCEPTS_ALWAYS,
	.least_operands = 1,
	.most_operands = 1,
	.main = analyze_main,
};
