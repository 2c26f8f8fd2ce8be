/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared by the kernel tests: generic netlink by hand.  A library would build
 * right messages only, and the tests need wrong ones too.
 */
#ifndef TMEM_TEST_NETLINK_H
#define TMEM_TEST_NETLINK_H

#include "tmem_test.h"

#include <sys/socket.h>

#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/tmem_netlink.h>

#ifndef SOL_NETLINK
#define SOL_NETLINK 270
#endif

struct kt_nl {
	int fd;
	uint32_t seq;
	uint16_t family; /* of "tmem" */
	uint32_t group; /* "pressure" */
	char error[128]; /* what the kernel said about the last error */
	char buf[32768]; /* what was received last */
};

/* A message being built: headers, then attributes. */
struct kt_nl_msg {
	union {
		struct nlmsghdr h;
		char bytes[1024];
	};
};

static inline struct genlmsghdr *kt_nl_genl(struct kt_nl_msg *m)
{
	return NLMSG_DATA(&m->h);
}

static inline void kt_nl_begin(struct kt_nl_msg *m, uint16_t family,
			       uint8_t cmd, uint16_t flags)
{
	memset(m, 0, sizeof(*m));
	m->h.nlmsg_len = NLMSG_LENGTH(GENL_HDRLEN);
	m->h.nlmsg_type = family;
	m->h.nlmsg_flags = NLM_F_REQUEST | flags;
	kt_nl_genl(m)->cmd = cmd;
	kt_nl_genl(m)->version = TMEM_FAMILY_VERSION;
}

static inline void kt_nl_put(struct kt_nl_msg *m, uint16_t type,
			     const void *data, size_t len)
{
	struct nlattr *a = (void *)(m->bytes + NLMSG_ALIGN(m->h.nlmsg_len));

	a->nla_type = type;
	a->nla_len = (uint16_t)(NLA_HDRLEN + len);
	memcpy((char *)a + NLA_HDRLEN, data, len);
	m->h.nlmsg_len =
		NLMSG_ALIGN(m->h.nlmsg_len) + (uint32_t)NLA_ALIGN(a->nla_len);
}

static inline void kt_nl_put_u32(struct kt_nl_msg *m, uint16_t type,
				 uint32_t value)
{
	kt_nl_put(m, type, &value, sizeof(value));
}

static inline void kt_nl_put_u64(struct kt_nl_msg *m, uint16_t type,
				 uint64_t value)
{
	kt_nl_put(m, type, &value, sizeof(value));
}

static inline int kt_nl_send(struct kt_nl *nl, struct kt_nl_msg *m)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };

	m->h.nlmsg_seq = ++nl->seq;
	if (sendto(nl->fd, m, m->h.nlmsg_len, 0, (void *)&kernel,
		   sizeof(kernel)) < 0)
		return -errno;
	return 0;
}

/* The bytes received, or -errno.  @flags as of recv(). */
static inline int kt_nl_receive(struct kt_nl *nl, int flags)
{
	ssize_t got = recv(nl->fd, nl->buf, sizeof(nl->buf), MSG_TRUNC | flags);

	if (got > (ssize_t)sizeof(nl->buf))
		return -EMSGSIZE;
	return got < 0 ? -errno : (int)got;
}

/* The first attribute of a message with this type, or NULL. */
static inline const struct nlattr *kt_nl_find(const char *from, int len,
					      uint16_t type)
{
	while (len >= NLA_HDRLEN) {
		const struct nlattr *a = (const void *)from;
		int step = NLA_ALIGN(a->nla_len);

		if (a->nla_len < NLA_HDRLEN || a->nla_len > len)
			return NULL;
		if ((a->nla_type & NLA_TYPE_MASK) == type)
			return a;
		from += step;
		len -= step;
	}
	return NULL;
}

static inline const struct nlattr *kt_nl_attr(const struct nlmsghdr *h,
					      uint16_t type)
{
	return kt_nl_find((const char *)NLMSG_DATA(h) + GENL_HDRLEN,
			  (int)h->nlmsg_len - (int)NLMSG_LENGTH(GENL_HDRLEN),
			  type);
}

static inline const void *kt_nl_data(const struct nlattr *a)
{
	return (const char *)a + NLA_HDRLEN;
}

/* A number of 4 or 8 bytes, exactly; all ones if it is not there. */
static inline uint32_t kt_nl_u32(const struct nlmsghdr *h, uint16_t type)
{
	const struct nlattr *a = kt_nl_attr(h, type);
	uint32_t value = UINT32_MAX;

	if (a && a->nla_len == NLA_HDRLEN + sizeof(value))
		memcpy(&value, kt_nl_data(a), sizeof(value));
	return value;
}

static inline uint64_t kt_nl_u64(const struct nlmsghdr *h, uint16_t type)
{
	const struct nlattr *a = kt_nl_attr(h, type);
	uint64_t value = UINT64_MAX;

	if (a && a->nla_len == NLA_HDRLEN + sizeof(value))
		memcpy(&value, kt_nl_data(a), sizeof(value));
	return value;
}

