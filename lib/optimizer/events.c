// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What the program's threads and the collector tell, and ask: none of it waits
 * for who learns or fetches.
 */
#define _GNU_SOURCE
#include <time.h>
#include <tmem/gc.h>

#include "arena/spans.h"
#include "gc/gc.h"
#include "optimizer/optimizer.h"
#include "pool/detail.h"
#include "pool/heap.h"

atomic_bool tmem_optimizer_on;
atomic_bool tmem_optimizer_due;

static uint64_t optimizer_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

_Atomic(uint64_t (*)(void)) tmem_optimizer_clock = optimizer_clock;

/* --- the program's threads ---------------------------------------------------- */

void tmem_optimizer_note_slow(size_t bytes, uint32_t page)
{
	const struct tmem_slot *slot = tmem_slot_at(tmem_page_slot(page));

	if (tmem_tally_note(bytes, tmem_span_node(slot->span)))
		atomic_store_explicit(&tmem_optimizer_due, true,
				      memory_order_relaxed);
}

/* Not with a lock of the heap held. */
static void optimizer_wake(void)
{
	if (tmem_gc_kick())
		return;
	while (tmem_optimizer_work(false))
		;
}

void tmem_optimizer_poll_slow(void)
{
	if (atomic_exchange(&tmem_optimizer_due, false))
		optimizer_wake();
}

void tmem_optimizer_step_end(bool marked)
{
	struct tmem_detail detail;

	tmem_detail_get(&detail);
	if (!tmem_heap_enter_if_ready())
		return;
	tmem_tally_end(detail.tier, tmem_optimizer_now_ns(), marked);
	tmem_heap_leave();
}

void tmem_optimizer_mark_slow(void)
{
	tmem_optimizer_step_end(true);
	optimizer_wake();
}

/* --- the collector ------------------------------------------------------------ */

uint64_t tmem_optimizer_spare(uint64_t idle, uint64_t want)
{
	struct tmem_optimizer *o = &tmem_optimizer;
	uint64_t hold, busy, may;

	if (!tmem_optimizer_is_on())
		return want;
	pthread_mutex_lock(&o->lock);
	hold = tmem_optimizer_now_ns() < o->hold_until_ns ? o->hold : 0;
	pthread_mutex_unlock(&o->lock);
	if (!hold || !tmem_heap_enter_if_ready())
		return want;
	busy = tmem_spans_stats.busy;
	tmem_heap_leave();
	hold = hold > busy ? hold - busy : 0;
	may = idle > hold ? idle - hold : 0;
	if (may >= want)
		return want;
	pthread_mutex_lock(&o->lock);
	o->stats.kept_spans += want - may;
	pthread_mutex_unlock(&o->lock);
	return may;
}

void tmem_optimizer_gc(struct tmem_gc_config *config)
{
	unsigned int least = atomic_load_explicit(&tmem_optimizer.gc_least,
						  memory_order_relaxed);
	unsigned int i;

	for (i = 0; i < least; i++)
		config->level[i] = config->level[least];
}
