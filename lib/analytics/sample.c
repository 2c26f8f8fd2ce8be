// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Between the pool's records of a block and the analytics: how large it is,
 * whose countdown it counts for, and where its state says that it is known.
 */
#include "analytics/events.h"
#include "analytics/sampler.h"
#include "pool/guard.h"
#include "pool/heap.h"
#include "pool/site.h"

/* For threads that have no cache; under the heap lock. */
static struct tmem_sampler sample_shared = { .interval = TMEM_SAMPLER_FRESH };

void tmem_samples_reset(void)
{
	tmem_sampler_reset(&sample_shared);
}

/* A block of this is live, and its address right. */
static size_t sample_bytes(const void *ptr)
{
	const struct tmem_run *run;
	struct tmem_block block;

	if (tmem_guard_is_on()) {
		tmem_guard_find(ptr, &block);
		return block.bytes;
	}
	run = tmem_run_of(ptr);
	return run ? run->bytes :
		     tmem_page_at(tmem_page_of(ptr))->len * TMEM_PAGE_BYTES;
}

void tmem_sample_new(void *ptr, struct tmem_sample *sample)
{
	struct tmem_sampler *sampler =
		tmem_thread_self ? &tmem_thread_self->sampler : &sample_shared;

	sample->bytes = sample_bytes(ptr);
	sampler->left -= (int64_t)sample->bytes;
	sample->weight = tmem_sampler_look(sampler, sample->bytes);
	if (sample->weight > 0)
		tmem_sample_mark(ptr);
}

void tmem_sample_mark(void *ptr)
{
	struct tmem_run *run;
	_Atomic(uint32_t) *state;

	/* There, each free is looked at. */
	if (tmem_guard_is_on())
		return;
	run = tmem_run_of(ptr);
	if (!run) {
		tmem_page_at(tmem_page_of(ptr))->next |= TMEM_EXTENT_RECORDED;
		return;
	}
	state = &run->state[tmem_run_index(run, ptr)];
	atomic_store_explicit(state,
			      atomic_load_explicit(state,
						   memory_order_relaxed) |
				      TMEM_SITE_RECORDED,
			      memory_order_relaxed);
}
