/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a store's file looks like.
 *
 *	header | peers | entries | a row of references for each peer | contents
 *
 * Everything here can be changed by any process that has the descriptor, at
 * any time.  So nothing is read twice, and nothing is used before it was
 * checked (index.c).  No pointers lie here, and no pthread mutex: glibc links
 * robust mutexes through their own memory, which would let a peer write
 * anywhere in our process.
 *
 * The entries are the one truth.  Which parts of the file are free, and how
 * often contents are used, is worked out from them and the rows, so that a
 * process that dies half-way leaves nothing that contradicts itself.
 */
#ifndef TMEM_SEAL_LAYOUT_H
#define TMEM_SEAL_LAYOUT_H

#include <stdatomic.h>
#include <stdint.h>

#define TMEM_STORE_MAGIC 0x746d656d73746f31ULL /* "tmemsto1" */
#define TMEM_STORE_PAGE 4096ULL
#define TMEM_STORE_MAX_CONTENTS (1u << 20)
#define TMEM_STORE_MAX_PEERS 1024u

/*
 * Constant from the creation on, but for the lock and the window.
 *
 * @lock:   0, or 1 + the peer that holds it, and TMEM_LOCK_WAITERS
 * @window: a part of the file without contents, from which new ones are taken;
 *          protected by the lock, as everything below
 */
struct tmem_index_header {
	uint64_t magic;
	uint64_t size; /* of the file's contents, index included */
	uint64_t ctl_offset; /* backend dev: control words */
	uint64_t seed; /* of the hash */
	uint32_t contents; /* entries; a power of two */
	uint32_t peers;
	uint64_t nodes; /* of the policy of a memfd */
	uint32_t numa;
	uint32_t reserved[19];
	_Atomic(uint32_t) lock; /* on a line of its own */
	uint32_t padding;
	_Atomic(uint64_t) window_start;
	_Atomic(uint64_t) window_end;
};

/* peer.id: who has the slot.  See peer.c */
#define TMEM_PEER_FREE 0ULL
#define TMEM_PEER_FORKING (1ULL << 63) /* a child that is not born yet */
#define TMEM_PEER_JOINING (1ULL << 62) /* and since when, ms: not told yet */
#define TMEM_PEER_GONE (~0ULL) /* its references are being taken back */

struct tmem_index_peer {
	_Atomic(uint64_t) id; /* flags, pid << 32, start time */
	_Atomic(uint64_t) pid_ns; /* 0: it could not find out */
	_Atomic(uint64_t) time_ns;
	_Atomic(uint64_t) since; /* FORKING: since when, ms */
	uint64_t reserved[4];
};

enum tmem_entry_state {
	TMEM_ENTRY_EMPTY = 0, /* a search ends here */
	TMEM_ENTRY_GONE, /* as empty, but a search goes on */
	TMEM_ENTRY_FILLING, /* by the peer in @owner */
	TMEM_ENTRY_READY,
};

/* A slot of an open hash table, found by the lower half of the hash. */
struct tmem_index_entry {
	_Atomic(uint32_t) state; /* a futex: FILLING ends */
	_Atomic(uint32_t) owner;
	_Atomic(uint64_t) hash[2];
	_Atomic(uint64_t) offset; /* in the file, a multiple of the page */
	_Atomic(uint64_t) bytes;
	uint64_t reserved[3];
};

_Static_assert(sizeof(struct tmem_index_header) == 152, "layout");
_Static_assert(sizeof(struct tmem_index_peer) == 64, "layout");
_Static_assert(sizeof(struct tmem_index_entry) == 64, "layout");

#endif /* TMEM_SEAL_LAYOUT_H */
