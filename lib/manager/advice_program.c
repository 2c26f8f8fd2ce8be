// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Rules about what the program does: leaks, misuse, copies, and whether anybody
 * looks.
 */
#include "manager/advice.h"

static bool looks(const struct tmem_advice_inputs *in)
{
	return in->analytics.mode != TMEM_ANALYTICS_OFF;
}

/* Without a socket tmemctl cannot ask; the program can ask itself. */
static void leak_command(const struct tmem_advice_inputs *in,
			 struct tmem_advice *advice)
{
	if (in->asked)
		tmem_advice_command(advice, "tmemctl leaks -p %d", in->pid);
	else
		tmem_advice_command(
			advice,
			"tmem_site_get(%u, &site), or TMEM_CONTROL=on and tmemctl leaks",
			in->worst.site);
}

static bool leak(const struct tmem_advice_inputs *in,
		 struct tmem_advice *advice)
{
	double pace = in->worst.bytes_per_step;

	if (!in->leaks)
		return false;
	advice->severity =
		0.5 +
		0.004 * tmem_advice_percent(in->leaked, in->stats.live_bytes);
	tmem_advice_text(
		advice,
		"sites that leak: %u, with %s, %u %% of what is live; site %u%s%.40s grows by %s a step since step %u",
		in->leaks, tmem_advice_bytes(in->leaked).text,
		tmem_advice_percent(in->leaked, in->stats.live_bytes),
		in->worst.site, in->worst_name[0] ? ", " : "", in->worst_name,
		tmem_advice_bytes(pace > 0 && pace < 1e18 ? (uint64_t)pace : 0)
			.text,
		in->worst.since_step);
	leak_command(in, advice);
	return true;
}

static bool steps_unmarked(const struct tmem_advice_inputs *in,
			   struct tmem_advice *advice)
{
	if (!looks(in) || in->analytics_stats.steps ||
	    in->analytics_stats.samples < 100 ||
	    in->stats.live_bytes < TMEM_ADVICE_MUCH)
		return false;
	advice->severity = 0.15;
	tmem_advice_text(
		advice,
		"%llu blocks were recorded and no step was marked: leaks are found over steps, so none is",
		(unsigned long long)in->analytics_stats.samples);
	tmem_advice_command(advice, "tmem_step_mark(NULL), after each step");
	return true;
}

/* Nobody could say who holds it, just when that is going to be asked. */
static bool analytics_off(const struct tmem_advice_inputs *in,
			  struct tmem_advice *advice)
{
	const struct tmem_stats *s = &in->stats;

	if (looks(in) || s->live_bytes < TMEM_ADVICE_MUCH ||
	    in->sample.level < TMEM_LEVEL_MEDIUM ||
	    tmem_advice_percent(s->live_bytes, s->peak_live_bytes) < 90)
		return false;
	advice->severity = 0.1 + 0.3 * in->sample.ratio;
	tmem_advice_text(
		advice,
		"%s are live, the most so far, at level %s, and nobody records who holds them",
		tmem_advice_bytes(s->live_bytes).text,
		tmem_level_name((enum tmem_level)in->sample.level));
	tmem_advice_command(
		advice,
		in->env.analytics ?
			"tmem_analytics_set(&config), with mode = TMEM_ANALYTICS_ON" :
			"TMEM_ANALYTICS=on");
	return true;
}

static bool misuse(const struct tmem_advice_inputs *in,
		   struct tmem_advice *advice)
{
	if (!in->stats.misuse)
		return false;
	advice->severity = 0.8;
	tmem_advice_text(
		advice,
		"pointers freed that are no live block, or blocks written over: %llu; the program has a bug",
		(unsigned long long)in->stats.misuse);
	/* In guard mode the reports have all there is. */
	tmem_advice_command(advice, in->guard ? "tmem_set_log(fn, ctx)" :
						"TMEM_DEBUG=guard");
	return true;
}

static bool guard_on(const struct tmem_advice_inputs *in,
		     struct tmem_advice *advice)
{
	if (!in->guard || !in->stats.allocs)
		return false;
	advice->severity = 0.2;
	tmem_advice_text(
		advice,
		"guard mode is on: each of %llu allocations took a lock, and each of %llu blocks 128 bytes more",
		(unsigned long long)in->stats.allocs,
		(unsigned long long)in->stats.live_blocks);
	tmem_advice_command(advice, in->env.debug ? "unset TMEM_DEBUG" :
						    "tmem_config.debug = 0");
	return true;
}

/* 60 % without a copy are promised. */
static bool copies(const struct tmem_advice_inputs *in,
		   struct tmem_advice *advice)
{
	const struct tmem_tensor_stats *t = &in->tensors;
	unsigned int percent =
		tmem_advice_percent(t->copies, t->copies + t->views);

	if (percent < 40 || t->copied_bytes < TMEM_ADVICE_MUCH)
		return false;
	advice->severity = 0.15 + 0.002 * percent;
	tmem_advice_text(
		advice,
		"%llu of %llu tensors that could be views were copied, %u %%, %s in all",
		(unsigned long long)t->copies,
		(unsigned long long)(t->copies + t->views), percent,
		tmem_advice_bytes(t->copied_bytes).text);
	tmem_advice_command(
		advice,
		"tmem_tensor_lazy_copy(tensor), instead of tmem_tensor_copy()");
	return true;
}

/* A sealed one is no block any more, and does not come here. */
static bool seal(const struct tmem_advice_inputs *in,
		 struct tmem_advice *advice)
{
	unsigned int percent =
		tmem_advice_percent(in->equal_bytes, in->stats.live_bytes);

	if (in->equal_bytes < TMEM_ADVICE_MUCH)
		return false;
	advice->severity = 0.2 + 0.004 * percent;
	tmem_advice_text(
		advice,
		"large blocks that look the same as others: %u, with %s, %u %% of what is live (16 samples of each)",
		in->equal, tmem_advice_bytes(in->equal_bytes).text, percent);
	tmem_advice_command(
		advice,
		"tmem_seal(NULL, block, size, 0), for what is written once");
	return true;
}

const struct tmem_advice_rule tmem_advice_program[] = {
	{ "leak", leak },
	{ "misuse", misuse },
	{ "guard-on", guard_on },
	{ "analytics-off", analytics_off },
	{ "steps-unmarked", steps_unmarked },
	{ "copies", copies },
	{ "seal", seal },
	{ NULL, NULL },
};
