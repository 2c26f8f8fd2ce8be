// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves who goes from a tensor cache, and who stays: the limit, priority,
 * frequency and size, a loop that does not fit, values that may be discarded
 * and when they are, and a limit observer that makes the cache smaller.
 */
#include "tcache_test.h"

#include "gc/collector.h"

#define SIZE (64 * LT_KIB)

TEST(limit)
{
	struct tmem_tcache *cache = tc_make(8 * SIZE, 0);
	struct tmem_tcache_pin pin[8];
	uint64_t i;

	ASSERT_NE(NULL, cache);
	for (i = 0; i < 8; i++)
		ASSERT_EQ(0, tc_put(cache, i, SIZE));
	/* Larger than all: refused, and the others stay. */
	EXPECT_EQ(-ENOSPC, tc_put(cache, 100, 9 * SIZE));
	EXPECT_EQ(0, tc_stats(cache).evictions);
	for (i = 0; i < 8; i++)
		ASSERT_EQ(0, tc_pin(cache, i, &pin[i]));
	/* All is pinned, to the byte. */
	EXPECT_EQ(-ENOSPC, tc_put(cache, 100, 1));
	EXPECT_EQ(-ENOSPC, tmem_tcache_limit_set(cache, 8 * SIZE - 1));
	EXPECT_EQ(-EINVAL, tmem_tcache_limit_set(cache, 0));
	EXPECT_EQ(0, tmem_tcache_shrink(cache, UINT64_MAX));
	EXPECT_EQ(0, tmem_tcache_unpin(cache, &pin[3]));
	EXPECT_EQ(-ENOSPC, tc_put(cache, 100, SIZE + 1));
	EXPECT_EQ(0, tc_put(cache, 100, SIZE));
	EXPECT_EQ(-ENOENT, tc_get(cache, 3));
	EXPECT_EQ(3, tc_stats(cache).refused);
	for (i = 0; i < 8; i++)
		if (i != 3)
			EXPECT_TRUE(lt_kept(pin[i].value, SIZE, i) &&
				    !tmem_tcache_unpin(cache, &pin[i]));
	EXPECT_EQ(0, tmem_tcache_limit_set(cache, 3 * SIZE + 1));
	EXPECT_EQ(3 * SIZE, tc_stats(cache).bytes);
	EXPECT_EQ(8 * SIZE, tc_stats(cache).peak_bytes);
	EXPECT_EQ(SIZE, tmem_tcache_shrink(cache, 1));
	EXPECT_EQ(2 * SIZE, tmem_tcache_shrink(cache, 100 * SIZE));
	EXPECT_TRUE(tc_end(cache));
}

/* Each of these stays longer than its like. */
TEST(what_stays)
{
	struct tmem_tcache *cache = tc_make(10 * SIZE, 0);
	uint64_t i;

	ASSERT_NE(NULL, cache);
	EXPECT_EQ(0, tc_put_as(cache, 1, SIZE, 0, 200)); /* priority */
	EXPECT_EQ(0, tc_put(cache, 2, SIZE)); /* often used */
	EXPECT_EQ(0, tc_put(cache, 3, SIZE / 64)); /* small */
	EXPECT_EQ(0, tc_put(cache, 4, SIZE));
	EXPECT_EQ(0, tc_put(cache, 5, SIZE));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, tc_get(cache, 2));
	for (i = 100; i < 130; i++)
		EXPECT_EQ(0, tc_put(cache, i, SIZE));
	EXPECT_EQ(0, tc_get(cache, 1));
	EXPECT_EQ(0, tc_get(cache, 2));
	EXPECT_EQ(0, tc_get(cache, 3));
	EXPECT_EQ(-ENOENT, tc_get(cache, 4));
	EXPECT_EQ(-ENOENT, tc_get(cache, 5));
	/* And none of them for ever. */
	for (i = 1000; i < 3000; i++)
		EXPECT_EQ(0, tc_put(cache, i, SIZE));
	EXPECT_EQ(-ENOENT, tc_get(cache, 1));
	EXPECT_EQ(-ENOENT, tc_get(cache, 2));
	EXPECT_EQ(-ENOENT, tc_get(cache, 3));
	EXPECT_TRUE(tc_end(cache));
}

/* A loop larger than the cache, which the least recently used never hits. */
TEST(loop)
{
	struct tmem_tcache *cache = tc_make(50 * SIZE, 0);
	struct tmem_tcache_stats s;
	uint64_t i;

	ASSERT_NE(NULL, cache);
	for (i = 0; i < 3000; i++)
		if (tc_get(cache, i % 75))
			EXPECT_EQ(0, tc_put(cache, i % 75, SIZE));
	s = tc_stats(cache);
	printf("# %llu of %llu look-ups hit\n", (unsigned long long)s.hits,
	       (unsigned long long)s.lookups);
	EXPECT_LT(3000 / 5, s.hits);
	EXPECT_TRUE(tc_end(cache));
}

