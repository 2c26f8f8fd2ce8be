// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that every call may come from every thread: blocks are handed from
 * thread to thread and freed, grown or shrunk where they arrive, while others
 * trim, ask for statistics, and make and destroy pools.  A block says itself
 * what should be in it.  Under ThreadSanitizer this is also the search for
 * data races in the library.
 */
#include "lib_test.h"

#include "arena/topology.h"

#define THREADS 6
#define BOXES 64

/* At the start of each block; the rest is lt_fill()ed with the tag. */
struct label {
	uint64_t tag, size; /* size with the label */
};

/* What the threads of one test share. */
struct crowd {
	struct label *_Atomic box[BOXES];
	size_t size_max;
	unsigned int steps; /* of each thread */
	atomic_uint done; /* by all */
	atomic_uint bad;
	atomic_bool stop;
};

struct member {
	struct crowd *crowd;
	pthread_t id;
	uint64_t random;
};

static void bad(struct crowd *crowd, const char *what)
{
	if (!atomic_fetch_add(&crowd->bad, 1))
		printf("# %s\n", what);
}

static void label_block(struct label *label, uint64_t tag, size_t size)
{
	label->tag = tag;
	label->size = size;
	lt_fill(label + 1, size - sizeof(*label), tag);
}

static bool label_kept(const struct label *label)
{
	return label->size <= tmem_usable_size(label) &&
	       lt_kept(label + 1, label->size - sizeof(*label), label->tag);
}

static size_t member_size(struct member *m)
{
	size_t max = m->crowd->size_max;

	if (lt_random(&m->random) % 16)
		max = max < 4096 ? max : 4096;
	return lt_between(&m->random, sizeof(struct label), max);
}

static struct label *member_alloc(struct member *m)
{
	size_t size = member_size(m);
	struct label *label;

	switch (lt_random(&m->random) % 8) {
	case 0:
		label = tmem_zalloc(size);
		if (label && !lt_zero(label, size))
			bad(m->crowd, "tmem_zalloc() gave something");
		break;
	case 1:
		label = tmem_aligned_alloc(4096, size);
		break;
	default:
		label = tmem_alloc(size);
	}
	if (label)
		label_block(label, lt_random(&m->random), size);
	else
		bad(m->crowd, "no memory");
	return label;
}

static struct label *member_realloc(struct member *m, struct label *label)
{
	size_t size = member_size(m), old = label->size, least;
	uint64_t tag = label->tag;

	least = size < old ? size : old;
	label = tmem_realloc(label, size);
	if (!label) {
		bad(m->crowd, "no memory");
		return NULL;
	}
	if (!lt_kept_to(label + 1, old - sizeof(*label), least - sizeof(*label),
			tag))
		bad(m->crowd, "tmem_realloc() lost contents");
	label_block(label, lt_random(&m->random), size);
	return label;
}

/* The thread's own block goes into a box; what was there is another thread's. */
static void member_step(struct member *m)
{
	struct label *label = NULL, *out;

	if (lt_random(&m->random) % 3)
		label = member_alloc(m);
	out = atomic_exchange(&m->crowd->box[lt_random(&m->random) % BOXES],
			      label);
	if (!out)
		return;
	if (!label_kept(out))
		bad(m->crowd, "a block's contents have changed");
	if (lt_random(&m->random) % 4 == 0)
		out = member_realloc(m, out);
	tmem_free(out);
}

static void *member_run(void *arg)
{
	struct member *m = arg;

	PACE_ROUNDS(m->crowd->steps) {
		member_step(m);
		atomic_fetch_add(&m->crowd->done, 1);
	}
	return NULL;
}

/* Until the others have made a step, or have ended. */
static void crowd_wait(struct crowd *crowd)
{
	unsigned int done = atomic_load(&crowd->done);

	PACE_UNTIL(atomic_load(&crowd->done) != done ||
		   atomic_load(&crowd->stop));
}

/* Asks and trims all the time, and is never told nonsense. */
static void *watcher_run(void *arg)
{
	struct member *m = arg;
	struct tmem_stats s;

	while (!atomic_load(&m->crowd->stop)) {
		s = lt_stats();
		if (s.allocs - s.frees != s.live_blocks ||
		    s.spans_busy * LT_SPAN < s.live_bytes || s.misuse ||
		    s.peak_live_bytes < s.live_bytes)
			bad(m->crowd, "the statistics do not add up");
		switch (lt_random(&m->random) % 16) {
		case 0:
			tmem_trim(lt_random(&m->random) % 32 * LT_MIB);
			break;
		case 1:
			if (lt_residency().resident == UINT64_MAX)
				bad(m->crowd, "no residency");
			break;
		default:
			crowd_wait(m->crowd);
		}
	}
	return NULL;
}

/* Pools that live for a moment, with blocks that go with them. */
static void *pools_run(void *arg)
{
	struct member *m = arg;

	while (!atomic_load(&m->crowd->stop)) {
		struct tmem_pool *pool = tmem_pool_create(NULL);
		struct tmem_stats stats = TMEM_STATS_INIT;
		unsigned int i, n = lt_random(&m->random) % 40;
		char *p;

		for (i = 0; i < n; i++) {
			p = tmem_pool_alloc(pool, member_size(m));
			memset(p, 1, sizeof(struct label));
			if (i % 2)
				tmem_free(p); /* the others go with it */
		}
		if (tmem_pool_stats_get(pool, &stats) || stats.allocs != n ||
		    stats.live_blocks != n - n / 2)
			bad(m->crowd, "a pool's statistics are wrong");
		tmem_pool_destroy(pool);
		crowd_wait(m->crowd);
	}
	return NULL;
}

