// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves what is idle, and when: a span with no live block is idle at once,
 * one of small blocks when the caches are empty; blocks go where there are
 * others, so that spans become empty; and memory is had again on the node that
 * it is on.
 */
#include "heap_test.h"
#include "node_test.h"

FIXTURE(idle)
{
	uint64_t random;
};

FIXTURE_SETUP(idle)
{
	ASSERT_EQ(0, heap_init());
	lt_stay();
	self->random = pace_seed();
}

FIXTURE_TEARDOWN(idle)
{
	EXPECT_TRUE(heap_empty());
}

TEST_F(idle, at_once)
{
	/* clang-format off */
	static const size_t sizes[] = {
		32 * LT_KIB + 1, 100000, 300000, LT_MIB, LT_SPAN - 4096,
		LT_SPAN, LT_SPAN + 1, 5 * LT_MIB + 4096, 20 * LT_MIB,
	};
	/* clang-format on */
	struct tmem_stats busy, idle;
	char *block;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		block = lt_filled(sizes[i], i);
		ASSERT_NE(NULL, block);
		busy = lt_stats();
		EXPECT_LE((sizes[i] + LT_SPAN - 1) / LT_SPAN, busy.spans_busy);
		EXPECT_GE(sizes[i] / LT_SPAN + 2, busy.spans_busy);
		tmem_free(block);
		idle = lt_stats();
		EXPECT_EQ(0U, idle.spans_busy) TH_LOG("%zu", sizes[i]);
		EXPECT_EQ(busy.spans_busy + busy.spans_idle, idle.spans_idle);
	}
}

/* The last of those in a span decides, whichever it is. */
TEST_F(idle, with_the_last_block)
{
	char *block[16];
	size_t i, k, n;

	for (i = 0; i < 16; i++) {
		block[i] = lt_filled(100 * LT_KIB, i);
		ASSERT_NE(NULL, block[i]);
	}
	EXPECT_EQ(1U, lt_stats().spans_busy);
	for (n = 16; n; n--) {
		EXPECT_EQ(1U, lt_stats().spans_busy);
		k = lt_random(&self->random) % n;
		tmem_free(block[k]);
		block[k] = block[n - 1];
	}
	EXPECT_EQ(0U, lt_stats().spans_busy);
	EXPECT_EQ(1U, lt_stats().spans_idle);
}

/* Thousands of all bins; then the thread's caches are made empty. */
TEST_F(idle, small_blocks)
{
	const size_t max = 12000;
	char **block = calloc(max, sizeof(*block));
	size_t i, k;

	for (i = 0; i < max; i++) {
		block[i] = tmem_alloc(
			lt_between(&self->random, 1, i % 8 ? 2048 : 32768));
		ASSERT_NE(NULL, block[i]);
	}
	for (i = max; i; i--) {
		k = lt_random(&self->random) % i;
		tmem_free(block[k]);
		block[k] = block[i - 1];
	}
	free(block);
	EXPECT_EQ(0U, lt_stats().live_blocks);
	tmem_trim(0);
	EXPECT_EQ(0U, lt_stats().spans_busy);
	EXPECT_EQ(0U, lt_stats().spans_idle);
	EXPECT_EQ(0U, lt_residency().resident);
}

/*
 * What is live becomes less while blocks come and go: the spans become fewer,
 * too.
 */
