/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bmc_faults.h - what can be wrong with a simulated BMC, and the commands that
 * make it so.
 *
 * Two layers fail on their own: the service behind a reading (hang, slow,
 * code, short, long, garble, group, show, unavailable, stuck, half) and the whole BMC or its
 * network (silent, freeze, drop). A command is one line; times are seconds of
 * CLOCK_MONOTONIC and are passed in; the caller locks.
 */
#ifndef WATTSTEP_BMC_FAULTS_H
#define WATTSTEP_BMC_FAULTS_H

#include "tests/rigs/bmc_options.h"
#include "tests/rigs/bmc_power.h"
#include "tests/rigs/bmc_readings.h"

enum answer {
	ANSWER_RIGHT,
	ANSWER_NONE,        /* the session lives, the reading never comes */
	ANSWER_CODE,        /* a completion code alone */
	ANSWER_SHORT,       /* five bytes */
	ANSWER_LONG,        /* a few bytes more than there should be */
	ANSWER_GARBLED,     /* the right length, random bytes */
	ANSWER_GROUP,       /* another group extension's byte in front */
	ANSWER_SHOW,        /* these watts instead of the reading */
	ANSWER_UNAVAILABLE, /* no measurement: zeros and not active, a sensor without reading */
};

struct faults {
	enum answer answer;
	double answers_left;   /* INFINITY: until healed */
	double answer_until_s; /* INFINITY: for good */
	unsigned code, watts;
	double slow_s; /* each answer takes so long, and the BMC does nothing else meanwhile */
	double silent_until_s, frozen_until_s;
	double drop_pct;
	bool no_dcmi;
};

struct bmc {
	struct power power;
	struct readings readings;
	struct faults faults;
	struct averages averages;
	struct shares sensors; /* number 1 is the first */
	double epoch_s;        /* the time of day when CLOCK_MONOTONIC was 0, as its clock had it at boot */
	unsigned short random[3]; /* of what is lost or garbled */
};

static const char *answer_name(enum answer answer)
{
	static const char *const names[] = {
		[ANSWER_RIGHT] = "right", [ANSWER_NONE] = "none", [ANSWER_CODE] = "code",
		[ANSWER_SHORT] = "short", [ANSWER_LONG] = "long", [ANSWER_GARBLED] = "garbled",
		[ANSWER_GROUP] = "group", [ANSWER_SHOW] = "show", [ANSWER_UNAVAILABLE] = "unavailable",
	};

	return names[answer];
}

static int fault_answer(struct bmc *bmc, enum answer answer, double answers, double until_s)
{
	bmc->faults.answer = answer;
	bmc->faults.answers_left = answers;
	bmc->faults.answer_until_s = until_s;
	return 0;
}

/* A number that may be missing: then fallback. NAN: no number, or not above 0. */
static double number_or(const char *text, double fallback)
{
	char *end;
	double number = strtod(text, &end);

	if (*text == '\0')
		return fallback;
	return *end || !(number > 0) ? NAN : number;
}

static int command_power(struct bmc *bmc, double now_s, const char *a, const char *b)
{
	char *end;
	double power_w = strtod(a, &end), tau_s = *b ? number_or(b, 0) : 0;

	if (*a == '\0' || *end || !(power_w >= 0) || isnan(tau_s) || bmc->power.file >= 0)
		return EINVAL;
	power_set(&bmc->power, now_s, power_w, tau_s);
	return 0;
}

static int command_hang(struct bmc *bmc, double now_s, const char *a, const char *b)
{
	double for_s = number_or(a, INFINITY);

	return isnan(for_s) || *b ? EINVAL : fault_answer(bmc, ANSWER_NONE, INFINITY, now_s + for_s);
}

static int command_silent(struct bmc *bmc, double now_s, const char *a, const char *b)
{
	double for_s = number_or(a, INFINITY);

	if (isnan(for_s) || *b)
		return EINVAL;
	bmc->faults.silent_until_s = now_s + for_s;
	return 0;
}

static int command_freeze(struct bmc *bmc, double now_s, const char *a, const char *b)
{
	double for_s = number_or(a, INFINITY);

	if (isnan(for_s) || *b)
		return EINVAL;
	bmc->faults.frozen_until_s = now_s + for_s;
	return 0;
}

static int command_slow(struct bmc *bmc, double now_s, const char *a, const char *b)
{
	double for_s = number_or(a, NAN);

	(void)now_s;
	if (isnan(for_s) || *b)
		return EINVAL;
	bmc->faults.slow_s = for_s;
	return 0;
}

static int command_drop(struct bmc *bmc, double now_s, const char *a, const char *b)
{
	double pct = number_or(a, NAN);

	(void)now_s;
	if (isnan(pct) || pct > 100 || *b)
		return EINVAL;
	bmc->faults.drop_pct = pct;
	return 0;
}

static int command_code(struct bmc *bmc, double now_s, const char *a, const char *b)
{
	char *end;
	unsigned long code = strtoul(a, &end, 16);
	double times = number_or(b, INFINITY);

	(void)now_s;
	if (*a == '\0' || *end || code == 0 || code > 0xff || isnan(times))
		return EINVAL;
	bmc->faults.code = (unsigned)code;
	return fault_answer(bmc, ANSWER_CODE, times, INFINITY);
}

