// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that views show the right elements: slices forwards and backwards,
 * transposed, permuted, broadcast and reshaped ones, by small examples worked
 * out by hand, and random chains of them beside a model that knows for each
 * element which one of the base it is.  A reshape is a view exactly when the
 * model's distances allow one.
 */
#include "tensor_test.h"

#define STEPS LT_COUNT(4000, 600)
#define MODEL_MAX 4096

TEST(slices)
{
	struct tmem_tensor *t = tt_range(2, SHAPE(3, 4)), *s, *u;

	s = tmem_tensor_slice(t, 1, 1, 2, 2);
	EXPECT_TRUE(tt_is(s, 2, SHAPE(3, 2), (int32_t[]){ 1, 3, 5, 7, 9, 11 }));
	u = tmem_tensor_slice(s, 0, 2, 3, -1);
	EXPECT_TRUE(tt_is(u, 2, SHAPE(3, 2), (int32_t[]){ 9, 11, 5, 7, 1, 3 }));
	EXPECT_EQ(-4, tmem_tensor_strides(u)[0]);
	EXPECT_FALSE(tmem_tensor_is_compact(u));
	tmem_tensor_unref(s);
	s = tmem_tensor_slice(u, 1, 1, 2, -1);
	EXPECT_TRUE(tt_is(s, 2, SHAPE(3, 2), (int32_t[]){ 11, 9, 7, 5, 3, 1 }));
	tmem_tensor_unref(u);
	tmem_tensor_unref(s);
	/* What is written through a view is the base's. */
	s = tmem_tensor_slice(t, 0, 2, 1, 1);
	((int32_t *)tmem_tensor_write(s))[3] = 100;
	EXPECT_EQ(100, tt_i32(t, 11));
	tmem_tensor_unref(s);
	s = tmem_tensor_slice(t, 0, 3, 0, 1);
	EXPECT_NE(NULL, s);
	EXPECT_EQ(0U, tmem_tensor_elements(s));
	tmem_tensor_unref(s);
	tmem_tensor_unref(t);
	EXPECT_TRUE(tt_none_left());
}

TEST(slices_refused)
{
	static const int64_t bad[][3] = {
		{ 0, 5, 1 },	     { 4, 1, 1 },	  { -1, 1, 1 },
		{ 0, 1, 0 },	     { 0, -1, 1 },	  { 0, 2, -1 },
		{ 0, 3, 2 },	     { 5, 0, 1 },	  { 1, 2, INT64_MAX },
		{ 0, INT64_MAX, 3 }, { 1, 2, INT64_MIN },
	};
	struct tmem_tensor *t = tt_range(1, SHAPE(4));
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		errno = 0;
		EXPECT_EQ(NULL, tmem_tensor_slice(t, 0, bad[i][0], bad[i][1],
						  bad[i][2]));
		EXPECT_EQ(EINVAL, errno);
	}
	EXPECT_EQ(NULL, tmem_tensor_slice(t, 1, 0, 1, 1));
	tmem_tensor_unref(t);
	EXPECT_TRUE(tt_none_left());
}

TEST(permuted)
{
	struct tmem_tensor *t = tt_range(3, SHAPE(2, 1, 3)), *p;

	p = tmem_tensor_transpose(t, 0, 2);
	EXPECT_TRUE(
		tt_is(p, 3, SHAPE(3, 1, 2), (int32_t[]){ 0, 3, 1, 4, 2, 5 }));
	tmem_tensor_unref(p);
	p = tmem_tensor_permute(t, ORDER(1, 2, 0));
	EXPECT_TRUE(
		tt_is(p, 3, SHAPE(1, 3, 2), (int32_t[]){ 0, 3, 1, 4, 2, 5 }));
	tmem_tensor_unref(p);
	errno = 0;
	EXPECT_EQ(NULL, tmem_tensor_permute(t, ORDER(0, 1, 1)));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(NULL, tmem_tensor_permute(t, ORDER(0, 1, 3)));
	EXPECT_EQ(NULL, tmem_tensor_permute(t, ORDER(0, 1, UINT_MAX)));
	EXPECT_EQ(NULL, tmem_tensor_permute(t, NULL));
	EXPECT_EQ(NULL, tmem_tensor_transpose(t, 0, 3));
	tmem_tensor_unref(t);
	EXPECT_TRUE(tt_none_left());
}

