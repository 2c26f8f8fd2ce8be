// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The collector's thread: made when there is first something to give back,
 * asleep without any wakeup while there is nothing, gone within 50 ms when it
 * is told to go.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analytics/core.h"
#include "analytics/timeline.h"
#include "core/wakefd.h"
#include "gc/collector.h"
#include "gc/gc.h"
#include "gc/policy.h"
#include "optimizer/events.h"

#define STACK_BYTES ((size_t)128 << 10)
#define RETRY_NS (10000 * TMEM_GC_MS)

/* What to wait for, copied while the pass lock was held. */
struct gc_wait {
	int fd;
	short events;
	int timeout_ms;
};

void tmem_gc_thread_wake(void)
{
	struct tmem_collector *c = &tmem_collector;

	c->woken = true;
	pthread_cond_broadcast(&c->life_changed);
	if (!atomic_load(&tmem_gc_note.asleep))
		tmem_wakefd_wake(c->wake_fd);
}

/* With the life lock held, as those below. */
void tmem_gc_thread_forget_fd(void)
{
	struct tmem_collector *c = &tmem_collector;

	tmem_wakefd_close(c->wake_fd);
	c->wake_fd = -1;
}

static int wake_fd_get(void)
{
	int fd;

	pthread_mutex_lock(&tmem_collector.life_lock);
	tmem_wakefd_check(&tmem_collector.wake_fd);
	fd = tmem_collector.wake_fd;
	tmem_collector.woken = false;
	pthread_mutex_unlock(&tmem_collector.life_lock);
	return fd;
}

static void source_deaf(short revents)
{
	struct tmem_collector *c = &tmem_collector;

	pthread_mutex_lock(&c->pass_lock);
	c->ops->source->deaf(&c->source, revents & POLLNVAL ||
						 tmem_source_lost(&c->source));
	pthread_mutex_unlock(&c->pass_lock);
}

/* Returns true if the source has something to say. */
static bool gc_wait(const struct gc_wait *wait)
{
	struct pollfd p[2] = {
		{ .fd = wake_fd_get(), .events = POLLIN },
		{ .fd = wait->fd, .events = wait->events },
	};
	int timeout = wait->timeout_ms;

	/* It may have been said to a descriptor that was not ours. */
	if (atomic_load(&tmem_collector.stop))
		return false;
	/* No descriptor to be had: being told to stop must not take long. */
	if (p[0].fd < 0 && timeout > 20)
		timeout = 20;
	if (poll(p, 2, timeout) < 0)
		return false;
	atomic_fetch_add(&tmem_collector.wakeups, 1);
	if (p[0].revents)
		tmem_wakefd_take(p[0].fd);
	if (p[1].revents & (POLLERR | POLLNVAL) &&
	    !(p[1].revents & wait->events))
		source_deaf(p[1].revents);
	return p[1].revents & wait->events;
}

/* There is nothing to give back until somebody says so. */
static void gc_sleep(void)
{
	struct tmem_collector *c = &tmem_collector;

	pthread_mutex_lock(&c->life_lock);
	atomic_store(&tmem_gc_note.asleep, true);
	while (!atomic_load(&tmem_gc_note.idle) &&
	       !atomic_load(&tmem_gc_note.cached) && !c->woken &&
	       !atomic_load(&c->stop))
		pthread_cond_wait(&c->life_changed, &c->life_lock);
	atomic_store(&tmem_gc_note.asleep, false);
	c->woken = false;
	pthread_mutex_unlock(&c->life_lock);
	atomic_fetch_add(&c->wakeups, 1);
}

static uint64_t gc_step(bool fired, struct gc_wait *wait)
{
	struct tmem_collector *c = &tmem_collector;
	uint64_t delay, ms;

	pthread_mutex_lock(&c->pass_lock);
	delay = tmem_gc_pass_step(fired);
	*wait = (struct gc_wait){ .fd = -1 };
	ms = delay / TMEM_GC_MS + 1;
	if (c->source.open) {
		wait->fd = c->source.fd;
		wait->events = c->source.events;
		if (c->source.poll_ms && ms > c->source.poll_ms)
			ms = c->source.poll_ms;
	}
	wait->timeout_ms = ms > INT_MAX ? INT_MAX : (int)ms;
	pthread_mutex_unlock(&c->pass_lock);
	return delay;
}

static void *gc_main(void *arg)
{
	struct tmem_collector *c = &tmem_collector;
	struct gc_wait wait;
	bool fired = false, more;

	(void)arg;
	pthread_setname_np(pthread_self(), "tmem-gc");
	while (!atomic_load(&c->stop)) {
		tmem_timeline_tick(tmem_analytics_now());
		more = tmem_optimizer_work(true);
		if (gc_step(fired, &wait) == TMEM_GC_NEVER && !more) {
			gc_sleep();
			fired = false;
		} else {
			if (more)
				wait.timeout_ms = 0;
			fired = gc_wait(&wait);
		}
	}
	pthread_mutex_lock(&c->pass_lock);
	tmem_gc_pass_source_close();
	pthread_mutex_unlock(&c->pass_lock);
	return NULL;
}

