// SPDX-License-Identifier: GPL-2.0-only
/*
 * The generic netlink family "tmem": lists of arenas and nodes, the pressure,
 * and the pools' sizes.  Documentation/netlink/specs/tmem.yaml describes it.
 *
 * Anybody may ask.  Of arenas one sees those of one's user, all of them with
 * CAP_SYS_ADMIN, which has to be one of the machine and not of a container's
 * user namespace: memory is the machine's.
 *
 * Contexts: requests and dumps run in the asking process,
 * tmem_netlink_level_changed() in pressure.c's worker.  No locks of ours.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/pid.h>
#include <linux/tmem_netlink.h>
#include <linux/user_namespace.h>
#include <net/genetlink.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "pressure.h"

static struct genl_family tmem_family;

enum {
	TMEM_GROUP_PRESSURE,
};

/* --- arenas -------------------------------------------------------------- */

/**
 * struct tmem_arena_dump - where a dump of arenas is, in netlink_callback.ctx
 * @last: number of the arena given last
 * @end:  number of the youngest arena when the dump began: without an end, it
 *        would never catch up with somebody who makes arenas faster than they
 *        are read
 * @uid:  whose arenas, unless
 * @all:  everybody's
 */
struct tmem_arena_dump {
	u64 last;
	u64 end;
	kuid_t uid;
	bool all;
};

/*
 * Whose arenas.  The process that asks may be a privileged one that was made
 * to write to somebody else's socket: then it is the socket's opener who gets
 * the answer.
 */
static int tmem_arena_dump_start(struct netlink_callback *cb)
{
	struct tmem_arena_dump *dump = (void *)cb->ctx;
	const struct sock *sk = NETLINK_CB(cb->skb).sk;
	const struct file *opened = sk->sk_socket->file;

	BUILD_BUG_ON(sizeof(*dump) > sizeof(cb->ctx));
	dump->last = 0;
	dump->all = netlink_capable(cb->skb, CAP_SYS_ADMIN);
	dump->uid = current_euid();
	if (opened && !file_ns_capable(opened, &init_user_ns, CAP_SYS_ADMIN))
		dump->uid = opened->f_cred->euid;
	dump->end = tmem_registry_last_id();
	return 0;
}

static int tmem_put_u64s(struct sk_buff *skb, int pad, const int *types,
			 const u64 *values, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (nla_put_u64_64bit(skb, types[i], values[i], pad))
			return -EMSGSIZE;
	return 0;
}

static int tmem_put_arena_counts(struct sk_buff *skb,
				 const struct tmem_arena_snapshot *arena)
{
	static const int types[] = {
		TMEM_A_ARENA_SIZE,	     TMEM_A_ARENA_RESIDENT,
		TMEM_A_ARENA_IDLE,	     TMEM_A_ARENA_FILLS,
		TMEM_A_ARENA_FILLS_POOL,     TMEM_A_ARENA_FILLS_SMALL,
		TMEM_A_ARENA_FILLS_OFF_NODE, TMEM_A_ARENA_FILLS_FAILED,
		TMEM_A_ARENA_FILLS_LIMITED,  TMEM_A_ARENA_PURGED,
		TMEM_A_ARENA_RECALLED,
	};
	const u64 values[] = {
		arena->size,	       arena->resident,
		arena->idle,	       arena->fills,
		arena->fills_pool,     arena->fills_small,
		arena->fills_off_node, arena->fills_failed,
		arena->fills_limited,  arena->purged,
		arena->recalled,
	};

	BUILD_BUG_ON(ARRAY_SIZE(types) != ARRAY_SIZE(values));
	return tmem_put_u64s(skb, TMEM_A_ARENA_PAD, types, values,
			     ARRAY_SIZE(values));
}

