// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that a tensor is made of what was asked for, by either way to say the
 * type, at its edges (no dimensions, no elements, 64 dimensions, products that
 * overflow); that it lives as long as the last reference and its memory as long
 * as the last view; that what is gone is told from what is there; that lazy
 * copies are copied when either side is written to, once, and not before; and
 * that the figures add up.
 */
#include "tensor_test.h"

TEST(dtypes)
{
	unsigned int i;

	EXPECT_EQ(0U, tmem_dtype_size((enum tmem_dtype)0));
	EXPECT_EQ(NULL, tmem_dtype_name((enum tmem_dtype)0));
	EXPECT_EQ(0U, tmem_dtype_size((enum tmem_dtype)(TMEM_C128 + 1)));
	EXPECT_EQ(0U, tmem_dtype_size((enum tmem_dtype) - 1));
	for (i = TMEM_F32; i <= TMEM_C128; i++) {
		EXPECT_LT(0U, tmem_dtype_size((enum tmem_dtype)i));
		EXPECT_NE(NULL, tmem_dtype_name((enum tmem_dtype)i));
	}
	EXPECT_EQ(4U, tmem_dtype_size(TMEM_F32));
	EXPECT_EQ(16U, tmem_dtype_size(TMEM_C128));
	EXPECT_STREQ("bf16", tmem_dtype_name(TMEM_BF16));
}

TEST(made_by_manager_and_by_type)
{
	struct tmem_manager_stats stats = TMEM_MANAGER_STATS_INIT;
	struct tmem_tensor *a, *b, *c;

	a = tmem_tensor_new(tmem_manager_f32(), 2, SHAPE(100, 20),
			    TMEM_TENSOR_ZERO);
	b = tmem_tensor_new(tmem_manager_f64(), 3, SHAPE(5, 0, 7), 0);
	c = tmem_tensor_new_dtype(TMEM_U8, 3, SHAPE(3, 4, 5), 0);
	ASSERT_NE(NULL, a);
	ASSERT_NE(NULL, b);
	ASSERT_NE(NULL, c);
	EXPECT_EQ(TMEM_F32, tmem_tensor_dtype(a));
	EXPECT_EQ(2U, tmem_tensor_ndim(a));
	EXPECT_EQ(100, tmem_tensor_shape(a)[0]);
	EXPECT_EQ(20, tmem_tensor_strides(a)[0]);
	EXPECT_EQ(1, tmem_tensor_strides(a)[1]);
	EXPECT_EQ(2000U, tmem_tensor_elements(a));
	EXPECT_EQ(0U, (uintptr_t)tmem_tensor_data(a) % 64);
	EXPECT_TRUE(lt_zero(tmem_tensor_data(a), 8000));
	EXPECT_TRUE(tmem_tensor_is_compact(a));
	EXPECT_FALSE(tmem_tensor_is_readonly(a));
	EXPECT_EQ(TMEM_F64, tmem_tensor_dtype(b));
	EXPECT_EQ(0U, tmem_tensor_elements(b));
	EXPECT_EQ(60U, tmem_tensor_elements(c));
	EXPECT_EQ(20, tmem_tensor_strides(c)[0]);
	ASSERT_EQ(0, tmem_manager_stats_get(tmem_manager_f32(), &stats));
	EXPECT_EQ(1U, stats.requests[tmem_tier_of(2000)]);
	EXPECT_EQ(3U, tt_stats().tensors);
	EXPECT_EQ(3U, tt_stats().made);
	tmem_tensor_unref(a);
	tmem_tensor_unref(b);
	tmem_tensor_unref(c);
	EXPECT_TRUE(tt_none_left());
}

TEST(zero_is_zero_where_memory_was_used)
{
	const size_t sizes[] = { 1, 100, 5000, 40000, 300000, 3 * LT_MIB };
	struct tmem_tensor *t;
	int64_t n;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		n = (int64_t)sizes[i];
		t = tmem_tensor_new_dtype(TMEM_U8, 1, &n, 0);
		memset(tmem_tensor_write(t), 0xee, sizes[i]);
		tmem_tensor_unref(t);
		t = tmem_tensor_new_dtype(TMEM_U8, 1, &n, TMEM_TENSOR_ZERO);
		ASSERT_NE(NULL, t);
		EXPECT_TRUE(lt_zero(tmem_tensor_data(t), sizes[i]));
		tmem_tensor_unref(t);
	}
}

