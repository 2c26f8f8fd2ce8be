// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that the netlink family tells the truth about arenas, nodes and the
 * pressure: in lists longer than one answer, also while arenas come and go;
 * and that notices reach every subscriber, in each network namespace.
 */
#include "tmem_test_netlink.h"
#include "tmem_test_pressure.h"

#include <sched.h>

#define MANY ((size_t)400)

FIXTURE(netlink)
{
	int dev;
	struct kt_nl nl;
	struct kt_nl_msg m;
	struct kt_knobs knobs;
	int fds[MANY];
};

FIXTURE_SETUP(netlink)
{
	self->dev = kt_open();
	ASSERT_LE(0, self->dev);
	ASSERT_EQ(0, kt_nl_open(&self->nl));
	for (size_t i = 0; i < MANY; i++)
		self->fds[i] = -1;
}

FIXTURE_TEARDOWN(netlink)
{
	EXPECT_EQ(0U, kt_knobs_restore(&self->knobs));
	for (size_t i = 0; i < MANY; i++)
		if (self->fds[i] >= 0)
			close(self->fds[i]);
	kt_nl_close(&self->nl);
	EXPECT_EQ(0U, kt_arenas(self->dev));
	close(self->dev);
}

static int make_arena(int dev, size_t spans, unsigned int policy,
		      uint64_t nodes, const char *name)
{
	struct tmem_arena_create req =
		kt_request(spans * KT_SPAN, policy, nodes);
	int ret;

	snprintf(req.name, sizeof(req.name), "%s", name);
	ret = kt_ioctl(dev, TMEM_IOC_ARENA_CREATE, &req);
	return ret ? ret : req.fd;
}

static uint64_t arena_id(int fd)
{
	struct tmem_arena_stat st = { 0 };

	return kt_ioctl(fd, TMEM_IOC_ARENA_STAT, &st) ? 0 : st.id;
}

TEST_F(netlink, family)
{
	struct kt_nl other;

	EXPECT_NE(0U, self->nl.family);
	EXPECT_NE(0U, self->nl.group);
	ASSERT_EQ(0, kt_nl_open(&other));
	EXPECT_EQ(self->nl.family, other.family);
	EXPECT_EQ(self->nl.group, other.group);
	kt_nl_close(&other);
}

/* What the last dump said, by its order. */
struct list {
	size_t nr;
	uint64_t id[2 * MANY];
	size_t strays; /* not one of ours, by name */
	size_t disorder;
};

static void take_arena(const struct nlmsghdr *h, void *data)
{
	const struct nlattr *name = kt_nl_attr(h, TMEM_A_ARENA_NAME);
	uint64_t id = kt_nl_u64(h, TMEM_A_ARENA_ID);
	struct list *l = data;

	l->strays += !name || strncmp(kt_nl_data(name), "many", 4);
	l->disorder += l->nr && l->id[l->nr - 1] >= id;
	l->strays += !(h->nlmsg_flags & NLM_F_MULTI);
	if (l->nr < ARRAY_SIZE(l->id))
		l->id[l->nr++] = id;
}

static int dump(struct kt_nl *nl, uint8_t cmd,
		void (*each)(const struct nlmsghdr *h, void *data), void *data)
{
	struct kt_nl_msg m;

	kt_nl_begin(&m, nl->family, cmd, NLM_F_DUMP);
	return kt_nl_ask(nl, &m, each, data);
}

/* Far more than fits one answer. */
TEST_F(netlink, many_arenas)
{
	struct list l = { 0 };
	char name[32];

	ASSERT_EQ(0, dump(&self->nl, TMEM_CMD_ARENA_GET, take_arena, &l));
	EXPECT_EQ(0U, l.nr);
	for (size_t i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "many-%zu", i);
		self->fds[i] = make_arena(self->dev, 1 + i % 7, 0, 0, name);
		ASSERT_LE(0, self->fds[i]);
	}
	ASSERT_EQ(0, dump(&self->nl, TMEM_CMD_ARENA_GET, take_arena, &l));
	EXPECT_EQ(MANY, l.nr);
	EXPECT_EQ(0U, l.strays);
	EXPECT_EQ(0U, l.disorder);
	for (size_t i = 0; i < MANY; i++) {
		EXPECT_EQ(arena_id(self->fds[i]), l.id[i]);
	}
}

