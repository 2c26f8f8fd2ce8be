/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Made-up situations for the tests of advice: what can be wrong with what is
 * behind the memory, and with what the program does.
 *
 * For one source file of a program.
 */
#ifndef ADVICE_PAGES_H
#define ADVICE_PAGES_H

#include "advice_memory.h"

static void huge_off(struct tmem_advice_inputs *in)
{
	in->residency.pmd_mapped = 0;
	strcpy(in->host.thp, "never");
}

static void huge_denied(struct tmem_advice_inputs *in)
{
	in->residency.pmd_mapped = 102 * MIB + MIB / 2;
	in->host.thp_denied = true;
}

static void huge_on(struct tmem_advice_inputs *in)
{
	strcpy(in->host.thp, "madvise");
	in->host.thp_denied = false;
}

static void huge_there(struct tmem_advice_inputs *in)
{
	in->residency.pmd_mapped = 1000 * MIB;
}

static void huge_few(struct tmem_advice_inputs *in)
{
	in->residency.pmd_mapped = 103 * MIB;
}

static void huge_few_lazy(struct tmem_advice_inputs *in)
{
	huge_few(in);
	strcpy(in->host.thp_defrag, "defer");
}

static void thp_unknown(struct tmem_advice_inputs *in)
{
	in->host.thp[0] = '\0';
}

static void map_count(struct tmem_advice_inputs *in)
{
	in->host.maps = 52424;
}

static void map_count_raised(struct tmem_advice_inputs *in)
{
	in->host.max_maps = 262120;
}

static void map_count_unknown(struct tmem_advice_inputs *in)
{
	in->host.max_maps = 0;
}

static void swapped_device(struct tmem_advice_inputs *in)
{
	in->host.swapped = 400 * MIB;
}

static void swapped_group(struct tmem_advice_inputs *in)
{
	swapped_device(in);
	in->host.device = -ENOENT;
	in->env.backend_anon = true;
	strcpy(in->host.swap_file, "/sys/fs/cgroup/job/memory.swap.max");
}

static void swapped_machine(struct tmem_advice_inputs *in)
{
	swapped_group(in);
	in->host.swap_file[0] = '\0';
}

static void swapped_still(struct tmem_advice_inputs *in)
{
	swapped_machine(in);
	in->host.swappiness = 0;
}

static void swapped_little(struct tmem_advice_inputs *in)
{
	in->host.swapped = 3 * MIB;
}

static void wrong_node(struct tmem_advice_inputs *in)
{
	in->off_node = 512 * MIB;
	in->sample.node = 1;
	in->sample.node_free = 17 * MIB;
}

static void wrong_node_interleaved(struct tmem_advice_inputs *in)
{
	wrong_node(in);
	in->interleave = true;
}

static void wrong_node_little(struct tmem_advice_inputs *in)
{
	in->off_node = 70 * MIB;
}

static void wrong_node_guess(struct tmem_advice_inputs *in)
{
	in->residency.nodes_exact = 0;
}

static void zeroed_pool(struct tmem_advice_inputs *in)
{
	in->dev = true;
	in->n_nodes = 2;
	in->nodes[1] = in->nodes[0];
	in->nodes[1].node = 1;
	in->nodes[1].pool_missed = 500;
}

static void zeroed_pool_more(struct tmem_advice_inputs *in)
{
	zeroed_pool(in);
	in->nodes[1].pool_target = 512 * MIB;
	in->nodes[1].pool = 2 * MIB;
}

static void zeroed_pool_full(struct tmem_advice_inputs *in)
{
	in->nodes[1].pool_target = 512 * MIB;
	in->nodes[1].pool = 512 * MIB;
}

static void zeroed_pool_most(struct tmem_advice_inputs *in)
{
	in->nodes[1].pool_target = 2048 * MIB;
	in->nodes[1].pool = 0;
}

static void leak(struct tmem_advice_inputs *in)
{
	in->leaks = 2;
	in->leaked = 96 * MIB;
	in->worst.site = 17;
	in->worst.bytes_per_step = 81920;
	in->worst.since_step = 33;
	strcpy(in->worst_name, "metrics.py:12");
	in->asked = true;
}

static void leak_deaf(struct tmem_advice_inputs *in)
{
	leak(in);
	in->asked = false;
}

static void leak_not(struct tmem_advice_inputs *in)
{
	in->leaks = 0;
}

static void misuse(struct tmem_advice_inputs *in)
{
	in->stats.misuse = 5;
}

static void misuse_guarded(struct tmem_advice_inputs *in)
{
	misuse(in);
	in->guard = true;
}

static void misuse_not(struct tmem_advice_inputs *in)
{
	in->stats.misuse = 0;
}

static void analytics_off(struct tmem_advice_inputs *in)
{
	in->analytics.mode = TMEM_ANALYTICS_OFF;
	in->sample.level = TMEM_LEVEL_MEDIUM;
}

static void analytics_on(struct tmem_advice_inputs *in)
{
	in->analytics.mode = TMEM_ANALYTICS_ON;
}

static void level_low(struct tmem_advice_inputs *in)
{
	in->sample.level = TMEM_LEVEL_LOW;
}

static void steps_unmarked(struct tmem_advice_inputs *in)
{
	in->analytics_stats.steps = 0;
}

static void steps_marked(struct tmem_advice_inputs *in)
{
	in->analytics_stats.steps = 1;
}

static void copies(struct tmem_advice_inputs *in)
{
	in->tensors.copies = 500;
	in->tensors.views = 500;
	in->tensors.copied_bytes = 3000 * MIB;
}

static void seal(struct tmem_advice_inputs *in)
{
	in->equal = 9;
	in->equal_bytes = 360 * MIB;
}

static void seal_done(struct tmem_advice_inputs *in)
{
	in->equal = 1;
	in->equal_bytes = 40 * MIB;
}

static void views(struct tmem_advice_inputs *in)
{
	in->tensors.views = 5000;
}

#endif /* ADVICE_PAGES_H */
