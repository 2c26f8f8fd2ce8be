// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves what the optimizer does to a heap: off, it does nothing; a program of
 * equal steps finds its memory fetched although all of it was given back
 * meanwhile; what was fetched for nothing goes back and is counted; the
 * collector leaves what the next step needs, for as long as a step may take and
 * no longer; memory-first gives back what the step does not need; no limit is
 * passed, and nothing is fetched while memory is short; steps without marks are
 * found; and threads, fork() and switching it off and on do no harm.
 *
 * The optimizer's clock stands until the test moves it.  Most tests have no
 * collector's thread: all work is done at the mark.
 */
#include "heap_test.h"

#include "gc/gc.h"
#include "optimizer/optimizer.h"
#include "pool/idle.h"

#define BLOCKS 24u
#define STEP_NS 100000000u

static _Atomic(uint64_t) clock_ns = 1000000000000;

static uint64_t clock_look(void)
{
	return atomic_load(&clock_ns);
}

static enum tmem_level level_now(void)
{
	struct tmem_gc_stats stats = TMEM_GC_STATS_INIT;

	tmem_gc_stats_get(&stats);
	return (enum tmem_level)stats.level;
}

static struct tmem_optimizer_stats opt_stats(void)
{
	struct tmem_optimizer_stats stats = TMEM_OPTIMIZER_STATS_INIT;

	if (tmem_optimizer_stats_get(&stats))
		memset(&stats, 0xff, sizeof(stats));
	return stats;
}

static int opt_init(bool thread, uint64_t max_bytes)
{
	struct tmem_config config = TMEM_CONFIG_INIT;

	atomic_store(&tmem_optimizer_clock, clock_look);
	/* What is fetched for one node is no use on the other. */
	lt_stay();
	/* Whatever the host's level is. */
	tmem_gc_level_set(TMEM_LEVEL_LOW);
	config.backend = lt_backend();
	config.gc_off = !thread;
	config.max_bytes = max_bytes;
	return tmem_init(&config);
}

/* Spans that were fetched and neither used nor given back. */
static uint64_t outstanding(void)
{
	struct tmem_optimizer_stats s = opt_stats();

	return s.prepared_spans - s.prepared_used - s.prepared_wasted;
}

/* So many blocks of that size at once; false: one was refused. */
static bool step_run(unsigned int blocks, size_t size)
{
	void *block[256];
	unsigned int i, n;

	for (n = 0; n < blocks; n++) {
		block[n] = tmem_alloc(size);
		if (!block[n])
			break;
		memset(block[n], 1, 64);
	}
	for (i = n; i-- > 0;)
		tmem_free(block[i]);
	return n == blocks;
}

/* Steps all alike; before the end of each all idle memory is given back. */
static bool steps_purged(unsigned int steps, unsigned int blocks, size_t size)
{
	unsigned int i;

	for (i = 0; i < steps; i++) {
		if (!step_run(blocks, size))
			return false;
		tmem_trim(0);
		tmem_step_mark(NULL);
	}
	return true;
}

TEST(off_it_does_nothing)
{
	struct tmem_optimizer_config config = TMEM_OPTIMIZER_CONFIG_INIT;

	ASSERT_EQ(0, opt_init(false, 0));
	ASSERT_TRUE(steps_purged(10, 4, LT_SPAN));
	EXPECT_EQ(0U, opt_stats().running);
	EXPECT_EQ(0U, opt_stats().steps);
	EXPECT_EQ(0U, opt_stats().prepared_spans);
	EXPECT_EQ(7U, tmem_optimizer_spare(9, 7));
	ASSERT_EQ(0, tmem_optimizer_config_get(&config));
	EXPECT_EQ(1U, config.off);
	EXPECT_EQ(20U, config.window);
	EXPECT_EQ(1.2, config.factor);
	EXPECT_EQ(0.7, config.confidence);
}

