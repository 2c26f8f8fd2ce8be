// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves what the analytics say while every block is recorded: counts of sites
 * are exact through every way to allocate, grow and free, tags and sites given
 * by the caller tell blocks apart, counts by tier are exact with and without,
 * stacks are walked to the program's functions and nowhere else, hotspots are
 * in order, and wrong values are refused.
 */
#include "analytics_test.h"

#include "pool/detail.h"

TEST(values)
{
	struct tmem_analytics_config config = TMEM_ANALYTICS_INIT, wrong;
	struct tmem_site_info site = TMEM_SITE_INIT;
	struct tmem_hotspot spot;
	uint64_t frame = 1;

	ASSERT_EQ(0, heap_init());
	EXPECT_EQ(0, tmem_analytics_get(&config));
	EXPECT_EQ((uint32_t)TMEM_ANALYTICS_OFF, config.mode);
	EXPECT_EQ(8U, config.depth);
	EXPECT_EQ(512 * LT_KIB, config.interval_bytes);
	EXPECT_LE(100000U, config.max_records);
	EXPECT_EQ(0, tmem_analytics_set(&config));
	wrong = config;
	wrong.mode = 2;
	EXPECT_EQ(-EINVAL, tmem_analytics_set(&wrong));
	wrong = config;
	wrong.depth = 0;
	EXPECT_EQ(-EINVAL, tmem_analytics_set(&wrong));
	wrong.depth = TMEM_FRAMES_MAX + 1;
	EXPECT_EQ(-EINVAL, tmem_analytics_set(&wrong));
	wrong = config;
	wrong.max_records = 1;
	EXPECT_EQ(-EINVAL, tmem_analytics_set(&wrong));
	wrong.max_records = TMEM_RECORDS_MAX + 1;
	EXPECT_EQ(-EINVAL, tmem_analytics_set(&wrong));
	wrong = config;
	wrong.interval_bytes = UINT64_MAX;
	EXPECT_EQ(-EINVAL, tmem_analytics_set(&wrong));
	EXPECT_EQ(-EINVAL, tmem_tag_push(NULL));
	EXPECT_EQ(-ENOENT, tmem_tag_pop());
	EXPECT_EQ(-EINVAL, tmem_site_push(NULL, 1, "a"));
	EXPECT_EQ(-EINVAL, tmem_site_push(&frame, 0, NULL));
	EXPECT_EQ(-ENOENT, tmem_site_pop());
	EXPECT_EQ(-ENOENT, tmem_site_get(0, &site));
	EXPECT_EQ(-ENOENT, tmem_site_get(1, &site));
	EXPECT_EQ(-EINVAL,
		  tmem_hotspots_get((enum tmem_hotspot_by)4, &spot, 1));
	EXPECT_EQ(-EINVAL, tmem_snapshot_write(1, 2));
	EXPECT_EQ(NULL, tmem_pattern_name((enum tmem_pattern)5));
	EXPECT_STREQ("cyclic", tmem_pattern_name(TMEM_PATTERN_CYCLIC));
}

/* The environment's words. */
static int child_mode(void *arg)
{
	struct tmem_analytics_config config = TMEM_ANALYTICS_INIT;

	setenv("TMEM_ANALYTICS", arg, 1);
	if (lt_init())
		return 9;
	tmem_analytics_get(&config);
	return (int)config.mode + (config.interval_bytes ? 2 : 0);
}

TEST(environment)
{
	EXPECT_TRUE(LT_EXITED(lt_child(child_mode, "off"), 2));
	EXPECT_TRUE(LT_EXITED(lt_child(child_mode, "on"), 3));
	EXPECT_TRUE(LT_EXITED(lt_child(child_mode, "all"), 1));
	EXPECT_TRUE(LT_EXITED(lt_child(child_mode, "some"), 9));
}

