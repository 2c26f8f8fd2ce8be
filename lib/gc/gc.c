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

struct tmem_collector tmem_collector = {
	.life_lock = PTHREAD_MUTEX_INITIALIZER,
	.life_changed = PTHREAD_COND_INITIALIZER,
	.pass_lock = PTHREAD_MUTEX_INITIALIZER,
	.forced = TMEM_GC_LEVEL_AUTO,
	.notice = { .level = -1 },
	.wake_fd = -1,
	.config = TMEM_GC_POLICY_DEFAULT,
	.source = { .fd = -1 },
	.ops = &tmem_gc_ops_real,
};

/*
 * The child has one thread, which holds no lock of ours; the other ones of its
 * parent may have held the pass lock.
 */
void tmem_gc_fork_child(void)
{
	static const pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
	static const pthread_mutex_t pass = PTHREAD_MUTEX_INITIALIZER;
	struct tmem_collector *c = &tmem_collector;

	memcpy(&c->life_changed, &changed, sizeof(changed));
	memcpy(&c->pass_lock, &pass, sizeof(pass));
	tmem_gc_thread_forget_fd();
	tmem_gc_pass_source_close();
	c->life = TMEM_GC_NONE;
	c->notice = (struct tmem_gc_notice){ .level = -1 };
	c->cycle_ready = false;
	atomic_store(&c->count.level, TMEM_LEVEL_LOW);
	atomic_store(&c->due_ns, 0);
	atomic_store(&tmem_gc_note.asleep, !c->config.off);
	atomic_store(&tmem_gc_note.poll,
		     !c->config.off && (atomic_load(&tmem_gc_note.idle) ||
					atomic_load(&tmem_gc_note.cached)));
}

static void gc_fork_prepare(void)
{
	pthread_mutex_lock(&tmem_collector.life_lock);
	tmem_gc_thread_fork();
}

static void gc_fork_parent(void)
{
	pthread_mutex_unlock(&tmem_collector.life_lock);
}

static void gc_fork_child(void)
{
	pthread_mutex_unlock(&tmem_collector.life_lock);
	tmem_collector.threadless |= tmem_collector.forks_threads;
	tmem_gc_fork_child();
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

/* With the life lock held. */
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
	pthread_mutex_lock(&c->life_lock);
	if (!c->configured) {
		config_put(&config);
		if (c->life == TMEM_GC_NONE)
			atomic_store(&tmem_gc_note.asleep, !off);
	}
	pthread_mutex_unlock(&c->life_lock);
	return 0;
}

int tmem_gc_config_get(struct tmem_gc_config *config)
{
	struct tmem_gc_config now;

	pthread_mutex_lock(&tmem_collector.life_lock);
	now = tmem_collector.config;
	pthread_mutex_unlock(&tmem_collector.life_lock);
	return tmem_struct_put(config, &now, sizeof(now)) ? 0 : -EINVAL;
}

int tmem_gc_config_set(const struct tmem_gc_config *config)
{
	struct tmem_collector *c = &tmem_collector;
	struct tmem_gc_config asked;

	if (!tmem_struct_get(&asked, sizeof(asked), config) ||
	    !tmem_gc_policy_make(&asked, &asked))
		return -EINVAL;
	pthread_mutex_lock(&c->life_lock);
	c->configured = true;
	config_put(&asked);
	if (c->life == TMEM_GC_NONE)
		atomic_store(&tmem_gc_note.asleep, !asked.off);
	tmem_gc_thread_wake();
	pthread_mutex_unlock(&c->life_lock);
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
	pthread_mutex_lock(&c->life_lock);
	c->forced = level;
	c->forced_ns = c->ops->now_ns();
	atomic_store(&c->due_ns, 0);
	tmem_gc_thread_wake();
	pthread_mutex_unlock(&c->life_lock);
	if (atomic_load(&tmem_gc_note.idle))
		tmem_gc_thread_start();
	return 0;
}

void tmem_gc_notice_put(const struct tmem_gc_notice *notice)
{
	struct tmem_collector *c = &tmem_collector;

	pthread_mutex_lock(&c->life_lock);
	c->notice = *notice;
	atomic_store(&c->due_ns, 0);
	/* What begins to be idle later is no answer to this. */
	if (c->life == TMEM_GC_NONE && !atomic_load(&tmem_gc_note.idle))
		c->notice.done = NULL;
	tmem_gc_thread_wake();
	pthread_mutex_unlock(&c->life_lock);
	if (atomic_load(&tmem_gc_note.idle))
		tmem_gc_thread_start();
}

bool tmem_gc_kick(void)
{
	struct tmem_collector *c = &tmem_collector;
	enum tmem_gc_life life;
	bool off;

	pthread_mutex_lock(&c->life_lock);
	off = c->config.off || c->closed;
	life = c->life;
	if (life == TMEM_GC_RUNNING)
		tmem_gc_thread_wake();
	pthread_mutex_unlock(&c->life_lock);
	if (off)
		return false;
	if (life == TMEM_GC_NONE)
		tmem_gc_thread_start();
	return life != TMEM_GC_FAILED;
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
	pthread_mutex_lock(&c->life_lock);
	config = c->config;
	pthread_mutex_unlock(&c->life_lock);
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
		atomic_store(&c->due_ns, c->ops->now_ns() + delay);
	pthread_mutex_unlock(&c->pass_lock);
}

void tmem_gc_poll_slow(void)
{
	struct tmem_collector *c = &tmem_collector;
	enum tmem_gc_life life;
	int saved = errno;

	tmem_monitor_come_by();
	if (atomic_load(&c->due_ns) > c->ops->now_ns())
		return;
	tmem_gc_thread_start();
	pthread_mutex_lock(&c->life_lock);
	life = c->life;
	if (life == TMEM_GC_RUNNING || c->config.off || c->closed) {
		atomic_store(&tmem_gc_note.poll, false);
		if (atomic_load(&tmem_gc_note.asleep))
			tmem_gc_thread_wake();
	}
	pthread_mutex_unlock(&c->life_lock);
	if (life == TMEM_GC_FAILED)
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
		.wakeups = atomic_load(&c->wakeups),
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
	pthread_mutex_lock(&c->life_lock);
	now.running = c->life == TMEM_GC_RUNNING;
	pthread_mutex_unlock(&c->life_lock);
	return tmem_struct_put(stats, &now, sizeof(now)) ? 0 : -EINVAL;
}
