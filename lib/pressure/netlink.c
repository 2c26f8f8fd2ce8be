// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The client of the module's netlink family: what is asked and answered.
 */
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/tmem_netlink.h>

#include "arena/backend.h"
#include "core/log.h"
#include "pressure/netlink_handle.h"

/*
 * One request.  The kernel does not know a family whose module is gone.  From
 * inside a list's callback nothing can be asked: its buffer is in use.
 */
static int ask(struct tmem_netlink *netlink, struct nlmsghdr *request,
	       struct tmem_nl_answer *answer)
{
	int err;

	if (netlink->busy)
		return -EBUSY;
	netlink->busy = true;
	request->nlmsg_seq = ++netlink->seq;
	err = tmem_nl_ask(netlink->ask, request, answer, netlink->answer);
	netlink->busy = false;
	if (answer->why[0])
		tmem_log(TMEM_LOG_WARN, "the tmem module says: %s",
			 answer->why);
	return err == -ENOENT ? -ENODEV : err;
}

/* --- families --------------------------------------------------------------- */

struct family_wish {
	const char *group;
	struct tmem_nl_family family;
};

static int take_family(const struct nlmsghdr *nlh, void *data)
{
	struct family_wish *wish = data;

	return tmem_nl_parse_family(nlh, wish->group, &wish->family);
}

int tmem_netlink_find(struct tmem_netlink *netlink, const char *name,
		      const char *group, struct tmem_nl_family *family)
{
	struct family_wish wish = { .group = group };
	struct tmem_nl_answer answer = {
		.type = GENL_ID_CTRL,
		.message = take_family,
		.data = &wish,
	};
	struct tmem_nl_request request;
	struct nlmsghdr *nlh = tmem_nl_begin(&request, GENL_ID_CTRL,
					     CTRL_CMD_GETFAMILY, 1, NLM_F_ACK);
	int err;

	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, name);
	err = ask(netlink, nlh, &answer);
	if (!err)
		err = answer.stopped;
	if (!err && !wish.family.id)
		err = -EPROTO;
	*family = wish.family;
	return err;
}

int tmem_netlink_find_tmem(struct tmem_netlink *netlink,
			   struct tmem_nl_family *family)
{
	int err = tmem_netlink_find(netlink, TMEM_FAMILY_NAME,
				    TMEM_MCGRP_PRESSURE, family);

	if (err || family->version == TMEM_FAMILY_VERSION)
		return err;
	tmem_log(
		TMEM_LOG_WARN,
		"the tmem module speaks version %u of its netlink family, libtmem %u: install module and library of one version",
		family->version, TMEM_FAMILY_VERSION);
	return -EPROTO;
}

int tmem_netlink_open(struct tmem_netlink **netlink)
{
	struct tmem_netlink *nl = tmem_os_table(sizeof(*nl));
	struct tmem_nl_family family;
	int err;

	if (!nl)
		return -ENOMEM;
	err = tmem_nl_open(&nl->ask);
	if (!err) {
		err = tmem_netlink_find_tmem(nl, &family);
		nl->family = family.id;
	}
	if (err) {
		tmem_netlink_close(nl);
		return err;
	}
	*netlink = nl;
	return 0;
}

void tmem_netlink_close(struct tmem_netlink *netlink)
{
	if (!netlink)
		return;
	if (netlink->listen)
		mnl_socket_close(netlink->listen);
	if (netlink->ask)
		mnl_socket_close(netlink->ask);
	tmem_os_table_free(netlink, sizeof(*netlink));
}

/* --- questions -------------------------------------------------------------- */

struct pressure_wish {
	struct tmem_pressure_event *event;
	bool got;
};

static int take_pressure(const struct nlmsghdr *nlh, void *data)
{
	struct pressure_wish *wish = data;

	wish->got = true;
	return tmem_nl_parse_pressure(nlh, wish->event);
}

int tmem_netlink_pressure(struct tmem_netlink *netlink,
			  struct tmem_pressure_event *event)
{
	struct pressure_wish wish = { .event = event };
	struct tmem_nl_answer answer = {
		.type = netlink->family,
		.message = take_pressure,
		.data = &wish,
	};
	struct tmem_nl_request request;
	struct nlmsghdr *nlh = tmem_nl_begin(&request, netlink->family,
					     TMEM_CMD_PRESSURE_GET,
					     TMEM_FAMILY_VERSION, NLM_F_ACK);
	int err = ask(netlink, nlh, &answer);

	if (err)
		return err;
	return wish.got ? answer.stopped : -EPROTO;
}

static int list(struct tmem_netlink *netlink, uint8_t command,
		int (*message)(const struct nlmsghdr *nlh, void *data),
		void *data)
{
	struct tmem_nl_answer answer = {
		.type = netlink->family,
		.message = message,
		.data = data,
	};
	struct tmem_nl_request request;
	struct nlmsghdr *nlh = tmem_nl_begin(&request, netlink->family, command,
					     TMEM_FAMILY_VERSION, NLM_F_DUMP);
	int err = ask(netlink, nlh, &answer);

	/* What the caller said comes first: it asked for the end. */
	return answer.stopped ? answer.stopped : err;
}

struct arena_wish {
	int (*each)(const struct tmem_arena_info *info, void *data);
	void *data;
};

static int take_arena(const struct nlmsghdr *nlh, void *data)
{
	const struct arena_wish *wish = data;
	struct tmem_arena_info info;
	int err = tmem_nl_parse_arena(nlh, &info);

	return err ? err : wish->each(&info, wish->data);
}

int tmem_netlink_arenas(struct tmem_netlink *netlink,
			int (*each)(const struct tmem_arena_info *info,
				    void *data),
			void *data)
{
	struct arena_wish wish = { .each = each, .data = data };

	return list(netlink, TMEM_CMD_ARENA_GET, take_arena, &wish);
}

struct node_wish {
	int (*each)(const struct tmem_node_info *info, void *data);
	void *data;
};

static int take_node(const struct nlmsghdr *nlh, void *data)
{
	const struct node_wish *wish = data;
	struct tmem_node_info info;
	int err = tmem_nl_parse_node(nlh, &info);

	return err ? err : wish->each(&info, wish->data);
}

int tmem_netlink_nodes(struct tmem_netlink *netlink,
		       int (*each)(const struct tmem_node_info *info,
				   void *data),
		       void *data)
{
	struct node_wish wish = { .each = each, .data = data };

	return list(netlink, TMEM_CMD_NODE_GET, take_node, &wish);
}

int tmem_netlink_pool_set(struct tmem_netlink *netlink, uint32_t node,
			  uint64_t low, uint64_t target)
{
	struct tmem_nl_answer answer = { .type = netlink->family };
	struct tmem_nl_request request;
	struct nlmsghdr *nlh = tmem_nl_begin(&request, netlink->family,
					     TMEM_CMD_POOL_SET,
					     TMEM_FAMILY_VERSION, NLM_F_ACK);

	mnl_attr_put_u32(nlh, TMEM_A_NODE_ID, node);
	if (low != TMEM_POOL_KEEP)
		mnl_attr_put_u64(nlh, TMEM_A_NODE_POOL_LOW, low);
	if (target != TMEM_POOL_KEEP)
		mnl_attr_put_u64(nlh, TMEM_A_NODE_POOL_TARGET, target);
	return ask(netlink, nlh, &answer);
}
