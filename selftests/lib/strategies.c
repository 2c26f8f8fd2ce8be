// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that the strategies differ in what a program can see: which of some
 * prepared holes a block is put into, how much is lost inside of blocks, how
 * many sizes there are, and, where there are two nodes, of which node the
 * memory is that is used again.
 */
#include "heap_test.h"
#include "node_test.h"

#define HOLES 4
#define WALL (64 * LT_KIB)

/* Free places of these sizes, in this order of addresses, with walls between. */
struct holes {
	struct tmem_pool *pool;
	size_t size[HOLES];
	char *at[HOLES], *wall[HOLES];
};

static struct tmem_pool *pool_of(enum tmem_strategy strategy)
{
	struct tmem_pool_config config = TMEM_POOL_CONFIG_INIT;

	config.strategy = strategy;
	return tmem_pool_create(&config);
}

/*
 * The holes lie in one span; the last place of it is larger than any of them.
 * They are freed in an order that is neither that of the addresses nor that
 * of the sizes.
 */
static bool holes_open(struct holes *h, enum tmem_strategy strategy)
{
	static const size_t size[HOLES] = { 400, 192, 320, 256 };
	static const size_t order[HOLES] = { 2, 0, 3, 1 };
	bool good = true;
	size_t i;

	h->pool = pool_of(strategy);
	for (i = 0; i < HOLES; i++) {
		h->size[i] = size[i] * LT_KIB;
		h->at[i] = tmem_pool_alloc(h->pool, h->size[i]);
		h->wall[i] = tmem_pool_alloc(h->pool, WALL);
		good &= h->at[i] && h->wall[i];
	}
	for (i = 1; i < HOLES && good; i++)
		good = h->at[i - 1] < h->at[i] &&
		       (uintptr_t)h->at[i] / LT_SPAN ==
			       (uintptr_t)h->at[0] / LT_SPAN;
	for (i = 0; i < HOLES; i++)
		tmem_free(h->at[order[i]]);
	if (!good)
		for (i = 0; i < HOLES; i++)
			printf("# %p %p\n", h->at[i], h->wall[i]);
	return good;
}

/* Which hole a block of a size is put into; HOLES: none. */
static size_t holes_try(struct holes *h, size_t size)
{
	char *block = tmem_pool_alloc(h->pool, size);
	size_t i;

	for (i = 0; i < HOLES; i++)
		if (block >= h->at[i] && block < h->at[i] + h->size[i])
			break;
	tmem_free(block);
	return i;
}

FIXTURE(strategy)
{
	struct holes holes;
};

FIXTURE_SETUP(strategy)
{
	ASSERT_EQ(0, heap_init());
	lt_stay();
}

FIXTURE_TEARDOWN(strategy)
{
	tmem_pool_destroy(self->holes.pool);
	EXPECT_EQ(0U, lt_stats().misuse);
	EXPECT_TRUE(heap_empty());
}

/* The first one by address that is large enough. */
TEST_F(strategy, first_fit)
{
	ASSERT_TRUE(holes_open(&self->holes, TMEM_STRATEGY_FIRST_FIT));
	EXPECT_EQ(0U, holes_try(&self->holes, 100 * LT_KIB));
	EXPECT_EQ(0U, holes_try(&self->holes, 192 * LT_KIB));
	EXPECT_EQ(0U, holes_try(&self->holes, 250 * LT_KIB));
	EXPECT_EQ(0U, holes_try(&self->holes, 300 * LT_KIB));
	EXPECT_EQ(HOLES, holes_try(&self->holes, 404 * LT_KIB));
}

/* The smallest that is large enough. */
TEST_F(strategy, best_fit)
{
	ASSERT_TRUE(holes_open(&self->holes, TMEM_STRATEGY_BEST_FIT));
	EXPECT_EQ(1U, holes_try(&self->holes, 100 * LT_KIB));
	EXPECT_EQ(1U, holes_try(&self->holes, 192 * LT_KIB));
	EXPECT_EQ(3U, holes_try(&self->holes, 250 * LT_KIB));
	EXPECT_EQ(2U, holes_try(&self->holes, 300 * LT_KIB));
	EXPECT_EQ(0U, holes_try(&self->holes, 396 * LT_KIB));
	EXPECT_EQ(HOLES, holes_try(&self->holes, 404 * LT_KIB));
}

