/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "harness/command.h"

#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "harness/base/json.h"
#include "harness/bmc_options.h"
#include "harness/calibration.h"
#include "harness/conductor.h"
#include "harness/document.h"
#include "harness/node.h"
#include "harness/outfile.h"
#include "harness/signals.h"
#include "harness/slow_facts.h"
#include "profiles/bmc.h"
#include "profiles/profile.h"
#include "results/trace_csv.h"

/* Timers come within a microsecond instead of the kernel's usual 50 us: at 1 kHz that would be 5 % jitter. */
#define TIMER_SLACK_NS 1000

struct run {
	const struct options *options;
	char *output;
	struct plan *plan;
	struct topology *topology;
	struct stressng *stressng;
	struct state *learning_load; /* NULL: slow sources are not learnt before the states */
	bool facts_known;
	struct bmc_options bmc;
	struct meter_set meters;
	struct trace *trace;
	struct sampler *sampler;
	struct trace_writer *writer;
	struct progress *progress;
	struct document document;
	int signal_fd;
	int status;
	bool trace_lost; /* it could not be written to its end */
};

static char *default_output(void)
{
	char name[64];
	time_t now = time(NULL);
	struct tm utc;

	gmtime_r(&now, &utc);
	strftime(name, sizeof name, "wattstep-%Y%m%dT%H%M%SZ.json", &utc);
	return xstrdup(name);
}

static bool needs_stressng(const struct plan *plan)
{
	for (size_t i = 0; i < plan->n_states; i++)
		if (plan->states[i]->n_stressors)
			return true;
	return false;
}

/* A BMC that was named has to be read, in one form or the other; what it is about is told of the first. */
static int require_bmc(const struct meter_set *meters, struct error *err)
{
	const struct meter_slot *first = NULL;

	for (size_t i = 0; i < meters->n_slots; i++) {
		const struct meter_slot *slot = &meters->slots[i];

		if (!slot->class->blocking)
			continue;
		if (slot->meter)
			return 0;
		first = first ? first : slot;
	}
	if (!first)
		return 0;
	*err = first->why;
	return error_prefix(err, "meter %s", first->class->name);
}

static int open_meters(struct run *run, struct error *err)
{
	const struct options *o = run->options;
	struct meter_config config = {o->roots, o->sim, o->sim_truth, &run->bmc};
	struct error why = {0};

	if (meter_set_open(&run->meters, o->meters, &config, run->signal_fd, err))
		return -1;
	for (size_t i = 0; o->meters && i < run->meters.n_slots; i++)
		if (!run->meters.slots[i].meter) {
			*err = run->meters.slots[i].why;
			return error_prefix(err, "meter %s", run->meters.slots[i].class->name);
		}
	if (run->meters.n_open)
		return o->bmc && !o->meters ? require_bmc(&run->meters, err) : 0;
	meter_set_explain(&run->meters, &why);
	if (!o->sim_if_absent || why.kind != ERROR_ABSENT) {
		*err = why;
		return -1;
	}
	progress_say(
		run->progress,
		"%s\n\n"
		"*** NOT A MEASUREMENT: no power source is present here, so the built-in simulated node is\n"
		"*** measured instead. The profile will say \"synthetic\": true.\n",
		why.text);
	meter_set_close(&run->meters);
	return meter_set_open(&run->meters, "sim", &config, 0, err);
}

static int open_plan(struct run *run, struct error *err)
{
	const struct options *o = run->options;

	run->plan = plan_load(o->plan ? o->plan : "standard", err);
	if (!run->plan)
		return -1;
	if (o->n_operands && plan_select(run->plan, o->operands, (size_t)o->n_operands, err))
		return -1;
	if (o->idle_ab && plan_add_idle_unpolled(run->plan, err))
		return -1;
	run->topology = topology_open(err);
	if (!run->topology)
		return -1;
	if (needs_stressng(run->plan)) {
		run->stressng = stressng_open(o->stress_ng, err);
		if (!run->stressng)
			return -1;
	}
	return 0;
}

