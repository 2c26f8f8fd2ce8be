// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves what tmem/cache.h says of keys, pins and refusals: values come back as
 * they were, what is refused stays the caller's, what is pinned stays, and
 * nothing is left when a cache ends.
 */
#include "tcache_test.h"

#define SIZE (64 * LT_KIB)

TEST(create)
{
	struct tmem_tcache_config config = TMEM_TCACHE_CONFIG_INIT;
	struct tmem_tcache *cache = NULL;

	ASSERT_EQ(0, heap_init());
	EXPECT_EQ(-EINVAL, tmem_tcache_create(&config, &cache));
	config.max_bytes = 1;
	config.flags = 2;
	EXPECT_EQ(-EINVAL, tmem_tcache_create(&config, &cache));
	config.flags = 0;
	config.struct_size = 1;
	EXPECT_EQ(-EINVAL, tmem_tcache_create(&config, &cache));
	EXPECT_EQ(NULL, cache);
	config.struct_size = sizeof(config);
	EXPECT_EQ(0, tmem_tcache_create(&config, &cache));
	EXPECT_EQ(1, tc_stats(cache).max_bytes);
	EXPECT_TRUE(tc_end(cache));
	tmem_tcache_destroy(NULL);
}

TEST(put_and_get)
{
	struct tmem_tcache *cache = tc_make(LT_MIB, 0);
	struct tmem_tcache_stats s;
	struct tmem_tcache_pin pin, old;

	ASSERT_NE(NULL, cache);
	EXPECT_EQ(-ENOENT, tc_get(cache, 1));
	EXPECT_EQ(0, tc_put(cache, 1, SIZE));
	EXPECT_EQ(-EEXIST, tc_put(cache, 1, SIZE));
	EXPECT_EQ(0, tc_get(cache, 1));
	EXPECT_EQ(0, tc_pin(cache, 1, &pin));
	EXPECT_EQ(SIZE, pin.size);
	EXPECT_EQ(1, tc_stats(cache).pinned_entries);
	EXPECT_EQ(SIZE, tc_stats(cache).pinned_bytes);
	EXPECT_EQ(0, tmem_tcache_unpin(cache, &pin));
	EXPECT_EQ(-EINVAL, tmem_tcache_unpin(cache, &pin));
	old = pin;
	EXPECT_EQ(0, tc_remove(cache, 1));
	EXPECT_EQ(-ENOENT, tc_remove(cache, 1));
	EXPECT_EQ(-EINVAL, tmem_tcache_unpin(cache, &old));
	/* The record is another value's now. */
	EXPECT_EQ(0, tc_put(cache, 2, SIZE));
	EXPECT_EQ(0, tc_pin(cache, 2, &pin));
	EXPECT_EQ(-EINVAL, tmem_tcache_unpin(cache, &old));
	EXPECT_EQ(0, tmem_tcache_unpin(cache, &pin));
	memset(&pin, 0, sizeof(pin));
	EXPECT_EQ(-EINVAL, tmem_tcache_unpin(cache, &pin));
	s = tc_stats(cache);
	EXPECT_EQ(4, s.lookups);
	EXPECT_EQ(3, s.hits);
	EXPECT_EQ(2, s.puts);
	EXPECT_EQ(1, s.entries);
	EXPECT_EQ(0, s.pinned_entries);
	EXPECT_EQ(SIZE, s.bytes);
	EXPECT_TRUE(tc_end(cache));
}

