// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that memory comes from the node that the policy names, as the kernel
 * itself sees it (move_pages), and that the module's own counts agree.
 */
#include "tmem_test_mem.h"

#define SPANS 8

FIXTURE(placement)
{
	int dev;
	uint64_t nodes;
	struct kt_arena a;
};

FIXTURE_SETUP(placement)
{
	self->dev = kt_open();
	ASSERT_LE(0, self->dev);
	self->nodes = kt_nodes();
}

FIXTURE_TEARDOWN(placement)
{
	kt_arena_fini(&self->a);
	EXPECT_EQ(0U, kt_arenas(self->dev));
	close(self->dev);
}

static int make(struct kt_arena *a, int dev, unsigned int policy,
		uint64_t nodes)
{
	int ret;

	kt_arena_fini(a);
	ret = kt_arena_init(a, dev, SPANS * KT_SPAN, policy, nodes);
	if (!ret)
		kt_fill(a->data, a->size, nodes);
	return ret;
}

/* How many spans are on the node; every page of a span is looked at. */
static size_t spans_on(const struct kt_arena *a, int node)
{
	size_t n = 0;

	for (size_t i = 0; i < a->spans; i++) {
		size_t pages = 0;

		for (size_t p = 0; p < KT_SPAN; p += 64 * KT_PAGE)
			pages += kt_page_node(kt_span(a, i) + p) == node;
		n += pages == KT_SPAN / (64 * KT_PAGE);
	}
	return n;
}

static uint64_t counted_on(const struct kt_arena *a, int node)
{
	struct tmem_arena_node_stat st = { .node = (uint32_t)node };

	if (kt_ioctl(a->fd, TMEM_IOC_ARENA_NODE_STAT, &st))
		return UINT64_MAX;
	return st.spans_huge + st.small_bytes / KT_SPAN;
}

TEST_F(placement, bind_and_preferred)
{
	struct kt_arena *a = &self->a;

	for_each_node(node, self->nodes) {
		for (unsigned int p = TMEM_POLICY_BIND;
		     p <= TMEM_POLICY_PREFERRED; p++) {
			ASSERT_EQ(0, make(a, self->dev, p, 1ULL << node));
			EXPECT_EQ(p, kt_stat(a).policy);
			EXPECT_EQ((size_t)SPANS, spans_on(a, node))
			{
				TH_LOG("policy %u, node %d", p, node);
			}
			EXPECT_EQ(0U, kt_stat(a).fills_off_node);
		}
	}
}

/* Of several nodes, the one of the CPU that touches. */
TEST_F(placement, nearest_of_several)
{
	struct kt_arena *a = &self->a;

	for_each_node(node, self->nodes) {
		if (kt_run_on_node(node))
			continue;
		for (unsigned int p = TMEM_POLICY_BIND;
		     p <= TMEM_POLICY_PREFERRED; p++) {
			ASSERT_EQ(0, make(a, self->dev, p, self->nodes));
			EXPECT_EQ((size_t)SPANS, spans_on(a, node));
			EXPECT_EQ(0U, kt_stat(a).fills_off_node);
		}
	}
}

TEST_F(placement, local)
{
	struct kt_arena *a = &self->a;
	int tried = 0;

	for_each_node(node, self->nodes) {
		if (kt_run_on_node(node))
			continue;
		tried++;
		ASSERT_EQ(0, make(a, self->dev, TMEM_POLICY_LOCAL, 0));
		EXPECT_EQ((size_t)SPANS, spans_on(a, node));
		EXPECT_EQ(0U, kt_stat(a).fills_off_node);
	}
	EXPECT_LT(0, tried);
}

