// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves guard mode: a write past a block, before it and after it was freed is
 * each reported once, with the block, the offset, and the calls that allocated
 * and freed it; where nothing is wrong nothing is said, whatever the size, the
 * alignment, the pool and the thread; and the quarantine is bounded, and empty
 * after tmem_trim().
 */
#include "heap_test.h"

#define KEEPS_BLOCKS 256
#define KEEPS_BYTES (16 * LT_MIB)

/* clang-format off */
static const size_t sizes[] = {
	1, 63, 64, 65, 100, 1000, 4096, 5000, 32640, 32768, 32769, 100000,
	LT_MIB, LT_MIB + 1, LT_SPAN - 1, LT_SPAN, 5 * LT_MIB + 77, 12 * LT_MIB,
};
/* clang-format on */

/* In sections of their own, so that it is known where each begins and ends. */
extern const char __start_tmem_taken[], __stop_tmem_taken[];
extern const char __start_tmem_first[], __stop_tmem_first[];
extern const char __start_tmem_again[], __stop_tmem_again[];

enum how { BY_ALLOC, BY_ZALLOC, BY_ALIGNED, BY_POOL, BY_REALLOC, BY_MANAGER };
#define HOWS 6

static __attribute__((noinline, section("tmem_taken"))) char *take(enum how how,
								   size_t size)
{
	void *block = NULL;

	switch (how) {
	case BY_ALLOC:
		block = tmem_alloc(size);
		break;
	case BY_ZALLOC:
		block = tmem_zalloc(size);
		break;
	case BY_ALIGNED:
		block = tmem_aligned_alloc(256, size);
		break;
	case BY_POOL:
		block = tmem_pool_alloc(NULL, size);
		break;
	case BY_REALLOC:
		block = tmem_realloc(NULL, size);
		break;
	case BY_MANAGER:
		block = tmem_manager_alloc(tmem_manager_f32(), size / 4);
		break;
	}
	lt_no_tail_call();
	return block;
}

static __attribute__((noinline, section("tmem_taken"))) char *
retake(char *block, size_t size)
{
	block = tmem_realloc(block, size);
	lt_no_tail_call();
	return block;
}

static __attribute__((noinline, section("tmem_first"))) void
free_first(void *ptr)
{
	tmem_free(ptr);
	lt_no_tail_call();
}

static __attribute__((noinline, section("tmem_again"))) void
free_again(void *ptr)
{
	tmem_free(ptr);
	lt_no_tail_call();
}

/* A number between these is in the line. */
static bool names(const char *line, const char *start, const char *stop)
{
	const char *p = line;
	uintptr_t at;
	char *end;

	while ((p = strstr(p, "0x"))) {
		at = strtoull(p, &end, 16);
		if (at > (uintptr_t)start && at <= (uintptr_t)stop)
			return true;
		p = end;
	}
	return false;
}

static bool names_taken(const struct lt_log *log)
{
	return names(log->last, __start_tmem_taken, __stop_tmem_taken);
}

static bool names_first(const struct lt_log *log)
{
	return names(log->last, __start_tmem_first, __stop_tmem_first);
}

static bool names_again(const struct lt_log *log)
{
	return names(log->last, __start_tmem_again, __stop_tmem_again);
}

FIXTURE(guard)
{
	struct lt_log log;
	uint64_t misuse; /* expected */
};

FIXTURE_SETUP(guard)
{
	struct tmem_config config = TMEM_CONFIG_INIT;

	setenv("TMEM_GC", "off", 1);
	config.backend = lt_backend();
	config.debug = TMEM_DEBUG_GUARD;
	ASSERT_EQ(0, tmem_init(&config));
	lt_listen(&self->log);
}

FIXTURE_TEARDOWN(guard)
{
	EXPECT_EQ(0U, atomic_load(&self->log.lines));
	EXPECT_TRUE(heap_whole(300));
	EXPECT_TRUE(heap_empty());
	EXPECT_EQ(0U, lt_stats().waste_bytes);
	EXPECT_EQ(self->misuse, lt_stats().misuse);
	EXPECT_EQ(0U, atomic_load(&self->log.lines))
	TH_LOG("'%s'", self->log.last);
	tmem_set_log(NULL, NULL);
}

