// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Tensors: made, counted, and gone with their last reference.
 */
#include "tensor/tensor.h"

#include <errno.h>
#include <string.h>
#include <tmem/pool.h>

#include "core/log.h"
#include "core/settings.h"
#include "manager/manager.h"
#include "pool/alloc.h"
#include "pool/heap.h"
#include "tensor/dtype.h"
#include "tensor/record.h"

struct tmem_tensor_counts tmem_tensor_counts;

bool tmem_tensor_check(const struct tmem_tensor *t, const char *call,
		       const void *caller)
{
	if (t && atomic_load_explicit(&t->alive, memory_order_acquire) ==
			 TMEM_TENSOR_ALIVE)
		return true;
	if (t) {
		tmem_heap_count_misuse();
		tmem_log(TMEM_LOG_ERROR,
			 "%s(%p) called at %p: no tensor, or one that is gone",
			 call, (const void *)t, caller);
	}
	errno = EINVAL;
	return false;
}

static size_t tensor_bytes(unsigned int ndim)
{
	return sizeof(struct tmem_tensor) + 2 * ndim * sizeof(int64_t);
}

/* All but the storage; or NULL with errno ENOMEM. */
static struct tmem_tensor *tensor_record(const struct tmem_tensor_plan *plan)
{
	unsigned int ndim = plan->geometry.ndim;
	struct tmem_tensor *t = tmem_record_get(tensor_bytes(ndim));

	if (!t)
		return NULL;
	atomic_init(&t->refs, 1);
	t->ndim = (uint8_t)ndim;
	t->dtype = (uint8_t)plan->dtype;
	t->item = tmem_dtype_info(plan->dtype)->size;
	t->readonly = plan->readonly;
	t->offset = plan->offset;
	t->count = plan->count;
	if (ndim) {
		memcpy(t->dim, plan->geometry.shape, ndim * sizeof(*t->dim));
		memcpy(t->dim + ndim, plan->geometry.strides,
		       ndim * sizeof(*t->dim));
	}
	return t;
}

static struct tmem_tensor *tensor_begin(struct tmem_tensor *t,
					struct tmem_storage *storage)
{
	t->storage = storage;
	atomic_fetch_add(&tmem_tensor_counts.tensors, 1);
	atomic_store_explicit(&t->alive, TMEM_TENSOR_ALIVE,
			      memory_order_release);
	return t;
}

struct tmem_tensor *tmem_tensor_make(const struct tmem_tensor_plan *plan,
				     struct tmem_storage *storage)
{
	struct tmem_tensor *t;

	if (!storage)
		return NULL;
	t = tensor_record(plan);
	if (t)
		return tensor_begin(t, storage);
	tmem_storage_unref(storage);
	errno = ENOMEM;
	return NULL;
}

struct tmem_tensor *tmem_tensor_make_of(const struct tmem_tensor_plan *plan,
					const struct tmem_buffer_ops *ops,
					void *origin, char *base, size_t bytes)
{
	struct tmem_tensor *t = tensor_record(plan);
	struct tmem_storage *storage;

	if (!t)
		return NULL;
	storage = tmem_storage_new(ops, origin, base, bytes);
	if (storage)
		return tensor_begin(t, storage);
	tmem_record_put(t, tensor_bytes(plan->geometry.ndim));
	return NULL;
}

struct tmem_tensor_plan tmem_tensor_plan_of(const struct tmem_tensor *t)
{
	return (struct tmem_tensor_plan){
		.dtype = t->dtype,
		.readonly = t->readonly,
		.geometry = tmem_tensor_geometry(t),
		.offset = t->offset,
		.count = t->count,
	};
}

/* What new memory is needed for; 0 or -errno. */
static int plan_compact(struct tmem_tensor_plan *plan, unsigned int dtype,
			unsigned int ndim, const int64_t *shape,
			int64_t *strides)
{
	size_t item = tmem_dtype_info(dtype)->size;
	int err = item ? 0 : -EINVAL;

	*plan = (struct tmem_tensor_plan){
		.dtype = dtype,
		.geometry = { ndim, shape, strides },
	};
	if (!err)
		err = tmem_shape_count(ndim, shape, item, &plan->count);
	if (!err)
		tmem_shape_compact(ndim, shape, strides);
	return err;
}

static void *block_get(struct tmem_manager *manager, size_t item,
		       uint64_t count, unsigned int flags, const void *caller)
{
	bool zero = false;
	void *block = tmem_pool_get(NULL, TMEM_MIN_ALIGN, count * item, caller,
				    &zero);

	if (manager)
		tmem_manager_count(manager, count, block);
	if (block && flags & TMEM_TENSOR_ZERO && !zero)
		memset(block, 0, count * item);
	return block;
}