TEST(broadcast)
{
	struct tmem_tensor *t = tt_range(2, SHAPE(3, 1)), *b;

	b = tmem_tensor_broadcast(t, 3, SHAPE(2, 3, 2));
	EXPECT_TRUE(tt_is(b, 3, SHAPE(2, 3, 2),
			  (int32_t[]){ 0, 0, 1, 1, 2, 2, 0, 0, 1, 1, 2, 2 }));
	tmem_tensor_unref(b);
	b = tmem_tensor_broadcast(t, 2, SHAPE(3, 0));
	EXPECT_NE(NULL, b);
	tmem_tensor_unref(b);
	errno = 0;
	EXPECT_EQ(NULL, tmem_tensor_broadcast(t, 2, SHAPE(2, 2)));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(NULL, tmem_tensor_broadcast(t, 1, SHAPE(3)));
	EXPECT_EQ(NULL, tmem_tensor_broadcast(t, 2, SHAPE(3, -1)));
	errno = 0;
	EXPECT_EQ(NULL, tmem_tensor_broadcast(t, 3, SHAPE(1LL << 61, 3, 1)));
	EXPECT_EQ(EOVERFLOW, errno);
	/* Large, and takes nothing; but a copy of it cannot be. */
	b = tmem_tensor_broadcast(t, 3, SHAPE(1LL << 57, 3, 1));
	ASSERT_NE(NULL, b);
	errno = 0;
	EXPECT_EQ(NULL, tmem_tensor_copy(b));
	EXPECT_EQ(ENOMEM, errno);
	tmem_tensor_unref(b);
	tmem_tensor_unref(t);
	EXPECT_TRUE(tt_none_left());
}

TEST(reshaped)
{
	struct tmem_tensor *t = tt_range(2, SHAPE(4, 6)), *r, *u;

	r = tmem_tensor_reshape(t, 3, SHAPE(2, -1, 3), 0);
	ASSERT_NE(NULL, r);
	EXPECT_EQ(4, tmem_tensor_shape(r)[1]);
	EXPECT_EQ(tmem_tensor_data(t), tmem_tensor_data(r));
	tmem_tensor_unref(r);
	/* Every other column: all 2 apart, so they can be cut and joined. */
	u = tmem_tensor_slice(t, 1, 0, 3, 2);
	r = tmem_tensor_reshape(u, 2, SHAPE(2, 6), 0);
	EXPECT_TRUE(tt_is(r, 2, SHAPE(2, 6),
			  (int32_t[]){ 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20,
				       22 }));
	tmem_tensor_unref(r);
	tmem_tensor_unref(u);
	/* Two of three: cut, not joined. */
	u = tmem_tensor_slice(t, 1, 0, 2, 2);
	r = tmem_tensor_reshape(u, 4, SHAPE(2, 2, 2, 1), 0);
	EXPECT_TRUE(tt_is(r, 4, SHAPE(2, 2, 2, 1),
			  (int32_t[]){ 0, 2, 6, 8, 12, 14, 18, 20 }));
	tmem_tensor_unref(r);
	EXPECT_EQ(NULL, tmem_tensor_reshape(u, 1, SHAPE(8), 0));
	tmem_tensor_unref(u);
	u = tmem_tensor_transpose(t, 0, 1);
	errno = 0;
	EXPECT_EQ(NULL, tmem_tensor_reshape(u, 1, SHAPE(24), 0));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(0U, tt_stats().copies);
	r = tmem_tensor_reshape(u, 2, SHAPE(3, 8), TMEM_TENSOR_COPY);
	EXPECT_EQ(1U, tt_stats().copies);
	EXPECT_EQ(6, tt_i32(r, 1));
	EXPECT_TRUE(tmem_tensor_is_compact(r));
	tmem_tensor_unref(r);
	tmem_tensor_unref(u);
#define REFUSED(err, flags, ...)                                           \
	do {                                                               \
		errno = 0;                                                 \
		EXPECT_EQ(NULL,                                            \
			  tmem_tensor_reshape(t, NDIM(__VA_ARGS__),        \
					      SHAPE(__VA_ARGS__), flags)); \
		EXPECT_EQ(err, errno);                                     \
	} while (0)
	REFUSED(EINVAL, 0, 5, 5);
	REFUSED(EINVAL, 0, -1, -1);
	REFUSED(EINVAL, 0, -1, 5);
	REFUSED(EINVAL, 0, -2, 12);
	REFUSED(EINVAL, 0, -1, 0);
	REFUSED(EINVAL, TMEM_TENSOR_ZERO, 24);
	REFUSED(EOVERFLOW, 0, INT64_MAX, INT64_MAX);
	tmem_tensor_unref(t);
	t = tmem_tensor_new_dtype(TMEM_I32, 2, SHAPE(0, 3), 0);
	REFUSED(EINVAL, 0, -1, 0);
	r = tmem_tensor_reshape(t, 2, SHAPE(-1, 7), 0);
	ASSERT_NE(NULL, r);
	EXPECT_EQ(0, tmem_tensor_shape(r)[0]);
	tmem_tensor_unref(r);
	tmem_tensor_unref(t);
	EXPECT_TRUE(tt_none_left());
}