/* One line: the block, the offset, and how; and the count goes up. */
static bool heard(struct lt_log *log, const void *block, ptrdiff_t at,
		  const char *how)
{
	char word[80];

	snprintf(word, sizeof(word), "written at offset %td, %s", at, how);
	if (!lt_heard(log, TMEM_LOG_ERROR, word))
		return false;
	snprintf(word, sizeof(word), "block %p of ", block);
	if (strstr(log->last, word) && names_taken(log) && names_first(log))
		return true;
	printf("# no block, or no place: '%s'\n", log->last);
	return false;
}

/* By one byte, and by more. */
TEST_F(guard, past_the_end)
{
	const size_t off[] = { 0, 1, 7, 63 };
	size_t i, k;
	char *block;

	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		for (k = 0; k < ARRAY_SIZE(off); k++) {
			block = take(BY_ALLOC, sizes[i]);
			ASSERT_NE(NULL, block);
			memset(block, 0, sizes[i]);
			block[sizes[i] + off[k]] = 0;
			free_first(block);
			EXPECT_TRUE(heard(&self->log, block,
					  (ptrdiff_t)(sizes[i] + off[k]),
					  "past its end"));
			self->misuse++;
		}
}

TEST_F(guard, before_the_start)
{
	const ptrdiff_t off[] = { -1, -2, -8, -63, -64 };
	size_t i, k;
	char *block;

	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		for (k = 0; k < ARRAY_SIZE(off); k++) {
			block = take(BY_ALLOC, sizes[i]);
			ASSERT_NE(NULL, block);
			block[off[k]] = 0;
			free_first(block);
			EXPECT_TRUE(heard(&self->log, block, off[k],
					  "before its start"));
			self->misuse++;
		}
}

/* At both ends of the block; found by a flush. */
TEST_F(guard, after_it_was_freed)
{
	size_t i, k, at;
	char *block;

	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		for (k = 0; k < 2; k++) {
			at = k ? sizes[i] - 1 : 0;
			block = take(BY_ALLOC, sizes[i]);
			ASSERT_NE(NULL, block);
			free_first(block);
			block[at] = 0;
			EXPECT_EQ(0U, atomic_load(&self->log.lines));
			tmem_trim(0);
			EXPECT_TRUE(heard(&self->log, block, (ptrdiff_t)at,
					  "after it was freed"));
			self->misuse++;
		}
}

/* And beside a freed block, which is a kind of its own. */
TEST_F(guard, beside_a_freed_block)
{
	char *block = take(BY_ALLOC, 1000);

	free_first(block);
	block[1000] = 1;
	tmem_trim(SIZE_MAX);
	EXPECT_TRUE(heard(&self->log, block, 1000, "past its end"));
	block = take(BY_ALLOC, 1000);
	free_first(block);
	block[-5] = 1;
	tmem_trim(SIZE_MAX);
	EXPECT_TRUE(heard(&self->log, block, -5, "before its start"));
	self->misuse = 2;
}

/* What was reported when it was freed is not reported again. */
TEST_F(guard, reported_once)
{
	char *block = take(BY_ALLOC, 300);

	block[-1] = 1;
	block[300] = 1;
	free_first(block);
	EXPECT_EQ(2U, atomic_exchange(&self->log.lines, 0));
	tmem_trim(0);
	EXPECT_EQ(0U, atomic_load(&self->log.lines));
	self->misuse = 2;
}

TEST_F(guard, every_call_is_a_site)
{
	enum how how;
	char *block;

	for (how = 0; how < HOWS; how++) {
		block = take(how, 400);
		ASSERT_NE(NULL, block);
		block[400] = 1;
		free_first(block);
		EXPECT_TRUE(heard(&self->log, block, 400, "past its end"))
		TH_LOG("call %d", (int)how);
	}
	block = retake(take(BY_ALLOC, 40), 400);
	block[400] = 1;
	free_first(block);
	EXPECT_TRUE(heard(&self->log, block, 400, "past its end"));
	self->misuse = HOWS + 1;
}

/* The old block of a realloc is a freed one. */
TEST_F(guard, after_realloc)
{
	char *block = tmem_alloc(400), *moved;

	lt_fill(block, 400, 1);
	moved = retake(block, 390);
	EXPECT_NE(block, moved);
	EXPECT_TRUE(lt_kept_to(moved, 400, 390, 1));
	EXPECT_EQ(390U, tmem_usable_size(moved));
	block[3] = 1;
	tmem_trim(0);
	EXPECT_TRUE(lt_heard(&self->log, TMEM_LOG_ERROR,
			     "written at offset 3, after it was freed"));
	EXPECT_TRUE(names_taken(&self->log));
	free_first(moved);
	self->misuse = 1;
}

