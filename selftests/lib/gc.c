// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves on the real heap that a process that goes idle shrinks to what is
 * alive without calling the library, that steady work is left alone, that an
 * emergency takes all at once, that contents survive whatever is collected
 * meanwhile, and that the calls refuse what makes no sense.
 *
 * Where it is about time, the collector has a clock of its own.
 */
#include "lib_test.h"
#include "worker_fake.h"

#include <fcntl.h>

#include "gc/collector.h"

#define MS 1000000ull
#define S (1000 * MS)
#define DECAY_TEXT "200" /* ms */

static struct tmem_worker *const worker = &tmem_collector.worker;

static struct tmem_gc_stats gc_stats(void)
{
	struct tmem_gc_stats stats = TMEM_GC_STATS_INIT;

	tmem_gc_stats_get(&stats);
	return stats;
}

/* Resident memory of the process, as the kernel says. */
static size_t rss(void)
{
	char text[128] = "";
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	size_t pages = 0;

	if (fd >= 0 && read(fd, text, sizeof(text) - 1) > 0)
		pages = strtoul(text + strcspn(text, " "), NULL, 10);
	if (fd >= 0)
		close(fd);
	return pages * 4096;
}

static size_t resident(void)
{
	return lt_residency().resident;
}

/* TMEM_GC_DECAY_MS, then the set-up. */
static int start(const char *decay)
{
	setenv("TMEM_GC_DECAY_MS", decay, 1);
	return lt_init();
}

/* The same, but time passes by worker_fake_pass(), whatever the machine does. */
static int start_stepped(const char *decay)
{
	static struct tmem_gc_ops ops;

	ops = tmem_gc_ops_real;
	ops.worker = &worker_fake_ops;
	tmem_gc_use(&ops);
	if (tmem_gc_level_set(TMEM_LEVEL_LOW))
		return -1;
	return start(decay);
}

/* --- going idle ------------------------------------------------------------------- */

#define BLOCKS 20

/* 80 MiB are alive, as much again was, and no call for one interval. */
TEST(an_idle_process_shrinks)
{
	size_t live = 0, before = rss(), full, after, i;
	char *block[BLOCKS];

	ASSERT_EQ(0, start_stepped("300000"));
	for (i = 0; i < BLOCKS; i++) {
		block[i] = lt_filled(8 * LT_MIB, i);
		ASSERT_NE(NULL, block[i]);
	}
	full = resident();
	EXPECT_GE(full, BLOCKS * 8 * LT_MIB);
	for (i = 0; i < BLOCKS; i++) {
		if (i % 2)
			live += 8 * LT_MIB;
		else
			tmem_free(block[i]);
	}
	worker_fake_pass(worker, 225 * S - 1);
	EXPECT_EQ(full, resident());
	worker_fake_pass(worker, 75 * S + 1);
	after = rss() - before;
	printf("# live %zu MiB, resident before %zu, after %zu, of the process %zu\n",
	       live / LT_MIB, full / LT_MIB, resident() / LT_MIB,
	       after / LT_MIB);
	EXPECT_LE(resident(), live + live / 20);
	if (!LT_SANITIZER && lt_backend() == TMEM_BACKEND_ANON)
		EXPECT_LE(after, live + live / 20);
	EXPECT_EQ(BLOCKS / 2 * 4U, gc_stats().purged_spans);
	for (i = 1; i < BLOCKS; i += 2) {
		EXPECT_TRUE(lt_kept(block[i], 8 * LT_MIB, i));
		tmem_free(block[i]);
	}
	worker_fake_pass(worker, 300 * S);
	EXPECT_EQ(0U, resident());
	EXPECT_EQ(0U, lt_stats().spans_idle);
	/* And then it does nothing at all. */
	EXPECT_TRUE(worker_fake_asleep(worker));
	EXPECT_EQ(0U, worker_fake_pass(worker, 86400 * S));
}

/* The same with its own thread, by the real clock. */
TEST(by_itself)
{
	char *block;

	ASSERT_EQ(0, start(DECAY_TEXT));
	block = lt_filled(8 * LT_MIB, 1);
	tmem_free(lt_filled(64 * LT_MIB, 2));
	EXPECT_TRUE(PACE_UNTIL(resident() == 8 * LT_MIB));
	EXPECT_TRUE(lt_kept(block, 8 * LT_MIB, 1));
	tmem_free(block);
	EXPECT_TRUE(PACE_UNTIL(!resident()));
	EXPECT_EQ(0U, lt_stats().spans_idle);
	EXPECT_EQ(1U, gc_stats().running);
}