static int tmem_put_arena(struct sk_buff *skb,
			  const struct tmem_arena_snapshot *arena)
{
	u64 nodes[TMEM_NODE_WORDS] = {};
	int nid;

	for_each_node_mask(nid, arena->policy.nodes)
		if (nid < TMEM_MAX_NODES)
			nodes[nid / 64] |= 1ULL << (nid % 64);
	/* Dumps run in the reader: its namespaces are the current ones. */
	if (nla_put_u64_64bit(skb, TMEM_A_ARENA_ID, arena->id,
			      TMEM_A_ARENA_PAD) ||
	    nla_put_string(skb, TMEM_A_ARENA_NAME, arena->name) ||
	    nla_put_u32(skb, TMEM_A_ARENA_UID,
			from_kuid_munged(current_user_ns(), arena->uid)) ||
	    nla_put_u32(skb, TMEM_A_ARENA_PID, pid_vnr(arena->pid)) ||
	    nla_put_u32(skb, TMEM_A_ARENA_POLICY, arena->policy.mode) ||
	    nla_put(skb, TMEM_A_ARENA_NODES, sizeof(nodes), nodes))
		return -EMSGSIZE;
	return tmem_put_arena_counts(skb, arena);
}

static int tmem_dump_one(struct sk_buff *skb, struct netlink_callback *cb,
			 u8 command, int (*put)(struct sk_buff *, const void *),
			 const void *what)
{
	void *header = genlmsg_put(skb, NETLINK_CB(cb->skb).portid,
				   cb->nlh->nlmsg_seq, &tmem_family,
				   NLM_F_MULTI, command);

	if (!header)
		return -EMSGSIZE;
	if (put(skb, what)) {
		genlmsg_cancel(skb, header);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, header);
	return 0;
}

static int tmem_put_arena_message(struct sk_buff *skb, const void *arena)
{
	return tmem_put_arena(skb, arena);
}

/* Fills one buffer; called again until it leaves one empty. */
static int tmem_arena_get_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct tmem_arena_dump *dump = (void *)cb->ctx;
	struct tmem_arena_snapshot arena;
	int err = 0;

	while (!err && dump->last < dump->end &&
	       tmem_registry_next(dump->last, dump->all, dump->uid, &arena)) {
		if (arena.id <= dump->end)
			err = tmem_dump_one(skb, cb, TMEM_CMD_ARENA_GET,
					    tmem_put_arena_message, &arena);
		put_pid(arena.pid);
		if (!err)
			dump->last = arena.id;
	}
	return skb->len ?: err;
}

/* --- nodes --------------------------------------------------------------- */

static int tmem_put_node(struct sk_buff *skb, const void *what)
{
	static const int types[] = {
		TMEM_A_NODE_TOTAL,	   TMEM_A_NODE_FREE,
		TMEM_A_NODE_ARENAS,	   TMEM_A_NODE_POOL,
		TMEM_A_NODE_POOL_LOW,	   TMEM_A_NODE_POOL_TARGET,
		TMEM_A_NODE_POOL_REFILLED, TMEM_A_NODE_POOL_TAKEN,
		TMEM_A_NODE_POOL_MISSED,   TMEM_A_NODE_POOL_SHRUNK,
		TMEM_A_NODE_OFF_NODE,
	};
	const unsigned int *nid = what;
	struct tmem_status_node node;
	struct tmem_pool_stat pool;

	tmem_status_node(*nid, &node);
	tmem_pool_stat(*nid, &pool);
	if (nla_put_u32(skb, TMEM_A_NODE_ID, *nid))
		return -EMSGSIZE;
	return tmem_put_u64s(skb, TMEM_A_NODE_PAD, types,
			     (const u64[]){ node.total, node.free, node.arenas,
					    pool.count << TMEM_SPAN_SHIFT,
					    pool.low << TMEM_SPAN_SHIFT,
					    pool.target << TMEM_SPAN_SHIFT,
					    pool.refilled, pool.taken,
					    pool.missed, pool.shrunk,
					    tmem_policy_off_node(*nid) },
			     ARRAY_SIZE(types));
}

static int tmem_node_get_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	unsigned int nid;
	int err = 0;

	for (nid = cb->args[0]; nid < nr_node_ids; nid++) {
		if (!node_state(nid, N_MEMORY))
			continue;
		err = tmem_dump_one(skb, cb, TMEM_CMD_NODE_GET, tmem_put_node,
				    &nid);
		if (err)
			break;
	}
	cb->args[0] = nid;
	return skb->len ?: err;
}