TEST(what_is_set_is_checked)
{
	struct tmem_optimizer_config good = TMEM_OPTIMIZER_CONFIG_INIT, bad;
	struct tmem_optimizer_stats small = { .struct_size = 3 };

	ASSERT_EQ(0, opt_init(false, 0));
	EXPECT_EQ(-EINVAL, tmem_optimizer_set_strategy(7));
	EXPECT_EQ(-EINVAL, tmem_optimizer_stats_get(&small));
#define REFUSED(field, value)                                        \
	do {                                                         \
		bad = good;                                          \
		bad.field = (value);                                 \
		EXPECT_EQ(-EINVAL, tmem_optimizer_config_set(&bad)); \
	} while (0)
	REFUSED(struct_size, 0);
	REFUSED(off, 2);
	REFUSED(strategy, 4);
	REFUSED(window, 3);
	REFUSED(window, 257);
	REFUSED(reserved, 1);
	REFUSED(factor, 0.9);
	REFUSED(factor, 4.1);
	REFUSED(factor, __builtin_nan(""));
	REFUSED(confidence, -0.1);
	REFUSED(confidence, 1.1);
	REFUSED(confidence, __builtin_nan(""));
	EXPECT_EQ(0U, opt_stats().running);
	good.window = 256;
	good.factor = 4.0;
	good.confidence = 1.0;
	good.strategy = TMEM_OPTIMIZER_SPEED_FIRST;
	EXPECT_EQ(0, tmem_optimizer_config_set(&good));
	EXPECT_EQ(1U, opt_stats().running);
	EXPECT_EQ(TMEM_OPTIMIZER_SPEED_FIRST,
		  (int)tmem_optimizer_get_strategy());
	EXPECT_EQ(0, tmem_optimizer_set_strategy(TMEM_OPTIMIZER_ADAPTIVE));
	ASSERT_EQ(0, tmem_optimizer_config_get(&bad));
	EXPECT_EQ(256U, bad.window);
	EXPECT_EQ(0, strcmp("adaptive", tmem_optimizer_strategy_name(3)));
	EXPECT_EQ(NULL, tmem_optimizer_strategy_name(4));
	EXPECT_EQ(0, strcmp("random", tmem_optimizer_pattern_name(5)));
	EXPECT_EQ(NULL, tmem_optimizer_pattern_name(6));
}

TEST(the_environment_sets_it)
{
	struct lt_log log;

	lt_listen(&log);
	setenv("TMEM_OPTIMIZER", "memory_first", 1);
	EXPECT_EQ(-EINVAL, opt_init(false, 0));
	EXPECT_TRUE(lt_heard(&log, TMEM_LOG_ERROR, "TMEM_OPTIMIZER"));
	setenv("TMEM_OPTIMIZER", "memory-first", 1);
	ASSERT_EQ(0, opt_init(false, 0));
	EXPECT_EQ(1U, opt_stats().running);
	EXPECT_EQ(TMEM_OPTIMIZER_MEMORY_FIRST,
		  (int)tmem_optimizer_get_strategy());
}

