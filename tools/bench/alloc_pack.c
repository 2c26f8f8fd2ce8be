// SPDX-License-Identifier: GPL-2.0-only
/*
 * A trace, put into shared memory for the programs that replay it.
 *
 * Part of a trace is enough where each byte is written: 58 GB of it say no
 * more than the first few.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc_pack.h"

/* posix_memalign() wants no less. */
#define ALIGN_LOG2_MIN 3

static size_t pack_bytes(const struct pack *pack)
{
	return sizeof(*pack) + pack->is.events * sizeof(pack->ops[0]);
}

static void count(struct pack *pack, const struct trace_op *op)
{
	if (op->is_free) {
		pack->is.end_bytes -= op->bytes;
		return;
	}
	pack->is.blocks++;
	pack->is.allocated += op->bytes;
	pack->is.end_bytes += op->bytes;
	if (pack->is.end_bytes > pack->is.peak_bytes) {
		pack->is.peak_bytes = pack->is.end_bytes;
		pack->is.peak_event = pack->is.events;
	}
}

static void fill(struct pack *pack, const struct trace *trace, uint64_t bytes)
{
	struct trace_op *op;
	size_t i;

	pack->magic = PACK_MAGIC;
	pack->is.threads = trace->threads;
	for (i = 0; i < trace->events; i++) {
		if (bytes && pack->is.allocated >= bytes)
			return;
		op = &pack->ops[i];
		*op = trace->ops[i];
		if (op->align_log2 < ALIGN_LOG2_MIN)
			op->align_log2 = ALIGN_LOG2_MIN;
		count(pack, op);
		pack->is.events++;
	}
}

int pack_make(const struct trace *trace, uint64_t bytes)
{
	size_t size =
		sizeof(struct pack) + trace->events * sizeof(struct trace_op);
	int fd = memfd_create("trace", 0);
	struct pack *pack;

	if (fd < 0)
		return -1;
	pack = ftruncate(fd, (off_t)size) ?
		       MAP_FAILED :
		       mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			    0);
	if (pack == MAP_FAILED) {
		close(fd);
		return -1;
	}
	fill(pack, trace, bytes);
	munmap(pack, size);
	return fd;
}

struct pack *pack_map(int fd)
{
	struct stat st;
	void *memory;

	if (fstat(fd, &st))
		return NULL;
	memory = mmap(NULL, (size_t)st.st_size, PROT_READ,
		      MAP_PRIVATE | MAP_POPULATE, fd, 0);
	if (memory == MAP_FAILED)
		return NULL;
	if (((struct pack *)memory)->magic == PACK_MAGIC)
		return memory;
	munmap(memory, (size_t)st.st_size);
	errno = EINVAL;
	return NULL;
}

void pack_unmap(struct pack *pack)
{
	munmap(pack, pack_bytes(pack));
}