/*
 * Arenas come and go between the answers of one list: those that were there
 * all the time are in it, once; those that were not may be.
 */
TEST_F(netlink, while_arenas_come_and_go)
{
	struct list l = { 0 };
	struct nlmsghdr *h;
	uint64_t seed = pace_seed();
	size_t answers = 0, missing = 0;
	bool done = false;
	int len;

	for (size_t i = 0; i < MANY; i++)
		self->fds[i] = make_arena(self->dev, 1, 0, 0, "many");
	kt_nl_begin(&self->m, self->nl.family, TMEM_CMD_ARENA_GET, NLM_F_DUMP);
	ASSERT_EQ(0, kt_nl_send(&self->nl, &self->m));
	while (!done) {
		len = kt_nl_receive(&self->nl, 0);
		ASSERT_LT(0, len);
		answers++;
		h = (void *)self->nl.buf;
		for (; NLMSG_OK(h, (unsigned int)len); h = NLMSG_NEXT(h, len)) {
			done = h->nlmsg_type == NLMSG_DONE ||
			       h->nlmsg_type == NLMSG_ERROR;
			if (done)
				break;
			take_arena(h, &l);
		}
		/* Odd ones stay.  New ones come last: it has to end somewhere. */
		for (size_t i = 0; i < 30 && answers < 6; i++) {
			size_t at = kt_random(&seed) % MANY & ~(size_t)1;

			close(self->fds[at]);
			self->fds[at] = make_arena(self->dev, 1, 0, 0, "many");
		}
	}
	printf("# %zu answers, %zu arenas listed\n", answers, l.nr);
	EXPECT_LT(2U, answers);
	EXPECT_EQ(0U, l.disorder);
	EXPECT_EQ(0U, l.strays);
	for (size_t i = 1; i < MANY; i += 2) {
		uint64_t id = arena_id(self->fds[i]);
		size_t found = 0;

		for (size_t k = 0; k < l.nr; k++)
			found += l.id[k] == id;
		missing += found != 1;
	}
	EXPECT_EQ(0U, missing);
}

static void take_one(const struct nlmsghdr *h, void *data)
{
	memcpy(data, h,
	       h->nlmsg_len < sizeof(struct kt_nl_msg) ?
		       h->nlmsg_len :
		       sizeof(struct kt_nl_msg));
}

TEST_F(netlink, an_arena_in_full)
{
	uint64_t nodes[TMEM_NODE_WORDS] = { 1ULL << kt_node_last() };
	const struct nlattr *name, *mask;
	struct tmem_arena_purge out;
	struct kt_nl_msg got = { 0 };
	struct tmem_arena_stat st;
	struct kt_arena a;

	ASSERT_EQ(0, kt_arena_init(&a, self->dev, 8 * KT_SPAN, TMEM_POLICY_BIND,
				   nodes[0]));
	for (size_t i = 0; i < 5; i++)
		kt_span(&a, i)[0] = 1;
	for (size_t i = 2; i < 5; i++)
		kt_idle(&a, i);
	kt_idle(&a, 7); /* holds nothing */
	ASSERT_EQ(0, kt_purge(&a, 4, 1, &out));
	st = kt_stat(&a);
	ASSERT_EQ(0, dump(&self->nl, TMEM_CMD_ARENA_GET, take_one, &got));
	EXPECT_EQ(st.id, kt_nl_u64(&got.h, TMEM_A_ARENA_ID));
	name = kt_nl_attr(&got.h, TMEM_A_ARENA_NAME);
	ASSERT_TRUE(name != NULL);
	EXPECT_STREQ("selftest", (const char *)kt_nl_data(name));
	EXPECT_EQ(0U, kt_nl_u32(&got.h, TMEM_A_ARENA_UID));
	EXPECT_EQ((uint32_t)getpid(), kt_nl_u32(&got.h, TMEM_A_ARENA_PID));
	EXPECT_EQ((uint32_t)TMEM_POLICY_BIND,
		  kt_nl_u32(&got.h, TMEM_A_ARENA_POLICY));
	mask = kt_nl_attr(&got.h, TMEM_A_ARENA_NODES);
	ASSERT_TRUE(mask != NULL);
	EXPECT_EQ(NLA_HDRLEN + sizeof(nodes), mask->nla_len);
	EXPECT_EQ(0, memcmp(nodes, kt_nl_data(mask), sizeof(nodes)));
	EXPECT_EQ(8 * KT_SPAN, kt_nl_u64(&got.h, TMEM_A_ARENA_SIZE));
	EXPECT_EQ(4 * KT_SPAN, kt_nl_u64(&got.h, TMEM_A_ARENA_RESIDENT));
	EXPECT_EQ(2 * KT_SPAN, kt_nl_u64(&got.h, TMEM_A_ARENA_IDLE));
	EXPECT_EQ(5U, kt_nl_u64(&got.h, TMEM_A_ARENA_FILLS));
	EXPECT_EQ(st.fills_pool, kt_nl_u64(&got.h, TMEM_A_ARENA_FILLS_POOL));
	EXPECT_EQ(0U, kt_nl_u64(&got.h, TMEM_A_ARENA_FILLS_SMALL));
	EXPECT_EQ(0U, kt_nl_u64(&got.h, TMEM_A_ARENA_FILLS_OFF_NODE));
	EXPECT_EQ(0U, kt_nl_u64(&got.h, TMEM_A_ARENA_FILLS_FAILED));
	EXPECT_EQ(0U, kt_nl_u64(&got.h, TMEM_A_ARENA_FILLS_LIMITED));
	EXPECT_EQ(1U, kt_nl_u64(&got.h, TMEM_A_ARENA_PURGED));
	EXPECT_EQ(0U, kt_nl_u64(&got.h, TMEM_A_ARENA_RECALLED));
	kt_arena_fini(&a);
}

