/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Made-up situations for the tests of advice: a process in which nothing is wrong,
 * and what can be wrong with limits and with memory that is held for nothing.
 *
 * For one source file of a program.
 */
#ifndef ADVICE_MEMORY_H
#define ADVICE_MEMORY_H

#include "lib_test.h"

#include "manager/advice.h"

#define MIB ((uint64_t)LT_MIB)
#define SPANS(mib) ((mib)*MIB / TMEM_SPAN_BYTES)

/* A process of 1 GiB in which nothing is wrong. */
static struct tmem_advice_inputs calm(void)
{
	struct tmem_advice_inputs in = { .pid = 4711 };

	in.stats.allocs = 1000000;
	in.stats.spans_busy = SPANS(1000);
	in.stats.spans_idle = SPANS(24);
	in.stats.held_bytes = 1024 * MIB;
	in.stats.live_bytes = 960 * MIB;
	in.stats.peak_live_bytes = 980 * MIB;
	in.stats.waste_bytes = 10 * MIB;
	in.stats.free_bytes = (24 + 30) * MIB;
	in.stats.chunks = 12;
	in.max_bytes = UINT64_MAX;
	in.residency.mapped = in.residency.resident = 1024 * MIB;
	in.residency.pmd_mapped = 1020 * MIB;
	in.residency.vmas = 40;
	in.residency.nodes_exact = 1;
	in.gc.level[0].interval_ms = 300000;
	in.gc_stats.running = 1;
	in.gc_stats.source = TMEM_GC_SOURCE_PSI;
	in.env.gc = in.env.decay = in.env.strategy = true;
	in.env.max_bytes = in.env.debug = true;
	in.monitor = true;
	in.sample.have = 1u << TMEM_RESOURCE_SYSTEM | 1u << TMEM_RESOURCE_STALL;
	in.sample.ratio = 0.4;
	in.sample.cgroup_limit = in.sample.pool_limit = UINT64_MAX;
	in.analytics.mode = TMEM_ANALYTICS_ON;
	in.analytics_stats.steps = 100;
	in.analytics_stats.samples = 10000;
	strcpy(in.host.thp, "madvise");
	strcpy(in.host.thp_defrag, "madvise");
	in.host.maps = 300;
	in.host.max_maps = 65530;
	in.host.swappiness = 60;
	in.n_nodes = 1;
	in.nodes[0].total = 4096 * MIB;
	in.nodes[0].pool_taken = 500;
	return in;
}

static void refused_limit(struct tmem_advice_inputs *in)
{
	in->stats.failures = 3;
	in->failures = 3;
	in->max_bytes = 1000 * MIB;
}

static void refused_pool(struct tmem_advice_inputs *in)
{
	in->stats.failures = 3;
	in->sample.have |= 1u << TMEM_RESOURCE_POOL;
	in->sample.pool_limit = 200 * MIB;
}

static void refused_cgroup(struct tmem_advice_inputs *in)
{
	in->stats.failures = 1;
	in->sample.have |= 1u << TMEM_RESOURCE_CGROUP;
	in->sample.cgroup_limit = 2000 * MIB;
	strcpy(in->host.limit_file, "/sys/fs/cgroup/job/memory.max");
}

static void refused_machine(struct tmem_advice_inputs *in)
{
	in->stats.failures = 1;
}

static void refused_not(struct tmem_advice_inputs *in)
{
	in->stats.failures = 0;
}

static void limit_near(struct tmem_advice_inputs *in)
{
	in->max_bytes = 1042 * MIB;
}

/* 95 %, but a tenth of it is idle, and given back before that. */
static void limit_idle(struct tmem_advice_inputs *in)
{
	in->stats.spans_busy = SPANS(920);
	in->stats.spans_idle = SPANS(104);
}

static void limit_pool(struct tmem_advice_inputs *in)
{
	in->sample.have |= 1u << TMEM_RESOURCE_POOL;
	in->sample.pool_limit = 200 * MIB;
	in->sample.pool_bytes = 198 * MIB;
}

static void limit_pool_far(struct tmem_advice_inputs *in)
{
	in->sample.pool_bytes = 170 * MIB;
}

static void limit_told(struct tmem_advice_inputs *in)
{
	in->stats.failures = 1; /* memory-refused says it */
}

static void cgroup_near(struct tmem_advice_inputs *in)
{
	in->sample.have |= 1u << TMEM_RESOURCE_CGROUP;
	in->sample.cgroup_limit = 2000 * MIB;
	in->sample.cgroup_bytes = 1960 * MIB;
	strcpy(in->host.limit_file, "/sys/fs/cgroup/job/memory.high");
}

