// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves what is given back when, on a clock and a heap that are not there: an
 * idle program has given all back within the interval of every level, steady
 * programs lose nothing that they take again whatever order their heap takes
 * it in, what is too much goes all the same, shares go as the table says, a
 * worse level acts at once, and nobody looks where nothing is idle.
 */
#include "gc_fake.h"

FIXTURE(cycle)
{
	int unused;
};

FIXTURE_SETUP(cycle)
{
	fake_start();
}

FIXTURE_TEARDOWN(cycle)
{
}

/* --- a program that goes idle ----------------------------------------------- */

/* Worked for a while, then nothing: gone by the end of the interval. */
static bool gone_within(enum tmem_level level, uint64_t phase_ns)
{
	uint64_t interval = fake.config.level[level].interval_ms * TMEM_GC_MS;
	unsigned int i;

	fake_start();
	fake_level(level);
	for (i = 0; i < 20; i++) {
		fake_take(100, FAKE_LIFO);
		fake_pass(interval / 20);
		fake_free(10);
		fake_pass(interval / 100);
	}
	fake_take(100, FAKE_LIFO);
	fake_pass(phase_ns);
	fake_free(10);
	fake_pass(interval);
	if (fake.idle)
		printf("# level %d, phase %llu: %llu idle\n", (int)level,
		       (unsigned long long)phase_ns,
		       (unsigned long long)fake.idle);
	return !fake.idle && fake.busy == 10;
}

TEST_F(cycle, idle_is_gone_within_the_interval)
{
	uint64_t phase;
	int level;

	/* Critical looks once in its interval, so it takes up to two. */
	for (level = TMEM_LEVEL_LOW; level <= TMEM_LEVEL_HIGH; level++)
		for (phase = 0; phase < 40; phase++)
			EXPECT_TRUE(gone_within(
				level,
				phase * fake.config.level[level].interval_ms *
					TMEM_GC_MS / 640));
}

TEST_F(cycle, low_is_lazy)
{
	fake_take(50, FAKE_LIFO);
	fake_free(0);
	fake_pass(200 * FAKE_S);
	EXPECT_EQ(0U, fake.purged);
	fake_pass(100 * FAKE_S);
	EXPECT_EQ(50U, fake.purged);
}

/* And what comes back does so by time, whatever came before. */
TEST_F(cycle, again_and_again)
{
	int i;

	for (i = 1; i < 10; i++) {
		fake_take(50, FAKE_LIFO);
		fake_pass(1000 * FAKE_S);
		fake_free(0);
		fake_pass(200 * FAKE_S);
		EXPECT_EQ(50U, fake.idle);
		fake_pass(100 * FAKE_S);
		EXPECT_EQ(0U, fake.idle);
	}
}

/* --- a program that works ---------------------------------------------------- */

/*
 * Steps of period_ns: take some, give them back, always from high down to low
 * idle spans.  Returns spans that had to be got anew after they had been had.
 */
static uint64_t steady(enum fake_order order, uint64_t period_ns,
		       unsigned int high, unsigned int low, unsigned int steps)
{
	uint64_t fresh;

	fake_take(high, order);
	fake_free(0);
	fresh = fake.fresh;
	while (steps--) {
		fake_take(high - low, order);
		fake_pass(period_ns / 2);
		fake_free(0);
		fake_pass(period_ns - period_ns / 2);
	}
	return fake.fresh - fresh;
}

TEST_F(cycle, steady_work_keeps_its_memory)
{
	static const uint64_t period[] = { 1, 10, 60, 150, 220 };
	enum fake_order order;
	size_t i;

	for (order = FAKE_LIFO; order <= FAKE_RANDOM; order++) {
		for (i = 0; i < sizeof(period) / sizeof(period[0]); i++) {
			fake_start();
			EXPECT_EQ(0U, steady(order, period[i] * FAKE_S, 100, 0,
					     (unsigned int)(4000 / period[i])));
			EXPECT_EQ(0U, fake.purged);
		}
	}
}

/* At worse levels too, for steps that are short for their interval. */
TEST_F(cycle, steady_work_under_pressure)
{
	enum fake_order order;

	for (order = FAKE_LIFO; order <= FAKE_RANDOM; order++) {
		fake_start();
		fake_level(TMEM_LEVEL_MEDIUM);
		EXPECT_EQ(0U, steady(order, 20 * FAKE_S, 100, 0, 100));
		EXPECT_EQ(0U, steady(order, FAKE_S / 2, 100, 0, 100));
		fake_level(TMEM_LEVEL_HIGH);
		EXPECT_EQ(0U, steady(order, FAKE_S / 2, 100, 0, 100));
		EXPECT_EQ(0U, fake.purged);
	}
}