/* --- steady work -------------------------------------------------------------------- */

TEST(steady_work_is_left_alone)
{
	struct tmem_stats warm;
	unsigned int i;

	lt_stay(); /* a thread that moves leaves what it had on its node idle */
	ASSERT_EQ(0, start_stepped("300000"));
	tmem_free(lt_filled(64 * LT_MIB, 0));
	warm = lt_stats();
	/* Idle for a third of the time, for three intervals. */
	for (i = 0; i < 20; i++) {
		char *block = lt_filled(64 * LT_MIB, i);

		ASSERT_NE(NULL, block);
		worker_fake_pass(worker, 30 * S);
		tmem_free(block);
		worker_fake_pass(worker, 15 * S);
	}
	EXPECT_EQ(warm.spans_filled, lt_stats().spans_filled);
	EXPECT_EQ(0U, gc_stats().purged_spans);
	EXPECT_GT(gc_stats().runs[TMEM_LEVEL_LOW], 10U);
}

/* --- levels ------------------------------------------------------------------------ */

#define TIMES 5

/* All of it in one step, and the time until the first bytes is known. */
TEST(an_emergency_takes_all_at_once)
{
	uint64_t ns;

	ASSERT_EQ(0, start_stepped(""));
	for (ns = 1000; ns <= TIMES * 1000; ns += 1000) {
		ASSERT_EQ(0, tmem_gc_level_set(TMEM_LEVEL_LOW));
		tmem_free(lt_filled(64 * LT_MIB, 1));
		worker_fake_run(worker);
		EXPECT_EQ(64 * LT_MIB, resident());
		ASSERT_EQ(0, tmem_gc_level_set(TMEM_LEVEL_CRITICAL));
		atomic_fetch_add(&worker_fake_ns, ns);
		EXPECT_EQ(1U, worker_fake_run(worker));
		EXPECT_EQ(0U, resident());
		EXPECT_EQ(ns, gc_stats().reaction_ns);
	}
	EXPECT_EQ(TIMES * 1000U, gc_stats().reaction_max_ns);
	EXPECT_EQ(TMEM_LEVEL_CRITICAL, (int)gc_stats().level);
	EXPECT_EQ(TMEM_GC_SOURCE_SET, (int)gc_stats().source);
	EXPECT_EQ(TIMES * 64 * LT_MIB, gc_stats().purged_bytes);
}

/* Also by the thread, whatever it was doing. */
TEST(an_emergency)
{
	int i;

	ASSERT_EQ(0, lt_init());
	for (i = 0; i < TIMES; i++) {
		ASSERT_EQ(0, tmem_gc_level_set(TMEM_LEVEL_LOW));
		tmem_free(lt_filled(64 * LT_MIB, 1));
		ASSERT_EQ(0, tmem_gc_level_set(TMEM_LEVEL_CRITICAL));
		EXPECT_TRUE(PACE_UNTIL(!resident()));
	}
	EXPECT_GT(gc_stats().reaction_ns, 0U);
}

static int off_set(void)
{
	struct tmem_gc_config config = TMEM_GC_CONFIG_INIT;

	config.off = 1; /* nothing else gives back */
	return tmem_gc_config_set(&config);
}

TEST(by_hand)
{
	ASSERT_EQ(0, off_set());
	ASSERT_EQ(0, lt_init());
	EXPECT_EQ(0U, tmem_gc_run(TMEM_LEVEL_CRITICAL));
	tmem_free(lt_filled(64 * LT_MIB, 1));
	EXPECT_EQ(0U, tmem_gc_run(TMEM_LEVEL_LOW));
	EXPECT_EQ(64 * LT_MIB, tmem_gc_run(TMEM_LEVEL_CRITICAL));
	EXPECT_EQ(0U, resident());
	errno = 0;
	EXPECT_EQ(0U, tmem_gc_run((enum tmem_level)4));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(1U, gc_stats().runs[TMEM_LEVEL_LOW]);
}

TEST(by_score)
{
	ASSERT_EQ(0, off_set());
	ASSERT_EQ(0, lt_init());
	tmem_free(lt_filled(64 * LT_MIB, 1));
	EXPECT_EQ(0U, tmem_lru_purge(0, 0));
	EXPECT_EQ(0U, tmem_lru_purge(SIZE_MAX, 60000));
	EXPECT_EQ(10 * LT_SPAN, tmem_lru_purge(9 * LT_SPAN + 1, 0));
	EXPECT_EQ(22 * LT_SPAN, tmem_lru_purge(SIZE_MAX, 0));
	EXPECT_EQ(0U, resident());
}

