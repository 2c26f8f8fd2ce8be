// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that max_bytes is a limit of all pools together, as tmem_config or the
 * environment sets it: by any number of threads at once, no more is held;
 * one pool's idle memory is given back when another needs it.
 */
#include "max_bytes.h"

static int init_limited(size_t max_bytes)
{
	struct tmem_config config = TMEM_CONFIG_INIT;

	setenv("TMEM_GC", "off", 1);
	config.backend = lt_backend();
	config.max_bytes = max_bytes;
	return tmem_init(&config);
}

FIXTURE(all)
{
	struct observed seen;
	void *block[64];
};

FIXTURE_SETUP(all)
{
	ASSERT_EQ(0, init_limited(LIMIT));
	memset(&self->seen, 0, sizeof(self->seen));
	tmem_set_limit_observer(observe, &self->seen);
}

FIXTURE_TEARDOWN(all)
{
	tmem_set_limit_observer(NULL, NULL);
	EXPECT_TRUE(heap_whole(300));
	EXPECT_TRUE(heap_empty());
}

TEST_F(all, is_a_limit)
{
	struct tmem_pool *pool = tmem_pool_create(NULL);
	size_t n = fill(NULL, self->block, 8, LT_SPAN);

	EXPECT_EQ(8U, n);
	n += fill(pool, self->block + n, 50, LT_SPAN);
	EXPECT_EQ(16U, n);
	EXPECT_EQ(ENOMEM, errno);
	EXPECT_EQ(NULL, tmem_alloc(1));
	EXPECT_EQ(NULL, tmem_zalloc(50000));
	EXPECT_EQ(NULL, tmem_aligned_alloc(4 * LT_MIB, 100));
	EXPECT_EQ(ENOMEM, errno);
	EXPECT_EQ(4U, atomic_load(&self->seen.asked));
	EXPECT_GE(LIMIT, lt_residency().resident);
	tmem_free(self->block[8]);
	self->block[8] = tmem_alloc(LT_SPAN);
	EXPECT_NE(NULL, self->block[8]);
	for (n = 0; n < 16; n++)
		tmem_free(self->block[n]);
	tmem_pool_destroy(pool);
}

/* One pool's idle memory is given back when another needs it. */
TEST_F(all, idle_memory_of_another_pool)
{
	struct tmem_pool *a = tmem_pool_create(NULL), *b;
	void *block = tmem_pool_alloc(a, 30 * LT_MIB), *small;

	b = tmem_pool_create(NULL);
	ASSERT_NE(NULL, block);
	memset(block, 1, 30 * LT_MIB);
	tmem_free(block);
	block = tmem_pool_alloc(b, 30 * LT_MIB);
	ASSERT_NE(NULL, block);
	memset(block, 2, 30 * LT_MIB);
	EXPECT_EQ(0U, atomic_load(&self->seen.asked));
	EXPECT_GE(LIMIT, lt_residency().resident);
	EXPECT_GE(LIMIT, lt_stats().held_bytes);
	tmem_free(block);
	small = tmem_alloc(100);
	EXPECT_NE(NULL, small);
	tmem_free(small);
	tmem_pool_destroy(a);
	tmem_pool_destroy(b);
}

/* By many at once: a request is refused, or the limit is kept. */
struct runner {
	uint64_t random;
	atomic_uint *running;
	uint64_t served, refused;
	bool bad;
};

static void *runner_run(void *arg)
{
	struct heap_block block[20] = { { .at = NULL } };
	struct runner *r = arg;
	size_t i, size;
	void *at;

	PACE_ROUNDS(LT_COUNT(20000, 4000)) {
		if (r->bad)
			break;
		i = lt_random(&r->random) % 20;
		if (block[i].at) {
			r->bad |= !heap_block_free(&block[i]);
			continue;
		}
		size = heap_size(&r->random, 4 * LT_MIB);
		at = tmem_alloc(size);
		r->served += at != NULL;
		r->refused += !at;
		r->bad |= at && !heap_block_take(&block[i], at, size, i);
	}
	for (i = 0; i < 20; i++)
		r->bad |= !heap_block_free(&block[i]);
	atomic_fetch_sub(r->running, 1);
	return NULL;
}

TEST_F(all, by_many_at_once)
{
	uint64_t seed = pace_seed(), most = 0, served = 0;
	atomic_uint running = 4;
	struct runner runner[4];
	struct tmem_stats s;
	pthread_t id[4];
	size_t i;

	self->seen.many = true;
	for (i = 0; i < 4; i++) {
		runner[i] = (struct runner){ .random = seed + (i << 40),
					     .running = &running };
		ASSERT_EQ(0,
			  pthread_create(&id[i], NULL, runner_run, &runner[i]));
	}
	while (atomic_load(&running)) {
		s = lt_stats();
		most = s.held_bytes > most ? s.held_bytes : most;
		sched_yield();
	}
	EXPECT_GE(LIMIT, most);
	for (i = 0; i < 4; i++) {
		pthread_join(id[i], NULL);
		EXPECT_FALSE(runner[i].bad);
		served += runner[i].served;
		TH_LOG("%llu served, %llu refused",
		       (unsigned long long)runner[i].served,
		       (unsigned long long)runner[i].refused);
	}
	EXPECT_LT(0U, served);
	EXPECT_GE(LIMIT, lt_residency().resident);
}

/* --- as the environment says ----------------------------------------------- */

struct word {
	const char *text;
	size_t bytes; /* 0: refused */
};

static int says(void *arg)
{
	const struct word *word = arg;
	size_t n = 0;
	int err;

	setenv("TMEM_MAX_BYTES", word->text, 1);
	err = heap_init();
	if (err)
		return err == -EINVAL && !word->bytes ? 0 : 10;
	if (!word->bytes)
		return 11;
	while (n < 100 && tmem_alloc(LT_SPAN))
		n++;
	return n * LT_SPAN == word->bytes ? 0 : 12;
}

TEST(environment)
{
	struct word words[] = {
		{ "8M", 8 * LT_MIB },
		{ "12288K", 12 * LT_MIB },
		{ "8388608", 8 * LT_MIB },
		{ "8m", 0 },
		{ "-1", 0 },
		{ "8X", 0 },
		{ "M", 0 },
		{ "8MB", 0 },
		{ "99999999999999999999", 0 },
		{ "99999999999G", 0 },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(words); i++) {
		EXPECT_EQ(0, lt_child(says, &words[i]))
		TH_LOG("TMEM_MAX_BYTES=%s", words[i].text);
	}
}

TEST_HARNESS_MAIN
