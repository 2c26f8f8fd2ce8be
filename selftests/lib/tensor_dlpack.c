// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that tensors go out and come in by DLPack as its version 1.0 says:
 * every field, both structures, strides of all kinds; that a deleter is called
 * once, by whichever thread, also after the tensor is gone, and not at all when
 * a structure is refused; that each kind of nonsense is refused by its own
 * error; and that what a consumer may write to is not shared lazily.
 */
#include "tensor_test.h"

/* A producer: counts the calls of its deleter. */
struct foreign {
	DLManagedTensorVersioned versioned;
	DLManagedTensor plain;
	atomic_int deleted;
	int64_t shape[3], strides[3];
	int32_t data[64];
};

static void foreign_delete(struct DLManagedTensor *self)
{
	atomic_fetch_add(&((struct foreign *)self->manager_ctx)->deleted, 1);
}

static void foreign_delete_versioned(struct DLManagedTensorVersioned *self)
{
	atomic_fetch_add(&((struct foreign *)self->manager_ctx)->deleted, 1);
}

/* 4 x 3 elements of int32, by both structures. */
static void foreign_make(struct foreign *f)
{
	int32_t i;

	memset(f, 0, sizeof(*f));
	for (i = 0; i < 64; i++)
		f->data[i] = i;
	f->shape[0] = 4;
	f->shape[1] = 3;
	f->strides[0] = 3;
	f->strides[1] = 1;
	f->plain.dl_tensor.data = f->data;
	f->plain.dl_tensor.device.device_type = 1;
	f->plain.dl_tensor.ndim = 2;
	f->plain.dl_tensor.dtype = (DLDataType){ 0, 32, 1 };
	f->plain.dl_tensor.shape = f->shape;
	f->plain.dl_tensor.strides = f->strides;
	f->plain.manager_ctx = f;
	f->plain.deleter = foreign_delete;
	f->versioned.version = (DLPackVersion){ 1, 0 };
	f->versioned.manager_ctx = f;
	f->versioned.deleter = foreign_delete_versioned;
	f->versioned.dl_tensor = f->plain.dl_tensor;
}

TEST(out)
{
	struct tmem_tensor *t = tt_range(2, SHAPE(4, 6)), *s, *u;
	struct DLManagedTensor *m;

	s = tmem_tensor_slice(t, 1, 5, 3, -2);
	u = tmem_tensor_slice(s, 0, 1, 2, 1);
	m = tmem_tensor_to_dlpack(u);
	ASSERT_NE(NULL, m);
	EXPECT_EQ(tmem_tensor_data(u), m->dl_tensor.data);
	EXPECT_EQ(0U, m->dl_tensor.byte_offset);
	EXPECT_EQ(1, (int)m->dl_tensor.device.device_type);
	EXPECT_EQ(0, m->dl_tensor.device.device_id);
	EXPECT_EQ(2, m->dl_tensor.ndim);
	EXPECT_EQ(0, m->dl_tensor.dtype.code);
	EXPECT_EQ(32, m->dl_tensor.dtype.bits);
	EXPECT_EQ(1, m->dl_tensor.dtype.lanes);
	EXPECT_EQ(2, m->dl_tensor.shape[0]);
	EXPECT_EQ(3, m->dl_tensor.shape[1]);
	EXPECT_EQ(6, m->dl_tensor.strides[0]);
	EXPECT_EQ(-2, m->dl_tensor.strides[1]);
	tmem_tensor_unref(t);
	tmem_tensor_unref(s);
	tmem_tensor_unref(u);
	/* The consumer still has it. */
	EXPECT_EQ(11, *(int32_t *)m->dl_tensor.data);
	EXPECT_EQ(1U, tt_stats().exports);
	EXPECT_EQ(1U, tt_stats().tensors);
	m->deleter(m);
	EXPECT_TRUE(tt_none_left());
}

