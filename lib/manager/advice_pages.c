// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Rules about what is behind the memory: huge pages, nodes, mappings, swap, the
 * module's pools of zeroed spans.
 */
#include <string.h>
#include <tmem/arena.h>

#include "manager/advice.h"

#define THP "/sys/kernel/mm/transparent_hugepage/"

/* Less than half of what is mapped; the device has huge pages by itself. */
static bool pages_are_small(const struct tmem_advice_inputs *in)
{
	const struct tmem_residency *r = &in->residency;

	return !in->dev && r->mapped >= TMEM_ADVICE_MUCH &&
	       r->pmd_mapped < r->mapped / 2;
}

static bool huge_off(const struct tmem_advice_inputs *in,
		     struct tmem_advice *advice)
{
	bool never = !strcmp(in->host.thp, "never");

	if (!pages_are_small(in) || (!never && !in->host.thp_denied))
		return false;
	advice->severity = 0.6;
	tmem_advice_text(
		advice,
		"of %s mapped, %u %% are in huge pages: transparent huge pages are off %s",
		tmem_advice_bytes(in->residency.mapped).text,
		tmem_advice_percent(in->residency.pmd_mapped,
				    in->residency.mapped),
		never ? "on this machine" :
			"for this process (PR_SET_THP_DISABLE)");
	if (never)
		tmem_advice_command(advice, "echo madvise >" THP "enabled");
	else
		tmem_advice_command(advice,
				    "prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0)");
	return true;
}

/* They are allowed, and did not come: the machine had none free. */
static bool huge_few(const struct tmem_advice_inputs *in,
		     struct tmem_advice *advice)
{
	const char *defrag = in->host.thp_defrag;
	bool lazy = !strcmp(defrag, "never") || !strcmp(defrag, "defer");

	if (!pages_are_small(in) || !in->host.thp[0] || in->host.thp_denied ||
	    !strcmp(in->host.thp, "never"))
		return false;
	advice->severity = 0.4;
	tmem_advice_text(
		advice,
		"of %s mapped, only %u %% are in huge pages: none was free when they were touched%s%s",
		tmem_advice_bytes(in->residency.mapped).text,
		tmem_advice_percent(in->residency.pmd_mapped,
				    in->residency.mapped),
		lazy ? ", and none is made: defrag is " : "",
		lazy ? defrag : "");
	if (lazy)
		tmem_advice_command(advice, "echo madvise >" THP "defrag");
	else
		tmem_advice_command(advice,
				    "echo 1 >/proc/sys/vm/compact_memory");
	return true;
}

static bool map_count(const struct tmem_advice_inputs *in,
		      struct tmem_advice *advice)
{
	uint64_t maps = in->host.maps, max = in->host.max_maps;
	unsigned int percent = tmem_advice_percent(maps, max);

	if (!max || percent < 50)
		return false;
	advice->severity = 0.3 + 0.012 * (percent - 50);
	tmem_advice_text(
		advice,
		"the process has %llu mappings, %u %% of the %llu that it may have; %llu of them are tensor memory",
		(unsigned long long)maps, percent, (unsigned long long)max,
		(unsigned long long)in->residency.vmas);
	tmem_advice_command(advice, "sysctl -w vm.max_map_count=%llu",
			    (unsigned long long)max * 4);
	return true;
}

static void swap_command(const struct tmem_advice_inputs *in,
			 struct tmem_advice *advice)
{
	const struct tmem_advice_host *host = &in->host;

	if (!host->device)
		tmem_advice_command(advice, "TMEM_BACKEND=dev");
	else if (host->swap_file[0])
		tmem_advice_command(advice, "echo 0 >%s", host->swap_file);
	else if (host->swappiness != UINT64_MAX && host->swappiness)
		tmem_advice_command(advice, "sysctl -w vm.swappiness=0");
	else
		tmem_advice_command(advice, "swapoff -a");
}

/* The device's memory is not swapped: what is, is not ours. */
static bool swapped(const struct tmem_advice_inputs *in,
		    struct tmem_advice *advice)
{
	uint64_t bytes = in->host.swapped;