TEST_F(idle, spans_become_empty)
{
	enum { MAX = 400 };
	size_t live = MAX, step, i, bytes = 0;
	struct heap_block block[MAX];
	struct tmem_stats full, s;
	uint64_t most;

	/* What is idle on one node is no use on another. */
	node_stay(0);
	for (i = 0; i < MAX; i++) {
		size_t size = lt_between(&self->random, 40, 600) * LT_KIB;

		ASSERT_TRUE(
			heap_block_take(&block[i], tmem_alloc(size), size, i));
	}
	full = lt_stats();
	most = full.spans_busy;
	for (step = 0; step < 6000; step++) {
		i = lt_random(&self->random) % live;
		ASSERT_TRUE(heap_block_free(&block[i]));
		/* A quarter is left in the end. */
		if (step % 20 == 0 && live > MAX / 4) {
			block[i] = block[--live];
			continue;
		}
		bytes = lt_between(&self->random, 40, 600) * LT_KIB;
		ASSERT_TRUE(heap_block_take(&block[i], tmem_alloc(bytes), bytes,
					    step));
		s = lt_stats();
		if (s.spans_busy > most)
			most = s.spans_busy;
	}
	s = lt_stats();
	TH_LOG("%llu spans for %llu MiB, at most %llu, then %llu for %llu",
	       (unsigned long long)full.spans_busy,
	       (unsigned long long)full.live_bytes >> 20,
	       (unsigned long long)most, (unsigned long long)s.spans_busy,
	       (unsigned long long)s.live_bytes >> 20);
	EXPECT_GE(full.live_bytes * 21 / 20 + 2 * LT_SPAN,
		  full.spans_busy * LT_SPAN);
	EXPECT_GE(s.live_bytes * 7 / 4 + 2 * LT_SPAN, s.spans_busy * LT_SPAN);
	/* What was let go was taken again, before anything new. */
	EXPECT_GE(most, s.spans_busy + s.spans_idle);
	while (live)
		EXPECT_TRUE(heap_block_free(&block[--live]));
}

/* --- nodes ----------------------------------------------------------------- */

static void *free_on_node_1(void *arg)
{
	void **block = arg;
	size_t i;

	if (!node_stay(1))
		return (void *)1;
	for (i = 0; i < 8; i++)
		tmem_free(block[i]);
	return NULL;
}

/* Freed by a thread of another node, memory is not that node's for it. */
TEST_F(idle, memory_returns_to_its_node)
{
	/* clang-format off */
	static const size_t sizes[8] = {
		100, 3000, 30000, 50000, 700000, LT_SPAN, 5 * LT_MIB,
		9 * LT_MIB,
	};
	/* clang-format on */
	void *block[8], *end;
	unsigned int round;
	pthread_t id;
	size_t i;

	if (node_cpu(1) < 0 || !node_stay(0))
		SKIP(return, "needs two nodes with CPUs");
	for (round = 0; round < 3; round++) {
		for (i = 0; i < 8; i++) {
			block[i] = tmem_alloc(sizes[i]);
			ASSERT_NE(NULL, block[i]);
			EXPECT_TRUE(node_holds(block[i], sizes[i], 0))
			TH_LOG("round %u, %zu", round, sizes[i]);
		}
		ASSERT_EQ(0, pthread_create(&id, NULL, free_on_node_1, block));
		pthread_join(id, &end);
		ASSERT_EQ(NULL, end);
	}
}

/* A thread that moves gets memory of the node where it is then. */
TEST_F(idle, a_thread_that_moves)
{
	static const size_t sizes[] = { 100, 3000, 50000, 700000, 5 * LT_MIB };
	void *block[ARRAY_SIZE(sizes)] = { NULL };
	unsigned int round, node, i;

	if (!node_stay(0) || !node_stay(1))
		SKIP(return, "needs two nodes with CPUs");
	for (round = 0; round < 6; round++) {
		node = round % 2;
		ASSERT_TRUE(node_stay(node));
		for (i = 0; i < ARRAY_SIZE(sizes); i++) {
			/* It is of the other node, and not to be had here. */
			tmem_free(block[i]);
			block[i] = tmem_alloc(sizes[i]);
			ASSERT_NE(NULL, block[i]);
			EXPECT_TRUE(node_holds(block[i], sizes[i], (int)node))
			TH_LOG("round %u, %zu", round, sizes[i]);
		}
	}
	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		tmem_free(block[i]);
}

TEST_HARNESS_MAIN
