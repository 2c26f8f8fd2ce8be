// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves in which order idle spans are recalled: those that are idle the
 * longest first, on each node, whatever arena they belong to, in whatever order
 * they were made; also when the stamp has wrapped around.  And that nothing but
 * an idle word makes a span one that may go.
 */
#include "tmem_test_recall.h"

#define SPANS ((size_t)24)
#define FEW ((size_t)5)
#define PAGES (KT_SPAN / KT_PAGE)

FIXTURE(recall_order)
{
	int dev;
	uint64_t free_before;
	uint64_t rng;
	struct kt_recall before;
};

FIXTURE_SETUP(recall_order)
{
	self->dev = kt_open();
	ASSERT_LE(0, self->dev);
	if (access(KT_SHRINK, W_OK))
		SKIP(return, KT_SHRINK ": %s", strerror(errno));
	self->rng = pace_seed();
	self->free_before = kt_free(-1);
	self->before = kt_recall();
}

FIXTURE_TEARDOWN(recall_order)
{
	EXPECT_EQ(0U, kt_arenas(self->dev));
	EXPECT_EQ(0U, kt_free_missing(-1, self->free_before));
	close(self->dev);
}

static uint32_t stamp_now(void)
{
	return kt_idle_word() & TMEM_STAMP_MASK;
}

/* Idle since so many ticks.  Uptime may be less: then it wraps around. */
static void idle_since(const struct kt_arena *a, size_t i, uint32_t ticks)
{
	uint32_t stamp = (stamp_now() - ticks) & TMEM_STAMP_MASK;

	kt_word_set(a, i, TMEM_SPAN_IDLE | stamp);
}

/* The numbers below n in a random order. */
static void shuffle(size_t *order, size_t n, uint64_t *rng)
{
	for (size_t i = 0; i < n; i++) {
		size_t j = kt_random(rng) % (i + 1);

		order[i] = order[j];
		order[j] = i;
	}
}

static bool gone(const struct kt_arena *a, size_t i)
{
	return kt_word(a, i) == TMEM_SPAN_PURGED;
}

static bool kept(const struct kt_arena *a, size_t i, uint64_t seed)
{
	return !kt_bad(kt_span(a, i), KT_SPAN, seed + i * PAGES);
}

static size_t count_gone(const struct kt_arena *a)
{
	size_t n = 0;

	for (size_t i = 0; i < a->spans; i++)
		n += gone(a, i);
	return n;
}

/* An arena on one node, filled, all busy. */
static int on_node(struct kt_arena *a, int dev, size_t spans, int node,
		   uint64_t seed)
{
	int ret = kt_arena_init(a, dev, spans * KT_SPAN, TMEM_POLICY_BIND,
				1ULL << node);

	if (!ret)
		kt_fill(a->data, a->size, seed);
	return ret;
}

/* Step by step, until none is left: always the oldest. */
TEST_F(recall_order, oldest_first_on_each_node)
{
	for_each_node(node, kt_nodes()) {
		size_t order[SPANS], n = 0;
		struct kt_arena a;

		ASSERT_EQ(0, on_node(&a, self->dev, SPANS, node, 1));
		shuffle(order, SPANS, &self->rng);
		/* Span order[k] is the k-th oldest. */
		for (size_t k = 0; k < SPANS; k++)
			idle_since(&a, order[k], 10 + 7 * (SPANS - k));
		while (n < SPANS) {
			size_t step = 1 + kt_random(&self->rng) % FEW;

			if (step > SPANS - n)
				step = SPANS - n;
			ASSERT_EQ(0, kt_shrink((unsigned int)step));
			ASSERT_EQ(n + step, count_gone(&a));
			n += step;
			for (size_t k = 0; k < SPANS; k++) {
				ASSERT_EQ(k < n, gone(&a, order[k]))
				{
					TH_LOG("node %d, %zu of %zu gone, %zu",
					       node, n, SPANS, k);
				}
			}
		}
		EXPECT_EQ(SPANS, kt_stat(&a).recalled);
		EXPECT_EQ(0U, kt_stat(&a).resident);
		kt_arena_fini(&a);
	}
	EXPECT_EQ((int64_t)SPANS * kt_node_count(),
		  kt_recall_since(&self->before).purged);
}

