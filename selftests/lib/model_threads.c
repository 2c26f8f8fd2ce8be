// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves the allocator against a model of it with many threads: each has a
 * list of the blocks it knows everything of, hands some to others, which free
 * or grow them, and takes some in.  Threads end after some hundred steps, with
 * their caches full; another one goes on with their list.  All strategies'
 * pools are shared by all; each list has one more pool, which goes with
 * everything that is in it now and then.  Another thread trims, asks and checks
 * the heap's invariants meanwhile.
 */
#include "heap_test.h"

#define LANES 6
#define LANE_BLOCKS 128
#define BOXES 32
#define POOLS 6 /* the default one, and one of each strategy */

struct world;

/* A list of blocks, and the thread that has it now. */
struct lane {
	struct world *world;
	pthread_t id;
	uint64_t random, steps;
	size_t own_blocks;
	struct tmem_pool *own;
	struct heap_block block[LANE_BLOCKS], in_own[LANE_BLOCKS / 4];
};

struct world {
	struct tmem_pool *pool[POOLS];
	struct heap_block *_Atomic box[BOXES];
	size_t size_max, bytes_max;
	unsigned int heirs; /* threads that follow each other in a lane */
	atomic_uint wrong;
	_Atomic(uint64_t) bytes, steps, threads, handed;
	atomic_bool stop;
	struct lane lane[LANES];
};

static void wrong(struct world *w, const char *what)
{
	if (!atomic_fetch_add(&w->wrong, 1))
		printf("# %s\n", what);
}

static struct tmem_pool *pool_of(enum tmem_strategy strategy)
{
	struct tmem_pool_config config = TMEM_POOL_CONFIG_INIT;

	config.strategy = strategy;
	return tmem_pool_create(&config);
}

static void *some_memory(struct lane *lane, size_t size)
{
	struct world *w = lane->world;
	size_t align;
	char *at;

	switch (lt_random(&lane->random) % 8) {
	case 0:
		at = tmem_zalloc(size);
		if (at && !lt_zero(at, tmem_usable_size(at)))
			wrong(w, "tmem_zalloc() gave something");
		return at;
	case 1:
		align = (size_t)1 << lt_random(&lane->random) % 23;
		at = tmem_aligned_alloc(align, size);
		if ((uintptr_t)at % align)
			wrong(w, "tmem_aligned_alloc() did not");
		return at;
	default:
		return tmem_pool_alloc(
			w->pool[lt_random(&lane->random) % POOLS], size);
	}
}

static void lane_alloc(struct lane *lane, struct heap_block *b)
{
	size_t size = heap_size(&lane->random, lane->world->size_max);

	if (lane->world->bytes + size > lane->world->bytes_max)
		size = 1 + size % 8192;
	if (!heap_block_take(b, some_memory(lane, size), size,
			     lt_random(&lane->random)))
		wrong(lane->world, "no block, or not what was asked for");
	atomic_fetch_add(&lane->world->bytes, b->usable);
}

static void lane_free(struct lane *lane, struct heap_block *b)
{
	atomic_fetch_sub(&lane->world->bytes, b->usable);
	if (!heap_block_free(b))
		wrong(lane->world, "a block's contents have changed");
}

static void lane_realloc(struct lane *lane, struct heap_block *b)
{
	size_t size = heap_size(&lane->random, lane->world->size_max / 2);
	size_t old = b->usable, least = size < old ? size : old;
	char *at;

	if (!heap_block_kept(b))
		wrong(lane->world, "a block's contents have changed");
	at = tmem_realloc(b->at, size);
	if (at && !lt_kept_to(at, old, least, b->tag))
		wrong(lane->world, "tmem_realloc() lost contents");
	atomic_fetch_sub(&lane->world->bytes, old);
	if (!heap_block_take(b, at, size, lt_random(&lane->random)))
		wrong(lane->world, "no block from tmem_realloc()");
	atomic_fetch_add(&lane->world->bytes, b->usable);
}

