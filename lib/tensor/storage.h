/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The memory behind tensors, in two steps.
 *
 * A *storage* is what the views of one tensor share: what is written by one of
 * them, all see.  A *buffer* is the memory of a storage.  Several storages may
 * have the same buffer as long as none of them is written to (lazy copies); who
 * writes first gets a buffer of its own, and all views of the storage with it.
 *
 * Locks: a storage's, then its buffer's.  Neither is held while memory is
 * allocated or given back, or a deleter called.
 */
#ifndef TMEM_TENSOR_STORAGE_H
#define TMEM_TENSOR_STORAGE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/lock.h"

struct tmem_storage;

/* How memory goes back where it came from; there is one for each origin. */
struct tmem_buffer_ops {
	void (*release)(void *origin, char *base, size_t bytes);
	bool ours; /* nobody else writes to it: it can be shared lazily */
};

/*
 * From tmem_storage_new() to the last storage that lets it go.  The lock
 * protects sharers; the rest is constant.
 */
struct tmem_buffer {
	uint64_t alive;
	uint64_t reserved; /* record.h */
	struct tmem_lock lock;
	uint32_t sharers; /* storages */
	const struct tmem_buffer_ops *ops;
	void *origin;
	char *base; /* offsets count from here; they may be negative */
	size_t bytes; /* from base on, if ops->ours */
};

/*
 * From tmem_storage_new() to the last tmem_storage_unref().  The lock protects
 * buffer and exports; base may be read at any time; the rest is constant.
 */
struct tmem_storage {
	uint64_t alive;
	uint64_t reserved;
	_Atomic(uint32_t) refs;
	struct tmem_lock lock;
	uint32_t exports; /* for writing: whoever has them writes at will */
	struct tmem_buffer *buffer;
	_Atomic(char *) base; /* the buffer's */
	size_t bytes; /* the same of all buffers that it ever has */
	const struct tmem_buffer_ops *ops;
	void *origin; /* unless ops->ours */
};

/* What was done, since the start. */
struct tmem_storage_counts {
	_Atomic(uint64_t) storages; /* now */
	_Atomic(uint64_t) made;
	_Atomic(uint64_t) copies;
	_Atomic(uint64_t) copied_bytes;
};

extern struct tmem_storage_counts tmem_storage_counts;

void tmem_storage_count_copy(uint64_t bytes);

/*
 * Memory that has an origin becomes a storage with one reference.  NULL with
 * errno ENOMEM, and the memory is as it was.
 */
struct tmem_storage *tmem_storage_new(const struct tmem_buffer_ops *ops,
				      void *origin, char *base, size_t bytes);

/* A block of the heap becomes one; NULL with errno, and the block is freed. */
struct tmem_storage *tmem_storage_of_block(void *block, size_t bytes);

void tmem_storage_ref(struct tmem_storage *storage);
void tmem_storage_unref(struct tmem_storage *storage);

/* Another storage of the same contents; *copied: they had to be copied. */
struct tmem_storage *tmem_storage_lazy(struct tmem_storage *storage,
				       bool *copied);

/* Memory of its own.  0 or -ENOMEM. */
int tmem_storage_own(struct tmem_storage *storage);

/* The same, and it stays so until as many calls of tmem_storage_unexport(). */
int tmem_storage_export(struct tmem_storage *storage);
void tmem_storage_unexport(struct tmem_storage *storage);

static inline char *tmem_storage_base(const struct tmem_storage *storage)
{
	return atomic_load_explicit(&storage->base, memory_order_acquire);
}

#endif /* TMEM_TENSOR_STORAGE_H */
