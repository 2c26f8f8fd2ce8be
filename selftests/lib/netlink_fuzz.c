// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that any netlink message whatever does no harm: random ones, and right
 * ones that were damaged (seeded; every length).  The memory ends where the
 * message does, so that a byte too many is seen.  No kernel is needed.
 */
#include "netlink_message.h"

static size_t lying_length(uint64_t *random, size_t honest)
{
	static const uint32_t lies[] = { 0,	     1,		 3,
					 4,	     15,	 16,
					 19,	     20,	 0xfff0,
					 0xffff,     0x7fffffff, 0x80000000,
					 0xfffffff0, 0xffffffff };

	switch (lt_random(random) % 8) {
	case 0:
		return lies[lt_random(random) %
			    (sizeof(lies) / sizeof(lies[0]))];
	case 1:
		return lt_between(random, 0, 2 * honest);
	default:
		return honest;
	}
}

/* Attributes to the end: types about right, lengths that often lie. */
static void random_attrs(uint64_t *random, char *from, char *end)
{
	while (end - from >= 4) {
		size_t left = (size_t)(end - from), n;
		struct nlattr *attr = (struct nlattr *)from;

		n = 4 + (lt_random(random) % 3 ? 4 * lt_between(random, 0, 3) :
						 lt_between(random, 0, 160));
		attr->nla_len = (uint16_t)lying_length(random, n);
		attr->nla_type = (uint16_t)lt_between(random, 0, 20);
		if (lt_random(random) % 8 == 0)
			attr->nla_type |= NLA_F_NESTED;
		if (lt_random(random) % 4 == 0 && left >= 24)
			random_attrs(random, from + 4,
				     from + 4 + lt_between(random, 0, 5) * 4);
		from += NLA_ALIGN(n) < left ? NLA_ALIGN(n) : left;
	}
}

static void random_message(uint64_t *random, char *bytes, size_t length)
{
	static const uint16_t types[] = { FAMILY,     FAMILY,	    NLMSG_ERROR,
					  NLMSG_DONE, GENL_ID_CTRL, 0 };
	struct nlmsghdr *nlh = (struct nlmsghdr *)bytes;
	size_t i;

	for (i = 0; i < length; i++)
		bytes[i] = (char)lt_random(random);
	if (length < NLMSG_HDRLEN)
		return;
	nlh->nlmsg_len = (uint32_t)lying_length(random, length);
	nlh->nlmsg_type = types[lt_random(random) % 6];
	if (lt_random(random) % 8) {
		nlh->nlmsg_seq = 7;
		nlh->nlmsg_pid = 1234;
	}
	if (lt_random(random) % 2 && length >= 20)
		random_attrs(random, bytes + 20, bytes + length);
}

/* What every reader of a structure relies on. */
static bool sane(const struct tmem_arena_info *info)
{
	return memchr(info->name, 0, sizeof(info->name)) && !info->reserved;
}

static bool parse_all(const struct nlmsghdr *nlh)
{
	struct tmem_pressure_event event;
	struct tmem_arena_info arena;
	struct tmem_nl_family family;
	struct tmem_node_info node;

	tmem_nl_command(nlh);
	tmem_nl_parse_family(nlh, "pressure", &family);
	tmem_nl_parse_pressure(nlh, &event);
	tmem_nl_parse_node(nlh, &node);
	tmem_nl_parse_arena(nlh, &arena);
	return sane(&arena);
}

static int parse_message(const struct nlmsghdr *nlh, void *data)
{
	*(bool *)data &= parse_all(nlh);
	return 0;
}

static bool feed(const void *bytes, size_t length)
{
	const struct nlmsghdr *nlh;
	bool good = true;
	struct tmem_nl_answer answer = {
		.seq = 7,
		.portid = 1234,
		.type = FAMILY,
		.message = parse_message,
		.data = &good,
	};
	size_t at = 0;

	while ((nlh = tmem_nl_next(bytes, length, &at)))
		good &= parse_all(nlh);
	tmem_nl_answered(&answer, bytes, length);
	return good && answer.err <= 0 &&
	       memchr(answer.why, 0, sizeof(answer.why));
}

/*
 * Memory of exactly that length: from malloc(), whose ends AddressSanitizer
 * watches in our code, or before a page without access, which libmnl cannot
 * read either.
 */
struct edge {
	char *page; /* NULL: not made yet */
	char *block;
};

static char *edge_get(struct edge *edge, size_t length, bool guarded)
{
	if (!guarded) {
		edge->block = malloc(length ? length : 1);
		return edge->block;
	}
	if (!edge->page) {
		edge->page = mmap(NULL, 2 * LT_PAGE, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		mprotect(edge->page + LT_PAGE, LT_PAGE, PROT_NONE);
	}
	return edge->page + LT_PAGE - NLMSG_ALIGN(length);
}

static void edge_put(struct edge *edge)
{
	free(edge->block);
	edge->block = NULL;
}

TEST(random_messages)
{
	uint64_t random = pace_seed();
	struct edge edge = { 0 };
	unsigned int i = 0;
	size_t length;
	char *bytes;

	PACE_ROUNDS(LT_COUNT(300000, 100000)) {
		i++;
		length = lt_between(&random, 0, i % 4 ? 96 : 600);
		bytes = edge_get(&edge, length, i % 3 == 0);
		random_message(&random, bytes, length);
		ASSERT_TRUE(feed(bytes, length));
		edge_put(&edge);
	}
}

/* Right messages with some bits turned over, and cut anywhere. */
TEST(damaged_messages)
{
	uint64_t random = pace_seed();
	struct edge edge = { 0 };
	unsigned int i = 0, k;
	union room room;
	size_t length;
	char *bytes;

	PACE_ROUNDS(LT_COUNT(300000, 100000)) {
		i++;
		memset(&room, 0, sizeof(room));
		if (i % 2) {
			put_error(&room, i % 4 == 1, i % 200);
		} else {
			struct nlmsghdr *nlh = begin(&room, 1);
			uint16_t type;

			for (type = 1; type < 20; type++)
				mnl_attr_put_u64(nlh, type, i);
		}
		length = room.nlh.nlmsg_len;
		for (k = lt_random(&random) % 5; k; k--)
			room.bytes[lt_random(&random) % length] ^=
				(char)(1 << lt_random(&random) % 8);
		if (lt_random(&random) % 4 == 0)
			length = lt_between(&random, 0, length);
		bytes = edge_get(&edge, length, i % 3 == 0);
		memcpy(bytes, &room, length);
		ASSERT_TRUE(feed(bytes, length));
		edge_put(&edge);
	}
}

TEST_HARNESS_MAIN