TEST(memory_is_there_before_it_is_asked_for)
{
	struct tmem_stats before, after;
	uint64_t used;
	unsigned int i;

	ASSERT_EQ(0, opt_init(false, 0));
	ASSERT_EQ(0, tmem_optimizer_set_strategy(TMEM_OPTIMIZER_BALANCED));
	ASSERT_TRUE(steps_purged(8, BLOCKS, LT_SPAN));
	EXPECT_EQ(BLOCKS, outstanding());
	EXPECT_EQ(BLOCKS, lt_stats().spans_idle);
	EXPECT_EQ(TMEM_OPTIMIZER_STEADY, (int)opt_stats().pattern);
	EXPECT_EQ(1U, opt_stats().marked);
	EXPECT_GE(opt_stats().confidence, 0.7);
	EXPECT_EQ(8U, opt_stats().steps);
	for (i = 0; i < 5; i++) {
		before = lt_stats();
		used = opt_stats().prepared_used;
		ASSERT_TRUE(step_run(BLOCKS, LT_SPAN));
		after = lt_stats();
		/* No request took memory from the system. */
		EXPECT_EQ(after.allocs - before.allocs,
			  after.reused - before.reused);
		EXPECT_EQ(before.spans_filled, after.spans_filled);
		EXPECT_EQ(used + BLOCKS, opt_stats().prepared_used);
		tmem_trim(0);
		tmem_step_mark(NULL);
	}
	EXPECT_EQ(0U, opt_stats().prepared_wasted);
	EXPECT_GE(opt_stats().foreseen_bytes, 5 * BLOCKS * LT_SPAN);
	EXPECT_LE(opt_stats().foreseen_bytes, opt_stats().requested_bytes);
	EXPECT_EQ(0, tmem_check());
	/* Switched off, what is there for nothing goes. */
	EXPECT_EQ(BLOCKS, outstanding());
	ASSERT_EQ(0,
		  tmem_optimizer_config_set(&(struct tmem_optimizer_config){
			  .struct_size = sizeof(struct tmem_optimizer_config),
			  .off = 1 }));
	EXPECT_EQ(0U, outstanding());
	EXPECT_EQ(0U, lt_stats().spans_idle);
	EXPECT_EQ(0, tmem_check());
}

/* So many steps, each learned from before the next one begins. */
static bool steps_learned(unsigned int steps)
{
	uint64_t before = opt_stats().steps;
	unsigned int i;

	for (i = 1; i <= steps; i++)
		if (!steps_purged(1, BLOCKS, LT_SPAN) ||
		    !PACE_UNTIL(opt_stats().steps >= before + i))
			return false;
	return true;
}

/* The same by the collector's thread, which is waited for. */
TEST(the_thread_fetches_it)
{
	unsigned int i;

	ASSERT_EQ(0, opt_init(true, 0));
	ASSERT_EQ(0, tmem_optimizer_set_strategy(TMEM_OPTIMIZER_BALANCED));
	for (i = 0; i < 12; i++) {
		ASSERT_TRUE(steps_learned(1));
		if (i >= 6)
			EXPECT_TRUE(PACE_UNTIL(outstanding() == BLOCKS));
	}
	EXPECT_GE(opt_stats().prepared_used, 5 * BLOCKS);
	EXPECT_EQ(0, tmem_check());
}

TEST(zeroed_memory_needs_no_zeroing)
{
	char *block;
	size_t i, wrong = 0;

	ASSERT_EQ(0, opt_init(false, 0));
	ASSERT_EQ(0, tmem_optimizer_set_strategy(TMEM_OPTIMIZER_BALANCED));
	ASSERT_TRUE(steps_purged(8, BLOCKS, LT_SPAN));
	ASSERT_EQ(BLOCKS, outstanding());
	block = tmem_zalloc(4 * LT_SPAN);
	ASSERT_NE(NULL, block);
	for (i = 0; i < 4 * LT_SPAN; i++)
		wrong += block[i] != 0;
	EXPECT_EQ(0U, wrong);
	EXPECT_EQ(BLOCKS - 4, outstanding());
	tmem_free(block);
}

TEST(what_was_fetched_for_nothing_goes)
{
	ASSERT_EQ(0, opt_init(false, 0));
	ASSERT_EQ(0, tmem_optimizer_set_strategy(TMEM_OPTIMIZER_BALANCED));
	ASSERT_TRUE(steps_purged(8, BLOCKS, LT_SPAN));
	ASSERT_EQ(BLOCKS, outstanding());
	/* From now on it does nothing; two marks are what it has. */
	tmem_step_mark(NULL);
	tmem_step_mark(NULL);
	tmem_step_mark(NULL);
	EXPECT_EQ(0U, outstanding());
	EXPECT_EQ(BLOCKS, opt_stats().prepared_wasted);
	EXPECT_EQ(0U, lt_stats().spans_idle);
	EXPECT_EQ(0, tmem_check());
}