static json_t *tags_json(const struct strings *tags)
{
	json_t *object = json_object();

	for (size_t i = 0; i < tags->n; i++) {
		const char *value = strchr(tags->items[i], '=') + 1;
		char *key = xasprintf("%.*s", (int)(value - 1 - tags->items[i]), tags->items[i]);

		json_object_set_new(object, key, json_string(value));
		free(key);
	}
	return object;
}

/* The running kernel's processors say nothing of a recorded node that brings its own. */
static const struct topology *own_topology(const struct run *run)
{
	char *cpus = xasprintf("%s/devices/system/cpu", run->options->roots.sysfs);
	bool foreign = strcmp(run->options->roots.sysfs, "/sys") != 0 && access(cpus, F_OK) == 0;

	free(cpus);
	return foreign ? NULL : run->topology;
}

/* The path as the file system sees it, also of a file that is not there yet; NULL where its folder is not. */
static char *canonical(const char *path)
{
	char *copy = xstrdup(path), *name = xstrdup(path);
	char *folder = realpath(dirname(copy), NULL), *whole = NULL;

	if (folder)
		whole = xasprintf("%s/%s", folder, basename(name));
	free(folder);
	free(copy);
	free(name);
	return whole;
}

static int refuse_same(const char *a, const char *option_a, const char *b, const char *option_b,
		       struct error *err)
{
	char *first, *second;
	int result = 0;

	if (!a || !b)
		return 0;
	first = canonical(a);
	second = canonical(b);
	if (first && second && strcmp(first, second) == 0)
		result = error_set(err, ERROR_INPUT, "%s and %s are the same file: \"%s\"", option_a,
				   option_b, b);
	free(first);
	free(second);
	return result;
}

static int check_outputs(const struct run *run, struct error *err)
{
	const struct options *o = run->options;

	if (refuse_same(run->output, "--output", o->trace, "--trace", err) ||
	    refuse_same(run->output, "--output", o->sim_truth, "--sim-truth", err) ||
	    refuse_same(o->trace, "--trace", o->sim_truth, "--sim-truth", err) ||
	    refuse_same(run->output, "--output", o->bmc_facts, "--bmc-facts", err) ||
	    refuse_same(o->trace, "--trace", o->bmc_facts, "--bmc-facts", err))
		return -1;
	if (o->bmc_facts && access(o->bmc_facts, F_OK) != 0 && outfile_check(o->bmc_facts, err))
		return -1;
	return outfile_check(run->output, err);
}

/* `quick` has no time to learn a slow source, and without a load there is nothing to learn from. */
static int open_slow(struct run *run, struct error *err)
{
	if (slow_facts_take(run->trace, run->options->bmc_facts, &run->facts_known, err))
		return -1;
	if (!slow_system(run->trace) || run->facts_known || strcmp(run->plan->rule, "quick") == 0 ||
	    !run->stressng)
		return 0;
	run->learning_load = state_load("all-cores", err);
	return run->learning_load ? 0 : -1;
}

static int open_recording(struct run *run, struct error *err)
{
	const struct options *o = run->options;

	run->trace = trace_new(rule_find(run->plan->rule));
	run->trace->plan = document_plan(run->plan);
	run->sampler = sampler_new(&run->meters, run->trace, &o->roots, o->rate_hz, err);
	if (!run->sampler || open_slow(run, err) ||
	    (o->calibration && calibration_apply(run->trace, o->calibration, err)))
		return -1;
	if (o->trace) {
		run->writer = trace_writer_open(o->trace, run->trace, err);
		if (!run->writer)
			return -1;
	}
	document_begin(&run->document);
	run->document.plan = json_incref(run->trace->plan);
	run->document.tags = tags_json(&o->tags);
	run->document.node = node_describe(&o->roots, own_topology(run), o->node_name);
	run->document.warnings = json_array();
	run->document.meters = &run->meters;
	run->document.sampler = run->sampler;
	run->document.roots = &o->roots;
	run->document.trace = run->trace;
	run->document.threads = topology_threads(run->topology);
	overhead_now(run->sampler, &o->roots, &run->document.began);
	return 0;
}

