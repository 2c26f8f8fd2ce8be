// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves on the real heap, in real time with short intervals, that a process
 * that goes idle shrinks to what is alive without calling the library, that
 * steady work is left alone, that the first byte is free 10 ms after an
 * emergency is known, that contents survive whatever is collected meanwhile,
 * and that the calls say no to what makes no sense.
 */
#include "lib_test.h"

#include <fcntl.h>

#include "gc/gc.h"

#define MS 1000000ull
#define DECAY 800u /* ms */
#define DECAY_TEXT "800"

/* An emulated machine takes its time. */
static uint32_t slack(void)
{
	return lt_backend() == TMEM_BACKEND_DEV ? 2000 : 100;
}

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

static void nap(uint32_t ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000l };

	while (nanosleep(&t, &t))
		;
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

/* --- going idle ------------------------------------------------------------------- */

#define BLOCKS 20

/* 80 MiB are alive, as much again was, and no call for one interval. */
TEST(an_idle_process_shrinks)
{
	size_t live = 0, before = rss(), full, after, i;
	char *block[BLOCKS];

	ASSERT_EQ(0, start(DECAY_TEXT));
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
	nap(DECAY + slack());
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
	nap(DECAY + slack());
	EXPECT_EQ(0U, resident());
	EXPECT_EQ(0U, lt_stats().spans_idle);
}

/* And then it does nothing at all. */
TEST(nothing_idle_no_wakeup)
{
	uint64_t wakeups;

	ASSERT_EQ(0, start("100"));
	tmem_free(lt_filled(8 * LT_MIB, 1));
	nap(300);
	ASSERT_EQ(0U, resident());
	wakeups = gc_stats().wakeups;
	nap(700);
	EXPECT_EQ(wakeups, gc_stats().wakeups);
}

/* --- steady work -------------------------------------------------------------------- */

TEST(steady_work_is_left_alone)
{
	/* The longest that nothing may happen to this process meanwhile. */
	const uint32_t decay = DECAY + slack();
	uint64_t end, steps = 0;
	struct tmem_stats warm;
	char text[16];

	lt_stay(); /* a thread that moves leaves what it had on its node idle */
	snprintf(text, sizeof(text), "%u", decay);
	ASSERT_EQ(0, start(text));
	/* This is about time; a machine short of memory takes all that is idle. */
	ASSERT_EQ(0, tmem_gc_level_set(TMEM_LEVEL_LOW));
	tmem_free(lt_filled(64 * LT_MIB, 0));
	warm = lt_stats();
	for (end = lt_ms() + 3 * decay; lt_ms() < end; steps++) {
		char *block = lt_filled(64 * LT_MIB, steps);

		ASSERT_NE(NULL, block);
		nap(10);
		tmem_free(block);
		nap(10);
	}
	EXPECT_EQ(warm.spans_filled, lt_stats().spans_filled);
	EXPECT_EQ(0U, gc_stats().purged_spans);
	EXPECT_GT(gc_stats().runs[TMEM_LEVEL_LOW], 10U);
}

/* --- levels ------------------------------------------------------------------------ */

#define TIMES 11

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* The median counts: where others work too, the processor may be away. */
TEST(an_emergency_is_quick)
{
	uint64_t took[TIMES];
	int i;

	ASSERT_EQ(0, lt_init());
	for (i = 0; i < TIMES; i++) {
		ASSERT_EQ(0, tmem_gc_level_set(TMEM_LEVEL_LOW));
		tmem_free(lt_filled(64 * LT_MIB, 1));
		nap(20);
		ASSERT_EQ(0, tmem_gc_level_set(TMEM_LEVEL_CRITICAL));
		nap(LT_COUNT(50, 200) + slack() - 100);
		EXPECT_EQ(0U, resident());
		took[i] = gc_stats().reaction_ns;
	}
	qsort(took, TIMES, sizeof(took[0]), by_size);
	EXPECT_EQ(took[TIMES - 1], gc_stats().reaction_max_ns);
	EXPECT_EQ(TMEM_LEVEL_CRITICAL, (int)gc_stats().level);
	EXPECT_EQ(TMEM_GC_SOURCE_SET, (int)gc_stats().source);
	EXPECT_EQ(TIMES * 64 * LT_MIB, gc_stats().purged_bytes);
	printf("# Critical to first byte free: median %llu us, at most %llu us\n",
	       (unsigned long long)took[TIMES / 2] / 1000,
	       (unsigned long long)took[TIMES - 1] / 1000);
	EXPECT_GT(took[0], 0U);
	EXPECT_LT(took[TIMES / 2], 10 * MS);
}

