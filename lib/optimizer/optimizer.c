// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * From a step's end to memory that is there for the next one.
 *
 * The program's thread only notes (events.c, tally.c).  Learning, giving back and
 * fetching are the collector's thread's work, a few spans at a time, so that an
 * emergency does not wait; or, where there is no such thread, done at the mark.
 */
#define _GNU_SOURCE
#include "optimizer/optimizer.h"

#include <string.h>
#include <time.h>
#include <tmem/handle.h>

#include "arena/spans.h"
#include "gc/collector.h"
#include "optimizer/fetch.h"
#include "pool/cache.h"
#include "pool/detail.h"
#include "pool/heap.h"
#include "tcache/tcache.h"

#define HOLD_STEPS 4.0 /* the next step may take so many times as long */
#define HOLD_MIN_NS 50e6
#define HOLD_MAX_NS 600e9

#define TRIM_MAX 256u /* spans at once: 13 ms */

struct tmem_optimizer tmem_optimizer = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.work_lock = PTHREAD_MUTEX_INITIALIZER,
	.place = TMEM_NO_SLOT,
	.learn = { .window = 20 },
	.config = {
		.struct_size = sizeof(struct tmem_optimizer_config),
		.off = 1,
		.window = 20,
		.factor = 1.2,
		.confidence = 0.7,
	},
};

/* --- the thread --------------------------------------------------------------- */

static enum tmem_level level_now(void)
{
	return (enum tmem_level)atomic_load_explicit(
		&tmem_collector.count.level, memory_order_relaxed);
}

/* What a strategy changes elsewhere; @row NULL: nothing any more. */
static void effects_apply(struct tmem_optimizer *o,
			  const struct tmem_plan_row *row)
{
	atomic_store(&o->gc_least, row ? row->gc_least : TMEM_LEVEL_LOW);
	tmem_tcaches_lean(row ? row->lean : 0);
	tmem_heap_enter_anyway();
	tmem_cache_set_shift(row ? row->cache_shift : 0);
	tmem_heap_leave();
}

/* The strategy in force, from the one that is set. */
static const struct tmem_plan_row *strategy_look(struct tmem_optimizer *o,
						 enum tmem_level level)
{
	enum tmem_optimizer_strategy acting;
	const struct tmem_plan_row *row;

	pthread_mutex_lock(&o->lock);
	acting = (enum tmem_optimizer_strategy)o->config.strategy;
	if (acting == TMEM_OPTIMIZER_ADAPTIVE)
		acting = tmem_adapt_look(&o->adapt, level,
					 tmem_optimizer_now_ns());
	o->stats.switches += o->applied && o->applied != acting + 1;
	o->stats.acting = acting;
	pthread_mutex_unlock(&o->lock);
	row = tmem_plan_row(acting);
	if (o->applied != acting + 1)
		effects_apply(o, row);
	o->applied = acting + 1;
	return row;
}

static double learn_recent(const struct tmem_learn *learn)
{
	double most = 0.0;
	unsigned int i;

	for (i = 0; i < learn->count; i++) {
		double spans = learn->ring[(learn->first + i) % TMEM_SERIES_MAX]
				       .want[TMEM_WANT_SPANS];

		most = spans > most ? spans : most;
	}
	return most;
}

