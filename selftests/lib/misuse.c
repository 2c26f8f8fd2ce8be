// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that a pointer that is no live block does no harm: freed twice, from
 * elsewhere, inside a block or beside it, at the ends of the library's range,
 * before the library is set up.  It is counted, reported in one line with the
 * pointer and the place of the call, and nothing else changes; and tmem_free()
 * leaves errno alone.
 */
#include "heap_test.h"

#include "arena/slots.h"

/* Blocks of every kind that stay live, and must not change. */
static const size_t keep_size[] = {
	64, 64, 1000, 5000, 40000, 300000, LT_MIB, LT_SPAN, 5 * LT_MIB,
};

#define KEPT ARRAY_SIZE(keep_size)

FIXTURE(misuse)
{
	struct lt_log log;
	void *keep[KEPT];
	struct tmem_stats before;
};

/*
 * Without the collector: its thread drains caches, purges spans and, with
 * TMEM_ANALYTICS=on, adds to the time line, which is part of metadata_bytes.
 * How often depends on the host's memory pressure.
 */
FIXTURE_SETUP(misuse)
{
	size_t i;

	ASSERT_EQ(0, heap_init());
	for (i = 0; i < KEPT; i++) {
		self->keep[i] = tmem_alloc(keep_size[i]);
		ASSERT_NE(NULL, self->keep[i]);
		lt_fill(self->keep[i], keep_size[i], i);
	}
	lt_listen(&self->log);
	self->before = lt_stats();
}

/* All kept blocks are as they were, and can be freed. */
FIXTURE_TEARDOWN(misuse)
{
	uint64_t misuse = lt_stats().misuse;
	size_t i;

	for (i = 0; i < KEPT; i++) {
		EXPECT_TRUE(lt_kept(self->keep[i], keep_size[i], i));
		tmem_free(self->keep[i]);
	}
	EXPECT_EQ(0U, lt_stats().live_blocks);
	lt_drain();
	EXPECT_EQ(0U, lt_stats().spans_busy);
	EXPECT_EQ(misuse, lt_stats().misuse);
	EXPECT_EQ(0U, atomic_load(&self->log.lines));
	tmem_set_log(NULL, NULL);
}

static bool same_but_misuse(const struct tmem_stats *before, uint64_t misuse)
{
	struct tmem_stats now = lt_stats();

	now.misuse -= misuse;
	return !memcmp(&now, before, sizeof(now));
}

/* Each call refuses the pointer, with a line that names it. */
static bool refused(struct lt_log *log, void *ptr)
{
	struct tmem_stats before = lt_stats();
	char word[32];
	bool good;

	snprintf(word, sizeof(word), "%p", ptr);
	errno = ENOTTY;
	tmem_free(ptr);
	good = errno == ENOTTY && lt_heard(log, TMEM_LOG_ERROR, word);
	errno = 0;
	good &= !tmem_realloc(ptr, 100) && errno == EINVAL &&
		lt_heard(log, TMEM_LOG_ERROR, word);
	errno = 0;
	good &= !tmem_realloc(ptr, 0) && errno == EINVAL &&
		lt_heard(log, TMEM_LOG_ERROR, word);
	good &= !tmem_usable_size(ptr) && !log->lines;
	good &= same_but_misuse(&before, 3);
	if (!good)
		printf("# %p was not refused as it should be\n", ptr);
	return good;
}

TEST_F(misuse, freed_twice)
{
	/* clang-format off */
	const size_t sizes[] = {
		0, 1, 64, 1000, 32768, 40000, LT_MIB, LT_SPAN - 1, LT_SPAN,
		LT_SPAN + 1, 9 * LT_MIB,
	};
	/* clang-format on */
	size_t i;
	void *block;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		block = tmem_alloc(sizes[i]);
		ASSERT_NE(NULL, block);
		tmem_free(block);
		EXPECT_TRUE(refused(&self->log, block));
		block = tmem_aligned_alloc(8 * LT_MIB, sizes[i]);
		ASSERT_NE(NULL, block);
		tmem_free(block);
		EXPECT_TRUE(refused(&self->log, block));
	}
	/* And when the memory behind it is gone. */
	tmem_trim(0);
	EXPECT_TRUE(refused(&self->log, block));
}

/* What was freed moved, so the old address is no block any more. */
TEST_F(misuse, freed_after_realloc)
{
	void *block = tmem_alloc(100), *moved = tmem_realloc(block, LT_MIB);

	ASSERT_NE(NULL, moved);
	ASSERT_NE(block, moved);
	EXPECT_TRUE(refused(&self->log, block));
	tmem_free(moved);
	EXPECT_TRUE(refused(&self->log, moved));
}

