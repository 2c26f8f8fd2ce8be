// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves what TMEM_IOC_ARENA_POPULATE leaves behind: memory behind all of the
 * range and nothing else, huge, zeroed, on the node asked for, charged to the
 * caller; what was there before is untouched, whatever its control word says.
 */
#include "tmem_test_cgroup.h"
#include "tmem_test_populate.h"

#define SPANS ((size_t)32)
#define SIZE (SPANS * KT_SPAN)
#define SEED 777

FIXTURE(populate)
{
	int dev;
	uint64_t free_before;
	struct kt_arena a;
	struct kt_populate p;
};

FIXTURE_SETUP(populate)
{
	self->dev = kt_open();
	ASSERT_LE(0, self->dev);
	self->free_before = kt_free(-1);
	self->p = (struct kt_populate){ .node = -1 };
}

FIXTURE_TEARDOWN(populate)
{
	kt_arena_fini(&self->a);
	EXPECT_EQ(0U, kt_arenas(self->dev));
	EXPECT_EQ(0U, kt_free_missing(-1, self->free_before));
	close(self->dev);
}

/* All of it is there, and no touch fills anything any more. */
static void all_there(struct __test_metadata *_metadata, struct kt_arena *a)
{
	struct tmem_arena_stat st = kt_stat(a);

	EXPECT_EQ(a->size, st.resident);
	EXPECT_EQ(a->spans, st.spans_huge);
	EXPECT_EQ(a->spans, st.fills);
	EXPECT_EQ(0U, st.spans_small + st.fills_failed + st.fills_off_node);
	EXPECT_EQ(0U, kt_nonzero(a->data, a->size));
	EXPECT_EQ(a->size, kt_pmd_mapped(a->data, a->size));
	kt_fill(a->data, a->size, SEED);
	EXPECT_EQ(0U, kt_bad(a->data, a->size, SEED));
	EXPECT_EQ(a->spans, kt_stat(a).fills);
}

TEST_F(populate, any_number_of_workers)
{
	const unsigned int workers[] = { 0, 1, 2, 64, UINT32_MAX };

	for (size_t i = 0; i < ARRAY_SIZE(workers); i++) {
		ASSERT_EQ(0, kt_arena_init(&self->a, self->dev, SIZE,
					   TMEM_POLICY_LOCAL, 0));
		ASSERT_EQ(0, kt_populate_all(&self->a, workers[i]))
		{
			TH_LOG("%u workers", workers[i]);
		}
		all_there(_metadata, &self->a);
		kt_arena_fini(&self->a);
	}
}

TEST_F(populate, every_policy)
{
	for (unsigned int p = 0; p <= TMEM_POLICY_INTERLEAVE; p++) {
		ASSERT_EQ(0, kt_arena_init(
				     &self->a, self->dev, SIZE, p,
				     p == TMEM_POLICY_LOCAL ? 0 : kt_nodes()));
		ASSERT_EQ(0, kt_populate_all(&self->a, 2));
		all_there(_metadata, &self->a);
		if (p == TMEM_POLICY_INTERLEAVE) {
			int order[64], n = 0;

			for_each_node(node, kt_nodes())
				order[n++] = node;
			for (size_t i = 0; i < SPANS; i++) {
				EXPECT_EQ(order[i % (size_t)n],
					  kt_page_node(kt_span(&self->a, i)));
			}
		}
		kt_arena_fini(&self->a);
	}
}

/* The policy's choice is the node that the caller runs on. */
TEST_F(populate, local_to_the_caller)
{
	for_each_node(node, kt_nodes()) {
		size_t off = 0;

		if (kt_run_on_node(node))
			continue;
		ASSERT_EQ(0, kt_arena_init(&self->a, self->dev, SIZE,
					   TMEM_POLICY_LOCAL, 0));
		ASSERT_EQ(0, kt_populate_all(&self->a, 2));
		for (size_t i = 0; i < SPANS; i++) {
			kt_span(&self->a, i)[0] = 1;
			off += kt_page_node(kt_span(&self->a, i)) != node;
		}
		EXPECT_EQ(0U, off);
		kt_arena_fini(&self->a);
	}
}

TEST_F(populate, node_given)
{
	for_each_node(node, kt_nodes()) {
		size_t off = 0;

		kt_run_on_node(kt_node_first());
		ASSERT_EQ(0, kt_arena_init(&self->a, self->dev, SIZE,
					   TMEM_POLICY_LOCAL, 0));
		self->p = (struct kt_populate){ 0, SPANS, node, 2, 0 };
		ASSERT_EQ(0, kt_populate(&self->a, &self->p));
		EXPECT_EQ(SPANS, self->p.populated);
		for (size_t i = 0; i < SPANS; i++) {
			kt_span(&self->a, i)[0] = 1;
			off += kt_page_node(kt_span(&self->a, i)) != node;
		}
		EXPECT_EQ(0U, off);
		EXPECT_EQ(SPANS, kt_stat(&self->a).fills);
		EXPECT_EQ(0U, kt_stat(&self->a).fills_off_node);
		kt_arena_fini(&self->a);
	}
}

