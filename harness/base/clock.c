/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "harness/base/clock.h"

#include <stdio.h>
#include <time.h>

#define NS_PER_S 1000000000LL

static int64_t clock_ns(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return now.tv_sec * NS_PER_S + now.tv_nsec;
}

mono_t mono_now(void)
{
	return (mono_t){clock_ns(CLOCK_MONOTONIC)};
}

double mono_between_s(mono_t a, mono_t b)
{
	return (double)(b.ns - a.ns) / NS_PER_S;
}

mono_t mono_after_s(mono_t t, double seconds)
{
	return (mono_t){t.ns + (int64_t)(seconds * NS_PER_S)};
}

double clock_suspended_s(void)
{
	return (double)(clock_ns(CLOCK_BOOTTIME) - clock_ns(CLOCK_MONOTONIC)) / NS_PER_S;
}

void clock_rfc3339_now(char out[CLOCK_RFC3339_SIZE])
{
	struct timespec now;
	struct tm utc;
	size_t used;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	used = strftime(out, CLOCK_RFC3339_SIZE, "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(out + used, CLOCK_RFC3339_SIZE - used, ".%03dZ", (int)(now.tv_nsec / 1000000));
}
