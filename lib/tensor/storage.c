// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Storages and buffers: shared, copied when one of the sharers is written to,
 * and given back with the last.
 */
#include "tensor/storage.h"

#include <errno.h>
#include <string.h>
#include <tmem/pool.h>

#include "pool/alloc.h"
#include "tensor/record.h"

struct tmem_storage_counts tmem_storage_counts;

static void block_release(void *origin, char *base, size_t bytes)
{
	(void)origin;
	(void)bytes;
	tmem_pool_put(base, __builtin_return_address(0));
}

static const struct tmem_buffer_ops block_ops = {
	.release = block_release,
	.ours = true,
};

void tmem_storage_count_copy(uint64_t bytes)
{
	atomic_fetch_add(&tmem_storage_counts.copies, 1);
	atomic_fetch_add(&tmem_storage_counts.copied_bytes, bytes);
}

static struct tmem_buffer *buffer_new(const struct tmem_buffer_ops *ops,
				      void *origin, char *base, size_t bytes)
{
	struct tmem_buffer *buffer = tmem_record_get(sizeof(*buffer));

	if (!buffer)
		return NULL;
	buffer->alive = 1;
	buffer->sharers = 1;
	buffer->ops = ops;
	buffer->origin = origin;
	buffer->base = base;
	buffer->bytes = bytes;
	return buffer;
}

/* The last of them gives the memory back. */
static void buffer_drop(struct tmem_buffer *buffer)
{
	uint32_t left;

	tmem_lock_take(&buffer->lock);
	left = --buffer->sharers;
	tmem_lock_give(&buffer->lock);
	if (left)
		return;
	buffer->ops->release(buffer->origin, buffer->base, buffer->bytes);
	tmem_record_put(buffer, sizeof(*buffer));
}

static void buffer_share(struct tmem_buffer *buffer)
{
	tmem_lock_take(&buffer->lock);
	buffer->sharers++;
	tmem_lock_give(&buffer->lock);
}

static bool buffer_is_shared(struct tmem_buffer *buffer)
{
	bool shared;

	tmem_lock_take(&buffer->lock);
	shared = buffer->sharers > 1;
	tmem_lock_give(&buffer->lock);
	return shared;
}

static struct tmem_buffer *buffer_of_block(size_t bytes)
{
	void *block = tmem_alloc_from(bytes, __builtin_return_address(0));
	struct tmem_buffer *buffer;

	if (!block)
		return NULL;
	buffer = buffer_new(&block_ops, NULL, block, bytes);
	if (!buffer)
		tmem_free(block);
	return buffer;
}

static struct tmem_storage *storage_of(struct tmem_buffer *buffer)
{
	struct tmem_storage *storage = tmem_record_get(sizeof(*storage));

	if (!storage)
		return NULL;
	storage->alive = 1;
	atomic_init(&storage->refs, 1);
	storage->buffer = buffer;
	atomic_init(&storage->base, buffer->base);
	storage->bytes = buffer->bytes;
	storage->ops = buffer->ops;
	storage->origin = buffer->origin;
	atomic_fetch_add(&tmem_storage_counts.storages, 1);
	return storage;
}

struct tmem_storage *tmem_storage_new(const struct tmem_buffer_ops *ops,
				      void *origin, char *base, size_t bytes)
{
	struct tmem_buffer *buffer = buffer_new(ops, origin, base, bytes);
	struct tmem_storage *storage = NULL;

	if (buffer)
		storage = storage_of(buffer);
	if (buffer && !storage)
		tmem_record_put(buffer, sizeof(*buffer));
	return storage;
}

struct tmem_storage *tmem_storage_of_block(void *block, size_t bytes)
{
	struct tmem_storage *storage =
		tmem_storage_new(&block_ops, NULL, block, bytes);

	if (!storage)
		tmem_free(block);
	else
		atomic_fetch_add(&tmem_storage_counts.made, 1);
	return storage;
}

void tmem_storage_ref(struct tmem_storage *storage)
{
	atomic_fetch_add_explicit(&storage->refs, 1, memory_order_relaxed);
}