static void crowd_drain(struct crowd *crowd)
{
	struct label *label;
	size_t i;

	for (i = 0; i < BOXES; i++) {
		label = atomic_exchange(&crowd->box[i], NULL);
		if (label && !label_kept(label))
			bad(crowd, "a block's contents have changed");
		tmem_free(label);
	}
}

FIXTURE(threads)
{
	struct crowd crowd;
	struct member member[THREADS], watcher, pools;
	uint64_t seed;
};

FIXTURE_VARIANT(threads)
{
	size_t size_max;
	unsigned int steps, steps_sanitized;
};

/* clang-format off */
FIXTURE_VARIANT_ADD(threads, small) { 4 * LT_KIB, 30000, 3000 };
FIXTURE_VARIANT_ADD(threads, large) { 8 * LT_MIB, 3000, 500 };
/* clang-format on */

FIXTURE_SETUP(threads)
{
	size_t i;

	memset(&self->crowd, 0, sizeof(self->crowd));
	self->crowd.size_max = variant->size_max;
	self->crowd.steps = LT_COUNT(variant->steps, variant->steps_sanitized);
	self->seed = pace_seed();
	for (i = 0; i < THREADS; i++)
		self->member[i] = (struct member){
			.crowd = &self->crowd,
			.random = self->seed + (i << 32),
		};
	self->watcher = self->pools = self->member[0];
	ASSERT_EQ(0, lt_init());
}

FIXTURE_TEARDOWN(threads)
{
}

TEST_F(threads, hand_blocks_across)
{
	struct tmem_stats stats;
	size_t i;

	for (i = 0; i < THREADS; i++)
		ASSERT_EQ(0, pthread_create(&self->member[i].id, NULL,
					    member_run, &self->member[i]));
	ASSERT_EQ(0, pthread_create(&self->watcher.id, NULL, watcher_run,
				    &self->watcher));
	for (i = 0; i < THREADS; i++)
		pthread_join(self->member[i].id, NULL);
	atomic_store(&self->crowd.stop, true);
	pthread_join(self->watcher.id, NULL);
	crowd_drain(&self->crowd);
	EXPECT_EQ(0U, atomic_load(&self->crowd.bad));

	stats = lt_stats();
	TH_LOG("%llu allocations", (unsigned long long)stats.allocs);
	EXPECT_LT(100U, stats.allocs);
	EXPECT_EQ(0U, stats.live_blocks);
	EXPECT_EQ(0U, stats.live_bytes);
	EXPECT_EQ(0U, stats.spans_busy);
	EXPECT_EQ(0U, stats.misuse);
	EXPECT_EQ(0U, stats.failures);
	tmem_trim(0);
	EXPECT_EQ(0U, lt_stats().spans_idle);
	EXPECT_EQ(0U, lt_residency().resident);
}

TEST_F(threads, pools_come_and_go)
{
	size_t i;

	for (i = 0; i < THREADS; i++)
		ASSERT_EQ(0, pthread_create(&self->member[i].id, NULL,
					    i < 2 ? pools_run : member_run,
					    &self->member[i]));
	for (i = THREADS; i-- > 0;) {
		if (i == 1)
			atomic_store(&self->crowd.stop, true);
		pthread_join(self->member[i].id, NULL);
	}
	crowd_drain(&self->crowd);
	EXPECT_EQ(0U, atomic_load(&self->crowd.bad));
	EXPECT_EQ(0U, lt_stats().live_blocks);
	EXPECT_EQ(0U, lt_stats().spans_busy);
	EXPECT_EQ(0U, lt_stats().misuse);
}

static void *leave_block(void *arg)
{
	struct label *label = tmem_alloc(*(size_t *)arg);

	if (label)
		label_block(label, *(size_t *)arg, *(size_t *)arg);
	return label;
}

/* A block outlives the thread that allocated it. */
TEST(threads_exit)
{
	size_t sizes[] = { 100, 5000, 100000, 3 * LT_MIB };
	const unsigned int rounds = LT_COUNT(200, 30);
	unsigned int i, k;
	pthread_t id;
	void *block;

	ASSERT_EQ(0, lt_init());
	for (i = 0; i < rounds; i++)
		for (k = 0; k < ARRAY_SIZE(sizes); k++) {
			ASSERT_EQ(0, pthread_create(&id, NULL, leave_block,
						    &sizes[k]));
			pthread_join(id, &block);
			ASSERT_NE(NULL, block);
			ASSERT_TRUE(label_kept(block));
			tmem_free(block);
		}
	EXPECT_EQ(0U, lt_stats().live_blocks);
	EXPECT_EQ(0U, lt_stats().misuse);
}

static void *first_use(void *arg)
{
	pthread_barrier_wait(arg);
	return tmem_alloc(1000);
}

/* The first allocation of several threads at once sets the library up once. */
TEST(first_use_by_all)
{
	pthread_t id[THREADS];
	pthread_barrier_t start;
	void *block[THREADS];
	size_t i;

	pthread_barrier_init(&start, NULL, THREADS);
	for (i = 0; i < THREADS; i++)
		ASSERT_EQ(0, pthread_create(&id[i], NULL, first_use, &start));
	/* Freed after all are made: they share the span, whatever its node. */
	for (i = 0; i < THREADS; i++)
		pthread_join(id[i], &block[i]);
	for (i = 0; i < THREADS; i++) {
		EXPECT_NE(NULL, block[i]);
		tmem_free(block[i]);
	}
	EXPECT_EQ(THREADS, lt_stats().allocs);
	EXPECT_EQ(THREADS, lt_stats().frees);
	/* One where each of them ran. */
	EXPECT_LE(1U, lt_stats().spans_filled);
	EXPECT_GE(tmem_topology_get()->count, lt_stats().spans_filled);
}

TEST_HARNESS_MAIN
