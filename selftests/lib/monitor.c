// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves how the monitor's thread lives: it starts and stops, again and again
 * and from many threads; is not there in the child of a fork; goes on, and can
 * be stopped, when the program closes its descriptors; and is started by the
 * environment.
 */
#include "monitor_run.h"

/* The thread sleeps, and every file of a look is closed. */
static bool waits(void)
{
	bool polling;

	pthread_mutex_lock(&tmem_monitor.worker.lock);
	polling = tmem_monitor.worker.polling && tmem_monitor.stats.looks;
	pthread_mutex_unlock(&tmem_monitor.worker.lock);
	return polling;
}

/* --- life ------------------------------------------------------------------------ */

/* In the middle of a wait, whose end is an hour away. */
TEST_F(monitor, starts_and_stops)
{
	unsigned int i;

	EXPECT_EQ(0, tmem_monitor_stop());
	self->config.interval_ms = 3600000;
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, tmem_monitor_start(&self->config));
		EXPECT_EQ(-EALREADY, tmem_monitor_start(NULL));
		ASSERT_TRUE(PACE_UNTIL(waits()));
		EXPECT_EQ(1U, stats_get().running);
		EXPECT_EQ(1U, stats_get().looks);
		EXPECT_TRUE(task_there("tmem-monitor"));
		ASSERT_EQ(0, tmem_monitor_stop());
		/* What it found can be read still. */
		EXPECT_TRUE(sample_get().time_ns);
	}
}

TEST_F(monitor, again_and_again)
{
	unsigned int i;

	for (i = 0; i < 200; i++) {
		ASSERT_EQ(0, tmem_monitor_start(&self->config));
		ASSERT_EQ(0, tmem_monitor_stop());
	}
}

static void *start_stop(void *arg)
{
	unsigned int i;

	for (i = 0; i < 50; i++) {
		int err = tmem_monitor_start(arg);

		if (err && err != -EALREADY)
			return (void *)(intptr_t)err;
		tmem_monitor_stop();
	}
	return NULL;
}

TEST_F(monitor, by_many_threads)
{
	pthread_t thread[4];
	void *result;
	unsigned int i;

	for (i = 0; i < 4; i++)
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, start_stop,
					    &self->config));
	for (i = 0; i < 4; i++) {
		pthread_join(thread[i], &result);
		EXPECT_EQ(NULL, result);
	}
	EXPECT_EQ(0U, stats_get().running);
}

TEST_F(monitor, disturbs_no_signals)
{
	sigset_t before, after;
	int i;

	pthread_sigmask(SIG_SETMASK, NULL, &before);
	ASSERT_EQ(0, tmem_monitor_start(NULL));
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	for (i = 1; i < 32; i++)
		EXPECT_EQ(sigismember(&before, i), sigismember(&after, i));
}

/* --- what others do ------------------------------------------------------------------ */

static int child_without(void *arg)
{
	struct tmem_monitor_sample sample = TMEM_MONITOR_SAMPLE_INIT;
	unsigned int fds = *(unsigned int *)arg;

	if (stats_get().running || stats_get().looks ||
	    tmem_monitor_sample_get(&sample) != -ENODATA)
		return 1;
	/* On the device, those of its parent's arenas are not a child's. */
	if (fds_open() > fds)
		return 2;
	if (tmem_monitor_stop())
		return 3;
	/* A thread in the child of threads is more than TSan allows. */
	if (LT_SANITIZER)
		return 0;
	if (tmem_monitor_start(NULL) || !PACE_UNTIL(stats_get().looks))
		return 4;
	return tmem_monitor_stop() ? 5 : 0;
}

/* Between two looks: a file that it reads just then would stay open. */
TEST_F(monitor, fork)
{
	unsigned int i;

	ASSERT_EQ(0, mkfifo(self->watch, 0600));
	setenv("MEMORY_PRESSURE_WATCH", self->watch, 1);
	self->config.interval_ms = 3600000;
	ASSERT_EQ(0, tmem_monitor_start(&self->config));
	ASSERT_TRUE(PACE_UNTIL(waits()));
	EXPECT_GT(fds_open(), self->fds);
	for (i = 0; i < 20; i++)
		ASSERT_TRUE(LT_EXITED(lt_child(child_without, &self->fds), 0));
	self->end = open(self->watch, O_WRONLY | O_CLOEXEC);
	ASSERT_EQ(1, write(self->end, "!", 1));
	EXPECT_TRUE(PACE_UNTIL(stats_get().looks > 1));
}

