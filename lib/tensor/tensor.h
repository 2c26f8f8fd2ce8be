/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A tensor, as its parts see it.
 */
#ifndef TMEM_TENSOR_INTERNAL_H
#define TMEM_TENSOR_INTERNAL_H

#include <stdatomic.h>
#include <tmem/tensor.h>

#include "tensor/shape.h"
#include "tensor/storage.h"

#define TMEM_TENSOR_ALIVE 0x54454e534f52ULL

/*
 * From tensor_record() to the last tmem_tensor_unref().  Constant but for refs:
 * whoever holds a reference may read it.
 */
struct tmem_tensor {
	_Atomic(uint64_t) alive;
	uint64_t reserved;
	_Atomic(uint32_t) refs;
	uint8_t ndim;
	uint8_t dtype;
	uint8_t item; /* bytes of an element */
	bool readonly;
	struct tmem_storage *storage;
	int64_t offset; /* bytes from the storage's base to element [0, ...] */
	uint64_t count; /* elements */
	int64_t dim[]; /* shape, then strides */
};

struct tmem_tensor_counts {
	_Atomic(uint64_t) tensors; /* now */
	_Atomic(uint64_t) views;
	_Atomic(uint64_t) exports;
	_Atomic(uint64_t) imports;
};

extern struct tmem_tensor_counts tmem_tensor_counts;

static inline void tmem_tensor_count_view(void)
{
	atomic_fetch_add(&tmem_tensor_counts.views, 1);
}

static inline struct tmem_shape
tmem_tensor_geometry(const struct tmem_tensor *t)
{
	return (struct tmem_shape){ t->ndim, t->dim, t->dim + t->ndim };
}

static inline char *tmem_tensor_at(const struct tmem_tensor *t)
{
	return tmem_storage_base(t->storage) + t->offset;
}

/* What a new tensor is to be. */
struct tmem_tensor_plan {
	unsigned int dtype;
	bool readonly;
	struct tmem_shape geometry;
	int64_t offset;
	uint64_t count;
};

/*
 * A tensor on a storage, whose reference becomes the tensor's; on an error
 * (NULL with errno ENOMEM) it is dropped.  NULL storage: NULL.
 */
struct tmem_tensor *tmem_tensor_make(const struct tmem_tensor_plan *plan,
				     struct tmem_storage *storage);

/*
 * The same on memory that has an origin, which is its owner's still on an error.
 */
struct tmem_tensor *tmem_tensor_make_of(const struct tmem_tensor_plan *plan,
					const struct tmem_buffer_ops *ops,
					void *origin, char *base, size_t bytes);

/* The plan of what a tensor is. */
struct tmem_tensor_plan tmem_tensor_plan_of(const struct tmem_tensor *t);

/* A view by that plan, on the storage of a tensor. */
struct tmem_tensor *tmem_tensor_view(const struct tmem_tensor *t,
				     const struct tmem_tensor_plan *plan);

/*
 * It is one.  If not: errno EINVAL, and a line to the log that it was no
 * tensor (NULL is not told).
 */
bool tmem_tensor_check(const struct tmem_tensor *t, const char *call,
		       const void *caller);

#define tmem_tensor_ok(t) \
	tmem_tensor_check(t, __func__, __builtin_return_address(0))

/* Compact copy of the elements; both of the same shape and type. */
void tmem_tensor_gather(const struct tmem_tensor *from, char *to);

#endif /* TMEM_TENSOR_INTERNAL_H */