TEST(out_versioned)
{
	struct tmem_tensor *t = tt_range(2, SHAPE(2, 3)), *wide;
	struct DLManagedTensorVersioned *m;

	m = tmem_tensor_to_dlpack_versioned(t, 0);
	ASSERT_NE(NULL, m);
	EXPECT_EQ(1U, m->version.major);
	EXPECT_EQ(0U, m->flags);
	EXPECT_EQ(3, m->dl_tensor.strides[0]);
	m->deleter(m);
	m = tmem_tensor_to_dlpack_versioned(t, TMEM_TENSOR_READONLY);
	EXPECT_EQ(DLPACK_FLAG_BITMASK_READ_ONLY, m->flags);
	m->deleter(m);
	m = tmem_tensor_to_dlpack_versioned(t, TMEM_TENSOR_COPY);
	EXPECT_EQ(DLPACK_FLAG_BITMASK_IS_COPIED, m->flags);
	EXPECT_NE(tmem_tensor_data(t), m->dl_tensor.data);
	EXPECT_EQ(5, ((int32_t *)m->dl_tensor.data)[5]);
	m->deleter(m);
	errno = 0;
	EXPECT_EQ(NULL, tmem_tensor_to_dlpack_versioned(t, TMEM_TENSOR_ZERO));
	EXPECT_EQ(EINVAL, errno);
	wide = tmem_tensor_broadcast(t, 3, SHAPE(4, 2, 3));
	errno = 0;
	EXPECT_EQ(NULL, tmem_tensor_to_dlpack(wide));
	EXPECT_EQ(EACCES, errno);
	m = tmem_tensor_to_dlpack_versioned(wide, 0);
	EXPECT_EQ(DLPACK_FLAG_BITMASK_READ_ONLY, m->flags);
	EXPECT_EQ(0, m->dl_tensor.strides[0]);
	m->deleter(m);
	tmem_tensor_unref(wide);
	tmem_tensor_unref(t);
	EXPECT_TRUE(tt_none_left());
}

TEST(out_at_the_edges)
{
	struct tmem_tensor *t =
		tmem_tensor_new_dtype(TMEM_BF16, 2, SHAPE(3, 0), 0);
	struct DLManagedTensor *m = tmem_tensor_to_dlpack(t);

	ASSERT_NE(NULL, m);
	/* Or PyTorch 1.13 never calls the deleter (tool/dlpack.sh). */
	EXPECT_NE(NULL, m->dl_tensor.data);
	EXPECT_EQ(4, m->dl_tensor.dtype.code);
	EXPECT_EQ(16, m->dl_tensor.dtype.bits);
	m->deleter(m);
	tmem_tensor_unref(t);
	t = tmem_tensor_new_dtype(TMEM_C128, 0, NULL, TMEM_TENSOR_ZERO);
	m = tmem_tensor_to_dlpack(t);
	ASSERT_NE(NULL, m);
	EXPECT_EQ(0, m->dl_tensor.ndim);
	EXPECT_EQ(5, m->dl_tensor.dtype.code);
	EXPECT_EQ(128, m->dl_tensor.dtype.bits);
	m->deleter(m);
	tmem_tensor_unref(t);
	EXPECT_TRUE(tt_none_left());
}

TEST(what_is_out_is_not_shared_lazily)
{
	struct tmem_tensor *t = tt_range(1, SHAPE(8)), *lazy, *later;
	struct DLManagedTensor *m;

	lazy = tmem_tensor_lazy_copy(t);
	m = tmem_tensor_to_dlpack(t);
	ASSERT_NE(NULL, m);
	((int32_t *)m->dl_tensor.data)[1] = 50;
	EXPECT_EQ(50, tt_i32(t, 1));
	EXPECT_EQ(1, tt_i32(lazy, 1));
	EXPECT_EQ(1U, tt_stats().copies);
	later = tmem_tensor_lazy_copy(t);
	EXPECT_EQ(2U, tt_stats().copies);
	((int32_t *)m->dl_tensor.data)[1] = 60;
	EXPECT_EQ(50, tt_i32(later, 1));
	/* The tensor stays where the consumer has it. */
	EXPECT_EQ(m->dl_tensor.data, tmem_tensor_write(t));
	m->deleter(m);
	tmem_tensor_unref(later);
	later = tmem_tensor_lazy_copy(t);
	EXPECT_EQ(2U, tt_stats().copies);
	tmem_tensor_unref(later);
	tmem_tensor_unref(lazy);
	tmem_tensor_unref(t);
	EXPECT_TRUE(tt_none_left());
}