struct nodes {
	uint64_t seen;
	size_t wrong;
};

static void take_node(const struct nlmsghdr *h, void *data)
{
	uint32_t id = kt_nl_u32(h, TMEM_A_NODE_ID);
	struct nodes *n = data;
	int node = (int)id;

	n->wrong += id > 63 || n->seen >> id;
	n->seen |= 1ULL << id;
	if (kt_node_total(node))
		n->wrong += kt_nl_u64(h, TMEM_A_NODE_TOTAL) !=
			    kt_node_total(node);
	n->wrong += kt_nl_u64(h, TMEM_A_NODE_FREE) >
		    kt_nl_u64(h, TMEM_A_NODE_TOTAL);
	n->wrong += kt_nl_u64(h, TMEM_A_NODE_ARENAS) != 0;
	n->wrong += kt_nl_u64(h, TMEM_A_NODE_POOL) !=
		    (uint64_t)kt_sysfs_node(node, "pool_bytes");
	n->wrong += kt_nl_u64(h, TMEM_A_NODE_POOL_LOW) !=
		    (uint64_t)kt_sysfs_node(node, "pool_low_bytes");
	n->wrong += kt_nl_u64(h, TMEM_A_NODE_POOL_TARGET) !=
		    (uint64_t)kt_sysfs_node(node, "pool_target_bytes");
	n->wrong += kt_nl_u64(h, TMEM_A_NODE_POOL_REFILLED) !=
		    (uint64_t)kt_sysfs_node(node, "pool_refilled");
	n->wrong += kt_nl_u64(h, TMEM_A_NODE_POOL_TAKEN) !=
		    (uint64_t)kt_sysfs_node(node, "pool_taken");
	n->wrong += kt_nl_u64(h, TMEM_A_NODE_POOL_MISSED) !=
		    (uint64_t)kt_sysfs_node(node, "pool_missed");
	n->wrong += kt_nl_u64(h, TMEM_A_NODE_POOL_SHRUNK) !=
		    (uint64_t)kt_sysfs_node(node, "pool_shrunk");
	n->wrong += kt_nl_u64(h, TMEM_A_NODE_OFF_NODE) !=
		    (uint64_t)kt_sysfs_node(node, "off_node");
}

/* A list and the files agree, unless a pool is being filled meanwhile. */
static bool nodes_agree(struct kt_nl *nl, struct nodes *n)
{
	*n = (struct nodes){ 0 };
	return !dump(nl, TMEM_CMD_NODE_GET, take_node, n) && !n->wrong;
}

TEST_F(netlink, nodes)
{
	struct nodes n;

	EXPECT_TRUE(PACE_UNTIL(nodes_agree(&self->nl, &n)));
	EXPECT_EQ(kt_nodes(), n.seen);
}