TEST(every_way)
{
	struct tmem_site_info site;
	struct tmem_pool *pool;
	void *a, *b, *c, *d;

	ASSERT_EQ(0, an_init(0, 0));
	tmem_site_push(NULL, 0, "here");
	a = tmem_alloc(100);
	b = tmem_zalloc(100 * LT_KIB);
	c = tmem_aligned_alloc(4096, 5000);
	pool = tmem_pool_create(NULL);
	d = tmem_pool_alloc(pool, 70 * LT_KIB);
	tmem_pool_alloc(pool, 1000);
	site = an_site("", "here");
	EXPECT_EQ(5U, site.allocs);
	EXPECT_EQ(0U, site.frees);
	EXPECT_EQ(lt_stats().live_bytes, site.live_bytes);
	EXPECT_EQ(0U, site.error_bytes);
	/* In place, and by a copy. */
	b = tmem_realloc(b, 90 * LT_KIB);
	a = tmem_realloc(a, 3 * LT_MIB);
	EXPECT_EQ(lt_stats().live_bytes, an_site("", "here").live_bytes);
	tmem_free(b);
	tmem_free(a);
	tmem_free(c);
	tmem_free(d);
	EXPECT_EQ(1U, an_stats().records);
	tmem_pool_destroy(pool);
	tmem_site_pop();
	site = an_site("", "here");
	EXPECT_EQ(site.allocs, site.frees);
	EXPECT_EQ(site.alloc_bytes, site.free_bytes);
	EXPECT_EQ(0U, site.live_bytes);
	EXPECT_EQ(0U, site.live_blocks);
	EXPECT_LT(3 * LT_MIB, site.peak_live_bytes);
	EXPECT_EQ(0U, an_stats().records);
	EXPECT_TRUE(heap_empty());
}

/* Tags nest, and make sites of one address; too many do no harm. */
TEST(tags)
{
	unsigned int i;
	void *a, *b, *c, *d;

	ASSERT_EQ(0, an_init(0, 0));
	a = an_alloc("x", 64);
	tmem_tag_push("outer");
	b = an_alloc("x", 64);
	tmem_tag_push("inner");
	c = an_alloc("x", 64);
	EXPECT_EQ(0, tmem_tag_pop());
	d = an_alloc("x", 64);
	EXPECT_EQ(0, tmem_tag_pop());
	EXPECT_EQ(1U, an_site("", "x").live_blocks);
	EXPECT_EQ(2U, an_site("outer", "x").live_blocks);
	EXPECT_EQ(1U, an_site("inner", "x").live_blocks);
	tmem_free(a);
	tmem_free(b);
	tmem_free(c);
	tmem_free(d);
	for (i = 0; i < TMEM_TAGS_MAX; i++)
		EXPECT_EQ(0, tmem_tag_push("deep"));
	EXPECT_EQ(-ENOSPC, tmem_tag_push("deeper"));
	tmem_free(an_alloc("y", 64));
	EXPECT_EQ(1U, an_site("deep", "y").allocs);
	for (i = 0; i <= TMEM_TAGS_MAX; i++)
		EXPECT_EQ(0, tmem_tag_pop());
	EXPECT_EQ(-ENOENT, tmem_tag_pop());
}

/* Given frames are what is kept, as many as the depth says. */
TEST(given_frames)
{
	uint64_t frames[40];
	struct tmem_site_info site = TMEM_SITE_INIT;
	unsigned int i;

	ASSERT_EQ(0, an_init(0, 0));
	for (i = 0; i < 40; i++)
		frames[i] = 0x1000 + i;
	tmem_site_push(frames, 40, NULL);
	tmem_free(tmem_alloc(64));
	tmem_site_pop();
	EXPECT_EQ(0, tmem_site_get(1, &site));
	EXPECT_EQ(8U, site.depth);
	EXPECT_EQ(0, memcmp(site.frames, frames, 8 * sizeof(frames[0])));
}

static __attribute__((noinline)) void *walk_inner(size_t size)
{
	void *block = tmem_alloc(size);

	lt_no_tail_call();
	return block;
}

static __attribute__((noinline)) void *walk_outer(size_t size)
{
	void *block = walk_inner(size);

	lt_no_tail_call();
	return block;
}

/* The first address is the call, in the function that made it. */
TEST(stack)
{
	struct tmem_site_info site = TMEM_SITE_INIT;
	static const size_t sizes[] = { 100, 100, 100, 20000, 5 << 20 };
	uintptr_t inner = (uintptr_t)walk_inner;
	unsigned int i;

	ASSERT_EQ(0, an_init(0, 0));
	/* By the fast path, the slow one, and as an extent: one site. */
	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		tmem_free(walk_outer(sizes[i]));
	ASSERT_EQ(0, tmem_site_get(1, &site));
	ASSERT_LE(1U, site.depth);
	EXPECT_LT(inner, site.frames[0]);
	EXPECT_GT(inner + 500, site.frames[0]);
	EXPECT_EQ(1U, an_stats().sites);
}

