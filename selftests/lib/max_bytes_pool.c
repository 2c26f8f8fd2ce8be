// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that max_bytes is a pool's limit: the memory held never exceeds it, as
 * the library counts and as the kernel does; what is idle or in other threads'
 * caches is given back before a request is refused; the observer is asked
 * before that, and its word is taken; the refusal is ENOMEM and costs nothing,
 * and whatever is freed can be had again.
 */
#include "max_bytes.h"

static struct tmem_pool *limited_pool(size_t max_bytes)
{
	struct tmem_pool_config config = TMEM_POOL_CONFIG_INIT;

	config.max_bytes = max_bytes;
	return tmem_pool_create(&config);
}

FIXTURE(pool)
{
	struct tmem_pool *pool;
	struct observed seen;
	void *block[4096];
};

FIXTURE_SETUP(pool)
{
	ASSERT_EQ(0, heap_init());
	memset(&self->seen, 0, sizeof(self->seen));
	self->pool = limited_pool(LIMIT);
	ASSERT_NE(NULL, self->pool);
	tmem_set_limit_observer(observe, &self->seen);
}

FIXTURE_TEARDOWN(pool)
{
	tmem_set_limit_observer(NULL, NULL);
	tmem_pool_destroy(self->pool);
	EXPECT_EQ(0U, lt_stats().misuse);
	EXPECT_TRUE(heap_whole(300));
	EXPECT_TRUE(heap_empty());
}

/* Exactly as many blocks as go in, of each size; then ENOMEM. */
TEST_F(pool, is_a_limit)
{
	/* clang-format off */
	static const struct {
		size_t size, count;
	} fits[] = {
		{ LT_SPAN, 16 }, { 4 * LT_MIB, 8 }, { LIMIT, 1 },
		{ LT_MIB, 32 }, { 512 * LT_KIB, 64 }, { 6 * LT_MIB, 5 },
	};
	/* clang-format on */
	size_t i, n;

	for (i = 0; i < ARRAY_SIZE(fits); i++) {
		self->seen.asked = 0;
		n = fill(self->pool, self->block, 4096, fits[i].size);
		EXPECT_EQ(ENOMEM, errno);
		EXPECT_EQ(fits[i].count, n) TH_LOG("of %zu", fits[i].size);
		EXPECT_EQ(1U, atomic_load(&self->seen.asked));
		EXPECT_EQ(self->pool, self->seen.pool);
		EXPECT_EQ(fits[i].size, self->seen.size);
		EXPECT_GE(LIMIT, lt_residency().resident);
		EXPECT_GE(LIMIT, lt_stats().held_bytes);
		EXPECT_EQ(0, tmem_check());
		EXPECT_TRUE(drop(self->block, n, fits[i].size));
	}
	EXPECT_EQ(NULL, tmem_pool_alloc(self->pool, LIMIT + 1));
	EXPECT_EQ(ENOMEM, errno);
	EXPECT_EQ(ARRAY_SIZE(fits) + 1, lt_stats().failures);
}

TEST_F(pool, small_blocks_too)
{
	/* clang-format off */
	static const size_t sizes[] = { 32 * LT_KIB, 40 * LT_KIB, 12000 };
	/* clang-format on */
	size_t i, n;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		n = fill(self->pool, self->block, 4096, sizes[i]);
		EXPECT_EQ(ENOMEM, errno);
		EXPECT_GE(LIMIT, n * sizes[i]);
		/* Little of it is lost. */
		EXPECT_LE(LIMIT / 8 * 7, n * sizes[i])
		TH_LOG("%zu of %zu", n, sizes[i]);
		EXPECT_GE(LIMIT, lt_residency().resident);
		EXPECT_GE(LIMIT, lt_stats().held_bytes);
		EXPECT_TRUE(drop(self->block, n, sizes[i]));
	}
}

/* Other pools have what they want. */
TEST_F(pool, is_not_the_others_limit)
{
	size_t n = fill(self->pool, self->block, 16, LT_SPAN), i;
	void *other[20];

	EXPECT_EQ(16U, n);
	for (i = 0; i < 20; i++) {
		other[i] = lt_filled(3 * LT_MIB, i);
		ASSERT_NE(NULL, other[i]);
	}
	EXPECT_EQ(NULL, tmem_pool_alloc(self->pool, LT_SPAN));
	EXPECT_TRUE(drop(other, 20, 3 * LT_MIB));
	EXPECT_TRUE(drop(self->block, n, LT_SPAN));
}

