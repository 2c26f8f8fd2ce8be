// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Tensors in a file of their own, which other processes can map: a memfd, or an
 * arena of /dev/tmem (seal/file.h).
 *
 * Who gets the descriptor maps the whole file, so what has to be checked of a
 * tensor that comes in is that its elements are inside.  The file can never be
 * cut off: no touch is SIGBUS.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <tmem/arena.h>

#include "core/settings.h"
#include "seal/file.h"
#include "tensor/dtype.h"
#include "tensor/record.h"
#include "tensor/tensor.h"

#define PAGE 4096u

/* From the making, or attaching, to the storage's end. */
struct shared {
	uint64_t alive;
	uint64_t reserved; /* record.h */
	struct tmem_file file;
	char *map;
};

static void shared_release(void *origin, char *base, size_t bytes)
{
	struct shared *shared = origin;

	(void)bytes;
	munmap(base, shared->file.size);
	tmem_file_close(&shared->file);
	tmem_record_put(shared, sizeof(*shared));
}

static const struct tmem_buffer_ops shared_ops = { .release = shared_release };

static bool backend_is_dev(void)
{
	return !strcmp(tmem_backend_name(), "dev");
}

/* Addresses at which spans of the file can be mapped by one entry each. */
static char *map_reserve(size_t bytes, size_t *all)
{
	char *p;

	*all = bytes + TMEM_SPAN_BYTES;
	p = mmap(NULL, *all, PROT_NONE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return p == MAP_FAILED ? NULL : p;
}

static void map_trim(char *p, size_t all, char *at, size_t bytes)
{
	if (at > p)
		munmap(p, (size_t)(at - p));
	if (p + all > at + bytes)
		munmap(at + bytes, (size_t)(p + all - at - bytes));
}

/* 0 or -errno. */
static int shared_map(struct shared *shared, int prot)
{
	size_t bytes = shared->file.size, all;
	char *p, *at;
	void *map;
	int err;

	if (bytes > PTRDIFF_MAX - TMEM_SPAN_BYTES)
		return -ENOMEM;
	p = map_reserve(bytes, &all);
	if (!p)
		return -ENOMEM;
	at = p + (-(uintptr_t)p & (TMEM_SPAN_BYTES - 1));
	map = mmap(at, bytes, prot, MAP_SHARED | MAP_FIXED, shared->file.fd, 0);
	err = errno;
	if (map == MAP_FAILED) {
		munmap(p, all);
		return -err;
	}
	map_trim(p, all, at, bytes);
	shared->map = at;
	return 0;
}

/* Make the file and have memory behind all of it.  0 or -errno. */
static int shared_open(struct shared *shared, size_t bytes)
{
	struct tmem_file *file = &shared->file;
	size_t unit = backend_is_dev() ? TMEM_SPAN_BYTES : PAGE;
	int err;

	if (bytes > PTRDIFF_MAX - 2 * TMEM_SPAN_BYTES)
		return -ENOMEM;
	file->ops = backend_is_dev() ? &tmem_file_dev : &tmem_file_memfd;
	file->size = (bytes + !bytes + unit - 1) / unit * unit;
	err = tmem_file_create(file, "tensor");
	if (err)
		return err;
	file->ops->claim(file, 0, file->size);
	err = shared_map(shared, PROT_READ | PROT_WRITE);
	if (!err && file->ops->advise)
		file->ops->advise(file, shared->map, file->size);
	if (!err) {
		err = file->ops->populate(file, shared->map, 0, file->size);
		if (err)
			munmap(shared->map, file->size);
	}
	if (err)
		tmem_file_close(file);
	return err;
}

/* What is made of a file that is open and mapped; it goes on an error. */
static struct tmem_tensor *shared_tensor(struct shared *shared,
					 const struct tmem_tensor_plan *plan)
{
	struct tmem_tensor *tensor = tmem_tensor_make_of(
		plan, &shared_ops, shared, shared->map, shared->file.size);

	if (!tensor) {
		shared_release(shared, shared->map, 0);
		errno = ENOMEM;
	}
	return tensor;
}

static struct tmem_tensor *share_refuse(int err)
{
	errno = -err;
	return NULL;
}

struct tmem_tensor *tmem_tensor_new_shared(enum tmem_dtype dtype,
					   unsigned int ndim,
					   const int64_t *shape,
					   unsigned int flags)
{
	size_t item = tmem_dtype_size(dtype);
	int64_t strides[TMEM_TENSOR_DIMS];
	struct tmem_tensor_plan plan = {
		.dtype = dtype,
		.geometry = { ndim, shape, strides },
	};
	struct shared *shared;
	int err;

	if (!item || flags & ~TMEM_TENSOR_ZERO)
		return share_refuse(-EINVAL);
	err = tmem_shape_count(ndim, shape, item, &plan.count);
	if (!err)
		err = tmem_init(NULL);
	if (err)
		return share_refuse(err);
	tmem_shape_compact(ndim, shape, strides);
	shared = tmem_record_get(sizeof(*shared));
	if (!shared)
		return NULL;
	err = shared_open(shared, plan.count * item);
	if (err) {
		tmem_record_put(shared, sizeof(*shared));
		return share_refuse(err);
	}
	return shared_tensor(shared, &plan);
}

int tmem_tensor_share(const struct tmem_tensor *tensor,
		      struct tmem_tensor_share *to)
{
	struct tmem_tensor_share share = TMEM_TENSOR_SHARE_INIT;
	const struct shared *shared;

	if (!tmem_tensor_ok(tensor))
		return -EINVAL;
	if (tensor->storage->ops != &shared_ops)
		return -ENOTSUP;
	shared = tensor->storage->origin;
	share.fd = shared->file.fd;
	share.dtype = tensor->dtype;
	share.ndim = tensor->ndim;
	share.offset = (uint64_t)tensor->offset;
	if (tensor->ndim) {
		memcpy(share.shape, tensor->dim,
		       tensor->ndim * sizeof(*share.shape));
		memcpy(share.strides, tensor->dim + tensor->ndim,
		       tensor->ndim * sizeof(*share.strides));
	}
	return tmem_struct_put(to, &share, sizeof(share)) ? 0 : -EINVAL;
}

/* The fields make sense by themselves.  0 or -errno. */
static int attach_plan(const struct tmem_tensor_share *share,
		       unsigned int flags, struct tmem_tensor_plan *plan)
{
	size_t item = tmem_dtype_info(share->dtype)->size;

	*plan = (struct tmem_tensor_plan){
		.dtype = share->dtype,
		.readonly = flags & TMEM_TENSOR_READONLY,
		.geometry = { share->ndim, share->shape, share->strides },
		.offset = (int64_t)share->offset,
	};
	if (!item || share->offset > INT64_MAX ||
	    share->offset % tmem_dtype_info(share->dtype)->align)
		return -EINVAL;
	return tmem_shape_count(share->ndim, share->shape, item, &plan->count);
}

/* All elements are in the file.  0 or -errno. */
static int attach_fits(struct tmem_tensor_plan *plan, uint64_t size)
{
	int64_t low, high;
	int err;

	err = tmem_shape_extent(&plan->geometry,
				tmem_dtype_info(plan->dtype)->size, &low,
				&high);
	if (err)
		return err;
	if (!plan->count) {
		plan->offset = 0;
		return 0;
	}
	if (size > INT64_MAX ||
	    __builtin_add_overflow(plan->offset, low, &low) ||
	    __builtin_add_overflow(plan->offset, high, &high) || low < 0 ||
	    high > (int64_t)size)
		return -ERANGE;
	plan->readonly |= tmem_shape_repeats(&plan->geometry);
	return 0;
}

static int attach_open(struct shared *shared, struct tmem_tensor_plan *plan,
		       int fd, unsigned int flags)
{
	int err = tmem_file_open(&shared->file, fd);

	if (err)
		return err;
	err = attach_fits(plan, shared->file.size);
	if (!err)
		err = shared_map(shared, flags & TMEM_TENSOR_READONLY ?
						 PROT_READ :
						 PROT_READ | PROT_WRITE);
	if (err)
		tmem_file_close(&shared->file);
	return err;
}

struct tmem_tensor *tmem_tensor_attach(const struct tmem_tensor_share *from,
				       unsigned int flags)
{
	struct tmem_tensor_share share = TMEM_TENSOR_SHARE_INIT;
	struct tmem_tensor *tensor;
	struct tmem_tensor_plan plan;
	struct shared *shared;
	int err;

	if (!from || flags & ~TMEM_TENSOR_READONLY ||
	    !tmem_struct_get(&share, sizeof(share), from))
		return share_refuse(-EINVAL);
	err = attach_plan(&share, flags, &plan);
	if (err)
		return share_refuse(err);
	shared = tmem_record_get(sizeof(*shared));
	if (!shared)
		return NULL;
	err = attach_open(shared, &plan, share.fd, flags);
	if (err) {
		tmem_record_put(shared, sizeof(*shared));
		return share_refuse(err);
	}
	tensor = shared_tensor(shared, &plan);
	if (tensor)
		tmem_tensor_count_view();
	return tensor;
}
