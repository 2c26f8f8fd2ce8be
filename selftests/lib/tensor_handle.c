// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that the contents of a handle stay what they are while blocks are
 * moved, that what is pinned never moves and what is not does, that sparse
 * spans are emptied and given back, as far as could be and no further, within
 * the budget or in the next call; that pin, unpin, free and fork may come at
 * any moment of it; and that each misuse is told.
 */
#include "heap_test.h"

static struct tmem_defrag_report defragment(struct tmem_pool *pool,
					    uint64_t budget_us)
{
	struct tmem_defrag_report report = TMEM_DEFRAG_REPORT_INIT;

	if (tmem_defragment(pool, budget_us, &report))
		memset(&report, 0xff, sizeof(report));
	return report;
}

/* A handle whose contents are known; NULL: it could not be made. */
static struct tmem_handle *handle_made(struct tmem_pool *pool, size_t size,
				       uint64_t tag)
{
	struct tmem_handle *handle = tmem_handle_new(pool, size);
	void *at = handle ? tmem_handle_pin(handle) : NULL;

	if (!at || (uintptr_t)at % 64)
		return NULL;
	lt_fill(at, size, tag);
	tmem_handle_unpin(handle);
	return handle;
}

static bool handle_kept(struct tmem_handle *handle, size_t size, uint64_t tag)
{
	void *at = tmem_handle_pin(handle);
	bool kept = at && tmem_handle_size(handle) == size &&
		    lt_kept(at, size, tag);

	tmem_handle_unpin(handle);
	return kept;
}

TEST(calls)
{
	const size_t sizes[] = { 0,	1,	4096,	    32768,
				 32769, 100000, 2 * LT_MIB, 5 * LT_MIB };
	struct tmem_handle *handle;
	struct lt_log log;
	char *at;
	size_t i;

	ASSERT_EQ(0, heap_init());
	lt_listen(&log);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		handle = handle_made(NULL, sizes[i], i);
		ASSERT_NE(NULL, handle);
		EXPECT_EQ(sizes[i], tmem_handle_size(handle));
		at = tmem_handle_pin(handle);
		EXPECT_EQ(at, tmem_handle_pin(handle));
		EXPECT_EQ(-EBUSY, tmem_handle_free(handle));
		EXPECT_EQ(0, tmem_handle_unpin(handle));
		EXPECT_EQ(-EBUSY, tmem_handle_free(handle));
		EXPECT_EQ(0, tmem_handle_unpin(handle));
		EXPECT_EQ(0U, atomic_load(&log.lines));
		EXPECT_EQ(-EINVAL, tmem_handle_unpin(handle));
		EXPECT_TRUE(lt_heard(&log, TMEM_LOG_ERROR, "not pinned"));
		EXPECT_TRUE(handle_kept(handle, sizes[i], i));
		EXPECT_EQ(0, tmem_handle_free(handle));
		errno = 0;
		EXPECT_EQ(NULL, tmem_handle_pin(handle));
		EXPECT_EQ(EINVAL, errno);
		EXPECT_EQ(0U, tmem_handle_size(handle));
		EXPECT_EQ(-EINVAL, tmem_handle_free(handle));
		EXPECT_TRUE(lt_heard(&log, TMEM_LOG_ERROR, "freed before"));
	}
	EXPECT_EQ(0, tmem_handle_free(NULL));
	EXPECT_EQ(NULL, tmem_handle_pin(NULL));
	EXPECT_EQ(-EINVAL, tmem_handle_unpin(NULL));
	EXPECT_EQ(0U, tmem_handle_size(NULL));
	errno = 0;
	EXPECT_EQ(NULL, tmem_handle_new(NULL, SIZE_MAX / 2));
	EXPECT_EQ(ENOMEM, errno);
	EXPECT_TRUE(heap_empty());
	tmem_set_log(NULL, NULL);
}

/*
 * The adversary: fills spans with blocks, then frees most of them so that each
 * span keeps a few.  Sizes that do not divide a span, in random order.
 */
#define ADVERSARY_MAX 20000

struct adversary {
	struct tmem_handle *handle[ADVERSARY_MAX];
	size_t size[ADVERSARY_MAX];
	unsigned int count;
	uint64_t random;
};

static bool adversary_fill(struct adversary *a, struct tmem_pool *pool,
			   size_t bytes, size_t largest)
{
	size_t size;

	for (a->count = 0; bytes && a->count < ADVERSARY_MAX; a->count++) {
		size = lt_between(&a->random, 1, largest);
		a->size[a->count] = size;
		a->handle[a->count] = handle_made(pool, size, a->count);
		if (!a->handle[a->count])
			return false;
		bytes -= size < bytes ? size : bytes;
	}
	return true;
}