/* What is lost inside of blocks, of 1000, and how many sizes there are. */
static void waste_of(enum tmem_strategy strategy, size_t *waste, size_t *sizes)
{
	struct tmem_pool *pool = pool_of(strategy);
	size_t asked = 0, got = 0, usable, last = 0, size;
	void *block;

	*sizes = 0;
	for (size = 40000; size < 6 * LT_MIB; size += 10007) {
		block = tmem_pool_alloc(pool, size);
		usable = tmem_usable_size(block);
		asked += size;
		got += usable;
		*sizes += usable != last;
		last = usable;
		tmem_free(block);
	}
	*waste = 1000 * (got - asked) / got;
	tmem_pool_destroy(pool);
}

TEST_F(strategy, waste)
{
	static const char *const name[] = {
		"adaptive", "first fit", "best fit", "size class", "numa aware",
	};
	size_t waste[5], sizes[5];
	unsigned int i;

	for (i = 0; i < 5; i++) {
		waste_of((enum tmem_strategy)i, &waste[i], &sizes[i]);
		TH_LOG("%s: %zu sizes, %zu.%zu %% lost inside", name[i],
		       sizes[i], waste[i] / 10, waste[i] % 10);
	}
	/* Classes are few and large ... */
	EXPECT_GT(sizes[TMEM_STRATEGY_BEST_FIT] / 4,
		  sizes[TMEM_STRATEGY_SIZE_CLASS]);
	EXPECT_LT(2 * waste[TMEM_STRATEGY_BEST_FIT],
		  waste[TMEM_STRATEGY_SIZE_CLASS]);
	EXPECT_GT(200U, waste[TMEM_STRATEGY_SIZE_CLASS]);
	/* ... the others hold the bar of 5 %. */
	EXPECT_GT(50U, waste[TMEM_STRATEGY_BEST_FIT]);
	EXPECT_GT(50U, waste[TMEM_STRATEGY_FIRST_FIT]);
	EXPECT_GT(50U, waste[TMEM_STRATEGY_ADAPTIVE]);
}

/*
 * So a block of another size of the class finds the place of the last one;
 * with best fit it takes a smaller one.
 */
TEST_F(strategy, size_class)
{
	struct tmem_pool *pool = pool_of(TMEM_STRATEGY_SIZE_CLASS);
	char *block, *beside, *again;
	size_t size, same = 0, tries = 0;

	for (size = 50000; size < LT_MIB; size += 37 * LT_KIB) {
		block = tmem_pool_alloc(pool, size);
		beside = tmem_pool_alloc(pool, 40000);
		tmem_free(block);
		again = tmem_pool_alloc(pool, size - size / 100);
		same += again == block;
		tries++;
		tmem_free(again);
		tmem_free(beside);
	}
	TH_LOG("%zu of %zu at the same place", same, tries);
	EXPECT_LE(tries * 3 / 4, same);
	tmem_pool_destroy(pool);
}

/* The default one combines them: no more lost than the best, few holes. */
TEST_F(strategy, adaptive_is_the_default)
{
	struct tmem_pool_config config = TMEM_POOL_CONFIG_INIT;
	struct tmem_pool *pool;

	EXPECT_EQ(0, (int)config.strategy);
	EXPECT_EQ(TMEM_STRATEGY_ADAPTIVE, config.strategy);
	config.strategy = (enum tmem_strategy)5;
	errno = 0;
	pool = tmem_pool_create(&config);
	EXPECT_EQ(NULL, pool);
	EXPECT_EQ(EINVAL, errno);
	config.strategy = (enum tmem_strategy) - 1;
	EXPECT_EQ(NULL, tmem_pool_create(&config));
	EXPECT_EQ(EINVAL, errno);
}

