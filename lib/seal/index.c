// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The index's place in the file: laid out, mapped, and checked when it comes
 * from somebody else.  What is in it: entries.c.
 */
#define _GNU_SOURCE
#include "seal/index.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <tmem/arena.h>

#include "arena/topology.h"
#include "core/settings.h"
#include "seal/peer.h"

static uint64_t index_pages(uint64_t bytes)
{
	return (bytes + TMEM_STORE_PAGE - 1) & ~(TMEM_STORE_PAGE - 1);
}

static uint64_t index_peers_at(void)
{
	return index_pages(sizeof(struct tmem_index_header));
}

static uint64_t index_entries_at(uint32_t peers)
{
	return index_peers_at() +
	       index_pages(peers * sizeof(struct tmem_index_peer));
}

static uint64_t index_rows_at(uint32_t contents, uint32_t peers)
{
	return index_entries_at(peers) +
	       index_pages(contents * sizeof(struct tmem_index_entry));
}

static uint64_t index_row_bytes(uint32_t contents)
{
	return index_pages(contents * sizeof(uint32_t));
}

uint64_t tmem_index_bytes(uint32_t contents, uint32_t peers)
{
	uint64_t bytes;

	if (!contents || contents > TMEM_STORE_MAX_CONTENTS ||
	    contents & (contents - 1) || !peers || peers > TMEM_STORE_MAX_PEERS)
		return 0;
	bytes = index_rows_at(contents, peers) +
		peers * index_row_bytes(contents);
	return (bytes + TMEM_SPAN_BYTES - 1) & ~(TMEM_SPAN_BYTES - 1);
}

/* The first bytes of the file, with memory behind them.  NULL with errno. */
static void *index_map(struct tmem_file *file, uint64_t bytes, uint64_t held)
{
	char *map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
			 file->fd, 0);

	if (map == MAP_FAILED)
		return NULL;
	if (!file->ops->populate(file, map, 0, held))
		return map;
	munmap(map, bytes);
	errno = ENOMEM;
	return NULL;
}

/* With contents, max_peers and size known to be right. */
static int index_set(struct tmem_index *index)
{
	uint64_t rows = index_rows_at(index->contents, index->max_peers);

	index->data = tmem_index_bytes(index->contents, index->max_peers);
	index->row_bytes = index_row_bytes(index->contents);
	index->map_bytes = index->data;
	index->map = index_map(index->file, index->map_bytes, rows);
	if (!index->map)
		return -errno;
	index->header = (void *)index->map;
	index->peers = (void *)(index->map + index_peers_at());
	index->entries =
		(void *)(index->map + index_entries_at(index->max_peers));
	index->self = TMEM_PEER_NONE;
	return 0;
}

static uint64_t index_seed(void)
{
	uint64_t seed = 0;

	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != sizeof(seed))
		seed = (uintptr_t)&seed; /* early in the boot */
	return seed;
}

int tmem_index_create(struct tmem_index *index, struct tmem_file *file,
		      uint32_t contents, uint32_t peers)
{
	struct tmem_index_header *header;
	int err;

	memset(index, 0, sizeof(*index));
	index->file = file;
	index->contents = contents;
	index->max_peers = peers;
	index->size = file->size;
	err = index_set(index);
	if (err)
		return err;
	header = index->header;
	index->seed = index_seed();
	header->size = index->size;
	header->ctl_offset = file->ctl_offset;
	header->seed = index->seed;
	header->numa = (uint32_t)file->numa;
	header->nodes = file->nodes;
	header->contents = contents;
	header->peers = peers;
	header->magic = TMEM_STORE_MAGIC;
	return 0;
}

/* Copied once: a peer may change it while we look. */
static int index_header_read(struct tmem_file *file,
			     struct tmem_index_header *header)
{
	void *map;

	if (file->size < TMEM_STORE_PAGE)
		return -EINVAL;
	map = index_map(file, TMEM_STORE_PAGE, TMEM_STORE_PAGE);
	if (!map)
		return -errno;
	memcpy(header, map, sizeof(*header));
	munmap(map, TMEM_STORE_PAGE);
	return 0;
}

/* Where we cannot follow the maker's policy there is none. */
static void index_policy(struct tmem_file *file,
			 const struct tmem_index_header *header)
{
	enum tmem_numa numa = (enum tmem_numa)header->numa;

	if (!tmem_numa_valid(numa, header->nodes) ||
	    header->nodes & ~tmem_topology_get()->nodes)
		return;
	file->numa = numa;
	file->nodes = header->nodes;
}

int tmem_index_open(struct tmem_index *index, struct tmem_file *file,
		    uint64_t *ctl_offset)
{
	struct tmem_index_header header;
	uint64_t bytes;
	int err = index_header_read(file, &header);

	if (err)
		return err;
	bytes = tmem_index_bytes(header.contents, header.peers);
	if (header.magic != TMEM_STORE_MAGIC || !bytes ||
	    header.size != file->size || bytes >= file->size)
		return -EINVAL;
	memset(index, 0, sizeof(*index));
	index->file = file;
	index->contents = header.contents;
	index->max_peers = header.peers;
	index->size = file->size & ~(TMEM_STORE_PAGE - 1);
	index->seed = header.seed;
	*ctl_offset = header.ctl_offset;
	index_policy(file, &header);
	return index_set(index);
}

void tmem_index_close(struct tmem_index *index)
{
	munmap(index->map, index->map_bytes);
}

_Atomic(uint32_t) *tmem_index_row(struct tmem_index *index, uint32_t peer)
{
	uint64_t at = index_rows_at(index->contents, index->max_peers) +
		      peer * index->row_bytes;
	uint64_t bit = 1ULL << peer % 64;

	if (!(index->rows_held[peer / 64] & bit)) {
		if (index->file->ops->populate(index->file, index->map + at, at,
					       index->row_bytes))
			return NULL;
		index->rows_held[peer / 64] |= bit;
	}
	return (void *)(index->map + at);
}