TEST_F(misuse, freed_with_its_pool)
{
	const size_t sizes[] = { 100, 50000, 3 * LT_MIB };
	struct tmem_pool *pool = tmem_pool_create(NULL);
	void *block[ARRAY_SIZE(sizes)];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		block[i] = tmem_pool_alloc(pool, sizes[i]);
	tmem_pool_destroy(pool);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		EXPECT_TRUE(refused(&self->log, block[i]));
	}
}

static int a_variable = 1;

TEST_F(misuse, from_elsewhere)
{
	struct tmem_arena_config config = TMEM_ARENA_CONFIG_INIT;
	struct tmem_arena *arena;
	int local = 2;
	void *heap = malloc(100);
	void *map = mmap(NULL, LT_SPAN, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);
	void *foreign[] = {
		&local,
		&a_variable,
		heap,
		map,
		(void *)1,
		(void *)64,
		(void *)4096,
		(void *)LT_SPAN,
		(void *)-1,
		(void *)-64,
		(void *)(UINTPTR_MAX / 2 + 1),
		(void *)0xffff888000000000UL,
		environ,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(foreign); i++) {
		EXPECT_TRUE(refused(&self->log, foreign[i]));
	}
	EXPECT_TRUE(refused(&self->log, (void *)(uintptr_t)&refused));
	EXPECT_EQ(2, local);
	free(heap);
	munmap(map, LT_SPAN);

	config.size = 2 * LT_SPAN;
	config.backend = lt_backend();
	ASSERT_EQ(0, tmem_arena_create(&config, &arena));
	map = tmem_arena_map(arena, NULL, 0, 2);
	ASSERT_NE(NULL, map);
	EXPECT_TRUE(refused(&self->log, map));
	tmem_arena_destroy(arena);
}

TEST_F(misuse, inside_a_block)
{
	const size_t off[] = { 1,    8,	   32,	  63,	  64,	   128,
			       4095, 4096, 65536, LT_MIB, LT_SPAN, 2 * LT_SPAN };
	size_t i, k;

	for (i = 0; i < KEPT; i++)
		for (k = 0; k < ARRAY_SIZE(off); k++) {
			if (off[k] >= tmem_usable_size(self->keep[i]))
				continue;
			EXPECT_TRUE(refused(&self->log,
					    (char *)self->keep[i] + off[k]));
		}
}

/* The place behind a block, where no other begins. */
TEST_F(misuse, one_past)
{
	const size_t sizes[] = { 100, 5000, 50000, LT_SPAN, 7 * LT_MIB };
	struct tmem_pool *pool;
	char *block, *before;
	size_t i, usable;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		pool = tmem_pool_create(NULL);
		block = tmem_pool_alloc(pool, sizes[i]);
		before = tmem_pool_alloc(pool, sizes[i]);
		usable = tmem_usable_size(block);
		EXPECT_TRUE(refused(&self->log, block + usable - 1));
		if (block + usable != before) {
			EXPECT_TRUE(refused(&self->log, block + usable));
		}
		tmem_free(before);
		EXPECT_TRUE(refused(&self->log, block + usable));
		EXPECT_TRUE(refused(&self->log, block - 1));
		tmem_free(block);
		tmem_pool_destroy(pool);
	}
}

TEST_F(misuse, ends_of_the_range)
{
	const ptrdiff_t off[] = { -(ptrdiff_t)LT_SPAN, -4096, -64, -1, 1, 63 };
	char *start, *end;
	size_t i;

	start = tmem_slots.base;
	end = start + tmem_slots.bytes;
	ASSERT_LT(start, end);
	for (i = 0; i < ARRAY_SIZE(off); i++) {
		EXPECT_TRUE(refused(&self->log, start + off[i]));
		EXPECT_TRUE(refused(&self->log, end + off[i]));
	}
	EXPECT_TRUE(refused(&self->log, end));
	EXPECT_TRUE(refused(&self->log, end + LT_SPAN));
}

/* Anything in the range that is not one of the kept blocks. */
TEST_F(misuse, random_pointers)
{
	uint64_t random = pace_seed(), wrong = 0,
		 tries = LT_COUNT(300000, 20000);
	uint64_t i;
	char *start, *end, *p;
	size_t k;

	start = tmem_slots.base;
	end = start + tmem_slots.bytes;
	for (i = 0; i < tries; i++) {
		k = lt_random(&random) % KEPT;
		p = (char *)self->keep[k] - LT_MIB +
		    lt_random(&random) % (9 * LT_MIB) / 64 * 64;
		if (lt_random(&random) % 2)
			p = start + lt_random(&random) % (size_t)(end - start) /
					    64 * 64;
		for (k = 0; k < KEPT; k++)
			if (p == self->keep[k])
				break;
		if (k < KEPT)
			continue;
		tmem_free(p);
		wrong++;
	}
	EXPECT_EQ(wrong, atomic_load(&self->log.lines));
	EXPECT_TRUE(same_but_misuse(&self->before, wrong));
	self->log.lines = 0;
}