/*
 * Ages would not tell: a heap that takes the oldest has no span that is old,
 * and 40 too many all the same.
 */
TEST_F(cycle, too_much_goes_in_any_order)
{
	enum fake_order order;

	for (order = FAKE_LIFO; order <= FAKE_RANDOM; order++) {
		fake_start();
		EXPECT_EQ(0U, steady(order, 20 * FAKE_S, 100, 40, 100));
		EXPECT_EQ(40U, fake.purged);
		EXPECT_EQ(60U, fake.idle);
	}
}

/* What we took ourselves is not what the program needed. */
TEST_F(cycle, too_much_goes_once)
{
	EXPECT_EQ(0U, steady(FAKE_FIFO, 20 * FAKE_S, 100, 40, 15));
	EXPECT_EQ(40U, fake.purged);
	fake_take(60, FAKE_FIFO);
	fake_free(0);
	fake_pass(1 * FAKE_S);
	EXPECT_EQ(40U, fake.purged);
	EXPECT_EQ(0U, steady(FAKE_FIFO, 20 * FAKE_S, 60, 0, 100));
	EXPECT_EQ(40U, fake.purged);
}

/*
 * Also where the last time that it was all needed lies before several looks:
 * what they see of it is as if we had taken our part before.
 */
TEST_F(cycle, too_much_goes_once_in_slow_work)
{
	enum fake_order order;
	uint64_t s;

	for (order = FAKE_LIFO; order <= FAKE_RANDOM; order++) {
		for (s = 90; s < 220; s += 10) {
			fake_start();
			EXPECT_EQ(0U, steady(order, s * FAKE_S, 100, 40, 30));
			EXPECT_EQ(40U, fake.purged);
		}
	}
}

/* Longer than the interval is idle. */
TEST_F(cycle, rare_work_does_not)
{
	EXPECT_EQ(500U, steady(FAKE_LIFO, 700 * FAKE_S, 100, 0, 5) + 100);
}

/* --- targets ------------------------------------------------------------------ */

/* 100 spans that were not needed for that long when the level is entered. */
static uint64_t entered(enum tmem_level level, uint64_t idle_ns)
{
	fake_start();
	fake_take(100, FAKE_LIFO);
	fake_free(0);
	fake_pass(idle_ns);
	fake_level(level);
	return fake.purged;
}

TEST_F(cycle, shares_on_entering)
{
	EXPECT_EQ(0U, entered(TMEM_LEVEL_MEDIUM, 1 * FAKE_S));
	EXPECT_EQ(0U, entered(TMEM_LEVEL_MEDIUM, 20 * FAKE_S));
	EXPECT_EQ(25U, entered(TMEM_LEVEL_MEDIUM, 31 * FAKE_S));
	EXPECT_EQ(100U, entered(TMEM_LEVEL_MEDIUM, 61 * FAKE_S));
	EXPECT_EQ(0U, entered(TMEM_LEVEL_HIGH, FAKE_S / 2));
	EXPECT_EQ(75U, entered(TMEM_LEVEL_HIGH, 2 * FAKE_S));
	EXPECT_EQ(100U, entered(TMEM_LEVEL_HIGH, 11 * FAKE_S));
	EXPECT_EQ(100U, entered(TMEM_LEVEL_CRITICAL, 0));
}

/* A quarter of the rest in every age_ms, then all. */
TEST_F(cycle, shares_go_on)
{
	EXPECT_EQ(25U, entered(TMEM_LEVEL_MEDIUM, 25 * FAKE_S));
	fake_pass(10 * FAKE_S);
	EXPECT_EQ(25U, fake.purged);
	fake_pass(15 * FAKE_S);
	EXPECT_TRUE(fake.purged == 44 || fake.purged == 100);
	fake_pass(20 * FAKE_S);
	EXPECT_EQ(100U, fake.purged);
}

TEST_F(cycle, a_share_of_one_span_is_one)
{
	fake_take(1, FAKE_LIFO);
	fake_free(0);
	fake_pass(31 * FAKE_S);
	fake_level(TMEM_LEVEL_MEDIUM);
	EXPECT_EQ(1U, fake.purged);
}

TEST_F(cycle, a_share_of_nothing_is_nothing)
{
	fake.config.level[TMEM_LEVEL_MEDIUM].share = 0;
	fake_take(100, FAKE_LIFO);
	fake_free(0);
	fake_pass(40 * FAKE_S);
	fake_level(TMEM_LEVEL_MEDIUM);
	EXPECT_EQ(0U, fake.purged);
}