TEST(scalars_and_nothing)
{
	struct tmem_tensor *scalar =
		tmem_tensor_new_dtype(TMEM_I32, 0, NULL, TMEM_TENSOR_ZERO);
	struct tmem_tensor *none =
		tmem_tensor_new_dtype(TMEM_I32, 1, SHAPE(0), 0);
	struct tmem_tensor *view;

	ASSERT_NE(NULL, scalar);
	ASSERT_NE(NULL, none);
	EXPECT_EQ(1U, tmem_tensor_elements(scalar));
	EXPECT_TRUE(tmem_tensor_is_compact(scalar));
	EXPECT_EQ(0, *(const int32_t *)tmem_tensor_data(scalar));
	*(int32_t *)tmem_tensor_write(scalar) = 5;
	view = tmem_tensor_reshape(scalar, 3, SHAPE(1, 1, 1), 0);
	EXPECT_TRUE(tt_is(view, 3, SHAPE(1, 1, 1), (int32_t[]){ 5 }));
	tmem_tensor_unref(view);
	view = tmem_tensor_broadcast(scalar, 2, SHAPE(2, 2));
	EXPECT_TRUE(tt_is(view, 2, SHAPE(2, 2), (int32_t[]){ 5, 5, 5, 5 }));
	tmem_tensor_unref(view);
	view = tmem_tensor_permute(scalar, NULL);
	EXPECT_NE(NULL, view);
	tmem_tensor_unref(view);
	view = tmem_tensor_copy(scalar);
	EXPECT_EQ(5, tt_i32(view, 0));
	tmem_tensor_unref(view);

	EXPECT_EQ(0U, tmem_tensor_elements(none));
	EXPECT_TRUE(tmem_tensor_is_compact(none));
	EXPECT_NE(NULL, tmem_tensor_data(none));
	view = tmem_tensor_slice(none, 0, 0, 0, 1);
	EXPECT_NE(NULL, view);
	tmem_tensor_unref(view);
	view = tmem_tensor_reshape(none, 3, SHAPE(3, 0, 9), 0);
	EXPECT_NE(NULL, view);
	tmem_tensor_unref(view);
	view = tmem_tensor_copy(none);
	EXPECT_NE(NULL, view);
	tmem_tensor_unref(view);
	tmem_tensor_unref(none);
	tmem_tensor_unref(scalar);
	EXPECT_TRUE(tt_none_left());
}

TEST(refused)
{
	int64_t dims[TMEM_TENSOR_DIMS + 1];
	struct tmem_tensor *t;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(dims); i++)
		dims[i] = 1;
#define REFUSED(err, ...)                                            \
	do {                                                         \
		errno = 0;                                           \
		EXPECT_EQ(NULL, tmem_tensor_new_dtype(__VA_ARGS__)); \
		EXPECT_EQ(err, errno);                               \
	} while (0)
	REFUSED(EINVAL, (enum tmem_dtype)0, 1, SHAPE(4), 0);
	REFUSED(EINVAL, (enum tmem_dtype)99, 1, SHAPE(4), 0);
	REFUSED(EINVAL, TMEM_F32, 2, SHAPE(4, -1), 0);
	REFUSED(EINVAL, TMEM_F32, 1, SHAPE(INT64_MIN), 0);
	REFUSED(EINVAL, TMEM_F32, 2, NULL, 0);
	REFUSED(EINVAL, TMEM_F32, TMEM_TENSOR_DIMS + 1, dims, 0);
	REFUSED(EINVAL, TMEM_F32, UINT_MAX, dims, 0);
	REFUSED(EINVAL, TMEM_F32, 1, SHAPE(4), TMEM_TENSOR_COPY);
	REFUSED(EOVERFLOW, TMEM_F32, 1, SHAPE(INT64_MAX), 0);
	REFUSED(EOVERFLOW, TMEM_U8, 2, SHAPE(1LL << 32, 1LL << 32), 0);
	/* As in numpy, also where nothing is asked for in the end. */
	REFUSED(EOVERFLOW, TMEM_U8, 3, SHAPE(1LL << 32, 0, 1LL << 32), 0);
	REFUSED(ENOMEM, TMEM_U8, 1, SHAPE(INT64_MAX), 0);
	errno = 0;
	EXPECT_EQ(NULL, tmem_tensor_new(NULL, 1, SHAPE(4), 0));
	EXPECT_EQ(EINVAL, errno);
	t = tmem_tensor_new_dtype(TMEM_F32, TMEM_TENSOR_DIMS, dims, 0);
	EXPECT_NE(NULL, t);
	tmem_tensor_unref(t);
	EXPECT_TRUE(tt_none_left());
	/* Whatever was refused, no block was lost on the way. */
	EXPECT_EQ(lt_stats().allocs, lt_stats().frees);
}