/* In the quarantine all three places are known, after it two. */
TEST_F(guard, freed_twice)
{
	size_t i;
	char *block;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		block = take(BY_ALLOC, sizes[i]);
		free_first(block);
		free_again(block);
		EXPECT_TRUE(lt_heard(&self->log, TMEM_LOG_ERROR, "tmem_free"));
		EXPECT_TRUE(names_taken(&self->log));
		EXPECT_TRUE(names_first(&self->log));
		EXPECT_TRUE(names_again(&self->log));
		errno = 0;
		EXPECT_EQ(NULL, tmem_realloc(block, 5));
		EXPECT_EQ(EINVAL, errno);
		EXPECT_TRUE(
			lt_heard(&self->log, TMEM_LOG_ERROR, "tmem_realloc"));
		EXPECT_TRUE(names_first(&self->log));
		EXPECT_EQ(0U, tmem_usable_size(block));
		lt_drain();
		free_again(block);
		EXPECT_TRUE(lt_heard(&self->log, TMEM_LOG_ERROR, "tmem_free"));
		EXPECT_TRUE(names_first(&self->log));
		EXPECT_TRUE(names_again(&self->log));
		self->misuse += 3;
	}
}

/* Foreign pointers, and the heap's own block around the user's. */
TEST_F(guard, not_a_block)
{
	char *block = tmem_alloc(1000);
	int local;

	tmem_free(&local);
	EXPECT_TRUE(lt_heard(&self->log, TMEM_LOG_ERROR, "never allocated"));
	tmem_free(block - 64);
	EXPECT_TRUE(lt_heard(&self->log, TMEM_LOG_ERROR, "never allocated"));
	tmem_free(block + 64);
	EXPECT_TRUE(lt_heard(&self->log, TMEM_LOG_ERROR, "never allocated"));
	tmem_free((void *)1);
	EXPECT_TRUE(lt_heard(&self->log, TMEM_LOG_ERROR, "never allocated"));
	EXPECT_EQ(1000U, tmem_usable_size(block));
	tmem_free(block);
	self->misuse = 4;
}

/* Every byte is that. */
static bool all_are(const char *block, size_t size, unsigned char byte)
{
	return (unsigned char)block[0] == byte &&
	       !memcmp(block, block + 1, size - 1);
}

TEST_F(guard, contents)
{
	char *block = tmem_alloc(5000);
	float number;

	EXPECT_TRUE(all_are(block, 5000, 0xff));
	memcpy(&number, block, sizeof(number));
	EXPECT_NE(number, number);
	tmem_free(block);
	EXPECT_TRUE(all_are(block, 5000, 0xde));
	block = tmem_alloc(20 * LT_MIB);
	EXPECT_TRUE(all_are(block, 64 * LT_KIB, 0xff));
	EXPECT_TRUE(
		all_are(block + 20 * LT_MIB - 64 * LT_KIB, 64 * LT_KIB, 0xff));
	tmem_free(block);
	block = tmem_zalloc(3 * LT_MIB);
	EXPECT_TRUE(lt_zero(block, 3 * LT_MIB));
	tmem_free(block);
}

/* The oldest leave when there are too many, and are looked at then. */
TEST_F(guard, bounded_by_blocks)
{
	char *block = take(BY_ALLOC, 100);
	unsigned int i;

	free_first(block);
	block[50] = 1;
	for (i = 1; i < KEEPS_BLOCKS; i++)
		tmem_free(tmem_alloc(100));
	EXPECT_EQ(0U, atomic_load(&self->log.lines));
	tmem_free(tmem_alloc(100));
	EXPECT_TRUE(heard(&self->log, block, 50, "after it was freed"));
	self->misuse = 1;
}

TEST_F(guard, bounded_by_bytes)
{
	char *block = take(BY_ALLOC, 100);
	unsigned int i;

	free_first(block);
	block[50] = 1;
	/* Larger than the quarantine: does not displace what is in it. */
	tmem_free(tmem_alloc(KEEPS_BYTES));
	for (i = 0; i < 3; i++)
		tmem_free(tmem_alloc(KEEPS_BYTES / 4));
	EXPECT_EQ(0U, atomic_load(&self->log.lines));
	tmem_free(tmem_alloc(KEEPS_BYTES / 4));
	EXPECT_TRUE(heard(&self->log, block, 50, "after it was freed"));
	EXPECT_GE(KEEPS_BYTES + 2 * LT_SPAN, lt_stats().spans_busy * LT_SPAN);
	self->misuse = 1;
}

