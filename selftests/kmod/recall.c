// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that the kernel takes idle spans back when the machine is short of
 * memory, and does no harm.  One process holds 512 MiB idle over all nodes and
 * keeps taking spans back at random; another takes all memory that there is
 * but a reserve.  The first lives, the second gets what it wants, no busy byte
 * changes, each span that is taken back has all of its contents or none, and
 * the counters agree with what the first has seen.
 */
#include "tmem_test_keeper.h"

#define IDLE_SPANS ((size_t)256)
#define BUSY_SPANS ((size_t)16)

/* What the taker leaves: the kernel needs some, and rounds up. */
#define RESERVE (112 * KT_MIB)

FIXTURE(recall)
{
	int dev;
	uint64_t free_before;
	long kills;
	struct kt_keeper *k;
	struct kt_recall before;
};

FIXTURE_VARIANT(recall)
{
	unsigned int threads;
	bool huge;
};

/* As small pages, which kswapd has time to make room for. */
FIXTURE_VARIANT_ADD(recall, one_taker){
	.threads = 1,
	.huge = false,
};

/* As huge pages, by several at once: they recall for themselves. */
FIXTURE_VARIANT_ADD(recall, four_takers){
	.threads = 4,
	.huge = true,
};

FIXTURE_SETUP(recall)
{
	size_t spans = kt_keeper_idle(IDLE_SPANS) + BUSY_SPANS;

	self->dev = kt_open();
	ASSERT_LE(0, self->dev);
	if (kt_available() > 16384 * KT_MIB)
		SKIP(return, "the machine is too large to fill");
	self->free_before = kt_free(-1);
	self->kills = kt_oom_kills();
	self->before = kt_recall();
	ASSERT_LE(0, self->before.purged);
	self->k = kt_shared(sizeof(*self->k));
	ASSERT_TRUE(self->k != NULL);
	self->k->seed = pace_seed();
	self->k->busy = BUSY_SPANS;
	ASSERT_EQ(0, kt_arena_init(&self->k->a, self->dev, spans * KT_SPAN,
				   TMEM_POLICY_INTERLEAVE, 0));
}

FIXTURE_TEARDOWN(recall)
{
	if (self->k)
		kt_arena_fini(&self->k->a);
	EXPECT_EQ(0U, kt_arenas(self->dev));
	EXPECT_EQ(0U, kt_free_missing(-1, self->free_before));
	close(self->dev);
}

/* Everything but a reserve: idle spans count as free. */
static struct kt_taker all_but_reserve(const struct kt_keeper *k,
				       unsigned int threads, bool huge)
{
	struct kt_taker t = { .threads = threads, .huge = huge };

	t.bytes = kt_available() + kt_pool_bytes(-1) +
		  (k->a.spans - k->busy) * KT_SPAN - RESERVE;
	printf("# available %llu, pools %llu, idle %zu, taken %zu MiB\n",
	       (unsigned long long)(kt_available() / KT_MIB),
	       (unsigned long long)(kt_pool_bytes(-1) / KT_MIB),
	       (k->a.spans - k->busy) * KT_SPAN / KT_MIB, t.bytes / KT_MIB);
	return t;
}

TEST_F(recall, machine_is_short)
{
	struct kt_keeper *k = self->k;
	struct kt_recall since;
	struct kt_taker t;
	pid_t keeper, taker;

	keeper = kt_fork();
	ASSERT_LE(0, keeper);
	if (!keeper)
		_exit(kt_keeper_run(k));
	ASSERT_TRUE(kt_await(&k->ready, keeper));
	ASSERT_EQ(k->a.size, kt_stat(&k->a).resident);
	EXPECT_EQ(0U, kt_stat(&k->a).purged);

	t = all_but_reserve(k, variant->threads, variant->huge);
	taker = kt_fork();
	ASSERT_LE(0, taker);
	if (!taker)
		_exit(kt_taker_run(&t));
	EXPECT_EQ(0, kt_wait(taker));
	EXPECT_TRUE(PACE_UNTIL(kt_count(&k->kept)));
	kt_flag(&k->stop);
	EXPECT_EQ(0, kt_wait(keeper));

	since = kt_recall_since(&self->before);
	EXPECT_EQ(0U, k->corrupt);
	EXPECT_EQ(0U, k->busy_bad);
	EXPECT_EQ(self->kills, kt_oom_kills());

	/* It was needed, and what was taken is what is missing. */
	EXPECT_LT((k->a.spans - k->busy) / 4, k->lost + k->open);
	EXPECT_TRUE(kt_keeper_agrees(k, &since));
	EXPECT_EQ(0U, kt_stat(&k->a).fills_failed);
}

TEST_HARNESS_MAIN
