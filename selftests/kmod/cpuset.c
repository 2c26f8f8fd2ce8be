// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that an arena keeps to its own nodes and its maker to those of its
 * cpuset: what a process may not use it is not offered, cannot ask for, and
 * does not get; and memory that BIND asked for on one node is not taken from
 * another one, whoever touches it.
 */
#include "tmem_test_cgroup.h"

#define SPANS ((size_t)4)
#define SIZE (SPANS * KT_SPAN)
#define SEED 808

FIXTURE(cpuset)
{
	int dev;
	int in, out; /* a node of the cpuset's, and another one */
	uint64_t free_before;
	struct kt_cgroup cg;
	struct kt_arena a;
	struct tmem_query *q;
};

FIXTURE_SETUP(cpuset)
{
	char mems[16];
	int ret;

	self->dev = kt_open();
	ASSERT_LE(0, self->dev);
	self->in = kt_node_first();
	self->out = kt_node_last();
	if (self->in == self->out)
		SKIP(return, "one node with memory only");
	self->free_before = kt_free(-1);
	self->q = mmap(NULL, KT_PAGE, KT_RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)self->q);
	ret = kt_cgroup_init(&self->cg, "+cpuset");
	snprintf(mems, sizeof(mems), "%d", self->in);
	if (!ret)
		ret = kt_cgroup_write(&self->cg, "cpuset.mems", mems);
	if (ret) {
		kt_cgroup_fini(&self->cg);
		SKIP(return, "no cpuset: %s", strerror(-ret));
	}
}

FIXTURE_TEARDOWN(cpuset)
{
	kt_arena_fini(&self->a);
	EXPECT_EQ(0, kt_cgroup_fini(&self->cg));
	EXPECT_EQ(0U, kt_arenas(self->dev));
	EXPECT_EQ(0U, kt_free_missing(-1, self->free_before));
	close(self->dev);
}

static int create(int dev, unsigned int policy, uint64_t nodes)
{
	struct tmem_arena_create req = kt_request(KT_SPAN, policy, nodes);
	int ret = kt_ioctl(dev, TMEM_IOC_ARENA_CREATE, &req);

	if (!ret)
		close(req.fd);
	return ret;
}

/* In the cpuset: what is offered, and what is refused. */
static int asker(int dev, int in, int out, struct tmem_query *q)
{
	uint64_t good = 1ULL << in, bad = 1ULL << out;

	if (kt_ioctl(dev, TMEM_IOC_QUERY, q))
		return 2;
	for (unsigned int p = TMEM_POLICY_BIND; p <= TMEM_POLICY_INTERLEAVE;
	     p++) {
		if (create(dev, p, bad) != -EINVAL)
			return 3;
		if (create(dev, p, good | bad) != -EINVAL)
			return 4;
		if (create(dev, p, good))
			return 5;
	}
	return create(dev, TMEM_POLICY_LOCAL, 0) ? 6 : 0;
}

TEST_F(cpuset, offers_what_may_be_used)
{
	struct tmem_query all = { 0 };
	pid_t pid;

	ASSERT_EQ(0, kt_ioctl(self->dev, TMEM_IOC_QUERY, &all));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		if (kt_cgroup_enter(&self->cg))
			_exit(1);
		_exit(asker(self->dev, self->in, self->out, self->q));
	}
	EXPECT_EQ(0, kt_wait(pid));
	EXPECT_EQ(1ULL << self->in, self->q->nodes[0]);
	EXPECT_GT(all.max_arena_size, self->q->max_arena_size);
	EXPECT_EQ(kt_nodes(), all.nodes[0]);
}

/* Where the first span lies after the child has touched it in the cpuset. */
static int touch_inside(struct kt_arena *a, const struct kt_cgroup *cg, int cpu)
{
	pid_t pid;

	munmap(a->data, a->size); /* or entering the group would move it */
	a->data = NULL;
	pid = fork();
	if (!pid) {
		unsigned char *p;

		if (kt_cgroup_enter(cg))
			_exit(100);
		p = kt_map(a->fd, a->size, 0);
		if (p == MAP_FAILED)
			_exit(101);
		kt_run_on_node(cpu);
		_exit(kt_touch_pages(p, KT_SPAN / KT_PAGE, true));
	}
	return kt_wait(pid);
}

TEST_F(cpuset, bind_is_not_served_from_elsewhere)
{
	struct tmem_arena_node_stat st = { .node = (uint32_t)self->in };
	struct kt_arena *a = &self->a;
	int status;

	ASSERT_EQ(0, kt_arena_init(a, self->dev, SIZE, TMEM_POLICY_BIND,
				   1ULL << self->out));
	status = touch_inside(a, &self->cg, self->in);
	ASSERT_TRUE(WIFEXITED(status));
	EXPECT_TRUE(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == SIGBUS)
	{
		TH_LOG("status %x", status);
	}
	ASSERT_EQ(0, kt_ioctl(a->fd, TMEM_IOC_ARENA_NODE_STAT, &st));
	EXPECT_EQ(0U, st.spans_huge + st.small_bytes);
	/* From outside it is as it should be. */
	a->data = kt_map(a->fd, SIZE, 0);
	ASSERT_NE(MAP_FAILED, (void *)a->data);
	kt_fill(a->data, SIZE, SEED);
	for (size_t i = 0; i < SPANS; i++) {
		EXPECT_EQ(self->out, kt_page_node(kt_span(a, i)));
	}
}

/* What prefers a node that it cannot have gets one that it can. */
TEST_F(cpuset, others_keep_to_the_cpuset)
{
	const unsigned int policies[] = { TMEM_POLICY_LOCAL,
					  TMEM_POLICY_PREFERRED,
					  TMEM_POLICY_INTERLEAVE };
	struct kt_arena *a = &self->a;

	for (size_t i = 0; i < ARRAY_SIZE(policies); i++) {
		uint64_t nodes = policies[i] == TMEM_POLICY_LOCAL ?
					 0 :
					 1ULL << self->out;
		struct tmem_arena_node_stat st = { .node = (uint32_t)self->in };

		ASSERT_EQ(0, kt_arena_init(a, self->dev, SIZE, policies[i],
					   nodes));
		EXPECT_EQ(0, touch_inside(a, &self->cg, self->out));
		ASSERT_EQ(0, kt_ioctl(a->fd, TMEM_IOC_ARENA_NODE_STAT, &st));
		EXPECT_EQ(1U, st.spans_huge)
		{
			TH_LOG("policy %u", policies[i]);
		}
		kt_arena_fini(a);
	}
}

TEST_HARNESS_MAIN