/* Of a hundred blocks, so many stay. */
static void adversary_thin(struct adversary *a, unsigned int percent)
{
	unsigned int i;

	for (i = 0; i < a->count; i++) {
		if (lt_random(&a->random) % 100 < percent)
			continue;
		tmem_handle_free(a->handle[i]);
		a->handle[i] = NULL;
	}
}

static bool adversary_kept(struct adversary *a)
{
	unsigned int i;

	for (i = 0; i < a->count; i++)
		if (a->handle[i] && !handle_kept(a->handle[i], a->size[i], i))
			return false;
	return true;
}

static bool adversary_end(struct adversary *a)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < a->count; i++)
		err |= tmem_handle_free(a->handle[i]);
	return !err;
}

static double fragmentation(uint64_t used, uint64_t busy)
{
	return busy ? 100.0 * (1.0 - (double)used / (double)busy) : 0;
}

/* Hardly more spans than what is in them takes. */
static bool packed(const struct tmem_defrag_report *r)
{
	return r->busy_after <= r->used_after / 100 * 115 + 3 * LT_SPAN;
}

static void report_print(const struct tmem_defrag_report *r)
{
	printf("# fragmentation %.1f %% -> %.1f %%, busy %llu -> %llu MiB, moved %llu blocks, %llu KiB, returned %llu MiB, pinned %llu, no room %llu, %llu us%s\n",
	       fragmentation(r->used_before, r->busy_before),
	       fragmentation(r->used_after, r->busy_after),
	       (unsigned long long)r->busy_before >> 20,
	       (unsigned long long)r->busy_after >> 20,
	       (unsigned long long)r->moved_blocks,
	       (unsigned long long)r->moved_bytes >> 10,
	       (unsigned long long)r->returned_bytes >> 20,
	       (unsigned long long)r->pinned_blocks,
	       (unsigned long long)r->no_room, (unsigned long long)r->us,
	       r->more ? ", more to do" : "");
}

#define FILLED (LT_COUNT(128, 32) * LT_MIB)

TEST(sparse_spans_are_emptied)
{
	static struct adversary a;
	struct tmem_defrag_report r;
	struct tmem_stats before, after;

	a.random = pace_seed();
	ASSERT_EQ(0, heap_init());
	ASSERT_TRUE(adversary_fill(&a, NULL, FILLED, 256 * LT_KIB));
	adversary_thin(&a, 15);
	before = lt_stats();
	r = defragment(NULL, 0);
	EXPECT_EQ(0U, r.moved_blocks);
	EXPECT_EQ(r.busy_before, r.busy_after);
	EXPECT_EQ(before.spans_busy * LT_SPAN, r.busy_before);
	EXPECT_LT(60, fragmentation(r.used_before, r.busy_before));
	r = defragment(NULL, UINT64_MAX);
	report_print(&r);
	after = lt_stats();
	EXPECT_EQ(after.spans_busy * LT_SPAN, r.busy_after);
	EXPECT_EQ(r.used_before, r.used_after);
	EXPECT_TRUE(packed(&r));
	EXPECT_EQ(r.busy_before - r.busy_after, r.emptied_spans * LT_SPAN);
	EXPECT_EQ(r.emptied_spans * LT_SPAN, r.returned_bytes);
	EXPECT_LT(0U, r.moved_bytes);
	EXPECT_EQ(0U, r.more);
	EXPECT_EQ(0U, r.pinned_blocks);
	EXPECT_EQ(before.live_blocks, after.live_blocks);
	EXPECT_EQ(before.live_bytes, after.live_bytes);
	EXPECT_EQ(before.waste_bytes, after.waste_bytes);
	EXPECT_EQ(before.spans_filled, after.spans_filled);
	EXPECT_EQ(0, tmem_check());
	EXPECT_TRUE(adversary_kept(&a));
	EXPECT_TRUE(adversary_end(&a));
	EXPECT_TRUE(heap_empty());
	EXPECT_TRUE(heap_whole(300));
}

/* The lists of free pages hold little but those of spans that are to go. */
TEST(many_small_blocks)
{
	static struct adversary a;
	struct tmem_defrag_report r;

	a.random = pace_seed();
	ASSERT_EQ(0, heap_init());
	ASSERT_TRUE(adversary_fill(&a, NULL, FILLED, 16 * LT_KIB));
	adversary_thin(&a, 30);
	r = defragment(NULL, UINT64_MAX);
	report_print(&r);
	EXPECT_TRUE(packed(&r));
	EXPECT_EQ(0, tmem_check());
	EXPECT_TRUE(adversary_kept(&a));
	EXPECT_TRUE(adversary_end(&a));
	EXPECT_TRUE(heap_empty());
}