/* --- the pressure -------------------------------------------------------- */

static int tmem_put_pressure(struct sk_buff *skb,
			     const struct tmem_pressure_now *now, u32 previous)
{
	if (nla_put_u32(skb, TMEM_A_PRESSURE_LEVEL, now->level) ||
	    nla_put_u32(skb, TMEM_A_PRESSURE_PREVIOUS, previous) ||
	    nla_put_u64_64bit(skb, TMEM_A_PRESSURE_CHANGES, now->changes,
			      TMEM_A_PRESSURE_PAD) ||
	    nla_put_u64_64bit(skb, TMEM_A_PRESSURE_TIME, now->since,
			      TMEM_A_PRESSURE_PAD) ||
	    nla_put_u32(skb, TMEM_A_PRESSURE_PSI_ON, now->psi_on) ||
	    nla_put_u32(skb, TMEM_A_PRESSURE_USE, now->use) ||
	    nla_put_u32(skb, TMEM_A_PRESSURE_STALL, now->stall) ||
	    nla_put_u64_64bit(skb, TMEM_A_PRESSURE_AVAILABLE, now->available,
			      TMEM_A_PRESSURE_PAD))
		return -EMSGSIZE;
	return 0;
}

/*
 * A message about the pressure, of @portid and @seq; NULL if there is no
 * memory.  The kernel's default size is plenty.
 */
static struct sk_buff *
tmem_pressure_message(const struct tmem_pressure_now *now, u32 previous,
		      u8 command, u32 portid, u32 seq)
{
	struct sk_buff *skb = genlmsg_new(NLMSG_DEFAULT_SIZE, GFP_KERNEL);
	void *header;

	if (!skb)
		return NULL;
	header = genlmsg_put(skb, portid, seq, &tmem_family, 0, command);
	if (!header || tmem_put_pressure(skb, now, previous)) {
		nlmsg_free(skb);
		return NULL;
	}
	genlmsg_end(skb, header);
	return skb;
}

static int tmem_pressure_get_doit(struct sk_buff *request,
				  struct genl_info *info)
{
	struct tmem_pressure_now now;
	struct sk_buff *skb;

	tmem_pressure_get(&now);
	skb = tmem_pressure_message(&now, now.level, TMEM_CMD_PRESSURE_GET,
				    info->snd_portid, info->snd_seq);
	return skb ? genlmsg_reply(skb, info) : -ENOMEM;
}

static bool tmem_netlink_heard(void)
{
	struct net *net;
	bool heard = false;

	rcu_read_lock();
	for_each_net_rcu(net)
		if (genl_has_listeners(&tmem_family, net, TMEM_GROUP_PRESSURE) >
		    0)
			heard = true;
	rcu_read_unlock();
	return heard;
}

/*
 * To all network namespaces: the pressure is the machine's, and no secret.
 * Who misses one, for want of memory, sees it by the count of changes.
 */
void tmem_netlink_level_changed(const struct tmem_pressure_now *now)
{
	struct sk_buff *skb;

	if (!tmem_netlink_heard())
		return;
	skb = tmem_pressure_message(now, now->previous, TMEM_CMD_PRESSURE_NTF,
				    0, 0);
	if (skb)
		genlmsg_multicast_allns(&tmem_family, skb, 0,
					TMEM_GROUP_PRESSURE);
}

/* --- sizing a pool ------------------------------------------------------- */

static const struct nla_policy tmem_pool_set_policy[TMEM_A_NODE_MAX + 1] = {
	[TMEM_A_NODE_ID] = { .type = NLA_U32 },
	[TMEM_A_NODE_POOL_LOW] = { .type = NLA_U64 },
	[TMEM_A_NODE_POOL_TARGET] = { .type = NLA_U64 },
};

/* In spans; ~0 where the attribute is not there: tmem_pool_set() keeps it. */
static int tmem_pool_attr(struct genl_info *info, int type, u64 *spans)
{
	struct nlattr *attr = info->attrs[type];

	*spans = U64_MAX;
	if (!attr)
		return 0;
	if (nla_get_u64(attr) & (TMEM_SPAN_SIZE - 1)) {
		NL_SET_ERR_MSG_ATTR(info->extack, attr,
				    "not a multiple of the span size, 2 MiB");
		return -EINVAL;
	}
	*spans = nla_get_u64(attr) >> TMEM_SPAN_SHIFT;
	return 0;
}