static void cgroup_nameless(struct tmem_advice_inputs *in)
{
	cgroup_near(in);
	in->host.limit_file[0] = '\0';
}

static void cgroup_far(struct tmem_advice_inputs *in)
{
	in->sample.cgroup_bytes = 1700 * MIB;
}

static void idle_alone(struct tmem_advice_inputs *in)
{
	in->stats.spans_busy = 0;
}

static void monitor_off(struct tmem_advice_inputs *in)
{
	in->monitor = false;
}

static void monitor_on(struct tmem_advice_inputs *in)
{
	in->monitor = true;
}

static void small(struct tmem_advice_inputs *in)
{
	in->stats.held_bytes = 30 * MIB;
}

static void stalls_unseen(struct tmem_advice_inputs *in)
{
	in->sample.have = 1u << TMEM_RESOURCE_SYSTEM;
}

static void stalls_by_module(struct tmem_advice_inputs *in)
{
	in->sample.have |= 1u << TMEM_RESOURCE_MODULE;
}

static void module_missing(struct tmem_advice_inputs *in)
{
	in->host.device = -ENOENT;
}

static void module_closed(struct tmem_advice_inputs *in)
{
	in->host.device = -EACCES;
}

static void module_used(struct tmem_advice_inputs *in)
{
	in->dev = true;
}

static void anon_asked_for(struct tmem_advice_inputs *in)
{
	in->env.backend_anon = true;
}

static void gc_off(struct tmem_advice_inputs *in)
{
	in->gc.off = 1;
	in->stats.spans_idle = SPANS(512);
	in->stats.spans_busy = SPANS(512);
	in->stats.live_bytes = 500 * MIB;
	in->stats.free_bytes = 524 * MIB;
}

static void gc_on(struct tmem_advice_inputs *in)
{
	in->gc.off = 0;
}

static void gc_nothing_idle(struct tmem_advice_inputs *in)
{
	in->stats.spans_idle = SPANS(50);
}

static void nothing_idle(struct tmem_advice_inputs *in)
{
	in->stats.spans_idle = 0;
}

static void gc_slow(struct tmem_advice_inputs *in)
{
	gc_off(in);
	in->gc.off = 0;
	in->gc.level[0].interval_ms = 3600000;
}

static void gc_default(struct tmem_advice_inputs *in)
{
	in->gc.level[0].interval_ms = 300000;
}

static void gc_level_set(struct tmem_advice_inputs *in)
{
	gc_off(in);
	in->gc.off = 0;
	in->gc_stats.source = TMEM_GC_SOURCE_SET;
	in->gc_stats.level = TMEM_LEVEL_LOW;
	in->sample.level = TMEM_LEVEL_HIGH;
}

static void gc_level_auto(struct tmem_advice_inputs *in)
{
	in->gc_stats.source = TMEM_GC_SOURCE_MONITOR;
}

static void gc_no_thread(struct tmem_advice_inputs *in)
{
	gc_off(in);
	in->gc.off = 0;
	in->gc_stats.running = 0;
	in->gc_stats.thread_failures = 7;
}

static void gc_thread(struct tmem_advice_inputs *in)
{
	in->gc_stats.running = 1;
}

static void waste_between(struct tmem_advice_inputs *in)
{
	in->stats.free_bytes = (24 + 300) * MIB;
	in->stats.live_bytes = 690 * MIB;
}

static void waste_handles(struct tmem_advice_inputs *in)
{
	waste_between(in);
	in->handles = 1000;
}

static void waste_strategy(struct tmem_advice_inputs *in)
{
	waste_between(in);
	in->strategy = TMEM_STRATEGY_FIRST_FIT;
}

static void waste_gone(struct tmem_advice_inputs *in)
{
	in->stats.free_bytes = (24 + 90) * MIB;
}

static void guard(struct tmem_advice_inputs *in)
{
	in->guard = true;
}

static void guard_not(struct tmem_advice_inputs *in)
{
	in->guard = false;
}

static void waste_inside(struct tmem_advice_inputs *in)
{
	in->strategy = TMEM_STRATEGY_SIZE_CLASS;
	in->stats.waste_bytes = 100 * MIB;
}

static void strategy_adaptive(struct tmem_advice_inputs *in)
{
	in->strategy = TMEM_STRATEGY_ADAPTIVE;
}

static void thread_caches(struct tmem_advice_inputs *in)
{
	in->gc.off = 1;
	in->stats.live_bytes = 700 * MIB;
}

static void thread_caches_taken(struct tmem_advice_inputs *in)
{
	in->stats.live_bytes = 960 * MIB;
}

#endif /* ADVICE_MEMORY_H */