/* Writes the profile as it stands. */
static int write_profile(struct run *run, bool complete, struct error *err)
{
	json_t *document, *judged;
	char *text;
	int result;

	bmc_refine(run->trace);
	judged = profile_judged(run->trace);
	run->status = profile_exit_status(json_object_get(judged, "states"), complete);
	document = document_make(&run->document, judged, complete);
	text = json_text(document);
	result = outfile_write(run->output, text, err);
	free(text);
	json_decref(document);
	return result;
}

static void warn(void *context, const char *text)
{
	struct run *run = context;
	char *clean = text_clean(text);

	progress_say(run->progress, "%s", clean);
	json_array_append_new(run->document.warnings, json_string(clean));
	free(clean);
}

/* A trace that cannot be written any more costs the trace, not the run. */
static void keep_trace(struct run *run, bool visit_over)
{
	struct error err = {0};

	if (!run->writer || trace_writer_write(run->writer, visit_over, &err) == 0)
		return;
	warn(run, err.text);
	trace_writer_close(run->writer, NULL);
	run->writer = NULL;
	run->trace_lost = true;
}

static int keep(void *context, bool visit_over, struct error *err)
{
	struct run *run = context;

	keep_trace(run, visit_over);
	return visit_over && strcmp(run->output, "-") != 0 ? write_profile(run, false, err) : 0;
}

static void keep_facts(struct run *run, struct error *err)
{
	const char *path = run->options->bmc_facts;

	if (path && !run->facts_known && slow_facts_keep(run->trace, path, err) == 1)
		progress_say(run->progress,
			     "%s is not written: this run does not show how a slow source follows the load",
			     path);
}

static int conduct(struct run *run, struct error *err)
{
	struct conductor conductor = {
		.plan = run->plan,
		.topology = run->topology,
		.stressng = run->stressng,
		.roots = &run->options->roots,
		.meters = &run->meters,
		.sampler = run->sampler,
		.trace = run->trace,
		.progress = run->progress,
		.signal_fd = run->signal_fd,
		.learning_load = run->learning_load,
		.keep = keep,
		.warn = warn,
		.context = run,
	};
	struct error writing = {0};
	int result = conductor_run(&conductor, err);

	run->trace->complete = result == 0;
	if (trace_writer_close(run->writer, &writing) || run->trace_lost)
		error_set(&writing, ERROR_FAILED, "the trace is not whole: %s could not be written",
			  run->options->trace);
	if (run->trace->n_visits || result >= 0)
		write_profile(run, result == 0, &writing);
	if (result == 0)
		keep_facts(run, &writing);
	if (writing.kind != ERROR_NONE) {
		if (result >= 0)
			*err = writing;
		result = -1;
	}
	run->writer = NULL;
	return result;
}

/* What the run came to, for the person who waited for it. */
static void tell_end(struct run *run, int result)
{
	static const struct {
		int status;
		const char *text;
	} meanings[] = {
		{0, "every state that was measured is stable"},
		{10, "at least one state is unstable or insufficient"},
		{11, "at least one state is invalid"},
		{12, "a source was lost on the way"},
		{130, "interrupted; the profile has what was measured until then"},
	};

	if (run->options->quiet)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(meanings); i++)
		if (result >= 0 && meanings[i].status == run->status)
			progress_say(run->progress, "%s%s: %s",
				     run->trace->synthetic ? "SYNTHETIC (simulated node): " : "",
				     strcmp(run->output, "-") == 0 ? "profile" : run->output,
				     meanings[i].text);
}

