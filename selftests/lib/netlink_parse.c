// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves what the library reads in the module's netlink messages: right ones
 * give the right figures, what is not said is 0, what is unknown is ignored and
 * what has the wrong size is refused.  No kernel is needed: the parser is fed
 * directly.
 */
#include "netlink_message.h"

TEST(pressure)
{
	struct tmem_pressure_event e;
	union room room;
	struct nlmsghdr *nlh = begin(&room, TMEM_CMD_PRESSURE_NTF);

	mnl_attr_put_u32(nlh, TMEM_A_PRESSURE_LEVEL, TMEM_LEVEL_HIGH);
	mnl_attr_put_u32(nlh, TMEM_A_PRESSURE_PREVIOUS, TMEM_LEVEL_LOW);
	mnl_attr_put_u64(nlh, TMEM_A_PRESSURE_CHANGES, 1ULL << 40);
	mnl_attr_put(nlh, TMEM_A_PRESSURE_PAD, 0, NULL);
	mnl_attr_put_u64(nlh, TMEM_A_PRESSURE_TIME, 3);
	mnl_attr_put_u32(nlh, TMEM_A_PRESSURE_PSI_ON, 1);
	mnl_attr_put_u32(nlh, TMEM_A_PRESSURE_USE, 5123);
	mnl_attr_put_u32(nlh, TMEM_A_PRESSURE_STALL, 17);
	mnl_attr_put_u64(nlh, TMEM_A_PRESSURE_AVAILABLE, UINT64_MAX);
	/* Of a newer module. */
	mnl_attr_put_strz(nlh, TMEM_A_PRESSURE_MAX + 1, "new");
	mnl_attr_put(nlh, 0x3fff, 3, "abc");
	ASSERT_EQ(0, tmem_nl_parse_pressure(nlh, &e));
	EXPECT_EQ(TMEM_CMD_PRESSURE_NTF, tmem_nl_command(nlh));
	EXPECT_EQ(TMEM_LEVEL_HIGH, e.level);
	EXPECT_EQ(TMEM_LEVEL_LOW, e.previous);
	EXPECT_EQ(1ULL << 40, e.changes);
	EXPECT_EQ(3U, e.time);
	EXPECT_EQ(1U, e.psi_on);
	EXPECT_EQ(5123U, e.use);
	EXPECT_EQ(17U, e.stall);
	EXPECT_EQ(0U, e.reserved);
	EXPECT_EQ(UINT64_MAX, e.available);
}

TEST(what_is_not_said_is_0)
{
	struct tmem_pressure_event e;
	union room room;
	struct nlmsghdr *nlh = begin(&room, TMEM_CMD_PRESSURE_NTF);

	memset(&e, 0xff, sizeof(e));
	mnl_attr_put_u32(nlh, TMEM_A_PRESSURE_LEVEL, 2);
	ASSERT_EQ(0, tmem_nl_parse_pressure(nlh, &e));
	EXPECT_EQ(2, (int)e.level);
	EXPECT_TRUE(lt_zero((char *)&e + sizeof(e.level),
			    sizeof(e) - sizeof(e.level)));
}

/* Every u64 of a structure, by its attribute; each gets its number. */
struct member {
	uint16_t type;
	size_t offset;
};

static bool members_arrive(const struct member *members, size_t count,
			   struct nlmsghdr *nlh, void *info,
			   int (*parse)(const struct nlmsghdr *nlh, void *info))
{
	uint64_t value;
	size_t i;

	for (i = 0; i < count; i++)
		mnl_attr_put_u64(nlh, members[i].type, lt_mix(members[i].type));
	if (parse(nlh, info))
		return false;
	for (i = 0; i < count; i++) {
		memcpy(&value, (char *)info + members[i].offset, 8);
		if (value != lt_mix(members[i].type)) {
			printf("# attribute %u went elsewhere\n",
			       members[i].type);
			return false;
		}
	}
	return true;
}

#define MEMBER(attr, type, member)           \
	{                                    \
		attr, offsetof(type, member) \
	}
