// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Messages of the families "tmem" and "nlctrl" made into structures.
 *
 * libmnl's loops round a message's end up to a multiple of 4, and its check of
 * a message's length is signed; so the loops are ours, and only what it says
 * of single attributes is used.
 */
#include "pressure/netlink_parse.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/tmem_netlink.h>
#include <stddef.h>
#include <string.h>

#define HEADER (NLMSG_HDRLEN + GENL_HDRLEN)

#define nla_for_each_attr(attr, start, end)                            \
	for ((attr) = (const struct nlattr *)(start);                  \
	     mnl_attr_ok((attr), (int)((end) - (const char *)(attr))); \
	     (attr) = mnl_attr_next(attr))

static const char *message_end(const struct nlmsghdr *nlh)
{
	return (const char *)nlh + nlh->nlmsg_len;
}

static const char *attr_end(const struct nlattr *attr)
{
	return (const char *)mnl_attr_get_payload(attr) +
	       mnl_attr_get_payload_len(attr);
}

int tmem_nl_command(const struct nlmsghdr *nlh)
{
	const struct genlmsghdr *genl = mnl_nlmsg_get_payload(nlh);

	return nlh->nlmsg_len < HEADER ? -1 : genl->cmd;
}

/* --- tables ----------------------------------------------------------------- */

enum kind { U32, U64, NAME, MASK };

/* Where an attribute goes.  The first of a table has to be there. */
struct field {
	uint16_t type;
	uint16_t offset;
	enum kind kind;
};

#define FIELD(attr, kind, type, member)            \
	{                                          \
		attr, offsetof(type, member), kind \
	}

/* A name ends at its NUL, or with the attribute. */
static void get_name(char *to, const struct nlattr *attr)
{
	const char *from = mnl_attr_get_payload(attr);
	size_t n = strnlen(from, mnl_attr_get_payload_len(attr));

	memset(to, 0, TMEM_NAME_LEN);
	memcpy(to, from, n < TMEM_NAME_LEN ? n : TMEM_NAME_LEN - 1);
}

/* A module that knows of more nodes sends more words. */
static bool get_mask(uint64_t *to, const struct nlattr *attr)
{
	size_t n = mnl_attr_get_payload_len(attr);

	if (n % sizeof(*to))
		return false;
	memset(to, 0, TMEM_NODE_WORDS * sizeof(*to));
	if (n > TMEM_NODE_WORDS * sizeof(*to))
		n = TMEM_NODE_WORDS * sizeof(*to);
	memcpy(to, mnl_attr_get_payload(attr), n);
	return true;
}

static bool get_field(const struct field *field, char *to,
		      const struct nlattr *attr)
{
	uint32_t u32;
	uint64_t u64;

	switch (field->kind) {
	case U32:
		if (mnl_attr_validate(attr, MNL_TYPE_U32))
			return false;
		u32 = mnl_attr_get_u32(attr);
		memcpy(to, &u32, sizeof(u32));
		return true;
	case U64:
		if (mnl_attr_validate(attr, MNL_TYPE_U64))
			return false;
		u64 = mnl_attr_get_u64(attr);
		memcpy(to, &u64, sizeof(u64));
		return true;
	case NAME:
		get_name(to, attr);
		return true;
	case MASK:
		return get_mask((uint64_t *)(void *)to, attr);
	}
	return false;
}

