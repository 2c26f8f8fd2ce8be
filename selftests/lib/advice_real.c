// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves of advice, in a process that really gets into the situation, that it
 * is given there, and no more once it was followed: memory that idles with the
 * collector off, limits, refused requests, misuse, free pieces between blocks
 * with and without handles, no monitor, leaks, steps that are not marked, blocks
 * that look the same, copies of tensors.
 */
#include "advice_fixture.h"

#include "analytics/core.h"

TEST_F(advice, nothing_is_set_up_by_it)
{
	struct tmem_advice advice;

	EXPECT_EQ(0, tmem_advice_get(NULL, 0));
	EXPECT_EQ(-EINVAL, tmem_advice_get(NULL, 1));
	EXPECT_EQ(0, tmem_advice_get(&advice, 1));
	EXPECT_STREQ("none", tmem_backend_name());
	ASSERT_EQ(0, lt_init());
	EXPECT_EQ(0, tmem_advice_get(&advice, 1));
}

TEST_F(advice, idle_and_no_collector)
{
	struct tmem_gc_config config = TMEM_GC_CONFIG_INIT;
	struct tmem_advice advice;

	ASSERT_EQ(0, lt_init());
	ASSERT_TRUE(blocks_take(self->block, MANY, LT_MIB));
	EXPECT_FALSE(is_advised("gc-off"));
	blocks_free(self->block, MANY, 1);
	advice = advised("gc-off");
	EXPECT_STREQ("tmem_gc_config_set(&config), with off = 0",
		     advice.command);
	EXPECT_NE(NULL, strstr(advice.text, "100 % of what is held"));
	/* What it says is in force. */
	ASSERT_EQ(0, tmem_gc_config_get(&config));
	config.off = 0;
	ASSERT_EQ(0, tmem_gc_config_set(&config));
	EXPECT_FALSE(is_advised("gc-off"));
	config.level[0].interval_ms = 86400000;
	ASSERT_EQ(0, tmem_gc_config_set(&config));
	/* Again, as the collector may have been at work in between. */
	ASSERT_TRUE(blocks_take(self->block, MANY, LT_MIB));
	blocks_free(self->block, MANY, 1);
	EXPECT_STREQ(
		"tmem_gc_config_set(&config), with level[0].interval_ms = 300000",
		advised("gc-slow").command);
	config.off = 1;
	ASSERT_EQ(0, tmem_gc_config_set(&config));
	ASSERT_TRUE(blocks_take(self->block, MANY, LT_MIB));
	blocks_free(self->block, MANY, 1);
	EXPECT_FALSE(is_advised("gc-slow"));
	EXPECT_TRUE(is_advised("gc-off"));
	/* Or there is nothing to give back any more. */
	tmem_trim(0);
	EXPECT_FALSE(is_advised("gc-off"));
}

TEST_F(advice, limits)
{
	struct tmem_config config = TMEM_CONFIG_INIT;
	struct tmem_health health;
	struct tmem_advice first, all[TMEM_ADVICE_MAX];

	config.backend = lt_backend();
	config.max_bytes = 32 * LT_SPAN;
	ASSERT_EQ(0, tmem_init(&config));
	ASSERT_TRUE(blocks_take(self->block, 28, LT_SPAN));
	EXPECT_FALSE(is_advised("limit-near"));
	ASSERT_TRUE(blocks_take(self->block + 28, 3, LT_SPAN));
	EXPECT_STREQ("tmem_config.max_bytes = 96 << 20",
		     advised("limit-near").command);
	/* What is idle is given back before anything is refused. */
	blocks_free(self->block, 31, 2);
	EXPECT_FALSE(is_advised("limit-near"));
	EXPECT_FALSE(is_advised("memory-refused"));
	health = health_now();
	EXPECT_TRUE(penalty(&health, "failures") == 0);
	EXPECT_EQ(NULL, tmem_alloc(60 * LT_MIB));
	first = advised("memory-refused");
	EXPECT_STREQ("tmem_config.max_bytes = 96 << 20", first.command);
	EXPECT_NE(NULL, strstr(first.text, "the limit is 64.0 MiB"));
	health = health_now();
	EXPECT_TRUE(penalty(&health, "failures") > 0.14);
	/* The most urgent one comes first, where there is room for one. */
	ASSERT_EQ(1, tmem_advice_get(&first, 1));
	ASSERT_LE(1, tmem_advice_get(all, TMEM_ADVICE_MAX));
	EXPECT_STREQ(all[0].id, first.id);
}

TEST_F(advice, limit_of_one_pool)
{
	struct tmem_pool_config config = TMEM_POOL_CONFIG_INIT;
	struct tmem_pool *pool;
	size_t i;

	ASSERT_EQ(0, lt_init());
	config.max_bytes = 16 * LT_SPAN;
	pool = tmem_pool_create(&config);
	ASSERT_NE(NULL, pool);
	for (i = 0; i < 15; i++)
		ASSERT_NE(NULL, tmem_pool_alloc(pool, LT_SPAN));
	EXPECT_STREQ("tmem_pool_config.max_bytes = 48 << 20",
		     advised("limit-near").command);
	tmem_pool_destroy(pool);
	EXPECT_FALSE(is_advised("limit-near"));
}