TEST(in)
{
	static struct foreign f;
	struct tmem_tensor *t, *view, *lazy;

	foreign_make(&f);
	t = tmem_tensor_from_dlpack(&f.plain);
	ASSERT_NE(NULL, t);
	EXPECT_EQ(&f.data[0], tmem_tensor_data(t));
	EXPECT_EQ(TMEM_I32, tmem_tensor_dtype(t));
	EXPECT_TRUE(tt_is(t, 2, SHAPE(4, 3), f.data));
	EXPECT_FALSE(tmem_tensor_is_readonly(t));
	*(int32_t *)tmem_tensor_write(t) = 99;
	EXPECT_EQ(99, f.data[0]);
	lazy = tmem_tensor_lazy_copy(t);
	f.data[1] = 98;
	EXPECT_EQ(1, tt_i32(lazy, 1));
	view = tmem_tensor_transpose(t, 0, 1);
	tmem_tensor_unref(t);
	EXPECT_EQ(3, tt_i32(view, 1));
	EXPECT_EQ(0, atomic_load(&f.deleted));
	tmem_tensor_unref(view);
	EXPECT_EQ(1, atomic_load(&f.deleted));
	EXPECT_EQ(1U, tt_stats().imports);
	tmem_tensor_unref(lazy);
	EXPECT_TRUE(tt_none_left());
}

TEST(in_versioned)
{
	static struct foreign f;
	struct tmem_tensor *t;

	foreign_make(&f);
	f.versioned.version.minor = 77;
	f.versioned.flags = DLPACK_FLAG_BITMASK_READ_ONLY | 1ULL << 40;
	t = tmem_tensor_from_dlpack_versioned(&f.versioned);
	ASSERT_NE(NULL, t);
	EXPECT_TRUE(tmem_tensor_is_readonly(t));
	errno = 0;
	EXPECT_EQ(NULL, tmem_tensor_write(t));
	EXPECT_EQ(EACCES, errno);
	tmem_tensor_unref(t);
	EXPECT_EQ(1, atomic_load(&f.deleted));
	f.versioned.flags = 0;
	f.versioned.deleter = NULL;
	t = tmem_tensor_from_dlpack_versioned(&f.versioned);
	EXPECT_FALSE(tmem_tensor_is_readonly(t));
	tmem_tensor_unref(t);
	EXPECT_EQ(1, atomic_load(&f.deleted));
	EXPECT_TRUE(tt_none_left());
}

TEST(in_with_strides)
{
	static struct foreign f;
	DLTensor *d = &f.plain.dl_tensor;
	struct tmem_tensor *t;

	foreign_make(&f);
	d->strides = NULL;
	d->byte_offset = 8;
	t = tmem_tensor_from_dlpack(&f.plain);
	EXPECT_TRUE(tt_is(t, 2, SHAPE(4, 3), f.data + 2));
	EXPECT_EQ(3, tmem_tensor_strides(t)[0]);
	tmem_tensor_unref(t);
	d->strides = f.strides;
	f.strides[0] = -6;
	f.strides[1] = 2;
	d->byte_offset = 30 * 4;
	t = tmem_tensor_from_dlpack(&f.plain);
	EXPECT_EQ(30, tt_i32(t, 0));
	EXPECT_EQ(26, tt_i32(t, 4));
	EXPECT_EQ(16, tt_i32(t, 11));
	tmem_tensor_unref(t);
	f.strides[0] = 0;
	t = tmem_tensor_from_dlpack(&f.plain);
	EXPECT_TRUE(tmem_tensor_is_readonly(t));
	tmem_tensor_unref(t);
	EXPECT_EQ(3, atomic_load(&f.deleted));
	/* No dimensions, and no elements. */
	d->ndim = 0;
	d->shape = NULL;
	d->strides = NULL;
	t = tmem_tensor_from_dlpack(&f.plain);
	EXPECT_EQ(30, tt_i32(t, 0));
	tmem_tensor_unref(t);
	d->ndim = 2;
	d->shape = f.shape;
	f.shape[1] = 0;
	d->data = NULL;
	t = tmem_tensor_from_dlpack(&f.plain);
	EXPECT_EQ(0U, tmem_tensor_elements(t));
	tmem_tensor_unref(t);
	EXPECT_EQ(5, atomic_load(&f.deleted));
	EXPECT_TRUE(tt_none_left());
}

