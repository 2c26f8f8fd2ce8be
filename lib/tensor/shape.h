/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Arithmetic of shapes and strides, without any memory behind them.  Numbers
 * come from anywhere: nothing here overflows without saying so.
 */
#ifndef TMEM_TENSOR_SHAPE_H
#define TMEM_TENSOR_SHAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* shape[] and strides[] have ndim numbers; strides count elements. */
struct tmem_shape {
	unsigned int ndim;
	const int64_t *shape;
	const int64_t *strides;
};

/*
 * The product of a shape.  0, -EINVAL: a negative dimension, or too many, or
 * -EOVERFLOW: with elements of item bytes it is more than a pointer difference
 * can say, dimensions of 0 left out.
 */
int tmem_shape_count(unsigned int ndim, const int64_t *shape, size_t item,
		     uint64_t *count);

/* Row-major, without gaps; of a shape that was counted. */
void tmem_shape_compact(unsigned int ndim, const int64_t *shape,
			int64_t *strides);

bool tmem_shape_is_compact(const struct tmem_shape *s);

/* Elements share an address: a dimension of 2 or more with a stride of 0. */
bool tmem_shape_repeats(const struct tmem_shape *s);

/*
 * The bytes that elements take, [*low, *high) from element [0, 0, ...]; both 0
 * if there are none.  0 or -EOVERFLOW.
 */
int tmem_shape_extent(const struct tmem_shape *s, size_t item, int64_t *low,
		      int64_t *high);

/*
 * A shape with one dimension of -1 at most becomes one of count elements.  0 or
 * -EINVAL, -EOVERFLOW.
 */
int tmem_shape_infer(unsigned int ndim, const int64_t *shape, uint64_t count,
		     size_t item, int64_t *to);

/*
 * The strides by which a shape of as many elements sees the same elements in
 * the same order.  false: there are none.
 */
bool tmem_shape_restride(const struct tmem_shape *s, unsigned int ndim,
			 const int64_t *shape, int64_t *strides);

/* The strides by which a larger shape repeats this one.  false: it does not. */
bool tmem_shape_broadcast(const struct tmem_shape *s, unsigned int ndim,
			  const int64_t *shape, int64_t *strides);

#endif /* TMEM_TENSOR_SHAPE_H */