TEST(a_base_lives_as_long_as_a_view)
{
	struct tmem_tensor *t = tt_range(2, SHAPE(1000, 1000)), *row, *part;

	ASSERT_NE(NULL, t);
	row = tmem_tensor_slice(t, 0, 7, 1, 1);
	tmem_tensor_unref(t);
	ASSERT_NE(NULL, row);
	EXPECT_EQ(1U, tt_stats().tensors);
	EXPECT_EQ(7123, tt_i32(row, 123));
	part = tmem_tensor_slice(row, 1, 500, 10, 1);
	EXPECT_EQ(part, tmem_tensor_ref(part));
	tmem_tensor_unref(row);
	tmem_tensor_unref(part);
	EXPECT_EQ(7505, tt_i32(part, 5));
	EXPECT_EQ(1U, lt_stats().live_blocks);
	tmem_tensor_unref(part);
	EXPECT_TRUE(tt_none_left());
	tmem_tensor_unref(NULL);
}

TEST(what_is_gone_is_told)
{
	struct tmem_tensor *t = tt_range(1, SHAPE(4)), *other;
	struct tmem_tensor_share share = TMEM_TENSOR_SHARE_INIT;
	struct lt_log log;

	ASSERT_NE(NULL, t);
	tmem_tensor_unref(t);
	lt_listen(&log);
	other = tt_range(1, SHAPE(4));
	EXPECT_NE(t, other);
	errno = 77;
	tmem_tensor_unref(t);
	EXPECT_TRUE(lt_heard(&log, TMEM_LOG_ERROR, "tmem_tensor_unref"));
	EXPECT_EQ(77, errno);
	EXPECT_EQ(NULL, tmem_tensor_ref(t));
	EXPECT_TRUE(lt_heard(&log, TMEM_LOG_ERROR, "tmem_tensor_ref"));
	EXPECT_EQ(NULL, tmem_tensor_data(t));
	EXPECT_EQ(NULL, tmem_tensor_write(t));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(NULL, tmem_tensor_slice(t, 0, 0, 1, 1));
	EXPECT_EQ(NULL, tmem_tensor_reshape(t, 1, SHAPE(4), 0));
	EXPECT_EQ(NULL, tmem_tensor_broadcast(t, 1, SHAPE(4)));
	EXPECT_EQ(NULL, tmem_tensor_copy(t));
	EXPECT_EQ(NULL, tmem_tensor_lazy_copy(t));
	EXPECT_EQ(NULL, tmem_tensor_to_dlpack(t));
	EXPECT_EQ(-EINVAL, tmem_tensor_share(t, &share));
	EXPECT_EQ(9U, atomic_load(&log.lines));
	EXPECT_EQ(11U, lt_stats().misuse);
	/* NULL is no tensor either, and nothing to talk about. */
	EXPECT_EQ(NULL, tmem_tensor_ref(NULL));
	EXPECT_EQ(0U, tmem_tensor_elements(NULL));
	EXPECT_EQ(NULL, tmem_tensor_shape(NULL));
	EXPECT_EQ(9U, atomic_load(&log.lines));
	EXPECT_EQ(3, tt_i32(other, 3));
	tmem_tensor_unref(other);
	EXPECT_TRUE(tt_none_left());
	tmem_set_log(NULL, NULL);
}

TEST(lazy_copies)
{
	struct tmem_tensor *a = tt_range(1, SHAPE(6)), *row, *b, *c;
	const void *shared;

	ASSERT_NE(NULL, a);
	row = tmem_tensor_slice(a, 0, 2, 2, 1);
	b = tmem_tensor_lazy_copy(a);
	c = tmem_tensor_lazy_copy(row);
	ASSERT_NE(NULL, c);
	shared = tmem_tensor_data(a);
	EXPECT_EQ(shared, tmem_tensor_data(b));
	EXPECT_EQ(1U, lt_stats().live_blocks);
	EXPECT_EQ(0U, tt_stats().copies);
	EXPECT_EQ(3U, tt_stats().views);
	/* The storage of a moves, and its view with it; b and c stay. */
	((int32_t *)tmem_tensor_write(row))[0] = 50;
	EXPECT_EQ(1U, tt_stats().copies);
	EXPECT_EQ(24U, tt_stats().copied_bytes);
	EXPECT_NE(shared, tmem_tensor_data(a));
	EXPECT_EQ(50, tt_i32(a, 2));
	EXPECT_EQ(2, tt_i32(b, 2));
	EXPECT_EQ(2, tt_i32(c, 0));
	/* Now a is alone with its memory. */
	((int32_t *)tmem_tensor_write(a))[3] = 51;
	EXPECT_EQ(51, tt_i32(row, 1));
	EXPECT_EQ(1U, tt_stats().copies);
	((int32_t *)tmem_tensor_write(c))[0] = 60;
	EXPECT_EQ(2, tt_i32(b, 2));
	EXPECT_EQ(2U, tt_stats().copies);
	/* b is the last that has the old memory. */
	((int32_t *)tmem_tensor_write(b))[2] = 70;
	EXPECT_EQ(shared, tmem_tensor_data(b));
	EXPECT_EQ(2U, tt_stats().copies);
	EXPECT_EQ(60, tt_i32(c, 0));
	tmem_tensor_unref(a);
	tmem_tensor_unref(b);
	tmem_tensor_unref(row);
	EXPECT_EQ(60, tt_i32(c, 0));
	EXPECT_EQ(3, tt_i32(c, 1));
	tmem_tensor_unref(c);
	EXPECT_TRUE(tt_none_left());
}

