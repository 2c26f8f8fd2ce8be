// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Finding a chunk.  Best fit needs no tree: the first list with a bit set from
 * the wanted length on holds the smallest there is, exactly so up to 511 pages,
 * and within an eighth above, where the list is looked through.
 */
#include "pool/chunks.h"

#include <string.h>

#define LOOK_MAX 64u /* chunks of one list that are looked at */

unsigned int tmem_chunk_bin(uint32_t len)
{
	unsigned int octave;

	if (len < TMEM_CHUNK_EXACT)
		return len;
	octave = 31u - (unsigned int)__builtin_clz(len);
	return TMEM_CHUNK_EXACT + (octave - 9) * 8 +
	       ((len >> (octave - 3)) & 7);
}

void tmem_chunks_reset(struct tmem_chunks *chunks)
{
	memset(chunks, 0, sizeof(*chunks));
	memset(chunks->list, 0xff, sizeof(chunks->list)); /* TMEM_NO_PAGE */
}

void tmem_chunk_link(struct tmem_chunks *chunks, tmem_page_id id, uint32_t len)
{
	unsigned int bin = tmem_chunk_bin(len);
	struct tmem_page *page = tmem_page_at(id);
	tmem_page_id *list = &chunks->list[bin];

	if (len > 1) {
		page[len - 1].kind = TMEM_PAGE_FREE_END;
		page[len - 1].len = len;
	}
	page->kind = TMEM_PAGE_FREE;
	page->len = len;
	page->prev = TMEM_NO_PAGE;
	page->next = *list;
	if (*list != TMEM_NO_PAGE)
		tmem_page_at(*list)->prev = id;
	*list = id;
	chunks->map[bin / 64] |= 1ULL << (bin % 64);
	chunks->pages += len;
	chunks->count++;
}

void tmem_chunk_unlink(struct tmem_chunks *chunks, tmem_page_id id)
{
	struct tmem_page *page = tmem_page_at(id);
	unsigned int bin = tmem_chunk_bin(page->len);

	if (page->next != TMEM_NO_PAGE)
		tmem_page_at(page->next)->prev = page->prev;
	if (page->prev != TMEM_NO_PAGE)
		tmem_page_at(page->prev)->next = page->next;
	else
		chunks->list[bin] = page->next;
	if (chunks->list[bin] == TMEM_NO_PAGE)
		chunks->map[bin / 64] &= ~(1ULL << (bin % 64));
	page[page->len - 1].kind = TMEM_PAGE_NONE;
	page->kind = TMEM_PAGE_NONE;
	chunks->pages -= page->len;
	chunks->count--;
}

unsigned int tmem_chunks_next(const struct tmem_chunks *chunks,
			      unsigned int bin)
{
	unsigned int word = bin / 64;
	uint64_t bits;

	if (bin >= TMEM_CHUNK_BINS)
		return TMEM_CHUNK_BINS;
	bits = chunks->map[word] & ~0ULL << (bin % 64);
	while (!bits) {
		if (++word == TMEM_CHUNK_WORDS)
			return TMEM_CHUNK_BINS;
		bits = chunks->map[word];
	}
	return word * 64 + (unsigned int)__builtin_ctzll(bits);
}

unsigned int tmem_chunks_before(const struct tmem_chunks *chunks,
				unsigned int bin)
{
	unsigned int word = bin / 64;
	uint64_t bits;

	bits = bin % 64 ? chunks->map[word] & ~(~0ULL << (bin % 64)) : 0;
	while (!bits) {
		if (!word--)
			return TMEM_CHUNK_BINS;
		bits = chunks->map[word];
	}
	return word * 64 + 63u - (unsigned int)__builtin_clzll(bits);
}

tmem_page_id tmem_page_aligned(tmem_page_id id, uint32_t align)
{
	uint64_t number = ((uintptr_t)tmem_slots.base >> TMEM_PAGE_SHIFT) + id;

	return id + (uint32_t)(-number & (align - 1));
}

static bool chunk_fits(tmem_page_id id, uint32_t pages, uint32_t align)
{
	uint32_t len = tmem_page_at(id)->len, skip = 0;

	if (align > 1)
		skip = tmem_page_aligned(id, align) - id;
	return skip <= len && pages <= len - skip;
}

/* The smallest of a list that fits; of equal ones the first, or the lowest. */
static tmem_page_id list_best(tmem_page_id id, uint32_t pages, uint32_t align,
			      bool lowest)
{
	tmem_page_id best = TMEM_NO_PAGE;
	uint32_t best_len = UINT32_MAX, look;

	for (look = LOOK_MAX; id != TMEM_NO_PAGE && look;
	     id = tmem_page_at(id)->next, look -= !lowest) {
		uint32_t len = tmem_page_at(id)->len;

		if (len > best_len || !chunk_fits(id, pages, align) ||
		    (len == best_len && (!lowest || id > best)))
			continue;
		best = id;
		best_len = len;
		/* Where all are equal the first is as good as any. */
		if (!lowest && len < TMEM_CHUNK_EXACT)
			break;
	}
	return best;
}

static tmem_page_id chunks_best(const struct tmem_chunks *chunks,
				uint32_t pages, uint32_t align, bool lowest)
{
	unsigned int bin = tmem_chunk_bin(pages);
	tmem_page_id id;

	while ((bin = tmem_chunks_next(chunks, bin)) < TMEM_CHUNK_BINS) {
		id = list_best(chunks->list[bin], pages, align, lowest);
		if (id != TMEM_NO_PAGE)
			return id;
		bin++;
	}
	return TMEM_NO_PAGE;
}

tmem_page_id tmem_chunks_best(const struct tmem_chunks *chunks, uint32_t pages,
			      uint32_t align)
{
	return chunks_best(chunks, pages, align, false);
}

tmem_page_id tmem_chunks_lowest(const struct tmem_chunks *chunks,
				uint32_t pages, uint32_t align)
{
	return chunks_best(chunks, pages, align, true);
}

tmem_page_id tmem_chunks_first(const struct tmem_chunks *chunks, uint32_t pages,
			       uint32_t align)
{
	unsigned int bin = tmem_chunk_bin(pages);
	tmem_page_id first = TMEM_NO_PAGE, id;

	while ((bin = tmem_chunks_next(chunks, bin)) < TMEM_CHUNK_BINS) {
		for (id = chunks->list[bin]; id != TMEM_NO_PAGE;
		     id = tmem_page_at(id)->next)
			if (id < first && chunk_fits(id, pages, align))
				first = id;
		bin++;
	}
	return first;
}
