/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The processes that use a store, and whether they still do.
 */
#ifndef TMEM_SEAL_PEER_H
#define TMEM_SEAL_PEER_H

#include <stdbool.h>
#include <stdint.h>

#include "seal/index.h"

/*
 * Take a slot for this process and make it index->self.  It may be a dead
 * process's: under the lock, tmem_peer_settle() must be the next call.
 * 0, -EUSERS or -ENOMEM.
 */
int tmem_peer_join(struct tmem_index *index);

/* What the slot's last owner left is gone. */
void tmem_peer_settle(struct tmem_index *index);

/* Give the slot back.  With the lock held, and no reference left. */
void tmem_peer_leave(struct tmem_index *index);

/* A process has the slot, and it is not known to be dead. */
bool tmem_peer_alive(const struct tmem_index *index, uint32_t peer);

/*
 * Free the slot of a dead process, and its references.  With the lock held.
 * false: it is not known to be dead, or free.
 */
bool tmem_peer_bury(struct tmem_index *index, uint32_t peer);

/*
 * Before fork(), with the lock held: a slot for the child, with no references
 * yet.  Returns the slot and *id, by which the child claims it, or
 * TMEM_PEER_NONE.
 */
uint32_t tmem_peer_expect(struct tmem_index *index, uint64_t *id);

/* In the child: false if it took so long that the slot was given away. */
bool tmem_peer_born(struct tmem_index *index, uint32_t peer, uint64_t id);

/* In the child, first of all: we are another process now. */
void tmem_peer_forked(void);

#endif /* TMEM_SEAL_PEER_H */