/* The calls until nothing is left to do, each with time for one block. */
static int one_by_one(void)
{
	struct tmem_defrag_report r;
	int calls = 0;

	do {
		r = defragment(NULL, 1);
		calls++;
	} while (r.moved_blocks && r.more && calls < 10000);
	return r.more ? -1 : calls;
}

/* They come to an end: no block goes to and fro. */
TEST(within_the_budget_and_in_the_next_call)
{
	static struct adversary a;
	struct tmem_defrag_report before, r;
	int round, calls;

	a.random = pace_seed();
	ASSERT_EQ(0, heap_init());
	for (round = 0; round < 12; round++) {
		ASSERT_TRUE(adversary_fill(&a, NULL, FILLED, 256 * LT_KIB));
		adversary_thin(&a, 15);
		before = defragment(NULL, 0);
		calls = one_by_one();
		EXPECT_LT(1, calls);
		r = defragment(NULL, 0);
		EXPECT_LT(r.busy_after, before.busy_before);
		EXPECT_TRUE(packed(&r));
		EXPECT_TRUE(adversary_kept(&a));
		/* Done is done: there is nothing left to gain by moving. */
		r = defragment(NULL, UINT64_MAX);
		EXPECT_GE(2 * LT_SPAN, r.returned_bytes);
		EXPECT_TRUE(adversary_end(&a));
		EXPECT_TRUE(heap_empty());
	}
}

TEST(pinned_blocks_stay)
{
	static struct adversary a;
	static char *at[ADVERSARY_MAX];
	struct tmem_defrag_report r;
	unsigned int i, pins = 0;

	a.random = pace_seed();
	ASSERT_EQ(0, heap_init());
	ASSERT_TRUE(adversary_fill(&a, NULL, FILLED, 100 * LT_KIB));
	adversary_thin(&a, 20);
	for (i = 0; i < a.count; i++)
		if (a.handle[i] && lt_random(&a.random) % 20 == 0) {
			at[i] = tmem_handle_pin(a.handle[i]);
			pins++;
		}
	r = defragment(NULL, UINT64_MAX);
	report_print(&r);
	ASSERT_LT(0U, pins);
	EXPECT_EQ(pins, r.pinned_blocks);
	for (i = 0; i < a.count; i++) {
		if (!at[i])
			continue;
		EXPECT_EQ(at[i], tmem_handle_pin(a.handle[i]));
		EXPECT_EQ(0, tmem_handle_unpin(a.handle[i]));
		EXPECT_TRUE(lt_kept(at[i], a.size[i], i));
	}
	/* A block that cannot move keeps its span, whatever else is in it. */
	EXPECT_LE(pins ? 1U : 0U, r.busy_after / LT_SPAN);
	for (i = 0; i < a.count; i++)
		if (at[i])
			tmem_handle_unpin(a.handle[i]);
	r = defragment(NULL, UINT64_MAX);
	report_print(&r);
	EXPECT_TRUE(packed(&r));
	EXPECT_TRUE(adversary_kept(&a));
	EXPECT_TRUE(adversary_end(&a));
	EXPECT_TRUE(heap_empty());
}

/* A handle's block alone in a span, or with its like, may move. */
static bool in_one_span_of(struct tmem_handle *handle, void *const at[],
			   unsigned int count)
{
	uintptr_t span = (uintptr_t)tmem_handle_pin(handle) / LT_SPAN;
	unsigned int i;

	tmem_handle_unpin(handle);
	for (i = 0; i < count; i++)
		if ((uintptr_t)at[i] / LT_SPAN == span)
			return true;
	return false;
}

TEST(other_blocks_keep_their_spans)
{
	static struct adversary a;
	struct tmem_handle *handle[64];
	struct tmem_defrag_report r;
	unsigned int i, loose = 0;
	void *plain[64];

	lt_stay();
	a.random = pace_seed();
	ASSERT_EQ(0, heap_init());
	for (i = 0; i < 64; i++) {
		ASSERT_TRUE(adversary_fill(&a, NULL, LT_SPAN, 100 * LT_KIB));
		plain[i] = lt_filled(50000, i);
		handle[i] = handle_made(NULL, 50000, i);
		adversary_end(&a);
	}
	for (i = 0; i < 64; i++)
		loose += !in_one_span_of(handle[i], plain, 64);
	printf("# %u of 64 without another block\n", loose);
	EXPECT_GT(16U, loose);
	r = defragment(NULL, UINT64_MAX);
	EXPECT_GE(loose, r.moved_blocks);
	EXPECT_GE(loose * LT_SPAN, r.busy_before - r.busy_after);
	for (i = 0; i < 64; i++) {
		EXPECT_TRUE(lt_kept(plain[i], 50000, i));
		EXPECT_TRUE(handle_kept(handle[i], 50000, i));
		tmem_handle_free(handle[i]);
		tmem_free(plain[i]);
	}
	EXPECT_TRUE(heap_empty());
}

