// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * From the world's figures to a look at the memory: what the thread does each
 * time it wakes up, and the slow path where there is no thread.
 */
#include "gc/collector.h"
#include "gc/gc.h"
#include "gc/policy.h"
#include "optimizer/events.h"
#include "pool/thread.h"

struct tmem_gc_note tmem_gc_note = { .low = UINT64_MAX, .asleep = true };

static uint64_t real_idle_now(void)
{
	return atomic_load(&tmem_gc_note.idle);
}

/* There were as many as at the last call, and never fewer than noted since. */
static uint64_t real_idle_low(void)
{
	static uint64_t before; /* under the pass lock */
	uint64_t low = atomic_exchange(&tmem_gc_note.low, UINT64_MAX);

	if (low > before)
		low = before;
	before = atomic_load(&tmem_gc_note.idle);
	return low < before ? low : before;
}

const struct tmem_gc_ops tmem_gc_ops_real = {
	.worker = &tmem_worker_ops_real,
	.idle_list = tmem_idle_list,
	.idle_purge = tmem_idle_purge,
	.threads_drain = tmem_threads_drain,
	.threads_adapt = tmem_threads_adapt,
	.idle_now = real_idle_now,
	.idle_low = real_idle_low,
	.idle_spare = tmem_optimizer_spare,
	.source = &tmem_source_real,
};

struct tmem_gc_cycle *tmem_gc_pass_cycle(void)
{
	struct tmem_collector *c = &tmem_collector;

	if (!c->cycle_ready) {
		c->ops->idle_low();
		tmem_gc_cycle_start(&c->cycle, c->ops, &c->count);
		c->cycle_ready = true;
	}
	c->cycle.stop = NULL;
	return &c->cycle;
}

/* What is not ours any more is neither read nor closed. */
static void source_check(void)
{
	struct tmem_collector *c = &tmem_collector;

	if (tmem_source_lost(&c->source))
		c->ops->source->deaf(&c->source, true);
}

static void source_look(struct tmem_source_look *look, bool fired)
{
	struct tmem_collector *c = &tmem_collector;
	struct tmem_source *s = &c->source;

	if (!s->open) {
		s->psi_path = "/proc/pressure/memory";
		s->meminfo_path = "/proc/meminfo";
		c->ops->source->open(s);
	}
	source_check();
	c->ops->source->look(s, c->ops->worker->now_ns(), fired, look);
	atomic_store(&c->source_kind, look->source);
	if (!look->errors)
		return;
	atomic_fetch_add(&c->source_errors, look->errors);
	atomic_store(&c->source_errno, (uint32_t)look->err);
}

void tmem_gc_pass_source_close(void)
{
	struct tmem_collector *c = &tmem_collector;

	if (!c->source.open)
		return;
	source_check();
	c->ops->source->close(&c->source);
}

/* The worse one is in force; its time counts if it is the monitor's alone. */
static void notice_apply(const struct tmem_gc_notice *notice,
			 struct tmem_source_look *look)
{
	if (notice->level <= (int)look->level)
		return;
	look->level = (enum tmem_level)notice->level;
	/* One that was acted on already is no event any more. */
	look->event_ns = notice->done ? notice->event_ns : 0;
	atomic_store(&tmem_collector.source_kind, TMEM_GC_SOURCE_MONITOR);
}

/* Who gave notice hears what came of it, once. */
static void notice_answer(const struct tmem_gc_notice *notice,
			  uint64_t purged_before)
{
	struct tmem_collector *c = &tmem_collector;
	struct tmem_gc_outcome outcome = {
		.first_ns = c->cycle.first_ns,
		.done_ns = c->ops->worker->now_ns(),
		.bytes = atomic_load(&c->count.purged_bytes) - purged_before,
	};

	if (!notice->done)
		return;
	pthread_mutex_lock(&c->worker.lock);
	if (c->notice.number == notice->number)
		c->notice.done = NULL;
	pthread_mutex_unlock(&c->worker.lock);
	notice->done(notice->number, &outcome);
}

uint64_t tmem_gc_pass_step(bool fired)
{
	struct tmem_collector *c = &tmem_collector;
	struct tmem_gc_cycle *cycle = tmem_gc_pass_cycle();
	bool cached = atomic_exchange(&tmem_gc_note.cached, false);
	struct tmem_source_look look = { 0 };
	struct tmem_gc_notice notice;
	struct tmem_gc_config config;
	uint64_t forced_ns, purged, delay;
	int forced;

	pthread_mutex_lock(&c->worker.lock);
	config = c->config;
	forced = c->forced;
	forced_ns = c->forced_ns;
	notice = c->notice;
	pthread_mutex_unlock(&c->worker.lock);
	if (forced == TMEM_GC_LEVEL_AUTO) {
		source_look(&look, fired);
		notice_apply(&notice, &look);
	} else {
		look.level = (enum tmem_level)forced;
		look.event_ns = forced_ns;
		atomic_store(&c->source_kind, TMEM_GC_SOURCE_SET);
	}
	tmem_optimizer_gc(&config);
	cycle->stop = &c->worker.stop;
	purged = atomic_load(&c->count.purged_bytes);
	delay = tmem_gc_cycle_step(cycle, &config, look.level, look.event_ns,
				   cached);
	notice_answer(&notice, purged);
	return delay;
}