/* An emergency takes all at once; what is needed afterwards stays. */
TEST_F(cycle, critical_once_not_for_ever)
{
	EXPECT_EQ(100U, entered(TMEM_LEVEL_CRITICAL, 0));
	EXPECT_EQ(0U, fake.drain_ms);
	fake.fresh = 0;
	EXPECT_EQ(0U, steady(FAKE_LIFO, 20 * TMEM_GC_MS, 100, 0, 500));
	EXPECT_EQ(100U, fake.purged);
	fake_pass(200 * TMEM_GC_MS + 1);
	EXPECT_EQ(200U, fake.purged);
}

/* Those that score highest, and no more than the share. */
TEST_F(cycle, the_score_decides)
{
	uint32_t i;

	fake_take(100, FAKE_LIFO);
	for (i = 0; i < 100; i++)
		fake.span[i].uses = i % 2 ? 1000 : 1;
	fake_free(0);
	fake_pass(31 * FAKE_S);
	fake_level(TMEM_LEVEL_MEDIUM);
	ASSERT_EQ(25U, fake.purged);
	for (i = 0; i < 25; i++)
		EXPECT_EQ(0U, fake.purged_slot[i] % 2);
}

/* --- levels ------------------------------------------------------------------- */

TEST_F(cycle, a_worse_level_acts_at_once_a_better_one_does_not)
{
	fake_take(100, FAKE_LIFO);
	fake_free(0);
	fake_level(TMEM_LEVEL_HIGH);
	fake_pass(0);
	EXPECT_EQ(1U, fake.adapts);
	EXPECT_EQ(TMEM_LEVEL_HIGH, (int)fake.adapted);
	fake_pass(2 * FAKE_S);
	EXPECT_EQ(75U, fake.purged - fake.purged % 75);
	fake_take(100, FAKE_LIFO);
	fake_free(0);
	fake.purged = 0;
	fake_level(TMEM_LEVEL_LOW);
	EXPECT_EQ(2U, fake.adapts);
	EXPECT_EQ(TMEM_LEVEL_LOW, (int)fake.adapted);
	fake_pass(200 * FAKE_S);
	EXPECT_EQ(0U, fake.purged);
	EXPECT_EQ(2U, atomic_load(&fake.count.level_changes));
}

/* Being woken for nothing is not looking. */
TEST_F(cycle, woken_for_nothing)
{
	unsigned int lists, i;

	fake_take(10, FAKE_LIFO);
	fake_free(0);
	fake_pass(0);
	lists = fake.lists;
	for (i = 0; i < 100; i++) {
		fake.now_ns += TMEM_GC_MS;
		fake_level(TMEM_LEVEL_LOW);
	}
	EXPECT_EQ(lists, fake.lists);
	EXPECT_EQ(lists, fake.drains);
}

TEST_F(cycle, nobody_looks_where_nothing_is_idle)
{
	unsigned int lists;

	fake_take(10, FAKE_LIFO);
	fake_pass(10 * FAKE_S);
	EXPECT_EQ(1U, fake.lists); /* the first, which found that out */
	EXPECT_EQ(TMEM_GC_NEVER, fake.next_ns);
	fake_free(0);
	fake_pass(400 * FAKE_S);
	EXPECT_EQ(TMEM_GC_NEVER, fake.next_ns);
	lists = fake.lists;
	fake_pass(100000 * FAKE_S);
	EXPECT_EQ(lists, fake.lists);
}

/* Nothing idle, but blocks in caches: they are looked after for a while. */
TEST_F(cycle, caches_are_drained_then_it_sleeps)
{
	uint64_t delay, waited = 0;

	delay = tmem_gc_cycle_step(&fake.cycle, &fake.config, 0, 0, true);
	while (delay != TMEM_GC_NEVER) {
		fake.now_ns += delay;
		waited += delay;
		ASSERT_LE(waited, 60 * FAKE_S);
		delay = tmem_gc_cycle_step(&fake.cycle, &fake.config, 0, 0,
					   false);
	}
	/* Long enough that caches from the beginning count as idle. */
	EXPECT_GE(waited, fake.drain_ms * TMEM_GC_MS);
	EXPECT_EQ(300000U / 16, fake.drain_ms);
	EXPECT_EQ(fake.drains * 3, atomic_load(&fake.count.drained_bytes));
}

/* --- how it goes about it ------------------------------------------------------ */

TEST_F(cycle, small_batches_the_first_smaller)
{
	EXPECT_EQ(100U, entered(TMEM_LEVEL_CRITICAL, 0));
	EXPECT_EQ(16U, fake.batch_max);
	EXPECT_EQ(1U + 96 / 16, fake.purges);
}