/* Put and pinned in one; two pins; freed by nobody before the last. */
TEST(pins)
{
	struct tmem_tcache *cache = tc_make(LT_MIB, 0);
	struct tmem_tcache_item item;
	struct tmem_tcache_pin a, b;

	ASSERT_NE(NULL, cache);
	item = tc_item(7, lt_filled(SIZE, 7), SIZE);
	ASSERT_EQ(0, tmem_tcache_put(cache, &item, &a));
	EXPECT_EQ(item.value, a.value);
	ASSERT_EQ(0, tc_pin(cache, 7, &b));
	EXPECT_EQ(0, tc_remove(cache, 7));
	EXPECT_EQ(-ENOENT, tc_get(cache, 7));
	/* The key is free for another. */
	EXPECT_EQ(0, tc_put(cache, 7, SIZE));
	EXPECT_EQ(2 * SIZE, tc_stats(cache).bytes);
	EXPECT_EQ(0, tmem_tcache_unpin(cache, &a));
	EXPECT_TRUE(lt_kept(b.value, SIZE, 7));
	EXPECT_EQ(2 * SIZE, tc_stats(cache).bytes);
	EXPECT_EQ(0, tmem_tcache_unpin(cache, &b));
	EXPECT_EQ(SIZE, tc_stats(cache).bytes);
	EXPECT_EQ(0, tc_get(cache, 7));
	EXPECT_TRUE(tc_end(cache));
}

TEST(bad_items)
{
	struct tmem_tcache *cache = tc_make(LT_MIB, 0);
	struct tmem_tcache_item good, bad;
	char *block, *view;

	ASSERT_NE(NULL, cache);
	block = lt_filled(SIZE, 1);
	good = tc_item(1, block, SIZE);
#define REFUSED(field, wrong)                                           \
	do {                                                            \
		bad = good;                                             \
		bad.field = wrong;                                      \
		EXPECT_EQ(-EINVAL, tmem_tcache_put(cache, &bad, NULL)); \
	} while (0)
	REFUSED(struct_size, 0);
	REFUSED(value, NULL);
	REFUSED(value, block + 64);
	REFUSED(value, &bad);
	REFUSED(size, SIZE + 1);
	REFUSED(align, 3);
	REFUSED(align, 2 * LT_GIB);
	REFUSED(width, 3);
	REFUSED(width, 16);
	REFUSED(priority, 256);
	REFUSED(flags, 4);
	REFUSED(key_size, 1);
	REFUSED(key_bytes, "");
	/* A view is nobody's to compress. */
	view = tmem_seal(NULL, lt_filled(SIZE, 2), SIZE, 0);
	ASSERT_NE(NULL, view);
	REFUSED(value, view);
	EXPECT_EQ(0, tmem_unseal(view));
	EXPECT_EQ(-EINVAL, tmem_tcache_get(cache, &good.key, NULL, 0, NULL));
	EXPECT_EQ(-EINVAL, tmem_tcache_get(cache, &good.key, "", 0, NULL));
	EXPECT_EQ(-EINVAL, tmem_tcache_remove(cache, &good.key, "", 0));
	EXPECT_EQ(0, tc_stats(cache).entries);
	EXPECT_TRUE(lt_kept(block, SIZE, 1));
	EXPECT_EQ(0, tmem_tcache_put(cache, &good, NULL));
	EXPECT_EQ(0, tc_get(cache, 1));
	EXPECT_TRUE(tc_end(cache));
}

TEST(zero_size)
{
	struct tmem_tcache *cache = tc_make(LT_KIB, 0);
	struct tmem_tcache_pin pin;
	uint64_t i;

	ASSERT_NE(NULL, cache);
	for (i = 0; i < 100; i++) {
		EXPECT_EQ(0, tc_put(cache, i, 0));
		EXPECT_GE(LT_KIB, tc_stats(cache).bytes);
	}
	EXPECT_EQ(LT_KIB / 64, tc_stats(cache).entries);
	EXPECT_EQ(0, tc_pin(cache, 99, &pin));
	EXPECT_EQ(0, pin.size);
	EXPECT_NE(NULL, pin.value);
	EXPECT_EQ(0, tmem_tcache_unpin(cache, &pin));
	EXPECT_TRUE(tc_end(cache));
}

static bool same(struct tmem_tcache_key a, struct tmem_tcache_key b)
{
	return a.word[0] == b.word[0] && a.word[1] == b.word[1];
}