#define DECAY_MS 10

/* What was not needed for that time goes at once. */
static int decay_quickly(void)
{
	struct tmem_gc_config config = TMEM_GC_CONFIG_INIT;

	tmem_gc_config_get(&config);
	config.level[TMEM_LEVEL_LOW] = (struct tmem_gc_level_config){
		.interval_ms = DECAY_MS,
		.age_ms = DECAY_MS,
		.share = 100,
	};
	return tmem_gc_config_set(&config);
}

/* All idle spans, as many as there should be, are as old as that. */
static bool decayed(size_t count)
{
	struct tmem_idle_span span[2 * BLOCKS];
	size_t i, n = tmem_idle_list(span, ARRAY_SIZE(span));

	for (i = 0; i < n && i < ARRAY_SIZE(span); i++)
		if (span[i].age_ms < DECAY_MS)
			return false;
	return n == count;
}

TEST(the_collector_leaves_what_is_needed)
{
	unsigned int i;

	ASSERT_EQ(0, opt_init(false, 0));
	ASSERT_EQ(0, tmem_optimizer_set_strategy(TMEM_OPTIMIZER_BALANCED));
	for (i = 0; i < 6; i++) {
		ASSERT_TRUE(step_run(BLOCKS, LT_SPAN));
		clock_ns += STEP_NS;
		tmem_step_mark(NULL);
	}
	/* 1/16 more, and 1/9 for a confidence of 5/6: 29 may stay. */
	EXPECT_EQ(0U, tmem_optimizer_spare(24, 10));
	EXPECT_EQ(11U, tmem_optimizer_spare(40, 40));
	EXPECT_EQ(5U, tmem_optimizer_spare(40, 5));
	EXPECT_EQ(10U + 29U, opt_stats().kept_spans);
	ASSERT_EQ(0, decay_quickly());
	ASSERT_TRUE(PACE_UNTIL(decayed(BLOCKS)));
	/* Four times as long as a step. */
	clock_ns += 4 * STEP_NS - 1;
	EXPECT_EQ(0U, tmem_gc_run(TMEM_LEVEL_LOW));
	EXPECT_EQ(BLOCKS, lt_stats().spans_idle);
	/* Not where memory is short. */
	EXPECT_EQ(BLOCKS * LT_SPAN, tmem_gc_run(TMEM_LEVEL_CRITICAL));
	/* No step comes any more: nothing is kept for it. */
	EXPECT_EQ(0U, tmem_optimizer_spare(24, 10));
	clock_ns++;
	EXPECT_EQ(10U, tmem_optimizer_spare(24, 10));
}

TEST(memory_first_gives_back)
{
	unsigned int i;

	ASSERT_EQ(0, opt_init(false, 0));
	ASSERT_EQ(0, tmem_optimizer_set_strategy(TMEM_OPTIMIZER_MEMORY_FIRST));
	ASSERT_TRUE(step_run(4 * BLOCKS, LT_SPAN));
	EXPECT_EQ(4 * BLOCKS, lt_stats().spans_idle);
	tmem_step_mark(NULL);
	for (i = 0; i < 25; i++) {
		ASSERT_TRUE(step_run(BLOCKS, LT_SPAN));
		tmem_step_mark(NULL);
	}
	/* 1/16 more than the 24. */
	EXPECT_EQ(26U, lt_stats().spans_idle);
	EXPECT_EQ(4 * BLOCKS - 26U, opt_stats().returned_spans);
	EXPECT_EQ(0, tmem_check());
}

TEST(no_limit_is_passed)
{
	unsigned int i;

	ASSERT_EQ(0, opt_init(false, 30 * LT_SPAN));
	ASSERT_EQ(0, tmem_optimizer_set_strategy(TMEM_OPTIMIZER_SPEED_FIRST));
	for (i = 0; i < 12; i++) {
		ASSERT_TRUE(steps_purged(1, 28, LT_SPAN));
		EXPECT_LE(lt_stats().held_bytes, 30 * LT_SPAN);
		/* All of it is there for others. */
		ASSERT_TRUE(step_run(1, 30 * LT_SPAN));
	}
	EXPECT_GE(opt_stats().prepared_spans, 28U);
	EXPECT_EQ(0, tmem_check());
}