TEST_F(populate, node_not_allowed)
{
	const int none[] = { -2, INT32_MIN, INT32_MAX, TMEM_MAX_NODES, 63 };
	int first = kt_node_first(), last = kt_node_last();

	ASSERT_EQ(0, kt_arena_init(&self->a, self->dev, SIZE, TMEM_POLICY_BIND,
				   1ULL << last));
	self->p.count = 1;
	for (size_t i = 0; i < ARRAY_SIZE(none); i++) {
		self->p.node = none[i];
		EXPECT_EQ(-EINVAL, kt_populate(&self->a, &self->p))
		{
			TH_LOG("node %d", none[i]);
		}
	}
	EXPECT_EQ(0U, kt_stat(&self->a).resident);
	if (first == last)
		SKIP(return, "one node with memory only");
	self->p.node = first;
	EXPECT_EQ(-EINVAL, kt_populate(&self->a, &self->p));
	EXPECT_EQ(0U, kt_stat(&self->a).resident);
	self->p.node = last;
	EXPECT_EQ(0, kt_populate(&self->a, &self->p));
}

TEST_F(populate, only_the_range)
{
	struct kt_arena *a = &self->a;

	ASSERT_EQ(0,
		  kt_arena_init(a, self->dev, SIZE, TMEM_POLICY_INTERLEAVE, 0));
	self->p = (struct kt_populate){ 5, 9, -1, 3, 0 };
	ASSERT_EQ(0, kt_populate(a, &self->p));
	EXPECT_EQ(9U, self->p.populated);
	EXPECT_EQ(9 * KT_SPAN, kt_stat(a).resident);
	for (size_t i = 0; i < SPANS; i++) {
		uint64_t before = kt_stat(a).fills;

		kt_span(a, i)[0] = 1;
		EXPECT_EQ(i < 5 || i >= 14, kt_stat(a).fills != before)
		{
			TH_LOG("span %zu", i);
		}
	}
	self->p = (struct kt_populate){ SPANS, 0, -1, 0, 5 };
	EXPECT_EQ(0, kt_populate(a, &self->p));
	EXPECT_EQ(0U, self->p.populated);
}

TEST_F(populate, misuse)
{
	const struct tmem_arena_populate bad[] = {
		{ .node = -1, .offset = KT_PAGE, .length = KT_SPAN },
		{ .node = -1, .length = KT_PAGE },
		{ .node = -1, .offset = 1 },
		{ .node = -1, .offset = SIZE, .length = KT_SPAN },
		{ .node = -1, .offset = SIZE + KT_SPAN },
		{ .node = -1, .length = SIZE + KT_SPAN },
		{ .node = -1, .offset = KT_SPAN, .length = SIZE },
		{ .node = -1, .offset = KT_SPAN, .length = -KT_SPAN },
		{ .node = -1, .offset = -KT_SPAN, .length = KT_SPAN },
		{ .node = -1, .offset = -KT_SPAN, .length = 2 * KT_SPAN },
		{ .node = -1, .length = UINT64_MAX },
		{ .node = -1, .length = KT_SPAN, .flags = 1 },
		{ .node = -1, .length = KT_SPAN, .flags = 0x80000000 },
		{ .node = -1, .length = KT_SPAN, .__reserved = 1 },
		{ .node = -1, .flags = 1 },
	};

	ASSERT_EQ(0, kt_arena_init(&self->a, self->dev, SIZE, 0, 0));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct tmem_arena_populate req = bad[i];

		EXPECT_EQ(-EINVAL,
			  kt_ioctl(self->a.fd, TMEM_IOC_ARENA_POPULATE, &req))
		{
			TH_LOG("case %zu", i);
		}
	}
	EXPECT_EQ(0U, kt_stat(&self->a).resident);
}

