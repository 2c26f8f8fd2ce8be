/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Netlink messages made by hand, for those who test the parser.
 */
#ifndef NETLINK_MESSAGE_H
#define NETLINK_MESSAGE_H

#include "lib_test.h"

#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/tmem_netlink.h>

#include "pressure/netlink_parse.h"

#define FAMILY 33

/* Room for one message or several. */
union room {
	struct nlmsghdr nlh;
	char bytes[4096];
};

static inline struct nlmsghdr *begin(union room *room, uint8_t command)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(room);
	struct genlmsghdr *genl =
		mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));

	nlh->nlmsg_type = FAMILY;
	nlh->nlmsg_seq = 7;
	nlh->nlmsg_pid = 1234;
	genl->cmd = command;
	return nlh;
}

/* An error in words, with or without the request repeated before them. */
static inline void put_error(union room *room, bool capped, size_t words)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(room);
	struct nlmsgerr *error =
		mnl_nlmsg_put_extra_header(nlh, sizeof(*error));
	char text[300];

	nlh->nlmsg_type = NLMSG_ERROR;
	nlh->nlmsg_seq = 7;
	nlh->nlmsg_pid = 1234;
	nlh->nlmsg_flags = NLM_F_ACK_TLVS | (capped ? NLM_F_CAPPED : 0);
	error->error = -EINVAL;
	error->msg.nlmsg_len = NLMSG_HDRLEN + 9;
	if (!capped)
		mnl_nlmsg_put_extra_header(nlh, 9);
	memset(text, 'w', sizeof(text));
	mnl_attr_put_u32(nlh, NLMSGERR_ATTR_OFFS, 20);
	mnl_attr_put(nlh, NLMSGERR_ATTR_MSG, words, text);
}

#endif /* NETLINK_MESSAGE_H */