/* A program that knew nothing of strategies gets it, too. */
TEST_F(strategy, older_configurations)
{
	struct tmem_pool_config config = TMEM_POOL_CONFIG_INIT;
	struct tmem_pool *pool;

	config.struct_size = offsetof(struct tmem_pool_config, strategy);
	config.strategy = TMEM_STRATEGY_SIZE_CLASS;
	pool = tmem_pool_create(&config);
	ASSERT_NE(NULL, pool);
	tmem_free(tmem_pool_alloc(pool, 100000));
	tmem_pool_destroy(pool);
}

/* --- by the environment ------------------------------------------------------ */

struct word {
	const char *text;
	bool good;
	size_t hole; /* for 250 KiB */
};

static int default_pool(void *arg)
{
	struct word *word = arg;
	struct holes h = { .pool = NULL };
	int err;

	setenv("TMEM_STRATEGY", word->text, 1);
	err = heap_init();
	if (!word->good)
		return err == -EINVAL ? 0 : 10;
	if (err)
		return 11;
	/* A pool's own word counts more. */
	if (!holes_open(&h, TMEM_STRATEGY_BEST_FIT) ||
	    holes_try(&h, 250 * LT_KIB) != 3)
		return 12;
	tmem_free(tmem_alloc(100000));
	return 0;
}

TEST(environment)
{
	struct word words[] = {
		{ "adaptive", true, 0 },   { "first-fit", true, 0 },
		{ "best-fit", true, 0 },   { "size-class", true, 0 },
		{ "numa-aware", true, 0 }, { "first_fit", false, 0 },
		{ "ADAPTIVE", false, 0 },  { "1", false, 0 },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(words); i++) {
		EXPECT_EQ(0, lt_child(default_pool, &words[i]))
		TH_LOG("TMEM_STRATEGY=%s", words[i].text);
	}
}

/* --- nodes ------------------------------------------------------------------- */

/*
 * Memory of node 0 is free in the pool when a thread of node 1 asks for some:
 * which node it gets, by how much new memory has to be taken.
 */
static int node_after_moving(enum tmem_strategy strategy, size_t size,
			     uint64_t *filled)
{
	struct tmem_pool *pool = pool_of(strategy);
	char *wall, *block;
	uint64_t before;
	int node;

	node_stay(0);
	block = tmem_pool_alloc(pool, size);
	wall = tmem_pool_alloc(pool, 40000);
	memset(block, 1, size);
	node = node_of(block);
	memset(wall, 1, 40000);
	tmem_free(block);
	if (node) {
		printf("# node %d, not 0\n", node);
		return -2;
	}
	node_stay(1);
	before = lt_stats().spans_filled;
	block = tmem_pool_alloc(pool, size);
	*filled = lt_stats().spans_filled - before;
	memset(block, 2, size);
	node = node_of(block);
	tmem_pool_destroy(pool);
	tmem_trim(0);
	return node;
}

TEST_F(strategy, node)
{
	static const size_t sizes[] = { 300 * LT_KIB, LT_MIB, 6 * LT_MIB };
	uint64_t filled;
	size_t i;

	if (!node_stay(1) || !node_stay(0))
		SKIP(return, "needs two nodes with CPUs");
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		/* The nearest memory, if it has to be new. */
		EXPECT_EQ(1, node_after_moving(TMEM_STRATEGY_NUMA_AWARE,
					       sizes[i], &filled));
		EXPECT_LT(0U, filled);
		/* What is there, wherever it is. */
		EXPECT_EQ(0, node_after_moving(TMEM_STRATEGY_FIRST_FIT,
					       sizes[i], &filled));
		EXPECT_EQ(0U, filled);
		EXPECT_EQ(0, node_after_moving(TMEM_STRATEGY_BEST_FIT, sizes[i],
					       &filled));
		EXPECT_EQ(0U, filled);
	}
}

TEST_HARNESS_MAIN