TEST(discard)
{
	struct tmem_tcache *cache = tc_make(LT_MIB, TMEM_TCACHE_MANUAL);
	struct tmem_tcache_pin pin;
	uint64_t i;

	ASSERT_NE(NULL, cache);
	for (i = 0; i < 10; i++)
		ASSERT_EQ(0, tc_put_as(cache, i, SIZE,
				       i % 2 ? TMEM_TCACHE_DISCARDABLE : 0, 0));
	ASSERT_EQ(0, tc_pin(cache, 1, &pin));
	EXPECT_EQ(0, tmem_tcache_pressure(cache, TMEM_LEVEL_MEDIUM));
	EXPECT_EQ(4 * SIZE, tmem_tcache_pressure(cache, TMEM_LEVEL_CRITICAL));
	EXPECT_EQ(0, tmem_tcache_discard(cache));
	EXPECT_TRUE(lt_kept(pin.value, SIZE, 1));
	EXPECT_EQ(0, tmem_tcache_unpin(cache, &pin));
	/* Said once. */
	EXPECT_EQ(-ENODATA, tc_get(cache, 3));
	EXPECT_EQ(-ENOENT, tc_get(cache, 3));
	EXPECT_EQ(-ENODATA, tc_get(cache, 5));
	EXPECT_EQ(0, tc_put(cache, 5, SIZE));
	EXPECT_EQ(0, tc_get(cache, 5));
	EXPECT_EQ(0, tc_get(cache, 1));
	EXPECT_EQ(0, tc_get(cache, 4));
	EXPECT_EQ(4, tc_stats(cache).discards);
	EXPECT_EQ(4 * SIZE, tc_stats(cache).discarded_bytes);
	EXPECT_EQ(2, tc_stats(cache).discarded_lookups);
	EXPECT_TRUE(tc_end(cache));
}

/* Every one of very many, wherever it is. */
TEST(discard_all)
{
	struct tmem_tcache *cache = tc_make(64 * LT_MIB, TMEM_TCACHE_MANUAL);
	uint64_t random = pace_seed(), i, want = 0;
	uint32_t flags;

	ASSERT_NE(NULL, cache);
	for (i = 0; i < 3000; i++) {
		flags = lt_random(&random) % 2;
		want += flags;
		ASSERT_EQ(0, tc_put_as(cache, i, lt_between(&random, 1, 9000),
				       flags, 1 + lt_random(&random) % 255));
	}
	tmem_tcache_discard(cache);
	EXPECT_EQ(want, tc_stats(cache).discards);
	EXPECT_EQ(3000 - want, tc_stats(cache).entries);
	EXPECT_TRUE(tc_end(cache));
}

/* By itself, at the level that the collector knows. */
TEST(by_itself)
{
	struct tmem_tcache *cache = tc_make(LT_MIB, 0);

	ASSERT_NE(NULL, cache);
	ASSERT_EQ(0, tc_put_as(cache, 1, SIZE, TMEM_TCACHE_DISCARDABLE, 0));
	EXPECT_EQ(0, tc_get(cache, 1));
	atomic_store(&tmem_collector.count.level, TMEM_LEVEL_CRITICAL);
	EXPECT_EQ(-ENODATA, tc_get(cache, 1));
	EXPECT_TRUE(tc_end(cache));
	cache = tc_make(LT_MIB, TMEM_TCACHE_MANUAL);
	ASSERT_EQ(0, tc_put_as(cache, 1, SIZE, TMEM_TCACHE_DISCARDABLE, 0));
	EXPECT_EQ(0, tc_get(cache, 1));
	EXPECT_TRUE(tc_end(cache));
}

static bool observe(void *ctx, struct tmem_pool *pool, size_t size)
{
	return tmem_tcache_shrink(ctx, size) > 0;
}

/* The limit of a pool makes the cache smaller, also for its own blocks. */
TEST(limit_observer)
{
	struct tmem_tcache *cache = tc_make(LT_GIB, 0);
	struct tmem_pool_config config = TMEM_POOL_CONFIG_INIT;
	struct tmem_tcache_item item;
	struct tmem_pool *pool;
	uint64_t i;

	ASSERT_NE(NULL, cache);
	config.max_bytes = 16 * LT_MIB;
	pool = tmem_pool_create(&config);
	ASSERT_NE(NULL, pool);
	tmem_set_limit_observer(observe, cache);
	for (i = 0; i < 100; i++) {
		item = tc_item(i, tmem_pool_alloc(pool, LT_MIB), LT_MIB);
		ASSERT_NE(NULL, item.value);
		lt_fill(item.value, LT_MIB, i);
		ASSERT_EQ(0, tmem_tcache_put(cache, &item, NULL));
	}
	EXPECT_GE(16, tc_stats(cache).entries);
	EXPECT_LT(10, tc_stats(cache).entries);
	EXPECT_EQ(0, tc_get(cache, 99));
	tmem_set_limit_observer(NULL, NULL);
	tmem_tcache_destroy(cache);
	tmem_pool_destroy(pool);
	EXPECT_TRUE(heap_empty());
}

TEST_HARNESS_MAIN