/* A program that tidies up before it goes on: the monitor goes on as well. */
TEST_F(monitor, descriptors_that_were_closed)
{
	uint64_t looks;
	int fd;

	ASSERT_EQ(0, mkfifo(self->watch, 0600));
	setenv("MEMORY_PRESSURE_WATCH", self->watch, 1);
	ASSERT_EQ(0, tmem_monitor_start(&self->config));
	ASSERT_TRUE(PACE_UNTIL(stats_get().looks > 2));
	for (fd = 3; fd < 256; fd++)
		close(fd);
	looks = stats_get().looks;
	ASSERT_TRUE(PACE_UNTIL(stats_get().looks > looks + 3));
	ASSERT_TRUE(host_use(80));
	EXPECT_TRUE(PACE_UNTIL(sample_get().level == TMEM_LEVEL_HIGH));
	ASSERT_EQ(0, tmem_monitor_stop());
	self->fds = fds_open();
}

/*
 * What the program opens then has the numbers of the monitor's: nothing of it is
 * read, and the monitor ends all the same, although its wait of an hour began
 * with a wake descriptor that is lost.
 */
TEST_F(monitor, numbers_that_are_others_now)
{
	int fd, ends[2], far;
	char byte;

	self->config.interval_ms = 3600000;
	ASSERT_EQ(0, tmem_monitor_start(&self->config));
	ASSERT_TRUE(PACE_UNTIL(waits()));
	ASSERT_EQ(0, pipe2(ends, O_CLOEXEC | O_NONBLOCK));
	far = fcntl(ends[0], F_DUPFD_CLOEXEC, 300);
	ASSERT_GE(far, 300);
	ASSERT_EQ(1, write(ends[1], "!", 1));
	for (fd = 3; fd < 20; fd++)
		ASSERT_EQ(fd, dup2(far, fd));
	for (; fd < 256; fd++)
		close(fd);
	ASSERT_EQ(0, tmem_monitor_stop());
	EXPECT_EQ(1, read(far, &byte, 1));
	for (fd = 3; fd < 20; fd++)
		EXPECT_EQ(0, close(fd));
	close(far);
	self->fds = fds_open();
}

/* On the host that there is: its triggers, and its module where it has one. */
TEST(this_machine)
{
	struct tmem_monitor_config config = quick();
	unsigned int fds = fds_open();

	unsetenv("MEMORY_PRESSURE_WATCH");
	ASSERT_EQ(0, tmem_monitor_start(&config));
	ASSERT_TRUE(PACE_UNTIL(stats_get().looks > 10));
	printf("# ratio %.3f of %s, woken by %#x, %llu of %llu looks woken\n",
	       sample_get().ratio, tmem_resource_name(sample_get().limiting),
	       stats_get().sources, (unsigned long long)stats_get().events_in,
	       (unsigned long long)stats_get().looks);
	EXPECT_NE(TMEM_RESOURCE_NONE, sample_get().limiting);
	EXPECT_EQ(0U, stats_get().errors);
	EXPECT_EQ(0U, stats_get().unknown);
	if (lt_backend() == TMEM_BACKEND_DEV)
		EXPECT_TRUE(sample_get().have >> TMEM_RESOURCE_MODULE & 1);
	ASSERT_EQ(0, tmem_monitor_stop());
	EXPECT_EQ(fds, fds_open());
}

/* --- the environment ----------------------------------------------------------------- */

static int started_by_environment(void *arg)
{
	(void)arg;
	setenv("TMEM_MONITOR", "on", 1);
	if (lt_init() || !stats_get().running)
		return 1;
	return tmem_monitor_stop() ? 2 : 0;
}

static int started_by_the_first_block(void *arg)
{
	(void)arg;
	setenv("TMEM_MONITOR", "on", 1);
	setenv("TMEM_BACKEND", lt_backend_word(), 1);
	tmem_free(tmem_alloc(100));
	return !stats_get().running;
}

static int not_started(void *arg)
{
	(void)arg;
	setenv("TMEM_MONITOR", "off", 1);
	return lt_init() || stats_get().running;
}

static int not_understood(void *arg)
{
	(void)arg;
	setenv("TMEM_MONITOR", "yes", 1);
	return lt_init() != -EINVAL;
}

TEST(environment)
{
	EXPECT_TRUE(LT_EXITED(lt_child(started_by_environment, NULL), 0));
	EXPECT_TRUE(LT_EXITED(lt_child(started_by_the_first_block, NULL), 0));
	EXPECT_TRUE(LT_EXITED(lt_child(not_started, NULL), 0));
	EXPECT_TRUE(LT_EXITED(lt_child(not_understood, NULL), 0));
}

TEST_HARNESS_MAIN
