// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Shapes and strides by numpy's rules.
 *
 * Reshaping without a copy: walk both shapes from the front, in groups of as
 * many elements.  A group of old dimensions can be cut in another way if its
 * elements are equally far apart, which is so if each stride is the next one
 * times the next dimension.  Dimensions of 1 say nothing and are left out.
 */
#include "tensor/shape.h"

#include <errno.h>
#include <tmem/tensor.h>

int tmem_shape_count(unsigned int ndim, const int64_t *shape, size_t item,
		     uint64_t *count)
{
	int64_t bytes = (int64_t)item;
	bool none = false;
	unsigned int i;

	if (ndim > TMEM_TENSOR_DIMS || (ndim && !shape))
		return -EINVAL;
	for (i = 0; i < ndim; i++)
		if (shape[i] < 0)
			return -EINVAL;
	for (i = 0; i < ndim; i++) {
		none |= !shape[i];
		if (shape[i] && __builtin_mul_overflow(bytes, shape[i], &bytes))
			return -EOVERFLOW;
	}
	*count = none ? 0 : (uint64_t)bytes / item;
	return 0;
}

void tmem_shape_compact(unsigned int ndim, const int64_t *shape,
			int64_t *strides)
{
	int64_t stride = 1;

	while (ndim--) {
		strides[ndim] = stride;
		if (shape[ndim])
			stride *= shape[ndim];
	}
}

static bool shape_is_empty(unsigned int ndim, const int64_t *shape)
{
	while (ndim--)
		if (!shape[ndim])
			return true;
	return false;
}

bool tmem_shape_is_compact(const struct tmem_shape *s)
{
	unsigned int i = s->ndim;
	int64_t stride = 1;

	if (shape_is_empty(s->ndim, s->shape))
		return true;
	while (i--) {
		if (s->shape[i] == 1)
			continue;
		if (s->strides[i] != stride)
			return false;
		stride *= s->shape[i];
	}
	return true;
}

bool tmem_shape_repeats(const struct tmem_shape *s)
{
	unsigned int i;

	if (shape_is_empty(s->ndim, s->shape))
		return false;
	for (i = 0; i < s->ndim; i++)
		if (s->shape[i] > 1 && !s->strides[i])
			return true;
	return false;
}

int tmem_shape_extent(const struct tmem_shape *s, size_t item, int64_t *low,
		      int64_t *high)
{
	int64_t first = 0, last = 0, reach;
	unsigned int i;

	*low = 0;
	*high = 0;
	if (shape_is_empty(s->ndim, s->shape))
		return 0;
	for (i = 0; i < s->ndim; i++) {
		if (__builtin_mul_overflow(s->shape[i] - 1, s->strides[i],
					   &reach) ||
		    (reach < 0 &&
		     __builtin_add_overflow(first, reach, &first)) ||
		    (reach > 0 && __builtin_add_overflow(last, reach, &last)))
			return -EOVERFLOW;
	}
	if (__builtin_add_overflow(last, 1, &last) ||
	    __builtin_mul_overflow(first, (int64_t)item, low) ||
	    __builtin_mul_overflow(last, (int64_t)item, high))
		return -EOVERFLOW;
	return 0;
}

int tmem_shape_infer(unsigned int ndim, const int64_t *shape, uint64_t count,
		     size_t item, int64_t *to)
{
	unsigned int i, unknown = TMEM_TENSOR_DIMS;
	uint64_t known;
	int err;

	if (ndim > TMEM_TENSOR_DIMS || (ndim && !shape))
		return -EINVAL;
	for (i = 0; i < ndim; i++) {
		to[i] = shape[i];
		if (shape[i] != -1)
			continue;
		if (unknown != TMEM_TENSOR_DIMS)
			return -EINVAL;
		unknown = i;
		to[i] = 1;
	}
	err = tmem_shape_count(ndim, to, item, &known);
	if (err)
		return err;
	if (unknown != TMEM_TENSOR_DIMS) {
		if (!known || count % known)
			return -EINVAL;
		to[unknown] = (int64_t)(count / known);
		known *= count / known;
	}
	return known == count ? 0 : -EINVAL;
}

/* Dimensions of 1 left out; how many there are. */
static unsigned int shape_squeeze(const struct tmem_shape *s, int64_t *shape,
				  int64_t *strides)
{
	unsigned int i, n = 0;

	for (i = 0; i < s->ndim; i++) {
		if (s->shape[i] == 1)
			continue;
		shape[n] = s->shape[i];
		strides[n++] = s->strides[i];
	}
	return n;
}

/* Old dimensions [from, to) are equally spaced. */
static bool group_is_even(const int64_t *shape, const int64_t *strides,
			  unsigned int from, unsigned int to)
{
	unsigned int i;
	int64_t reach;

	for (i = from; i + 1 < to; i++)
		if (__builtin_mul_overflow(shape[i + 1], strides[i + 1],
					   &reach) ||
		    strides[i] != reach)
			return false;
	return true;
}

bool tmem_shape_restride(const struct tmem_shape *s, unsigned int ndim,
			 const int64_t *shape, int64_t *strides)
{
	int64_t old[TMEM_TENSOR_DIMS], step[TMEM_TENSOR_DIMS], have, want;
	unsigned int olds, i = 0, j = 0, k, m;

	tmem_shape_compact(ndim, shape, strides);
	if (shape_is_empty(ndim, shape))
		return true;
	olds = shape_squeeze(s, old, step);
	for (; i < olds && j < ndim; i = k, j = m) {
		have = old[i];
		want = shape[j];
		for (k = i + 1, m = j + 1; have != want;) {
			if (have < want)
				have *= old[k++];
			else
				want *= shape[m++];
		}
		if (!group_is_even(old, step, i, k))
			return false;
		strides[m - 1] = step[k - 1];
		for (unsigned int n = m - 1; n > j; n--)
			strides[n - 1] = strides[n] * shape[n];
	}
	/* What is left are dimensions of 1. */
	for (; j < ndim; j++)
		strides[j] = j ? strides[j - 1] : 1;
	return true;
}

bool tmem_shape_broadcast(const struct tmem_shape *s, unsigned int ndim,
			  const int64_t *shape, int64_t *strides)
{
	unsigned int i, front;

	if (ndim < s->ndim)
		return false;
	front = ndim - s->ndim;
	for (i = 0; i < front; i++)
		strides[i] = 0;
	for (; i < ndim; i++) {
		int64_t dim = s->shape[i - front];

		if (dim != shape[i] && dim != 1)
			return false;
		strides[i] = dim == shape[i] ? s->strides[i - front] : 0;
	}
	return true;
}