TEST_F(advice, misuse)
{
	char here;

	ASSERT_EQ(0, lt_init());
	EXPECT_FALSE(is_advised("misuse"));
	tmem_free(&here);
	EXPECT_STREQ("TMEM_DEBUG=guard", advised("misuse").command);
	EXPECT_FALSE(is_advised("guard-on"));
}

TEST_F(advice, guard)
{
	char *block;

	setenv("TMEM_DEBUG", "guard", 1);
	ASSERT_EQ(0, lt_init());
	EXPECT_FALSE(is_advised("guard-on"));
	block = tmem_alloc(100);
	EXPECT_STREQ("tmem_config.debug = 0", advised("guard-on").command);
	block[100] = 1;
	tmem_free(block);
	/* It is on already. */
	EXPECT_STREQ("tmem_set_log(fn, ctx)", advised("misuse").command);
}

TEST_F(advice, monitor)
{
	ASSERT_EQ(0, lt_init());
	EXPECT_FALSE(is_advised("monitor-off"));
	ASSERT_TRUE(blocks_take(self->block, MANY, LT_MIB));
	EXPECT_STREQ("TMEM_MONITOR=on", advised("monitor-off").command);
	ASSERT_EQ(0, tmem_monitor_start(NULL));
	EXPECT_FALSE(is_advised("monitor-off"));
	ASSERT_EQ(0, tmem_monitor_stop());
	EXPECT_TRUE(is_advised("monitor-off"));
	blocks_free(self->block, MANY, 1);
}

TEST_F(advice, free_between_blocks)
{
	ASSERT_EQ(0, lt_init());
	ASSERT_TRUE(blocks_take(self->block, 2 * MANY, LT_MIB));
	EXPECT_FALSE(is_advised("waste-between"));
	blocks_free(self->block, 2 * MANY, 2);
	/* Nothing there can be moved. */
	EXPECT_EQ(0, strncmp(advised("waste-between").command,
			     "tmem_handle_new(", 16));
	blocks_free(self->block + 1, 2 * MANY - 1, 2);
	EXPECT_FALSE(is_advised("waste-between"));
}

TEST_F(advice, free_between_handles)
{
	struct tmem_handle *handle[2 * MANY];
	struct tmem_advice advice;
	struct tmem_health health;
	size_t i;

	ASSERT_EQ(0, lt_init());
	for (i = 0; i < 2 * MANY; i++) {
		handle[i] = tmem_handle_new(NULL, LT_MIB);
		ASSERT_NE(NULL, handle[i]);
	}
	EXPECT_FALSE(is_advised("waste-between"));
	for (i = 0; i < 2 * MANY; i += 2)
		EXPECT_EQ(0, tmem_handle_free(handle[i]));
	advice = advised("waste-between");
	EXPECT_STREQ("tmem_defragment(NULL, UINT64_MAX, NULL)", advice.command);
	health = health_now();
	EXPECT_TRUE(penalty(&health, "fragmentation") > 0.05);
	/* It is followed. */
	EXPECT_EQ(0, tmem_defragment(NULL, UINT64_MAX, NULL));
	EXPECT_FALSE(is_advised("waste-between"));
	health = health_now();
	EXPECT_TRUE(penalty(&health, "fragmentation") < 0.02);
}

static int analyse(void)
{
	struct tmem_analytics_config config = TMEM_ANALYTICS_INIT;

	tmem_analytics_get(&config);
	config.mode = TMEM_ANALYTICS_ON;
	config.interval_bytes = 0;
	return tmem_analytics_set(&config);
}

/* One site keeps what it allocates. */
static void leak(size_t steps)
{
	size_t step;

	for (step = 0; step < steps; step++) {
		tmem_site_push(NULL, 0, "keeper.py:7");
		tmem_alloc(40000);
		tmem_site_pop();
		tmem_step_mark("step");
	}
}

TEST_F(advice, leaks)
{
	struct tmem_analytics_config config = TMEM_ANALYTICS_INIT;
	struct tmem_advice advice;
	struct tmem_health health;
	char command[64];

	ASSERT_EQ(0, lt_init());
	health = health_now();
	EXPECT_TRUE(penalty(&health, "leak") == -1);
	EXPECT_NE(0U, health.unknown & 8);
	ASSERT_EQ(0, analyse());
	tmem_step_mark("first");
	health = health_now();
	EXPECT_TRUE(penalty(&health, "leak") == 0);
	EXPECT_FALSE(is_advised("leak"));
	leak(200);
	advice = advised("leak");
	EXPECT_NE(NULL, strstr(advice.text, "keeper.py:7"));
	EXPECT_EQ(0, strncmp(advice.command, "tmem_site_get(", 14));
	health = health_now();
	EXPECT_TRUE(penalty(&health, "leak") > 0.15);
	ASSERT_EQ(0, tmem_control_start());
	snprintf(command, sizeof(command), "tmemctl leaks -p %d", getpid());
	EXPECT_STREQ(command, advised("leak").command);
	tmem_control_stop();
	/* No look is taken any more: what was found may be gone. */
	ASSERT_EQ(0, tmem_analytics_get(&config));
	config.mode = TMEM_ANALYTICS_OFF;
	ASSERT_EQ(0, tmem_analytics_set(&config));
	EXPECT_FALSE(is_advised("leak"));
	health = health_now();
	EXPECT_TRUE(penalty(&health, "leak") == -1);
}