/* Before anything is set up, nothing is idle, and nothing is set up by it. */
TEST(before_the_set_up)
{
	EXPECT_EQ(0U, tmem_gc_run(TMEM_LEVEL_CRITICAL));
	EXPECT_EQ(0U, tmem_lru_purge(SIZE_MAX, 0));
	EXPECT_EQ(0, tmem_gc_level_set(TMEM_LEVEL_HIGH));
	EXPECT_EQ(0U, gc_stats().running);
	EXPECT_STREQ("none", tmem_backend_name());
}

/* --- settings ------------------------------------------------------------------------ */

TEST(off)
{
	struct tmem_gc_config config = TMEM_GC_CONFIG_INIT;

	lt_stay(); /* the second block is where the first was */
	ASSERT_EQ(0, off_set());
	ASSERT_EQ(0, start_stepped("100"));
	tmem_free(lt_filled(64 * LT_MIB, 1));
	atomic_fetch_add(&worker_fake_ns, 86400 * S);
	tmem_free(lt_filled(64 * LT_MIB, 1));
	EXPECT_EQ(0U, gc_stats().running);
	EXPECT_EQ(0U, worker_fake(worker)->spawns);
	EXPECT_EQ(64 * LT_MIB, resident());
	EXPECT_EQ(0, tmem_gc_config_get(&config));
	EXPECT_EQ(1U, config.off);
}

TEST(what_a_program_set_goes_before)
{
	struct tmem_gc_config config = TMEM_GC_CONFIG_INIT;

	ASSERT_EQ(0, tmem_gc_config_get(&config));
	EXPECT_EQ(300000U, config.level[TMEM_LEVEL_LOW].interval_ms);
	config.level[TMEM_LEVEL_LOW].interval_ms = 500000;
	ASSERT_EQ(0, tmem_gc_config_set(&config));
	ASSERT_EQ(0, start("100"));
	ASSERT_EQ(0, tmem_gc_config_get(&config));
	EXPECT_EQ(500000U, config.level[TMEM_LEVEL_LOW].interval_ms);
	EXPECT_EQ(60000U, config.level[TMEM_LEVEL_MEDIUM].interval_ms);
}

TEST(the_environment)
{
	struct tmem_gc_config config = TMEM_GC_CONFIG_INIT;

	ASSERT_EQ(0, start("5000"));
	ASSERT_EQ(0, tmem_gc_config_get(&config));
	EXPECT_EQ(5000U, config.level[TMEM_LEVEL_LOW].interval_ms);
	EXPECT_EQ(5000U, config.level[TMEM_LEVEL_LOW].age_ms);
	EXPECT_EQ(5000U, config.level[TMEM_LEVEL_MEDIUM].interval_ms);
	EXPECT_EQ(5000U, config.level[TMEM_LEVEL_HIGH].interval_ms);
	EXPECT_EQ(100U, config.level[TMEM_LEVEL_CRITICAL].interval_ms);
}

TEST(an_environment_that_is_none)
{
	struct lt_log log;

	lt_listen(&log);
	EXPECT_EQ(-EINVAL, start("soon"));
	EXPECT_TRUE(lt_heard(&log, TMEM_LOG_ERROR, "TMEM_GC_DECAY_MS=soon"));
	EXPECT_EQ(-EINVAL, start("9"));
	EXPECT_EQ(0, start(""));
	tmem_free(tmem_alloc(1));
}

TEST(values_that_are_none)
{
	struct tmem_gc_config config = TMEM_GC_CONFIG_INIT, was = config;
	struct tmem_gc_stats stats = TMEM_GC_STATS_INIT;

	EXPECT_EQ(-EINVAL, tmem_gc_level_set(-2));
	EXPECT_EQ(-EINVAL, tmem_gc_level_set(4));
	EXPECT_EQ(0, tmem_gc_level_set(TMEM_GC_LEVEL_AUTO));
	ASSERT_EQ(0, tmem_gc_config_get(&was));
	config.level[1].interval_ms = 1;
	EXPECT_EQ(-EINVAL, tmem_gc_config_set(&config));
	config.struct_size = 0;
	EXPECT_EQ(-EINVAL, tmem_gc_config_set(&config));
	EXPECT_EQ(-EINVAL, tmem_gc_config_get(&config));
	config.struct_size = sizeof(config);
	ASSERT_EQ(0, tmem_gc_config_get(&config));
	EXPECT_EQ(0, memcmp(&config, &was, sizeof(config)));
	stats.struct_size = 0;
	EXPECT_EQ(-EINVAL, tmem_gc_stats_get(&stats));
	/* A program that knows the first counter only. */
	memset(&stats, 0x55, sizeof(stats));
	stats.struct_size = 2 * sizeof(uint64_t);
	EXPECT_EQ(0, tmem_gc_stats_get(&stats));
	EXPECT_EQ(0U, stats.runs[0]);
	EXPECT_EQ(0x5555555555555555U, stats.runs[1]);
}