static int parse_fields(const struct nlmsghdr *nlh, const struct field *fields,
			size_t count, void *to)
{
	const struct nlattr *attr;
	bool known = false;
	size_t i;

	if (nlh->nlmsg_len < HEADER)
		return -EPROTO;
	nla_for_each_attr(attr, (const char *)nlh + HEADER, message_end(nlh)) {
		for (i = 0; i < count; i++)
			if (fields[i].type == mnl_attr_get_type(attr))
				break;
		if (i == count)
			continue;
		if (!get_field(&fields[i], (char *)to + fields[i].offset, attr))
			return -EPROTO;
		known |= !i;
	}
	return known ? 0 : -EPROTO;
}

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define PRESSURE(attr, kind, member) \
	FIELD(TMEM_A_PRESSURE_##attr, kind, struct tmem_pressure_event, member)

_Static_assert(sizeof(enum tmem_level) == sizeof(uint32_t), "levels are u32");

int tmem_nl_parse_pressure(const struct nlmsghdr *nlh,
			   struct tmem_pressure_event *event)
{
	static const struct field fields[] = {
		PRESSURE(LEVEL, U32, level),
		PRESSURE(PREVIOUS, U32, previous),
		PRESSURE(CHANGES, U64, changes),
		PRESSURE(TIME, U64, time),
		PRESSURE(PSI_ON, U32, psi_on),
		PRESSURE(USE, U32, use),
		PRESSURE(STALL, U32, stall),
		PRESSURE(AVAILABLE, U64, available),
	};

	memset(event, 0, sizeof(*event));
	return parse_fields(nlh, fields, COUNT(fields), event);
}

#define ARENA(attr, kind, member) \
	FIELD(TMEM_A_ARENA_##attr, kind, struct tmem_arena_info, member)

int tmem_nl_parse_arena(const struct nlmsghdr *nlh,
			struct tmem_arena_info *info)
{
	static const struct field fields[] = {
		ARENA(ID, U64, id),
		ARENA(NAME, NAME, name),
		ARENA(UID, U32, uid),
		ARENA(PID, U32, pid),
		ARENA(POLICY, U32, policy),
		ARENA(NODES, MASK, nodes),
		ARENA(SIZE, U64, size),
		ARENA(RESIDENT, U64, resident),
		ARENA(IDLE, U64, idle),
		ARENA(FILLS, U64, fills),
		ARENA(FILLS_POOL, U64, fills_pool),
		ARENA(FILLS_SMALL, U64, fills_small),
		ARENA(FILLS_OFF_NODE, U64, fills_off_node),
		ARENA(FILLS_FAILED, U64, fills_failed),
		ARENA(FILLS_LIMITED, U64, fills_limited),
		ARENA(PURGED, U64, purged),
		ARENA(RECALLED, U64, recalled),
	};

	memset(info, 0, sizeof(*info));
	return parse_fields(nlh, fields, COUNT(fields), info);
}

#define NODE(attr, kind, member) \
	FIELD(TMEM_A_NODE_##attr, kind, struct tmem_node_info, member)

int tmem_nl_parse_node(const struct nlmsghdr *nlh, struct tmem_node_info *info)
{
	static const struct field fields[] = {
		NODE(ID, U32, node),
		NODE(TOTAL, U64, total),
		NODE(FREE, U64, free),
		NODE(ARENAS, U64, arenas),
		NODE(POOL, U64, pool),
		NODE(POOL_LOW, U64, pool_low),
		NODE(POOL_TARGET, U64, pool_target),
		NODE(POOL_REFILLED, U64, pool_refilled),
		NODE(POOL_TAKEN, U64, pool_taken),
		NODE(POOL_MISSED, U64, pool_missed),
		NODE(POOL_SHRUNK, U64, pool_shrunk),
		NODE(OFF_NODE, U64, off_node),
	};

	memset(info, 0, sizeof(*info));
	return parse_fields(nlh, fields, COUNT(fields), info);
}

/* --- the controller --------------------------------------------------------- */

/* One group, nested: its name and number. */
static void parse_group(const struct nlattr *nest, const char *name,
			uint32_t *group)
{
	const struct nlattr *attr;
	uint32_t id = 0;
	bool found = false;

	nla_for_each_attr(attr, mnl_attr_get_payload(nest), attr_end(nest)) {
		switch (mnl_attr_get_type(attr)) {
		case CTRL_ATTR_MCAST_GRP_ID:
			if (!mnl_attr_validate(attr, MNL_TYPE_U32))
				id = mnl_attr_get_u32(attr);
			break;
		case CTRL_ATTR_MCAST_GRP_NAME:
			found = !mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) &&
				!strcmp(mnl_attr_get_str(attr), name);
			break;
		}
	}
	if (found)
		*group = id;
}

int tmem_nl_parse_family(const struct nlmsghdr *nlh, const char *group,
			 struct tmem_nl_family *family)
{
	const struct nlattr *attr, *nest;

	memset(family, 0, sizeof(*family));
	if (nlh->nlmsg_len < HEADER)
		return -EPROTO;
	nla_for_each_attr(attr, (const char *)nlh + HEADER, message_end(nlh)) {
		switch (mnl_attr_get_type(attr)) {
		case CTRL_ATTR_FAMILY_ID:
			if (mnl_attr_validate(attr, MNL_TYPE_U16))
				return -EPROTO;
			family->id = mnl_attr_get_u16(attr);
			break;
		case CTRL_ATTR_VERSION:
			if (mnl_attr_validate(attr, MNL_TYPE_U32))
				return -EPROTO;
			family->version = mnl_attr_get_u32(attr);
			break;
		case CTRL_ATTR_MCAST_GROUPS:
			nla_for_each_attr(nest, mnl_attr_get_payload(attr),
					  attr_end(attr))
				parse_group(nest, group, &family->group);
			break;
		}
	}
	return family->id ? 0 : -EPROTO;
}

/* --- answers ---------------------------------------------------------------- */

const struct nlmsghdr *tmem_nl_next(const void *buffer, size_t bytes,
				    size_t *at)
{
	const struct nlmsghdr *nlh;

	if (*at > bytes || bytes - *at < sizeof(*nlh))
		return NULL;
	nlh = (const void *)((const char *)buffer + *at);
	if (nlh->nlmsg_len < sizeof(*nlh) || nlh->nlmsg_len > bytes - *at)
		return NULL;
	*at += NLMSG_ALIGN((size_t)nlh->nlmsg_len);
	return nlh;
}

/* The kernel's words behind an error, from offset on. */
static void get_why(struct tmem_nl_answer *answer, const struct nlmsghdr *nlh,
		    size_t offset)
{
	const struct nlattr *attr;

	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS) || offset > nlh->nlmsg_len)
		return;
	nla_for_each_attr(attr, (const char *)nlh + offset, message_end(nlh)) {
		size_t n = mnl_attr_get_payload_len(attr);
		const char *text = mnl_attr_get_payload(attr);

		if (mnl_attr_get_type(attr) != NLMSGERR_ATTR_MSG)
			continue;
		n = strnlen(text, n);
		if (n >= sizeof(answer->why))
			n = sizeof(answer->why) - 1;
		memcpy(answer->why, text, n);
		answer->why[n] = '\0';
	}
}

