// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Events of the module's netlink family: subscribed to, heard, lost, and ended
 * when the module goes.
 */
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/tmem_netlink.h>

#include "pressure/deadline.h"
#include "pressure/netlink_handle.h"

/* Join a group, by its number. */
static int join(struct mnl_socket *socket, uint32_t group)
{
	if (!group)
		return -EPROTO; /* the family has no such group */
	return mnl_socket_setsockopt(socket, NETLINK_ADD_MEMBERSHIP, &group,
				     sizeof(group)) ?
		       -errno :
		       0;
}

/*
 * The controller tells when a family goes.  It is listened to first, so that
 * the module cannot go unheard between being found and being joined.
 */
static int join_all(struct tmem_netlink *netlink, struct mnl_socket *socket)
{
	struct tmem_nl_family family;
	int err = tmem_netlink_find(netlink, "nlctrl", "notify", &family);

	if (!err)
		err = join(socket, family.group);
	if (!err)
		err = tmem_netlink_find_tmem(netlink, &family);
	if (!err)
		err = join(socket, family.group);
	if (!err)
		netlink->family = family.id;
	return err;
}

int tmem_netlink_subscribe(struct tmem_netlink *netlink)
{
	struct mnl_socket *socket;
	int err;

	if (netlink->listen)
		return -EALREADY;
	err = tmem_nl_open(&socket);
	if (err)
		return err;
	err = join_all(netlink, socket);
	if (err) {
		mnl_socket_close(socket);
		return err;
	}
	netlink->listen = socket;
	return 0;
}

/* A family went: ours? */
static bool is_our_end(const struct tmem_netlink *netlink,
		       const struct nlmsghdr *nlh)
{
	struct tmem_nl_family family;

	return nlh->nlmsg_type == GENL_ID_CTRL &&
	       tmem_nl_command(nlh) == CTRL_CMD_DELFAMILY &&
	       !tmem_nl_parse_family(nlh, "", &family) &&
	       family.id == netlink->family;
}

/* One datagram.  1 (*event is set), 0 (nothing for us) or -ENODEV. */
static int hear(struct tmem_netlink *netlink, size_t bytes,
		struct tmem_pressure_event *event)
{
	struct tmem_pressure_event now;
	const struct nlmsghdr *nlh;
	size_t at = 0;
	int got = 0;

	while ((nlh = tmem_nl_next(netlink->event, bytes, &at))) {
		if (is_our_end(netlink, nlh))
			netlink->removed = true;
		if (nlh->nlmsg_type != netlink->family ||
		    tmem_nl_command(nlh) != TMEM_CMD_PRESSURE_NTF ||
		    tmem_nl_parse_pressure(nlh, &now))
			continue;
		/* The kernel sends each by itself; of several the last counts. */
		*event = now;
		got = 1;
	}
	return got || !netlink->removed ? got : -ENODEV;
}

/* 1, 0 (nothing there), -ENODEV or -ENOBUFS. */
static int hear_next(struct tmem_netlink *netlink,
		     struct tmem_pressure_event *event)
{
	int n, got;

	for (;;) {
		n = tmem_nl_receive(netlink->listen, netlink->event,
				    sizeof(netlink->event));
		if (n == -EAGAIN)
			return netlink->removed ? -ENODEV : 0;
		if (n == -ENOBUFS)
			netlink->lost = true;
		if (n < 0 && n != -EMSGSIZE)
			return n;
		got = n > 0 ? hear(netlink, (size_t)n, event) : 0;
		if (got)
			return got;
	}
}

/* Among what was lost may have been the news that the module went. */
static void look_after_loss(struct tmem_netlink *netlink)
{
	struct tmem_nl_family family;
	int err;

	if (!netlink->lost)
		return;
	err = tmem_netlink_find_tmem(netlink, &family);
	if (err == -EBUSY)
		return; /* called from inside a list: the next time */
	netlink->lost = false;
	if (err == -ENODEV || (!err && family.id != netlink->family))
		netlink->removed = true;
}

int tmem_netlink_wait(struct tmem_netlink *netlink, int timeout_ms,
		      struct tmem_pressure_event *event)
{
	tmem_deadline deadline = tmem_deadline_in(timeout_ms);
	int got;

	if (!netlink->listen)
		return -EINVAL;
	look_after_loss(netlink);
	for (;;) {
		got = hear_next(netlink, event);
		if (got)
			return got;
		got = tmem_deadline_poll(mnl_socket_get_fd(netlink->listen),
					 deadline);
		if (got <= 0)
			return got;
	}
}

int tmem_netlink_fd(const struct tmem_netlink *netlink)
{
	return netlink->listen ? mnl_socket_get_fd(netlink->listen) : -EINVAL;
}