/* From the prediction in force, or from one that has become better. */
static void plan_renew(struct tmem_optimizer *o,
		       const struct tmem_plan_row *row)
{
	struct tmem_plan_ask ask = {
		.row = row,
		.prediction = &o->prediction,
		.recent = learn_recent(&o->learn),
		.waits = o->prediction.opening < TMEM_LEARN_OPENINGS &&
			 o->passed == 0.0,
	};
	double hold_ns = o->prediction.want[TMEM_WANT_NS] * HOLD_STEPS;
	struct tmem_plan_state state;

	tmem_fetch_look(&state);
	state.level = level_now();
	hold_ns = hold_ns < HOLD_MIN_NS ? HOLD_MIN_NS : hold_ns;
	hold_ns = hold_ns > HOLD_MAX_NS ? HOLD_MAX_NS : hold_ns;
	pthread_mutex_lock(&o->lock);
	ask.factor = o->config.factor;
	ask.confidence = o->config.confidence;
	tmem_plan_make(&o->plan, &ask, &state);
	o->hold = o->plan.hold;
	o->hold_until_ns = tmem_optimizer_now_ns() + (uint64_t)hold_ns;
	o->stats.pattern = o->prediction.pattern;
	o->stats.period = o->prediction.period;
	o->stats.confidence = o->prediction.confidence;
	pthread_mutex_unlock(&o->lock);
	o->place = TMEM_NO_SLOT;
}

static void learn_step(struct tmem_optimizer *o,
		       const struct tmem_demand *demand, bool marked)
{
	pthread_mutex_lock(&o->lock);
	tmem_optimizer_score(o, demand);
	o->stats.marked = marked;
	tmem_learn_window(&o->learn, o->config.window);
	pthread_mutex_unlock(&o->lock);
	if (tmem_learn_add(&o->learn, demand))
		return;
	o->learned++;
	tmem_learn_predict(&o->learn, &o->prediction);
	o->confidence_at_mark = o->prediction.confidence;
	o->passed = 0.0;
}

/* Where a program marks no steps. */
static void step_seek(const struct tmem_tally_news *news)
{
	float sample[TMEM_CADENCE_SAMPLES];
	unsigned int lag;

	if (news->step)
		tmem_optimizer_step_end(false);
	if (!news->search || !tmem_heap_enter_if_ready())
		return;
	tmem_tally_samples(sample);
	tmem_heap_leave();
	lag = tmem_cadence_lag(sample, TMEM_CADENCE_SAMPLES);
	tmem_heap_enter_anyway();
	tmem_tally_settle(lag);
	tmem_heap_leave();
}

static bool news_take(struct tmem_tally_news *news)
{
	if (!tmem_heap_enter_if_ready())
		return false;
	tmem_tally_take(news);
	tmem_heap_leave();
	return true;
}

static void await(unsigned int opening)
{
	if (opening >= TMEM_LEARN_OPENINGS || !tmem_heap_enter_if_ready())
		return;
	tmem_tally_await(opening);
	tmem_heap_leave();
}

/* Learn from the steps that have ended.  false: there is nothing new. */
static bool work_steps(struct tmem_optimizer *o, struct tmem_tally_news *news)
{
	unsigned int i;

	if (!news_take(news))
		return false;
	for (i = 0; i < news->demands; i++)
		learn_step(o, &news->demand[i], news->marked);
	if (news->demands) {
		tmem_fetch_return(false);
		await(o->prediction.opening);
	}
	if (news->step || news->search)
		step_seek(news);
	return news->demands || news->step || news->search;
}

/* true: there is a prediction that was not there before. */
static bool work_learn(struct tmem_optimizer *o)
{
	struct tmem_tally_news news = { .opening = -1.0 };
	uint64_t steps = o->learned;
	double opening = -1.0;
	bool more;

	/* Others may end meanwhile, and an opening may have come. */
	do {
		more = work_steps(o, &news);
		if (news.demands || news.opening >= 0.0)
			opening = news.opening;
	} while (more);
	if (opening < 0.0)
		return o->learned != steps;
	tmem_learn_open(&o->learn, &o->prediction, opening);
	o->passed = opening;
	return true;
}

