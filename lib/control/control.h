/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the rest of the library knows of the control socket: that it may have
 * to be opened, once the heap is set up and its lock is free.
 */
#ifndef TMEM_CONTROL_CONTROL_H
#define TMEM_CONTROL_CONTROL_H

#include <stdatomic.h>
#include <stdbool.h>

/* Set from the set-up of the library until somebody came by. */
extern atomic_bool tmem_control_due;

/*
 * When the library is set up, with the heap's lock held: reads TMEM_CONTROL
 * and TMEM_SNAPSHOT.  0, or -EINVAL with a line to the log.
 */
int tmem_control_open(void);

void tmem_control_poll_slow(void);

/* Not with a lock of the library held.  The caller's errno is kept. */
static inline void tmem_control_poll(void)
{
	if (__builtin_expect(atomic_load_explicit(&tmem_control_due,
						  memory_order_relaxed),
			     0))
		tmem_control_poll_slow();
}

#endif /* TMEM_CONTROL_CONTROL_H */