static int tmem_pool_set_node(struct genl_info *info, int *nid)
{
	struct nlattr *attr = info->attrs[TMEM_A_NODE_ID];
	u32 node;

	if (!attr) {
		GENL_SET_ERR_MSG(info, "which node? TMEM_A_NODE_ID is missing");
		return -EINVAL;
	}
	node = nla_get_u32(attr);
	if (node >= nr_node_ids || !node_state(node, N_MEMORY)) {
		NL_SET_ERR_MSG_ATTR(
			info->extack, attr,
			"there is no node with memory of this number");
		return -EINVAL;
	}
	*nid = node;
	return 0;
}

/* tmem_pool_set() decides; this says why. */
static int tmem_pool_set_refused(struct genl_info *info, int nid, u64 low,
				 u64 target, int err)
{
	struct tmem_pool_stat pool;

	if (err != -EINVAL)
		return err;
	tmem_pool_stat(nid, &pool);
	if ((low == U64_MAX ? pool.low : low) >
	    (target == U64_MAX ? pool.target : target))
		GENL_SET_ERR_MSG(info, "low is above target");
	else
		GENL_SET_ERR_MSG(info,
				 "target is above half of the node's memory");
	return err;
}

static int tmem_pool_set_doit(struct sk_buff *request, struct genl_info *info)
{
	u64 low, target;
	int nid, err;

	if (!netlink_capable(request, CAP_SYS_ADMIN)) {
		GENL_SET_ERR_MSG(info, "needs CAP_SYS_ADMIN of the machine");
		return -EPERM;
	}
	err = tmem_pool_set_node(info, &nid);
	if (!err)
		err = tmem_pool_attr(info, TMEM_A_NODE_POOL_LOW, &low);
	if (!err)
		err = tmem_pool_attr(info, TMEM_A_NODE_POOL_TARGET, &target);
	if (err)
		return err;
	if (low == U64_MAX && target == U64_MAX) {
		GENL_SET_ERR_MSG(info, "neither low nor target is given");
		return -EINVAL;
	}
	err = tmem_pool_set(nid, low, target);
	return err ? tmem_pool_set_refused(info, nid, low, target, err) : 0;
}

/* --- the family ---------------------------------------------------------- */

/* Without a policy, an operation takes no attributes. */
static const struct genl_ops tmem_ops[] = {
	{
		.cmd = TMEM_CMD_ARENA_GET,
		.start = tmem_arena_dump_start,
		.dumpit = tmem_arena_get_dump,
	},
	{
		.cmd = TMEM_CMD_NODE_GET,
		.dumpit = tmem_node_get_dump,
	},
	{
		.cmd = TMEM_CMD_PRESSURE_GET,
		.doit = tmem_pressure_get_doit,
	},
	{
		/* GENL_ADMIN_PERM would ask for CAP_NET_ADMIN. */
		.cmd = TMEM_CMD_POOL_SET,
		.doit = tmem_pool_set_doit,
		.policy = tmem_pool_set_policy,
		.maxattr = TMEM_A_NODE_MAX,
	},
};

static const struct genl_multicast_group tmem_groups[] = {
	[TMEM_GROUP_PRESSURE] = { .name = TMEM_MCGRP_PRESSURE },
};

static struct genl_family tmem_family __ro_after_init = {
	.name = TMEM_FAMILY_NAME,
	.version = TMEM_FAMILY_VERSION,
	.module = THIS_MODULE,
	.netnsok = true,
	.parallel_ops = true,
	.ops = tmem_ops,
	.n_ops = ARRAY_SIZE(tmem_ops),
	.mcgrps = tmem_groups,
	.n_mcgrps = ARRAY_SIZE(tmem_groups),
};

int __init tmem_netlink_register(void)
{
	return genl_register_family(&tmem_family);
}

void tmem_netlink_unregister(void)
{
	genl_unregister_family(&tmem_family);
}
