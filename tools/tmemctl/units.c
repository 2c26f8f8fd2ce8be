// SPDX-License-Identifier: GPL-2.0-only
/*
 * units - figures for people.  Machines get --json.
 */
#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "units.h"

struct unit_text units_bytes(uint64_t bytes)
{
	static const char *const names[] = { "KiB", "MiB", "GiB",
					     "TiB", "PiB", "EiB" };
	double value = (double)bytes / 1024;
	struct unit_text t;
	size_t i = 0;

	if (bytes < 1024) {
		snprintf(t.text, sizeof(t.text), "%u B", (unsigned int)bytes);
		return t;
	}
	for (; value >= 1023.95 && i < 5; i++)
		value /= 1024;
	snprintf(t.text, sizeof(t.text), "%.1f %s", value, names[i]);
	return t;
}

struct unit_text units_count(uint64_t count)
{
	char plain[32];
	struct unit_text t;
	size_t n, i, used = 0;

	n = (size_t)snprintf(plain, sizeof(plain), "%llu",
			     (unsigned long long)count);
	for (i = 0; i < n; i++) {
		if (i && (n - i) % 3 == 0)
			t.text[used++] = ',';
		t.text[used++] = plain[i];
	}
	t.text[used] = 0;
	return t;
}

static struct unit_text scaled(double value, double step,
			       const char *const *names, size_t count)
{
	struct unit_text t;
	size_t i = 0;

	for (; value >= step && i + 1 < count; i++)
		value /= step;
	snprintf(t.text, sizeof(t.text), value < 10 ? "%.2f %s" : "%.1f %s",
		 value, names[i]);
	return t;
}

struct unit_text units_ns(double ns)
{
	static const char *const names[] = { "ns", "us", "ms", "s" };

	return scaled(ns, 1000, names, 4);
}

struct unit_text units_ms(double ms)
{
	static const char *const names[] = { "ms", "s" };

	return scaled(ms, 1000, names, 2);
}

struct unit_text units_percent(double ratio)
{
	struct unit_text t;

	snprintf(t.text, sizeof(t.text), "%.1f %%", ratio * 100);
	return t;
}

/* "K", "KiB" and so on, in either case: a power of two.  -1: none of them. */
static int unit_shift(const char *unit)
{
	static const char letters[] = "kmgtpe";
	const char *letter;

	if (!*unit || !strcasecmp(unit, "b"))
		return 0;
	letter = strchr(letters, tolower((unsigned char)*unit));
	if (!letter || (unit[1] && strcasecmp(unit + 1, "ib")))
		return -1;
	return 10 * (int)(letter - letters + 1);
}

bool units_parse(const char *text, uint64_t *bytes)
{
	unsigned long long value;
	char *end;
	int shift;

	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	value = strtoull(text, &end, 10);
	shift = unit_shift(end + (*end == ' '));
	if (errno || shift < 0 || value > UINT64_MAX >> shift)
		return false;
	*bytes = (uint64_t)value << shift;
	return true;
}
