// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Views: the same storage, seen in another way.
 */
#include <errno.h>
#include <string.h>

#include "tensor/tensor.h"

struct tmem_tensor *tmem_tensor_view(const struct tmem_tensor *t,
				     const struct tmem_tensor_plan *plan)
{
	struct tmem_tensor *view;

	tmem_storage_ref(t->storage);
	view = tmem_tensor_make(plan, t->storage);
	if (view)
		tmem_tensor_count_view();
	return view;
}

static struct tmem_tensor *view_refuse(int err)
{
	errno = err;
	return NULL;
}

/* A copy of what a tensor is, to be changed. */
struct view_draft {
	struct tmem_tensor_plan plan;
	int64_t shape[TMEM_TENSOR_DIMS];
	int64_t strides[TMEM_TENSOR_DIMS];
};

static void draft_begin(struct view_draft *d, const struct tmem_tensor *t)
{
	d->plan = tmem_tensor_plan_of(t);
	if (t->ndim) {
		memcpy(d->shape, d->plan.geometry.shape,
		       t->ndim * sizeof(*d->shape));
		memcpy(d->strides, d->plan.geometry.strides,
		       t->ndim * sizeof(*d->strides));
	}
	d->plan.geometry.shape = d->shape;
	d->plan.geometry.strides = d->strides;
}

/* All elements of a slice are there. */
static bool slice_is_inside(int64_t dim, int64_t start, int64_t count,
			    int64_t step)
{
	int64_t last;

	if (!step || count < 0 || start < 0)
		return false;
	if (!count)
		return start <= dim;
	if (__builtin_mul_overflow(count - 1, step, &last) ||
	    __builtin_add_overflow(last, start, &last))
		return false;
	return start < dim && last >= 0 && last < dim;
}

struct tmem_tensor *tmem_tensor_slice(struct tmem_tensor *tensor,
				      unsigned int dim, int64_t start,
				      int64_t count, int64_t step)
{
	struct view_draft d;

	if (!tmem_tensor_ok(tensor))
		return NULL;
	if (dim >= tensor->ndim ||
	    !slice_is_inside(tensor->dim[dim], start, count, step))
		return view_refuse(EINVAL);
	draft_begin(&d, tensor);
	/* No address is made of what has no elements. */
	if (tensor->count && count)
		d.plan.offset += start * d.strides[dim] * tensor->item;
	d.plan.count = tensor->dim[dim] ?
			       tensor->count / (uint64_t)tensor->dim[dim] *
				       (uint64_t)count :
			       0;
	d.shape[dim] = count;
	if (count > 1 && tensor->count)
		d.strides[dim] *= step;
	return tmem_tensor_view(tensor, &d.plan);
}

struct tmem_tensor *tmem_tensor_permute(struct tmem_tensor *tensor,
					const unsigned int *order)
{
	struct view_draft d;
	uint64_t seen = 0;
	unsigned int i;

	if (!tmem_tensor_ok(tensor))
		return NULL;
	if (tensor->ndim && !order)
		return view_refuse(EINVAL);
	draft_begin(&d, tensor);
	for (i = 0; i < tensor->ndim; i++) {
		if (order[i] >= tensor->ndim || seen & 1ULL << order[i])
			return view_refuse(EINVAL);
		seen |= 1ULL << order[i];
		d.shape[i] = tensor->dim[order[i]];
		d.strides[i] = tensor->dim[tensor->ndim + order[i]];
	}
	return tmem_tensor_view(tensor, &d.plan);
}

struct tmem_tensor *tmem_tensor_transpose(struct tmem_tensor *tensor,
					  unsigned int a, unsigned int b)
{
	unsigned int order[TMEM_TENSOR_DIMS], i;

	if (!tmem_tensor_ok(tensor))
		return NULL;
	if (a >= tensor->ndim || b >= tensor->ndim)
		return view_refuse(EINVAL);
	for (i = 0; i < tensor->ndim; i++)
		order[i] = i;
	order[a] = b;
	order[b] = a;
	return tmem_tensor_permute(tensor, order);
}

struct tmem_tensor *tmem_tensor_broadcast(struct tmem_tensor *tensor,
					  unsigned int ndim,
					  const int64_t *shape)
{
	struct view_draft d;
	struct tmem_shape old;
	int err;

	if (!tmem_tensor_ok(tensor))
		return NULL;
	draft_begin(&d, tensor);
	err = tmem_shape_count(ndim, shape, tensor->item, &d.plan.count);
	if (err)
		return view_refuse(-err);
	old = tmem_tensor_geometry(tensor);
	if (!tmem_shape_broadcast(&old, ndim, shape, d.strides))
		return view_refuse(EINVAL);
	d.plan.geometry =
		(struct tmem_shape){ ndim, ndim ? shape : d.shape, d.strides };
	d.plan.readonly |= tmem_shape_repeats(&d.plan.geometry);
	return tmem_tensor_view(tensor, &d.plan);
}

/* Strides do not allow it: a copy, and then they do. */
static struct tmem_tensor *reshape_copy(struct tmem_tensor *tensor,
					unsigned int ndim, const int64_t *shape)
{
	struct tmem_tensor *copy = tmem_tensor_copy(tensor), *view = NULL;
	int64_t strides[TMEM_TENSOR_DIMS];
	struct tmem_tensor_plan plan;

	if (!copy)
		return NULL;
	plan = tmem_tensor_plan_of(copy);
	tmem_shape_compact(ndim, shape, strides);
	plan.geometry = (struct tmem_shape){ ndim, shape, strides };
	tmem_storage_ref(copy->storage);
	view = tmem_tensor_make(&plan, copy->storage);
	tmem_tensor_unref(copy);
	return view;
}

struct tmem_tensor *tmem_tensor_reshape(struct tmem_tensor *tensor,
					unsigned int ndim, const int64_t *shape,
					unsigned int flags)
{
	struct tmem_shape old;
	struct view_draft d;
	int err;

	if (!tmem_tensor_ok(tensor))
		return NULL;
	if (flags & ~TMEM_TENSOR_COPY)
		return view_refuse(EINVAL);
	draft_begin(&d, tensor);
	err = tmem_shape_infer(ndim, shape, tensor->count, tensor->item,
			       d.shape);
	if (err)
		return view_refuse(-err);
	old = tmem_tensor_geometry(tensor);
	d.plan.geometry.ndim = ndim;
	if (tmem_shape_restride(&old, ndim, d.shape, d.strides))
		return tmem_tensor_view(tensor, &d.plan);
	if (!(flags & TMEM_TENSOR_COPY))
		return view_refuse(EINVAL);
	return reshape_copy(tensor, ndim, d.shape);
}
