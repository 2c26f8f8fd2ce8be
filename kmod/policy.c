// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which node a span's memory comes from.
 *
 * Every policy names one node that is wanted for a span.  That node is asked
 * first and alone (with compaction, so that a huge page far away does not win
 * over one that is a little work near by); only then the others that the
 * policy allows.
 */
#include <linux/cpuset.h>
#include <linux/gfp.h>
#include <linux/topology.h>

#include "compat.h"
#include "tmem.h"

/* Nodes with memory that the caller's cpuset allows. */
void tmem_policy_usable(nodemask_t *nodes)
{
	nodes_and(*nodes, cpuset_current_mems_allowed, node_states[N_MEMORY]);
}

/* -EINVAL if the mask names a node that the caller cannot use. */
static int tmem_policy_mask(nodemask_t *nodes, const u64 *words)
{
	nodemask_t usable;
	unsigned int bit;

	tmem_policy_usable(&usable);
	nodes_clear(*nodes);
	for (bit = 0; bit < TMEM_MAX_NODES; bit++) {
		if (!(words[bit / 64] & 1ULL << (bit % 64)))
			continue;
		if (bit >= MAX_NUMNODES || !node_isset(bit, usable))
			return -EINVAL;
		node_set(bit, *nodes);
	}
	return 0;
}

/**
 * tmem_policy_set() - check what user space wants and make a policy of it
 * @policy: result
 * @mode:   enum tmem_node_policy, unchecked
 * @words:  TMEM_NODE_WORDS words of node mask, unchecked, or NULL for none
 */
int tmem_policy_set(struct tmem_policy *policy, u32 mode, const u64 *words)
{
	bool empty;

	nodes_clear(policy->nodes);
	if (words && tmem_policy_mask(&policy->nodes, words))
		return -EINVAL;
	empty = nodes_empty(policy->nodes);

	switch (mode) {
	case TMEM_POLICY_LOCAL:
		if (!empty)
			return -EINVAL;
		break;
	case TMEM_POLICY_BIND:
	case TMEM_POLICY_PREFERRED:
		if (empty)
			return -EINVAL;
		break;
	case TMEM_POLICY_INTERLEAVE:
		break;
	default:
		return -EINVAL;
	}
	if (empty)
		tmem_policy_usable(&policy->nodes);
	policy->mode = mode;
	return 0;
}

/* The most that an arena can ever hold, in bytes, whole spans. */
u64 tmem_policy_capacity(const struct tmem_policy *policy)
{
	nodemask_t nodes = policy->nodes;
	u64 pages = 0;
	int nid;

	if (policy->mode != TMEM_POLICY_BIND)
		tmem_policy_usable(&nodes);
	for_each_node_mask(nid, nodes)
		pages += node_present_pages(nid);
	return round_down(pages << PAGE_SHIFT, TMEM_SPAN_SIZE);
}

static int tmem_policy_nearest(const nodemask_t *nodes)
{
	int here = numa_mem_id(), best = NUMA_NO_NODE, nid;

	for_each_node_mask(nid, *nodes)
		if (best == NUMA_NO_NODE ||
		    node_distance(here, nid) < node_distance(here, best))
			best = nid;
	return best;
}

static int tmem_policy_interleave(const nodemask_t *nodes, u32 span)
{
	unsigned int n = span % nodes_weight(*nodes);
	int nid = first_node(*nodes);

	while (n--)
		nid = next_node(nid, *nodes);
	return nid;
}

static int tmem_policy_wanted(const struct tmem_policy *policy, u32 span)
{
	switch (policy->mode) {
	case TMEM_POLICY_BIND:
	case TMEM_POLICY_PREFERRED:
		return tmem_policy_nearest(&policy->nodes);
	case TMEM_POLICY_INTERLEAVE:
		return tmem_policy_interleave(&policy->nodes, span);
	default:
		return numa_mem_id();
	}
}

/*
 * Zeroed by the page allocator: where init_on_alloc is on (Debian), clearing
 * it here as well would do the work twice.
 *
 * Reclaim, but no OOM killer: who asks for tensor memory can be told that there
 * is none (a populate fails, a touch is SIGBUS); nobody has to die for it.
 */
static gfp_t tmem_policy_gfp(unsigned int order)
{
	if (order)
		return GFP_TRANSHUGE | __GFP_ZERO;
	return GFP_HIGHUSER_MOVABLE | __GFP_ZERO | __GFP_RETRY_MAYFAIL |
	       __GFP_NOWARN;
}

/**
 * tmem_policy_alloc() - a zeroed folio for a span
 * @policy:   where to look
 * @span:     number of the span in its arena
 * @order:    0, or TMEM_SPAN_ORDER
 * @off_node: set if it is not on the node that was wanted
 *
 * NULL if the policy's nodes have none.  May sleep and reclaim.
 */
struct folio *tmem_policy_alloc(const struct tmem_policy *policy, u32 span,
				unsigned int order, bool *off_node)
{
	gfp_t gfp = tmem_policy_gfp(order);
	gfp_t try = (gfp & ~__GFP_RETRY_MAYFAIL) | __GFP_NORETRY | __GFP_NOWARN;
	bool bound = policy->mode == TMEM_POLICY_BIND;
	int nid = tmem_policy_wanted(policy, span);
	nodemask_t nodes = policy->nodes;
	struct folio *folio;

	folio = __folio_alloc(try | __GFP_THISNODE, order, nid, NULL);
	if (!folio && policy->mode == TMEM_POLICY_PREFERRED)
		folio = __folio_alloc(try, order, nid, &nodes);
	if (!folio)
		folio = __folio_alloc(gfp, order, nid, bound ? &nodes : NULL);
	if (!folio)
		return NULL;
	/* The page allocator drops a mask that the task's cpuset excludes. */
	if (bound && !node_isset(folio_nid(folio), nodes)) {
		folio_put(folio);
		return NULL;
	}
	*off_node = folio_nid(folio) != nid;
	return folio;
}