#define REFUSED(err)                                                        \
	do {                                                                \
		f.versioned.dl_tensor = f.plain.dl_tensor;                  \
		errno = 0;                                                  \
		EXPECT_EQ(NULL, tmem_tensor_from_dlpack(&f.plain));         \
		EXPECT_EQ(err, errno);                                      \
		errno = 0;                                                  \
		EXPECT_EQ(NULL,                                             \
			  tmem_tensor_from_dlpack_versioned(&f.versioned)); \
		EXPECT_EQ(err, errno);                                      \
		EXPECT_EQ(0, atomic_load(&f.deleted));                      \
		foreign_make(&f);                                           \
	} while (0)

TEST(in_refused)
{
	static struct foreign f;
	DLTensor *d = &f.plain.dl_tensor;

	foreign_make(&f);
	d->ndim = -1;
	REFUSED(EINVAL);
	d->ndim = TMEM_TENSOR_DIMS + 1;
	REFUSED(EINVAL);
	d->ndim = INT32_MAX;
	REFUSED(EINVAL);
	d->shape = NULL;
	REFUSED(EINVAL);
	f.shape[1] = -3;
	REFUSED(EINVAL);
	d->data = NULL;
	REFUSED(EINVAL);
	d->byte_offset = 2; /* not where an int32 can be */
	REFUSED(EINVAL);
	d->device.device_type = 2;
	REFUSED(ENODEV);
	d->dtype.lanes = 4;
	REFUSED(ENOTSUP);
	d->dtype.lanes = 0;
	REFUSED(ENOTSUP);
	d->dtype.bits = 4;
	REFUSED(ENOTSUP);
	d->dtype.code = 8;
	REFUSED(ENOTSUP);
	f.shape[0] = INT64_MAX / 2;
	REFUSED(EOVERFLOW);
	f.strides[0] = INT64_MAX;
	REFUSED(EOVERFLOW);
	f.strides[0] = INT64_MIN;
	REFUSED(EOVERFLOW);
	f.strides[0] = INT64_MAX / 12; /* fits by itself, not from there */
	REFUSED(EOVERFLOW);
	f.strides[0] = -(INT64_MAX / 16);
	REFUSED(EOVERFLOW);
	d->byte_offset = UINT64_MAX - 3;
	REFUSED(EOVERFLOW);
	errno = 0;
	EXPECT_EQ(NULL, tmem_tensor_from_dlpack(NULL));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(NULL, tmem_tensor_from_dlpack_versioned(NULL));
	EXPECT_EQ(0U, tt_stats().imports);
	EXPECT_TRUE(tt_none_left());
}

TEST(unknown_versions)
{
	static const uint32_t major[] = { 0, 2, 3, UINT32_MAX };
	static struct foreign f;
	size_t i;

	foreign_make(&f);
	/* Nothing but the deleter means anything. */
	memset(&f.versioned.flags, 0xff,
	       sizeof(f.versioned) - offsetof(DLManagedTensorVersioned, flags));
	for (i = 0; i < ARRAY_SIZE(major); i++) {
		f.versioned.version.major = major[i];
		errno = 0;
		EXPECT_EQ(NULL,
			  tmem_tensor_from_dlpack_versioned(&f.versioned));
		EXPECT_EQ(ENOTSUP, errno);
		EXPECT_EQ(0, atomic_load(&f.deleted));
	}
	EXPECT_TRUE(tt_none_left());
}

TEST(there_and_back)
{
	struct tmem_tensor *t = tt_range(2, SHAPE(5, 5)), *turned, *back;

	turned = tmem_tensor_transpose(t, 0, 1);
	back = tmem_tensor_from_dlpack(tmem_tensor_to_dlpack(turned));
	tmem_tensor_unref(t);
	tmem_tensor_unref(turned);
	ASSERT_NE(NULL, back);
	EXPECT_EQ(5, tt_i32(back, 1));
	EXPECT_EQ(2U, tt_stats().tensors);
	tmem_tensor_unref(back);
	EXPECT_TRUE(tt_none_left());
}

