// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Tensors taken in by DLPack.  What comes in is believed in nothing that can
 * be checked: shape and strides are looked at before an address is made of
 * them.  That there is memory behind them is the producer's word.
 */
#include <errno.h>
#include <tmem/dlpack.h>

#include "tensor/dtype.h"
#include "tensor/tensor.h"

#define DEVICE_CPU 1
#define MAJOR 1u

static void plain_release(void *origin, char *base, size_t bytes)
{
	struct DLManagedTensor *managed = origin;

	(void)base;
	(void)bytes;
	if (managed->deleter)
		managed->deleter(managed);
}

static void versioned_release(void *origin, char *base, size_t bytes)
{
	struct DLManagedTensorVersioned *managed = origin;

	(void)base;
	(void)bytes;
	if (managed->deleter)
		managed->deleter(managed);
}

static const struct tmem_buffer_ops plain_ops = { .release = plain_release };
static const struct tmem_buffer_ops versioned_ops = {
	.release = versioned_release,
};

/* The elements lie within the half of the address space that programs have. */
static bool import_fits(uintptr_t at, int64_t low, int64_t high)
{
	return 0 - (uint64_t)low <= at && at <= INTPTR_MAX &&
	       (uint64_t)high <= INTPTR_MAX - at;
}

/* Where element [0, 0, ...] is.  0 or -errno. */
static int import_place(const DLTensor *from, const struct tmem_tensor_plan *p,
			char **at)
{
	const struct tmem_dtype_info *info = tmem_dtype_info(p->dtype);
	uintptr_t place = (uintptr_t)from->data;
	int64_t low, high;
	int err;

	err = tmem_shape_extent(&p->geometry, info->size, &low, &high);
	if (err)
		return err;
	*at = NULL;
	if (!p->count)
		return 0;
	if (!place)
		return -EINVAL;
	if (__builtin_add_overflow(place, from->byte_offset, &place) ||
	    !import_fits(place, low, high))
		return -EOVERFLOW;
	if (place % info->align)
		return -EINVAL;
	*at = (char *)place;
	return 0;
}

/* strides is room for those that are not given.  0 or -errno. */
static int import_plan(const DLTensor *from, struct tmem_tensor_plan *plan,
		       int64_t *strides)
{
	unsigned int ndim = (unsigned int)from->ndim;
	int err;

	if (from->ndim < 0 || ndim > TMEM_TENSOR_DIMS || (ndim && !from->shape))
		return -EINVAL;
	if ((int)from->device.device_type != DEVICE_CPU)
		return -ENODEV;
	plan->dtype = tmem_dtype_of_dlpack(from->dtype);
	if (!plan->dtype)
		return -ENOTSUP;
	err = tmem_shape_count(ndim, from->shape,
			       tmem_dtype_info(plan->dtype)->size,
			       &plan->count);
	if (err)
		return err;
	if (from->strides)
		strides = from->strides;
	else
		tmem_shape_compact(ndim, from->shape, strides);
	plan->geometry = (struct tmem_shape){ ndim, from->shape, strides };
	plan->readonly |= tmem_shape_repeats(&plan->geometry);
	return 0;
}

static struct tmem_tensor *import(const DLTensor *from, bool readonly,
				  const struct tmem_buffer_ops *ops,
				  void *managed)
{
	struct tmem_tensor_plan plan = { .readonly = readonly };
	int64_t strides[TMEM_TENSOR_DIMS];
	struct tmem_tensor *tensor;
	char *at = NULL;
	int err;

	err = import_plan(from, &plan, strides);
	if (!err)
		err = import_place(from, &plan, &at);
	if (err) {
		errno = -err;
		return NULL;
	}
	tensor = tmem_tensor_make_of(&plan, ops, managed, at, 0);
	if (!tensor)
		return NULL;
	atomic_fetch_add(&tmem_tensor_counts.imports, 1);
	tmem_tensor_count_view();
	return tensor;
}

struct tmem_tensor *tmem_tensor_from_dlpack(struct DLManagedTensor *managed)
{
	if (!managed) {
		errno = EINVAL;
		return NULL;
	}
	return import(&managed->dl_tensor, false, &plain_ops, managed);
}

struct tmem_tensor *
tmem_tensor_from_dlpack_versioned(struct DLManagedTensorVersioned *managed)
{
	if (!managed) {
		errno = EINVAL;
		return NULL;
	}
	if (managed->version.major != MAJOR) {
		errno = ENOTSUP;
		return NULL;
	}
	return import(&managed->dl_tensor,
		      managed->flags & DLPACK_FLAG_BITMASK_READ_ONLY,
		      &versioned_ops, managed);
}
