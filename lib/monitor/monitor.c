// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The monitor's life: its worker starts when the program or the environment
 * asks, and ends when the program asks, at a fork, and at exit.
 */
#define _GNU_SOURCE
#include "monitor/monitor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "gc/gc.h"

#define STACK_BYTES ((size_t)256 << 10)

_Atomic(void (*)(enum tmem_level level)) tmem_monitor_hook;

static const char *host_next = ""; /* under the lock */

void tmem_monitor_use(const char *host)
{
	pthread_mutex_lock(&tmem_monitor.worker.lock);
	host_next = host ? host : "";
	pthread_mutex_unlock(&tmem_monitor.worker.lock);
}

/* The collector goes by its own source again. */
static void collector_leave(void)
{
	static const struct tmem_gc_notice none = { .level = -1 };

	tmem_gc_notice_put(&none);
}

static void monitor_begin(void)
{
	tmem_wakers_open(&tmem_monitor);
}

static void monitor_work(struct tmem_worker_wait *wait)
{
	struct tmem_monitor *m = &tmem_monitor;
	struct tmem_monitor_woken woken;

	if (tmem_wakers_take(m, wait, &woken))
		tmem_monitor_step(m, &woken);
	tmem_wakers_ask(m, wait);
}

static void monitor_end(void)
{
	if (tmem_monitor.react.followed != TMEM_LEVEL_LOW)
		collector_leave();
	tmem_wakers_close(&tmem_monitor);
}

struct tmem_monitor tmem_monitor = {
	.worker = TMEM_WORKER_INIT("tmem-monitor", STACK_BYTES, monitor_begin,
				   monitor_work, monitor_end),
	.inputs = { .host = "" },
	.wakers = {
		.system = { .fd = -1 },
		.group = { .fd = -1 },
		.watch = { .file = { .fd = -1 } },
	},
};

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
	return 0;
}

int tmem_monitor_start(const struct tmem_monitor_config *config)
{
	struct tmem_monitor *m = &tmem_monitor;
	struct tmem_monitor_config made;
	int err = tmem_monitor_config_make(&made, config);

	if (err)
		return err;
	pthread_mutex_lock(&m->worker.lock);
	tmem_worker_settle(&m->worker);
	if (m->worker.life != TMEM_WORKER_NONE)
		err = -EALREADY;
	else
		err = start_prepare(m, &made);
	if (!err)
		err = tmem_worker_start(&m->worker);
	pthread_mutex_unlock(&m->worker.lock);
	return err == -ECANCELED ? -EAGAIN : err;
}

int tmem_monitor_stop(void)
{
	struct tmem_monitor *m = &tmem_monitor;
	int err = 0;

	pthread_mutex_lock(&m->worker.lock);
	if (m->calling && pthread_equal(m->caller, pthread_self()))
		err = -EDEADLK;
	else
		tmem_worker_stop(&m->worker);
	pthread_mutex_unlock(&m->worker.lock);
	return err;
}

void tmem_monitor_want(void)
{
	/* The heap's lock is held: ours comes after it, as at a fork. */
	pthread_mutex_lock(&tmem_monitor.worker.lock);
	tmem_monitor.wanted = true;
	pthread_mutex_unlock(&tmem_monitor.worker.lock);
	atomic_store(&tmem_gc_note.poll, true);
}

void tmem_monitor_come_by(void)
{
	struct tmem_monitor *m = &tmem_monitor;
	bool wanted;
	int err;

	pthread_mutex_lock(&m->worker.lock);
	wanted = m->wanted;
	m->wanted = false;
	pthread_mutex_unlock(&m->worker.lock);
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
	tmem_worker_fork_prepare(&tmem_monitor.worker);
}

static void fork_parent(void)
{
	tmem_worker_fork_parent(&tmem_monitor.worker);
}

/*
 * The child has neither the thread nor anything that it found; its descriptors
 * are the child's copies, and closed.  (A trigger belongs to the open file: the
 * parent's stays as it is.)
 */
static void fork_child(void)
{
	struct tmem_monitor *m = &tmem_monitor;

	if (m->worker.life != TMEM_WORKER_NONE)
		tmem_wakers_close(m);
	m->wanted = false;
	m->calling = 0;
	tmem_ring_close(&m->ring);
	memset(m->listener, 0, sizeof(m->listener));
	memset(&m->last, 0, sizeof(m->last));
	memset(&m->stats, 0, sizeof(m->stats));
	m->events.count = 0;
	tmem_worker_fork_child(&m->worker);
}

/* Before the collector's and the heap's, by the priority: see gc/gc.c. */
__attribute__((constructor(1000))) static void monitor_prepare(void)
{
	pthread_atfork(fork_prepare, fork_parent, fork_child);
}

__attribute__((destructor)) static void monitor_close(void)
{
	tmem_worker_close(&tmem_monitor.worker);
}
