// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that the analytics hold with threads: counts are exact when many
 * threads allocate and free each other's blocks, by site and by tier; with a
 * thousand threads that come and go; across fork(), in parent and child; and
 * while one thread switches, marks steps and writes snapshots all the time.  A
 * child that is forked meanwhile can load libraries.
 */
#include "analytics_test.h"

#include <fcntl.h>
#include <link.h>

#include "pool/detail.h"

#define THREADS 4
#define RING 64

static _Atomic(void *) ring[RING];
static atomic_bool stop;

struct worker {
	pthread_t thread;
	unsigned int number, steps;
	bool failed;
};

/* Blocks go to the ring, and whose they were does not matter. */
static void *work(void *arg)
{
	struct worker *w = arg;
	uint64_t random = w->number + 1;
	unsigned int i;

	tmem_tag_push("worker");
	for (i = 0; i < w->steps; i++) {
		size_t size = lt_random(&random) % 32 ?
				      lt_between(&random, 1, 30000) :
				      lt_between(&random, 30000, 900000);
		void *block = an_alloc("work", size);

		if (!block)
			w->failed = true;
		tmem_free(atomic_exchange(&ring[lt_random(&random) % RING],
					  block));
	}
	tmem_tag_pop();
	return NULL;
}

static bool work_all(struct worker *workers, unsigned int n, unsigned int steps)
{
	bool good = true;
	unsigned int i;

	for (i = 0; i < n; i++) {
		workers[i] = (struct worker){ .number = i, .steps = steps };
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]))
			return false;
	}
	for (i = 0; i < n; i++) {
		pthread_join(workers[i].thread, NULL);
		good = good && !workers[i].failed;
	}
	return good;
}

static void ring_empty(void)
{
	unsigned int i;

	for (i = 0; i < RING; i++)
		tmem_free(atomic_exchange(&ring[i], NULL));
}

static bool tiers_agree(void)
{
	uint64_t allocs = 0, frees = 0;
	struct tmem_detail detail;
	unsigned int i;

	tmem_detail_get(&detail);
	for (i = 0; i < TMEM_TIERS; i++) {
		allocs += detail.tier[i].allocs;
		frees += detail.tier[i].frees;
	}
	return allocs == detail.stats.allocs && frees == detail.stats.frees;
}

TEST(exact)
{
	unsigned int steps = LT_COUNT(20000, 2000);
	struct worker workers[THREADS];
	struct tmem_site_info site;

	ASSERT_EQ(0, an_init(0, 0));
	ASSERT_TRUE(work_all(workers, THREADS, steps));
	site = an_site("worker", "work");
	EXPECT_EQ(THREADS * steps, site.allocs);
	EXPECT_EQ(lt_stats().allocs, site.allocs);
	EXPECT_EQ(lt_stats().live_bytes, site.live_bytes);
	EXPECT_EQ(lt_stats().live_blocks, site.live_blocks);
	EXPECT_EQ(an_stats().records, site.live_blocks);
	EXPECT_TRUE(tiers_agree());
	ring_empty();
	site = an_site("worker", "work");
	EXPECT_EQ(site.allocs, site.frees);
	EXPECT_EQ(0U, site.live_bytes);
	EXPECT_EQ(0U, an_stats().records);
	EXPECT_TRUE(heap_empty());
	EXPECT_TRUE(tiers_agree());
}

static void *free_all(void *arg)
{
	void **block = arg;
	unsigned int i;

	for (i = 0; i < 100; i++)
		tmem_free(block[i]);
	return NULL;
}

/* Another thread frees what this one, which lives, has in its runs. */
TEST(remote)
{
	void *block[100];
	pthread_t thread;
	unsigned int i;

	ASSERT_EQ(0, an_init(0, 0));
	for (i = 0; i < 100; i++)
		block[i] = an_alloc("remote", 1000);
	pthread_create(&thread, NULL, free_all, block);
	pthread_join(thread, NULL);
	EXPECT_EQ(100U, an_site("", "remote").frees);
	EXPECT_EQ(0U, an_stats().records);
	EXPECT_TRUE(tiers_agree());
	EXPECT_TRUE(heap_empty());
}

