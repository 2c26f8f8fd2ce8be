// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that a child can use the library at once and can do nothing to its
 * parent: it reads the parent's blocks, allocates and frees its own, frees and
 * grows the parent's, while the parent's contents and statistics stay; also
 * when threads allocate meanwhile, and when the library is being set up.
 *
 * On backend anon the child has copies of all blocks.  On backend dev it has
 * the parent's own, which it can read; a write to one ends the child.
 */
#include "lib_test.h"
#include "task_state.h"

#define BLOCKS 7

static const size_t sizes[BLOCKS] = {
	64, 1000, 30000, 100000, LT_MIB, LT_SPAN, 5 * LT_MIB,
};

/* Exit status of a child: where it went wrong; 0 is good. */
enum child_end {
	GOOD = 0,
	CONTENTS = 10,
	NO_MEMORY,
	OVERLAP,
	ERRNO,
	STATS,
	MISUSE,
	GRANDCHILD,
	INIT,
};

struct family {
	char *block[BLOCKS];
	struct tmem_pool *pool;
	char *in_pool, *idle;
	struct lt_log log;
};

FIXTURE(family)
{
	struct family f;
	struct tmem_stats before;
};

/*
 * The parent's statistics.  Where it has a monitor (TMEM_MONITOR), this gives
 * idle memory back whenever the machine is short of it, which is none of a
 * child's doing.
 */
static struct tmem_stats family_stats(void)
{
	struct tmem_stats s = lt_stats();

	if (getenv("TMEM_MONITOR")) {
		s.spans_idle = s.spans_filled = s.spans_purged = 0;
		s.held_bytes = s.free_bytes = s.chunks = s.waste_bytes = 0;
		s.metadata_bytes = s.spans_moved = 0;
	}
	return s;
}

FIXTURE_SETUP(family)
{
	struct family *f = &self->f;
	size_t i;

	ASSERT_EQ(0, lt_init());
	for (i = 0; i < BLOCKS; i++) {
		f->block[i] = tmem_alloc(sizes[i]);
		ASSERT_NE(NULL, f->block[i]);
		lt_fill(f->block[i], sizes[i], i);
	}
	f->pool = tmem_pool_create(NULL);
	f->in_pool = tmem_pool_alloc(f->pool, 500);
	ASSERT_NE(NULL, f->in_pool);
	lt_fill(f->in_pool, 500, 77);
	/* Idle memory must not be had by both. */
	f->idle = tmem_alloc(6 * LT_MIB);
	lt_fill(f->idle, 6 * LT_MIB, 78);
	tmem_free(f->idle);
	lt_listen(&f->log);
	self->before = family_stats();
}

static bool family_kept(const struct family *f)
{
	size_t i;

	for (i = 0; i < BLOCKS; i++)
		if (!lt_kept(f->block[i], sizes[i], i))
			return false;
	return lt_kept(f->in_pool, 500, 77);
}

/* Whatever the child did, the parent saw nothing of it. */
FIXTURE_TEARDOWN(family)
{
	struct family *f = &self->f;
	struct tmem_stats now = family_stats();
	size_t i;

	EXPECT_TRUE(family_kept(f));
	EXPECT_EQ(0, memcmp(&now, &self->before, sizeof(now)));
	EXPECT_EQ(0U, atomic_load(&f->log.lines));
	for (i = 0; i < BLOCKS; i++)
		tmem_free(f->block[i]);
	tmem_pool_destroy(f->pool);
	EXPECT_EQ(0U, lt_stats().live_blocks);
	tmem_trim(0); /* caches too */
	EXPECT_EQ(0U, lt_stats().spans_busy);
	EXPECT_EQ(0U, lt_stats().misuse);
}

static int reads(void *arg)
{
	return family_kept(arg) ? GOOD : CONTENTS;
}

TEST_F(family, child_reads)
{
	EXPECT_EQ(0, lt_child(reads, &self->f));
}

