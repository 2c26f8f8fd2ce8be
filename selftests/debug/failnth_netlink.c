// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests to the generic netlink family "tmem", for failnth.  By hand rather
 * than with a library: each system call's own error is what counts here.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/tmem_netlink.h>

#include "failnth.h"

static int sock = -1;
static int family;

struct request {
	struct nlmsghdr nl;
	struct genlmsghdr genl;
	struct nlattr attr;
	char name[16];
};

/* Sends, and reads to the end of the answer.  *first: its first message. */
static int ask(struct request *req, char *buffer, size_t size,
	       struct nlmsghdr **first)
{
	struct nlmsghdr *msg;
	unsigned int left;
	ssize_t got;

	if (send(sock, req, req->nl.nlmsg_len, 0) < 0)
		return -errno;
	if (first)
		*first = NULL;
	for (;;) {
		got = recv(sock, buffer, size, 0);
		if (got < 0)
			return -errno;
		left = got;
		for (msg = (struct nlmsghdr *)buffer; NLMSG_OK(msg, left);
		     msg = NLMSG_NEXT(msg, left)) {
			if (msg->nlmsg_type == NLMSG_ERROR ||
			    msg->nlmsg_type == NLMSG_DONE)
				return *(int *)NLMSG_DATA(msg);
			if (first && !*first)
				*first = msg;
			if (!(msg->nlmsg_flags & NLM_F_MULTI))
				return 0;
		}
	}
}

static int command(int cmd, int flags)
{
	struct request req = {
		.nl = { .nlmsg_len = NLMSG_LENGTH(GENL_HDRLEN),
			.nlmsg_type = family,
			.nlmsg_flags = NLM_F_REQUEST | flags },
		.genl = { .cmd = cmd, .version = TMEM_FAMILY_VERSION },
	};
	static char buffer[32768];

	return ask(&req, buffer, sizeof(buffer), NULL);
}

/* The family's number is in an attribute of the answer. */
static int family_of(struct nlmsghdr *msg)
{
	struct nlattr *attr;
	int left = msg->nlmsg_len - NLMSG_LENGTH(GENL_HDRLEN);

	attr = (struct nlattr *)((char *)NLMSG_DATA(msg) + GENL_HDRLEN);
	while (left >= (int)sizeof(*attr)) {
		if (attr->nla_type == CTRL_ATTR_FAMILY_ID)
			return *(uint16_t *)(attr + 1);
		left -= NLA_ALIGN(attr->nla_len);
		attr = (struct nlattr *)((char *)attr +
					 NLA_ALIGN(attr->nla_len));
	}
	return -ENOENT;
}

int fn_netlink_open(void)
{
	struct request req = {
		.nl = { .nlmsg_len = NLMSG_LENGTH(GENL_HDRLEN) + NLA_HDRLEN +
				     NLA_ALIGN(sizeof(TMEM_FAMILY_NAME)),
			.nlmsg_type = GENL_ID_CTRL,
			.nlmsg_flags = NLM_F_REQUEST },
		.genl = { .cmd = CTRL_CMD_GETFAMILY, .version = 1 },
		.attr = { .nla_type = CTRL_ATTR_FAMILY_NAME,
			  .nla_len = NLA_HDRLEN + sizeof(TMEM_FAMILY_NAME) },
		.name = TMEM_FAMILY_NAME,
	};
	struct timeval limit = { .tv_sec = 10 };
	struct nlmsghdr *first;
	static char buffer[32768];
	int err;

	sock = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	if (sock < 0)
		return -errno;
	setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	err = ask(&req, buffer, sizeof(buffer), &first);
	if (err || !first)
		return err ? err : -ENOENT;
	family = family_of(first);
	return family < 0 ? family : 0;
}

int fn_netlink_dump_arenas(void)
{
	return command(TMEM_CMD_ARENA_GET, NLM_F_DUMP);
}

int fn_netlink_dump_nodes(void)
{
	return command(TMEM_CMD_NODE_GET, NLM_F_DUMP);
}

int fn_netlink_pressure(void)
{
	return command(TMEM_CMD_PRESSURE_GET, 0);
}

const char *fn_netlink_close(void)
{
	if (sock >= 0)
		close(sock);
	sock = -1;
	return NULL;
}

const char *fn_netlink_without(void)
{
	int err = fn_netlink_open();

	fn_netlink_close();
	return err ? "the module has no netlink family" : NULL;
}