static struct tmem_tensor *tensor_new(struct tmem_manager *manager,
				      unsigned int dtype, unsigned int ndim,
				      const int64_t *shape, unsigned int flags,
				      const void *caller)
{
	size_t item = tmem_dtype_info(dtype)->size;
	int64_t strides[TMEM_TENSOR_DIMS];
	struct tmem_tensor_plan plan;
	void *block;
	int err;

	err = plan_compact(&plan, dtype, ndim, shape, strides);
	if (flags & ~TMEM_TENSOR_ZERO)
		err = -EINVAL;
	if (err) {
		errno = -err;
		return NULL;
	}
	block = block_get(manager, item, plan.count, flags, caller);
	if (!block)
		return NULL;
	return tmem_tensor_make(
		&plan, tmem_storage_of_block(block, plan.count * item));
}

struct tmem_tensor *tmem_tensor_new(struct tmem_manager *manager,
				    unsigned int ndim, const int64_t *shape,
				    unsigned int flags)
{
	struct tmem_manager_stats stats = TMEM_MANAGER_STATS_INIT;

	if (!manager || tmem_manager_stats_get(manager, &stats)) {
		errno = EINVAL;
		return NULL;
	}
	return tensor_new(manager,
			  stats.element_size == sizeof(float) ? TMEM_F32 :
								TMEM_F64,
			  ndim, shape, flags, __builtin_return_address(0));
}

struct tmem_tensor *tmem_tensor_new_dtype(enum tmem_dtype dtype,
					  unsigned int ndim,
					  const int64_t *shape,
					  unsigned int flags)
{
	return tensor_new(NULL, dtype, ndim, shape, flags,
			  __builtin_return_address(0));
}

struct tmem_tensor *tmem_tensor_ref(struct tmem_tensor *tensor)
{
	if (!tmem_tensor_ok(tensor))
		return NULL;
	atomic_fetch_add_explicit(&tensor->refs, 1, memory_order_relaxed);
	return tensor;
}

void tmem_tensor_unref(struct tmem_tensor *tensor)
{
	struct tmem_storage *storage;
	int saved = errno;

	if (tensor && tmem_tensor_ok(tensor) &&
	    atomic_fetch_sub_explicit(&tensor->refs, 1, memory_order_acq_rel) ==
		    1) {
		storage = tensor->storage;
		tmem_record_put(tensor, tensor_bytes(tensor->ndim));
		atomic_fetch_sub(&tmem_tensor_counts.tensors, 1);
		tmem_storage_unref(storage);
	}
	errno = saved;
}

enum tmem_dtype tmem_tensor_dtype(const struct tmem_tensor *tensor)
{
	return tmem_tensor_ok(tensor) ? (enum tmem_dtype)tensor->dtype :
					(enum tmem_dtype)0;
}

unsigned int tmem_tensor_ndim(const struct tmem_tensor *tensor)
{
	return tmem_tensor_ok(tensor) ? tensor->ndim : 0;
}

const int64_t *tmem_tensor_shape(const struct tmem_tensor *tensor)
{
	return tmem_tensor_ok(tensor) ? tensor->dim : NULL;
}

const int64_t *tmem_tensor_strides(const struct tmem_tensor *tensor)
{
	return tmem_tensor_ok(tensor) ? tensor->dim + tensor->ndim : NULL;
}

uint64_t tmem_tensor_elements(const struct tmem_tensor *tensor)
{
	return tmem_tensor_ok(tensor) ? tensor->count : 0;
}

bool tmem_tensor_is_compact(const struct tmem_tensor *tensor)
{
	struct tmem_shape geometry;

	if (!tmem_tensor_ok(tensor))
		return false;
	geometry = tmem_tensor_geometry(tensor);
	return tmem_shape_is_compact(&geometry);
}

bool tmem_tensor_is_readonly(const struct tmem_tensor *tensor)
{
	return tmem_tensor_ok(tensor) && tensor->readonly;
}

const void *tmem_tensor_data(const struct tmem_tensor *tensor)
{
	return tmem_tensor_ok(tensor) ? tmem_tensor_at(tensor) : NULL;
}

void *tmem_tensor_write(struct tmem_tensor *tensor)
{
	int err = 0;

	if (!tmem_tensor_ok(tensor))
		return NULL;
	if (tensor->readonly)
		err = -EACCES;
	else
		err = tmem_storage_own(tensor->storage);
	if (err) {
		errno = -err;
		return NULL;
	}
	return tmem_tensor_at(tensor);
}

int tmem_tensor_stats_get(struct tmem_tensor_stats *to)
{
	struct tmem_tensor_stats stats = TMEM_TENSOR_STATS_INIT;

	stats.tensors = atomic_load(&tmem_tensor_counts.tensors);
	stats.storages = atomic_load(&tmem_storage_counts.storages);
	stats.made = atomic_load(&tmem_storage_counts.made);
	stats.views = atomic_load(&tmem_tensor_counts.views);
	stats.copies = atomic_load(&tmem_storage_counts.copies);
	stats.copied_bytes = atomic_load(&tmem_storage_counts.copied_bytes);
	stats.exports = atomic_load(&tmem_tensor_counts.exports);
	stats.imports = atomic_load(&tmem_tensor_counts.imports);
	return tmem_struct_put(to, &stats, sizeof(stats)) ? 0 : -EINVAL;
}
