/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A process's hold on a store's index: which contents there are, where they
 * lie, and who uses them.  layout.h says what is in the file.
 */
#ifndef TMEM_SEAL_INDEX_H
#define TMEM_SEAL_INDEX_H

#include <stdbool.h>
#include <stddef.h>

#include "seal/file.h"
#include "seal/hash.h"
#include "seal/layout.h"

#define TMEM_PEER_NONE UINT32_MAX

/*
 * From tmem_index_create() or _open() to _close().  The figures were checked
 * when they were read, and are not read again.
 */
struct tmem_index {
	struct tmem_file *file;
	char *map;
	size_t map_bytes;
	struct tmem_index_header *header;
	struct tmem_index_peer *peers;
	struct tmem_index_entry *entries;
	size_t row_bytes;
	uint32_t contents, max_peers;
	uint64_t data, size; /* contents lie in [data, size) of the file */
	uint64_t seed;
	uint64_t rows_held[TMEM_STORE_MAX_PEERS / 64]; /* have memory */
	uint32_t self; /* our slot among the peers, or TMEM_PEER_NONE */
	_Atomic(uint32_t) filling; /* contents that our threads fill */
	bool thorough; /* who is dead is worth some time to find out */
	uint64_t dead_peers;
};

/* Bytes that an index takes at the start of its file; 0: no such index. */
uint64_t tmem_index_bytes(uint32_t contents, uint32_t peers);

/* Lay out and map the index of a new file.  0 or -errno. */
int tmem_index_create(struct tmem_index *index, struct tmem_file *file,
		      uint32_t contents, uint32_t peers);

/*
 * Map the index of a file from somebody else.  *ctl_offset is what it says of
 * the control words.  0, -EINVAL (it is none), or -errno.
 */
int tmem_index_open(struct tmem_index *index, struct tmem_file *file,
		    uint64_t *ctl_offset);

void tmem_index_close(struct tmem_index *index);

/* A peer's row of references, with memory behind it; NULL: there is none. */
_Atomic(uint32_t) *tmem_index_row(struct tmem_index *index, uint32_t peer);

/* ---- With the lock (lock.h) held from here on. -------------------------- */

/* An entry, read once and checked. */
struct tmem_content {
	uint32_t entry;
	uint32_t state;
	uint32_t owner;
	struct tmem_hash hash;
	uint64_t offset, bytes;
};

/* false: what the entry says cannot be, or it is empty. */
bool tmem_index_read(const struct tmem_index *index, uint32_t entry,
		     struct tmem_content *content);

/*
 * The next candidate for contents of that hash and size, ready or being
 * filled.  *probe is 0 at first and says where to go on.  false: no more.
 */
bool tmem_index_find(const struct tmem_index *index,
		     const struct tmem_hash *hash, uint64_t bytes,
		     uint32_t *probe, struct tmem_content *content);

/*
 * Take an entry and a place in the file for new contents, which are FILLING
 * with one reference of ours.  0 or -ENOSPC.
 */
int tmem_index_insert(struct tmem_index *index, const struct tmem_hash *hash,
		      uint64_t bytes, struct tmem_content *content);

void tmem_index_ref(struct tmem_index *index, uint32_t entry);

/* The last reference of all peers takes the contents with it. */
void tmem_index_unref(struct tmem_index *index,
		      const struct tmem_content *content);

/* Contents of ours that are FILLING are READY; wakes those who wait. */
void tmem_index_ready(struct tmem_index *index, uint32_t entry);

/* Who fills contents is still there. */
bool tmem_index_is_filled(const struct tmem_index *index,
			  const struct tmem_content *content);

/* Over all peers. */
uint64_t tmem_index_refs(struct tmem_index *index, uint32_t entry);

/*
 * Take back what dead peers hold, and contents that nobody refers to.  Cheap if
 * no peer died, unless forced.
 */
void tmem_index_sweep(struct tmem_index *index, bool force);

/* The lock was taken from the dead: what it protects may be half changed. */
void tmem_index_recover(struct tmem_index *index);

/* The first six figures of *stats. */
void tmem_index_count(struct tmem_index *index, struct tmem_store_stats *stats);

/* Wait until an entry is not FILLING any more, ms at most.  Without the lock. */
void tmem_index_wait(struct tmem_index *index, uint32_t entry, unsigned int ms);

#endif /* TMEM_SEAL_INDEX_H */