/* What is in the quarantine is not live, and not lost. */
TEST_F(guard, counted)
{
	struct tmem_stats s;
	char *block[3];

	block[0] = tmem_alloc(100);
	block[1] = tmem_aligned_alloc(LT_SPAN, 3 * LT_MIB);
	block[2] = tmem_alloc(0);
	s = lt_stats();
	EXPECT_EQ(3U, s.live_blocks);
	EXPECT_EQ(100 + 3 * LT_MIB + 1, s.live_bytes);
	EXPECT_EQ(s.live_bytes, s.peak_live_bytes);
	EXPECT_EQ(0U, s.waste_bytes);
	tmem_free(block[0]);
	tmem_free(block[1]);
	tmem_free(block[2]);
	s = lt_stats();
	EXPECT_EQ(3U, s.frees);
	EXPECT_EQ(0U, s.live_blocks);
	EXPECT_EQ(0U, s.live_bytes);
	EXPECT_LT(0U, s.spans_busy);
	tmem_trim(0);
	s = lt_stats();
	EXPECT_EQ(3U, s.allocs);
	EXPECT_EQ(3U, s.frees);
	EXPECT_EQ(0U, s.live_bytes);
	EXPECT_EQ(0U, s.spans_busy);
	EXPECT_EQ(100 + 3 * LT_MIB + 1, s.peak_live_bytes);
}

/* A pool's blocks are looked at when it goes, live or not. */
TEST_F(guard, pool_destroyed)
{
	struct tmem_pool *pool = tmem_pool_create(NULL);
	char *live = tmem_pool_alloc(pool, 500);
	char *dead = tmem_pool_alloc(pool, 700);
	char *other = tmem_alloc(500);
	unsigned int i;

	for (i = 0; i < 1000; i++)
		tmem_pool_alloc(pool, i * 50);
	live[500] = 1;
	tmem_pool_destroy(pool);
	EXPECT_TRUE(lt_heard(&self->log, TMEM_LOG_ERROR,
			     "live: written at offset 500, past its end"));
	pool = tmem_pool_create(NULL);
	dead = tmem_pool_alloc(pool, 700);
	tmem_free(dead);
	dead[3] = 1;
	tmem_pool_destroy(pool);
	EXPECT_TRUE(lt_heard(&self->log, TMEM_LOG_ERROR,
			     "written at offset 3, after it was freed"));
	tmem_free(dead);
	EXPECT_TRUE(lt_heard(&self->log, TMEM_LOG_ERROR, "tmem_free"));
	EXPECT_EQ(500U, tmem_usable_size(other));
	tmem_free(other);
	self->misuse = 3;
}

/* All that lies around a block is written over, and nothing happens to others. */
TEST_F(guard, neighbours)
{
	char *block[32];
	unsigned int i;

	for (i = 0; i < 32; i++) {
		block[i] = tmem_alloc(192);
		lt_fill(block[i], 192, i);
	}
	memset(block[7] - 64, 0x11, 64);
	memset(block[7] + 192, 0x11, 64);
	for (i = 0; i < 32; i++) {
		EXPECT_TRUE(lt_kept(block[i], 192, i));
		tmem_free(block[i]);
		EXPECT_EQ(i == 7 ? 2U : 0U,
			  atomic_exchange(&self->log.lines, 0));
	}
	self->misuse = 2;
}

