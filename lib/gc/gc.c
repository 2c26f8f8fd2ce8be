// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The collector's calls: for programs, and for the heap.
 */
#define _GNU_SOURCE
#include "gc/gc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "core/settings.h"
#include "gc/collector.h"
#include "gc/policy.h"
#include "monitor/monitor.h"

#define STACK_BYTES ((size_t)128 << 10)

struct tmem_collector tmem_collector = {
	.worker = TMEM_WORKER_INIT("tmem-gc", STACK_BYTES, NULL,
				   tmem_gc_thread_work, tmem_gc_thread_end),
	.pass_lock = PTHREAD_MUTEX_INITIALIZER,
	.forced = TMEM_GC_LEVEL_AUTO,
	.notice = { .level = -1 },
	.config = TMEM_GC_POLICY_DEFAULT,
	.source = { .fd = -1 },
	.ops = &tmem_gc_ops_real,
};

static void gc_fork_prepare(void)
{
	tmem_worker_fork_prepare(&tmem_collector.worker);
}

static void gc_fork_parent(void)
{
	tmem_worker_fork_parent(&tmem_collector.worker);
}

/*
 * There is no thread, and one is made when needed.  Another thread of the
 * parent's may have held the pass lock.
 */
static void gc_fork_child(void)
{
	static const pthread_mutex_t pass = PTHREAD_MUTEX_INITIALIZER;
	struct tmem_collector *c = &tmem_collector;

	tmem_worker_fork_child(&c->worker);
	memcpy(&c->pass_lock, &pass, sizeof(pass));
	tmem_gc_pass_source_close();
	c->failed = false;
	c->notice = (struct tmem_gc_notice){ .level = -1 };
	c->cycle_ready = false;
	atomic_store(&c->count.level, TMEM_LEVEL_LOW);
	atomic_store(&c->due_ns, 0);
	atomic_store(&tmem_gc_note.asleep, !c->config.off);
	atomic_store(&tmem_gc_note.poll,
		     !c->config.off && (atomic_load(&tmem_gc_note.idle) ||
					atomic_load(&tmem_gc_note.cached)));
}

/*
 * Before the heap's constructor, by the priority: so that at a fork its locks
 * are taken first, as everywhere.
 */
__attribute__((constructor(1000))) static void gc_prepare(void)
{
	pthread_atfork(gc_fork_prepare, gc_fork_parent, gc_fork_child);
}

void tmem_gc_use(const struct tmem_gc_ops *ops)
{
	struct tmem_collector *c = &tmem_collector;

	pthread_mutex_lock(&c->pass_lock);
	tmem_gc_pass_source_close();
	c->ops = ops ? ops : &tmem_gc_ops_real;
	c->worker.ops = c->ops->worker;
	c->cycle_ready = false;
	pthread_mutex_unlock(&c->pass_lock);
}

/* TMEM_GC_DECAY_MS; the levels below follow. */
static int env_decay(struct tmem_gc_config *config)
{
	const char *text = secure_getenv("TMEM_GC_DECAY_MS");
	struct tmem_gc_level_config *low = &config->level[TMEM_LEVEL_LOW];

	if (!text || !*text)
		return 0;
	if (!tmem_gc_policy_parse_decay(text, &low->interval_ms)) {
		tmem_log(TMEM_LOG_ERROR,
			 "TMEM_GC_DECAY_MS=%s is not 10 to 86400000", text);
		return -EINVAL;
	}
	low->age_ms = low->interval_ms;
	tmem_gc_policy_make(config, config);
	return 0;
}

/* With the worker's lock held. */
static void config_put(const struct tmem_gc_config *config)
{
	tmem_collector.config = *config;
	if (config->off)
		atomic_store(&tmem_gc_note.poll, false);
}