void tmem_storage_unref(struct tmem_storage *storage)
{
	if (atomic_fetch_sub_explicit(&storage->refs, 1,
				      memory_order_acq_rel) != 1)
		return;
	buffer_drop(storage->buffer);
	tmem_record_put(storage, sizeof(*storage));
	atomic_fetch_sub(&tmem_storage_counts.storages, 1);
}

/* The buffer, with one sharer more; or NULL: somebody writes to it at will. */
static struct tmem_buffer *storage_share(struct tmem_storage *storage)
{
	struct tmem_buffer *buffer;

	tmem_lock_take(&storage->lock);
	buffer = storage->exports ? NULL : storage->buffer;
	if (buffer)
		buffer_share(buffer);
	tmem_lock_give(&storage->lock);
	return buffer;
}

/* What is exported stays where it is, and is copied. */
static struct tmem_buffer *storage_copy(struct tmem_storage *storage)
{
	struct tmem_buffer *copy = buffer_of_block(storage->bytes);

	if (!copy)
		return NULL;
	if (tmem_storage_export(storage)) {
		buffer_drop(copy);
		return NULL;
	}
	memcpy(copy->base, tmem_storage_base(storage), storage->bytes);
	tmem_storage_unexport(storage);
	tmem_storage_count_copy(storage->bytes);
	return copy;
}

struct tmem_storage *tmem_storage_lazy(struct tmem_storage *storage,
				       bool *copied)
{
	struct tmem_buffer *buffer = storage_share(storage);
	struct tmem_storage *made;

	*copied = !buffer;
	if (!buffer)
		buffer = storage_copy(storage);
	made = buffer ? storage_of(buffer) : NULL;
	if (made)
		return made;
	if (buffer)
		buffer_drop(buffer);
	errno = ENOMEM;
	return NULL;
}

/* The contents go to a buffer of its own, if others still share the old one. */
static struct tmem_buffer *storage_switch(struct tmem_storage *storage,
					  struct tmem_buffer *fresh)
{
	struct tmem_buffer *old = storage->buffer;
	bool copied;

	tmem_lock_take(&old->lock);
	/* Under the lock: the last sharer writes to it where it is. */
	copied = old->sharers > 1;
	if (copied) {
		memcpy(fresh->base, old->base, old->bytes);
		storage->buffer = fresh;
		atomic_store_explicit(&storage->base, fresh->base,
				      memory_order_release);
	}
	tmem_lock_give(&old->lock);
	if (copied)
		tmem_storage_count_copy(storage->bytes);
	return copied ? old : fresh;
}

static bool storage_is_shared(struct tmem_storage *storage)
{
	bool shared;

	tmem_lock_take(&storage->lock);
	shared = buffer_is_shared(storage->buffer);
	tmem_lock_give(&storage->lock);
	return shared;
}

/* What is left over of the two is the caller's to drop. */
static struct tmem_buffer *storage_unshare(struct tmem_storage *storage,
					   bool export)
{
	struct tmem_buffer *fresh = buffer_of_block(storage->bytes);

	if (!fresh)
		return NULL;
	tmem_lock_take(&storage->lock);
	fresh = storage_switch(storage, fresh);
	storage->exports += export;
	tmem_lock_give(&storage->lock);
	return fresh;
}

int tmem_storage_own(struct tmem_storage *storage)
{
	struct tmem_buffer *left;

	if (!storage_is_shared(storage))
		return 0;
	left = storage_unshare(storage, false);
	if (!left)
		return -ENOMEM;
	buffer_drop(left);
	return 0;
}

int tmem_storage_export(struct tmem_storage *storage)
{
	struct tmem_buffer *left;
	bool shared;

	tmem_lock_take(&storage->lock);
	shared = buffer_is_shared(storage->buffer);
	storage->exports += !shared;
	tmem_lock_give(&storage->lock);
	if (!shared)
		return 0;
	left = storage_unshare(storage, true);
	if (!left)
		return -ENOMEM;
	buffer_drop(left);
	return 0;
}

void tmem_storage_unexport(struct tmem_storage *storage)
{
	tmem_lock_take(&storage->lock);
	storage->exports--;
	tmem_lock_give(&storage->lock);
}
