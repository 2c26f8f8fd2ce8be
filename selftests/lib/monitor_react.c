// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves what follows from the service manager's word, and from a level: the
 * collector is told at once, frees memory, and answers when; it goes by itself
 * again when the monitor stops; a level that was set stays; and what the manager
 * may say instead.
 */
#include "monitor_run.h"

/* --- reacting --------------------------------------------------------------------- */

static bool make_idle(unsigned int spans)
{
	char *block = tmem_alloc(spans * LT_SPAN);

	if (!block)
		return false;
	memset(block, 1, spans * LT_SPAN);
	tmem_free(block);
	return true;
}

/* The service manager, by a FIFO; the monitor has looked, and waits. */
#define MANAGER(max_level)                                           \
	do {                                                         \
		ASSERT_EQ(0, mkfifo(self->watch, 0600));             \
		setenv("MEMORY_PRESSURE_WATCH", self->watch, 1);     \
		self->config.interval_ms = 3600000;                  \
		self->config.manager_level = (max_level);            \
		ASSERT_EQ(0, tmem_monitor_start(&self->config));     \
		ASSERT_TRUE(WAIT(stats_get().looks));                \
		self->end = open(self->watch, O_WRONLY | O_CLOEXEC); \
		ASSERT_GE(self->end, 0);                             \
	} while (0)

TEST_F(monitor, frees_memory_at_the_managers_word)
{
	struct tmem_monitor_event event;
	uint64_t began;

	ASSERT_TRUE(make_idle(32));
	MANAGER(TMEM_LEVEL_CRITICAL);
	EXPECT_TRUE(stats_get().sources >> TMEM_RESOURCE_MANAGER & 1);
	EXPECT_EQ(0U, event_get().number);
	began = tmem_monitor_now_ns();
	ASSERT_EQ(1, write(self->end, "!", 1));
	ASSERT_TRUE(WAIT(event_get().done_ns));
	event = event_get();
	EXPECT_EQ(TMEM_LEVEL_CRITICAL, (int)event.to);
	EXPECT_EQ(TMEM_RESOURCE_MANAGER, (int)event.limiting);
	EXPECT_GE(event.bytes, 32 * LT_SPAN);
	EXPECT_GE(event.event_ns, began);
	EXPECT_GE(event.decision_ns, event.event_ns);
	EXPECT_GE(event.first_ns, event.decision_ns);
	EXPECT_GE(event.done_ns, event.first_ns);
	printf("# told after %.3f ms, first byte after %.3f ms, done %.3f ms\n",
	       (double)(event.decision_ns - began) / 1e6,
	       (double)(event.first_ns - began) / 1e6,
	       (double)(event.done_ns - began) / 1e6);
	/*
	 * At the event: the next look is an hour away.  How quickly, on a machine
	 * that is not busy with other tests, is said by bench-reaction.
	 */
	EXPECT_LT(event.first_ns - began, 1000 * MS);
	EXPECT_EQ(event.bytes, stats_get().freed_bytes);
	EXPECT_EQ(event.first_ns - event.event_ns, stats_get().reaction_ns);
	EXPECT_EQ(TMEM_GC_SOURCE_MONITOR, (int)gc_get().source);
	EXPECT_EQ(TMEM_LEVEL_CRITICAL, (int)gc_get().level);
	EXPECT_EQ(0U, lt_stats().spans_idle);
	/* It counts for two seconds, and the level stays for two. */
	EXPECT_TRUE(WAIT(event_get().to == TMEM_LEVEL_LOW));
	EXPECT_TRUE(WAIT(gc_get().level != TMEM_LEVEL_CRITICAL ||
			 !gc_get().running));
}

/* A monitor that stops leaves the collector to its own source. */
TEST_F(monitor, collector_goes_on_by_itself)
{
	ASSERT_TRUE(make_idle(4));
	ASSERT_TRUE(host_use(80));
	ASSERT_EQ(0, tmem_monitor_start(&self->config));
	ASSERT_TRUE(WAIT(gc_get().level == TMEM_LEVEL_HIGH));
	tmem_monitor_stop();
	EXPECT_TRUE(WAIT(gc_get().source != TMEM_GC_SOURCE_MONITOR));
}

/* What a program has set goes before what the monitor says. */
TEST_F(monitor, a_level_that_was_set_stays)
{
	ASSERT_EQ(0, tmem_gc_level_set(TMEM_LEVEL_LOW));
	ASSERT_TRUE(make_idle(4));
	ASSERT_TRUE(host_use(95));
	ASSERT_EQ(0, tmem_monitor_start(&self->config));
	ASSERT_TRUE(WAIT(event_get().done_ns));
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
	ASSERT_EQ(0, tmem_monitor_start(&self->config));
	ASSERT_TRUE(WAIT(event_get().to == TMEM_LEVEL_CRITICAL));
	usleep(50000);
	EXPECT_EQ(0U, event_get().done_ns);
	EXPECT_NE(TMEM_GC_SOURCE_MONITOR, (int)gc_get().source);
}

TEST_F(monitor, manager_that_asks_not_to_watch)
{
	setenv("MEMORY_PRESSURE_WATCH", "/dev/null", 1);
	ASSERT_EQ(0, tmem_monitor_start(&self->config));
	ASSERT_TRUE(WAIT(stats_get().looks));
	EXPECT_EQ(0U, stats_get().sources & ~(1u << TMEM_RESOURCE_MODULE));
}

TEST_F(monitor, manager_that_is_not_there)
{
	struct lt_log log;

	lt_listen(&log);
	setenv("MEMORY_PRESSURE_WATCH", self->watch, 1);
	ASSERT_EQ(0, tmem_monitor_start(&self->config));
	ASSERT_TRUE(WAIT(stats_get().looks > 3));
	EXPECT_TRUE(lt_heard(&log, TMEM_LOG_WARN, "MEMORY_PRESSURE_WATCH"));
	EXPECT_EQ(1U, stats_get().errors);
	tmem_monitor_stop();
	tmem_set_log(NULL, NULL);
}

TEST_HARNESS_MAIN