#define ARENA(attr, member) \
	MEMBER(TMEM_A_ARENA_##attr, struct tmem_arena_info, member)

static int parse_arena(const struct nlmsghdr *nlh, void *info)
{
	return tmem_nl_parse_arena(nlh, info);
}

TEST(arena)
{
	static const struct member members[] = {
		ARENA(ID, id),
		ARENA(SIZE, size),
		ARENA(RESIDENT, resident),
		ARENA(IDLE, idle),
		ARENA(FILLS, fills),
		ARENA(FILLS_POOL, fills_pool),
		ARENA(FILLS_SMALL, fills_small),
		ARENA(FILLS_OFF_NODE, fills_off_node),
		ARENA(FILLS_FAILED, fills_failed),
		ARENA(FILLS_LIMITED, fills_limited),
		ARENA(PURGED, purged),
		ARENA(RECALLED, recalled),
	};
	uint64_t nodes[TMEM_NODE_WORDS] = { 3, [15] = 1ULL << 63 };
	struct tmem_arena_info info;
	union room room;
	struct nlmsghdr *nlh = begin(&room, TMEM_CMD_ARENA_GET);

	mnl_attr_put_strz(nlh, TMEM_A_ARENA_NAME, "weights");
	mnl_attr_put_u32(nlh, TMEM_A_ARENA_UID, 1000);
	mnl_attr_put_u32(nlh, TMEM_A_ARENA_PID, 4321);
	mnl_attr_put_u32(nlh, TMEM_A_ARENA_POLICY, TMEM_POLICY_BIND);
	mnl_attr_put(nlh, TMEM_A_ARENA_NODES, sizeof(nodes), nodes);
	EXPECT_TRUE(members_arrive(members,
				   sizeof(members) / sizeof(members[0]), nlh,
				   &info, parse_arena));
	EXPECT_STREQ("weights", info.name);
	EXPECT_EQ(1000U, info.uid);
	EXPECT_EQ(4321U, info.pid);
	EXPECT_EQ((uint32_t)TMEM_POLICY_BIND, info.policy);
	EXPECT_EQ(0, memcmp(nodes, info.nodes, sizeof(nodes)));
}

#define NODE(attr, member) \
	MEMBER(TMEM_A_NODE_##attr, struct tmem_node_info, member)

static int parse_node(const struct nlmsghdr *nlh, void *info)
{
	return tmem_nl_parse_node(nlh, info);
}

TEST(node)
{
	static const struct member members[] = {
		NODE(TOTAL, total),
		NODE(FREE, free),
		NODE(ARENAS, arenas),
		NODE(POOL, pool),
		NODE(POOL_LOW, pool_low),
		NODE(POOL_TARGET, pool_target),
		NODE(POOL_REFILLED, pool_refilled),
		NODE(POOL_TAKEN, pool_taken),
		NODE(POOL_MISSED, pool_missed),
		NODE(POOL_SHRUNK, pool_shrunk),
		NODE(OFF_NODE, off_node),
	};
	struct tmem_node_info info;
	union room room;
	struct nlmsghdr *nlh = begin(&room, TMEM_CMD_NODE_GET);

	mnl_attr_put_u32(nlh, TMEM_A_NODE_ID, 63);
	EXPECT_TRUE(members_arrive(members,
				   sizeof(members) / sizeof(members[0]), nlh,
				   &info, parse_node));
	EXPECT_EQ(63U, info.node);
}

TEST(names)
{
	static const struct {
		const char *bytes;
		size_t length;
		const char *name;
	} names[] = {
		{ "", 0, "" },
		{ "", 1, "" },
		{ "abc", 3, "abc" }, /* no NUL */
		{ "abc", 4, "abc" },
		{ "ab\0cd", 6, "ab" },
		{ "0123456789012345678901234567890", 32,
		  "0123456789012345678901234567890" },
		{ "01234567890123456789012345678901", 32,
		  "0123456789012345678901234567890" },
		{ "012345678901234567890123456789012345", 37,
		  "0123456789012345678901234567890" },
	};
	struct tmem_arena_info info;
	struct nlmsghdr *nlh;
	union room room;
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		memset(&room, 0xff, sizeof(room));
		nlh = begin(&room, TMEM_CMD_ARENA_GET);
		mnl_attr_put_u64(nlh, TMEM_A_ARENA_ID, 1);
		mnl_attr_put(nlh, TMEM_A_ARENA_NAME, names[i].length,
			     names[i].bytes);
		ASSERT_EQ(0, tmem_nl_parse_arena(nlh, &info));
		EXPECT_STREQ(names[i].name, info.name);
	}
}

TEST(masks)
{
	uint64_t nodes[TMEM_NODE_WORDS + 1];
	struct tmem_arena_info info;
	struct nlmsghdr *nlh;
	union room room;
	size_t n;
	int want;

	memset(nodes, 0xff, sizeof(nodes));
	for (n = 0; n <= sizeof(nodes); n++) {
		nlh = begin(&room, TMEM_CMD_ARENA_GET);
		mnl_attr_put_u64(nlh, TMEM_A_ARENA_ID, 1);
		mnl_attr_put(nlh, TMEM_A_ARENA_NODES, n, nodes);
		want = n % 8 ? -EPROTO : 0;
		ASSERT_EQ(want, tmem_nl_parse_arena(nlh, &info));
		if (!want && n < sizeof(info.nodes)) {
			EXPECT_EQ(0U, info.nodes[n / 8]);
		}
		/* What lies behind the mask is the size, which was not said. */
		EXPECT_EQ(0U, info.size);
	}
}

/* A number of another length than it should have is no number. */
TEST(wrong_sizes)
{
	const char bytes[16] = { 0 };
	struct tmem_arena_info info;
	struct tmem_node_info node;
	struct nlmsghdr *nlh;
	union room room;
	size_t n;

	for (n = 0; n <= sizeof(bytes); n++) {
		nlh = begin(&room, TMEM_CMD_ARENA_GET);
		mnl_attr_put(nlh, TMEM_A_ARENA_ID, n, bytes);
		EXPECT_EQ(n == 8 ? 0 : -EPROTO,
			  tmem_nl_parse_arena(nlh, &info));
		nlh = begin(&room, TMEM_CMD_NODE_GET);
		mnl_attr_put(nlh, TMEM_A_NODE_ID, n, bytes);
		EXPECT_EQ(n == 4 ? 0 : -EPROTO, tmem_nl_parse_node(nlh, &node));
	}
	/* About nothing. */
	nlh = begin(&room, TMEM_CMD_ARENA_GET);
	mnl_attr_put_u64(nlh, TMEM_A_ARENA_SIZE, 8);
	EXPECT_EQ(-EPROTO, tmem_nl_parse_arena(nlh, &info));
	/* Not even a generic netlink header. */
	nlh->nlmsg_len = NLMSG_HDRLEN;
	EXPECT_EQ(-EPROTO, tmem_nl_parse_arena(nlh, &info));
	EXPECT_EQ(-1, tmem_nl_command(nlh));
}

static void put_group(struct nlmsghdr *nlh, const char *name, uint32_t id)
{
	struct nlattr *one = mnl_attr_nest_start(nlh, 1);

	mnl_attr_put_strz(nlh, CTRL_ATTR_MCAST_GRP_NAME, name);
	mnl_attr_put_u32(nlh, CTRL_ATTR_MCAST_GRP_ID, id);
	mnl_attr_nest_end(nlh, one);
}

TEST(family)
{
	struct tmem_nl_family family;
	struct nlattr *groups;
	union room room;
	struct nlmsghdr *nlh = begin(&room, CTRL_CMD_NEWFAMILY);

	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, "tmem");
	mnl_attr_put_u16(nlh, CTRL_ATTR_FAMILY_ID, FAMILY);
	mnl_attr_put_u32(nlh, CTRL_ATTR_VERSION, 1);
	groups = mnl_attr_nest_start(nlh, CTRL_ATTR_MCAST_GROUPS);
	put_group(nlh, "other", 4);
	put_group(nlh, "pressure", 5);
	put_group(nlh, "pressure2", 6);
	mnl_attr_nest_end(nlh, groups);
	ASSERT_EQ(0, tmem_nl_parse_family(nlh, "pressure", &family));
	EXPECT_EQ(FAMILY, family.id);
	EXPECT_EQ(1U, family.version);
	EXPECT_EQ(5U, family.group);
	ASSERT_EQ(0, tmem_nl_parse_family(nlh, "press", &family));
	EXPECT_EQ(0U, family.group);

	nlh = begin(&room, CTRL_CMD_NEWFAMILY);
	mnl_attr_put_u32(nlh, CTRL_ATTR_VERSION, 1);
	EXPECT_EQ(-EPROTO, tmem_nl_parse_family(nlh, "pressure", &family));
	mnl_attr_put_u32(nlh, CTRL_ATTR_FAMILY_ID, FAMILY); /* not a u16 */
	EXPECT_EQ(-EPROTO, tmem_nl_parse_family(nlh, "pressure", &family));
}

TEST_HARNESS_MAIN
