// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that threads come and go: thousands that leave with full caches,
 * blocks freed after their thread has gone, blocks that one thread makes and
 * another frees for as long as one likes, threads that allocate in the
 * destructors at their end, signals in the middle.  In the end all memory has
 * come back, and there was never more of it than was needed.
 */
#include "heap_test.h"

#include <sys/time.h>

#include "arena/topology.h"

#define AT_ONCE 32

/* Fills caches with blocks of some sizes, and leaves them full. */
static void *visitor_run(void *arg)
{
	uint64_t random = (uintptr_t)arg;
	char *block[150];
	size_t i, size;

	for (i = 0; i < ARRAY_SIZE(block); i++) {
		size = lt_between(&random, 1, i % 32 ? 4096 : 32768);
		block[i] = tmem_alloc(size);
		if (!block[i])
			return (void *)1;
		memset(block[i], 1, size < 64 ? size : 64);
	}
	for (i = 0; i < ARRAY_SIZE(block); i++)
		tmem_free(block[i]);
	return NULL;
}

/* A number of them, so many at once; 0 or how many failed. */
static unsigned int visit(unsigned int count, uint64_t *random,
			  void *(*run)(void *))
{
	unsigned int failed = 0, i, n;
	pthread_t id[AT_ONCE];
	void *end;

	for (; count; count -= n) {
		for (n = 0; n < AT_ONCE && n < count; n++)
			if (pthread_create(&id[n], NULL, run,
					   (void *)lt_random(random)))
				break;
		if (!n)
			return failed + count;
		for (i = 0; i < n; i++) {
			pthread_join(id[i], &end);
			failed += end != NULL;
		}
	}
	return failed;
}

TEST(thousands)
{
	const unsigned int count = HEAP_COUNT(4000, 300);
	uint64_t random = pace_seed(), spans, metadata;
	struct tmem_stats s;

	ASSERT_EQ(0, heap_init());
	EXPECT_EQ(0U, visit(count / 4, &random, visitor_run));
	s = lt_stats();
	spans = s.spans_busy + s.spans_idle;
	metadata = s.metadata_bytes;
	EXPECT_EQ(0U, visit(count, &random, visitor_run));
	s = lt_stats();
	TH_LOG("%llu and %llu spans, %llu and %llu bytes of tables",
	       (unsigned long long)spans,
	       (unsigned long long)(s.spans_busy + s.spans_idle),
	       (unsigned long long)metadata,
	       (unsigned long long)s.metadata_bytes);
	EXPECT_EQ(0U, s.live_blocks);
	/* As for those that were there at once: no more for thousands. */
	EXPECT_GE(AT_ONCE + 8U, s.spans_busy + s.spans_idle);
	EXPECT_GE(metadata + 2 * LT_MIB, s.metadata_bytes);
	EXPECT_TRUE(heap_empty());
	EXPECT_TRUE(heap_whole(500));
}

/* Blocks whose thread has gone are freed by others. */
struct estate {
	char *block[2000];
	size_t size;
	pthread_barrier_t *wait; /* NULL: it goes at once */
};

static void *testator_run(void *arg)
{
	struct estate *e = arg;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(e->block); i++)
		e->block[i] = lt_filled(e->size, i);
	if (e->wait) {
		pthread_barrier_wait(e->wait);
		/* They have been freed meanwhile; they are used again. */
		pthread_barrier_wait(e->wait);
		for (i = 0; i < ARRAY_SIZE(e->block); i++)
			e->block[i] = lt_filled(e->size, i);
		pthread_barrier_wait(e->wait);
	}
	return NULL;
}

static unsigned int estate_free(struct estate *e)
{
	unsigned int lost = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(e->block); i++) {
		lost += !e->block[i] || !lt_kept(e->block[i], e->size, i);
		tmem_free(e->block[i]);
	}
	return lost;
}

TEST(freed_after_its_thread)
{
	const size_t sizes[] = { 64, 500, 3000, 20000, 40000 };
	static struct estate e;
	pthread_t id;
	size_t i;

	ASSERT_EQ(0, heap_init());
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		e.size = sizes[i];
		ASSERT_EQ(0, pthread_create(&id, NULL, testator_run, &e));
		pthread_join(id, NULL);
		EXPECT_EQ(0U, estate_free(&e));
		EXPECT_EQ(0U, lt_stats().live_blocks);
		EXPECT_TRUE(heap_empty()) TH_LOG("size %zu", sizes[i]);
	}
	EXPECT_EQ(0U, lt_stats().misuse);
}

