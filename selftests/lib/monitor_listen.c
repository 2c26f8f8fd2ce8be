// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves how a program hears of levels: each listener at its own, from either
 * side; it may call the library, stop being one, but not stop the monitor; and
 * one that was taken off does not run any more.
 */
#include "monitor_fake.h"

/* --- listeners --------------------------------------------------------------------- */

static struct {
	atomic_uint calls[4];
	atomic_int stop, number;
} heard;

static void on_level(void *ctx, const struct tmem_monitor_event *event)
{
	atomic_fetch_add((atomic_uint *)ctx, 1);
	if (event->to == TMEM_LEVEL_CRITICAL)
		atomic_store(&heard.stop, tmem_monitor_stop());
	tmem_trim(0);
}

static void on_level_once(void *ctx, const struct tmem_monitor_event *event)
{
	(void)event;
	atomic_fetch_add((atomic_uint *)ctx, 1);
	tmem_monitor_unlisten(atomic_load(&heard.number));
}

TEST_F(monitor, listeners)
{
	int high, i;

	high = tmem_monitor_listen(TMEM_LEVEL_HIGH, on_level, &heard.calls[0]);
	ASSERT_GT(high, 0);
	ASSERT_GT(tmem_monitor_listen(TMEM_LEVEL_CRITICAL, on_level,
				      &heard.calls[1]),
		  0);
	atomic_store(&heard.number,
		     tmem_monitor_listen(TMEM_LEVEL_HIGH, on_level_once,
					 &heard.calls[2]));
	EXPECT_EQ(-EINVAL, tmem_monitor_listen((enum tmem_level)4, on_level,
					       &heard.calls[0]));
	EXPECT_EQ(-EINVAL, tmem_monitor_listen(TMEM_LEVEL_LOW, NULL, NULL));
	for (i = 3; i < TMEM_MONITOR_LISTENERS; i++)
		ASSERT_GT(tmem_monitor_listen(TMEM_LEVEL_MEDIUM, on_level,
					      &heard.calls[3]),
			  0);
	EXPECT_EQ(-ENOSPC, tmem_monitor_listen(TMEM_LEVEL_LOW, on_level, NULL));
	ASSERT_EQ(0, fake_start(&self->config));
	ASSERT_TRUE(host_use(80));
	fake_pass(10);
	EXPECT_EQ(1U, atomic_load(&heard.calls[0]));
	EXPECT_EQ(1U, atomic_load(&heard.calls[2]));
	ASSERT_TRUE(host_use(95));
	fake_pass(10);
	EXPECT_EQ(1U, atomic_load(&heard.calls[1]));
	EXPECT_EQ(-EDEADLK, atomic_load(&heard.stop));
	EXPECT_EQ(0, tmem_monitor_unlisten(high));
	EXPECT_EQ(-ENOENT, tmem_monitor_unlisten(high));
	EXPECT_EQ(-ENOENT, tmem_monitor_unlisten(0));
	EXPECT_EQ(-ENOENT, tmem_monitor_unlisten(-1));
	ASSERT_TRUE(host_use(80));
	fake_pass(3000);
	EXPECT_EQ(TMEM_LEVEL_HIGH, (int)event_get().to);
	EXPECT_EQ(1U, atomic_load(&heard.calls[0]));
	EXPECT_EQ(1U, atomic_load(&heard.calls[2]));
	EXPECT_EQ(0U, atomic_load(&heard.calls[3]));
}

/* --- a listener that is taken off while it runs --------------------------------------- */

static struct {
	atomic_int number, tid;
	atomic_bool returned;
	pthread_t thread;
	bool waited;
	int result;
} off;

static void *unlistens(void *arg)
{
	(void)arg;
	atomic_store(&off.tid, gettid());
	off.result = tmem_monitor_unlisten(atomic_load(&off.number));
	atomic_store(&off.returned, true);
	return NULL;
}

/* The listener has been taken off: what remains of unlisten is its wait. */
static bool taken_off(void)
{
	bool taken;

	pthread_mutex_lock(&tmem_monitor.worker.lock);
	taken = !tmem_monitor.listener[0].fn;
	pthread_mutex_unlock(&tmem_monitor.worker.lock);
	return taken;
}

static bool asleep(int tid)
{
	char path[64], text[256] = "";
	const char *state;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		close(fd);
	state = n > 0 ? strrchr(text, ')') : NULL;
	return state && state[2] == 'S';
}

static void on_level_slowly(void *ctx, const struct tmem_monitor_event *event)
{
	(void)ctx;
	(void)event;
	pthread_create(&off.thread, NULL, unlistens, NULL);
	off.waited = PACE_UNTIL(taken_off()) &&
		     PACE_UNTIL(atomic_load(&off.returned) ||
				asleep(atomic_load(&off.tid))) &&
		     !atomic_load(&off.returned);
}

/* The owner may free what it uses after the return. */
TEST_F(monitor, unlisten_waits_for_the_listener)
{
	atomic_store(&off.number, tmem_monitor_listen(TMEM_LEVEL_HIGH,
						      on_level_slowly, NULL));
	ASSERT_GT(atomic_load(&off.number), 0);
	ASSERT_TRUE(host_use(80));
	ASSERT_EQ(0, fake_start(&self->config));
	pthread_join(off.thread, NULL);
	EXPECT_TRUE(off.waited);
	EXPECT_EQ(0, off.result);
}

TEST_HARNESS_MAIN
