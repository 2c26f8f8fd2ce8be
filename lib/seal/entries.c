// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The entries of an index: an open hash table that says where contents lie.
 *
 * Each change is ordered so that a process may die between any two stores: an
 * entry's fields come before its state, and its memory goes before its state
 * does.  What is left over is taken back by tmem_index_sweep().
 */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "arena/backend.h"
#include "seal/futex.h"
#include "seal/peer.h"
#include "seal/space.h"

static uint64_t entry_pages(uint64_t bytes)
{
	return (bytes + TMEM_STORE_PAGE - 1) & ~(TMEM_STORE_PAGE - 1);
}

bool tmem_index_read(const struct tmem_index *index, uint32_t entry,
		     struct tmem_content *to)
{
	const struct tmem_index_entry *from = &index->entries[entry];

	to->entry = entry;
	to->state = atomic_load(&from->state);
	if (to->state != TMEM_ENTRY_FILLING && to->state != TMEM_ENTRY_READY)
		return false;
	to->owner = atomic_load(&from->owner);
	to->hash.word[0] = atomic_load(&from->hash[0]);
	to->hash.word[1] = atomic_load(&from->hash[1]);
	to->offset = atomic_load(&from->offset);
	to->bytes = atomic_load(&from->bytes);
	return to->offset >= index->data && to->offset < index->size &&
	       !(to->offset % TMEM_STORE_PAGE) && to->bytes &&
	       to->bytes <= index->size - to->offset;
}

/* The i-th place where an entry of that hash may be. */
static uint32_t entry_probe(const struct tmem_index *index,
			    const struct tmem_hash *hash, uint32_t i)
{
	return ((uint32_t)hash->word[0] + i) & (index->contents - 1);
}

bool tmem_index_find(const struct tmem_index *index,
		     const struct tmem_hash *hash, uint64_t bytes,
		     uint32_t *probe, struct tmem_content *content)
{
	uint32_t entry;

	while (*probe < index->contents) {
		entry = entry_probe(index, hash, (*probe)++);
		if (atomic_load(&index->entries[entry].state) ==
		    TMEM_ENTRY_EMPTY)
			break;
		if (tmem_index_read(index, entry, content) &&
		    content->bytes == bytes &&
		    !memcmp(&content->hash, hash, sizeof(*hash)))
			return true;
	}
	*probe = index->contents;
	return false;
}

static bool entry_vacant(const struct tmem_index *index, uint32_t entry)
{
	uint32_t state = atomic_load(&index->entries[entry].state);

	return state == TMEM_ENTRY_EMPTY || state == TMEM_ENTRY_GONE;
}

/* The longest free part of the file, or an empty one. */
static struct tmem_range entry_space(const struct tmem_index *index,
				     uint64_t align)
{
	size_t table = index->contents * sizeof(struct tmem_range), count = 0;
	struct tmem_range *taken = tmem_os_table(table), found = { 0 };
	struct tmem_content content;
	uint32_t i;

	if (!taken)
		return found;
	for (i = 0; i < index->contents; i++) {
		if (!tmem_index_read(index, i, &content))
			continue;
		taken[count].start = content.offset;
		taken[count++].end =
			content.offset + entry_pages(content.bytes);
	}
	found = tmem_space_longest(taken, count, index->data, index->size,
				   align);
	tmem_os_table_free(taken, table);
	return found;
}

/* The window, if it is one that can be. */
static struct tmem_range entry_window(const struct tmem_index *index)
{
	struct tmem_range window = {
		.start = atomic_load(&index->header->window_start),
		.end = atomic_load(&index->header->window_end),
	};

	if (window.start >= index->data && window.end <= index->size &&
	    window.start < window.end && !(window.start % TMEM_STORE_PAGE))
		return window;
	return (struct tmem_range){ 0 };
}

/*
 * New contents come from one free part of the file until that is used up, so
 * that the entries have to be looked through only now and then.  Returns an
 * offset, or 0.
 */
