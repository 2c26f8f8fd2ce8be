// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The collector's thread: made when there is first something to give back,
 * asleep without any wakeup while there is nothing.  It can be told to stop
 * between two batches of spans.
 */
#include <errno.h>
#include <poll.h>

#include "analytics/core.h"
#include "analytics/timeline.h"
#include "gc/collector.h"
#include "gc/gc.h"
#include "gc/policy.h"
#include "optimizer/events.h"

#define RETRY_NS (10000 * TMEM_GC_MS)

static void source_deaf(short revents)
{
	struct tmem_collector *c = &tmem_collector;

	pthread_mutex_lock(&c->pass_lock);
	c->ops->source->deaf(&c->source, revents & POLLNVAL ||
						 tmem_source_lost(&c->source));
	pthread_mutex_unlock(&c->pass_lock);
}

/* true: the source has something to say. */
static bool source_fired(const struct tmem_worker_wait *wait)
{
	const struct pollfd *source = &wait->fds[0];

	if (!wait->count)
		return false;
	if (source->revents & source->events)
		return true;
	if (source->revents & (POLLERR | POLLNVAL))
		source_deaf(source->revents);
	return false;
}

/* ns until the next look is due, or TMEM_GC_NEVER. */
static uint64_t gc_step(bool fired, struct tmem_worker_wait *wait)
{
	struct tmem_collector *c = &tmem_collector;
	const struct tmem_source *source = &c->source;
	uint64_t delay;

	pthread_mutex_lock(&c->pass_lock);
	delay = tmem_gc_pass_step(fired);
	wait->count = 0;
	wait->timeout_ms = tmem_worker_ms(delay);
	if (source->open && source->fd >= 0)
		wait->fds[wait->count++] = (struct pollfd){
			.fd = source->fd,
			.events = source->events,
		};
	if (source->open && source->poll_ms &&
	    source->poll_ms < (unsigned int)wait->timeout_ms)
		wait->timeout_ms = (int)source->poll_ms;
	pthread_mutex_unlock(&c->pass_lock);
	return delay;
}

/*
 * There is nothing to give back until the heap notes some.  Either the look
 * afterwards sees that, or the heap sees that the thread is asleep.
 */
static void gc_sleep(struct tmem_worker_wait *wait)
{
	wait->count = 0;
	wait->timeout_ms = TMEM_WORKER_FOREVER;
	atomic_store(&tmem_gc_note.asleep, true);
	if (!atomic_load(&tmem_gc_note.idle) &&
	    !atomic_load(&tmem_gc_note.cached))
		return;
	atomic_store(&tmem_gc_note.asleep, false);
	wait->timeout_ms = 0;
}

void tmem_gc_thread_work(struct tmem_worker_wait *wait)
{
	bool fired, more;

	atomic_store(&tmem_gc_note.asleep, false);
	fired = source_fired(wait);
	tmem_timeline_tick(tmem_analytics_now());
	more = tmem_optimizer_work(true);
	if (gc_step(fired, wait) == TMEM_GC_NEVER && !more)
		gc_sleep(wait);
	else if (more)
		wait->timeout_ms = 0;
}

void tmem_gc_thread_end(void)
{
	pthread_mutex_lock(&tmem_collector.pass_lock);
	tmem_gc_pass_source_close();
	pthread_mutex_unlock(&tmem_collector.pass_lock);
}

/* --- start and stop ---------------------------------------------------------- */

bool tmem_gc_thread_none(void)
{
	const struct tmem_collector *c = &tmem_collector;

	return c->worker.life == TMEM_WORKER_NONE && !c->failed;
}

static bool start_wanted(void)
{
	const struct tmem_collector *c = &tmem_collector;

	if (c->worker.closed || c->config.off)
		return false;
	return tmem_gc_thread_none() ||
	       (c->failed && c->ops->worker->now_ns() >= c->retry_ns);
}

void tmem_gc_thread_start(void)
{
	struct tmem_collector *c = &tmem_collector;

	pthread_mutex_lock(&c->worker.lock);
	if (start_wanted()) {
		c->failed = false;
		atomic_store(&c->due_ns, 0);
		atomic_store(&tmem_gc_note.asleep, false);
		atomic_store(&tmem_gc_note.poll, false);
		if (tmem_worker_start(&c->worker) == -EAGAIN) {
			c->failed = true;
			c->retry_ns = c->ops->worker->now_ns() + RETRY_NS;
			atomic_fetch_add(&c->thread_failures, 1);
			atomic_store(&tmem_gc_note.poll, true);
		}
	}
	pthread_mutex_unlock(&c->worker.lock);
}

void tmem_gc_stop(void)
{
	struct tmem_collector *c = &tmem_collector;
	bool more;

	pthread_mutex_lock(&c->worker.lock);
	tmem_worker_stop(&c->worker);
	more = !c->worker.closed && !c->config.off;
	c->failed = false;
	atomic_store(&tmem_gc_note.asleep, more);
	atomic_store(&tmem_gc_note.poll,
		     more && atomic_load(&tmem_gc_note.idle));
	pthread_mutex_unlock(&c->worker.lock);
}

/* At exit() and dlclose(): the heap has no reason to come by from now on. */
__attribute__((destructor)) static void gc_close(void)
{
	tmem_worker_close(&tmem_collector.worker);
	atomic_store(&tmem_gc_note.asleep, false);
	atomic_store(&tmem_gc_note.poll, false);
}
