/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "harness/progress.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "harness/base/clock.h"
#include "harness/base/text.h"

/* A line drawn each second would wake the terminal and its network connection while idle is being measured.
 */
#define DRAW_EVERY_S 2.0

struct progress {
	bool quiet, terminal, drawn;
	size_t n_states, state;
	char name[64];
	mono_t drawn_at, state_at;
	double left_s;
};

struct progress *progress_new(bool quiet, size_t n_states)
{
	struct progress *progress = xcalloc(1, sizeof *progress);

	progress->quiet = quiet;
	progress->terminal = isatty(STDERR_FILENO);
	progress->n_states = n_states;
	return progress;
}

static void wipe(struct progress *progress)
{
	if (progress->drawn)
		fputs("\r\033[K", stderr);
	progress->drawn = false;
}

void progress_free(struct progress *progress)
{
	if (!progress)
		return;
	wipe(progress);
	free(progress);
}

static void say(struct progress *progress, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));
static void say(struct progress *progress, const char *format, va_list args)
{
	wipe(progress);
	fputs("wattstep: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
}

void progress_tell(struct progress *progress, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (!progress->quiet)
		say(progress, format, args);
	va_end(args);
}

void progress_say(struct progress *progress, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(progress, format, args);
	va_end(args);
}

void progress_state(struct progress *progress, const char *name, double left_s)
{
	progress->state++;
	progress->state_at = mono_now();
	progress->drawn_at = (mono_t){0};
	progress->left_s = left_s;
	snprintf(progress->name, sizeof progress->name, "%s", name);
	if (!progress->quiet && !progress->terminal)
		fprintf(stderr, "[%zu/%zu] %s: starts, at most %.0f s to the end of the run\n",
			progress->state, progress->n_states, progress->name, left_s);
}

static void append_watts(char *text, size_t size, const struct sampler *sampler)
{
	for (enum source s = 0; s < SOURCES; s++) {
		double w = sampler_live_w(sampler, s);
		size_t used = strlen(text);

		if (!isnan(w))
			snprintf(text + used, size - used, "  %s %.1f W", source_name(s), w);
	}
}

static const char *waiting_text(const struct judge_waiting *waiting)
{
	switch (waiting->reason) {
	case REASON_NONE:
		return "a second pass";
	case REASON_SHORT:
	case REASON_MISSING:
		return "a long enough window";
	case REASON_DRIFT:
		return "the drift to end";
	case REASON_SHIFT:
		return "one level";
	default:
		return "more precision";
	}
}

static void append_waiting(char *text, size_t size, const struct judge *judge)
{
	struct judge_waiting waiting;
	size_t used = strlen(text);

	if (!judge) {
		snprintf(text + used, size - used, "  load starts");
		return;
	}
	judge_waits_for(judge, &waiting);
	snprintf(text + used, size - used, "  waits for %s", waiting_text(&waiting));
	used = strlen(text);
	if (waiting.reason == REASON_DRIFT || waiting.reason == REASON_SHIFT ||
	    waiting.reason == REASON_IMPRECISE)
		snprintf(text + used, size - used, " (%s)", source_name(waiting.source));
}

/* As wide as the terminal, so that one line stays one line. */
static void draw(struct progress *progress, const char *text)
{
	struct winsize window = {0};
	int width =
		ioctl(STDERR_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 1 ? window.ws_col - 1 : 79;

	fprintf(stderr, "\r%.*s\033[K", width, text);
	progress->drawn = true;
}

void progress_look(struct progress *progress, const struct sampler *sampler, const struct judge *judge)
{
	char text[512];
	double left_s;
	size_t used;

	if (progress->quiet || !progress->terminal ||
	    (progress->drawn_at.ns && mono_between_s(progress->drawn_at, mono_now()) < DRAW_EVERY_S))
		return;
	progress->drawn_at = mono_now();
	left_s = fmax(0, progress->left_s - mono_between_s(progress->state_at, mono_now()));
	snprintf(text, sizeof text, "[%zu/%zu] %s", progress->state, progress->n_states, progress->name);
	append_watts(text, sizeof text, sampler);
	used = strlen(text);
	snprintf(text + used, sizeof text - used, "  at most %.0f:%02.0f left", floor(left_s / 60),
		 floor(fmod(left_s, 60)));
	append_waiting(text, sizeof text, judge);
	draw(progress, text);
}

void progress_verdict(struct progress *progress, const struct judgement *judgement)
{
	const char *between = "";

	wipe(progress);
	if (progress->quiet)
		return;
	fprintf(stderr, "[%zu/%zu] %-11s  %s", progress->state, progress->n_states, progress->name,
		verdict_name(judgement->verdict));
	if (judgement->reason != REASON_NONE)
		fprintf(stderr, " (%s)", reason_name(judgement->reason));
	for (enum source s = 0; s < SOURCES; s++)
		if (judgement->sources[s].present) {
			fprintf(stderr, "%s  %s %.2f", between, source_name(s),
				judgement->sources[s].estimate.mean_w);
			if (isfinite(judgement->sources[s].u95_w))
				fprintf(stderr, " +- %.2f", judgement->sources[s].u95_w);
			between = " W";
		}
	fputs(between, stderr);
	if (!isnan(judgement->window_start_s))
		fprintf(stderr, "  settled %.0f s, window %.0f s",
			judgement->window_start_s - judgement->began_s,
			judgement->window_end_s - judgement->window_start_s);
	fputc('\n', stderr);
}