/* Blocks of every size, several, written to; none lies on the parent's. */
static int allocates(void *arg)
{
	struct family *f = arg;
	char *block[BLOCKS];
	size_t i, k, round;

	for (round = 0; round < 3; round++) {
		for (i = 0; i < BLOCKS; i++) {
			block[i] = tmem_alloc(sizes[i]);
			if (!block[i])
				return NO_MEMORY;
			for (k = 0; k < BLOCKS; k++)
				if (block[i] < f->block[k] + sizes[k] &&
				    f->block[k] < block[i] + sizes[i])
					return OVERLAP;
			lt_fill(block[i], sizes[i], 100 + i);
		}
		for (i = 0; i < BLOCKS; i++) {
			if (!lt_kept(block[i], sizes[i], 100 + i))
				return CONTENTS;
			tmem_free(block[i]);
		}
	}
	tmem_trim(0);
	if (lt_stats().misuse || lt_stats().spans_idle)
		return STATS;
	return family_kept(f) ? GOOD : CONTENTS;
}

TEST_F(family, child_allocates)
{
	EXPECT_EQ(0, lt_child(allocates, &self->f));
}

/* While the child has just written, the parent looks. */
static int writes_zeroes(void *arg)
{
	char *block = tmem_zalloc(6 * LT_MIB);

	(void)arg;
	if (!block)
		return NO_MEMORY;
	if (!lt_zero(block, 6 * LT_MIB))
		return CONTENTS;
	memset(block, 0x5a, 6 * LT_MIB);
	return GOOD;
}

TEST_F(family, idle_memory_is_not_shared)
{
	EXPECT_EQ(0, lt_child(writes_zeroes, NULL));
	EXPECT_TRUE(family_kept(&self->f));
}

/* What was inherited is freed, with its pool; then there is more. */
static int frees(void *arg)
{
	struct family *f = arg;
	size_t i;

	for (i = 0; i < BLOCKS; i++) {
		errno = EXDEV;
		tmem_free(f->block[i]);
		if (errno != EXDEV)
			return ERRNO;
	}
	tmem_free(f->in_pool);
	tmem_pool_destroy(f->pool);
	/* On the device the memory stays the parent's, and that is said, once. */
	if (lt_backend() == TMEM_BACKEND_DEV ?
		    !lt_heard(&f->log, TMEM_LOG_WARN, "the parent process's") :
		    f->log.lines)
		return MISUSE;
	if (lt_stats().misuse)
		return MISUSE;
	if (lt_stats().live_blocks || lt_stats().live_bytes)
		return STATS;
	for (i = 0; i < BLOCKS; i++) {
		f->block[i] = tmem_alloc(sizes[i]);
		if (!f->block[i])
			return NO_MEMORY;
		memset(f->block[i], 0x33, sizes[i]);
	}
	return GOOD;
}

TEST_F(family, child_frees)
{
	EXPECT_EQ(0, lt_child(frees, &self->f));
}

/* A block that was inherited becomes the child's own, to be written to. */
static int reallocates(void *arg)
{
	static const size_t other[] = { 50, 64, 70, 40000, LT_MIB, 6 * LT_MIB };
	struct family *f = arg;
	size_t i, least;
	char *p;

	for (i = 0; i < BLOCKS; i++) {
		size_t size = other[i % ARRAY_SIZE(other)];

		least = size < sizes[i] ? size : sizes[i];
		p = tmem_realloc(f->block[i], size);
		if (!p)
			return NO_MEMORY;
		if (!lt_kept_to(p, sizes[i], least, i))
			return CONTENTS;
		lt_fill(p, size, 200);
		tmem_free(p);
	}
	return lt_stats().misuse ? MISUSE : GOOD;
}

TEST_F(family, child_reallocates)
{
	EXPECT_EQ(0, lt_child(reallocates, &self->f));
}

/* Also where the block would not have had to move. */
static int reallocates_in_place(void *arg)
{
	struct family *f = arg;
	size_t i;
	char *p;

	for (i = 0; i < BLOCKS; i++) {
		p = tmem_realloc(f->block[i], sizes[i]);
		if (!p)
			return NO_MEMORY;
		if (!lt_kept(p, sizes[i], i))
			return CONTENTS;
		lt_fill(p, sizes[i], 200);
	}
	return GOOD;
}