/* Random sizes, alignments and pools; every byte that is promised is used. */
TEST_F(guard, model)
{
	enum { LIVE = 300 };
	unsigned int steps = HEAP_COUNT(40000, 4000), i;
	struct heap_block block[LIVE] = { { .at = NULL } };
	uint64_t random = pace_seed();
	struct tmem_pool *pool[2];
	size_t align, size, k;
	char *at;

	pool[0] = NULL;
	pool[1] = tmem_pool_create(NULL);
	for (i = 0; i < steps; i++) {
		k = lt_random(&random) % LIVE;
		if (block[k].at) {
			ASSERT_TRUE(heap_block_step(&block[k], &random,
						    100 * LT_KIB));
			continue;
		}
		size = heap_size(&random, k < 3 ? 5 * LT_MIB : 40000);
		align = (size_t)1 << lt_random(&random) % (k < 3 ? 24 : 13);
		at = lt_random(&random) % 2 ?
			     tmem_aligned_alloc(align, size) :
			     tmem_pool_alloc(pool[lt_random(&random) % 2],
					     size);
		ASSERT_TRUE(heap_block_take(&block[k], at, size, i));
		ASSERT_EQ(size, block[k].usable);
		if (!(i % 1024)) {
			ASSERT_EQ(0, tmem_check());
		}
	}
	for (k = 0; k < LIVE; k++)
		ASSERT_TRUE(heap_block_free(&block[k]));
	tmem_pool_destroy(pool[1]);
}

/* The largest alignments that a small machine has room for. */
TEST_F(guard, alignments)
{
	size_t align, i;
	char *block;

	for (align = 1; align <= 64 * LT_MIB; align *= 2)
		for (i = 0; i < ARRAY_SIZE(sizes); i += 3) {
			block = tmem_aligned_alloc(align, sizes[i]);
			ASSERT_NE(NULL, block);
			ASSERT_EQ(0U, (uintptr_t)block % align);
			ASSERT_EQ(sizes[i], tmem_usable_size(block));
			memset(block, 3, sizes[i]);
			ASSERT_EQ(0, tmem_check());
			tmem_free(block);
		}
	/* What lies in front because of the alignment is not kept. */
	tmem_trim(0);
	block = tmem_aligned_alloc(16 * LT_MIB, 100);
	ASSERT_NE(NULL, block);
	EXPECT_GE(2U, lt_stats().spans_busy);
	tmem_free(block);
}

/* Blocks go from hand to hand. */
static _Atomic(char *) hand[64];

#define HAND_SIZE(i) (100 + (i)*300)

static void *hand_run(void *arg)
{
	uint64_t random = (uintptr_t)arg;
	unsigned int steps = HEAP_COUNT(20000, 2000), i;
	uintptr_t bad = 0;
	char *block;
	size_t k;

	for (i = 0; i < steps; i++) {
		k = lt_random(&random) % ARRAY_SIZE(hand);
		block = tmem_alloc(HAND_SIZE(k));
		if (!block)
			return (void *)1;
		lt_fill(block, HAND_SIZE(k), k);
		block = atomic_exchange(&hand[k], block);
		bad |= block && !lt_kept(block, HAND_SIZE(k), k);
		tmem_free(block);
		if (!(lt_random(&random) % 500))
			tmem_trim(0);
	}
	return (void *)bad;
}

TEST_F(guard, threads)
{
	pthread_t thread[4];
	void *bad;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(thread); i++)
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, hand_run,
					    (void *)(i * 1000)));
	for (i = 0; i < ARRAY_SIZE(thread); i++) {
		pthread_join(thread[i], &bad);
		EXPECT_EQ(NULL, bad);
	}
	for (i = 0; i < ARRAY_SIZE(hand); i++)
		tmem_free(hand[i]);
}

/* The child of a fork: 0 if all is as it should be. */
static int guard_child(void *arg)
{
	char **block = arg, *mine;
	struct lt_log log;

	lt_listen(&log);
	if (tmem_usable_size(block[0]) != 3000 || !lt_kept(block[0], 3000, 1))
		return 1;
	tmem_free(block[0]);
	/* On the device it stays the parent's, and that is said. */
	if (lt_backend() == TMEM_BACKEND_DEV &&
	    !lt_heard(&log, TMEM_LOG_WARN, "the parent process's"))
		return 5;
	free_again(block[1]);
	if (!lt_heard(&log, TMEM_LOG_ERROR, "tmem_free") || !names_first(&log))
		return 2;
	mine = tmem_alloc(200);
	if (!mine)
		return 3;
	mine[200] = 1;
	tmem_free(mine);
	if (!lt_heard(&log, TMEM_LOG_ERROR, "past its end"))
		return 4;
	tmem_trim(0);
	return log.lines || lt_stats().spans_busy || tmem_check();
}