/* --- together ------------------------------------------------------------------------ */

struct user {
	uint64_t seed;
	atomic_uint *done;
	bool kept;
};

static void *use_blocks(void *arg)
{
	struct user *u = arg;
	char *block[8] = { NULL };
	size_t size[8], i;

	u->kept = true;
	PACE_ROUNDS(LT_COUNT(6000, 800)) {
		i = lt_random(&u->seed) % 8;
		if (block[i]) {
			u->kept &= lt_kept(block[i], size[i], i);
			tmem_free(block[i]);
			block[i] = NULL;
			continue;
		}
		size[i] = lt_between(&u->seed, 64,
				     lt_random(&u->seed) % 2 ? 8 * LT_MIB :
							       LT_KIB);
		block[i] = lt_filled(size[i], i);
		u->kept &= !!block[i];
	}
	for (i = 0; i < 8; i++)
		tmem_free(block[i]);
	atomic_fetch_add(u->done, 1);
	return NULL;
}

static void collect(uint64_t *seed)
{
	tmem_gc_level_set((int)lt_between(seed, 0, 4) - 1);
	if (lt_random(seed) % 4 == 0)
		tmem_gc_run(TMEM_LEVEL_CRITICAL);
	if (lt_random(seed) % 4 == 0)
		tmem_lru_purge(4 * LT_MIB, 0);
	sched_yield();
}

TEST(contents_survive)
{
	uint64_t seed = pace_seed();
	atomic_uint done = 0;
	pthread_t thread[3];
	struct user u[3];
	size_t i;

	ASSERT_EQ(0, start("20"));
	for (i = 0; i < 3; i++) {
		u[i] = (struct user){ .seed = seed + i, .done = &done };
		ASSERT_EQ(0,
			  pthread_create(&thread[i], NULL, use_blocks, &u[i]));
	}
	while (atomic_load(&done) < 3)
		collect(&seed);
	for (i = 0; i < 3; i++) {
		pthread_join(thread[i], NULL);
		EXPECT_TRUE(u[i].kept);
	}
	EXPECT_EQ(0U, lt_stats().live_blocks);
	tmem_gc_level_set(TMEM_LEVEL_CRITICAL);
	EXPECT_TRUE(PACE_UNTIL(!lt_stats().spans_idle));
	printf("# %llu spans given back\n",
	       (unsigned long long)gc_stats().purged_spans);
	EXPECT_GT(gc_stats().purged_spans, 0U);
}

static int child_shrinks(void *arg)
{
	char *block = arg;

	if (gc_stats().running || !lt_kept(block, 8 * LT_MIB, 7))
		return 1;
	tmem_free(lt_filled(64 * LT_MIB, 1));
	/* With ThreadSanitizer it has none, and the caller does the work. */
	if (!gc_stats().running && !LT_TSAN)
		return 2;
	return PACE_UNTIL((tmem_gc_poll(), !lt_stats().spans_idle)) ? 0 : 3;
}

TEST(a_child_shrinks_too)
{
	char *block;

	ASSERT_EQ(0, start(DECAY_TEXT));
	block = lt_filled(8 * LT_MIB, 7);
	tmem_free(lt_filled(64 * LT_MIB, 1));
	/* AddressSanitizer has a lock while a thread begins; none in a fork. */
	ASSERT_TRUE(PACE_UNTIL(gc_stats().wakeups));
	EXPECT_EQ(0, lt_child(child_shrinks, block));
	EXPECT_TRUE(lt_kept(block, 8 * LT_MIB, 7));
	EXPECT_EQ(1U, gc_stats().running);
	EXPECT_TRUE(PACE_UNTIL(resident() == 8 * LT_MIB));
	tmem_free(block);
}

TEST_HARNESS_MAIN
