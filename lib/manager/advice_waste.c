// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Rules about memory that is held for nothing: idle, between blocks, inside of
 * them, in threads' caches.
 */
#include <tmem/arena.h>

#include "manager/advice.h"

static uint32_t decay_ms(const struct tmem_advice_inputs *in)
{
	return in->gc.level[TMEM_LEVEL_LOW].interval_ms;
}

static bool gc_off(const struct tmem_advice_inputs *in,
		   struct tmem_advice *advice)
{
	uint64_t idle = tmem_advice_idle(in);
	unsigned int percent = tmem_advice_percent(idle, in->stats.held_bytes);

	if (!in->gc.off || idle < TMEM_ADVICE_MUCH || percent < 10)
		return false;
	advice->severity = 0.3 + 0.5 * in->sample.ratio;
	tmem_advice_text(
		advice,
		"the collector is off, and %s are idle, %u %% of what is held: nobody gives them back",
		tmem_advice_bytes(idle).text, percent);
	tmem_advice_command(
		advice, in->env.gc ?
				"TMEM_GC=on" :
				"tmem_gc_config_set(&config), with off = 0");
	return true;
}

/* By default nobody waits longer than five minutes. */
static bool gc_slow(const struct tmem_advice_inputs *in,
		    struct tmem_advice *advice)
{
	uint64_t idle = tmem_advice_idle(in);
	unsigned int percent = tmem_advice_percent(idle, in->stats.held_bytes);

	if (in->gc.off || decay_ms(in) <= 300000 || idle < TMEM_ADVICE_MUCH ||
	    percent < 25)
		return false;
	advice->severity = 0.2 + 0.4 * in->sample.ratio;
	tmem_advice_text(
		advice,
		"%s are idle, %u %% of what is held, and are kept for %u s",
		tmem_advice_bytes(idle).text, percent, decay_ms(in) / 1000);
	tmem_advice_command(
		advice,
		in->env.decay ?
			"TMEM_GC_DECAY_MS=300000" :
			"tmem_gc_config_set(&config), with level[0].interval_ms = 300000");
	return true;
}

static bool gc_held(const struct tmem_advice_inputs *in,
		    struct tmem_advice *advice)
{
	if (in->gc_stats.source != TMEM_GC_SOURCE_SET || in->gc.off ||
	    in->sample.level < TMEM_LEVEL_HIGH ||
	    in->gc_stats.level >= in->sample.level ||
	    tmem_advice_idle(in) < TMEM_ADVICE_MUCH)
		return false;
	advice->severity = 0.6;
	tmem_advice_text(
		advice,
		"the collector was told to act as at level %s, and the level is %s, with %s idle",
		tmem_level_name((enum tmem_level)in->gc_stats.level),
		tmem_level_name((enum tmem_level)in->sample.level),
		tmem_advice_bytes(tmem_advice_idle(in)).text);
	tmem_advice_command(advice, "tmem_gc_level_set(TMEM_GC_LEVEL_AUTO)");
	return true;
}

static bool gc_threadless(const struct tmem_advice_inputs *in,
			  struct tmem_advice *advice)
{
	if (in->gc.off || in->gc_stats.running ||
	    !in->gc_stats.thread_failures ||
	    tmem_advice_idle(in) < TMEM_ADVICE_MUCH)
		return false;
	advice->severity = 0.3;
	tmem_advice_text(
		advice,
		"the collector's thread could not be made, %u times: the %s that are idle stay until somebody allocates",
		in->gc_stats.thread_failures,
		tmem_advice_bytes(tmem_advice_idle(in)).text);
	tmem_advice_command(advice, "ulimit -u unlimited");
	return true;
}

/* Guard mode wastes more, and is another rule's. */
static bool waste_between(const struct tmem_advice_inputs *in,
			  struct tmem_advice *advice)
{
	uint64_t lost = tmem_advice_between(in);
	unsigned int percent = tmem_advice_percent(lost, in->stats.held_bytes);

	if (in->guard || lost < TMEM_ADVICE_MUCH || percent < 10)
		return false;
	advice->severity = 0.2 + 0.006 * percent;
	tmem_advice_text(
		advice,
		"%s are free between blocks, in %llu pieces, %u %% of what is held%s",
		tmem_advice_bytes(lost).text,
		(unsigned long long)in->stats.chunks, percent,
		in->handles ? "; there are handles, whose blocks can be moved" :
			      "");
	if (in->handles)
		tmem_advice_command(advice,
				    "tmem_defragment(NULL, UINT64_MAX, NULL)");
	else if (in->strategy != TMEM_STRATEGY_ADAPTIVE)
		tmem_advice_adaptive(in, advice);
	else
		tmem_advice_command(
			advice,
			"tmem_handle_new(NULL, size), for what lives long: tmem_defragment() moves it");
	return true;
}

/* What bins round up is theirs; only a choice can be another. */
static bool waste_inside(const struct tmem_advice_inputs *in,
			 struct tmem_advice *advice)
{
	unsigned int percent = tmem_advice_percent(in->stats.waste_bytes,
						   in->stats.live_bytes);

	if (in->strategy != TMEM_STRATEGY_SIZE_CLASS || in->guard ||
	    in->stats.waste_bytes < TMEM_ADVICE_MUCH || percent < 5)
		return false;
	advice->severity = 0.2 + 0.01 * percent;
	tmem_advice_text(
		advice,
		"%s, %u %% of what is live, were not asked for: the strategy size-class rounds up",
		tmem_advice_bytes(in->stats.waste_bytes).text, percent);
	tmem_advice_adaptive(in, advice);
	return true;
}

/*
 * In busy spans, in no block, and in no free piece: free blocks of bins.  The
 * collector takes what idle threads keep back by itself.
 */
static bool thread_caches(const struct tmem_advice_inputs *in,
			  struct tmem_advice *advice)
{
	uint64_t busy = in->stats.spans_busy * TMEM_SPAN_BYTES;
	uint64_t used = in->stats.live_bytes + tmem_advice_between(in);
	uint64_t kept = busy > used ? busy - used : 0;
	unsigned int percent = tmem_advice_percent(kept, in->stats.held_bytes);

	if (!in->gc.off || in->guard || kept < TMEM_ADVICE_MUCH || percent < 10)
		return false;
	advice->severity = 0.15 + 0.004 * percent;
	tmem_advice_text(
		advice,
		"%s, %u %% of what is held, are free blocks of up to 32 KiB, kept by threads or beside live ones, and the collector is off",
		tmem_advice_bytes(kept).text, percent);
	tmem_advice_command(advice, "tmem_trim(SIZE_MAX)");
	return true;
}

const struct tmem_advice_rule tmem_advice_waste[] = {
	{ "gc-off", gc_off },
	{ "gc-slow", gc_slow },
	{ "gc-level-set", gc_held },
	{ "gc-no-thread", gc_threadless },
	{ "waste-between", waste_between },
	{ "waste-inside", waste_inside },
	{ "thread-caches", thread_caches },
	{ NULL, NULL },
};
