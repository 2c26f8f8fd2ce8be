// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * From a pointer to the block it is the address of, if it is one.  Nothing is
 * read from the memory that the pointer points to.
 */
#include "pool/pool.h"
#include "pool/site.h"

static bool block_find_run(const void *ptr, struct tmem_block *block)
{
	struct tmem_run *run = block->run;
	uint32_t index = tmem_run_index(run, ptr), state;

	if (index >= run->blocks)
		return false;
	block->index = index;
	state = atomic_load_explicit(&run->state[index], memory_order_relaxed);
	if (!tmem_site_is_live(state)) {
		block->site = state;
		return false;
	}
	block->bytes = run->bytes;
	block->waste = tmem_site_waste(state);
	block->recorded = state & TMEM_SITE_RECORDED;
	return true;
}

bool tmem_block_find(const void *ptr, struct tmem_block *block)
{
	struct tmem_page *page;

	*block = (struct tmem_block){ .slot = tmem_slot_of(ptr) };
	if (!block->slot || block->slot->kind == TMEM_SLOT_FREE)
		return false;
	block->run = tmem_run_of(ptr);
	if (block->run && block_find_run(ptr, block))
		return true;
	if (block->run && block->run->list != TMEM_RUN_DEAD)
		return false;
	/* What was a run may be an extent's by now. */
	block->run = NULL;
	block->page = tmem_page_of(ptr);
	page = tmem_page_at(block->page);
	if ((uintptr_t)ptr % TMEM_PAGE_BYTES)
		return false;
	if (page->kind != TMEM_PAGE_BLOCK) {
		if (!block->site)
			block->site = page->site;
		return false;
	}
	block->bytes = page->len * TMEM_PAGE_BYTES;
	block->waste = tmem_extent_waste(page);
	block->recorded = page->next & TMEM_EXTENT_RECORDED;
	return true;
}