/* A tensor, and what its elements are by another way of counting. */
struct model {
	struct tmem_tensor *t;
	unsigned int ndim;
	int64_t shape[8];
	int count;
	int32_t value[MODEL_MAX];
};

static int model_count(const struct model *m)
{
	int count = 1;
	unsigned int i;

	for (i = 0; i < m->ndim; i++)
		count *= (int)m->shape[i];
	return count;
}

static bool model_same(const struct model *m)
{
	return tt_is(m->t, m->ndim, m->shape, m->value);
}

static void model_become(struct model *m, struct tmem_tensor *t)
{
	tmem_tensor_unref(m->t);
	m->t = t;
}

static void model_start(struct model *m, uint64_t *random)
{
	unsigned int i;

	m->ndim = (unsigned int)lt_between(random, 0, 4);
	for (i = 0; i < m->ndim; i++)
		m->shape[i] = (int64_t)lt_between(random, 1, 6);
	m->count = model_count(m);
	model_become(m, tt_range(m->ndim, m->shape));
	for (i = 0; i < (unsigned int)m->count; i++)
		m->value[i] = (int32_t)i;
}

/* Where the n-th element is along each dimension. */
static void model_index(const struct model *m, int n, int64_t *index)
{
	unsigned int i = m->ndim;

	while (i--) {
		index[i] = n % m->shape[i];
		n /= (int)m->shape[i];
	}
}

static int model_number(const struct model *m, const int64_t *index)
{
	int64_t n = 0;
	unsigned int i;

	for (i = 0; i < m->ndim; i++)
		n = n * m->shape[i] + index[i];
	return (int)n;
}

static void model_slice(struct model *m, uint64_t *random)
{
	static struct model old;
	int64_t index[8], step, start, count;
	unsigned int dim;
	int i;

	if (!m->ndim)
		return;
	old = *m;
	dim = (unsigned int)(lt_random(random) % m->ndim);
	step = (int64_t)lt_between(random, 1, 3);
	start = (int64_t)(lt_random(random) % (uint64_t)m->shape[dim]);
	if (lt_random(random) % 2)
		step = -step;
	count = (step > 0 ? m->shape[dim] - 1 - start : start) /
			(step > 0 ? step : -step) +
		1;
	count = (int64_t)lt_between(random, 1, (size_t)count);
	m->shape[dim] = count;
	m->count = model_count(m);
	for (i = 0; i < m->count; i++) {
		model_index(m, i, index);
		index[dim] = start + index[dim] * step;
		m->value[i] = old.value[model_number(&old, index)];
	}
	model_become(m, tmem_tensor_slice(m->t, dim, start, count, step));
}

static void model_permute(struct model *m, uint64_t *random)
{
	static struct model old;
	int64_t index[8], from[8];
	unsigned int order[8], i, j, k;
	int n;

	old = *m;
	for (i = 0; i < m->ndim; i++)
		order[i] = i;
	for (i = 0; i + 1 < m->ndim; i++) {
		j = i + (unsigned int)(lt_random(random) % (m->ndim - i));
		k = order[i];
		order[i] = order[j];
		order[j] = k;
	}
	for (i = 0; i < m->ndim; i++)
		m->shape[i] = old.shape[order[i]];
	for (n = 0; n < m->count; n++) {
		model_index(m, n, index);
		for (i = 0; i < m->ndim; i++)
			from[order[i]] = index[i];
		m->value[n] = old.value[model_number(&old, from)];
	}
	model_become(m, tmem_tensor_permute(m->t, order));
}