TEST(nothing_is_fetched_while_memory_is_short)
{
	ASSERT_EQ(0, opt_init(true, 0));
	ASSERT_EQ(0, tmem_optimizer_set_strategy(TMEM_OPTIMIZER_SPEED_FIRST));
	ASSERT_EQ(0, tmem_gc_level_set(TMEM_LEVEL_HIGH));
	ASSERT_TRUE(step_run(1, LT_SPAN));
	tmem_step_mark(NULL);
	ASSERT_TRUE(PACE_UNTIL(level_now() == TMEM_LEVEL_HIGH));
	ASSERT_TRUE(steps_learned(10));
	/* What the last step was planned to have. */
	ASSERT_TRUE(steps_learned(1));
	EXPECT_EQ(0U, opt_stats().prepared_spans);
}

/* Sizes at random in each step, which its first request says. */
TEST(an_opening_is_enough)
{
	uint64_t seed = pace_seed();
	unsigned int i;

	ASSERT_EQ(0, opt_init(false, 0));
	ASSERT_EQ(0, tmem_optimizer_set_strategy(TMEM_OPTIMIZER_BALANCED));
	/* Now and then chance looks like a series, and the mark is enough. */
	for (i = 0; i < 20 || (outstanding() && i < 100); i++)
		ASSERT_TRUE(
			steps_purged(1, 16, lt_between(&seed, 1, 40) * 65536));
	/* The first block of a step of the largest size. */
	ASSERT_EQ(0U, outstanding());
	tmem_free(tmem_alloc(40 * 65536));
	EXPECT_GE(outstanding(), 10U);
	ASSERT_TRUE(step_run(15, 40 * 65536));
	EXPECT_GE(opt_stats().prepared_used, 10U);
	tmem_step_mark(NULL);
	EXPECT_EQ(0, tmem_check());
}

TEST(steps_without_marks_are_found)
{
	unsigned int i;

	ASSERT_EQ(0, opt_init(false, 0));
	ASSERT_EQ(0, tmem_optimizer_set_strategy(TMEM_OPTIMIZER_BALANCED));
	for (i = 0; i < 300; i++)
		ASSERT_TRUE(step_run(60, 65536));
	EXPECT_EQ(0U, opt_stats().marked);
	EXPECT_GE(opt_stats().steps, 20U);
	EXPECT_GE(opt_stats().confidence, 0.7);
	/* From the first mark on the program's own count. */
	ASSERT_TRUE(steps_purged(6, 60, 65536));
	EXPECT_EQ(1U, opt_stats().marked);
}

/* The strategy that acts, after one step more: what makes the thread look. */
static enum tmem_optimizer_strategy acting(void)
{
	if (!step_run(4, LT_SPAN) || tmem_step_mark(NULL))
		return TMEM_OPTIMIZER_ADAPTIVE;
	return (enum tmem_optimizer_strategy)opt_stats().acting;
}

