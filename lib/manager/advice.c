// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * All rules in turn, and the order of what they say.
 */
#include "manager/advice.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <tmem/arena.h>

void tmem_advice_text(struct tmem_advice *advice, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(advice->text, sizeof(advice->text), format, args);
	va_end(args);
}

void tmem_advice_command(struct tmem_advice *advice, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(advice->command, sizeof(advice->command), format, args);
	va_end(args);
}

void tmem_advice_max_bytes(const struct tmem_advice_inputs *in,
			   struct tmem_advice *advice, unsigned long long mib)
{
	/* What the program has set goes before the environment. */
	if (in->max_bytes != UINT64_MAX && !in->env.max_bytes)
		tmem_advice_command(advice,
				    "tmem_config.max_bytes = %llu << 20", mib);
	else
		tmem_advice_command(advice, "TMEM_MAX_BYTES=%lluM", mib);
}

void tmem_advice_adaptive(const struct tmem_advice_inputs *in,
			  struct tmem_advice *advice)
{
	tmem_advice_command(
		advice,
		in->env.strategy ?
			"TMEM_STRATEGY=adaptive" :
			"tmem_config.strategy = TMEM_STRATEGY_ADAPTIVE");
}

/* In whole numbers: printf() of a double asks the locale, and may allocate. */
struct tmem_advice_size tmem_advice_bytes(uint64_t bytes)
{
	static const char *const units[] = { "B",   "KiB", "MiB",
					     "GiB", "TiB", "PiB" };
	struct tmem_advice_size size;
	uint64_t whole = bytes;
	unsigned int unit = 0, tenths = 0;

	while (whole >= 1024 && unit < 5) {
		tenths = (unsigned int)(whole % 1024 * 10 / 1024);
		whole /= 1024;
		unit++;
	}
	if (unit)
		snprintf(size.text, sizeof(size.text), "%llu.%u %s",
			 (unsigned long long)whole, tenths, units[unit]);
	else
		snprintf(size.text, sizeof(size.text), "%llu B",
			 (unsigned long long)whole);
	return size;
}

unsigned int tmem_advice_percent(uint64_t part, uint64_t whole)
{
	if (!whole)
		return 0;
	if (part >= whole)
		return 100;
	return (unsigned int)((double)part / (double)whole * 100);
}

unsigned int tmem_advice_ratio(double ratio)
{
	if (!(ratio > 0))
		return 0;
	return ratio < 1 ? (unsigned int)(ratio * 100) : 100;
}

uint64_t tmem_advice_idle(const struct tmem_advice_inputs *in)
{
	return in->stats.spans_idle * TMEM_SPAN_BYTES;
}

uint64_t tmem_advice_between(const struct tmem_advice_inputs *in)
{
	uint64_t idle = tmem_advice_idle(in);

	return in->stats.free_bytes > idle ? in->stats.free_bytes - idle : 0;
}

/* Behind those that are as urgent, so that the tables' order decides. */
static void advice_insert(struct tmem_advice *advice, uint32_t *n,
			  const struct tmem_advice *one)
{
	uint32_t at = *n;

	while (at && advice[at - 1].severity < one->severity)
		at--;
	memmove(&advice[at + 1], &advice[at], (*n - at) * sizeof(*advice));
	advice[at] = *one;
	(*n)++;
}

static void advice_apply(const struct tmem_advice_inputs *in,
			 const struct tmem_advice_rule *rule,
			 struct tmem_advice *advice, uint32_t *n)
{
	struct tmem_advice one;

	memset(&one, 0, sizeof(one));
	if (*n == TMEM_ADVICE_MAX || !rule->applies(in, &one))
		return;
	strncpy(one.id, rule->id, sizeof(one.id) - 1);
	/* NaN goes to the end. */
	if (!(one.severity >= 0))
		one.severity = 0;
	if (one.severity > 1)
		one.severity = 1;
	advice_insert(advice, n, &one);
}

uint32_t tmem_advice_of(const struct tmem_advice_inputs *in,
			struct tmem_advice advice[TMEM_ADVICE_MAX])
{
	const struct tmem_advice_rule *const tables[] = {
		tmem_advice_limits,
		tmem_advice_waste,
		tmem_advice_pages,
		tmem_advice_program,
	};
	const struct tmem_advice_rule *rule;
	uint32_t n = 0;
	size_t i;

	for (i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		for (rule = tables[i]; rule->id; rule++)
			advice_apply(in, rule, advice, &n);
	return n;
}
