// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The monitor's thread: started when somebody asks, gone within 50 ms when it
 * is told to go, and not there in the child of a fork.
 */
#define _GNU_SOURCE
#include "monitor/monitor.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/log.h"
#include "core/wakefd.h"
#include "gc/gc.h"

#define STACK_BYTES ((size_t)256 << 10)

struct tmem_monitor tmem_monitor = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.changed = PTHREAD_COND_INITIALIZER,
	.wake_fd = -1,
	.inputs = { .host = "" },
	.wakers = {
		.system = { .fd = -1 },
		.group = { .fd = -1 },
		.watch = { .file = { .fd = -1 } },
	},
};

_Atomic(void (*)(enum tmem_level level)) tmem_monitor_hook;

static const char *host_next = ""; /* under the lock */

void tmem_monitor_use(const char *host)
{
	pthread_mutex_lock(&tmem_monitor.lock);
	host_next = host ? host : "";
	pthread_mutex_unlock(&tmem_monitor.lock);
}

/* The collector goes by its own source again. */
static void collector_leave(void)
{
	static const struct tmem_gc_notice none = { .level = -1 };

	tmem_gc_notice_put(&none);
}

static void *monitor_main(void *arg)
{
	struct tmem_monitor *m = &tmem_monitor;
	struct tmem_monitor_woken woken = { 0 };
	int timeout_ms;

	(void)arg;
	pthread_setname_np(pthread_self(), "tmem-monitor");
	tmem_wakers_open(m);
	while (!atomic_load(&m->stop)) {
		timeout_ms = tmem_monitor_step(m, &woken);
		if (!atomic_load(&m->stop))
			tmem_wakers_wait(m, timeout_ms, &woken);
	}
	if (m->react.followed != TMEM_LEVEL_LOW)
		collector_leave();
	tmem_wakers_close(m);
	return NULL;
}

static int monitor_spawn(pthread_t *thread)
{
	pthread_attr_t attr;
	sigset_t all, before;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	err = pthread_create(thread, &attr, monitor_main, NULL);
	/* A program with much thread-local memory needs a larger stack. */
	if (err == EINVAL)
		err = pthread_create(thread, NULL, monitor_main, NULL);
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return err;
}

/* What does not fit makes no sense, and is refused as such. */
static bool word_get(const char *name, char *to, size_t size)
{
	const char *text = secure_getenv(name);

	if (!text)
		return false;
	memcpy(to, "?", 2);
	if (strlen(text) < size)
		memcpy(to, text, strlen(text) + 1);
	return true;
}

static void word_read(struct tmem_manager_word *word)
{
	word->watch_set = word_get("MEMORY_PRESSURE_WATCH", word->watch,
				   sizeof(word->watch));
	word->write_set = word_get("MEMORY_PRESSURE_WRITE", word->write,
				   sizeof(word->write));
}

/* With the lock held; nothing of an earlier run is left but the listeners. */
static int start_prepare(struct tmem_monitor *m,
			 const struct tmem_monitor_config *config)
{
	struct tmem_ring ring;
	int err = tmem_ring_open(&ring, config->history);

	if (err)
		return err;
	tmem_ring_close(&m->ring);
	m->ring = ring;
	m->config = *config;
	word_read(&m->manager);
	m->stats = (struct tmem_monitor_stats){ 0 };
	m->trend = (struct tmem_trend){ 0 };
	memset(&m->score, 0, sizeof(m->score));
	m->events.count = 0;
	memset(&m->events.ring, 0, sizeof(m->events.ring));
	memset(&m->react, 0, sizeof(m->react));
	memset(&m->inputs, 0, sizeof(m->inputs));
	memset(&m->last, 0, sizeof(m->last));
	m->inputs.host = host_next;
	m->manager_until_ns = 0;
	m->wake_fd = tmem_wakefd_make();
	m->life = TMEM_MONITOR_STARTING;
	atomic_store(&m->stop, false);
	return 0;
}

/* With the lock held. */
static void wait_settled(struct tmem_monitor *m)
{
	while (m->life == TMEM_MONITOR_STARTING ||
	       m->life == TMEM_MONITOR_STOPPING)
		pthread_cond_wait(&m->changed, &m->lock);
}

static void stop_done(struct tmem_monitor *m)
{
	tmem_wakefd_close(m->wake_fd);
	m->wake_fd = -1;
	m->life = TMEM_MONITOR_NONE;
	pthread_cond_broadcast(&m->changed);
}