	if (in->dev || bytes < TMEM_ADVICE_MUCH / 4 ||
	    in->stats.held_bytes < TMEM_ADVICE_MUCH)
		return false;
	advice->severity =
		0.4 + 0.004 * tmem_advice_percent(bytes, in->stats.held_bytes);
	tmem_advice_text(
		advice,
		"%s of the process are in swap, and %s of tensor memory are held: each page that comes back waits for a disk",
		tmem_advice_bytes(bytes).text,
		tmem_advice_bytes(in->stats.held_bytes).text);
	swap_command(in, advice);
	return true;
}

static bool wrong_node(const struct tmem_advice_inputs *in,
		       struct tmem_advice *advice)
{
	const struct tmem_residency *r = &in->residency;
	unsigned int percent = tmem_advice_percent(in->off_node, r->resident);

	if (!r->nodes_exact || in->off_node < TMEM_ADVICE_MUCH || percent < 10)
		return false;
	advice->severity = 0.3 + 0.005 * percent;
	tmem_advice_text(
		advice,
		"%s, %u %% of what is resident, are on another node than they were asked for on, which was full; node %u has %s free",
		tmem_advice_bytes(in->off_node).text, percent, in->sample.node,
		tmem_advice_bytes(in->sample.node_free).text);
	/* Spread by intention already: then page cache fills a node. */
	if (in->interleave)
		tmem_advice_command(advice, "echo 1 >/proc/sys/vm/drop_caches");
	else
		tmem_advice_command(advice, "TMEM_NUMA=interleave");
	return true;
}

/* The node whose pool was asked in vain most often, and is not full now. */
static const struct tmem_node_info *
node_short(const struct tmem_advice_inputs *in)
{
	const struct tmem_node_info *worst = NULL, *node;
	uint32_t i;

	for (i = 0; i < in->n_nodes; i++) {
		node = &in->nodes[i];
		if (tmem_advice_percent(node->pool_missed,
					node->pool_taken + node->pool_missed) <
			    10 ||
		    node->pool_missed * TMEM_SPAN_BYTES < TMEM_ADVICE_MUCH ||
		    (node->pool_target && node->pool >= node->pool_target) ||
		    node->pool_target >=
			    node->total / 2 / TMEM_SPAN_BYTES * TMEM_SPAN_BYTES)
			continue;
		if (!worst || node->pool_missed > worst->pool_missed)
			worst = node;
	}
	return worst;
}

static bool zeroed_pool(const struct tmem_advice_inputs *in,
			struct tmem_advice *advice)
{
	const struct tmem_node_info *node = node_short(in);
	uint64_t target, most;

	if (!in->dev || !node || in->stats.held_bytes < TMEM_ADVICE_MUCH)
		return false;
	most = node->total / 2 / TMEM_SPAN_BYTES * TMEM_SPAN_BYTES;
	target = 2 * node->pool_target;
	if (target < 4 * TMEM_ADVICE_MUCH)
		target = 4 * TMEM_ADVICE_MUCH;
	if (target > most)
		target = most;
	advice->severity =
		0.2 + 0.003 * tmem_advice_percent(node->pool_missed,
						  node->pool_taken +
							  node->pool_missed);
	tmem_advice_text(
		advice,
		"%llu spans of node %u had to be zeroed while somebody waited, %llu came from its pool, which has %s of %s",
		(unsigned long long)node->pool_missed, node->node,
		(unsigned long long)node->pool_taken,
		tmem_advice_bytes(node->pool).text,
		tmem_advice_bytes(node->pool_target).text);
	tmem_advice_command(advice, "tmemctl pool set --node=%u --target=%lluM",
			    node->node, (unsigned long long)target >> 20);
	return true;
}

const struct tmem_advice_rule tmem_advice_pages[] = {
	{ "huge-pages-off", huge_off },
	{ "huge-pages-few", huge_few },
	{ "map-count", map_count },
	{ "swapped", swapped },
	{ "wrong-node", wrong_node },
	{ "zeroed-pool", zeroed_pool },
	{ NULL, NULL },
};