TEST_F(family, child_reallocates_to_the_same_size)
{
	EXPECT_EQ(0, lt_child(reallocates_in_place, &self->f));
}

/* The first and the last byte, which are in different spans. */
static int looks_at_both_ends(void *arg)
{
	volatile char *block = arg;

	signal(SIGSEGV, SIG_DFL);
	return block[0] == block[5 * LT_MIB - 1] ? GOOD : CONTENTS;
}

/* TMEM_FORK=none: a child has no access, and allocates as any other. */
TEST(child_without_access)
{
	bool dev = lt_backend() == TMEM_BACKEND_DEV;
	char *block;
	int status;

	setenv("TMEM_FORK", "none", 1);
	ASSERT_EQ(0, lt_init());
	block = tmem_alloc(5 * LT_MIB);
	ASSERT_NE(NULL, block);
	memset(block, 0x77, 5 * LT_MIB);
	status = lt_child(looks_at_both_ends, block);
	EXPECT_TRUE(dev ? LT_KILLED(status, SIGSEGV) : status == GOOD);
	EXPECT_EQ(GOOD, lt_child(writes_zeroes, NULL));
	EXPECT_EQ(0x77, block[5 * LT_MIB - 1]);
	tmem_free(block);
	EXPECT_EQ(0U, lt_stats().misuse);
}

static int writes(void *arg)
{
	memset(arg, 0xff, 64);
	return GOOD;
}

TEST_F(family, child_writes)
{
	bool dev = lt_backend() == TMEM_BACKEND_DEV;
	size_t i;
	int status;

	for (i = 0; i < BLOCKS; i++) {
		status = lt_child(writes, self->f.block[i]);
		EXPECT_TRUE(dev ? LT_KILLED(status, SIGSEGV) : status == 0);
		EXPECT_TRUE(family_kept(&self->f));
	}
}

/* The child's own blocks are its child's to inherit. */
static int has_a_child(void *arg)
{
	struct family own = *(struct family *)arg;
	size_t i;

	if (lt_child(reads, arg))
		return GRANDCHILD;
	for (i = 0; i < BLOCKS; i++) {
		own.block[i] = tmem_alloc(sizes[i]);
		if (!own.block[i])
			return NO_MEMORY;
		lt_fill(own.block[i], sizes[i], i);
	}
	own.log.lines = 0;
	if (lt_child(reads, &own) || lt_child(allocates, &own) ||
	    lt_child(allocates, arg) || lt_child(reallocates, &own))
		return GRANDCHILD;
	return family_kept(&own) && family_kept(arg) ? GOOD : CONTENTS;
}

TEST_F(family, grandchildren)
{
	EXPECT_EQ(0, lt_child(has_a_child, &self->f));
}

static int looks(void *arg)
{
	struct tmem_config config = TMEM_CONFIG_INIT;
	struct family *f = arg;
	void *block;

	config.backend = lt_backend();
	if (tmem_init(NULL) || tmem_init(&config) ||
	    strcmp(tmem_backend_name(), lt_backend_word()))
		return INIT;
	if (tmem_usable_size(f->block[1]) < sizes[1])
		return CONTENTS;
	if (lt_residency().resident == UINT64_MAX)
		return STATS;
	block = tmem_alloc(100);
	if (!block)
		return NO_MEMORY;
	tmem_free(block);
	return lt_stats().live_bytes > lt_stats().peak_live_bytes ? STATS : 0;
}

TEST_F(family, child_asks)
{
	EXPECT_EQ(0, lt_child(looks, &self->f));
}

TEST_F(family, many_children)
{
	unsigned int i = 0;

	PACE_ROUNDS(LT_COUNT(60, 12)) {
		ASSERT_EQ(0, lt_child(i++ % 2 ? allocates : frees, &self->f));
		ASSERT_TRUE(family_kept(&self->f));
	}
}

/* Threads that are in the middle of anything when the process forks. */
struct busy {
	atomic_uint started;
	atomic_bool stop;
	atomic_uint bad;
};