/* Spans of both nodes at once: each node has an order of its own. */
TEST_F(recall_order, interleaved)
{
	struct kt_arena a;
	size_t order[SPANS], last[64];
	bool mixed = false;

	ASSERT_EQ(0, kt_arena_init(&a, self->dev, SPANS * KT_SPAN,
				   TMEM_POLICY_INTERLEAVE, 0));
	kt_fill(a.data, a.size, 2);
	shuffle(order, SPANS, &self->rng);
	for (size_t k = 0; k < SPANS; k++)
		idle_since(&a, order[k], 10 + 7 * (SPANS - k));
	for (int round = 0; round < 4; round++) {
		ASSERT_EQ(0, kt_shrink((unsigned int)SPANS / 6));
		for (size_t n = 0; n < ARRAY_SIZE(last); n++)
			last[n] = SIZE_MAX;
		/* On its node, none is left that is older than one gone. */
		for (size_t k = 0; k < SPANS; k++) {
			size_t node = order[k] % (size_t)kt_node_count();

			if (!gone(&a, order[k]))
				last[node] = k;
			else
				mixed |= last[node] != SIZE_MAX;
		}
	}
	EXPECT_FALSE(mixed);
	EXPECT_EQ(SPANS / 6 * 4, count_gone(&a));
	for (size_t i = 0; i < SPANS; i++) {
		if (!gone(&a, i)) {
			EXPECT_TRUE(kept(&a, i, 2));
		}
	}
	kt_arena_fini(&a);
}

/* The clock's own stamps, and one that was busy in between. */
TEST_F(recall_order, real_stamps)
{
	const size_t n = 6;
	size_t order[6];
	struct kt_arena a;

	ASSERT_EQ(0, on_node(&a, self->dev, n, kt_node_first(), 3));
	shuffle(order, n, &self->rng);
	for (size_t k = 0; k < n; k++) {
		kt_idle(&a, order[k]);
		ASSERT_TRUE(
			PACE_UNTIL(kt_idle_word() != kt_word(&a, order[k])));
	}
	kt_word_set(&a, order[0], TMEM_SPAN_BUSY);
	kt_idle(&a, order[0]);
	ASSERT_EQ(0, kt_shrink(2));
	for (size_t k = 0; k < n; k++) {
		EXPECT_EQ(k == 1 || k == 2, gone(&a, order[k]));
	}
	ASSERT_EQ(0, kt_shrink(3));
	EXPECT_EQ(n - 1, count_gone(&a));
	EXPECT_FALSE(gone(&a, order[0]));
	EXPECT_TRUE(kept(&a, order[0], 3));
	kt_arena_fini(&a);
}

/* It is the machine's order, not an arena's. */
TEST_F(recall_order, over_arenas)
{
	const size_t n = 8;
	struct kt_arena a[2];

	for (size_t j = 0; j < 2; j++)
		ASSERT_EQ(0, on_node(&a[j], self->dev, n, kt_node_last(), j));
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < 2; j++)
			idle_since(&a[j], i, 10 + 5 * (2 * (n - i) + j));
	/* Span i of the second is older than span i of the first. */
	ASSERT_EQ(0, kt_shrink(7));
	for (size_t i = 0; i < n; i++) {
		EXPECT_EQ(i < 3, gone(&a[0], i));
		EXPECT_EQ(i < 4, gone(&a[1], i));
	}
	for (size_t j = 0; j < 2; j++)
		kt_arena_fini(&a[j]);
}