TEST(key_maker)
{
	const uint64_t shape[] = { 3, 4, 5 }, other[] = { 3, 5, 4 };
	struct tmem_tcache_key key =
		tmem_tcache_key_make(1, 3, shape, "tag", 3);

	EXPECT_TRUE(same(key, tmem_tcache_key_make(1, 3, shape, "tag", 3)));
	EXPECT_FALSE(same(key, tmem_tcache_key_make(2, 3, shape, "tag", 3)));
	EXPECT_FALSE(same(key, tmem_tcache_key_make(1, 2, shape, "tag", 3)));
	EXPECT_FALSE(same(key, tmem_tcache_key_make(1, 3, other, "tag", 3)));
	EXPECT_FALSE(same(key, tmem_tcache_key_make(1, 3, shape, "tag", 2)));
	EXPECT_FALSE(same(key, tmem_tcache_key_make(1, 3, shape, "tab", 3)));
	/* A length of the shape is not a part of the tag. */
	EXPECT_FALSE(same(tmem_tcache_key_make(1, 1, shape, shape + 1, 8),
			  tmem_tcache_key_make(1, 2, shape, NULL, 0)));
	EXPECT_TRUE(same(tmem_tcache_key_make(0, 0, NULL, NULL, 0),
			 tmem_tcache_key_make(0, 0, shape, "x", 0)));
}

TEST(collision)
{
	struct tmem_tcache *cache = tc_make(LT_MIB, 0);
	struct tmem_tcache_item item;
	struct tmem_tcache_key key = tc_key(1);
	struct tmem_tcache_pin pin;
	char *other;

	ASSERT_NE(NULL, cache);
	item = tc_item(1, lt_filled(SIZE, 1), SIZE);
	item.key_bytes = "f32[4,4] w";
	item.key_size = 10;
	ASSERT_EQ(0, tmem_tcache_put(cache, &item, NULL));
	/* The copy of the bytes counts. */
	EXPECT_EQ(SIZE + 64, tc_stats(cache).bytes);
	EXPECT_EQ(0, tmem_tcache_get(cache, &key, "f32[4,4] w", 10, &pin));
	EXPECT_EQ(0, tmem_tcache_unpin(cache, &pin));
	EXPECT_EQ(-ENOTUNIQ,
		  tmem_tcache_get(cache, &key, "f32[4,4] x", 10, &pin));
	EXPECT_EQ(-ENOTUNIQ,
		  tmem_tcache_get(cache, &key, "f32[4,4] w", 9, &pin));
	EXPECT_EQ(-ENOTUNIQ, tmem_tcache_remove(cache, &key, "f32[4,4] x", 10));
	EXPECT_EQ(0, tc_get(cache, 1));
	other = lt_filled(SIZE, 2);
	item.value = other;
	item.key_bytes = "f32[4,4] x";
	EXPECT_EQ(-ENOTUNIQ, tmem_tcache_put(cache, &item, NULL));
	EXPECT_TRUE(lt_kept(other, SIZE, 2));
	tmem_free(other);
	EXPECT_EQ(4, tc_stats(cache).collisions);
	EXPECT_EQ(0, tc_get(cache, 1));
	EXPECT_TRUE(tc_end(cache));
}

/* Programs that know fewer figures, and none. */
TEST(stats_size)
{
	struct tmem_tcache *cache = tc_make(LT_MIB, 0);
	struct tmem_tcache_stats s;

	ASSERT_NE(NULL, cache);
	EXPECT_EQ(-ENOENT, tc_get(cache, 1));
	memset(&s, 0xee, sizeof(s));
	s.struct_size = offsetof(struct tmem_tcache_stats, hits);
	EXPECT_EQ(0, tmem_tcache_stats_get(cache, &s));
	EXPECT_EQ(1, s.lookups);
	EXPECT_EQ(0xeeeeeeeeeeeeeeeeULL, s.hits);
	s.struct_size = 0;
	EXPECT_EQ(-EINVAL, tmem_tcache_stats_get(cache, &s));
	EXPECT_TRUE(tc_end(cache));
}

TEST_HARNESS_MAIN
