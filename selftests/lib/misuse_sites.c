// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves what is said of a block that is freed twice: one line, with its
 * address, the place of the call that freed it first and of the one that
 * freed it again; for small, middle and large blocks, by one thread or by two,
 * at once or when much has happened in between.  Where the first place cannot
 * be known any more the second still is.  The heap stays whole.
 */
#include "heap_test.h"

/*
 * Two places that free, each in a section of its own, so that it is known
 * where the machine code of each begins and ends.
 */
extern const char __start_tmem_first[], __stop_tmem_first[];
extern const char __start_tmem_again[], __stop_tmem_again[];

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

static __attribute__((noinline, section("tmem_first"))) void *
realloc_first(void *ptr, size_t size)
{
	ptr = tmem_realloc(ptr, size);
	lt_no_tail_call();
	return ptr;
}

static __attribute__((noinline, section("tmem_again"))) void *
realloc_again(void *ptr, size_t size)
{
	ptr = tmem_realloc(ptr, size);
	lt_no_tail_call();
	return ptr;
}

/* A number between these is in the line. */
static bool names(const char *line, const char *start, const char *stop)
{
	const char *p = line;
	uintptr_t at;
	char *end;

	while ((p = strstr(p, "0x"))) {
		at = strtoull(p, &end, 16);
		/* Where the call returns to may be just behind. */
		if (at > (uintptr_t)start && at <= (uintptr_t)stop)
			return true;
		p = end;
	}
	return false;
}

static bool names_first(const struct lt_log *log)
{
	return names(log->last, __start_tmem_first, __stop_tmem_first);
}

static bool names_again(const struct lt_log *log)
{
	return names(log->last, __start_tmem_again, __stop_tmem_again);
}

FIXTURE(sites)
{
	struct lt_log log;
	char *keep[3]; /* so that nothing becomes idle */
	uint64_t misuse;
};

FIXTURE_SETUP(sites)
{
	ASSERT_EQ(0, heap_init());
	self->keep[0] = lt_filled(100, 1);
	self->keep[1] = lt_filled(100000, 2);
	self->keep[2] = lt_filled(3 * LT_MIB, 3);
	lt_listen(&self->log);
}

FIXTURE_TEARDOWN(sites)
{
	EXPECT_EQ(self->misuse, lt_stats().misuse);
	EXPECT_EQ(0U, atomic_load(&self->log.lines));
	EXPECT_TRUE(lt_kept(self->keep[0], 100, 1));
	EXPECT_TRUE(lt_kept(self->keep[1], 100000, 2));
	EXPECT_TRUE(lt_kept(self->keep[2], 3 * LT_MIB, 3));
	EXPECT_TRUE(heap_whole(500));
	tmem_free(self->keep[0]);
	tmem_free(self->keep[1]);
	tmem_free(self->keep[2]);
	EXPECT_TRUE(heap_empty());
	EXPECT_EQ(self->misuse, lt_stats().misuse);
	EXPECT_EQ(0U, atomic_load(&self->log.lines));
	tmem_set_log(NULL, NULL);
}

/* clang-format off */
static const size_t sizes[] = {
	1, 64, 100, 1024, 5000, 32768, 32769, 100000, LT_MIB, LT_SPAN - 1,
	LT_SPAN, 5 * LT_MIB + 4096, 12 * LT_MIB,
};
/* clang-format on */

/* One line that names the block and the second place. */
static bool heard_again(struct lt_log *log, const void *block)
{
	char word[32];

	snprintf(word, sizeof(word), "%p", block);
	if (!lt_heard(log, TMEM_LOG_ERROR, word))
		return false;
	if (!names_again(log))
		printf("# no second place: '%s'\n", log->last);
	return names_again(log);
}

static bool heard_both(struct lt_log *log, const void *block)
{
	if (!heard_again(log, block))
		return false;
	if (!names_first(log))
		printf("# no first place: '%s'\n", log->last);
	return names_first(log);
}