/* The block goes into a box; what was there becomes the lane's. */
static void lane_swap(struct lane *lane, struct heap_block *b)
{
	struct world *w = lane->world;
	struct heap_block *out = NULL, *in;

	if (b->at) {
		out = malloc(sizeof(*out));
		*out = *b;
		b->at = NULL;
		atomic_fetch_add(&w->handed, 1);
	}
	in = atomic_exchange(&w->box[lt_random(&lane->random) % BOXES], out);
	if (!in)
		return;
	*b = *in;
	free(in);
	/* Mostly at once: freed by another thread than the one it is from. */
	if (lt_random(&lane->random) % 4)
		lane_free(lane, b);
}

/* A pool of the lane's own grows, and then goes as it is. */
static void lane_own_pool(struct lane *lane)
{
	struct heap_block *b = &lane->in_own[lane->own_blocks];
	size_t size = heap_size(&lane->random, 3 * LT_MIB), i;

	if (!lane->own) {
		lane->own = pool_of(lt_random(&lane->random) % 5);
		lane->own_blocks = 0;
		if (!lane->own)
			wrong(lane->world, "no pool");
		return;
	}
	if (lane->own_blocks < ARRAY_SIZE(lane->in_own)) {
		if (!heap_block_take(b, tmem_pool_alloc(lane->own, size), size,
				     lt_random(&lane->random)))
			wrong(lane->world, "no block of a pool");
		lane->own_blocks++;
		return;
	}
	for (i = 0; i < lane->own_blocks; i++)
		if (!heap_block_kept(&lane->in_own[i]))
			wrong(lane->world, "a pool's block has changed");
	/* Some are freed before, most go with it. */
	for (i = 0; i < lane->own_blocks; i += 3)
		tmem_free(lane->in_own[i].at);
	tmem_pool_destroy(lane->own);
	lane->own = NULL;
}

static void lane_step(struct lane *lane)
{
	struct heap_block *b =
		&lane->block[lt_random(&lane->random) % LANE_BLOCKS];
	unsigned int n = lt_random(&lane->random) % 100;

	if (n < 8)
		lane_own_pool(lane);
	else if (n < 30)
		lane_swap(lane, b);
	else if (!b->at)
		lane_alloc(lane, b);
	else if (n < 40)
		lane_realloc(lane, b);
	else
		lane_free(lane, b);
}

/* A few hundred steps; then the thread ends and leaves the lane to another. */
static void *lane_run(void *arg)
{
	struct lane *lane = arg;
	uint64_t steps = lt_between(&lane->random, 50, 800), i;

	for (i = 0; i < steps; i++) {
		lane_step(lane);
		atomic_fetch_add(&lane->world->steps, 1);
	}
	atomic_fetch_add(&lane->world->threads, 1);
	return NULL;
}

/* Thread after thread goes on with the lane. */
static void *lane_lead(void *arg)
{
	struct lane *lane = arg;
	pthread_t id;

	PACE_ROUNDS(lane->world->heirs) {
		if (lane->world->wrong)
			break;
		if (pthread_create(&id, NULL, lane_run, lane)) {
			wrong(lane->world, "no thread");
			break;
		}
		pthread_join(id, NULL);
	}
	return NULL;
}

/* Again when the others have made a step. */
static void *watch_run(void *arg)
{
	uint64_t random = 5, steps;
	struct world *w = arg;
	struct tmem_stats s;

	while (!atomic_load(&w->stop)) {
		steps = atomic_load(&w->steps);
		s = lt_stats();
		if (s.misuse || s.failures)
			wrong(w, "the statistics tell of misuse or failures");
		if (tmem_check())
			wrong(w, "tmem_check() found something");
		if (lt_random(&random) % 4 == 0)
			tmem_trim(lt_random(&random) % 64 * LT_MIB);
		PACE_UNTIL(atomic_load(&w->steps) != steps ||
			   atomic_load(&w->stop));
	}
	return NULL;
}