static void model_broadcast(struct model *m, uint64_t *random)
{
	static struct model old;
	int64_t index[8], times = (int64_t)lt_between(random, 1, 3);
	int n;

	if (m->ndim > 5 || m->count * times > MODEL_MAX)
		return;
	old = *m;
	memmove(m->shape + 1, m->shape, m->ndim * sizeof(*m->shape));
	m->shape[0] = times;
	m->ndim++;
	m->count = model_count(m);
	for (n = 0; n < m->count; n++) {
		model_index(m, n, index);
		m->value[n] = old.value[model_number(&old, index + 1)];
	}
	model_become(m, tmem_tensor_broadcast(m->t, m->ndim, m->shape));
}

/* Into factors of the number of elements, in any order, some of them 1. */
static void model_reshape(struct model *m, uint64_t *random, bool *right)
{
	int left = m->count, factor;
	struct tmem_tensor *view;

	m->ndim = 0;
	while (left > 1 && m->ndim < 7) {
		factor = (int)lt_between(random, 1, (size_t)left);
		while (left % factor)
			factor--;
		m->shape[m->ndim++] = factor;
		left /= factor;
	}
	m->shape[m->ndim++] = left;
	view = tmem_tensor_reshape(m->t, m->ndim, m->shape, 0);
	if (!view) {
		/* Then it is not compact, and the copy is. */
		*right &= !tmem_tensor_is_compact(m->t);
		view = tmem_tensor_reshape(m->t, m->ndim, m->shape,
					   TMEM_TENSOR_COPY);
		*right &= view && tmem_tensor_is_compact(view);
	}
	model_become(m, view);
}

TEST(random_chains)
{
	static struct model m;
	uint64_t random = pace_seed();
	struct tmem_tensor *copy;
	bool right = true;
	int i;

	model_start(&m, &random);
	for (i = 0; i < STEPS; i++) {
		switch (lt_random(&random) % 6) {
		case 0:
			model_slice(&m, &random);
			break;
		case 1:
		case 2:
			model_permute(&m, &random);
			break;
		case 3:
			model_broadcast(&m, &random);
			break;
		case 4:
			model_reshape(&m, &random, &right);
			break;
		case 5:
			if (i % 4 == 0)
				model_start(&m, &random);
			break;
		}
		ASSERT_TRUE(right);
		ASSERT_TRUE(model_same(&m));
		copy = tmem_tensor_copy(m.t);
		ASSERT_TRUE(copy && tmem_tensor_is_compact(copy));
		ASSERT_TRUE(tt_is(copy, m.ndim, m.shape, m.value));
		tmem_tensor_unref(copy);
	}
	model_become(&m, NULL);
	EXPECT_TRUE(tt_none_left());
}

/* By brute force: a view is there if distances in the new shape are constant. */
static bool reshape_possible(const struct tmem_tensor *t, unsigned int ndim,
			     const int64_t *shape)
{
	uint64_t n, below = 1, count = tmem_tensor_elements(t), per;
	unsigned int i = ndim;
	int64_t want;

	while (i--) {
		if (shape[i] > 1) {
			want = tt_at(t, below) - tt_at(t, 0);
			per = below * (uint64_t)shape[i];
			for (n = 0; n + below < count; n++)
				if (n % per < per - below &&
				    tt_at(t, n + below) - tt_at(t, n) != want)
					return false;
		}
		below *= (uint64_t)shape[i];
	}
	return true;
}