/* A frame pointer that is anything: nothing is read where nothing is. */
static void *wild_frame(uintptr_t frame)
{
	void *block;

#if defined(__x86_64__)
	__asm__ volatile("push %%rbp\n\t"
			 "mov %[frame], %%rbp\n\t"
			 "sub $128, %%rsp\n\t"
			 "mov %%rsp, %%r12\n\t"
			 "and $-16, %%rsp\n\t"
			 "mov $200, %%edi\n\t"
			 "call *%[fn]\n\t"
			 "mov %%r12, %%rsp\n\t"
			 "add $128, %%rsp\n\t"
			 "pop %%rbp\n\t"
			 : "=a"(block)
			 : [frame] "r"(frame), [fn] "r"(tmem_alloc)
			 : "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11",
			   "r12", "memory", "cc");
#else
	(void)frame;
	block = tmem_alloc(200);
#endif
	return block;
}

TEST(wild_frames)
{
	uint64_t random = pace_seed();
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);
	unsigned int i;

	ASSERT_EQ(0, an_init(0, 0));
	for (i = 0; i < LT_COUNT(20000, 2000); i++) {
		uintptr_t frame = lt_random(&random);

		switch (i % 4) {
		case 0:
			frame %= 4096;
			break;
		case 1:
			frame = here - 4096 + frame % 65536;
			break;
		case 2:
			frame = (here - 2048 + frame % 16384) & ~(uintptr_t)7;
			break;
		}
		tmem_free(wild_frame(frame));
	}
	EXPECT_EQ(0U, an_stats().records);
}

/* Tiers add up to the counters, whatever was done, in guard mode too. */
static bool tiers_agree(void)
{
	uint64_t allocs = 0, frees = 0, dropped = 0, live = 0;
	struct tmem_detail detail;
	unsigned int i;

	tmem_detail_get(&detail);
	for (i = 0; i < TMEM_TIERS; i++) {
		allocs += detail.tier[i].allocs;
		frees += detail.tier[i].frees;
		dropped += detail.tier[i].dropped;
		live += tmem_tier_live_bytes(&detail.tier[i]);
	}
	if (allocs == detail.stats.allocs && frees == detail.stats.frees &&
	    allocs - frees - dropped == detail.stats.live_blocks &&
	    live == detail.stats.live_bytes)
		return true;
	printf("# tiers: %llu allocs, %llu frees, %llu bytes; stats: %llu, %llu, %llu\n",
	       (unsigned long long)allocs, (unsigned long long)frees,
	       (unsigned long long)live,
	       (unsigned long long)detail.stats.allocs,
	       (unsigned long long)detail.stats.frees,
	       (unsigned long long)detail.stats.live_bytes);
	return false;
}

static int tiers_walk(void *arg)
{
	struct heap_block block[40] = { { .at = NULL } };
	uint64_t random = *(uint64_t *)arg;
	struct tmem_pool *pool;
	unsigned int i;

	if (heap_init())
		return 1;
	pool = tmem_pool_create(NULL);
	for (i = 0; i < HEAP_COUNT(4000, 400); i++) {
		if (!heap_block_step(&block[lt_random(&random) % 40], &random,
				     6 * LT_MIB))
			return 2;
		if (i % 16 == 0)
			tmem_pool_alloc(pool, lt_between(&random, 1, 90000));
		if (i % 64 == 0 && !tiers_agree())
			return 3;
	}
	tmem_pool_destroy(pool);
	for (i = 0; i < 40; i++)
		tmem_free(block[i].at);
	tmem_trim(0);
	return tiers_agree() && !lt_stats().live_blocks ? 0 : 4;
}

TEST(tiers)
{
	uint64_t seed = pace_seed();

	EXPECT_TRUE(LT_EXITED(lt_child(tiers_walk, &seed), 0));
	setenv("TMEM_ANALYTICS", "all", 1);
	EXPECT_TRUE(LT_EXITED(lt_child(tiers_walk, &seed), 0));
	setenv("TMEM_DEBUG", "guard", 1);
	EXPECT_TRUE(LT_EXITED(lt_child(tiers_walk, &seed), 0));
}