/* Before the wrap-around is earlier than after it. */
TEST_F(recall_order, wrap_around)
{
	const size_t n = 8;
	uint32_t now = stamp_now();
	struct kt_arena a;

	ASSERT_EQ(0, on_node(&a, self->dev, n, kt_node_first(), 4));
	/* 0 to 3 after the clock was 0, 4 to 7 before: large, and older. */
	for (uint32_t i = 0; i < 4; i++) {
		kt_word_set(&a, i, TMEM_SPAN_IDLE | (now - 1 - i));
		kt_word_set(&a, 4 + i, UINT32_MAX - 3 * i);
	}
	for (size_t k = 0; k < n; k++) {
		size_t oldest = n - 1 - k; /* 7 6 5 4, 3 2 1 0 */

		ASSERT_EQ(0, kt_shrink(1));
		ASSERT_TRUE(gone(&a, oldest))
		{
			TH_LOG("span %zu is not the next to go", oldest);
		}
		ASSERT_EQ(k + 1, count_gone(&a));
	}
	kt_arena_fini(&a);
}

TEST_F(recall_order, busy_and_hostile_words_stay)
{
	struct kt_arena a;
	uint32_t word[SPANS];
	struct kt_recall since;

	ASSERT_EQ(0, on_node(&a, self->dev, SPANS, kt_node_first(), 5));
	for (int round = 0; round < 20; round++) {
		for (size_t i = 0; i < SPANS; i++) {
			word[i] = (uint32_t)kt_random(&self->rng) &
				  ~TMEM_SPAN_IDLE;
			if (i < 4)
				word[i] = (uint32_t)i; /* BUSY, PURGED */
			kt_word_set(&a, i, word[i]);
		}
		kt_shrink(SPANS);
		for (size_t i = 0; i < SPANS; i++) {
			ASSERT_EQ(word[i], kt_word(&a, i));
		}
	}
	since = kt_recall_since(&self->before);
	EXPECT_EQ(0, since.purged);
	EXPECT_EQ(0U, kt_stat(&a).purged);
	EXPECT_EQ(a.size, kt_stat(&a).resident);
	for (size_t i = 0; i < SPANS; i++) {
		EXPECT_TRUE(kept(&a, i, 5));
	}
	/* One idle among them is found, with any stamp there is. */
	kt_word_set(&a, 7, TMEM_SPAN_IDLE | TMEM_STAMP_MASK);
	kt_word_set(&a, 9, TMEM_SPAN_IDLE);
	ASSERT_EQ(0, kt_shrink(SPANS));
	EXPECT_TRUE(gone(&a, 7) && gone(&a, 9));
	EXPECT_EQ(2U, kt_stat(&a).recalled);
	kt_arena_fini(&a);
}

/* Idle, but with nothing in it: nothing to take, and the word stays. */
TEST_F(recall_order, untouched_spans_stay)
{
	struct tmem_arena_purge out;
	struct kt_arena a;

	ASSERT_EQ(0, kt_arena_init(&a, self->dev, SPANS * KT_SPAN, 0, 0));
	kt_span(&a, 3)[0] = 1;
	for (size_t i = 0; i < SPANS; i++)
		idle_since(&a, i, 100);
	kt_shrink(SPANS);
	EXPECT_EQ(1U, count_gone(&a));
	EXPECT_TRUE(gone(&a, 3));
	/* What was asked for before is not there to recall any more. */
	kt_span(&a, 5)[0] = 1;
	ASSERT_EQ(0, kt_purge(&a, 0, SPANS, &out));
	EXPECT_EQ(1U, out.purged);
	kt_shrink(SPANS);
	EXPECT_EQ(2U, count_gone(&a));
	EXPECT_EQ(1U, kt_stat(&a).recalled);
	/* And a span that comes back can be recalled again, many times. */
	for (int round = 0; round < 10; round++) {
		kt_span(&a, 3)[KT_PAGE] = 1;
		idle_since(&a, 3, 100);
		kt_shrink(SPANS);
		ASSERT_TRUE(gone(&a, 3));
	}
	EXPECT_EQ(11U, kt_stat(&a).recalled);
	kt_arena_fini(&a);
}

TEST_HARNESS_MAIN
