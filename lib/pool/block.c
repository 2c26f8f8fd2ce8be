// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * From a pointer to the block it is the address of, if it is one.  Nothing is
 * read from the memory that the pointer points to.
 */
#include "pool/pool.h"

static bool block_find_shared(struct tmem_slot *slot, const char *ptr,
			      struct tmem_block *block)
{
	size_t offset = (size_t)(ptr - tmem_slot_addr(tmem_slot_index(slot)));
	uint32_t page = (uint32_t)(offset >> TMEM_PAGE_SHIFT), pages;
	struct tmem_run *run;

	pages = tmem_extent_find(slot->shared, page, &run);
	if (run)
		return tmem_run_find(run, ptr, block);
	if (!pages || offset % TMEM_PAGE_BYTES)
		return false;
	block->index = page;
	block->bytes = pages * TMEM_PAGE_BYTES;
	return true;
}

bool tmem_block_find(const void *ptr, struct tmem_block *block)
{
	struct tmem_slot *slot = tmem_slot_of(ptr);

	if (!slot)
		return false;
	*block = (struct tmem_block){ .slot = slot };
	if (slot->kind == TMEM_SLOT_SHARED)
		return block_find_shared(slot, ptr, block);
	if (slot->kind != TMEM_SLOT_LARGE ||
	    (const char *)ptr != tmem_slot_addr(tmem_slot_index(slot)))
		return false;
	block->bytes = slot->bytes;
	return true;
}
