// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Worker: a thread of the library, its life and what it waits for.
 */
#define _GNU_SOURCE
#include "core/worker.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "core/wakefd.h"

/* Without a wake descriptor, a stop must not take long. */
#define DEAF_MS 20
#define CLOSE_MS 200

/* --- the real operations ----------------------------------------------------- */

static uint64_t real_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/*
 * Without a descriptor: the program can close none under a thread that sleeps
 * for ever.
 */
static void wait_woken(struct tmem_worker *w)
{
	pthread_mutex_lock(&w->lock);
	while (!w->woken && !atomic_load(&w->stop))
		pthread_cond_wait(&w->changed, &w->lock);
	w->woken = false;
	pthread_mutex_unlock(&w->lock);
}

/* false: the worker was woken meanwhile. */
static bool poll_begin(struct tmem_worker *w, int *fd)
{
	bool wait;

	pthread_mutex_lock(&w->lock);
	tmem_wakefd_check(&w->wake_fd);
	*fd = w->wake_fd;
	wait = !w->woken && !atomic_load(&w->stop);
	w->polling = wait;
	pthread_mutex_unlock(&w->lock);
	return wait;
}

static void poll_end(struct tmem_worker *w)
{
	pthread_mutex_lock(&w->lock);
	w->polling = false;
	w->woken = false;
	pthread_mutex_unlock(&w->lock);
}

static int deaf_ms(int timeout)
{
	return timeout < 0 || timeout > DEAF_MS ? DEAF_MS : timeout;
}

static void real_wait(struct tmem_worker *w, struct tmem_worker_wait *wait)
{
	struct pollfd p[TMEM_WORKER_FDS + 1];
	int timeout = wait->timeout_ms;
	unsigned int i;

	if (!wait->count && timeout == TMEM_WORKER_FOREVER) {
		wait_woken(w);
		return;
	}
	memcpy(p, wait->fds, wait->count * sizeof(*p));
	p[wait->count] = (struct pollfd){ .fd = -1, .events = POLLIN };
	if (!poll_begin(w, &p[wait->count].fd))
		timeout = 0;
	else if (p[wait->count].fd < 0)
		timeout = deaf_ms(timeout);
	if (poll(p, wait->count + 1, timeout) < 0) {
		for (i = 0; i <= wait->count; i++)
			p[i].revents = 0;
		/* RLIMIT_NOFILE became lower than their number. */
		poll(NULL, 0, deaf_ms(timeout));
	}
	if (p[wait->count].revents)
		tmem_wakefd_take(p[wait->count].fd);
	poll_end(w);
	memcpy(wait->fds, p, wait->count * sizeof(*p));
}

static int real_join(struct tmem_worker *w)
{
	return pthread_join(w->thread, NULL);
}

const struct tmem_worker_ops tmem_worker_ops_real = {
	.now_ns = real_now_ns,
	.wait = real_wait,
	.spawn = pthread_create,
	.join = real_join,
};

int tmem_worker_ms(uint64_t ns)
{
	uint64_t ms = ns / 1000000 + (ns % 1000000 != 0);

	return ms > INT_MAX ? INT_MAX : (int)ms;
}

/* --- the thread -------------------------------------------------------------- */

void tmem_worker_step(struct tmem_worker *w)
{
	if (!w->begun && w->begin)
		w->begin();
	w->begun = true;
	w->work(&w->wait);
	if (atomic_load(&w->stop))
		return;
	w->ops->wait(w, &w->wait);
	atomic_fetch_add(&w->wakeups, 1);
}

void tmem_worker_finish(struct tmem_worker *w)
{
	if (w->begun && w->end)
		w->end();
	w->begun = false;
}

static void *worker_main(void *arg)
{
	struct tmem_worker *w = arg;

	pthread_setname_np(pthread_self(), w->name);
	while (!atomic_load(&w->stop))
		tmem_worker_step(w);
	tmem_worker_finish(w);
	return NULL;
}

/* --- start and stop ---------------------------------------------------------- */

/*
 * ThreadSanitizer ends a child that makes a thread where its parent had some:
 * there, the child does without.  (It has a task of its own, too.)
 */
#ifdef __has_feature
#if __has_feature(thread_sanitizer)
#define WORKER_TSAN 1
#endif
#endif
#ifdef __SANITIZE_THREAD__
#define WORKER_TSAN 1
#endif