TEST(thousand_threads)
{
	unsigned int rounds = LT_COUNT(10, 1), each = LT_COUNT(100, 40), i;
	static struct worker workers[100];

	ASSERT_EQ(0, an_init(0, 0));
	for (i = 0; i < rounds; i++)
		ASSERT_TRUE(work_all(workers, each, 20));
	EXPECT_EQ(rounds * each * 20, an_site("worker", "work").allocs);
	ring_empty();
	EXPECT_EQ(0U, an_stats().records);
	EXPECT_TRUE(heap_empty());
}

/* All at once, each with a snapshot's worth of state. */
static void *wait_for_all(void *arg)
{
	pthread_barrier_t *barrier = arg;
	void *block = an_alloc("crowd", 4000);

	pthread_barrier_wait(barrier);
	pthread_barrier_wait(barrier);
	tmem_free(block);
	return NULL;
}

TEST(thousand_at_once)
{
	unsigned int n = LT_COUNT(1000, 50), i;
	static pthread_t threads[1000];
	int null = open("/dev/null", O_WRONLY);
	pthread_barrier_t barrier;
	pthread_attr_t attr;

	ASSERT_EQ(0, an_init(0, 0));
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 128 << 10);
	pthread_barrier_init(&barrier, NULL, n + 1);
	for (i = 0; i < n; i++)
		if (pthread_create(&threads[i], &attr, wait_for_all, &barrier))
			ksft_exit_fail_msg("thread %u of %u: %s\n", i, n,
					   strerror(errno));
	pthread_barrier_wait(&barrier);
	EXPECT_EQ(n, an_site("", "crowd").live_blocks);
	EXPECT_EQ(0, tmem_snapshot_write(null, TMEM_SNAPSHOT_RECORDS));
	EXPECT_EQ(0, tmem_step_mark("crowd"));
	pthread_barrier_wait(&barrier);
	for (i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	EXPECT_EQ(0U, an_site("", "crowd").live_blocks);
	close(null);
}

static atomic_uint meddled;

static void *meddle(void *arg)
{
	struct tmem_analytics_config config = TMEM_ANALYTICS_INIT;
	int null = open("/dev/null", O_WRONLY);
	uint64_t random = 5;

	(void)arg;
	while (!atomic_load(&stop)) {
		struct tmem_hotspot spot[4];

		tmem_analytics_get(&config);
		config.mode = lt_random(&random) % 4 != 0;
		config.interval_bytes = lt_random(&random) % 3 * 20000;
		config.max_records = 1024;
		config.depth = 1 + (uint32_t)(lt_random(&random) % 8);
		tmem_analytics_set(&config);
		tmem_step_mark("meddle");
		tmem_snapshot_write(null, TMEM_SNAPSHOT_RECORDS);
		tmem_hotspots_get(TMEM_HOTSPOT_LIVE, spot, 4);
		atomic_fetch_add(&meddled, 1);
		sched_yield();
	}
	close(null);
	return NULL;
}

TEST(meddled_with)
{
	struct worker workers[THREADS];
	pthread_t meddler;

	ASSERT_EQ(0, an_init(0, 1024));
	pthread_create(&meddler, NULL, meddle, NULL);
	ASSERT_TRUE(PACE_UNTIL(atomic_load(&meddled)));
	EXPECT_TRUE(work_all(workers, THREADS, LT_COUNT(10000, 1000)));
	atomic_store(&stop, true);
	pthread_join(meddler, NULL);
	ring_empty();
	EXPECT_EQ(0U, an_stats().records);
	EXPECT_EQ(0U, an_site("worker", "work").live_bytes);
	EXPECT_EQ(0U, lt_stats().misuse);
	EXPECT_TRUE(heap_empty());
	EXPECT_TRUE(tiers_agree());
}