int tmem_monitor_start(const struct tmem_monitor_config *config)
{
	struct tmem_monitor *m = &tmem_monitor;
	struct tmem_monitor_config made;
	pthread_t thread = 0;
	int err = tmem_monitor_config_make(&made, config);

	if (err)
		return err;
	pthread_mutex_lock(&m->lock);
	wait_settled(m);
	if (m->life != TMEM_MONITOR_NONE)
		err = -EALREADY;
	else if (m->closed)
		err = -EAGAIN;
	else
		err = start_prepare(m, &made);
	pthread_mutex_unlock(&m->lock);
	if (err)
		return err;
	/* Not with the lock held: making a thread allocates, maybe from us. */
	err = monitor_spawn(&thread);
	pthread_mutex_lock(&m->lock);
	m->thread = thread;
	m->life = TMEM_MONITOR_RUNNING;
	if (err)
		stop_done(m);
	pthread_cond_broadcast(&m->changed);
	pthread_mutex_unlock(&m->lock);
	return err ? -EAGAIN : 0;
}

/* With the lock held.  true: the thread is to be joined. */
static bool stop_begin(struct tmem_monitor *m)
{
	if (m->life != TMEM_MONITOR_RUNNING)
		return false;
	m->life = TMEM_MONITOR_STOPPING;
	atomic_store(&m->stop, true);
	tmem_wakefd_wake(m->wake_fd);
	return true;
}

int tmem_monitor_stop(void)
{
	struct tmem_monitor *m = &tmem_monitor;
	bool join;

	pthread_mutex_lock(&m->lock);
	if (m->life != TMEM_MONITOR_NONE && m->calling &&
	    pthread_equal(m->thread, pthread_self())) {
		pthread_mutex_unlock(&m->lock);
		return -EDEADLK;
	}
	wait_settled(m);
	join = stop_begin(m);
	pthread_mutex_unlock(&m->lock);
	if (!join)
		return 0;
	pthread_join(m->thread, NULL);
	pthread_mutex_lock(&m->lock);
	stop_done(m);
	pthread_mutex_unlock(&m->lock);
	return 0;
}

void tmem_monitor_want(void)
{
	/* The heap's lock is held: ours comes after it, as at a fork. */
	pthread_mutex_lock(&tmem_monitor.lock);
	tmem_monitor.wanted = true;
	pthread_mutex_unlock(&tmem_monitor.lock);
	atomic_store(&tmem_gc_note.poll, true);
}

void tmem_monitor_come_by(void)
{
	struct tmem_monitor *m = &tmem_monitor;
	bool wanted;
	int err;

	pthread_mutex_lock(&m->lock);
	wanted = m->wanted;
	m->wanted = false;
	pthread_mutex_unlock(&m->lock);
	if (!wanted)
		return;
	err = tmem_monitor_start(NULL);
	if (err && err != -EALREADY)
		tmem_log(TMEM_LOG_WARN,
			 "TMEM_MONITOR=on: no monitor can be started: error %d",
			 -err);
}

/* --- fork and exit ------------------------------------------------------------ */

static void fork_prepare(void)
{
	pthread_mutex_lock(&tmem_monitor.lock);
}

static void fork_parent(void)
{
	pthread_mutex_unlock(&tmem_monitor.lock);
}

/*
 * The child has neither the thread nor anything that it found; its descriptors
 * are ours here, and closed.  (A trigger is the open file's: the parent's stays
 * as it is.)
 */
static void fork_child(void)
{
	static const pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
	struct tmem_monitor *m = &tmem_monitor;

	memcpy(&m->changed, &changed, sizeof(changed));
	if (m->life != TMEM_MONITOR_NONE) {
		tmem_wakefd_close(m->wake_fd);
		tmem_wakers_close(m);
	}
	m->wake_fd = -1;
	m->life = TMEM_MONITOR_NONE;
	/* A listener that forked is in the thread's place. */
	atomic_store(&m->stop, true);
	m->wanted = false;
	m->calling = 0;
	tmem_ring_close(&m->ring);
	memset(m->listener, 0, sizeof(m->listener));
	memset(&m->last, 0, sizeof(m->last));
	memset(&m->stats, 0, sizeof(m->stats));
	m->events.count = 0;
	pthread_mutex_unlock(&m->lock);
}

/* Before the collector's and the heap's, by the priority: see gc/gc.c. */
__attribute__((constructor(1000))) static void monitor_prepare(void)
{
	pthread_atfork(fork_prepare, fork_parent, fork_child);
}

/* At exit() and dlclose(): no wait is without an end, as in gc/thread.c. */
__attribute__((destructor)) static void monitor_close(void)
{
	struct tmem_monitor *m = &tmem_monitor;
	struct timespec until;
	bool join;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += 200 * 1000 * 1000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	if (pthread_mutex_timedlock(&m->lock, &until))
		return;
	m->closed = true;
	join = stop_begin(m);
	pthread_mutex_unlock(&m->lock);
	if (join && !pthread_equal(m->thread, pthread_self()))
		pthread_timedjoin_np(m->thread, NULL, &until);
}