/* With random misuse in between, blocks are what they should be. */
TEST_F(misuse, among_good_calls)
{
	enum { LIVE = 200 };
	uint64_t random = pace_seed(), i, steps = LT_COUNT(100000, 10000);
	size_t size[LIVE] = { 0 }, k;
	char *block[LIVE] = { NULL };

	for (i = 0; i < steps; i++) {
		k = lt_random(&random) % LIVE;
		if (block[k]) {
			ASSERT_TRUE(lt_kept(block[k], size[k], k));
			tmem_free(block[k] + 1 + lt_random(&random) % 63);
			tmem_free(block[k]);
			tmem_free(block[k]);
			block[k] = NULL;
			continue;
		}
		size[k] = lt_between(&random, 1, k < 5 ? 3 * LT_MIB : 20000);
		block[k] = tmem_alloc(size[k]);
		ASSERT_NE(NULL, block[k]);
		lt_fill(block[k], size[k], k);
	}
	for (k = 0; k < LIVE; k++)
		tmem_free(block[k]);
	EXPECT_EQ(lt_stats().misuse, atomic_load(&self->log.lines));
	EXPECT_LT(steps / 2, atomic_load(&self->log.lines));
	self->log.lines = 0;
}

/* The line says where the call was. */
static __attribute__((noinline)) void call_site(void *ptr)
{
	tmem_free(ptr);
	__asm__ volatile("" ::: "memory"); /* not a jump */
}

TEST_F(misuse, the_caller_is_named)
{
	const uintptr_t here = (uintptr_t)&call_site;
	const char *p = self->log.last;
	bool named = false;
	char *end;

	call_site(&a_variable);
	EXPECT_EQ(1U, atomic_load(&self->log.lines));
	while ((p = strstr(p, "0x"))) {
		uintptr_t at = strtoull(p, &end, 16);

		named |= at > here && at < here + 256;
		p = end;
	}
	EXPECT_TRUE(named) TH_LOG("'%s'", self->log.last);
	self->log.lines = 0;
}

TEST_F(misuse, errno_is_kept)
{
	const size_t sizes[] = { 1, 5000, 50000, 5 * LT_MIB };
	size_t i;
	void *block;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		block = tmem_alloc(sizes[i]);
		errno = EXDEV;
		tmem_free(block);
		EXPECT_EQ(EXDEV, errno);
		tmem_free(NULL);
		EXPECT_EQ(EXDEV, errno);
	}
	EXPECT_EQ(0U, atomic_load(&self->log.lines));
}

/* A listener may set errno, the caller must not see it. */
static void errno_line(void *ctx, enum tmem_log_level level, const char *line)
{
	(void)level;
	(void)line;
	++*(int *)ctx;
	errno = EPIPE;
}

TEST_F(misuse, errno_and_the_listener)
{
	int lines = 0;

	tmem_set_log(errno_line, &lines);
	errno = EXDEV;
	tmem_free(&lines);
	EXPECT_EQ(EXDEV, errno);
	EXPECT_EQ(1, lines);
	EXPECT_EQ(NULL, tmem_realloc(&lines, 5));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(2, lines);
}

/* Without a listener. */
TEST_F(misuse, silence)
{
	tmem_set_log(NULL, NULL);
	tmem_free(&a_variable);
	EXPECT_EQ(NULL, tmem_realloc(&a_variable, 5));
	EXPECT_TRUE(same_but_misuse(&self->before, 2));
}

TEST(before_the_first_block)
{
	struct lt_log log;
	int local;

	lt_listen(&log);
	tmem_free(NULL);
	EXPECT_EQ(0U, tmem_usable_size(NULL));
	EXPECT_EQ(0U, tmem_usable_size(&local));
	EXPECT_EQ(0U, atomic_load(&log.lines));
	errno = ENOTTY;
	tmem_free(&local);
	EXPECT_EQ(ENOTTY, errno);
	EXPECT_TRUE(lt_heard(&log, TMEM_LOG_ERROR, "tmem_free"));
	EXPECT_EQ(NULL, tmem_realloc(&local, 10));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_TRUE(lt_heard(&log, TMEM_LOG_ERROR, "tmem_realloc"));
	EXPECT_STREQ("none", tmem_backend_name());
	ASSERT_EQ(0, lt_init());
	/* "Counted in tmem_stats.misuse", whenever it was. */
	EXPECT_EQ(2U, lt_stats().misuse);
}

TEST_HARNESS_MAIN