TEST(tier_bounds)
{
	static const size_t most[] = { 256,   1024,   4096,    16384,
				       65536, 262144, 1048576, 4194304 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(most); i++) {
		EXPECT_EQ(i, tmem_tier_of_bytes(most[i]));
		EXPECT_EQ(i + 1, tmem_tier_of_bytes(most[i] + 1));
		EXPECT_EQ(i, tmem_tier_of(most[i] / 4));
	}
	EXPECT_EQ(8U, tmem_tier_of_bytes(SIZE_MAX));
	EXPECT_EQ(0U, tmem_tier_of_bytes(0));
}

TEST(hotspots)
{
	struct tmem_hotspot spot[3];
	struct tmem_leak leak;
	void *kept[3];
	unsigned int i;

	ASSERT_EQ(0, an_init(0, 0));
	for (i = 0; i < 100; i++)
		tmem_free(an_alloc("often", 64));
	for (i = 0; i < 3; i++)
		kept[i] = an_alloc("kept", LT_MIB);
	tmem_free(an_alloc("large", 8 * LT_MIB));
	EXPECT_EQ(3, tmem_hotspots_get(TMEM_HOTSPOT_BYTES, spot, 3));
	EXPECT_EQ(an_site("", "large").id, spot[0].site);
	EXPECT_EQ(an_site("", "kept").id, spot[1].site);
	EXPECT_EQ(an_site("", "often").id, spot[2].site);
	EXPECT_EQ(8 * LT_MIB, spot[0].value);
	EXPECT_EQ(1, tmem_hotspots_get(TMEM_HOTSPOT_COUNT, spot, 1));
	EXPECT_EQ(an_site("", "often").id, spot[0].site);
	EXPECT_EQ(1, tmem_hotspots_get(TMEM_HOTSPOT_LIVE, spot, 3));
	EXPECT_EQ(an_site("", "kept").id, spot[0].site);
	EXPECT_EQ(2, tmem_hotspots_get(TMEM_HOTSPOT_CHURN, spot, 3));
	EXPECT_EQ(an_site("", "large").id, spot[0].site);
	EXPECT_EQ(0, tmem_hotspots_get(TMEM_HOTSPOT_LIVE, NULL, 0));
	EXPECT_EQ(0, tmem_leaks_get(&leak, 1));
	for (i = 0; i < 3; i++)
		tmem_free(kept[i]);
}

/* Off and on again: what is seen counts, what is freed unseen does no harm. */
TEST(switched)
{
	struct tmem_analytics_config config = TMEM_ANALYTICS_INIT;
	void *before, *seen, *unseen;

	ASSERT_EQ(0, heap_init());
	before = an_alloc("s", 1000);
	ASSERT_EQ(0, an_init(0, 0));
	seen = an_alloc("s", 1000);
	tmem_analytics_get(&config);
	config.mode = TMEM_ANALYTICS_OFF;
	EXPECT_EQ(0, tmem_analytics_set(&config));
	unseen = an_alloc("s", 1000);
	EXPECT_EQ(1U, an_stats().records);
	EXPECT_EQ(1U, an_site("", "s").allocs);
	tmem_free(before);
	tmem_free(unseen);
	EXPECT_EQ(1U, an_site("", "s").live_blocks);
	config.mode = TMEM_ANALYTICS_ON;
	EXPECT_EQ(0, tmem_analytics_set(&config));
	tmem_free(an_alloc("s", 1000));
	tmem_free(seen);
	EXPECT_EQ(2U, an_site("", "s").frees);
	EXPECT_EQ(0U, an_stats().records);
	EXPECT_EQ(0U, lt_stats().misuse);
}

/* A second free of a block that was recorded is refused like any other. */
TEST(misuse)
{
	void *block;

	ASSERT_EQ(0, an_init(0, 0));
	block = an_alloc("m", 5000);
	tmem_free(block);
	tmem_free(block);
	block = an_alloc("m", 500000);
	tmem_free(block);
	tmem_free(block);
	EXPECT_EQ(2U, lt_stats().misuse);
	EXPECT_EQ(2U, an_site("", "m").frees);
}

TEST_HARNESS_MAIN