/* Every second span holds something; busy, idle, purged, garbage. */
TEST_F(populate, keeps_what_is_there)
{
	const uint32_t words[] = { TMEM_SPAN_BUSY, TMEM_SPAN_IDLE | 5,
				   TMEM_SPAN_PURGED, 0x12345678 };
	struct kt_arena *a = &self->a;
	struct tmem_arena_purge out;
	size_t bad = 0;

	ASSERT_EQ(0, kt_arena_init(a, self->dev, SIZE, 0, 0));
	for (size_t i = 0; i < SPANS; i += 2)
		kt_fill(kt_span(a, i), KT_SPAN, SEED + i);
	for (size_t i = 0; i < SPANS; i++)
		kt_word_set(a, i, words[i / 2 % 4]);
	ASSERT_EQ(0, kt_populate_all(a, 4));
	EXPECT_EQ(SPANS, kt_stat(a).fills);
	for (size_t i = 0; i < SPANS; i++) {
		EXPECT_EQ(words[i / 2 % 4], kt_word(a, i));
		bad += i % 2 ? kt_nonzero(kt_span(a, i), KT_SPAN) :
			       kt_bad(kt_span(a, i), KT_SPAN, SEED + i);
	}
	EXPECT_EQ(0U, bad);
	ASSERT_EQ(0, kt_populate_all(a, 4)); /* nothing to do */
	EXPECT_EQ(SPANS, kt_stat(a).fills);
	/* Idle ones can be purged, populated or not, and populated again. */
	ASSERT_EQ(0, kt_purge(a, 0, SPANS, &out));
	EXPECT_EQ(SPANS / 4, out.purged);
	EXPECT_EQ(SIZE - SIZE / 4, kt_stat(a).resident);
	ASSERT_EQ(0, kt_populate_all(a, 4));
	EXPECT_EQ(SIZE, kt_stat(a).resident);
}

/* The workers are not in the caller's group, what they fill is. */
static int charged(struct kt_arena *a, const struct kt_cgroup *cg)
{
	long before, after;

	if (kt_cgroup_enter(cg))
		return 1;
	before = kt_cgroup_read(cg, "memory.current");
	if (kt_populate_all(a, 2))
		return 2;
	after = kt_cgroup_read(cg, "memory.current");
	printf("# charged: %ld, then %ld\n", before, after);
	fflush(stdout);
	return after - before < (long)SIZE ? 3 : 0;
}

TEST_F(populate, charged_to_the_caller)
{
	struct kt_cgroup cg;
	pid_t pid;
	int ret = kt_cgroup_init(&cg, "+memory");

	if (ret)
		SKIP(return, "no memory cgroup: %s", strerror(-ret));
	ASSERT_EQ(0, kt_arena_init(&self->a, self->dev, SIZE, 0, 0));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(charged(&self->a, &cg));
	EXPECT_EQ(0, kt_wait(pid));
	EXPECT_LE((long)SIZE, kt_cgroup_read(&cg, "memory.current"));
	kt_arena_fini(&self->a);
	EXPECT_GT(4 * (long)KT_MIB, kt_cgroup_read(&cg, "memory.current"));
	EXPECT_EQ(0, kt_cgroup_fini(&cg));
}

/* 0: done, 1: refused. */
static int in_cpuset(const struct kt_arena *a, const struct kt_cgroup *cg,
		     int node)
{
	struct kt_populate p = { 0, 8, node, 2, 0 };

	return kt_cgroup_enter(cg) ? 2 : kt_populate(a, &p) != 0;
}

/* A node that the caller may not use: refused, or served from elsewhere. */
TEST_F(populate, keeps_to_the_cpuset)
{
	int in = kt_node_first(), out = kt_node_last();
	const int wish[] = { -1, out, in };
	struct tmem_arena_node_stat st = { .node = (uint32_t)out };
	struct kt_cgroup cg;
	char mems[16];

	if (in == out)
		SKIP(return, "one node with memory only");
	snprintf(mems, sizeof(mems), "%d", in);
	if (kt_cgroup_init(&cg, "+cpuset") ||
	    kt_cgroup_write(&cg, "cpuset.mems", mems)) {
		kt_cgroup_fini(&cg);
		SKIP(return, "no cpuset");
	}
	for (size_t i = 0; i < ARRAY_SIZE(wish); i++) {
		int status;
		pid_t pid;

		ASSERT_EQ(0, kt_arena_init(&self->a, self->dev, SIZE,
					   TMEM_POLICY_PREFERRED,
					   wish[i] == in ? kt_nodes() :
							   1ULL << out));
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid)
			_exit(in_cpuset(&self->a, &cg, wish[i]));
		status = kt_wait(pid);
		EXPECT_TRUE(!status || (wish[i] == out && status == 1 << 8))
		{
			TH_LOG("node %d: status %x", wish[i], status);
		}
		EXPECT_EQ(status ? 0 : 8 * KT_SPAN, kt_stat(&self->a).resident);
		ASSERT_EQ(0,
			  kt_ioctl(self->a.fd, TMEM_IOC_ARENA_NODE_STAT, &st));
		EXPECT_EQ(0U, st.spans_huge + st.small_bytes);
		kt_arena_fini(&self->a);
	}
	EXPECT_EQ(0, kt_cgroup_fini(&cg));
}

TEST_HARNESS_MAIN