/* The thread that they belong to lives, and does nothing. */
TEST(freed_for_a_thread_that_waits)
{
	const size_t sizes[] = { 64, 500, 3000, 20000 };
	static struct estate e;
	pthread_barrier_t wait;
	uint64_t filled;
	pthread_t id;
	size_t i;

	lt_stay();
	ASSERT_EQ(0, heap_init());
	pthread_barrier_init(&wait, NULL, 2);
	e.wait = &wait;
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		e.size = sizes[i];
		ASSERT_EQ(0, pthread_create(&id, NULL, testator_run, &e));
		pthread_barrier_wait(&wait);
		EXPECT_EQ(0U, estate_free(&e));
		EXPECT_EQ(0U, lt_stats().live_blocks);
		filled = lt_stats().spans_filled;
		pthread_barrier_wait(&wait);
		pthread_barrier_wait(&wait);
		/* What was freed for it was there for it, but for a rest. */
		EXPECT_GE(filled + 1, lt_stats().spans_filled);
		pthread_join(id, NULL);
		EXPECT_EQ(0U, estate_free(&e));
		EXPECT_TRUE(heap_empty()) TH_LOG("size %zu", sizes[i]);
	}
}

#define BELT 256

/* One makes, the other frees. */
struct belt {
	char *_Atomic at[BELT];
	size_t size_max;
	unsigned int blocks;
	atomic_bool stop;
	uint64_t made, spans_max, wrong;
};

static void *producer_run(void *arg)
{
	uint64_t random = 7, n = 0;
	struct belt *b = arg;
	size_t size;
	char *block;

	PACE_ROUNDS(b->blocks) {
		size = lt_between(&random, 8, b->size_max);
		block = tmem_alloc(size);
		if (!block)
			break;
		memcpy(block, &n, sizeof(n));
		while (atomic_load(&b->at[n % BELT]))
			sched_yield();
		atomic_store(&b->at[n++ % BELT], block);
	}
	b->made = n;
	atomic_store(&b->stop, true);
	return NULL;
}

static void *consumer_run(void *arg)
{
	struct belt *b = arg;
	struct tmem_stats s;
	uint64_t n;
	char *block;

	for (n = 0;; n++) {
		while (!atomic_load(&b->at[n % BELT]) && !atomic_load(&b->stop))
			sched_yield();
		/* What was put there before it stopped is seen now. */
		block = atomic_load(&b->at[n % BELT]);
		if (!block)
			break;
		b->wrong += memcmp(block, &n, sizeof(n)) != 0;
		tmem_free(block);
		atomic_store(&b->at[n % BELT], NULL);
		if (n % 1024)
			continue;
		s = lt_stats();
		if (b->spans_max < s.spans_busy + s.spans_idle)
			b->spans_max = s.spans_busy + s.spans_idle;
	}
	return NULL;
}

FIXTURE(belt)
{
	struct belt belt;
};

FIXTURE_VARIANT(belt)
{
	size_t size_max, spans_max;
};

/* At most 256 blocks are live: half a span, 8 spans, 64 spans. */
/* clang-format off */
FIXTURE_VARIANT_ADD(belt, small) { 4 * LT_KIB, 16 };
FIXTURE_VARIANT_ADD(belt, bins) { 32 * LT_KIB, 32 };
FIXTURE_VARIANT_ADD(belt, middle) { 300 * LT_KIB, 80 };
/* clang-format on */

FIXTURE_SETUP(belt)
{
	ASSERT_EQ(0, heap_init());
	self->belt = (struct belt){
		.size_max = variant->size_max,
		.blocks = LT_COUNT(200000, 20000),
	};
}

FIXTURE_TEARDOWN(belt)
{
	EXPECT_TRUE(heap_empty());
}

TEST_F(belt, memory_is_bounded)
{
	pthread_t producer, consumer;

	ASSERT_EQ(0,
		  pthread_create(&producer, NULL, producer_run, &self->belt));
	ASSERT_EQ(0,
		  pthread_create(&consumer, NULL, consumer_run, &self->belt));
	pthread_join(producer, NULL);
	pthread_join(consumer, NULL);
	TH_LOG("%llu blocks, at most %llu spans",
	       (unsigned long long)self->belt.made,
	       (unsigned long long)self->belt.spans_max);
	EXPECT_LT(BELT, self->belt.made);
	EXPECT_EQ(0U, self->belt.wrong);
	EXPECT_EQ(0U, lt_stats().live_blocks);
	EXPECT_GE(variant->spans_max, self->belt.spans_max);
}

/*
 * Destructors of a thread's own data run before, between and after those of
 * the library: each allocates, frees what the one before has left, and comes
 * again as often as the system lets it.
 */
extern int __cxa_thread_atexit_impl(void (*fn)(void *), void *arg, void *dso);
extern void *__dso_handle;