int tmem_gc_open(bool off)
{
	struct tmem_collector *c = &tmem_collector;
	struct tmem_gc_config config = TMEM_GC_POLICY_DEFAULT;
	int err;

	err = env_decay(&config);
	if (err)
		return err;
	config.off = off;
	pthread_mutex_lock(&c->worker.lock);
	if (!c->configured) {
		config_put(&config);
		if (tmem_gc_thread_none())
			atomic_store(&tmem_gc_note.asleep, !off);
	}
	pthread_mutex_unlock(&c->worker.lock);
	return 0;
}

int tmem_gc_config_get(struct tmem_gc_config *config)
{
	struct tmem_gc_config now;

	pthread_mutex_lock(&tmem_collector.worker.lock);
	now = tmem_collector.config;
	pthread_mutex_unlock(&tmem_collector.worker.lock);
	return tmem_struct_put(config, &now, sizeof(now)) ? 0 : -EINVAL;
}

int tmem_gc_config_set(const struct tmem_gc_config *config)
{
	struct tmem_collector *c = &tmem_collector;
	struct tmem_gc_config asked;

	if (!tmem_struct_get(&asked, sizeof(asked), config) ||
	    !tmem_gc_policy_make(&asked, &asked))
		return -EINVAL;
	pthread_mutex_lock(&c->worker.lock);
	c->configured = true;
	config_put(&asked);
	if (tmem_gc_thread_none())
		atomic_store(&tmem_gc_note.asleep, !asked.off);
	tmem_worker_wake(&c->worker);
	pthread_mutex_unlock(&c->worker.lock);
	if (asked.off)
		tmem_gc_stop();
	else if (atomic_load(&tmem_gc_note.idle))
		tmem_gc_thread_start();
	return 0;
}

int tmem_gc_level_set(int level)
{
	struct tmem_collector *c = &tmem_collector;

	if (level < TMEM_GC_LEVEL_AUTO || level > (int)TMEM_LEVEL_CRITICAL)
		return -EINVAL;
	pthread_mutex_lock(&c->worker.lock);
	c->forced = level;
	c->forced_ns = c->ops->worker->now_ns();
	atomic_store(&c->due_ns, 0);
	tmem_worker_wake(&c->worker);
	pthread_mutex_unlock(&c->worker.lock);
	if (atomic_load(&tmem_gc_note.idle))
		tmem_gc_thread_start();
	return 0;
}

void tmem_gc_notice_put(const struct tmem_gc_notice *notice)
{
	struct tmem_collector *c = &tmem_collector;

	pthread_mutex_lock(&c->worker.lock);
	c->notice = *notice;
	atomic_store(&c->due_ns, 0);
	/* What begins to be idle later is no answer to this. */
	if (tmem_gc_thread_none() && !atomic_load(&tmem_gc_note.idle))
		c->notice.done = NULL;
	tmem_worker_wake(&c->worker);
	pthread_mutex_unlock(&c->worker.lock);
	if (atomic_load(&tmem_gc_note.idle))
		tmem_gc_thread_start();
}

bool tmem_gc_kick(void)
{
	struct tmem_collector *c = &tmem_collector;
	bool off, none, failed;

	pthread_mutex_lock(&c->worker.lock);
	off = c->config.off || c->worker.closed;
	none = tmem_gc_thread_none();
	failed = c->failed;
	tmem_worker_wake(&c->worker);
	pthread_mutex_unlock(&c->worker.lock);
	if (off)
		return false;
	if (none)
		tmem_gc_thread_start();
	return !failed;
}

size_t tmem_gc_run(enum tmem_level level)
{
	struct tmem_collector *c = &tmem_collector;
	struct tmem_gc_config config;
	size_t bytes;

	if ((unsigned int)level > TMEM_LEVEL_CRITICAL) {
		errno = EINVAL;
		return 0;
	}
	pthread_mutex_lock(&c->worker.lock);
	config = c->config;
	pthread_mutex_unlock(&c->worker.lock);
	pthread_mutex_lock(&c->pass_lock);
	bytes = tmem_gc_cycle_run(tmem_gc_pass_cycle(), &config, level);
	pthread_mutex_unlock(&c->pass_lock);
	return bytes;
}