static uint64_t entry_place(struct tmem_index *index, uint64_t bytes)
{
	uint64_t align = bytes >= TMEM_SPAN_BYTES ? index->file->ops->align :
						    TMEM_STORE_PAGE;
	uint64_t length = entry_pages(bytes), start;
	struct tmem_range window = entry_window(index);

	start = (window.start + align - 1) / align * align;
	if (start > window.end || window.end - start < length) {
		window = entry_space(index, align);
		start = window.start;
		if (window.end - window.start < length)
			return 0;
	}
	atomic_store(&index->header->window_start, start + length);
	atomic_store(&index->header->window_end, window.end);
	return start;
}

int tmem_index_insert(struct tmem_index *index, const struct tmem_hash *hash,
		      uint64_t bytes, struct tmem_content *content)
{
	struct tmem_index_entry *entry;
	uint32_t i = 0, n;

	if (bytes > index->size - index->data)
		return -ENOSPC;
	while (i < index->contents &&
	       !entry_vacant(index, entry_probe(index, hash, i)))
		i++;
	if (i == index->contents)
		return -ENOSPC;
	n = entry_probe(index, hash, i);
	*content = (struct tmem_content){
		.entry = n,
		.state = TMEM_ENTRY_FILLING,
		.owner = index->self,
		.hash = *hash,
		.offset = entry_place(index, bytes),
		.bytes = bytes,
	};
	if (!content->offset)
		return -ENOSPC;
	index->file->ops->claim(index->file, content->offset,
				entry_pages(bytes));
	entry = &index->entries[n];
	atomic_store(&entry->owner, content->owner);
	atomic_store(&entry->hash[0], hash->word[0]);
	atomic_store(&entry->hash[1], hash->word[1]);
	atomic_store(&entry->offset, content->offset);
	atomic_store(&entry->bytes, bytes);
	tmem_index_ref(index, n);
	atomic_fetch_add(&index->filling, 1);
	atomic_store(&entry->state, TMEM_ENTRY_FILLING);
	return 0;
}

void tmem_index_ref(struct tmem_index *index, uint32_t entry)
{
	_Atomic(uint32_t) *row = tmem_index_row(index, index->self);

	if (row)
		atomic_fetch_add(&row[entry], 1);
}

/* A row without memory might say anything: then the contents stay. */
uint64_t tmem_index_refs(struct tmem_index *index, uint32_t entry)
{
	_Atomic(uint32_t) *row;
	uint64_t refs = 0;
	uint32_t i;

	for (i = 0; i < index->max_peers; i++) {
		if (atomic_load(&index->peers[i].id) == TMEM_PEER_FREE)
			continue;
		row = tmem_index_row(index, i);
		refs += row ? atomic_load(&row[entry]) : 1;
	}
	return refs;
}

/* What is free around contents, to whole spans as far as it goes. */
static struct tmem_range entry_surroundings(const struct tmem_index *index,
					    const struct tmem_content *content)
{
	struct tmem_range free = { .start = index->data, .end = index->size };
	uint64_t end = content->offset + content->bytes;
	struct tmem_content other;
	uint32_t i;

	for (i = 0; i < index->contents; i++) {
		if (i == content->entry || !tmem_index_read(index, i, &other))
			continue;
		if (other.offset >= end && other.offset < free.end)
			free.end = other.offset;
		other.bytes = entry_pages(other.bytes);
		if (other.offset <= content->offset &&
		    other.offset + other.bytes > free.start)
			free.start = other.offset + other.bytes;
	}
	return free;
}

/* Entries that a search need not go over any more. */
static void entry_tidy(struct tmem_index *index, uint32_t entry)
{
	uint32_t mask = index->contents - 1, i;

	if (atomic_load(&index->entries[(entry + 1) & mask].state) !=
	    TMEM_ENTRY_EMPTY)
		return;
	for (i = 0; i < index->contents; i++, entry = (entry - 1) & mask) {
		if (atomic_load(&index->entries[entry].state) !=
		    TMEM_ENTRY_GONE)
			break;
		atomic_store(&index->entries[entry].state, TMEM_ENTRY_EMPTY);
	}
}