TEST_F(netlink, pressure_now)
{
	const struct tmem_status *page = kt_status_map(self->dev);
	struct kt_nl_msg got = { 0 };

	ASSERT_TRUE(page != NULL);
	ASSERT_EQ(0, kt_steer(&self->knobs));
	for (uint32_t level = 0; level < 4; level++) {
		ASSERT_TRUE(kt_steer_wait(&self->knobs, page, level));
		kt_nl_begin(&self->m, self->nl.family, TMEM_CMD_PRESSURE_GET,
			    NLM_F_ACK);
		ASSERT_EQ(0, kt_nl_ask(&self->nl, &self->m, take_one, &got));
		EXPECT_EQ(level, kt_nl_u32(&got.h, TMEM_A_PRESSURE_LEVEL));
		EXPECT_EQ(level, kt_nl_u32(&got.h, TMEM_A_PRESSURE_PREVIOUS));
		EXPECT_EQ(page->changes,
			  kt_nl_u64(&got.h, TMEM_A_PRESSURE_CHANGES));
		EXPECT_EQ(page->since, kt_nl_u64(&got.h, TMEM_A_PRESSURE_TIME));
		EXPECT_EQ(page->psi_on,
			  kt_nl_u32(&got.h, TMEM_A_PRESSURE_PSI_ON));
		EXPECT_GE(10000U, kt_nl_u32(&got.h, TMEM_A_PRESSURE_USE));
		EXPECT_LT(300U, kt_nl_u32(&got.h, TMEM_A_PRESSURE_USE));
		EXPECT_GE(10000U, kt_nl_u32(&got.h, TMEM_A_PRESSURE_STALL));
		EXPECT_GT(page->total,
			  kt_nl_u64(&got.h, TMEM_A_PRESSURE_AVAILABLE));
	}
	munmap((void *)page, kt_status_size(self->dev));
}

/* In a network namespace of its own, that a child has made. */
static int subscriber(int ready)
{
	struct kt_nl *nl = calloc(1, sizeof(*nl));
	const struct nlmsghdr *h;
	char c = 0;

	if (unshare(CLONE_NEWNET))
		return errno == EINVAL ? 3 : 1;
	if (kt_nl_open(nl) || kt_nl_join(nl) || write(ready, &c, 1) != 1)
		return 1;
	h = kt_nl_notice(nl, 0);
	return h && kt_nl_u32(h, TMEM_A_PRESSURE_LEVEL) == TMEM_LEVEL_MEDIUM ?
		       0 :
		       2;
}

TEST_F(netlink, notices_in_every_network_namespace)
{
	const struct tmem_status *page = kt_status_map(self->dev);
	const struct nlmsghdr *h;
	int ready[2];
	char c;
	pid_t pid;

	ASSERT_EQ(0, kt_steer(&self->knobs));
	ASSERT_TRUE(kt_level_wait(page, TMEM_LEVEL_LOW));
	ASSERT_EQ(0, pipe(ready));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(subscriber(ready[1]));
	close(ready[1]);
	if (read(ready[0], &c, 1) != 1) {
		int status = kt_wait(pid);

		ASSERT_EQ(3, WEXITSTATUS(status));
		SKIP(return, "this kernel has no network namespaces");
	}
	ASSERT_EQ(0, kt_nl_join(&self->nl));
	ASSERT_EQ(0, kt_steer_to(&self->knobs, TMEM_LEVEL_MEDIUM));
	h = kt_nl_notice(&self->nl, MSG_DONTWAIT);
	ASSERT_TRUE(h != NULL);
	EXPECT_EQ((uint32_t)TMEM_LEVEL_MEDIUM,
		  kt_nl_u32(h, TMEM_A_PRESSURE_LEVEL));
	EXPECT_EQ((uint32_t)TMEM_LEVEL_LOW,
		  kt_nl_u32(h, TMEM_A_PRESSURE_PREVIOUS));
	EXPECT_EQ(page->changes, kt_nl_u64(h, TMEM_A_PRESSURE_CHANGES));
	EXPECT_EQ(page->since, kt_nl_u64(h, TMEM_A_PRESSURE_TIME));
	/* A look that changes nothing is no news. */
	ASSERT_TRUE(kt_look());
	EXPECT_TRUE(kt_nl_notice(&self->nl, MSG_DONTWAIT) == NULL);
	EXPECT_EQ(0, kt_wait(pid));
	munmap((void *)page, kt_status_size(self->dev));
}

TEST_HARNESS_MAIN
