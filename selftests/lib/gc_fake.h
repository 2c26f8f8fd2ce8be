/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A heap and a clock that are not there, for the collector's tests: spans are
 * taken and freed by the test, time passes when the test says so, and every
 * call of the collector is counted.
 *
 * For one source file of a program.
 */
#ifndef GC_FAKE_H
#define GC_FAKE_H

#include "lib_test.h"

#include "gc/cycle.h"
#include "gc/policy.h"

#define FAKE_SPANS 4096u
#define FAKE_S (1000 * TMEM_GC_MS)

enum fake_kind { FAKE_AWAY = 0, FAKE_BUSY, FAKE_IDLE };

enum fake_order { FAKE_LIFO, FAKE_FIFO, FAKE_RANDOM };

struct fake_span {
	enum fake_kind kind;
	uint64_t since_ns, order;
	uint32_t uses;
};

static struct fake_heap {
	uint64_t now_ns, order;
	struct fake_span span[FAKE_SPANS];
	uint64_t idle, busy, low, fresh; /* fresh: had to be got anew */
	uint32_t used; /* spans from here on were never touched */
	uint64_t seed;
	/* Of the collector. */
	struct tmem_gc_cycle cycle;
	struct tmem_gc_count count;
	struct tmem_gc_config config;
	enum tmem_level level;
	uint64_t next_ns; /* of its next step */
	/* What it asked for. */
	unsigned int lists, purges, drains, adapts, adapted;
	uint64_t drain_ms, batch_max;
	uint32_t purged_slot[FAKE_SPANS]; /* in this order */
	uint64_t purged;
	uint64_t purge_takes_ns; /* each span */
	atomic_bool stop;
	uint64_t stop_at; /* so many spans purged */
} fake;

static inline uint64_t fake_now(void)
{
	return fake.now_ns;
}

static inline size_t fake_list(struct tmem_idle_span *to, size_t max)
{
	size_t n = 0;
	uint32_t i;

	fake.lists++;
	for (i = 0; i < fake.used && n < max; i++)
		if (fake.span[i].kind == FAKE_IDLE)
			to[n++] = (struct tmem_idle_span){
				.slot = i,
				.age_ms = (uint32_t)((fake.now_ns -
						      fake.span[i].since_ns) /
						     TMEM_GC_MS),
				.uses = fake.span[i].uses,
				.run = 1,
			};
	return fake.idle; /* as the heap does: how many there are */
}

static inline size_t fake_purge(const struct tmem_idle_span *spans,
				size_t count)
{
	size_t i, bytes = 0;

	fake.purges++;
	if (fake.batch_max < count)
		fake.batch_max = count;
	for (i = 0; i < count; i++) {
		struct fake_span *s = &fake.span[spans[i].slot];

		if (s->kind != FAKE_IDLE)
			continue;
		s->kind = FAKE_AWAY;
		fake.idle--;
		fake.purged_slot[fake.purged++ % FAKE_SPANS] = spans[i].slot;
		fake.now_ns += fake.purge_takes_ns;
		bytes += TMEM_SPAN_BYTES;
	}
	if (fake.low > fake.idle)
		fake.low = fake.idle;
	if (fake.stop_at && fake.purged >= fake.stop_at)
		atomic_store(&fake.stop, true);
	return bytes;
}

static inline size_t fake_drain(uint64_t idle_ms)
{
	fake.drains++;
	fake.drain_ms = idle_ms;
	return 3;
}

static inline void fake_adapt(unsigned int level)
{
	fake.adapts++;
	fake.adapted = level;
}

static inline uint64_t fake_idle_now(void)
{
	return fake.idle;
}

static inline uint64_t fake_idle_low(void)
{
	uint64_t low = fake.low;

	fake.low = fake.idle;
	return low;
}

static const struct tmem_worker_ops fake_worker = { .now_ns = fake_now };

static const struct tmem_gc_ops fake_ops = {
	.worker = &fake_worker,
	.idle_list = fake_list,
	.idle_purge = fake_purge,
	.threads_drain = fake_drain,
	.threads_adapt = fake_adapt,
	.idle_now = fake_idle_now,
	.idle_low = fake_idle_low,
};

static inline void fake_start(void)
{
	memset(&fake, 0, sizeof(fake));
	fake.now_ns = 1000 * FAKE_S;
	fake.seed = 1;
	fake.config = (struct tmem_gc_config)TMEM_GC_POLICY_DEFAULT;
	tmem_gc_cycle_start(&fake.cycle, &fake_ops, &fake.count);
	fake.cycle.stop = &fake.stop;
}

static inline bool fake_before(const struct fake_span *a,
			       const struct fake_span *b, enum fake_order order)
{
	return order == FAKE_LIFO ? a->order > b->order : a->order < b->order;
}

/* The next idle span that a heap of that order takes, or -1. */
static inline int fake_pick(enum fake_order order)
{
	uint64_t skip = order == FAKE_RANDOM && fake.idle ?
				lt_random(&fake.seed) % fake.idle :
				0;
	int best = -1;
	uint32_t i;

	for (i = 0; i < fake.used; i++) {
		if (fake.span[i].kind != FAKE_IDLE)
			continue;
		if (order == FAKE_RANDOM && !skip--)
			return (int)i;
		if (order != FAKE_RANDOM &&
		    (best < 0 ||
		     fake_before(&fake.span[i], &fake.span[best], order)))
			best = (int)i;
	}
	return best;
}

static inline void fake_take(unsigned int count, enum fake_order order)
{
	while (count--) {
		int i = fake_pick(order);

		if (i >= 0) {
			fake.idle--;
		} else {
			for (i = 0; fake.span[i].kind != FAKE_AWAY; i++)
				;
			fake.span[i].uses = 0;
			if (fake.used <= (uint32_t)i)
				fake.used = (uint32_t)i + 1;
			fake.fresh++;
		}
		fake.span[i].kind = FAKE_BUSY;
		fake.span[i].uses++;
		fake.busy++;
	}
	if (fake.low > fake.idle)
		fake.low = fake.idle;
}

/* All that is busy becomes idle but keep spans. */
static inline void fake_free(unsigned int keep)
{
	uint32_t i;

	for (i = 0; i < fake.used && fake.busy > keep; i++) {
		struct fake_span *s = &fake.span[i];

		if (s->kind != FAKE_BUSY)
			continue;
		s->kind = FAKE_IDLE;
		s->since_ns = fake.now_ns;
		s->order = ++fake.order;
		fake.busy--;
		fake.idle++;
	}
}

/* What the thread does while time passes. */
static inline void fake_pass(uint64_t ns)
{
	uint64_t end = fake.now_ns + ns, delay;

	while (fake.next_ns != TMEM_GC_NEVER || fake.idle) {
		if (fake.next_ns == TMEM_GC_NEVER)
			fake.next_ns = fake.now_ns; /* somebody noted some */
		if (fake.next_ns > end)
			break;
		if (fake.now_ns < fake.next_ns)
			fake.now_ns = fake.next_ns;
		delay = tmem_gc_cycle_step(&fake.cycle, &fake.config,
					   fake.level, 0, false);
		fake.next_ns = delay == TMEM_GC_NEVER ? delay :
							fake.now_ns + delay;
	}
	if (fake.now_ns < end)
		fake.now_ns = end;
}

/* The world changes, and wakes the thread. */
static inline void fake_level(enum tmem_level level)
{
	fake.level = level;
	fake.next_ns = fake.now_ns;
	fake_pass(0);
}

#endif /* GC_FAKE_H */