size_t tmem_lru_purge(size_t want_bytes, uint32_t min_age_ms)
{
	struct tmem_collector *c = &tmem_collector;
	size_t bytes;

	pthread_mutex_lock(&c->pass_lock);
	bytes = tmem_gc_cycle_purge(tmem_gc_pass_cycle(), want_bytes,
				    min_age_ms);
	pthread_mutex_unlock(&c->pass_lock);
	return bytes;
}

/*
 * There is nothing to give back: until some is noted nobody needs to come by.
 * The look afterwards is for what was noted just before.
 */
static void poll_rest(void)
{
	atomic_store(&tmem_gc_note.poll, false);
	atomic_store(&tmem_gc_note.asleep, true);
	if (atomic_load(&tmem_gc_note.idle) ||
	    atomic_load(&tmem_gc_note.cached))
		atomic_store(&tmem_gc_note.poll, true);
}

/* There can be no thread: a look now and then, by whoever comes by. */
static void poll_look(void)
{
	struct tmem_collector *c = &tmem_collector;
	uint64_t delay;

	if (pthread_mutex_trylock(&c->pass_lock))
		return;
	atomic_store(&tmem_gc_note.asleep, false);
	delay = tmem_gc_pass_step(false);
	if (delay == TMEM_GC_NEVER)
		poll_rest();
	else
		atomic_store(&c->due_ns, c->ops->worker->now_ns() + delay);
	pthread_mutex_unlock(&c->pass_lock);
}

void tmem_gc_poll_slow(void)
{
	struct tmem_collector *c = &tmem_collector;
	int saved = errno;
	bool failed;

	tmem_monitor_come_by();
	if (atomic_load(&c->due_ns) > c->ops->worker->now_ns())
		return;
	tmem_gc_thread_start();
	pthread_mutex_lock(&c->worker.lock);
	failed = c->failed;
	if (c->worker.life == TMEM_WORKER_RUNNING || c->config.off ||
	    c->worker.closed) {
		atomic_store(&tmem_gc_note.poll, false);
		if (atomic_load(&tmem_gc_note.asleep))
			tmem_worker_wake(&c->worker);
	}
	pthread_mutex_unlock(&c->worker.lock);
	if (failed)
		poll_look();
	errno = saved;
}

int tmem_gc_stats_get(struct tmem_gc_stats *stats)
{
	struct tmem_collector *c = &tmem_collector;
	struct tmem_gc_count *n = &c->count;
	struct tmem_gc_stats now = {
		.purged_spans = atomic_load(&n->purged_spans),
		.purged_bytes = atomic_load(&n->purged_bytes),
		.drained_bytes = atomic_load(&n->drained_bytes),
		.level_changes = atomic_load(&n->level_changes),
		.wakeups = atomic_load(&c->worker.wakeups),
		.source_errors = atomic_load(&c->source_errors),
		.last_run_ns = atomic_load(&n->last_run_ns),
		.reaction_ns = atomic_load(&n->reaction_ns),
		.reaction_max_ns = atomic_load(&n->reaction_max_ns),
		.unneeded_bytes = atomic_load(&n->unneeded_bytes),
		.level = atomic_load(&n->level),
		.source = atomic_load(&c->source_kind),
		.source_errno = atomic_load(&c->source_errno),
		.thread_failures = atomic_load(&c->thread_failures),
	};
	unsigned int i;

	for (i = 0; i < TMEM_GC_LEVELS; i++)
		now.runs[i] = atomic_load(&n->runs[i]);
	pthread_mutex_lock(&c->worker.lock);
	now.running = c->worker.life == TMEM_WORKER_RUNNING;
	pthread_mutex_unlock(&c->worker.lock);
	return tmem_struct_put(stats, &now, sizeof(now)) ? 0 : -EINVAL;
}