/*
 * ThreadSanitizer ends a child that makes a thread where its parent had some:
 * there, the child does without.  (It has a task of its own, too.)
 */
#ifdef __has_feature
#if __has_feature(thread_sanitizer)
#define GC_TSAN 1
#endif
#endif
#ifdef __SANITIZE_THREAD__
#define GC_TSAN 1
#endif
#ifdef GC_TSAN
void tmem_gc_thread_fork(void)
{
	struct stat tasks;

	tmem_collector.forks_threads = !stat("/proc/self/task", &tasks) &&
				       tasks.st_nlink > 2 + 2;
}
#else
void tmem_gc_thread_fork(void)
{
}
#endif

/* A program with much thread-local memory needs a larger stack than ours. */
static int gc_spawn(pthread_t *thread)
{
	const struct tmem_gc_ops *ops = tmem_collector.ops;
	pthread_attr_t attr;
	sigset_t all, before;
	int err;

	if (tmem_collector.threadless)
		return EAGAIN;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	err = ops->spawn(thread, &attr, gc_main, NULL);
	if (err == EINVAL)
		err = ops->spawn(thread, NULL, gc_main, NULL);
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return err;
}

static bool start_wanted(const struct tmem_collector *c)
{
	if (c->closed || c->config.off)
		return false;
	return c->life == TMEM_GC_NONE ||
	       (c->life == TMEM_GC_FAILED && c->ops->now_ns() >= c->retry_ns);
}

static void start_done(pthread_t thread, int err)
{
	struct tmem_collector *c = &tmem_collector;

	pthread_mutex_lock(&c->life_lock);
	c->thread = thread;
	c->life = err ? TMEM_GC_FAILED : TMEM_GC_RUNNING;
	if (err) {
		atomic_fetch_add(&c->thread_failures, 1);
		c->retry_ns = c->ops->now_ns() + RETRY_NS;
		atomic_store(&tmem_gc_note.poll, true);
		tmem_gc_thread_forget_fd();
	}
	pthread_cond_broadcast(&c->life_changed);
	pthread_mutex_unlock(&c->life_lock);
}

/* Not with the lock held: making a thread allocates, maybe from us. */
void tmem_gc_thread_start(void)
{
	struct tmem_collector *c = &tmem_collector;
	pthread_t thread = 0;
	bool wanted;
	int err;

	pthread_mutex_lock(&c->life_lock);
	wanted = start_wanted(c);
	if (wanted) {
		c->life = TMEM_GC_STARTING;
		c->wake_fd = tmem_wakefd_make();
		atomic_store(&c->stop, false);
		atomic_store(&c->due_ns, 0);
		atomic_store(&tmem_gc_note.asleep, false);
		atomic_store(&tmem_gc_note.poll, false);
	}
	pthread_mutex_unlock(&c->life_lock);
	if (!wanted)
		return;
	err = gc_spawn(&thread);
	start_done(thread, err);
}

/* With the life lock held. */
static void stop_done(void)
{
	struct tmem_collector *c = &tmem_collector;
	bool more = !c->closed && !c->config.off;

	tmem_gc_thread_forget_fd();
	c->life = TMEM_GC_NONE;
	atomic_store(&tmem_gc_note.asleep, more);
	atomic_store(&tmem_gc_note.poll,
		     more && atomic_load(&tmem_gc_note.idle));
	pthread_cond_broadcast(&c->life_changed);
}

/* With the life lock held.  true: the thread is to be joined. */
static bool stop_begin(void)
{
	struct tmem_collector *c = &tmem_collector;

	if (c->life != TMEM_GC_RUNNING) {
		stop_done();
		return false;
	}
	c->life = TMEM_GC_STOPPING;
	atomic_store(&c->stop, true);
	tmem_gc_thread_wake();
	return true;
}

void tmem_gc_stop(void)
{
	struct tmem_collector *c = &tmem_collector;

	pthread_mutex_lock(&c->life_lock);
	while (c->life == TMEM_GC_STARTING || c->life == TMEM_GC_STOPPING)
		pthread_cond_wait(&c->life_changed, &c->life_lock);
	if (stop_begin()) {
		pthread_mutex_unlock(&c->life_lock);
		pthread_join(c->thread, NULL);
		pthread_mutex_lock(&c->life_lock);
		stop_done();
	}
	pthread_mutex_unlock(&c->life_lock);
}

/*
 * At exit() and dlclose().  exit() may come from a signal handler that has
 * interrupted who holds a lock that we or the thread wait for: hence no wait
 * here is without an end.
 */
__attribute__((destructor)) static void gc_close(void)
{
	struct tmem_collector *c = &tmem_collector;
	struct timespec until;
	bool join;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += 200 * 1000 * 1000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	if (pthread_mutex_timedlock(&c->life_lock, &until))
		return;
	c->closed = true;
	join = stop_begin();
	pthread_mutex_unlock(&c->life_lock);
	if (join)
		pthread_timedjoin_np(c->thread, NULL, &until);
}