TEST(adaptive_acts_by_the_level)
{
	ASSERT_EQ(0, opt_init(true, 0));
	ASSERT_EQ(0, tmem_optimizer_set_strategy(TMEM_OPTIMIZER_ADAPTIVE));
	ASSERT_EQ(0, tmem_gc_level_set(TMEM_LEVEL_LOW));
	EXPECT_TRUE(PACE_UNTIL(acting() == TMEM_OPTIMIZER_SPEED_FIRST));
	ASSERT_EQ(0, tmem_gc_level_set(TMEM_LEVEL_CRITICAL));
	EXPECT_TRUE(PACE_UNTIL(acting() == TMEM_OPTIMIZER_MEMORY_FIRST));
	EXPECT_EQ(TMEM_OPTIMIZER_ADAPTIVE, (int)opt_stats().strategy);
	EXPECT_EQ(1U, opt_stats().switches);
	/* Better at once it is not: that takes five seconds. */
	ASSERT_EQ(0, tmem_gc_level_set(TMEM_LEVEL_LOW));
	ASSERT_TRUE(PACE_UNTIL(acting() == TMEM_OPTIMIZER_MEMORY_FIRST &&
			       level_now() == TMEM_LEVEL_LOW));
	ASSERT_TRUE(steps_learned(2));
	clock_ns += TMEM_ADAPT_CALM_NS - 1;
	ASSERT_TRUE(steps_learned(2));
	EXPECT_EQ(TMEM_OPTIMIZER_MEMORY_FIRST, (int)opt_stats().acting);
	clock_ns++;
	EXPECT_TRUE(PACE_UNTIL(acting() == TMEM_OPTIMIZER_BALANCED));
	EXPECT_EQ(2U, opt_stats().switches);
}

static int child_steps(void *arg)
{
	if (!steps_purged(8, BLOCKS, LT_SPAN) || tmem_check())
		return 1;
	return !opt_stats().running;
}

TEST(a_child_goes_on)
{
	int status;

	ASSERT_EQ(0, opt_init(true, 0));
	ASSERT_EQ(0, tmem_optimizer_set_strategy(TMEM_OPTIMIZER_BALANCED));
	ASSERT_TRUE(steps_purged(8, BLOCKS, LT_SPAN));
	status = lt_child(child_steps, NULL);
	EXPECT_TRUE(LT_EXITED(status, 0));
	ASSERT_TRUE(steps_purged(2, BLOCKS, LT_SPAN));
	EXPECT_EQ(0, tmem_check());
}

/* --- threads ------------------------------------------------------------------ */

static atomic_uint allocating;

static void *allocate(void *arg)
{
	uint64_t seed = (uintptr_t)arg;

	PACE_ROUNDS(LT_COUNT(2000, 1000)) {
		step_run((unsigned int)lt_between(&seed, 1, 6),
			 lt_between(&seed, 40000, 6 * LT_MIB));
		tmem_step_mark("x");
	}
	atomic_fetch_sub(&allocating, 1);
	return NULL;
}

TEST(threads_and_switching)
{
	uint64_t seed = pace_seed(), steps;
	struct tmem_optimizer_config config = TMEM_OPTIMIZER_CONFIG_INIT;
	pthread_t thread[3];
	unsigned int i;

	ASSERT_EQ(0, opt_init(true, 256 * LT_MIB));
	atomic_store(&allocating, 3);
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, allocate,
					    (void *)(uintptr_t)(seed + i)));
	while (atomic_load(&allocating)) {
		config.off = lt_between(&seed, 0, 4) == 0;
		config.strategy = (uint32_t)lt_between(&seed, 0, 3);
		config.window = (uint32_t)lt_between(&seed, 4, 40);
		/* It believes next to anything. */
		config.confidence = 0.01;
		EXPECT_EQ(0, tmem_optimizer_config_set(&config));
		clock_ns += STEP_NS;
		/* It has its effect for so many steps. */
		steps = opt_stats().steps + lt_between(&seed, 0, 20);
		PACE_UNTIL(config.off || opt_stats().steps >= steps ||
			   !atomic_load(&allocating));
	}
	for (i = 0; i < 3; i++)
		pthread_join(thread[i], NULL);
	EXPECT_EQ(0, tmem_check());
	config.off = 1;
	EXPECT_EQ(0, tmem_optimizer_config_set(&config));
	EXPECT_TRUE(PACE_UNTIL(!outstanding()));
	printf("# %llu steps, %llu fetched\n",
	       (unsigned long long)opt_stats().steps,
	       (unsigned long long)opt_stats().prepared_spans);
}

TEST_HARNESS_MAIN
