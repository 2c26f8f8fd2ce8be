/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Stores and views across fork().
 */
#ifndef TMEM_SEAL_FORK_H
#define TMEM_SEAL_FORK_H

struct tmem_store;

/* For pthread_atfork(): before, after in the parent, after in the child. */
void tmem_fork_prepare(void);
void tmem_fork_release(void);
void tmem_fork_child(void);

/* All stores, by ->next, until they are unlocked. */
struct tmem_store *tmem_stores_lock(void);
void tmem_stores_unlock(void);

#endif /* TMEM_SEAL_FORK_H */