TEST_F(cycle, ends_when_told)
{
	fake_take(1000, FAKE_LIFO);
	fake_free(0);
	fake.stop_at = 40;
	fake_level(TMEM_LEVEL_CRITICAL);
	EXPECT_GE(fake.purged, 40U);
	EXPECT_LT(fake.purged, 40U + 16);
}

/* From the event, not from when we noticed; the first byte, not the last. */
TEST_F(cycle, reaction_is_measured)
{
	fake_take(1000, FAKE_LIFO);
	fake_free(0);
	fake_pass(0);
	fake.purge_takes_ns = 1000;
	tmem_gc_cycle_step(&fake.cycle, &fake.config, TMEM_LEVEL_CRITICAL,
			   fake.now_ns - 50000, false);
	EXPECT_EQ(1000U, fake.purged);
	EXPECT_EQ(50000U + 4 * 1000, atomic_load(&fake.count.reaction_ns));
	EXPECT_EQ(1000U * 1000, atomic_load(&fake.count.last_run_ns));
}

/* There was nothing to free: what comes much later is no reaction. */
TEST_F(cycle, no_reaction_to_nothing)
{
	fake_level(TMEM_LEVEL_CRITICAL);
	fake_take(10, FAKE_LIFO);
	fake_pass(FAKE_S);
	fake_free(0);
	fake_pass(FAKE_S);
	EXPECT_EQ(10U, fake.purged);
	EXPECT_EQ(0U, atomic_load(&fake.count.reaction_ns));
}

/* tmem_gc_run(): as if entered, and the level stays. */
TEST_F(cycle, run_by_hand)
{
	fake_take(100, FAKE_LIFO);
	fake_free(0);
	fake_pass(31 * FAKE_S);
	EXPECT_EQ(0U, tmem_gc_cycle_run(&fake.cycle, &fake.config, 0));
	EXPECT_EQ(25 * TMEM_SPAN_BYTES,
		  tmem_gc_cycle_run(&fake.cycle, &fake.config,
				    TMEM_LEVEL_MEDIUM));
	EXPECT_EQ(75 * TMEM_SPAN_BYTES,
		  tmem_gc_cycle_run(&fake.cycle, &fake.config,
				    TMEM_LEVEL_CRITICAL));
	EXPECT_EQ(0U, fake.idle);
	EXPECT_EQ(0U, atomic_load(&fake.count.level));
	EXPECT_EQ(0U, fake.adapts);
	EXPECT_EQ(100 * TMEM_SPAN_BYTES, atomic_load(&fake.count.purged_bytes));
}

/* tmem_lru_purge(): just so many, and of those only. */
TEST_F(cycle, so_many_bytes)
{
	fake_take(50, FAKE_LIFO);
	fake_free(0);
	fake_pass(10 * FAKE_S);
	fake_take(50, FAKE_FIFO);
	fake_take(50, FAKE_FIFO);
	fake_free(50); /* the first 50 again: uses 2, age 0 */
	fake_pass(10 * FAKE_S);
	fake_take(0, FAKE_LIFO);
	EXPECT_EQ(0U, tmem_gc_cycle_purge(&fake.cycle, 0, 0));
	EXPECT_EQ(0U, tmem_gc_cycle_purge(&fake.cycle, SIZE_MAX, 10001));
	EXPECT_EQ(3 * TMEM_SPAN_BYTES,
		  tmem_gc_cycle_purge(&fake.cycle, 2 * TMEM_SPAN_BYTES + 1,
				      10000));
	EXPECT_EQ(TMEM_SPAN_BYTES, tmem_gc_cycle_purge(&fake.cycle, 1, 0));
	EXPECT_EQ(46 * TMEM_SPAN_BYTES,
		  tmem_gc_cycle_purge(&fake.cycle, SIZE_MAX, 0));
	EXPECT_EQ(0U, fake.idle);
}

/* A table cannot be had: few at a time, and all in the end. */
TEST_F(cycle, without_memory_for_a_table)
{
	struct rlimit was, none;
	int i;

	if (LT_SANITIZER)
		SKIP(return, "a sanitizer needs more addresses than the limit");
	fake_take(1000, FAKE_LIFO);
	fake_free(0);
	getrlimit(RLIMIT_AS, &was);
	none = was;
	none.rlim_cur = 4096;
	ASSERT_EQ(0, setrlimit(RLIMIT_AS, &none));
	for (i = 0; i < 100 && fake.idle; i++)
		tmem_gc_cycle_run(&fake.cycle, &fake.config,
				  TMEM_LEVEL_CRITICAL);
	setrlimit(RLIMIT_AS, &was);
	EXPECT_EQ(1000U, fake.purged);
	EXPECT_GT(i, 1);
}

TEST_HARNESS_MAIN
