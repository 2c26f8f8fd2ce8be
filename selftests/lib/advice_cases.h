/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Each piece of advice in its situation, with what it says, and where it is
 * silent.
 *
 * For one source file of a program.
 */
#ifndef ADVICE_CASES_H
#define ADVICE_CASES_H

#include "advice_pages.h"

/* The program said so, and the environment nothing: no variable helps. */
static void no_env(struct tmem_advice_inputs *in)
{
	in->env =
		(struct tmem_advice_env){ .monitor = true, .analytics = true };
}

#define BY_PROGRAM(situation)                                      \
	static void situation##_env(struct tmem_advice_inputs *in) \
	{                                                          \
		situation(in);                                     \
		no_env(in);                                        \
	}

BY_PROGRAM(refused_limit)
BY_PROGRAM(limit_near)
BY_PROGRAM(cgroup_nameless)
BY_PROGRAM(monitor_off)
BY_PROGRAM(gc_off)
BY_PROGRAM(gc_slow)
BY_PROGRAM(waste_strategy)
BY_PROGRAM(waste_inside)
BY_PROGRAM(guard)
BY_PROGRAM(analytics_off)

/* As near as that the limit is. */
static void limit_there(struct tmem_advice_inputs *in)
{
	in->max_bytes = 1000 * MIB;
}