TEST_F(sites, at_once)
{
	void *block;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		block = tmem_alloc(sizes[i]);
		ASSERT_NE(NULL, block);
		free_first(block);
		free_again(block);
		EXPECT_TRUE(heard_both(&self->log, block))
		TH_LOG("size %zu", sizes[i]);
		/* It was the first one that freed it, however often. */
		free_again(block);
		EXPECT_TRUE(heard_both(&self->log, block))
		TH_LOG("size %zu", sizes[i]);
		self->misuse += 2;
	}
}

TEST_F(sites, by_realloc)
{
	void *block, *moved;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		block = tmem_alloc(sizes[i]);
		ASSERT_NE(NULL, block);
		free_first(block);
		errno = 0;
		EXPECT_EQ(NULL, realloc_again(block, 100));
		EXPECT_EQ(EINVAL, errno);
		EXPECT_TRUE(heard_both(&self->log, block))
		TH_LOG("size %zu", sizes[i]);
		self->misuse++;
	}
	/* And where it was tmem_realloc() that freed it first. */
	block = tmem_alloc(100);
	moved = realloc_first(block, LT_MIB);
	ASSERT_NE(NULL, moved);
	ASSERT_NE(block, moved);
	free_again(block);
	EXPECT_TRUE(heard_both(&self->log, block));
	self->misuse++;
	tmem_free(moved);
}

/* What lies beside it comes and goes in between. */
TEST_F(sites, after_the_neighbours)
{
	char *block[7];
	size_t i, k;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (k = 0; k < ARRAY_SIZE(block); k++)
			block[k] = lt_filled(sizes[i], k);
		free_first(block[3]);
		tmem_free(block[1]);
		tmem_free(block[5]);
		/* The last one that was freed is the first to be had. */
		block[5] = lt_filled(sizes[i], 5);
		block[1] = lt_filled(sizes[i], 1);
		if (block[5] != block[3] && block[1] != block[3]) {
			free_again(block[3]);
			EXPECT_TRUE(heard_both(&self->log, block[3]))
			TH_LOG("size %zu", sizes[i]);
			self->misuse++;
		}
		for (k = 0; k < ARRAY_SIZE(block); k++) {
			if (k == 3)
				continue;
			EXPECT_TRUE(lt_kept(block[k], sizes[i], k));
			tmem_free(block[k]);
		}
	}
}

/* Its pages are part of something larger now, or of something smaller. */
TEST_F(sites, after_coalescing)
{
	struct tmem_pool *pool = tmem_pool_create(NULL);
	char *block[8], *large, *small[600];
	size_t i;

	for (i = 0; i < 8; i++)
		block[i] = tmem_pool_alloc(pool, 200 * LT_KIB);
	for (i = 0; i < 8; i++)
		free_first(block[i]);
	large = tmem_pool_alloc(pool, 1500 * LT_KIB);
	ASSERT_NE(NULL, large);
	lt_fill(large, 1500 * LT_KIB, 1);
	for (i = 0; i < 8; i++) {
		if (block[i] == large)
			continue;
		free_again(block[i]);
		EXPECT_TRUE(heard_again(&self->log, block[i]));
		self->misuse++;
	}
	EXPECT_TRUE(lt_kept(large, 1500 * LT_KIB, 1));
	free_first(large);
	for (i = 0; i < ARRAY_SIZE(small); i++) {
		small[i] = tmem_pool_alloc(pool, 2000);
		lt_fill(small[i], 2000, i);
	}
	for (i = 0; i < ARRAY_SIZE(small); i++)
		if (small[i] == large)
			break;
	if (i == ARRAY_SIZE(small)) {
		free_again(large);
		EXPECT_TRUE(heard_again(&self->log, large));
		self->misuse++;
	}
	for (i = 0; i < ARRAY_SIZE(small); i++) {
		EXPECT_TRUE(lt_kept(small[i], 2000, i));
	}
	tmem_pool_destroy(pool);
	/* Freed with its pool: nothing is there that could be freed. */
	free_again(small[5]);
	EXPECT_TRUE(heard_again(&self->log, small[5]));
	self->misuse++;
}