/*
 * NLMSG_ERROR or NLMSG_DONE.  Behind the number the former repeats the request,
 * or only its header.
 */
static void get_end(struct tmem_nl_answer *answer, const struct nlmsghdr *nlh)
{
	const struct nlmsgerr *error = mnl_nlmsg_get_payload(nlh);
	size_t offset = NLMSG_HDRLEN + sizeof(error->error);

	if (nlh->nlmsg_len < offset) {
		/* A list may end without a number, an error not. */
		if (nlh->nlmsg_type == NLMSG_ERROR)
			answer->err = -EPROTO;
		return;
	}
	if (error->error > 0 || error->error < -4095)
		answer->err = -EPROTO;
	else if (error->error)
		answer->err = error->error;
	if (nlh->nlmsg_type == NLMSG_ERROR) {
		offset = NLMSG_HDRLEN + sizeof(*error);
		if (nlh->nlmsg_len < offset)
			return;
		if (!(nlh->nlmsg_flags & NLM_F_CAPPED) &&
		    error->msg.nlmsg_len > NLMSG_HDRLEN)
			offset += NLMSG_ALIGN((size_t)error->msg.nlmsg_len) -
				  NLMSG_HDRLEN;
	}
	get_why(answer, nlh, offset);
}

bool tmem_nl_answered(struct tmem_nl_answer *answer, const void *buffer,
		      size_t bytes)
{
	const struct nlmsghdr *nlh;
	size_t at = 0;

	while ((nlh = tmem_nl_next(buffer, bytes, &at))) {
		if (nlh->nlmsg_seq != answer->seq ||
		    nlh->nlmsg_pid != answer->portid)
			continue;
		if (nlh->nlmsg_type == NLMSG_ERROR ||
		    nlh->nlmsg_type == NLMSG_DONE) {
			get_end(answer, nlh);
			return true;
		}
		if (nlh->nlmsg_type == answer->type && answer->message &&
		    !answer->stopped)
			answer->stopped = answer->message(nlh, answer->data);
	}
	return false;
}