static _Atomic(uint64_t) an_now = 1000000000000ULL;

static uint64_t an_clock(void)
{
	return atomic_load(&an_now);
}

/* Twelve are loaded with four contents; one each is needed. */
TEST_F(advice, equal_blocks)
{
	struct tmem_advice advice;
	void *view[12];
	size_t i;

	atomic_store(&tmem_analytics_clock, an_clock);
	ASSERT_EQ(0, lt_init());
	ASSERT_EQ(0, analyse());
	ASSERT_TRUE(blocks_take(self->block, 12, 10 * LT_MIB));
	for (i = 0; i < 12; i++)
		lt_fill(self->block[i], 10 * LT_MIB, i % 4);
	EXPECT_FALSE(is_advised("seal"));
	atomic_fetch_add(&an_now, 11000000000ULL);
	advice = advised("seal");
	EXPECT_NE(NULL, strstr(advice.text, "others: 8, with 80.0 MiB, 66 %"));
	/* They are not, after all. */
	for (i = 0; i < 12; i++)
		lt_fill(self->block[i], 10 * LT_MIB, i);
	EXPECT_FALSE(is_advised("seal"));
	/* It is followed. */
	for (i = 0; i < 12; i++)
		lt_fill(self->block[i], 10 * LT_MIB, i % 4);
	EXPECT_TRUE(is_advised("seal"));
	for (i = 0; i < 12; i++) {
		view[i] = tmem_seal(NULL, self->block[i], 10 * LT_MIB, 0);
		ASSERT_NE(NULL, view[i]);
	}
	EXPECT_FALSE(is_advised("seal"));
	for (i = 0; i < 12; i++)
		EXPECT_EQ(0, tmem_unseal(view[i]));
}

/* Nothing is in them, or they are not there: that is no likeness. */
TEST_F(advice, empty_blocks)
{
	size_t i, resident;

	atomic_store(&tmem_analytics_clock, an_clock);
	ASSERT_EQ(0, lt_init());
	ASSERT_EQ(0, analyse());
	ASSERT_TRUE(blocks_take(self->block, 12, 10 * LT_MIB));
	atomic_fetch_add(&an_now, 11000000000ULL);
	resident = lt_residency().resident;
	EXPECT_FALSE(is_advised("seal"));
	/* And they were not made present. */
	EXPECT_EQ(resident, lt_residency().resident);
	for (i = 0; i < 12; i++)
		memset(self->block[i], 0x3c, 10 * LT_MIB);
	EXPECT_FALSE(is_advised("seal"));
	blocks_free(self->block, 12, 1);
}

TEST_F(advice, steps)
{
	ASSERT_EQ(0, lt_init());
	ASSERT_EQ(0, analyse());
	ASSERT_TRUE(blocks_take(self->block, 2 * MANY, LT_MIB));
	EXPECT_STREQ("tmem_step_mark(NULL), after each step",
		     advised("steps-unmarked").command);
	tmem_step_mark(NULL);
	EXPECT_FALSE(is_advised("steps-unmarked"));
	blocks_free(self->block, 2 * MANY, 1);
}

TEST_F(advice, nothing_is_recorded)
{
	ASSERT_EQ(0, lt_init());
	ASSERT_TRUE(blocks_take(self->block, MANY, LT_MIB));
	EXPECT_TRUE(lt_backend() == TMEM_BACKEND_DEV ||
		    !is_advised("analytics-off"));
	ASSERT_TRUE(host_use(80));
	EXPECT_STREQ("TMEM_ANALYTICS=on", advised("analytics-off").command);
	ASSERT_EQ(0, analyse());
	EXPECT_FALSE(is_advised("analytics-off"));
	blocks_free(self->block, MANY, 1);
}

TEST_F(advice, copies)
{
	const int64_t shape[] = { 4, 1 << 20 };
	struct tmem_tensor *tensor, *copy;
	size_t i;

	ASSERT_EQ(0, lt_init());
	tensor = tmem_tensor_new(tmem_manager_f32(), 2, shape, 0);
	ASSERT_NE(NULL, tensor);
	for (i = 0; i < 5; i++) {
		copy = tmem_tensor_copy(tensor);
		ASSERT_NE(NULL, copy);
		tmem_tensor_unref(copy);
	}
	EXPECT_TRUE(is_advised("copies"));
	for (i = 0; i < 10; i++)
		tmem_tensor_unref(tmem_tensor_transpose(tensor, 0, 1));
	EXPECT_FALSE(is_advised("copies"));
	tmem_tensor_unref(tensor);
}

TEST_HARNESS_MAIN
