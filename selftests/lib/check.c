// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that tmem_check() is silent about a heap in order, whatever is live
 * in it, in whichever thread, before the first use and in the child of a fork;
 * and that it can be called at any time, from any thread.
 */
#include "heap_test.h"

FIXTURE(check)
{
	struct lt_log log;
};

FIXTURE_SETUP(check)
{
	lt_listen(&self->log);
}

FIXTURE_TEARDOWN(check)
{
	EXPECT_EQ(0U, atomic_load(&self->log.lines));
	tmem_set_log(NULL, NULL);
}

TEST_F(check, before_the_first_use)
{
	EXPECT_EQ(0, tmem_check());
	EXPECT_STREQ("none", tmem_backend_name());
	ASSERT_EQ(0, heap_init());
	EXPECT_EQ(0, tmem_check());
}

static int check_child(void *arg)
{
	if (tmem_check())
		return 10;
	tmem_free(*(void **)arg);
	return tmem_check() || !heap_whole(100) ? 11 : 0;
}

/* After each of many calls. */
TEST_F(check, after_each_call)
{
	const unsigned int steps = HEAP_COUNT(4000, 500);
	struct heap_block block[24] = { { .at = NULL } };
	uint64_t random = pace_seed();
	void *mine;
	size_t i;

	ASSERT_EQ(0, heap_init());
	for (i = 0; i < steps; i++) {
		ASSERT_TRUE(heap_block_step(&block[lt_random(&random) % 24],
					    &random, 6 * LT_MIB));
		ASSERT_EQ(0, tmem_check()) TH_LOG("step %zu", i);
		if (i % 256 == 0)
			tmem_trim(lt_random(&random) % (32 * LT_MIB));
	}
	mine = tmem_alloc(1000);
	EXPECT_EQ(0, lt_child(check_child, &mine));
	tmem_free(mine);
	for (i = 0; i < 24; i++) {
		EXPECT_TRUE(heap_block_free(&block[i]));
	}
	EXPECT_TRUE(heap_empty());
}

/* Refused pointers leave it in order, too. */
TEST_F(check, after_misuse)
{
	void *block[6];
	size_t i;

	tmem_set_log(NULL, NULL);
	ASSERT_EQ(0, heap_init());
	for (i = 0; i < 6; i++) {
		block[i] = tmem_alloc((size_t)50 << i * 3);
		ASSERT_NE(NULL, block[i]);
	}
	for (i = 0; i < 6; i++) {
		tmem_free((char *)block[i] + 32);
		EXPECT_EQ(0, tmem_check());
		tmem_free(block[i]);
		tmem_free(block[i]);
		EXPECT_EQ(0, tmem_check());
	}
	EXPECT_EQ(12U, lt_stats().misuse);
	EXPECT_TRUE(heap_empty());
}

static void *checks_run(void *arg)
{
	atomic_bool *stop = arg;
	uintptr_t wrong = 0;
	uint64_t allocs;

	/* With a rest: a thread that takes the heap's lock on end starves others. */
	while (!atomic_load(stop)) {
		wrong |= tmem_check() != 0;
		allocs = lt_stats().allocs;
		PACE_UNTIL(lt_stats().allocs != allocs || atomic_load(stop));
	}
	return (void *)wrong;
}

static void *works_run(void *arg)
{
	return heap_whole(*(unsigned int *)arg) ? NULL : (void *)1;
}

/* While others allocate; it sees no state that is none. */
TEST_F(check, while_others_allocate)
{
	unsigned int steps = HEAP_COUNT(20000, 1500);
	pthread_t checker, worker[4];
	atomic_bool stop = false;
	void *end;
	size_t i;

	ASSERT_EQ(0, heap_init());
	ASSERT_EQ(0, pthread_create(&checker, NULL, checks_run, &stop));
	for (i = 0; i < 4; i++)
		ASSERT_EQ(0,
			  pthread_create(&worker[i], NULL, works_run, &steps));
	for (i = 0; i < 4; i++) {
		pthread_join(worker[i], &end);
		EXPECT_EQ(NULL, end);
	}
	atomic_store(&stop, true);
	pthread_join(checker, &end);
	EXPECT_EQ(NULL, end);
	EXPECT_TRUE(heap_empty());
}

TEST_HARNESS_MAIN