static int command_show(struct bmc *bmc, double now_s, const char *a, const char *b)
{
	char *end;
	unsigned long watts = strtoul(a, &end, 10);
	double times = number_or(b, INFINITY);

	(void)now_s;
	if (*a == '\0' || *end || watts > 65535 || isnan(times))
		return EINVAL;
	bmc->faults.watts = (unsigned)watts;
	return fault_answer(bmc, ANSWER_SHOW, times, INFINITY);
}

static int shape(struct bmc *bmc, enum answer answer, const char *a, const char *b)
{
	double times = number_or(a, INFINITY);

	return isnan(times) || *b ? EINVAL : fault_answer(bmc, answer, times, INFINITY);
}

static int command_short(struct bmc *bmc, double now_s, const char *a, const char *b)
{
	(void)now_s;
	return shape(bmc, ANSWER_SHORT, a, b);
}

static int command_long(struct bmc *bmc, double now_s, const char *a, const char *b)
{
	(void)now_s;
	return shape(bmc, ANSWER_LONG, a, b);
}

static int command_garble(struct bmc *bmc, double now_s, const char *a, const char *b)
{
	(void)now_s;
	return shape(bmc, ANSWER_GARBLED, a, b);
}

static int command_group(struct bmc *bmc, double now_s, const char *a, const char *b)
{
	(void)now_s;
	return shape(bmc, ANSWER_GROUP, a, b);
}

static int command_unavailable(struct bmc *bmc, double now_s, const char *a, const char *b)
{
	(void)now_s;
	return shape(bmc, ANSWER_UNAVAILABLE, a, b);
}

static int command_stuck(struct bmc *bmc, double now_s, const char *a, const char *b)
{
	(void)now_s;
	if (*a || *b)
		return EINVAL;
	bmc->readings.stuck = true;
	return 0;
}

static int command_half(struct bmc *bmc, double now_s, const char *a, const char *b)
{
	(void)now_s;
	if (*a || *b)
		return EINVAL;
	bmc->readings.factor = 0.5;
	return 0;
}

static int command_dcmi(struct bmc *bmc, double now_s, const char *a, const char *b)
{
	(void)now_s;
	if ((strcmp(a, "on") != 0 && strcmp(a, "off") != 0) || *b)
		return EINVAL;
	bmc->faults.no_dcmi = strcmp(a, "off") == 0;
	return 0;
}

static int command_heal(struct bmc *bmc, double now_s, const char *a, const char *b)
{
	(void)now_s;
	if (*a || *b)
		return EINVAL;
	bmc->faults = (struct faults){.no_dcmi = bmc->faults.no_dcmi};
	bmc->readings.stuck = false;
	bmc->readings.factor = 1;
	return 0;
}

static const struct bmc_command {
	const char *name;
	int (*obey)(struct bmc *bmc, double now_s, const char *a, const char *b);
} bmc_commands[] = {
	{"power", command_power},   /* power W [TAU_S]: what a node without energy file draws */
	{"hang", command_hang},     /* hang [S]: readings are not answered; sessions and all else are */
	{"silent", command_silent}, /* silent [S]: nothing is answered; what was asked meanwhile never is */
	{"freeze", command_freeze}, /* freeze [S]: the BMC does nothing; what was asked is answered late */
	{"slow", command_slow},     /* slow S: each reading takes so long */
	{"drop", command_drop},     /* drop PCT: of all packets that it sends */
	{"code", command_code},     /* code HEX [N]: readings fail with that completion code, N times */
	{"show", command_show},     /* show W [N]: readings say W */
	{"short", command_short},   /* short [N]: five bytes; one of a sensor */
	{"long", command_long},     /* long [N]: four bytes too many */
	{"garble", command_garble}, /* garble [N]: random bytes */
	{"group", command_group},   /* group [N]: another group's byte in front */
	{"unavailable", command_unavailable}, /* unavailable [N]: not active, zeros */
	{"stuck", command_stuck},             /* no more updates */
	{"half", command_half},               /* it sees half the power: one of two supplies */
	{"dcmi", command_dcmi},               /* dcmi off: 0xC1 for all of DCMI; dcmi on */
	{"heal", command_heal},               /* none of these any more; dcmi and power stay */
};

/* One line: COMMAND [ARGUMENT [ARGUMENT]]. 0 or EINVAL. */
static int bmc_obey(struct bmc *bmc, double now_s, const char *line)
{
	char name[16] = "", a[32] = "", b[32] = "", rest[2] = "";

	if (sscanf(line, "%15s %31s %31s %1s", name, a, b, rest) < 1 || *rest)
		return EINVAL;
	for (size_t i = 0; i < sizeof bmc_commands / sizeof bmc_commands[0]; i++)
		if (strcmp(bmc_commands[i].name, name) == 0)
			return bmc_commands[i].obey(bmc, now_s, a, b);
	return EINVAL;
}

/* Whether the packet that is about to be sent gets lost. */
static bool faults_lose(struct bmc *bmc, double now_s)
{
	return now_s < bmc->faults.silent_until_s || 100 * erand48(bmc->random) < bmc->faults.drop_pct;
}

/* What the next answer with a reading has to be like. */
static enum answer faults_next_answer(struct faults *faults, double now_s)
{
	if (faults->answer == ANSWER_RIGHT || faults->answers_left <= 0 || now_s >= faults->answer_until_s)
		return ANSWER_RIGHT;
	faults->answers_left--;
	return faults->answer;
}

#endif
