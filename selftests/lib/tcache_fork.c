// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves what the child of a fork() has of its parent's tensor cache: on
 * anonymous memory all of it, on /dev/tmem nothing that its parent could write
 * over; and that the parent's cache stays as it was.
 */
#include "tcache_test.h"

#define SIZE (64 * LT_KIB)

static struct {
	struct tmem_tcache *cache;
	struct tmem_tcache_pin pin;
} forked;

static int in_the_child(void *arg)
{
	bool dev = lt_backend() == TMEM_BACKEND_DEV;

	(void)arg;
	if (!lt_kept(forked.pin.value, SIZE, 1))
		return 1;
	if (tc_get(forked.cache, 2) != (dev ? -ENOENT : 0))
		return 2;
	if (tc_get(forked.cache, 1) != (dev ? -ENOENT : 0))
		return 5;
	if (tc_put(forked.cache, 3, SIZE) || tc_get(forked.cache, 3))
		return 3;
	if (tmem_tcache_unpin(forked.cache, &forked.pin))
		return 4;
	tmem_tcache_destroy(forked.cache);
	return 0;
}

TEST(after_fork)
{
	forked.cache = tc_make(LT_MIB, 0);
	ASSERT_NE(NULL, forked.cache);
	ASSERT_EQ(0, tc_put(forked.cache, 1, SIZE));
	ASSERT_EQ(0, tc_put(forked.cache, 2, SIZE));
	ASSERT_EQ(0, tc_pin(forked.cache, 1, &forked.pin));
	EXPECT_EQ(0, lt_child(in_the_child, NULL));
	EXPECT_EQ(0, tc_get(forked.cache, 2));
	EXPECT_EQ(-ENOENT, tc_get(forked.cache, 3));
	EXPECT_EQ(0, tmem_tcache_unpin(forked.cache, &forked.pin));
	EXPECT_TRUE(tc_end(forked.cache));
}

/* What the child does on /dev/tmem; a compressed value and a pinned one. */
static int inherit_child(void *arg)
{
	struct tmem_tcache_stats s;
	struct lt_log log;

	(void)arg;
	lt_listen(&log);
	tmem_tcache_lock(forked.cache);
	tmem_tcache_inherit(forked.cache);
	tmem_tcache_unlock(forked.cache);
	s = tc_stats(forked.cache);
	if (s.bytes != SIZE || s.entries != 1 || s.pinned_entries != 1 ||
	    s.packed_entries || s.saved_bytes)
		return 1;
	if (tc_get(forked.cache, 1) != -ENOENT ||
	    tc_get(forked.cache, 2) != -ENOENT)
		return 2;
	if (tc_put(forked.cache, 1, SIZE) || tc_get(forked.cache, 1))
		return 3;
	if (!lt_kept(forked.pin.value, SIZE, 1) ||
	    tmem_tcache_unpin(forked.cache, &forked.pin))
		return 4;
	s = tc_stats(forked.cache);
	if (s.bytes != SIZE || s.entries != 1 || atomic_load(&log.lines))
		return 5;
	tmem_tcache_destroy(forked.cache);
	return atomic_load(&log.lines) ? 6 : 0;
}

TEST(inherited)
{
	forked.cache = tc_make(LT_MIB, TMEM_TCACHE_MANUAL);
	ASSERT_NE(NULL, forked.cache);
	ASSERT_EQ(0, tc_put_as(forked.cache, 2, SIZE, TMEM_TCACHE_COMPRESSIBLE,
			       0));
	tc_wait_cold();
	ASSERT_LT(0, tmem_tcache_compress(forked.cache, UINT64_MAX));
	ASSERT_EQ(0, tc_put(forked.cache, 1, SIZE));
	ASSERT_EQ(0, tc_pin(forked.cache, 1, &forked.pin));
	EXPECT_EQ(0, lt_child(inherit_child, NULL));
	EXPECT_EQ(0, tmem_tcache_unpin(forked.cache, &forked.pin));
	EXPECT_TRUE(tc_end(forked.cache));
}

TEST_HARNESS_MAIN