static void run_free(struct run *run)
{
	json_decref(run->document.plan);
	json_decref(run->document.tags);
	json_decref(run->document.node);
	json_decref(run->document.warnings);
	trace_writer_close(run->writer, NULL);
	sampler_free(run->sampler);
	trace_free(run->trace);
	meter_set_close(&run->meters);
	bmc_options_free(&run->bmc);
	state_free(run->learning_load);
	stressng_close(run->stressng);
	topology_close(run->topology);
	plan_free(run->plan);
	progress_free(run->progress);
	if (run->signal_fd >= 0)
		close(run->signal_fd);
	free(run->output);
}

/* While a source was waited for, and before anything was measured. */
static int interrupted(struct run *run)
{
	progress_say(run->progress, "interrupted while the power sources were opened; nothing was measured");
	return 130;
}

/* A source that is there and is not read, beside others that are. */
static void warn_of_missing(struct run *run)
{
	for (size_t i = 0; i < run->meters.n_slots; i++) {
		const struct meter_slot *slot = &run->meters.slots[i];
		char *text;

		if (slot->meter || slot->why.kind == ERROR_ABSENT)
			continue;
		text = xasprintf("%s is not read: %s", slot->class->name, slot->why.text);
		warn(run, text);
		free(text);
	}
}

static int run_main(const struct options *options, struct error *err)
{
	struct run run = {.options = options, .signal_fd = -1};
	int result = -1;

	prctl(PR_SET_TIMERSLACK, TIMER_SLACK_NS);
	run.output = options->output ? xstrdup(options->output) : default_output();
	if (bmc_options_read(&run.bmc, options, err) || check_outputs(&run, err) || open_plan(&run, err))
		goto out;
	run.signal_fd = signals_open(err);
	if (run.signal_fd < 0)
		goto out;
	run.progress = progress_new(options->quiet, run.plan->n_states * run.plan->rounds);
	if (open_meters(&run, err)) {
		if (signals_take(run.signal_fd))
			result = interrupted(&run);
		goto out;
	}
	if (open_recording(&run, err))
		goto out;
	warn_of_missing(&run);
	if (run.trace->synthetic)
		progress_say(
			run.progress,
			"synthetic: the readings of `sim` are made up, driven by this machine's real load");
	if (strcmp(run.output, "-") == 0)
		progress_say(run.progress,
			     "the profile goes to standard output at the end: nothing is kept in a crash");
	result = conduct(&run, err);
	tell_end(&run, result);
	result = result < 0 ? -1 : run.status;
out:
	run_free(&run);
	return result;
}

const struct command command_run = {
	.name = "run",
	.operands = "[STATE...]",
	.summary = "step this node through its load states and write its power profile",
	.details = "Without STATEs, those of the plan, in its order. A STATE is a built-in name\n"
		   "(`wattstep states` lists them) or a file; the plan's rule stays. Status: 0 every state "
		   "stable, 10 some\n"
		   "unstable or insufficient, 11 some invalid, 12 a source was lost, 130 interrupted;\n"
		   "1 the work failed, 2 wrong input, 3 no power source can be read.",
	.accepted = ACCEPTS(PLAN) | ACCEPTS(METER) | ACCEPTS_BMC | ACCEPTS(OUTPUT) | ACCEPTS(TRACE) |
		    ACCEPTS(RATE) | ACCEPTS(SIM) | ACCEPTS(SIM_TRUTH) | ACCEPTS(SIM_IF_ABSENT) |
		    ACCEPTS(STRESS_NG) | ACCEPTS(NODE_NAME) | ACCEPTS(TAG) | ACCEPTS(CALIBRATION) |
		    ACCEPTS(BMC_FACTS) | ACCEPTS(IDLE_AB) | ACCEPTS(SYSFS) | ACCEPTS(PROCFS) |
		    ACCEPTS(QUIET) | ACCEPTS_ALWAYS,
	.most_operands = -1,
	.main = run_main,
};