TEST(a_reshape_is_a_view_where_one_is_possible)
{
	static struct model m;
	uint64_t random = pace_seed();
	struct tmem_tensor *view;
	int i, left, factor, views = 0;
	int64_t shape[8];
	unsigned int n;

	for (i = 0; i < STEPS; i++) {
		if (i % 3 == 0)
			model_start(&m, &random);
		model_permute(&m, &random);
		model_slice(&m, &random);
		for (n = 0, left = m.count; n < 4; n++) {
			factor = (int)lt_between(&random, 1, (size_t)left);
			while (left % factor)
				factor--;
			shape[n] = factor;
			left /= factor;
		}
		shape[n++] = left;
		view = tmem_tensor_reshape(m.t, n, shape, 0);
		ASSERT_EQ(reshape_possible(m.t, n, shape), view != NULL);
		views += view != NULL;
		tmem_tensor_unref(view);
	}
	EXPECT_LT(STEPS / 20, views);
	EXPECT_GT(STEPS - STEPS / 20, views);
	model_become(&m, NULL);
	EXPECT_TRUE(tt_none_left());
}

/* What a view is made of goes: as expressions leave no names behind. */
static struct tmem_tensor *then(struct tmem_tensor *view,
				struct tmem_tensor *of)
{
	tmem_tensor_unref(of);
	return view;
}

/* One of query, key, value: (batch, time, 3 * width) to (batch, head, time, d). */
static struct tmem_tensor *attention_part(struct tmem_tensor *qkv, int64_t part)
{
	struct tmem_tensor *t;

	t = tmem_tensor_reshape(qkv, 5, SHAPE(4, 32, 3, 8, 16), 0);
	t = then(tmem_tensor_slice(t, 2, part, 1, 1), t);
	t = then(tmem_tensor_reshape(t, 4, SHAPE(4, 32, 8, 16), 0), t);
	return then(tmem_tensor_permute(t, ORDER(0, 2, 1, 3)), t);
}

/* The shapes of one layer of a transformer, and heads put together. */
static bool attention_layer(struct tmem_tensor *qkv, struct tmem_tensor *mask)
{
	struct tmem_tensor *q = attention_part(qkv, 0);
	struct tmem_tensor *k = attention_part(qkv, 1);
	struct tmem_tensor *v = attention_part(qkv, 2), *m, *out;
	bool right;

	k = then(tmem_tensor_transpose(k, 2, 3), k);
	m = tmem_tensor_broadcast(mask, 4, SHAPE(4, 8, 32, 32));
	/* What a product of matrices has made. */
	out = tt_range(4, SHAPE(4, 8, 32, 16));
	out = then(tmem_tensor_permute(out, ORDER(0, 2, 1, 3)), out);
	out = then(tmem_tensor_reshape(out, 3, SHAPE(4, 32, 128),
				       TMEM_TENSOR_COPY),
		   out);
	right = q && k && v && m && out && tmem_tensor_is_compact(out);
	/* Batch 1, time 2, head 3. */
	right &= right && tt_i32(out, (1 * 32 + 2) * 128 + 3 * 16 + 5) ==
				  ((1 * 8 + 3) * 32 + 2) * 16 + 5;
	right &= right && tt_i32(v, ((1 * 8 + 3) * 32 + 2) * 16 + 5) ==
				  (1 * 32 + 2) * 384 + 256 + 3 * 16 + 5;
	tmem_tensor_unref(q);
	tmem_tensor_unref(k);
	tmem_tensor_unref(v);
	tmem_tensor_unref(m);
	tmem_tensor_unref(out);
	return right;
}

/* At least six in ten requests without a copy, and here far more. */
TEST(the_share_without_a_copy_in_a_transformer)
{
	struct tmem_tensor *qkv = tt_range(3, SHAPE(4, 32, 384));
	struct tmem_tensor *mask = tt_range(4, SHAPE(1, 1, 32, 32));
	struct tmem_tensor_stats stats;
	int i;

	for (i = 0; i < 12; i++)
		ASSERT_TRUE(attention_layer(qkv, mask));
	stats = tt_stats();
	printf("# %d views, %d copies: %.1f %% without a copy\n",
	       (int)stats.views, (int)stats.copies,
	       100.0 * (double)stats.views /
		       (double)(stats.views + stats.copies));
	EXPECT_EQ(12U, stats.copies);
	EXPECT_LE(6 * (stats.views + stats.copies), 10 * stats.views);
	tmem_tensor_unref(qkv);
	tmem_tensor_unref(mask);
	EXPECT_TRUE(tt_none_left());
}

TEST_HARNESS_MAIN
