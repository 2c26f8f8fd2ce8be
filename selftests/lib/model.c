// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves the allocator against a model of it: a list of the live blocks in
 * order of address, with what was written to each.  Thousands of random calls
 * on several pools; after each, the new block lies between its neighbours and
 * the old contents are there; every so often, and at the end, the statistics
 * say what the model says and tmem_check() finds the heap in order; and when all
 * is freed, nothing is held.  Each strategy has its turn as the default one.
 */
#include "heap_test.h"

#define BLOCKS_MAX 3000
#define POOLS 6 /* the first is the default one, then one of each strategy */

struct shadow {
	char *at;
	size_t size, usable;
	uint64_t tag;
	unsigned int pool;
};

/* From model_open() to model_close(). */
struct model {
	uint64_t random, tags;
	struct tmem_pool *pool[POOLS];
	struct shadow *block; /* by address */
	size_t blocks, bytes, requested, bytes_max, size_max;
	uint64_t dropped; /* blocks that went with their pool */
	bool shrinks;
	const char *wrong;
};

static bool wrong(struct model *m, const char *what)
{
	if (!m->wrong)
		m->wrong = what;
	return false;
}

/* The first block at or above an address. */
static size_t model_find(const struct model *m, const char *at)
{
	size_t low = 0, high = m->blocks, mid;

	while (low < high) {
		mid = (low + high) / 2;
		if (m->block[mid].at < at)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool model_add(struct model *m, char *at, size_t size, unsigned int pool)
{
	struct shadow b = { .at = at, .size = size, .pool = pool };
	size_t i = model_find(m, at);

	b.usable = tmem_usable_size(at);
	b.tag = ++m->tags;
	if (!at || (uintptr_t)at % TMEM_MIN_ALIGN || b.usable < size)
		return wrong(m, "no block, or not what was asked for");
	if (i < m->blocks && at + b.usable > m->block[i].at)
		return wrong(m, "a block reaches into the next");
	if (i && m->block[i - 1].at + m->block[i - 1].usable > at)
		return wrong(m, "a block begins inside another");
	memmove(&m->block[i + 1], &m->block[i],
		(m->blocks - i) * sizeof(m->block[0]));
	m->block[i] = b;
	m->blocks++;
	m->bytes += b.usable;
	m->requested += size;
	lt_fill(at, b.usable, b.tag);
	return true;
}

/* The block's contents are checked, and it is the model's no more. */
static struct shadow model_remove(struct model *m, size_t i)
{
	struct shadow b = m->block[i];

	if (tmem_usable_size(b.at) != b.usable)
		wrong(m, "the usable size of a block has changed");
	if (!lt_kept(b.at, b.usable, b.tag))
		wrong(m, "a block's contents have changed");
	m->blocks--;
	m->bytes -= b.usable;
	m->requested -= b.size;
	memmove(&m->block[i], &m->block[i + 1],
		(m->blocks - i) * sizeof(m->block[0]));
	return b;
}

static bool op_alloc(struct model *m)
{
	size_t size = heap_size(&m->random, m->size_max), align;
	unsigned int pool = lt_random(&m->random) % POOLS;
	char *at;

	switch (lt_random(&m->random) % 4) {
	case 0:
		at = tmem_zalloc(size);
		if (at && !lt_zero(at, tmem_usable_size(at)))
			return wrong(m, "tmem_zalloc() gave something");
		return model_add(m, at, size, 0);
	case 1:
		align = (size_t)1 << lt_random(&m->random) % 24;
		at = tmem_aligned_alloc(align, size);
		if ((uintptr_t)at % align)
			return wrong(m, "tmem_aligned_alloc() did not");
		return model_add(m, at, size, 0);
	default:
		at = m->pool[pool] ? tmem_pool_alloc(m->pool[pool], size) :
				     tmem_alloc(size);
		return model_add(m, at, size, pool);
	}
}

static bool op_free(struct model *m)
{
	if (m->blocks)
		tmem_free(
			model_remove(m, lt_random(&m->random) % m->blocks).at);
	return !m->wrong;
}

static bool op_realloc(struct model *m)
{
	size_t size = heap_size(&m->random, m->size_max), least;
	struct shadow b;
	char *at;

	if (!m->blocks)
		return true;
	b = model_remove(m, lt_random(&m->random) % m->blocks);
	least = size < b.usable ? size : b.usable;
	at = tmem_realloc(b.at, size);
	if (at && !lt_kept_to(at, b.usable, least, b.tag))
		return wrong(m, "tmem_realloc() lost contents");
	return model_add(m, at, size, b.pool) && !m->wrong;
}

static bool op_trim(struct model *m)
{
	size_t keep = lt_random(&m->random) % 64 * LT_MIB;

	tmem_trim(keep);
	if (lt_stats().spans_idle * LT_SPAN > keep)
		return wrong(m, "tmem_trim() kept more than it might");
	return true;
}

static struct tmem_pool *pool_make(unsigned int pool)
{
	struct tmem_pool_config config = TMEM_POOL_CONFIG_INIT;

	config.strategy = (enum tmem_strategy)((pool + 4) % 5);
	return tmem_pool_create(&config);
}

/* A pool goes with all its blocks; another one comes. */
static bool op_pool(struct model *m)
{
	unsigned int pool = 1 + lt_random(&m->random) % (POOLS - 1);
	size_t i;

	for (i = m->blocks; i-- > 0;)
		if (m->block[i].pool == pool) {
			model_remove(m, i);
			m->dropped++;
		}
	tmem_pool_destroy(m->pool[pool]);
	m->pool[pool] = pool_make(pool);
	return m->pool[pool] && !m->wrong;
}

/* Times of growth and times of shrinking, some thousand steps each. */
static bool model_step(struct model *m)
{
	unsigned int n = lt_random(&m->random) % 2000, allocs;

	if (!(lt_random(&m->random) % 2500))
		m->shrinks = !m->shrinks;
	allocs = m->shrinks ? 950 : 1400;
	if (n < 1)
		return op_pool(m);
	if (n < 21)
		return op_trim(m);
	if (n < 200)
		return op_realloc(m);
	if (n < allocs && m->bytes < m->bytes_max && m->blocks < BLOCKS_MAX - 1)
		return op_alloc(m);
	return op_free(m);
}

static bool pool_stats_good(struct model *m, unsigned int pool)
{
	struct tmem_stats stats = TMEM_STATS_INIT;
	size_t i, blocks = 0, bytes = 0;

	for (i = 0; i < m->blocks; i++)
		if (m->block[i].pool == pool) {
			blocks++;
			bytes += m->block[i].usable;
		}
	if (tmem_pool_stats_get(m->pool[pool], &stats))
		return wrong(m, "tmem_pool_stats_get() failed");
	if (stats.live_blocks != blocks || stats.live_bytes != bytes ||
	    stats.allocs - stats.frees != blocks ||
	    stats.spans_busy * LT_SPAN < bytes)
		return wrong(m, "a pool's statistics are wrong");
	return true;
}

static bool stats_good(struct model *m)
{
	struct tmem_stats stats = lt_stats();
	unsigned int pool;

	if (tmem_check())
		return wrong(m, "tmem_check() found something");
	if (stats.live_blocks != m->blocks || stats.live_bytes != m->bytes ||
	    stats.live_bytes < m->requested)
		return wrong(m, "live blocks or bytes are wrong");
	if (stats.allocs - stats.frees - m->dropped != m->blocks)
		return wrong(m, "allocations and frees do not add up");
	if (stats.peak_live_bytes < stats.live_bytes ||
	    stats.reused > stats.allocs || stats.failures || stats.misuse)
		return wrong(m, "peak, reused, failures or misuse are wrong");
	if (stats.spans_busy * LT_SPAN < stats.live_bytes)
		return wrong(m, "fewer spans busy than blocks need");
	for (pool = 1; pool < POOLS; pool++)
		if (!pool_stats_good(m, pool))
			return false;
	return true;
}

static bool model_open(struct model *m)
{
	unsigned int pool;

	m->random = pace_seed();
	m->block = calloc(BLOCKS_MAX, sizeof(m->block[0]));
	if (heap_init() || !m->block)
		return false;
	for (pool = 1; pool < POOLS; pool++) {
		m->pool[pool] = pool_make(pool);
		if (!m->pool[pool])
			return false;
	}
	return true;
}

/* The pools are empty by now. */
static void model_close(struct model *m)
{
	unsigned int pool;

	for (pool = 1; pool < POOLS; pool++)
		tmem_pool_destroy(m->pool[pool]);
	free(m->block);
}

FIXTURE(model)
{
	struct model m;
};

FIXTURE_VARIANT(model)
{
	const char *strategy;
	size_t size_max, bytes_max;
	unsigned int steps, steps_sanitized;
};

/* clang-format off */
FIXTURE_VARIANT_ADD(model, small)
{ "adaptive", 2 * LT_KIB, 4 * LT_MIB, 200000, 20000 };
FIXTURE_VARIANT_ADD(model, middle)
{ "adaptive", LT_MIB, 64 * LT_MIB, 60000, 5000 };
FIXTURE_VARIANT_ADD(model, all)
{ "adaptive", 80 * LT_MIB, 200 * LT_MIB, 30000, 1500 };
FIXTURE_VARIANT_ADD(model, first_fit)
{ "first-fit", 40 * LT_MIB, 100 * LT_MIB, 15000, 1000 };
FIXTURE_VARIANT_ADD(model, best_fit)
{ "best-fit", 40 * LT_MIB, 100 * LT_MIB, 15000, 1000 };
FIXTURE_VARIANT_ADD(model, size_class)
{ "size-class", 40 * LT_MIB, 100 * LT_MIB, 15000, 1000 };
FIXTURE_VARIANT_ADD(model, numa_aware)
{ "numa-aware", 40 * LT_MIB, 100 * LT_MIB, 15000, 1000 };
/* clang-format on */

FIXTURE_SETUP(model)
{
	setenv("TMEM_STRATEGY", variant->strategy, 1);
	self->m.size_max = variant->size_max;
	self->m.bytes_max = variant->bytes_max;
	ASSERT_TRUE(model_open(&self->m));
}

FIXTURE_TEARDOWN(model)
{
	model_close(&self->m);
}

TEST_F(model, holds)
{
	unsigned int steps = LT_COUNT(variant->steps, variant->steps_sanitized);
	unsigned int i = 0;
	struct tmem_residency residency;
	struct model *m = &self->m;
	struct tmem_stats stats;

	PACE_ROUNDS(steps) {
		ASSERT_TRUE(model_step(m)) TH_LOG("step %u: %s", i, m->wrong);
		if (i++ % 64)
			continue;
		ASSERT_TRUE(stats_good(m)) TH_LOG("step %u: %s", i, m->wrong);
	}
	TH_LOG("%u steps, %zu blocks", i, m->blocks);
	while (m->blocks) {
		ASSERT_TRUE(op_free(m)) TH_LOG("at the end: %s", m->wrong);
	}
	ASSERT_TRUE(stats_good(m));

	/* The thread's own caches go with it. */
	tmem_trim(0);
	stats = lt_stats();
	EXPECT_EQ(0U, stats.spans_busy);
	EXPECT_EQ(0U, stats.spans_idle);
	EXPECT_LT(0U, stats.reused);
	EXPECT_EQ(0U, stats.spans_lost);
	/* What was filled was lost, given back or never touched. */
	EXPECT_GE(stats.spans_filled, stats.spans_purged + stats.spans_lost);
	EXPECT_LE(stats.spans_filled - stats.spans_filled / 64 - 2,
		  stats.spans_purged + stats.spans_lost);
	residency = lt_residency();
	EXPECT_EQ(0U, residency.resident);
	EXPECT_EQ(0U, residency.mapped);
	EXPECT_EQ(0U, residency.pmd_mapped);
}

/* With blocks in them, with none, with a name, and one after the other. */
TEST(pools)
{
	struct tmem_pool_config config = TMEM_POOL_CONFIG_INIT;
	struct tmem_pool *a, *b;
	void *in_a, *in_b, *rest;
	size_t i;

	ASSERT_EQ(0, lt_init());
	config.name = "thirty-one characters, no more.";
	a = tmem_pool_create(&config);
	ASSERT_NE(NULL, a);
	EXPECT_STREQ(config.name, tmem_pool_name(a));
	config.name = "thirty-two characters are refused";
	EXPECT_EQ(NULL, tmem_pool_create(&config));
	EXPECT_EQ(EINVAL, errno);
	config.name = "not\tprintable";
	EXPECT_EQ(NULL, tmem_pool_create(&config));
	config.name = NULL;
	config.struct_size = 3;
	EXPECT_EQ(NULL, tmem_pool_create(&config));
	EXPECT_EQ(EINVAL, errno);
	b = tmem_pool_create(NULL);
	ASSERT_NE(NULL, b);
	EXPECT_STREQ("", tmem_pool_name(b));

	for (i = 1; i < 50; i++) {
		ASSERT_NE(NULL, tmem_pool_alloc(a, i * 1000));
		ASSERT_NE(NULL, tmem_pool_alloc(a, i * 100000));
	}
	in_a = tmem_pool_alloc(a, 100);
	in_b = tmem_pool_alloc(b, 100);
	rest = tmem_alloc(100);
	/* "Apart from everybody else's": not in one span. */
	EXPECT_NE((uintptr_t)in_a / LT_SPAN, (uintptr_t)in_b / LT_SPAN);
	EXPECT_NE((uintptr_t)in_a / LT_SPAN, (uintptr_t)rest / LT_SPAN);
	lt_fill(in_b, 100, 1);
	lt_fill(rest, 100, 2);
	tmem_pool_destroy(a);
	EXPECT_EQ(0U, tmem_usable_size(in_a));
	EXPECT_TRUE(lt_kept(in_b, 100, 1));
	EXPECT_TRUE(lt_kept(rest, 100, 2));
	EXPECT_EQ(2U, lt_stats().live_blocks);
	EXPECT_EQ(2U, lt_stats().spans_busy);
	tmem_free(rest);
	/* It stays in its pool. */
	in_b = tmem_realloc(in_b, 3 * LT_MIB);
	ASSERT_NE(NULL, in_b);
	tmem_pool_destroy(b);
	EXPECT_EQ(0U, lt_stats().live_blocks);
	EXPECT_EQ(0U, lt_stats().live_bytes);
	EXPECT_TRUE(heap_empty());
	tmem_pool_destroy(NULL);
}

TEST(stats_struct_sizes)
{
	struct tmem_residency residency = TMEM_RESIDENCY_INIT;
	struct tmem_stats stats = TMEM_STATS_INIT;
	struct tmem_pool *pool;
	void *block;

	/* Before the library is set up there is nothing to count. */
	EXPECT_EQ(0, tmem_stats_get(&stats));
	EXPECT_EQ(0U, stats.allocs);
	EXPECT_EQ(0U, tmem_trim(0));
	ASSERT_EQ(0, lt_init());
	block = tmem_alloc(5);
	pool = tmem_pool_create(NULL);
	stats.struct_size = 0;
	residency.struct_size = sizeof(size_t) - 1;
	EXPECT_EQ(-EINVAL, tmem_stats_get(&stats));
	EXPECT_EQ(-EINVAL, tmem_pool_stats_get(pool, &stats));
	EXPECT_EQ(-EINVAL, tmem_residency_get(&residency));
	stats.struct_size = offsetof(struct tmem_stats, frees);
	stats.frees = 77;
	EXPECT_EQ(0, tmem_stats_get(&stats));
	EXPECT_EQ(1U, stats.allocs);
	EXPECT_EQ(77U, stats.frees);
	EXPECT_EQ(offsetof(struct tmem_stats, frees), stats.struct_size);
	tmem_free(block);
	tmem_pool_destroy(pool);
}

/* What the kernel says is what was touched. */
TEST(residency)
{
	struct tmem_residency r;
	uint64_t nodes = 0;
	size_t i;
	char *block;

	ASSERT_EQ(0, lt_init());
	EXPECT_EQ(0U, lt_residency().resident);
	block = tmem_alloc(16 * LT_MIB);
	ASSERT_NE(NULL, block);
	memset(block, 1, 16 * LT_MIB);
	r = lt_residency();
	EXPECT_EQ(16 * LT_MIB, r.resident);
	EXPECT_EQ(16 * LT_MIB, r.mapped);
	EXPECT_GE(r.mapped, r.pmd_mapped);
	EXPECT_LE(1U, r.vmas);
	for (i = 0; i < TMEM_NODES_MAX; i++)
		nodes += r.node_bytes[i];
	EXPECT_EQ(r.resident, nodes);
	tmem_free(block);
	EXPECT_EQ(16 * LT_MIB, lt_residency().resident);
	EXPECT_LE(8 * LT_MIB, tmem_trim(8 * LT_MIB));
	EXPECT_GE(8 * LT_MIB, lt_residency().resident);
	tmem_trim(0);
	EXPECT_EQ(0U, lt_residency().resident);
}

TEST_HARNESS_MAIN