static bool threadless; /* written by a child that has one thread */
#ifdef WORKER_TSAN
static bool forks_threads(void)
{
	struct stat tasks;

	return !stat("/proc/self/task", &tasks) && tasks.st_nlink > 2 + 2;
}
#else
static bool forks_threads(void)
{
	return false;
}
#endif
static _Atomic(bool) forked_threads;

bool tmem_worker_threadless(void)
{
	return threadless;
}

/* A program with much thread-local memory needs a larger stack than ours. */
static int worker_spawn(struct tmem_worker *w, pthread_t *thread)
{
	pthread_attr_t attr;
	sigset_t all, before;
	int err;

	if (threadless)
		return EAGAIN;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, w->stack_bytes);
	err = w->ops->spawn(thread, &attr, worker_main, w);
	if (err == EINVAL)
		err = w->ops->spawn(thread, NULL, worker_main, w);
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return err;
}

/* Once closed, the thread may stay where it is. */
void tmem_worker_settle(struct tmem_worker *w)
{
	while (!w->closed && (w->life == TMEM_WORKER_STARTING ||
			      w->life == TMEM_WORKER_STOPPING))
		pthread_cond_wait(&w->changed, &w->lock);
}

static void life_set(struct tmem_worker *w, enum tmem_worker_life life)
{
	w->life = life;
	if (life == TMEM_WORKER_NONE) {
		tmem_wakefd_close(w->wake_fd);
		w->wake_fd = -1;
	}
	pthread_cond_broadcast(&w->changed);
}

int tmem_worker_start(struct tmem_worker *w)
{
	pthread_t thread = 0;
	int err;

	if (w->life != TMEM_WORKER_NONE)
		return -EALREADY;
	if (w->closed)
		return -ECANCELED;
	life_set(w, TMEM_WORKER_STARTING);
	w->woken = false;
	w->wake_fd = tmem_wakefd_make();
	memset(&w->wait, 0, sizeof(w->wait));
	atomic_store(&w->stop, false);
	pthread_mutex_unlock(&w->lock);
	err = worker_spawn(w, &thread);
	pthread_mutex_lock(&w->lock);
	w->thread = thread;
	life_set(w, err ? TMEM_WORKER_NONE : TMEM_WORKER_RUNNING);
	return err ? -EAGAIN : 0;
}

void tmem_worker_wake(struct tmem_worker *w)
{
	w->woken = true;
	pthread_cond_broadcast(&w->changed);
	if (w->polling)
		tmem_wakefd_wake(w->wake_fd);
}

/* true: the thread is to be joined. */
static bool stop_begin(struct tmem_worker *w)
{
	if (w->life != TMEM_WORKER_RUNNING)
		return false;
	life_set(w, TMEM_WORKER_STOPPING);
	atomic_store(&w->stop, true);
	tmem_worker_wake(w);
	return true;
}

void tmem_worker_stop(struct tmem_worker *w)
{
	tmem_worker_settle(w);
	if (!stop_begin(w))
		return;
	pthread_mutex_unlock(&w->lock);
	w->ops->join(w);
	pthread_mutex_lock(&w->lock);
	life_set(w, TMEM_WORKER_NONE);
}

void tmem_worker_close(struct tmem_worker *w)
{
	struct timespec until;
	bool join;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += CLOSE_MS * 1000000l;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	if (pthread_mutex_timedlock(&w->lock, &until))
		return;
	w->closed = true;
	join = stop_begin(w);
	/* A thread that is being made ends at once. */
	atomic_store(&w->stop, true);
	pthread_cond_broadcast(&w->changed);
	pthread_mutex_unlock(&w->lock);
	if (join)
		pthread_timedjoin_np(w->thread, NULL, &until);
}

/* --- fork -------------------------------------------------------------------- */

void tmem_worker_fork_prepare(struct tmem_worker *w)
{
	pthread_mutex_lock(&w->lock);
	atomic_store(&forked_threads, forks_threads());
}

void tmem_worker_fork_parent(struct tmem_worker *w)
{
	pthread_mutex_unlock(&w->lock);
}

/* The child has one thread: a waiter of the parent's must not stay in there. */
void tmem_worker_fork_child(struct tmem_worker *w)
{
	static const pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

	threadless |= atomic_load(&forked_threads);
	memcpy(&w->changed, &changed, sizeof(changed));
	w->woken = w->polling = w->begun = false;
	/* Work that runs in the child, in the thread's place, ends soon. */
	atomic_store(&w->stop, w->life != TMEM_WORKER_NONE);
	life_set(w, TMEM_WORKER_NONE);
	pthread_mutex_unlock(&w->lock);
}