TEST_F(guard, forked)
{
	char *block[2] = { lt_filled(3000, 1), tmem_alloc(3000) };
	int status;

	free_first(block[1]);
	status = lt_child(guard_child, block);
	EXPECT_TRUE(LT_EXITED(status, 0)) TH_LOG("status %#x", status);
	EXPECT_TRUE(lt_kept(block[0], 3000, 1));
	tmem_free(block[0]);
}

/* A tensor that is sealed leaves its block behind. */
TEST_F(guard, sealed)
{
	char *block = lt_filled(3 * LT_MIB, 5);
	char *view = tmem_seal(NULL, block, 3 * LT_MIB, 0);

	ASSERT_NE(NULL, view) TH_LOG("%s", strerror(errno));
	EXPECT_TRUE(lt_kept(view, 3 * LT_MIB, 5));
	EXPECT_EQ(0U, tmem_usable_size(block));
	EXPECT_LE(3 * LT_MIB, tmem_usable_size(view));
	tmem_free(view);
	block = take(BY_ALLOC, 3000);
	block[3000] = 0;
	view = tmem_seal(NULL, block, 3000, 0);
	ASSERT_NE(NULL, view);
	EXPECT_TRUE(lt_heard(&self->log, TMEM_LOG_ERROR, "past its end"));
	tmem_free(view);
	self->misuse = 1;
}

static bool free_it(void *ctx, struct tmem_pool *pool, size_t size)
{
	char **block = ctx;

	tmem_free(*block);
	*block = NULL;
	return true;
}

/* Memory in the quarantine is not withheld from who needs it. */
TEST_F(guard, no_more_memory)
{
	struct tmem_pool_config config = TMEM_POOL_CONFIG_INIT;
	struct tmem_pool *pool;
	char *block;
	unsigned int i;

	config.max_bytes = 3 * LT_SPAN;
	pool = tmem_pool_create(&config);
	for (i = 0; i < 20; i++) {
		block = tmem_pool_alloc(pool, 2 * LT_SPAN);
		ASSERT_NE(NULL, block);
		tmem_free(block);
	}
	/* It comes before idle memory is given back. */
	EXPECT_EQ(0U, lt_stats().spans_purged);
	/* What the observer frees can be had, too. */
	block = tmem_pool_alloc(pool, 2 * LT_SPAN);
	tmem_set_limit_observer(free_it, &block);
	EXPECT_NE(NULL, tmem_pool_alloc(pool, 2 * LT_SPAN));
	EXPECT_EQ(NULL, block);
	tmem_set_limit_observer(NULL, NULL);
	EXPECT_EQ(NULL, tmem_pool_alloc(pool, SIZE_MAX));
	EXPECT_EQ(ENOMEM, errno);
	EXPECT_EQ(NULL, tmem_pool_alloc(pool, 4 * LT_SPAN));
	EXPECT_EQ(ENOMEM, errno);
	tmem_pool_destroy(pool);
}

/* What asks for it, and what does not. */
static int word_child(void *arg)
{
	struct tmem_config config = TMEM_CONFIG_INIT;
	struct lt_log log;
	bool good;

	setenv("TMEM_DEBUG", arg, 1);
	config.backend = lt_backend();
	lt_listen(&log);
	if (!strcmp(arg, "flags")) {
		unsetenv("TMEM_DEBUG");
		config.debug = 2;
		good = tmem_init(&config) == -EINVAL &&
		       lt_heard(&log, TMEM_LOG_ERROR, "debug");
		return good ? 0 : 1;
	}
	if (*(char *)arg && strcmp(arg, "guard")) {
		good = tmem_init(&config) == -EINVAL &&
		       lt_heard(&log, TMEM_LOG_ERROR, arg);
		return good ? 0 : 2;
	}
	if (tmem_init(&config))
		return 3;
	good = (tmem_usable_size(tmem_alloc(1)) == 1) == !!*(char *)arg;
	config.debug = TMEM_DEBUG_GUARD;
	return good && tmem_init(&config) == (*(char *)arg ? 0 : -EALREADY) ?
		       0 :
		       4;
}

TEST(words)
{
	const char *const words[] = { "guard",	"",   "Guard", "guard,",
				      "guards", "on", "1",     "flags" };
	size_t i;
	int status;

	for (i = 0; i < ARRAY_SIZE(words); i++) {
		status = lt_child(word_child, (void *)words[i]);
		EXPECT_TRUE(LT_EXITED(status, 0))
		TH_LOG("'%s': %#x", words[i], status);
	}
}

TEST_HARNESS_MAIN
