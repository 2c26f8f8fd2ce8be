// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What a program may ask of the optimizer.
 */
#include <errno.h>
#include <string.h>

#include "arena/spans.h"
#include "core/settings.h"
#include "gc/gc.h"
#include "optimizer/optimizer.h"
#include "pool/detail.h"
#include "pool/heap.h"

/* The first step begins now. */
static void optimizer_begin(void)
{
	struct tmem_detail detail;

	tmem_detail_get(&detail);
	if (!tmem_heap_enter_if_ready())
		return;
	tmem_tally_start(detail.tier, tmem_optimizer_now_ns());
	tmem_heap_leave();
}

int tmem_optimizer_config_get(struct tmem_optimizer_config *to)
{
	struct tmem_optimizer_config now;

	pthread_mutex_lock(&tmem_optimizer.lock);
	now = tmem_optimizer.config;
	pthread_mutex_unlock(&tmem_optimizer.lock);
	return tmem_struct_put(to, &now, sizeof(now)) ? 0 : -EINVAL;
}

static void config_put(const struct tmem_optimizer_config *config)
{
	struct tmem_optimizer *o = &tmem_optimizer;

	pthread_mutex_lock(&o->lock);
	o->config = *config;
	o->hold = 0;
	atomic_store(&tmem_optimizer_on, !config->off);
	pthread_mutex_unlock(&o->lock);
}

int tmem_optimizer_config_set(const struct tmem_optimizer_config *config)
{
	struct tmem_optimizer_config asked, made;
	int err;

	if (!tmem_struct_get(&asked, sizeof(asked), config) ||
	    tmem_optimizer_config_make(&made, &asked))
		return -EINVAL;
	err = tmem_init(NULL);
	if (err)
		return err;
	if (!made.off && !tmem_optimizer_is_on())
		optimizer_begin();
	config_put(&made);
	/* What it did before ends, or begins. */
	if (!tmem_gc_kick())
		while (tmem_optimizer_work(false))
			;
	return 0;
}

int tmem_optimizer_set_strategy(enum tmem_optimizer_strategy strategy)
{
	struct tmem_optimizer_config config = TMEM_OPTIMIZER_CONFIG_INIT;

	tmem_optimizer_config_get(&config);
	config.off = 0;
	config.strategy = strategy;
	return tmem_optimizer_config_set(&config);
}

enum tmem_optimizer_strategy tmem_optimizer_get_strategy(void)
{
	struct tmem_optimizer_config config = TMEM_OPTIMIZER_CONFIG_INIT;

	tmem_optimizer_config_get(&config);
	return (enum tmem_optimizer_strategy)config.strategy;
}

void tmem_optimizer_open(unsigned int strategy)
{
	struct tmem_optimizer_config config = TMEM_OPTIMIZER_CONFIG_INIT;

	/* What the program set before goes before the environment. */
	if (tmem_optimizer_is_on())
		return;
	tmem_optimizer_config_get(&config);
	config.off = 0;
	config.strategy = strategy;
	tmem_tally_start(tmem_heap_count()->tier, tmem_optimizer_now_ns());
	config_put(&config);
}

int tmem_optimizer_stats_get(struct tmem_optimizer_stats *to)
{
	struct tmem_optimizer *o = &tmem_optimizer;
	struct tmem_optimizer_stats now;

	pthread_mutex_lock(&o->lock);
	now = o->stats;
	now.strategy = o->config.strategy;
	if (o->config.strategy != TMEM_OPTIMIZER_ADAPTIVE)
		now.acting = o->config.strategy;
	pthread_mutex_unlock(&o->lock);
	now.running = tmem_optimizer_is_on();
	tmem_heap_enter_anyway();
	now.prepared_spans = tmem_spans_stats.fetched;
	now.prepared_used = tmem_spans_stats.fetched_used;
	now.prepared_wasted = tmem_spans_stats.fetched_lost;
	tmem_heap_leave();
	return tmem_struct_put(to, &now, sizeof(now)) ? 0 : -EINVAL;
}