static void entry_retire(struct tmem_index *index,
			 const struct tmem_content *content)
{
	struct tmem_index_entry *entry = &index->entries[content->entry];
	struct tmem_range free = { 0 };

	if (index->file->ops->spans)
		free = entry_surroundings(index, content);
	index->file->ops->discard(index->file, content->offset,
				  entry_pages(content->bytes), free.start,
				  free.end);
	atomic_store(&entry->state, TMEM_ENTRY_GONE);
	tmem_futex_wake(&entry->state, INT_MAX);
	entry_tidy(index, content->entry);
}

void tmem_index_unref(struct tmem_index *index,
		      const struct tmem_content *content)
{
	_Atomic(uint32_t) *row = tmem_index_row(index, index->self);
	struct tmem_content now;

	if (row && atomic_load(&row[content->entry]))
		atomic_fetch_sub(&row[content->entry], 1);
	/* A peer may have made something else of the entry. */
	if (!tmem_index_refs(index, content->entry) &&
	    tmem_index_read(index, content->entry, &now) &&
	    now.offset == content->offset && now.bytes == content->bytes)
		entry_retire(index, content);
}

void tmem_index_ready(struct tmem_index *index, uint32_t entry)
{
	_Atomic(uint32_t) *state = &index->entries[entry].state;

	/* In this order: what is neither ready nor being filled is swept. */
	atomic_store(state, TMEM_ENTRY_READY);
	atomic_fetch_sub(&index->filling, 1);
	tmem_futex_wake(state, INT_MAX);
}

/* An earlier owner of our slot, or a peer with evil in mind, is not us. */
bool tmem_index_is_filled(const struct tmem_index *index,
			  const struct tmem_content *content)
{
	if (content->owner == index->self)
		return atomic_load(&index->filling);
	return tmem_peer_alive(index, content->owner);
}

/* Without the lock its filler may make an entry ready meanwhile. */
static bool entry_is_wanted(struct tmem_index *index,
			    const struct tmem_content *content)
{
	_Atomic(uint32_t) *state = &index->entries[content->entry].state;

	if (content->state == TMEM_ENTRY_FILLING) {
		if (tmem_index_is_filled(index, content))
			return true;
		if (atomic_load(state) == TMEM_ENTRY_FILLING)
			return false;
	}
	return tmem_index_refs(index, content->entry);
}

static void entry_sweep(struct tmem_index *index, uint32_t entry)
{
	struct tmem_content content;

	if (entry_vacant(index, entry))
		return;
	if (!tmem_index_read(index, entry, &content))
		atomic_store(&index->entries[entry].state, TMEM_ENTRY_GONE);
	else if (!entry_is_wanted(index, &content))
		entry_retire(index, &content);
}

void tmem_index_sweep(struct tmem_index *index, bool force)
{
	uint64_t buried = 0;
	uint32_t i;

	index->thorough = force;
	for (i = 0; i < index->max_peers; i++)
		buried += tmem_peer_bury(index, i);
	for (i = 0; (buried || force) && i < index->contents; i++)
		entry_sweep(index, i);
	index->thorough = false;
	index->dead_peers += buried;
}

void tmem_index_recover(struct tmem_index *index)
{
	atomic_store(&index->header->window_start, 0);
	atomic_store(&index->header->window_end, 0);
	tmem_index_sweep(index, true);
}

void tmem_index_count(struct tmem_index *index, struct tmem_store_stats *stats)
{
	struct tmem_content content;
	uint64_t refs;
	uint32_t i;

	for (i = 0; i < index->contents; i++) {
		if (!tmem_index_read(index, i, &content))
			continue;
		refs = tmem_index_refs(index, i);
		stats->contents++;
		stats->views += refs;
		stats->sealed_bytes += refs * content.bytes;
		stats->stored_bytes += entry_pages(content.bytes);
	}
	if (stats->sealed_bytes > stats->stored_bytes)
		stats->saved_bytes = stats->sealed_bytes - stats->stored_bytes;
	for (i = 0; i < index->max_peers; i++)
		stats->peers += atomic_load(&index->peers[i].id) !=
				TMEM_PEER_FREE;
	stats->capacity = index->size - index->data;
}

void tmem_index_wait(struct tmem_index *index, uint32_t entry, unsigned int ms)
{
	tmem_futex_wait(&index->entries[entry].state, TMEM_ENTRY_FILLING, ms);
}
