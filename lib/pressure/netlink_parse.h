/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Netlink messages taken apart.  No kernel is needed for that, and none of it
 * trusts what it reads: lengths may lie, attributes may be anything.
 *
 * Messages must lie at multiples of 4, as in a receive buffer.
 */
#ifndef TMEM_PRESSURE_NETLINK_PARSE_H
#define TMEM_PRESSURE_NETLINK_PARSE_H

#include <linux/netlink.h>
#include <stdbool.h>
#include <tmem/pressure.h>

/* What the kernel's controller says of a family. */
struct tmem_nl_family {
	uint16_t id;
	uint32_t version;
	uint32_t group; /* number of the group asked for, 0: there is none */
};

/*
 * One message of a family each.  0, or -EPROTO: an attribute of the wrong size,
 * or nothing that says what it is about.  Unknown attributes are ignored, what
 * is not there is 0.
 */
int tmem_nl_parse_family(const struct nlmsghdr *nlh, const char *group,
			 struct tmem_nl_family *family);
int tmem_nl_parse_pressure(const struct nlmsghdr *nlh,
			   struct tmem_pressure_event *event);
int tmem_nl_parse_arena(const struct nlmsghdr *nlh,
			struct tmem_arena_info *info);
int tmem_nl_parse_node(const struct nlmsghdr *nlh, struct tmem_node_info *info);

/* The command of a generic netlink message, or -1: it is none. */
int tmem_nl_command(const struct nlmsghdr *nlh);

/*
 * The next message of a datagram, or NULL: no whole one is left.  *at begins
 * at 0.
 */
const struct nlmsghdr *tmem_nl_next(const void *buffer, size_t bytes,
				    size_t *at);

/*
 * What is expected in reply to a request, and what came of it.
 *
 * @seq, @portid, @type: of messages that belong to it; others are skipped
 * @message: called for each, until it returns other than 0
 */
struct tmem_nl_answer {
	uint32_t seq;
	uint32_t portid;
	uint16_t type;
	int (*message)(const struct nlmsghdr *nlh, void *data);
	void *data;

	int err; /* what the kernel said at the end: 0 or -errno */
	int stopped; /* what message() returned */
	char why[128]; /* the kernel's words for an error, or "" */
};

/* One datagram.  true if the answer is complete. */
bool tmem_nl_answered(struct tmem_nl_answer *answer, const void *buffer,
		      size_t bytes);

#endif /* TMEM_PRESSURE_NETLINK_PARSE_H */