TEST(by_hand)
{
	struct tmem_gc_config config = TMEM_GC_CONFIG_INIT;

	config.off = 1; /* nobody else is at it */
	ASSERT_EQ(0, tmem_gc_config_set(&config));
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

	config.off = 1;
	ASSERT_EQ(0, tmem_gc_config_set(&config));
	ASSERT_EQ(0, start("100"));
	tmem_free(lt_filled(64 * LT_MIB, 1));
	nap(300);
	EXPECT_EQ(0U, gc_stats().running);
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

struct worker {
	uint64_t seed;
	atomic_bool *end;
	bool kept;
};

static void *work(void *arg)
{
	struct worker *w = arg;
	char *block[8] = { NULL };
	size_t size[8], i;

	w->kept = true;
	while (!atomic_load(w->end)) {
		i = lt_random(&w->seed) % 8;
		if (block[i]) {
			w->kept &= lt_kept(block[i], size[i], i);
			tmem_free(block[i]);
			block[i] = NULL;
			continue;
		}
		size[i] = lt_between(&w->seed, 64,
				     lt_random(&w->seed) % 2 ? 8 * LT_MIB :
							       LT_KIB);
		block[i] = lt_filled(size[i], i);
		w->kept &= !!block[i];
	}
	for (i = 0; i < 8; i++)
		tmem_free(block[i]);
	return NULL;
}

TEST(contents_survive)
{
	uint64_t seed = pace_seed(), end = lt_ms() + 3000;
	pthread_t thread[3];
	struct worker w[3];
	atomic_bool stop = false;
	size_t i;

	ASSERT_EQ(0, start("20"));
	for (i = 0; i < 3; i++) {
		w[i] = (struct worker){ .seed = seed + i, .end = &stop };
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, work, &w[i]));
	}
	while (lt_ms() < end) {
		tmem_gc_level_set((int)lt_between(&seed, 0, 4) - 1);
		if (lt_random(&seed) % 4 == 0)
			tmem_gc_run(TMEM_LEVEL_CRITICAL);
		if (lt_random(&seed) % 4 == 0)
			tmem_lru_purge(4 * LT_MIB, 0);
		nap(5);
	}
	atomic_store(&stop, true);
	for (i = 0; i < 3; i++) {
		pthread_join(thread[i], NULL);
		EXPECT_TRUE(w[i].kept);
	}
	printf("# %llu spans given back meanwhile\n",
	       (unsigned long long)gc_stats().purged_spans);
	EXPECT_GT(gc_stats().purged_spans, 0U);
	EXPECT_EQ(0U, lt_stats().live_blocks);
	tmem_gc_level_set(TMEM_LEVEL_CRITICAL);
	nap(500);
	EXPECT_EQ(0U, lt_stats().spans_idle);
}

static int child_shrinks(void *arg)
{
	char *block = arg;

	if (gc_stats().running || !lt_kept(block, 8 * LT_MIB, 7))
		return 1;
	tmem_free(lt_filled(64 * LT_MIB, 1));
	/* With ThreadSanitizer it has none, and who comes by does the work. */
	if (!gc_stats().running && !LT_TSAN)
		return 2;
	nap(DECAY + slack());
	tmem_gc_poll();
	return lt_stats().spans_idle ? 3 : 0;
}

TEST(a_child_shrinks_too)
{
	uint64_t end;
	char *block;

	ASSERT_EQ(0, start(DECAY_TEXT));
	block = lt_filled(8 * LT_MIB, 7);
	tmem_free(lt_filled(64 * LT_MIB, 1));
	/* AddressSanitizer has a lock while a thread begins; none in a fork. */
	for (end = lt_ms() + 5000; !gc_stats().wakeups && lt_ms() < end;)
		nap(1);
	EXPECT_EQ(0, lt_child(child_shrinks, block));
	EXPECT_TRUE(lt_kept(block, 8 * LT_MIB, 7));
	EXPECT_EQ(1U, gc_stats().running);
	nap(200);
	EXPECT_EQ(8 * LT_MIB, resident());
	tmem_free(block);
}

TEST_HARNESS_MAIN