static pthread_key_t key_before, key_after;
static atomic_uint destructed, destructors_wrong;

static void destructor(pthread_key_t key, struct heap_block *b)
{
	size_t size = b->size * 2;

	atomic_fetch_add(&destructed, 1);
	if (!heap_block_free(b) ||
	    !heap_block_take(b, tmem_alloc(size), size, size))
		atomic_fetch_add(&destructors_wrong, 1);
	if (visitor_run((void *)size))
		atomic_fetch_add(&destructors_wrong, 1);
	/*
	 * 2 KiB, then 4, 8, 16: the last one stays, for another to free.
	 * ThreadSanitizer has left the thread when the last of them run.
	 */
	if (size < (LT_TSAN ? 4000 : 16000))
		pthread_setspecific(key, b);
}

static void destructor_before(void *arg)
{
	destructor(key_before, arg);
}

static void destructor_after(void *arg)
{
	destructor(key_after, arg);
}

static void destructor_cxx(void *arg)
{
	struct heap_block *b = arg;

	atomic_fetch_add(&destructed, 1);
	if (!heap_block_free(b) ||
	    !heap_block_take(b, tmem_alloc(70000), 70000, 3))
		atomic_fetch_add(&destructors_wrong, 1);
}

static void *destructors_run(void *arg)
{
	struct heap_block *b = arg;
	size_t i;

	for (i = 0; i < 3; i++)
		if (!heap_block_take(&b[i], tmem_alloc(1024), 1024, i))
			return (void *)1;
	pthread_setspecific(key_before, &b[0]);
	pthread_setspecific(key_after, &b[1]);
	__cxa_thread_atexit_impl(destructor_cxx, &b[2], &__dso_handle);
	return NULL;
}

TEST(in_destructors)
{
	const unsigned int rounds = HEAP_COUNT(60, 10);
	struct heap_block b[3];
	unsigned int i, k;
	pthread_t id;
	void *end;

	ASSERT_EQ(0, pthread_key_create(&key_before, destructor_before));
	ASSERT_EQ(0, heap_init());
	tmem_free(tmem_alloc(100));
	ASSERT_EQ(0, pthread_key_create(&key_after, destructor_after));
	for (i = 0; i < rounds; i++) {
		ASSERT_EQ(0, pthread_create(&id, NULL, destructors_run, b));
		pthread_join(id, &end);
		EXPECT_EQ(NULL, end);
		for (k = 0; k < 3; k++) {
			EXPECT_TRUE(heap_block_free(&b[k]));
		}
	}
	EXPECT_LE(rounds * (LT_TSAN ? 5 : 9), atomic_load(&destructed));
	EXPECT_EQ(0U, atomic_load(&destructors_wrong));
	EXPECT_EQ(0U, lt_stats().live_blocks);
	EXPECT_EQ(0U, lt_stats().misuse);
	/* What they left in caches that were made anew came back, too. */
	EXPECT_TRUE(heap_empty());
}

/* Signals arrive all the time; their handler does not allocate. */
static atomic_uint signals;

static void count_signal(int number)
{
	(void)number;
	atomic_fetch_add(&signals, 1);
}

static void *signalled_run(void *arg)
{
	return heap_whole(*(unsigned int *)arg) ? NULL : (void *)1;
}

TEST(signals_arrive)
{
	const struct itimerval often = { { 0, 300 }, { 0, 300 } };
	const struct itimerval never = { { 0, 0 }, { 0, 0 } };
	unsigned int steps = HEAP_COUNT(20000, 2000);
	struct sigaction action = { .sa_handler = count_signal };
	pthread_t id[3];
	void *end;
	size_t i;

	ASSERT_EQ(0, heap_init());
	/* Without SA_RESTART: calls of the system are cut short. */
	ASSERT_EQ(0, sigaction(SIGALRM, &action, NULL));
	ASSERT_EQ(0, setitimer(ITIMER_REAL, &often, NULL));
	for (i = 0; i < ARRAY_SIZE(id); i++)
		ASSERT_EQ(0,
			  pthread_create(&id[i], NULL, signalled_run, &steps));
	for (i = 0; i < ARRAY_SIZE(id); i++) {
		pthread_join(id[i], &end);
		EXPECT_EQ(NULL, end);
	}
	EXPECT_TRUE(PACE_UNTIL(atomic_load(&signals)));
	ASSERT_EQ(0, setitimer(ITIMER_REAL, &never, NULL));
	EXPECT_EQ(0U, lt_stats().failures);
	EXPECT_TRUE(heap_empty());
}

TEST_HARNESS_MAIN