/* One piece of the plan.  true: there may be more. */
static bool work_act(struct tmem_optimizer *o)
{
	struct tmem_plan *plan = &o->plan;
	unsigned int node;
	uint64_t batch;
	uint32_t n;
	size_t bytes;

	if (plan->trim) {
		batch = plan->trim < TRIM_MAX ? plan->trim : TRIM_MAX;
		bytes = tmem_lru_purge(batch * TMEM_SPAN_BYTES, 0);
		plan->trim = bytes ? plan->trim - batch : 0;
		pthread_mutex_lock(&o->lock);
		o->stats.returned_spans += bytes / TMEM_SPAN_BYTES;
		pthread_mutex_unlock(&o->lock);
		return true;
	}
	/* It may have become worse since the plan was made. */
	if (level_now() >= TMEM_LEVEL_HIGH)
		memset(plan, 0, sizeof(*plan));
	for (node = 0; node < TMEM_LEARN_NODES; node++) {
		if (!plan->fetch[node])
			continue;
		n = tmem_fetch_spans(node, (uint32_t)plan->fetch[node],
				     plan->target, &o->place);
		plan->fetch[node] -= n;
		if (!n)
			plan->fetch[node] = 0;
		o->dirty = true;
		return true;
	}
	if (plan->largest && tmem_fetch_gather(plan->largest)) {
		pthread_mutex_lock(&o->lock);
		o->stats.gathered++;
		pthread_mutex_unlock(&o->lock);
	}
	plan->largest = 0;
	return false;
}

static void count_ns(uint64_t *count, uint64_t since)
{
	pthread_mutex_lock(&tmem_optimizer.lock);
	*count += tmem_optimizer_now_ns() - since;
	pthread_mutex_unlock(&tmem_optimizer.lock);
}

/* Switched off: what it did to others ends. */
static void work_off(struct tmem_optimizer *o)
{
	if (o->applied)
		effects_apply(o, NULL);
	o->applied = 0;
	if (o->dirty)
		tmem_fetch_return(true);
	o->dirty = false;
	memset(&o->plan, 0, sizeof(o->plan));
}

static bool work_do(struct tmem_optimizer *o, bool thread)
{
	uint64_t began = tmem_optimizer_now_ns();
	const struct tmem_plan_row *row;
	bool more;

	if (!tmem_optimizer_is_on()) {
		work_off(o);
		return false;
	}
	row = strategy_look(o, level_now());
	if (work_learn(o)) {
		plan_renew(o, row);
		count_ns(&o->stats.learn_ns, began);
		/* Not within an allocation: it may be one of defragmenting. */
		if (thread && row->defrag_us && o->passed == 0.0)
			tmem_defragment(NULL, row->defrag_us, NULL);
	}
	began = tmem_optimizer_now_ns();
	more = work_act(o);
	count_ns(&o->stats.prepare_ns, began);
	return more;
}

bool tmem_optimizer_work(bool thread)
{
	struct tmem_optimizer *o = &tmem_optimizer;
	bool more;

	if (!tmem_optimizer_is_on() && !o->applied)
		return false;
	if (pthread_mutex_trylock(&o->work_lock))
		return false;
	atomic_store(&o->working, true);
	more = work_do(o, thread);
	atomic_store(&o->working, false);
	pthread_mutex_unlock(&o->work_lock);
	return more;
}

/* --- fork --------------------------------------------------------------------- */

static void fork_prepare(void)
{
	pthread_mutex_lock(&tmem_optimizer.lock);
}

static void fork_parent(void)
{
	pthread_mutex_unlock(&tmem_optimizer.lock);
}

/* Who worked is not here: what was learned may be half a step's. */
static void fork_child(void)
{
	static const pthread_mutex_t unlocked = PTHREAD_MUTEX_INITIALIZER;
	struct tmem_optimizer *o = &tmem_optimizer;

	memcpy(&o->work_lock, &unlocked, sizeof(unlocked));
	if (atomic_exchange(&o->working, false))
		o->learn.count = 0;
	memset(&o->plan, 0, sizeof(o->plan));
	o->hold = 0;
	o->place = TMEM_NO_SLOT;
	pthread_mutex_unlock(&o->lock);
}

/* Before the heap's, by the priority: see gc/gc.c. */
__attribute__((constructor(1000))) static void optimizer_prepare(void)
{
	pthread_atfork(fork_prepare, fork_parent, fork_child);
}
