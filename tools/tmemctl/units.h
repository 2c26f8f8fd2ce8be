/* SPDX-License-Identifier: GPL-2.0-only */
/* Figures for people. */
#ifndef TMEMCTL_UNITS_H
#define TMEMCTL_UNITS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * struct unit_text - a figure for people.  Returned by value, so that several
 * fit in one printf(): units_bytes(n).text
 */
struct unit_text {
	char text[32];
};

struct unit_text units_bytes(uint64_t bytes); /* 880.1 MiB */
struct unit_text units_count(uint64_t count); /* 1,234,567 */
struct unit_text units_ns(double ns); /* 3.10 us */
struct unit_text units_ms(double ms); /* 45.6 ms */
struct unit_text units_percent(double ratio); /* 98.7 % */

/*
 * units_parse() - "64M", "1GiB", "2097152": bytes.  False if it is misspelt or
 * too large.
 */
bool units_parse(const char *text, uint64_t *bytes);

#endif /* TMEMCTL_UNITS_H */
