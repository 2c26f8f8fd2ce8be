// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that threads can share a tensor cache: what one has pinned no other
 * takes away, compresses or moves; who wants a value that another restores gets
 * it, once; what is removed meanwhile goes when nobody needs it any more; and a
 * fork() in the middle of it all leaves child and parent a whole cache.
 */
#include "tcache_test.h"

#define THREADS 4
#define KEYS 64u

static struct {
	struct tmem_tcache *cache;
	atomic_uint bad, started;
	atomic_bool stop;
	unsigned int steps;
} shared;

static void step_get(uint64_t *random, uint64_t key)
{
	struct tmem_tcache_pin pin;
	int err = tc_pin(shared.cache, key, &pin);

	if (!err) {
		if (!lt_kept(pin.value, pin.size, key))
			atomic_fetch_add(&shared.bad, 1);
		if (!(lt_random(random) % 8))
			sched_yield();
		if (!lt_kept(pin.value, pin.size, key))
			atomic_fetch_add(&shared.bad, 1);
		if (tmem_tcache_unpin(shared.cache, &pin))
			atomic_fetch_add(&shared.bad, 1);
		return;
	}
	if (err != -ENOENT && err != -ENODATA && err != -ENOSPC)
		atomic_fetch_add(&shared.bad, 1);
	err = tc_put_as(shared.cache, key, 20 * LT_KIB + key * 1000,
			(uint32_t)(lt_random(random) % 4), 0);
	if (err && err != -EEXIST && err != -ENOSPC)
		atomic_fetch_add(&shared.bad, 1);
}

static void thread_step(uint64_t *random)
{
	struct tmem_tcache_stats s;
	uint64_t key = lt_random(random) % KEYS;

	switch (lt_random(random) % 64) {
	case 0:
	case 1:
		tmem_tcache_compress(shared.cache, 500);
		break;
	case 2:
		tmem_tcache_discard(shared.cache);
		break;
	case 3:
		tc_remove(shared.cache, key);
		break;
	case 4:
		tmem_tcache_shrink(shared.cache, 100 * LT_KIB);
		break;
	case 5:
		s = tc_stats(shared.cache);
		if (s.bytes > s.max_bytes || s.peak_bytes > LT_MIB)
			atomic_fetch_add(&shared.bad, 1);
		break;
	default:
		step_get(random, key);
	}
}

static void *thread_run(void *arg)
{
	uint64_t random = (uintptr_t)arg;
	unsigned int i;

	atomic_fetch_add(&shared.started, 1);
	for (i = 0; i < shared.steps && !atomic_load(&shared.stop); i++)
		thread_step(&random);
	return NULL;
}

static bool threads_make(pthread_t *thread, uint64_t seed)
{
	uintptr_t i;

	for (i = 0; i < THREADS; i++)
		if (pthread_create(&thread[i], NULL, thread_run,
				   (void *)(uintptr_t)(seed + i)))
			return false;
	return true;
}