/* All types go out and come back as what they are. */
TEST(all_types)
{
	struct tmem_tensor *t, *back;
	unsigned int dtype;

	for (dtype = TMEM_F32; dtype <= TMEM_C128; dtype++) {
		t = tmem_tensor_new_dtype((enum tmem_dtype)dtype, 1, SHAPE(3),
					  0);
		back = tmem_tensor_from_dlpack_versioned(
			tmem_tensor_to_dlpack_versioned(t, 0));
		ASSERT_NE(NULL, back);
		EXPECT_EQ(dtype, (unsigned int)tmem_tensor_dtype(back));
		tmem_tensor_unref(back);
		tmem_tensor_unref(t);
	}
	EXPECT_TRUE(tt_none_left());
}

/* Whoever is last calls the deleter, once. */
#define THREADS 4
#define ROUNDS LT_COUNT(2000, 200)

struct race {
	pthread_barrier_t start;
	struct tmem_tensor *t;
	struct DLManagedTensor *out;
};

static void *race_views(void *arg)
{
	struct race *race = arg;
	struct tmem_tensor *view;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		pthread_barrier_wait(&race->start);
		view = tmem_tensor_slice(race->t, 0, 1, 2, 1);
		pthread_barrier_wait(&race->start);
		/* The main thread drops its own meanwhile. */
		tmem_tensor_unref(view);
		pthread_barrier_wait(&race->start);
	}
	return NULL;
}

TEST(deleted_once_by_the_last_of_many_threads)
{
	static struct foreign f;
	pthread_t thread[THREADS];
	struct race race;
	int i;

	pthread_barrier_init(&race.start, NULL, THREADS + 1);
	for (i = 0; i < THREADS; i++)
		ASSERT_EQ(0,
			  pthread_create(&thread[i], NULL, race_views, &race));
	for (i = 0; i < ROUNDS; i++) {
		foreign_make(&f);
		race.t = tmem_tensor_from_dlpack(&f.plain);
		pthread_barrier_wait(&race.start);
		pthread_barrier_wait(&race.start);
		tmem_tensor_unref(race.t);
		pthread_barrier_wait(&race.start);
		ASSERT_EQ(1, atomic_load(&f.deleted));
	}
	for (i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	EXPECT_TRUE(tt_none_left());
}

/* Exports are deleted anywhere, while others copy lazily and write. */
static void *race_exports(void *arg)
{
	struct race *race = arg;
	struct DLManagedTensorVersioned *m;
	struct tmem_tensor *lazy;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		m = tmem_tensor_to_dlpack_versioned(race->t,
						    TMEM_TENSOR_READONLY);
		lazy = tmem_tensor_lazy_copy(race->t);
		if (!m || !lazy || tt_i32(lazy, 5) != 5)
			return race;
		*(int32_t *)tmem_tensor_write(lazy) = i + 1;
		if (*(int32_t *)m->dl_tensor.data)
			return race;
		m->deleter(m);
		tmem_tensor_unref(lazy);
	}
	return NULL;
}

TEST(exports_and_lazy_copies_from_many_threads)
{
	pthread_t thread[THREADS];
	struct race race = { .t = tt_range(1, SHAPE(100)) };
	void *bad = NULL, *one;
	int i;

	for (i = 0; i < THREADS; i++)
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, race_exports,
					    &race));
	for (i = 0; i < THREADS; i++) {
		pthread_join(thread[i], &one);
		bad = bad ? bad : one;
	}
	EXPECT_EQ(NULL, bad);
	tmem_tensor_unref(race.t);
	EXPECT_TRUE(tt_none_left());
}

static int child_exits_with_exports(void *arg)
{
	struct DLManagedTensor **kept = arg;
	struct tmem_tensor *t = tt_range(1, SHAPE(1000));

	*kept = tmem_tensor_to_dlpack(t);
	tmem_tensor_unref(t);
	return 0;
}

static struct DLManagedTensor *exit_kept;

static void exit_delete(void)
{
	exit_kept->deleter(exit_kept);
	_exit(tt_stats().tensors ? 1 : 42);
}

static int child_deletes_at_exit(void *arg)
{
	atexit(exit_delete);
	child_exits_with_exports(&exit_kept);
	exit(1);
}

/* Interpreters drop what they have when everything else has been torn down. */
TEST(deleted_at_exit)
{
	EXPECT_TRUE(LT_EXITED(lt_child(child_deletes_at_exit, NULL), 42));
}

TEST_HARNESS_MAIN