/* In the situation, and in it no more; what is said, and what is to be done. */
static const struct advice_case {
	const char *id;
	void (*in)(struct tmem_advice_inputs *in);
	void (*out)(struct tmem_advice_inputs *in);
	const char *figures, *command;
} cases[] = {
	{ "memory-refused", refused_limit, refused_not,
	  "requests refused for want of memory: 3; at most 980.0 MiB were live, and the limit is 1000.0 MiB",
	  "TMEM_MAX_BYTES=1500M" },
	{ "memory-refused", refused_pool, refused_not,
	  "and the limit is 200.0 MiB",
	  "tmem_pool_config.max_bytes = 300 << 20" },
	{ "memory-refused", refused_cgroup, refused_not, "memory: 1; at most",
	  "echo 3000M >/sys/fs/cgroup/job/memory.max" },
	{ "memory-refused", refused_machine, refused_not,
	  "requests refused for want of memory: 1; at most 980.0 MiB were live",
	  "tmem_set_limit_observer(fn, ctx)" },
	{ "limit-near", limit_near, limit_idle,
	  "1000.0 MiB are in use, 95 % of the limit of 1.0 GiB",
	  "TMEM_MAX_BYTES=1563M" },
	{ "limit-near", limit_near, limit_told, "95 %",
	  "TMEM_MAX_BYTES=1563M" },
	{ "limit-near", limit_pool, limit_pool_far,
	  "198.0 MiB are in use, 99 % of the limit of 200.0 MiB",
	  "tmem_pool_config.max_bytes = 300 << 20" },
	{ "cgroup-near", cgroup_near, cgroup_far,
	  "the cgroup uses 1.9 GiB, 98 % of its limit of 1.9 GiB",
	  "echo 3000M >/sys/fs/cgroup/job/memory.high" },
	{ "cgroup-near", cgroup_nameless, cgroup_far, "98 %",
	  "TMEM_MAX_BYTES=1000M" },
	{ "cgroup-near", cgroup_nameless, idle_alone, "98 %",
	  "TMEM_MAX_BYTES=1000M" },
	{ "zeroed-pool", zeroed_pool, small, "500 spans of node 1",
	  "tmemctl pool set --node=1 --target=256M" },
	{ "monitor-off", monitor_off, monitor_on,
	  "pressure of 40 % goes, and nothing of 1.0 GiB held",
	  "TMEM_MONITOR=on" },
	{ "monitor-off", monitor_off, small, "1.0 GiB", "TMEM_MONITOR=on" },
	{ "stalls-unseen", stalls_unseen, stalls_by_module,
	  "the pressure of 40 %", "psi=1 on the kernel's command line" },
	{ "stalls-unseen", stalls_unseen, small, "40 %",
	  "psi=1 on the kernel's command line" },
	{ "module-missing", module_missing, module_used,
	  "the 24.0 MiB that are idle of 1.0 GiB held", "modprobe tmem" },
	{ "module-missing", module_missing, anon_asked_for, "is not there",
	  "modprobe tmem" },
	{ "module-missing", module_closed, nothing_idle, "may not be opened",
	  "usermod -aG tmem \"$USER\"" },
	{ "gc-off", gc_off, gc_on, "512.0 MiB are idle, 50 % of what is held",
	  "TMEM_GC=on" },
	{ "gc-off", gc_off, gc_nothing_idle, "512.0 MiB", "TMEM_GC=on" },
	{ "gc-slow", gc_slow, gc_default,
	  "512.0 MiB are idle, 50 % of what is held, and are kept for 3600 s",
	  "TMEM_GC_DECAY_MS=300000" },
	{ "gc-level-set", gc_level_set, gc_level_auto,
	  "as at level low, and the level is high, with 512.0 MiB idle",
	  "tmem_gc_level_set(TMEM_GC_LEVEL_AUTO)" },
	{ "gc-level-set", gc_level_set, level_low, "level is high",
	  "tmem_gc_level_set(TMEM_GC_LEVEL_AUTO)" },
	{ "gc-no-thread", gc_no_thread, gc_thread,
	  "7 times: the 512.0 MiB that are idle", "ulimit -u unlimited" },
	{ "waste-between", waste_between, waste_gone,
	  "300.0 MiB are free between blocks, in 12 pieces, 29 %",
	  "tmem_handle_new(NULL, size), for what lives long: tmem_defragment() moves it" },
	{ "waste-between", waste_handles, waste_gone, "there are handles",
	  "tmem_defragment(NULL, UINT64_MAX, NULL)" },
	{ "waste-between", waste_strategy, guard, "29 %",
	  "TMEM_STRATEGY=adaptive" },
	{ "waste-inside", waste_inside, strategy_adaptive,
	  "100.0 MiB, 10 % of what is live", "TMEM_STRATEGY=adaptive" },
	{ "thread-caches", thread_caches, thread_caches_taken,
	  "270.0 MiB, 26 % of what is held", "tmem_trim(SIZE_MAX)" },
	{ "thread-caches", thread_caches, gc_on, "270.0 MiB",
	  "tmem_trim(SIZE_MAX)" },
	{ "huge-pages-off", huge_off, huge_on,
	  "of 1.0 GiB mapped, 0 % are in huge pages: transparent huge pages are off on this machine",
	  "echo madvise >/sys/kernel/mm/transparent_hugepage/enabled" },
	{ "huge-pages-off", huge_denied, huge_on,
	  "10 % are in huge pages: transparent huge pages are off for this process",
	  "prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0)" },
	{ "huge-pages-off", huge_off, huge_there, "0 %",
	  "echo madvise >/sys/kernel/mm/transparent_hugepage/enabled" },
	{ "huge-pages-off", huge_off, module_used, "0 %",
	  "echo madvise >/sys/kernel/mm/transparent_hugepage/enabled" },
	{ "huge-pages-few", huge_few, huge_there, "only 10 % are in huge pages",
	  "echo 1 >/proc/sys/vm/compact_memory" },
	{ "huge-pages-few", huge_few_lazy, thp_unknown, "defrag is defer",
	  "echo madvise >/sys/kernel/mm/transparent_hugepage/defrag" },
	{ "huge-pages-few", huge_few, huge_off, "only 10 %",
	  "echo 1 >/proc/sys/vm/compact_memory" },
	{ "map-count", map_count, map_count_raised,
	  "52424 mappings, 80 % of the 65530 that it may have; 40 of them",
	  "sysctl -w vm.max_map_count=262120" },
	{ "map-count", map_count, map_count_unknown, "80 %",
	  "sysctl -w vm.max_map_count=262120" },
	{ "swapped", swapped_device, swapped_little,
	  "400.0 MiB of the process are in swap, and 1.0 GiB",
	  "TMEM_BACKEND=dev" },
	{ "swapped", swapped_group, module_used, "400.0 MiB",
	  "echo 0 >/sys/fs/cgroup/job/memory.swap.max" },
	{ "swapped", swapped_machine, small, "400.0 MiB",
	  "sysctl -w vm.swappiness=0" },
	{ "swapped", swapped_still, swapped_little, "400.0 MiB", "swapoff -a" },
	{ "wrong-node", wrong_node, wrong_node_little,
	  "512.0 MiB, 50 % of what is resident", "TMEM_NUMA=interleave" },
	{ "wrong-node", wrong_node_interleaved, wrong_node_guess,
	  "node 1 has 17.0 MiB free", "echo 1 >/proc/sys/vm/drop_caches" },
	{ "zeroed-pool", zeroed_pool, zeroed_pool_full,
	  "500 spans of node 1 had to be zeroed while somebody waited, 500 came from its pool, which has 0 B of 0 B",
	  "tmemctl pool set --node=1 --target=256M" },
	{ "zeroed-pool", zeroed_pool_more, zeroed_pool_most,
	  "which has 2.0 MiB of 512.0 MiB",
	  "tmemctl pool set --node=1 --target=1024M" },
	{ "leak", leak, leak_not,
	  "sites that leak: 2, with 96.0 MiB, 10 % of what is live; site 17, metrics.py:12 grows by 80.0 KiB a step since step 33",
	  "tmemctl leaks -p 4711" },
	{ "leak", leak_deaf, leak_not, "site 17",
	  "tmem_site_get(17, &site), or TMEM_CONTROL=on and tmemctl leaks" },
	{ "misuse", misuse, misuse_not, "written over: 5;",
	  "TMEM_DEBUG=guard" },
	{ "misuse", misuse_guarded, misuse_not, ": 5;",
	  "tmem_set_log(fn, ctx)" },
	{ "guard-on", guard, guard_not, "each of 1000000 allocations",
	  "unset TMEM_DEBUG" },
	{ "analytics-off", analytics_off, analytics_on,
	  "960.0 MiB are live, the most so far, at level medium",
	  "TMEM_ANALYTICS=on" },
	{ "analytics-off", analytics_off, level_low, "960.0 MiB",
	  "TMEM_ANALYTICS=on" },
	{ "steps-unmarked", steps_unmarked, steps_marked,
	  "10000 blocks were recorded and no step was marked",
	  "tmem_step_mark(NULL), after each step" },
	{ "memory-refused", refused_limit_env, refused_not, "memory: 3;",
	  "tmem_config.max_bytes = 1500 << 20" },
	{ "limit-near", limit_near_env, limit_told, "95 %",
	  "tmem_config.max_bytes = 1563 << 20" },
	{ "cgroup-near", cgroup_nameless_env, limit_there, "98 %",
	  "TMEM_MAX_BYTES=1000M" },
	{ "monitor-off", monitor_off_env, monitor_on, "40 %",
	  "tmem_monitor_start(NULL)" },
	{ "gc-off", gc_off_env, gc_on, "512.0 MiB",
	  "tmem_gc_config_set(&config), with off = 0" },
	{ "gc-slow", gc_slow_env, gc_default, "3600 s",
	  "tmem_gc_config_set(&config), with level[0].interval_ms = 300000" },
	{ "waste-between", waste_strategy_env, waste_gone, "29 %",
	  "tmem_config.strategy = TMEM_STRATEGY_ADAPTIVE" },
	{ "waste-inside", waste_inside_env, strategy_adaptive, "10 %",
	  "tmem_config.strategy = TMEM_STRATEGY_ADAPTIVE" },
	{ "guard-on", guard_env, guard_not, "1000000",
	  "tmem_config.debug = 0" },
	{ "analytics-off", analytics_off_env, analytics_on, "960.0 MiB",
	  "tmem_analytics_set(&config), with mode = TMEM_ANALYTICS_ON" },
	{ "seal", seal, seal_done,
	  "look the same as others: 9, with 360.0 MiB, 37 % of what is live",
	  "tmem_seal(NULL, block, size, 0), for what is written once" },
	{ "copies", copies, views,
	  "500 of 1000 tensors that could be views were copied, 50 %, 2.9 GiB",
	  "tmem_tensor_lazy_copy(tensor), instead of tmem_tensor_copy()" },
};

#endif /* ADVICE_CASES_H */