static void world_drain(struct world *w)
{
	struct heap_block *b;
	size_t i, k;

	for (i = 0; i < BOXES; i++) {
		b = atomic_exchange(&w->box[i], NULL);
		if (b && !heap_block_free(b))
			wrong(w, "a block's contents have changed");
		free(b);
	}
	for (i = 0; i < LANES; i++) {
		for (k = 0; k < LANE_BLOCKS; k++)
			if (w->lane[i].block[k].at)
				lane_free(&w->lane[i], &w->lane[i].block[k]);
		tmem_pool_destroy(w->lane[i].own);
	}
}

FIXTURE(crowd)
{
	struct world *w;
	uint64_t seed;
};

FIXTURE_VARIANT(crowd)
{
	size_t size_max, bytes_max;
	unsigned int heirs, heirs_sanitized;
};

/* clang-format off */
FIXTURE_VARIANT_ADD(crowd, small)
{ 4 * LT_KIB, 12 * LT_MIB, 40, 8 };
FIXTURE_VARIANT_ADD(crowd, middle)
{ LT_MIB, 64 * LT_MIB, 20, 4 };
FIXTURE_VARIANT_ADD(crowd, all)
{ 80 * LT_MIB, 240 * LT_MIB, 10, 3 };
/* clang-format on */

FIXTURE_SETUP(crowd)
{
	size_t i;

	self->seed = pace_seed();
	ASSERT_EQ(0, heap_init());
	self->w = calloc(1, sizeof(*self->w));
	ASSERT_NE(NULL, self->w);
	self->w->size_max = variant->size_max;
	self->w->bytes_max = variant->bytes_max;
	for (i = 1; i < POOLS; i++) {
		self->w->pool[i] = pool_of(i - 1);
		ASSERT_NE(NULL, self->w->pool[i]);
	}
	for (i = 0; i < LANES; i++) {
		self->w->lane[i].world = self->w;
		self->w->lane[i].random = self->seed + (i << 40);
	}
	self->w->heirs = LT_COUNT(variant->heirs, variant->heirs_sanitized);
}

FIXTURE_TEARDOWN(crowd)
{
	free(self->w);
}

TEST_F(crowd, holds)
{
	struct world *w = self->w;
	pthread_t watcher;
	size_t i;

	ASSERT_EQ(0, pthread_create(&watcher, NULL, watch_run, w));
	for (i = 0; i < LANES; i++)
		ASSERT_EQ(0, pthread_create(&w->lane[i].id, NULL, lane_lead,
					    &w->lane[i]));
	for (i = 0; i < LANES; i++)
		pthread_join(w->lane[i].id, NULL);
	atomic_store(&w->stop, true);
	pthread_join(watcher, NULL);
	EXPECT_EQ(0U, atomic_load(&w->wrong));
	EXPECT_EQ(0, tmem_check());
	world_drain(w);
	EXPECT_EQ(0U, atomic_load(&w->wrong));
	TH_LOG("%llu steps of %llu threads, %llu blocks handed over",
	       (unsigned long long)w->steps, (unsigned long long)w->threads,
	       (unsigned long long)w->handed);
	EXPECT_LT(LANES, atomic_load(&w->threads));
	EXPECT_LT(0U, atomic_load(&w->handed));

	EXPECT_EQ(0U, lt_stats().live_blocks);
	EXPECT_EQ(0U, lt_stats().live_bytes);
	EXPECT_EQ(0U, lt_stats().misuse);
	for (i = 1; i < POOLS; i++)
		tmem_pool_destroy(w->pool[i]);
	EXPECT_TRUE(heap_empty());
	EXPECT_TRUE(heap_whole(500));
	EXPECT_TRUE(heap_empty());
}

TEST_HARNESS_MAIN