/* The CPU of the first touch decides, not the one that made the arena. */
TEST_F(placement, local_follows_the_cpu)
{
	struct kt_arena *a = &self->a;
	int first = kt_node_first(), last = kt_node_last();

	if (first == last)
		SKIP(return, "one node with memory only");
	if (kt_run_on_node(first) || kt_run_on_node(last))
		SKIP(return, "a node has no CPU");
	ASSERT_EQ(0, kt_arena_init(a, self->dev, SPANS * KT_SPAN, 0, 0));
	for (size_t i = 0; i < SPANS; i++) {
		ASSERT_EQ(0, kt_run_on_node(i % 3 ? last : first));
		kt_span(a, i)[7] = 1;
	}
	for (size_t i = 0; i < SPANS; i++) {
		EXPECT_EQ(i % 3 ? last : first, kt_page_node(kt_span(a, i)));
	}
}

static void check_interleave(struct __test_metadata *_metadata,
			     const struct kt_arena *a, uint64_t nodes)
{
	size_t n = (size_t)__builtin_popcountll(nodes);
	int order[64];
	size_t k = 0;

	for_each_node(node, nodes)
		order[k++] = node;
	for (size_t i = 0; i < a->spans; i++) {
		EXPECT_EQ(order[i % n], kt_page_node(kt_span(a, i)))
		{
			TH_LOG("span %zu", i);
		}
	}
	EXPECT_EQ(0U, kt_stat(a).fills_off_node);
}

TEST_F(placement, interleave)
{
	struct kt_arena *a = &self->a;

	ASSERT_EQ(0, make(a, self->dev, TMEM_POLICY_INTERLEAVE, 0));
	check_interleave(_metadata, a, self->nodes);
	ASSERT_EQ(0, make(a, self->dev, TMEM_POLICY_INTERLEAVE, self->nodes));
	check_interleave(_metadata, a, self->nodes);
	for_each_node(node, self->nodes) {
		ASSERT_EQ(0, make(a, self->dev, TMEM_POLICY_INTERLEAVE,
				  1ULL << node));
		check_interleave(_metadata, a, 1ULL << node);
	}
}

/* The number of the span counts, not the order of touches. */
TEST_F(placement, interleave_backwards)
{
	struct kt_arena *a = &self->a;

	ASSERT_EQ(0, kt_arena_init(a, self->dev, SPANS * KT_SPAN,
				   TMEM_POLICY_INTERLEAVE, 0));
	for (size_t i = SPANS; i-- > 0;)
		kt_span(a, i)[i] = 1;
	check_interleave(_metadata, a, self->nodes);
}

TEST_F(placement, statistics_agree)
{
	struct kt_arena *a = &self->a;
	struct tmem_arena_node_stat st = { 0 };
	uint64_t sum = 0;

	ASSERT_EQ(0, make(a, self->dev, TMEM_POLICY_INTERLEAVE, 0));
	for_each_node(node, self->nodes) {
		EXPECT_EQ(spans_on(a, node), counted_on(a, node));
		sum += counted_on(a, node);
	}
	EXPECT_EQ((uint64_t)SPANS, sum);
	EXPECT_EQ(a->size, kt_stat(a).resident);
	/* The structure's input stays as it was. */
	st.node = (uint32_t)kt_node_last();
	ASSERT_EQ(0, kt_ioctl(a->fd, TMEM_IOC_ARENA_NODE_STAT, &st));
	EXPECT_EQ((uint32_t)kt_node_last(), st.node);
}

/* The counts say where memory is, not where it was put. */
TEST_F(placement, statistics_follow_a_move)
{
	struct kt_arena *a = &self->a;
	int first = kt_node_first(), last = kt_node_last();

	if (first == last)
		SKIP(return, "one node with memory only");
	ASSERT_EQ(0, make(a, self->dev, TMEM_POLICY_BIND, 1ULL << first));
	ASSERT_EQ(last, kt_page_move(kt_span(a, 1), last));
	EXPECT_EQ(1U, counted_on(a, last));
	EXPECT_EQ((uint64_t)SPANS - 1, counted_on(a, first));
	EXPECT_EQ(0U, kt_bad(a->data, a->size, 1ULL << first));
}

TEST_HARNESS_MAIN
