/* SPDX-License-Identifier: GPL-2.0-only */
/* A recorded run of tensor allocations, read and checked. */
#ifndef TMEMCTL_TRACE_H
#define TMEMCTL_TRACE_H

#include <stddef.h>
#include <stdint.h>

#include "story.h"

/* Traced threads are numbered 0 to 1023. */
#define TRACE_THREADS_MAX 1024

/*
 * struct trace_op - one event
 * @bytes:      as asked for; for a free, of the block that goes
 * @block:      number of the block, 0 to trace.blocks - 1
 * @thread:     0 to trace.threads - 1, in order of first appearance
 * @align_log2: alignment, as a power of two
 * @is_free:    1: the block is freed, 0: it is allocated
 */
struct trace_op {
	uint64_t bytes;
	uint32_t block;
	uint16_t thread;
	uint8_t align_log2;
	uint8_t is_free;
};

/*
 * struct trace - from trace_load() to trace_unload(), never changed between
 * @peak_bytes: the most bytes alive at once, as asked for
 * @peak_event: index of the event after which they are alive
 */
struct trace {
	struct trace_op *ops;
	size_t events;
	size_t blocks;
	size_t frees;
	unsigned int threads;
	uint64_t peak_bytes;
	size_t peak_event;
	struct story story;
	size_t mapped; /* bytes behind ops, for trace_unload() */
};

/*
 * trace_load() - read and check the whole file.  Returns 0; or -1, and what
 * is wrong with it was said.  Afterwards nothing of it is on the heap.
 */
int trace_load(struct trace *trace, const char *path);
void trace_unload(struct trace *trace);

#endif /* TMEMCTL_TRACE_H */