/* The error of an answer, and the kernel's words about it. */
static inline int kt_nl_error(struct kt_nl *nl, const struct nlmsghdr *h)
{
	const struct nlmsgerr *e = NLMSG_DATA(h);
	int head = (int)NLMSG_LENGTH(sizeof(*e));
	const struct nlattr *a;

	nl->error[0] = 0;
	if (!(h->nlmsg_flags & NLM_F_ACK_TLVS))
		return e->error;
	if (!(h->nlmsg_flags & NLM_F_CAPPED))
		head += NLMSG_ALIGN(e->msg.nlmsg_len) - sizeof(e->msg);
	a = kt_nl_find((const char *)h + head, (int)h->nlmsg_len - head,
		       NLMSGERR_ATTR_MSG);
	if (a)
		snprintf(nl->error, sizeof(nl->error), "%.*s",
			 a->nla_len - NLA_HDRLEN, (const char *)kt_nl_data(a));
	return e->error;
}

/*
 * Sends and takes all answers: each message goes to @each, if given.  Returns
 * what the acknowledgement or the end of the dump says, or -errno.
 */
static inline int kt_nl_ask(struct kt_nl *nl, struct kt_nl_msg *m,
			    void (*each)(const struct nlmsghdr *h, void *data),
			    void *data)
{
	int ret = kt_nl_send(nl, m);

	nl->error[0] = 0;
	while (!ret) {
		struct nlmsghdr *h = (void *)nl->buf;
		int len = kt_nl_receive(nl, 0);

		if (len < 0)
			return len;
		for (; NLMSG_OK(h, (unsigned int)len); h = NLMSG_NEXT(h, len)) {
			if (h->nlmsg_seq != nl->seq)
				continue;
			if (h->nlmsg_type == NLMSG_ERROR)
				return kt_nl_error(nl, h);
			if (h->nlmsg_type == NLMSG_DONE)
				return *(int *)NLMSG_DATA(h);
			if (each)
				each(h, data);
		}
	}
	return ret;
}

struct kt_nl_family {
	uint16_t id;
	uint32_t group;
};

static inline void kt_nl_take_family(const struct nlmsghdr *h, void *data)
{
	const struct nlattr *id = kt_nl_attr(h, CTRL_ATTR_FAMILY_ID);
	const struct nlattr *groups = kt_nl_attr(h, CTRL_ATTR_MCAST_GROUPS);
	struct kt_nl_family *family = data;
	const struct nlattr *g, *name, *nr;

	if (id)
		memcpy(&family->id, kt_nl_data(id), sizeof(family->id));
	/* One group only: the first of the nested ones. */
	g = groups ? kt_nl_find(kt_nl_data(groups),
				groups->nla_len - NLA_HDRLEN, 1) :
		     NULL;
	if (!g)
		return;
	name = kt_nl_find(kt_nl_data(g), g->nla_len - NLA_HDRLEN,
			  CTRL_ATTR_MCAST_GRP_NAME);
	nr = kt_nl_find(kt_nl_data(g), g->nla_len - NLA_HDRLEN,
			CTRL_ATTR_MCAST_GRP_ID);
	if (name && nr && !strcmp(kt_nl_data(name), TMEM_MCGRP_PRESSURE))
		memcpy(&family->group, kt_nl_data(nr), sizeof(family->group));
}

/* 0, or -errno: -ENOENT if there is no such family. */
static inline int kt_nl_open(struct kt_nl *nl)
{
	struct sockaddr_nl self = { .nl_family = AF_NETLINK };
	struct kt_nl_family family = { 0 };
	struct kt_nl_msg m;
	int on = 1, ret;

	memset(nl, 0, sizeof(*nl));
	nl->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	if (nl->fd < 0 || bind(nl->fd, (void *)&self, sizeof(self)))
		return -errno;
	setsockopt(nl->fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	setsockopt(nl->fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on,
		   sizeof(on));
	kt_nl_begin(&m, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, NLM_F_ACK);
	kt_nl_genl(&m)->version = 1;
	kt_nl_put(&m, CTRL_ATTR_FAMILY_NAME, TMEM_FAMILY_NAME,
		  sizeof(TMEM_FAMILY_NAME));
	ret = kt_nl_ask(nl, &m, kt_nl_take_family, &family);
	nl->family = family.id;
	nl->group = family.group;
	return ret;
}

static inline void kt_nl_close(struct kt_nl *nl)
{
	if (nl->fd >= 0)
		close(nl->fd);
	nl->fd = -1;
}

static inline int kt_nl_join(struct kt_nl *nl)
{
	return setsockopt(nl->fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP,
			  &nl->group, sizeof(nl->group)) ?
		       -errno :
		       0;
}

/* The next notice, in nl->buf, or NULL; MSG_DONTWAIT: only if it is there. */
static inline const struct nlmsghdr *kt_nl_notice(struct kt_nl *nl, int flags)
{
	struct nlmsghdr *h = (void *)nl->buf;
	int len = kt_nl_receive(nl, flags);

	if (len < 0 || !NLMSG_OK(h, (unsigned int)len) ||
	    h->nlmsg_type != nl->family ||
	    ((struct genlmsghdr *)NLMSG_DATA(h))->cmd != TMEM_CMD_PRESSURE_NTF)
		return NULL;
	return h;
}

#endif /* TMEM_TEST_NETLINK_H */