/* In whatever pieces it was freed. */
TEST_F(pool, freed_memory_can_be_had)
{
	size_t n, i, k, round;
	void *large;

	for (round = 0; round < 3; round++) {
		n = fill(self->pool, self->block, 4096, LT_MIB);
		EXPECT_EQ(32U, n);
		/* Every other one stays, so that no span is empty. */
		for (i = 0; i < n; i += 2)
			tmem_free(self->block[i]);
		for (i = 0, k = 0; i < n; i += 2) {
			self->block[i] = tmem_pool_alloc(self->pool, LT_MIB);
			k += self->block[i] != NULL;
		}
		EXPECT_EQ(16U, k);
		for (i = 0; i < n; i++)
			tmem_free(self->block[i]);
		large = tmem_pool_alloc(self->pool, LIMIT);
		EXPECT_NE(NULL, large);
		if (large)
			memset(large, 1, LIMIT);
		EXPECT_GE(LIMIT, lt_residency().resident);
		tmem_free(large);
	}
	EXPECT_EQ(3U, atomic_load(&self->seen.asked));
}

/* All calls know it; a block that cannot grow stays as it is. */
TEST_F(pool, realloc_stays_below_it)
{
	char *a = tmem_pool_alloc(self->pool, 20 * LT_MIB), *b;

	ASSERT_NE(NULL, a);
	lt_fill(a, 20 * LT_MIB, 1);
	errno = 0;
	EXPECT_EQ(NULL, tmem_realloc(a, 33 * LT_MIB));
	EXPECT_EQ(ENOMEM, errno);
	EXPECT_TRUE(lt_kept(a, 20 * LT_MIB, 1));
	b = tmem_realloc(a, 5 * LT_MIB);
	ASSERT_NE(NULL, b);
	EXPECT_TRUE(lt_kept_to(b, 20 * LT_MIB, 5 * LT_MIB, 1));
	EXPECT_GE(LIMIT, lt_residency().resident);
	tmem_free(b);
}

/* It says yes, but nothing has changed; then no. */
TEST_F(pool, the_observer_is_asked_again)
{
	size_t n = fill(self->pool, self->block, 16, LT_SPAN);

	EXPECT_EQ(16U, n);
	EXPECT_EQ(0U, atomic_load(&self->seen.asked));
	self->seen.yes = 3;
	EXPECT_EQ(NULL, tmem_pool_alloc(self->pool, 100000));
	EXPECT_EQ(4U, atomic_load(&self->seen.asked));
	EXPECT_EQ(100000U, self->seen.size);
	EXPECT_TRUE(drop(self->block, n, LT_SPAN));
}

/* It frees something, and says yes. */
TEST_F(pool, the_observer_makes_room)
{
	size_t n = fill(self->pool, self->block, 16, LT_SPAN);
	void *more;

	ASSERT_EQ(16U, n);
	self->seen.yes = 1;
	self->seen.give = self->block[15];
	more = tmem_pool_alloc(self->pool, LT_SPAN);
	EXPECT_NE(NULL, more);
	EXPECT_EQ(1U, atomic_load(&self->seen.asked));
	EXPECT_EQ(0U, lt_stats().failures);
	tmem_free(more);
	EXPECT_TRUE(drop(self->block, n - 1, LT_SPAN));
}

/* What another thread has in its caches is not live. */
struct cached {
	struct tmem_pool *pool;
	pthread_barrier_t wait;
	bool bad;
};

static void *cached_run(void *arg)
{
	struct cached *c = arg;
	void *block[6000];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(block); i++) {
		block[i] = tmem_pool_alloc(c->pool, 5000);
		c->bad |= !block[i];
	}
	for (i = 0; i < ARRAY_SIZE(block); i++)
		tmem_free(block[i]);
	pthread_barrier_wait(&c->wait);
	pthread_barrier_wait(&c->wait);
	/* They are there for it as before. */
	for (i = 0; i < 100; i++) {
		block[i] = tmem_pool_alloc(c->pool, 5000);
		c->bad |= !block[i];
	}
	for (i = 0; i < 100; i++)
		tmem_free(block[i]);
	return NULL;
}

TEST_F(pool, another_threads_caches)
{
	struct cached c = { .pool = self->pool };
	pthread_t id;
	void *large;

	pthread_barrier_init(&c.wait, NULL, 2);
	ASSERT_EQ(0, pthread_create(&id, NULL, cached_run, &c));
	pthread_barrier_wait(&c.wait);
	large = tmem_pool_alloc(self->pool, LIMIT);
	EXPECT_NE(NULL, large);
	EXPECT_EQ(0U, atomic_load(&self->seen.asked));
	tmem_free(large);
	pthread_barrier_wait(&c.wait);
	pthread_join(id, NULL);
	EXPECT_FALSE(c.bad);
}

TEST_HARNESS_MAIN
