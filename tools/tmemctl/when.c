// SPDX-License-Identifier: GPL-2.0-only
/*
 * when - moments of the kernel's clock, for people and for programs.
 *
 * The module tells times of CLOCK_MONOTONIC, which mean nothing to a reader
 * of a log.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <time.h>

#include "clock.h"
#include "when.h"

#define SECOND 1000000000ULL

uint64_t when_ago(uint64_t ns)
{
	uint64_t now = clock_ns();

	return ns < now ? now - ns : 0;
}

/* Returns the milliseconds of the second. */
static unsigned int wall(uint64_t ns, time_t *seconds)
{
	struct timespec now;
	uint64_t at;

	clock_gettime(CLOCK_REALTIME, &now);
	at = (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec;
	at -= when_ago(ns);
	*seconds = (time_t)(at / SECOND);
	return (unsigned int)(at % SECOND / 1000000);
}

struct when_text when_clock(uint64_t ns)
{
	struct when_text t;
	struct tm tm;
	time_t seconds;
	unsigned int ms = wall(ns, &seconds);

	localtime_r(&seconds, &tm);
	snprintf(t.text, sizeof(t.text), "%02d:%02d:%02d.%03u", tm.tm_hour,
		 tm.tm_min, tm.tm_sec, ms);
	return t;
}

struct when_text when_iso(uint64_t ns)
{
	struct when_text t;
	char day[24];
	struct tm tm;
	time_t seconds;
	unsigned int ms = wall(ns, &seconds);

	gmtime_r(&seconds, &tm);
	strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(t.text, sizeof(t.text), "%s.%03uZ", day, ms);
	return t;
}

struct when_text when_span(uint64_t ns)
{
	unsigned long long s = ns / SECOND;
	struct when_text t;

	if (s < 60)
		snprintf(t.text, sizeof(t.text), "%llu s", s);
	else if (s < 3600)
		snprintf(t.text, sizeof(t.text), "%llu min %llu s", s / 60,
			 s % 60);
	else if (s < 86400)
		snprintf(t.text, sizeof(t.text), "%llu h %llu min", s / 3600,
			 s / 60 % 60);
	else
		snprintf(t.text, sizeof(t.text), "%llu d %llu h", s / 86400,
			 s / 3600 % 24);
	return t;
}