TEST(a_lazy_copy_never_written_costs_nothing)
{
	struct tmem_tensor *a = tt_range(1, SHAPE(100)), *b;

	b = tmem_tensor_lazy_copy(a);
	tmem_tensor_unref(a);
	EXPECT_EQ(99, tt_i32(b, 99));
	EXPECT_NE(NULL, tmem_tensor_write(b));
	EXPECT_EQ(0U, tt_stats().copies);
	tmem_tensor_unref(b);
	EXPECT_TRUE(tt_none_left());
}

TEST(read_only)
{
	struct tmem_tensor *t = tt_range(1, SHAPE(3)), *wide, *view, *copy;

	wide = tmem_tensor_broadcast(t, 2, SHAPE(4, 3));
	ASSERT_NE(NULL, wide);
	EXPECT_TRUE(tmem_tensor_is_readonly(wide));
	errno = 0;
	EXPECT_EQ(NULL, tmem_tensor_write(wide));
	EXPECT_EQ(EACCES, errno);
	view = tmem_tensor_slice(wide, 0, 1, 1, 1);
	EXPECT_TRUE(tmem_tensor_is_readonly(view));
	copy = tmem_tensor_copy(wide);
	EXPECT_FALSE(tmem_tensor_is_readonly(copy));
	EXPECT_TRUE(tt_is(copy, 2, SHAPE(4, 3),
			  (int32_t[]){ 0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2 }));
	EXPECT_NE(NULL, tmem_tensor_write(copy));
	tmem_tensor_unref(copy);
	copy = tmem_tensor_lazy_copy(wide);
	EXPECT_TRUE(tmem_tensor_is_readonly(copy));
	tmem_tensor_unref(copy);
	tmem_tensor_unref(view);
	tmem_tensor_unref(wide);
	/* Nothing is repeated by it: the same elements. */
	wide = tmem_tensor_broadcast(t, 2, SHAPE(1, 3));
	EXPECT_FALSE(tmem_tensor_is_readonly(wide));
	tmem_tensor_unref(wide);
	tmem_tensor_unref(t);
	EXPECT_TRUE(tt_none_left());
}

TEST(no_memory)
{
	struct tmem_config config = TMEM_CONFIG_INIT;
	struct tmem_tensor *a, *b;

	config.backend = lt_backend();
	config.max_bytes = 8 * LT_MIB;
	ASSERT_EQ(0, tmem_init(&config));
	a = tmem_tensor_new_dtype(TMEM_U8, 1, SHAPE(6 * LT_MIB), 0);
	ASSERT_NE(NULL, a);
	memset(tmem_tensor_write(a), 0x5a, 6 * LT_MIB);
	errno = 0;
	EXPECT_EQ(NULL, tmem_tensor_copy(a));
	EXPECT_EQ(ENOMEM, errno);
	b = tmem_tensor_lazy_copy(a);
	ASSERT_NE(NULL, b);
	errno = 0;
	EXPECT_EQ(NULL, tmem_tensor_write(b));
	EXPECT_EQ(ENOMEM, errno);
	EXPECT_EQ(NULL, tmem_tensor_to_dlpack(b));
	EXPECT_EQ(0x5a, *(const char *)tmem_tensor_data(b));
	tmem_tensor_unref(a);
	EXPECT_NE(NULL, tmem_tensor_write(b));
	tmem_tensor_unref(b);
	EXPECT_EQ(0U, tt_stats().tensors);
	EXPECT_EQ(0U, tt_stats().storages);
}

TEST(struct_size)
{
	struct tmem_tensor_stats stats = TMEM_TENSOR_STATS_INIT;

	stats.struct_size = 1;
	EXPECT_EQ(-EINVAL, tmem_tensor_stats_get(&stats));
	stats.struct_size = offsetof(struct tmem_tensor_stats, views);
	stats.views = 77;
	EXPECT_EQ(0, tmem_tensor_stats_get(&stats));
	EXPECT_EQ(77U, stats.views);
}

TEST_HARNESS_MAIN