static void threads_join(pthread_t *thread)
{
	unsigned int i;

	for (i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
}

TEST(together)
{
	pthread_t thread[THREADS];
	struct tmem_tcache_stats s;

	shared.cache = tc_make(LT_MIB, TMEM_TCACHE_MANUAL);
	shared.steps = LT_COUNT(6000, 1000);
	ASSERT_NE(NULL, shared.cache);
	PACE_ROUNDS(1) {
		ASSERT_TRUE(threads_make(thread, pace_seed()));
		threads_join(thread);
	}
	s = tc_stats(shared.cache);
	printf("# %llu look-ups, %llu hits, %llu compressions, %llu restores\n",
	       (unsigned long long)s.lookups, (unsigned long long)s.hits,
	       (unsigned long long)s.compressions,
	       (unsigned long long)s.restores);
	EXPECT_EQ(0, atomic_load(&shared.bad));
	EXPECT_EQ(0, s.pinned_entries);
	EXPECT_EQ(0, s.pinned_bytes);
	EXPECT_EQ(s.bytes, lt_stats().live_bytes);
	EXPECT_TRUE(tc_end(shared.cache));
}

static void *let_it_go(void *arg)
{
	if (tmem_tcache_unpin(shared.cache, arg))
		atomic_fetch_add(&shared.bad, 1);
	return arg;
}

/* One thread puts and pins, another one lets go: a pin is nobody's own. */
TEST(handed_over)
{
	struct tmem_tcache_item item;
	struct tmem_tcache_pin pin, more;
	pthread_t thread;

	shared.cache = tc_make(LT_MIB, TMEM_TCACHE_MANUAL);
	ASSERT_NE(NULL, shared.cache);
	item = tc_item(1, lt_filled(LT_MIB, 1), LT_MIB);
	ASSERT_EQ(0, tmem_tcache_put(shared.cache, &item, &pin));
	ASSERT_EQ(0, tc_pin(shared.cache, 1, &more));
	ASSERT_EQ(0, pthread_create(&thread, NULL, let_it_go, &pin));
	pthread_join(thread, NULL);
	EXPECT_EQ(0, atomic_load(&shared.bad));
	EXPECT_EQ(-ENOSPC, tc_put(shared.cache, 2, 1));
	ASSERT_EQ(0, pthread_create(&thread, NULL, let_it_go, &more));
	pthread_join(thread, NULL);
	EXPECT_EQ(0, atomic_load(&shared.bad));
	EXPECT_EQ(-EINVAL, tmem_tcache_unpin(shared.cache, &more));
	EXPECT_EQ(0, tc_put(shared.cache, 2, 1));
	EXPECT_TRUE(tc_end(shared.cache));
}

static void *want_it(void *arg)
{
	if (tc_get(shared.cache, 1))
		atomic_fetch_add(&shared.bad, 1);
	return arg;
}

/* Many want the same compressed value: it is restored once. */
TEST(restored_once)
{
	pthread_t thread[THREADS];
	unsigned int i, round;

	shared.cache = tc_make(64 * LT_MIB, TMEM_TCACHE_MANUAL);
	ASSERT_NE(NULL, shared.cache);
	ASSERT_EQ(0, tc_put_as(shared.cache, 1, 4 * LT_MIB,
			       TMEM_TCACHE_COMPRESSIBLE, 0));
	for (round = 1; round <= 5; round++) {
		tc_wait_cold();
		ASSERT_LT(0, tmem_tcache_compress(shared.cache, UINT64_MAX));
		for (i = 0; i < THREADS; i++)
			ASSERT_EQ(0, pthread_create(&thread[i], NULL, want_it,
						    NULL));
		threads_join(thread);
		EXPECT_EQ(round, tc_stats(shared.cache).restores);
	}
	EXPECT_EQ(0, atomic_load(&shared.bad));
	EXPECT_TRUE(tc_end(shared.cache));
}

static int in_the_child(void *arg)
{
	uint64_t random = 1;
	unsigned int i;

	(void)arg;
	atomic_store(&shared.bad, 0);
	for (i = 0; i < 200; i++)
		thread_step(&random);
	if (atomic_load(&shared.bad))
		return 1;
	tmem_tcache_destroy(shared.cache);
	return tmem_check() ? 2 : 0;
}

TEST(fork_among_threads)
{
	pthread_t thread[THREADS];

	if (LT_TSAN)
		SKIP(return, "ThreadSanitizer does not follow into the child");
	shared.cache = tc_make(LT_MIB, TMEM_TCACHE_MANUAL);
	shared.steps = UINT32_MAX;
	ASSERT_NE(NULL, shared.cache);
	ASSERT_TRUE(threads_make(thread, pace_seed()));
	/* Of a thread that is being made the child would know nothing. */
	EXPECT_TRUE(PACE_UNTIL(atomic_load(&shared.started) == THREADS));
	PACE_ROUNDS(LT_COUNT(10, 4)) {
		EXPECT_EQ(0, lt_child(in_the_child, NULL));
	}
	atomic_store(&shared.stop, true);
	threads_join(thread);
	EXPECT_EQ(0, atomic_load(&shared.bad));
	EXPECT_TRUE(tc_end(shared.cache));
}

TEST_HARNESS_MAIN
