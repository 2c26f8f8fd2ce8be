// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which node a span's memory comes from.
 *
 * Every policy names one node that is wanted for a span.  That node is asked
 * first and alone: its pool, then the node (with compaction, so that a huge
 * page far away does not win over one that is a little work near by).  Only
 * then come the others that the policy allows.
 */
#include <linux/cpuset.h>
#include <linux/gfp.h>
#include <linux/topology.h>

#include "compat.h"
#include "tmem.h"

static atomic64_t tmem_policy_missed[MAX_NUMNODES];

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

static int tmem_policy_nearest(const nodemask_t *nodes, int here)
{
	int best = NUMA_NO_NODE, nid;

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

/* The wish of who touches a span, here and now. */
void tmem_policy_wish(struct tmem_wish *wish)
{
	wish->nid = NUMA_NO_NODE;
	wish->here = numa_mem_id();
	wish->ahead = false;
	wish->allowed = cpuset_current_mems_allowed;
}

/* The node that a span is to be on if it has memory. */
int tmem_policy_wanted(const struct tmem_policy *policy, u32 span,
		       const struct tmem_wish *wish)
{
	if (wish->nid != NUMA_NO_NODE)
		return wish->nid;
	switch (policy->mode) {
	case TMEM_POLICY_BIND:
	case TMEM_POLICY_PREFERRED:
		return tmem_policy_nearest(&policy->nodes, wish->here);
	case TMEM_POLICY_INTERLEAVE:
		return tmem_policy_interleave(&policy->nodes, span);
	default:
		return wish->here;
	}
}

/* May an explicit wish name this node? */
bool tmem_policy_allows(const struct tmem_policy *policy, int nid)
{
	nodemask_t usable;

	tmem_policy_usable(&usable);
	if (nid < 0 || nid >= MAX_NUMNODES || !node_isset(nid, usable))
		return false;
	return policy->mode != TMEM_POLICY_BIND ||
	       node_isset(nid, policy->nodes);
}

/* A zeroed span that lies ready, nearest node first. */
static struct folio *tmem_policy_pooled(nodemask_t nodes, int nid)
{
	struct folio *folio = NULL;

	while (!folio && !nodes_empty(nodes)) {
		int near = tmem_policy_nearest(&nodes, nid);

		node_clear(near, nodes);
		folio = tmem_pool_take(near, false);
	}
	return folio;
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

/* From the page allocator; first with little effort, then with more. */
static struct folio *tmem_policy_fresh(const struct tmem_policy *policy,
				       unsigned int order, nodemask_t *nodes,
				       int nid)
{
	gfp_t gfp = tmem_policy_gfp(order);
	gfp_t try = (gfp & ~__GFP_RETRY_MAYFAIL) | __GFP_NORETRY | __GFP_NOWARN;
	nodemask_t preferred;
	struct folio *folio = NULL;

	if (node_isset(nid, *nodes))
		folio = __folio_alloc(try | __GFP_THISNODE, order, nid, NULL);
	nodes_and(preferred, *nodes, policy->nodes);
	if (!folio && policy->mode == TMEM_POLICY_PREFERRED &&
	    !nodes_empty(preferred))
		folio = __folio_alloc(try, order, nid, &preferred);
	if (!folio)
		folio = __folio_alloc(gfp, order, nid, nodes);
	/* The page allocator drops a mask that the task's cpuset excludes. */
	if (folio && !node_isset(folio_nid(folio), *nodes)) {
		folio_put(folio);
		return NULL;
	}
	return folio;
}

/**
 * tmem_policy_alloc() - a zeroed folio for a span
 * @policy: where to look
 * @order:  0, or TMEM_SPAN_ORDER
 * @wish:   who wants it
 * @nid:    tmem_policy_wanted()
 * @pooled: set if it comes from a pool
 *
 * The wanted node's pool, then that node; then what else the policy allows; and
 * before memory is taken from others by force, what lies ready in other
 * nodes' pools.
 *
 * NULL if the policy's nodes have none.  May sleep and reclaim.
 */
struct folio *tmem_policy_alloc(const struct tmem_policy *policy,
				unsigned int order,
				const struct tmem_wish *wish, int nid,
				bool *pooled)
{
	nodemask_t nodes = node_states[N_MEMORY];
	struct folio *folio = NULL;

	nodes_and(nodes, nodes, wish->allowed);
	if (policy->mode == TMEM_POLICY_BIND)
		nodes_and(nodes, nodes, policy->nodes);
	if (nodes_empty(nodes))
		return NULL;

	*pooled = false;
	if (order == TMEM_SPAN_ORDER && node_isset(nid, nodes))
		folio = tmem_pool_take(nid, true);
	if (folio)
		*pooled = true;
	else
		folio = tmem_policy_fresh(policy, order, &nodes, nid);
	if (!folio && order == TMEM_SPAN_ORDER) {
		folio = tmem_policy_pooled(nodes, nid);
		*pooled = folio;
	}
	return folio;
}

/* A fill that wanted this node has got another. */
void tmem_policy_count_off_node(int nid)
{
	atomic64_inc(&tmem_policy_missed[nid]);
}

/* Fills that wanted a node and got another. */
u64 tmem_policy_off_node(int nid)
{
	return atomic64_read(&tmem_policy_missed[nid]);
}
