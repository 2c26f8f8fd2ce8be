/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of tensors share: short ways to make one and to look at it.
 * Nothing here asserts: that is the test's work.
 */
#ifndef TENSOR_TEST_H
#define TENSOR_TEST_H

#include "lib_test.h"

#define SHAPE(...) ((const int64_t[]){ __VA_ARGS__ })
#define ORDER(...) ((const unsigned int[]){ __VA_ARGS__ })
#define NDIM(...) ((unsigned int)(sizeof(SHAPE(__VA_ARGS__)) / 8))

static inline struct tmem_tensor_stats tt_stats(void)
{
	struct tmem_tensor_stats stats = TMEM_TENSOR_STATS_INIT;

	if (tmem_tensor_stats_get(&stats))
		memset(&stats, 0xff, sizeof(stats));
	return stats;
}

/* Of int32, the elements counted up from 0 in row-major order. */
static inline struct tmem_tensor *tt_range(unsigned int ndim,
					   const int64_t *shape)
{
	struct tmem_tensor *t = tmem_tensor_new_dtype(TMEM_I32, ndim, shape, 0);
	int32_t *data = t ? tmem_tensor_write(t) : NULL, i;

	for (i = 0; data && i < (int32_t)tmem_tensor_elements(t); i++)
		data[i] = i;
	return t;
}

/* The address of the n-th element in row-major order. */
static inline const char *tt_at(const struct tmem_tensor *t, uint64_t n)
{
	const int64_t *shape = tmem_tensor_shape(t);
	const int64_t *strides = tmem_tensor_strides(t);
	int64_t item = (int64_t)tmem_dtype_size(tmem_tensor_dtype(t));
	const char *p = tmem_tensor_data(t);
	unsigned int i = tmem_tensor_ndim(t);

	while (i--) {
		p += (int64_t)(n % (uint64_t)shape[i]) * strides[i] * item;
		n /= (uint64_t)shape[i];
	}
	return p;
}

static inline int32_t tt_i32(const struct tmem_tensor *t, uint64_t n)
{
	int32_t value;

	memcpy(&value, tt_at(t, n), sizeof(value));
	return value;
}

/* Its shape, and its elements. */
static inline bool tt_is(const struct tmem_tensor *t, unsigned int ndim,
			 const int64_t *shape, const int32_t *values)
{
	uint64_t i;

	if (!t || tmem_tensor_ndim(t) != ndim)
		return false;
	for (i = 0; i < ndim; i++)
		if (tmem_tensor_shape(t)[i] != shape[i])
			return false;
	for (i = 0; i < tmem_tensor_elements(t); i++) {
		if (tt_i32(t, i) == values[i])
			continue;
		printf("# element %d is %d, not %d\n", (int)i,
		       (int)tt_i32(t, i), (int)values[i]);
		return false;
	}
	return true;
}

/* No tensor, no storage and no block is left. */
static inline bool tt_none_left(void)
{
	struct tmem_tensor_stats stats = tt_stats();

	if (!stats.tensors && !stats.storages && !lt_stats().live_blocks)
		return true;
	printf("# %d tensors, %d storages, %d blocks left\n",
	       (int)stats.tensors, (int)stats.storages,
	       (int)lt_stats().live_blocks);
	return false;
}

#endif /* TENSOR_TEST_H */