/*
 * In a child: on anonymous memory it has its parent's blocks, and records; on
 * the device it has neither.
 */
static int child(void *arg)
{
	bool dev = lt_backend() == TMEM_BACKEND_DEV;
	uint64_t before = dev ? 0 : 10;
	void **block = arg, *mine;
	unsigned int i;

	if (an_stats().records != before)
		return 1;
	mine = an_alloc("child", 3000);
	if (!mine || an_site("", "child").live_blocks != 1)
		return 2;
	tmem_free(mine);
	for (i = 0; !dev && i < 10; i++)
		tmem_free(block[i]);
	if (an_stats().records || an_site("", "parent").live_blocks)
		return 3;
	if (tmem_step_mark("child") || tmem_check())
		return 4;
	return 0;
}

TEST(forked)
{
	void *block[10];
	unsigned int i;

	ASSERT_EQ(0, an_init(0, 0));
	for (i = 0; i < 10; i++)
		block[i] = an_alloc("parent", 1000 << i);
	EXPECT_EQ(0, lt_child(child, block));
	EXPECT_EQ(10U, an_site("", "parent").live_blocks);
	EXPECT_EQ(0U, an_site("", "child").id);
	for (i = 0; i < 10; i++)
		tmem_free(block[i]);
	EXPECT_EQ(0U, an_stats().records);
}

/* Forks while others record: no lock is left behind. */
static int child_works(void *arg)
{
	void *block = an_alloc("late", 5000);

	(void)arg;
	tmem_free(block);
	return !block;
}

static void *work_on(void *arg)
{
	struct worker *w = arg;

	while (!atomic_load(&stop))
		work(w);
	return NULL;
}

TEST(fork_among_threads)
{
	struct worker workers[2];
	unsigned int i;

	ASSERT_EQ(0, an_init(0, 0));
	for (i = 0; i < 2; i++) {
		workers[i] = (struct worker){ .number = i, .steps = 50 };
		pthread_create(&workers[i].thread, NULL, work_on, &workers[i]);
	}
	for (i = 0; i < LT_COUNT(40, 8); i++)
		EXPECT_EQ(0, lt_child(child_works, NULL));
	atomic_store(&stop, true);
	for (i = 0; i < 2; i++)
		pthread_join(workers[i].thread, NULL);
	ring_empty();
	EXPECT_EQ(0U, an_stats().records);
}

static _Atomic(bool) snapshots_end;

static void *snapshots_write(void *arg)
{
	int null = open("/dev/null", O_WRONLY);

	while (!atomic_load(&snapshots_end))
		tmem_snapshot_write(null, 0);
	close(null);
	return arg;
}

static int object_none(struct dl_phdr_info *info, size_t size, void *arg)
{
	(void)info;
	(void)size;
	(void)arg;
	return 0;
}

/*
 * The dynamic linker's lock is free in the child, which may load libraries,
 * whatever the parent's other threads were writing down.
 */
TEST(fork_during_snapshots)
{
	unsigned int i = 0, yields, hung = 0;
	pthread_t thread;
	int status;
	pid_t pid;

	ASSERT_EQ(0, an_init(0, 0));
	pthread_create(&thread, NULL, snapshots_write, NULL);
	PACE_ROUNDS(LT_COUNT(200, 20)) {
		for (yields = i++ % 7; yields; yields--)
			sched_yield();
		pid = fork();
		if (!pid) {
			pace_end_if_hung();
			dl_iterate_phdr(object_none, NULL);
			_exit(0);
		}
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		hung += WIFSIGNALED(status);
		if (hung)
			break;
	}
	atomic_store(&snapshots_end, true);
	pthread_join(thread, NULL);
	EXPECT_EQ(0U, hung)
	TH_LOG("after %u forks", i);
}

TEST_HARNESS_MAIN
