// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves what follows from the service manager's word, and from a level: the
 * collector is told at once, frees memory, and answers when; it goes by itself
 * again when the monitor stops; and a level that was set stays.
 */
#include "monitor_fake.h"

#include "gc/collector.h"

/* --- the collector: as it is, but for its thread and the machine's figures ------------ */

static void calm_open(struct tmem_source *source)
{
	source->fd = -1;
	source->open = true;
}

static void calm_look(struct tmem_source *source, uint64_t now_ns, bool fired,
		      struct tmem_source_look *look)
{
	(void)source;
	(void)now_ns;
	(void)fired;
	*look = (struct tmem_source_look){
		.level = TMEM_LEVEL_LOW,
		.source = TMEM_GC_SOURCE_MEMINFO,
	};
}

static void calm_close(struct tmem_source *source)
{
	source->open = false;
}

static const struct tmem_source_ops calm_ops = {
	.open = calm_open,
	.look = calm_look,
	.close = calm_close,
};

static struct tmem_gc_ops collector_ops;

/* Before the first block. */
static void collector_use(void)
{
	collector_ops = tmem_gc_ops_real;
	collector_ops.worker = &worker_fake_ops;
	collector_ops.source = &calm_ops;
	tmem_gc_use(&collector_ops);
}

/* It works until it waits; it comes to it, and is done, at this time. */
static void collector_run(uint64_t after_ms)
{
	atomic_fetch_add(&worker_fake_ns, after_ms * MS);
	worker_fake_run(&tmem_collector.worker);
}

static bool make_idle(unsigned int spans)
{
	char *block;

	collector_use();
	block = tmem_alloc(spans * LT_SPAN);
	if (!block)
		return false;
	memset(block, 1, spans * LT_SPAN);
	tmem_free(block);
	collector_run(0);
	return lt_stats().spans_idle == spans;
}

/* --- reacting --------------------------------------------------------------------- */

/* At once: until the collector runs, no time passes. */
TEST_F(monitor, frees_memory_at_the_managers_word)
{
	struct tmem_monitor_event event;
	uint64_t began;

	ASSERT_TRUE(make_idle(32));
	ASSERT_EQ(0, mkfifo(self->watch, 0600));
	setenv("MEMORY_PRESSURE_WATCH", self->watch, 1);
	self->config.interval_ms = 3600000;
	self->config.manager_level = TMEM_LEVEL_CRITICAL;
	ASSERT_EQ(0, fake_start(&self->config));
	self->end = open(self->watch, O_WRONLY | O_CLOEXEC);
	ASSERT_GE(self->end, 0);
	EXPECT_TRUE(stats_get().sources >> TMEM_RESOURCE_MANAGER & 1);
	EXPECT_EQ(0U, event_get().number);
	fake_pass(1500);
	began = worker_fake_now();
	ASSERT_EQ(1, write(self->end, "!", 1));
	fake_run();
	event = event_get();
	EXPECT_EQ(TMEM_LEVEL_CRITICAL, (int)event.to);
	EXPECT_EQ(TMEM_RESOURCE_MANAGER, (int)event.limiting);
	EXPECT_EQ(began, event.event_ns);
	EXPECT_EQ(began, event.decision_ns);
	EXPECT_EQ(0U, event.done_ns);
	/* The collector was woken, and comes to it 3 ms later. */
	EXPECT_TRUE(worker_fake_due(&tmem_collector.worker));
	collector_run(3);
	event = event_get();
	EXPECT_GE(event.bytes, 32 * LT_SPAN);
	EXPECT_EQ(began + 3 * MS, event.first_ns);
	EXPECT_EQ(began + 3 * MS, event.done_ns);
	EXPECT_EQ(event.bytes, stats_get().freed_bytes);
	EXPECT_EQ(3 * MS, stats_get().reaction_ns);
	EXPECT_EQ(3 * MS, stats_get().reaction_max_ns);
	EXPECT_EQ(TMEM_GC_SOURCE_MONITOR, (int)gc_get().source);
	EXPECT_EQ(TMEM_LEVEL_CRITICAL, (int)gc_get().level);
	EXPECT_EQ(0U, lt_stats().spans_idle);
	/* It counts for two seconds, and the level stays for two. */
	fake_pass(3900);
	EXPECT_EQ(1U, event_get().number);
	fake_pass(600);
	EXPECT_EQ(2U, event_get().number);
	EXPECT_EQ(TMEM_LEVEL_LOW, (int)event_get().to);
	collector_run(0);
	EXPECT_EQ(TMEM_LEVEL_LOW, (int)gc_get().level);
}

/* A monitor that stops leaves the collector to its own source. */
TEST_F(monitor, collector_goes_on_by_itself)
{
	ASSERT_TRUE(make_idle(4));
	ASSERT_TRUE(host_use(80));
	ASSERT_EQ(0, fake_start(&self->config));
	collector_run(0);
	EXPECT_EQ(TMEM_LEVEL_HIGH, (int)gc_get().level);
	EXPECT_EQ(TMEM_GC_SOURCE_MONITOR, (int)gc_get().source);
	tmem_monitor_stop();
	EXPECT_TRUE(worker_fake_due(&tmem_collector.worker));
	collector_run(0);
	EXPECT_EQ(TMEM_LEVEL_LOW, (int)gc_get().level);
	EXPECT_EQ(TMEM_GC_SOURCE_MEMINFO, (int)gc_get().source);
}

/* What a program has set goes before what the monitor says. */
TEST_F(monitor, a_level_that_was_set_stays)
{
	ASSERT_EQ(0, tmem_gc_level_set(TMEM_LEVEL_LOW));
	ASSERT_TRUE(make_idle(4));
	ASSERT_TRUE(host_use(95));
	ASSERT_EQ(0, fake_start(&self->config));
	EXPECT_EQ(TMEM_LEVEL_CRITICAL, (int)event_get().to);
	collector_run(0);
	EXPECT_NE(0U, event_get().done_ns);
	EXPECT_EQ(0U, event_get().bytes);
	EXPECT_EQ(0U, event_get().first_ns);
	EXPECT_EQ(TMEM_LEVEL_LOW, (int)gc_get().level);
	EXPECT_EQ(4U, lt_stats().spans_idle);
}

TEST_F(monitor, only_looks_if_asked_to)
{
	ASSERT_TRUE(make_idle(4));
	self->config.react_off = 1;
	ASSERT_TRUE(host_use(95));
	ASSERT_EQ(0, fake_start(&self->config));
	EXPECT_EQ(TMEM_LEVEL_CRITICAL, (int)event_get().to);
	EXPECT_FALSE(worker_fake_due(&tmem_collector.worker));
	/* At its next look, too. */
	worker_fake_pass(&tmem_collector.worker, 1000 * MS);
	EXPECT_EQ(0U, event_get().done_ns);
	EXPECT_EQ(TMEM_LEVEL_LOW, (int)gc_get().level);
	EXPECT_EQ(TMEM_GC_SOURCE_MEMINFO, (int)gc_get().source);
}

TEST_HARNESS_MAIN
