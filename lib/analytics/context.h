/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a thread says of its allocations: tags, and sites given by itself.
 * Nothing is looked up before a block is recorded.
 */
#ifndef TMEM_ANALYTICS_CONTEXT_H
#define TMEM_ANALYTICS_CONTEXT_H

#include <stdint.h>

/* struct tmem_origin - where an allocation came from, in the thread's words */
struct tmem_origin {
	const char *tag; /* or NULL */
	const char *label; /* or NULL */
	unsigned int depth; /* of frames, 1 at least unless there is a label */
	const uint64_t *frames; /* here or the caller's */
};

/* Of the calling thread; @room has place for @depth frames. */
void tmem_context_origin(struct tmem_origin *origin, const void *caller,
			 uint64_t *room, unsigned int depth);

/* The thread's number in the system. */
uint32_t tmem_context_thread(void);

/* In the child of a fork: it has another number. */
void tmem_context_fork(void);

#endif /* TMEM_ANALYTICS_CONTEXT_H */