static void *busy_run(void *arg)
{
	struct busy *busy = arg;
	uint64_t random = lt_mix(atomic_fetch_add(&busy->started, 1));
	size_t size;
	char *block;

	while (!atomic_load(&busy->stop)) {
		size = (size_t)1 << lt_random(&random) % 23;
		block = tmem_alloc(size);
		if (!block) {
			atomic_fetch_add(&busy->bad, 1);
			continue;
		}
		lt_fill(block, size, size);
		if (lt_random(&random) % 8 == 0)
			block = tmem_realloc(block, 2 * size);
		else if (!lt_kept(block, size, size))
			atomic_fetch_add(&busy->bad, 1);
		tmem_free(block);
		if (lt_random(&random) % 64 == 0)
			tmem_trim(0);
	}
	return NULL;
}

static int allocates_and_frees(void *arg)
{
	struct family *f = arg;
	int end = allocates(f);

	f->log.lines = 0;
	tmem_set_log(NULL, NULL);
	tmem_free(f->block[0]);
	tmem_free(f->block[6]);
	return end == STATS ? GOOD : end;
}

TEST_F(family, while_threads_allocate)
{
	struct busy busy = { .stop = false };
	pthread_t thread[3];
	unsigned int i;
	int status;

	for (i = 0; i < ARRAY_SIZE(thread); i++)
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, busy_run, &busy));
	PACE_ROUNDS(LT_COUNT(40, 8)) {
		status = lt_child(allocates_and_frees, &self->f);
		EXPECT_EQ(0, status);
		EXPECT_TRUE(family_kept(&self->f));
		if (status)
			break;
	}
	atomic_store(&busy.stop, true);
	for (i = 0; i < ARRAY_SIZE(thread); i++)
		pthread_join(thread[i], NULL);
	EXPECT_EQ(0U, atomic_load(&busy.bad));
	EXPECT_EQ(self->before.live_blocks, lt_stats().live_blocks);
	EXPECT_EQ(self->before.live_bytes, lt_stats().live_bytes);
	self->before = family_stats();
}

/* A listener that holds a thread in the middle of the set-up. */
struct slow {
	atomic_bool in, out;
	atomic_int forker; /* its thread id */
	char word[8]; /* TMEM_BACKEND of its child */
};

static void slow_line(void *ctx, enum tmem_log_level level, const char *line)
{
	struct slow *slow = ctx;

	(void)level;
	(void)line;
	atomic_store(&slow->in, true);
	PACE_UNTIL(atomic_load(&slow->out));
}

static void *slow_init(void *arg)
{
	(void)arg;
	return (void *)(intptr_t)tmem_init(NULL);
}

static int first_block(void *arg)
{
	void *block;

	tmem_set_log(NULL, NULL);
	setenv("TMEM_BACKEND", arg, 1);
	block = tmem_alloc(100);
	return block ? GOOD : NO_MEMORY;
}

/* The set-up is one of the things that a fork may come in the middle of. */
static void *fork_meanwhile(void *arg)
{
	struct slow *slow = arg;

	atomic_store(&slow->forker, gettid());
	return (void *)(intptr_t)lt_child(first_block, slow->word);
}

TEST(while_it_is_set_up)
{
	struct slow slow = { .in = false };
	pthread_t init, forker;
	void *status = (void *)-1L;

	strcpy(slow.word, lt_backend_word());
	setenv("TMEM_BACKEND", "nonsense", 1);
	tmem_set_log(slow_line, &slow);
	ASSERT_EQ(0, pthread_create(&init, NULL, slow_init, NULL));
	EXPECT_TRUE(PACE_UNTIL(atomic_load(&slow.in)));
	/* fork() may wait for the set-up; then it must have an end. */
	ASSERT_EQ(0, pthread_create(&forker, NULL, fork_meanwhile, &slow));
	EXPECT_TRUE(PACE_UNTIL(atomic_load(&slow.forker) &&
			       task_state(atomic_load(&slow.forker)) == 'S'));
	atomic_store(&slow.out, true);
	pthread_join(init, NULL);
	pthread_join(forker, &status);
	EXPECT_EQ(NULL, status);
}

TEST_HARNESS_MAIN