static void *first_run(void *arg)
{
	free_first(arg);
	return NULL;
}

static void *again_run(void *arg)
{
	free_again(arg);
	return NULL;
}

static void *alloc_run(void *arg)
{
	return tmem_alloc(*(size_t *)arg);
}

/* In another thread, which ends; also of blocks that are another thread's. */
TEST_F(sites, by_another_thread)
{
	pthread_t id;
	size_t i, size;
	void *block;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		block = tmem_alloc(sizes[i]);
		ASSERT_NE(NULL, block);
		ASSERT_EQ(0, pthread_create(&id, NULL, first_run, block));
		pthread_join(id, NULL);
		free_again(block);
		EXPECT_TRUE(heard_both(&self->log, block))
		TH_LOG("freed there, again here, size %zu", sizes[i]);

		block = tmem_alloc(sizes[i]);
		free_first(block);
		ASSERT_EQ(0, pthread_create(&id, NULL, again_run, block));
		pthread_join(id, NULL);
		EXPECT_TRUE(heard_both(&self->log, block))
		TH_LOG("freed here, again there, size %zu", sizes[i]);

		size = sizes[i];
		ASSERT_EQ(0, pthread_create(&id, NULL, alloc_run, &size));
		pthread_join(id, &block);
		ASSERT_NE(NULL, block);
		free_first(block);
		free_again(block);
		/* It was the last of its run, which is nothing any more. */
		EXPECT_TRUE(heard_again(&self->log, block))
		TH_LOG("of a thread that is gone, size %zu", sizes[i]);
		self->misuse += 3;
	}
}

/* The memory behind it has gone back. */
TEST_F(sites, after_trim)
{
	size_t i;
	void *block;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		block = tmem_alloc(sizes[i]);
		free_first(block);
		tmem_trim(0);
		free_again(block);
		EXPECT_TRUE(heard_again(&self->log, block));
		self->misuse++;
	}
}

/*
 * A block is freed by all at once: one of them does it, the others hear.  Not
 * small ones: see tmem_free().
 */
#define RACERS 4

/* Lines of several threads at once: counted only. */
static void count_line(void *ctx, enum tmem_log_level level, const char *line)
{
	(void)level;
	(void)line;
	atomic_fetch_add((atomic_uint *)ctx, 1);
}

struct race {
	void *block[64];
	pthread_barrier_t start;
};

static void *race_run(void *arg)
{
	struct race *race = arg;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(race->block); i++) {
		pthread_barrier_wait(&race->start);
		free_again(race->block[i]);
	}
	return NULL;
}

TEST_F(sites, by_all_at_once)
{
	static const size_t mixed[] = { 40000, 500000, LT_SPAN, 3 * LT_MIB };
	atomic_uint lines = 0;
	struct race race;
	pthread_t id[RACERS];
	size_t i, want = (RACERS - 1) * ARRAY_SIZE(race.block);

	tmem_set_log(count_line, &lines);
	pthread_barrier_init(&race.start, NULL, RACERS);
	for (i = 0; i < ARRAY_SIZE(race.block); i++) {
		race.block[i] = tmem_alloc(mixed[i % ARRAY_SIZE(mixed)]);
		ASSERT_NE(NULL, race.block[i]);
	}
	for (i = 0; i < RACERS; i++)
		ASSERT_EQ(0, pthread_create(&id[i], NULL, race_run, &race));
	for (i = 0; i < RACERS; i++)
		pthread_join(id[i], NULL);
	self->misuse = want;
	EXPECT_EQ(want, atomic_load(&lines));
	lt_listen(&self->log);
	EXPECT_EQ(3U, lt_stats().live_blocks);
	EXPECT_EQ(0, tmem_check());
}

TEST_HARNESS_MAIN