TEST(large_blocks_stay)
{
	struct tmem_handle *handle[10];
	struct tmem_defrag_report r;
	unsigned int i;

	ASSERT_EQ(0, heap_init());
	for (i = 0; i < 10; i++)
		handle[i] = handle_made(NULL, 3 * LT_MIB, i);
	r = defragment(NULL, UINT64_MAX);
	EXPECT_EQ(0U, r.moved_blocks);
	for (i = 0; i < 10; i++) {
		EXPECT_TRUE(handle_kept(handle[i], 3 * LT_MIB, i));
		EXPECT_EQ(0, tmem_handle_free(handle[i]));
	}
	EXPECT_TRUE(heap_empty());
}

TEST(a_pool_by_itself)
{
	struct tmem_pool_config config = TMEM_POOL_CONFIG_INIT;
	static struct adversary a, b;
	struct tmem_defrag_report r;
	struct tmem_pool *pool;
	struct lt_log log;
	unsigned int i;

	a.random = pace_seed();
	b.random = a.random + 1;
	ASSERT_EQ(0, heap_init());
	config.strategy = TMEM_STRATEGY_SIZE_CLASS;
	pool = tmem_pool_create(&config);
	ASSERT_TRUE(adversary_fill(&a, pool, FILLED / 2, 100 * LT_KIB));
	ASSERT_TRUE(adversary_fill(&b, NULL, FILLED / 2, 100 * LT_KIB));
	adversary_thin(&a, 10);
	adversary_thin(&b, 10);
	r = defragment(pool, UINT64_MAX);
	report_print(&r);
	EXPECT_TRUE(packed(&r));
	r = defragment(NULL, 0);
	EXPECT_LT(60, fragmentation(r.used_before, r.busy_before));
	EXPECT_TRUE(adversary_kept(&a));
	EXPECT_TRUE(adversary_kept(&b));
	/* What went with its pool is told, and costs nobody else anything. */
	tmem_pool_destroy(pool);
	lt_listen(&log);
	for (i = 0; i < a.count; i++) {
		if (!a.handle[i])
			continue;
		errno = 0;
		EXPECT_EQ(NULL, tmem_handle_pin(a.handle[i]));
		EXPECT_EQ(EINVAL, errno);
	}
	EXPECT_TRUE(adversary_end(&a));
	EXPECT_EQ(0U, atomic_load(&log.lines));
	EXPECT_TRUE(adversary_kept(&b));
	EXPECT_TRUE(adversary_end(&b));
	EXPECT_TRUE(heap_empty());
	tmem_set_log(NULL, NULL);
}

TEST(guard_mode)
{
	struct tmem_config config = TMEM_CONFIG_INIT;
	static struct adversary a;
	struct tmem_defrag_report r;

	a.random = pace_seed();
	config.backend = lt_backend();
	config.debug = TMEM_DEBUG_GUARD;
	ASSERT_EQ(0, tmem_init(&config));
	ASSERT_TRUE(adversary_fill(&a, NULL, 16 * LT_MIB, 100 * LT_KIB));
	adversary_thin(&a, 10);
	r = defragment(NULL, UINT64_MAX);
	EXPECT_EQ(0U, r.moved_blocks);
	EXPECT_TRUE(adversary_kept(&a));
	EXPECT_TRUE(adversary_end(&a));
	EXPECT_EQ(0U, lt_stats().misuse);
}

TEST(struct_size)
{
	struct tmem_defrag_report report = TMEM_DEFRAG_REPORT_INIT;

	EXPECT_EQ(0, tmem_defragment(NULL, UINT64_MAX, NULL));
	report.struct_size = 0;
	EXPECT_EQ(-EINVAL, tmem_defragment(NULL, UINT64_MAX, &report));
	report.struct_size = offsetof(struct tmem_defrag_report, us);
	report.us = 77777;
	EXPECT_EQ(0, tmem_defragment(NULL, UINT64_MAX, &report));
	EXPECT_EQ(77777U, report.us);
}

TEST_HARNESS_MAIN
