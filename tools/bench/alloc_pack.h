/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A trace as the measuring programs get it: read and checked once, then
 * handed over in memory, so that they need no heap to have it.
 */
#ifndef ALLOC_PACK_H
#define ALLOC_PACK_H

#include <stddef.h>
#include <stdint.h>

#include "../tmemctl/trace.h"

#define PACK_MAGIC 0x6b636170636f6c6cULL

/*
 * struct pack_facts - about the events that are there
 * @allocated:  bytes asked for, in all
 * @peak_bytes: the most alive at once, after event @peak_event
 * @end_bytes:  alive after the last event
 * @threads:    numbered from 0 in the events
 */
struct pack_facts {
	uint64_t events;
	uint64_t blocks;
	uint64_t allocated;
	uint64_t peak_bytes;
	uint64_t peak_event;
	uint64_t end_bytes;
	uint64_t threads;
};

/* struct pack - the shared memory */
struct pack {
	uint64_t magic;
	struct pack_facts is;
	struct trace_op ops[];
};

/*
 * pack_make() - of the events until @bytes were asked for (0: of all).
 * A descriptor, which children inherit; or -1 with errno.
 */
int pack_make(const struct trace *trace, uint64_t bytes);

/* pack_map() - what is behind the descriptor, in memory; NULL with errno. */
struct pack *pack_map(int fd);
void pack_unmap(struct pack *pack);

#endif /* ALLOC_PACK_H */
