/* SPDX-License-Identifier: GPL-2.0-only */
/* Moments of the kernel's clock, for people and for programs. */
#ifndef TMEMCTL_WHEN_H
#define TMEMCTL_WHEN_H

#include <stdint.h>

/* struct when_text - by value, so that several fit in one printf() */
struct when_text {
	char text[40];
};

/* A moment of CLOCK_MONOTONIC, as far as the clock was not set since. */
struct when_text when_clock(uint64_t ns); /* 13:05:10.123, local time */
struct when_text when_iso(uint64_t ns); /* 2026-11-22T13:05:10.123Z */

/* How long that is ago, in ns; not below 0. */
uint64_t when_ago(uint64_t ns);

struct when_text when_span(uint64_t ns); /* 3 min 12 s */

#endif /* TMEMCTL_WHEN_H */
