/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The lock of a store's index, between processes.
 */
#ifndef TMEM_SEAL_LOCK_H
#define TMEM_SEAL_LOCK_H

#include "seal/index.h"

#define TMEM_LOCK_WAITERS 0x80000000u

/*
 * For one thread of the process at a time: the caller holds a mutex.
 * index->self is set.
 *
 * Returns 0; 1: it was taken from a dead process, and what it was changing may
 * be half done; or -ETIMEDOUT: a process that lives holds it for 10 seconds.
 */
int tmem_lock_take(struct tmem_index *index);

void tmem_lock_drop(struct tmem_index *index);

#endif /* TMEM_SEAL_LOCK_H */
