/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tmem/tensor.h - tensors: memory with a shape, and views of it.
 *
 * A tensor is a view: dtype, shape, strides and an offset into a storage.
 * Slicing, transposing, broadcasting and most reshapes make another view of
 * the same storage, without a copy; the storage lives as long as any view.
 * The rules are numpy's, where it has any.
 *
 * Tensors are reference-counted.  All calls are thread-safe, also on one and
 * the same tensor; what is in its memory is the callers' to order.  None may
 * be called from a signal handler.
 *
 * Shapes and strides count elements.  Strides may be 0 or negative.
 *
 * A tensor that is no more is told from one that is as long as its record is
 * not used again: such calls fail with EINVAL, and are reported to the log
 * callback.
 */
#ifndef TMEM_TENSOR_H
#define TMEM_TENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tmem/config.h>
#include <tmem/manager.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TMEM_TENSOR_DIMS 64 /* at most */

struct tmem_tensor; /* from its making to the last tmem_tensor_unref() */

/* Element types; the numbers stay as they are. */
enum tmem_dtype {
	TMEM_F32 = 1,
	TMEM_F64 = 2,
	TMEM_F16 = 3,
	TMEM_BF16 = 4,
	TMEM_I8 = 5,
	TMEM_I16 = 6,
	TMEM_I32 = 7,
	TMEM_I64 = 8,
	TMEM_U8 = 9,
	TMEM_U16 = 10,
	TMEM_U32 = 11,
	TMEM_U64 = 12,
	TMEM_BOOL = 13, /* a byte, 0 or 1 */
	TMEM_C64 = 14, /* two floats */
	TMEM_C128 = 15, /* two doubles */
};

/* tmem_dtype_size() - bytes of an element; 0: there is no such type. */
size_t tmem_dtype_size(enum tmem_dtype dtype);

/* tmem_dtype_name() - "f32" and so on; NULL: there is no such type. */
const char *tmem_dtype_name(enum tmem_dtype dtype);

/* Flags of the calls below; each says which it takes. */
#define TMEM_TENSOR_ZERO 1u /* all bytes of the new memory are zero */
#define TMEM_TENSOR_COPY 2u /* a copy is allowed where no view will do */
#define TMEM_TENSOR_READONLY 4u /* what comes of it cannot be written to */

/*
 * tmem_tensor_new() - memory for a tensor, in row-major order, aligned to 64
 * bytes, from the default pool.
 * @manager: tmem_manager_f32() or _f64(): the dtype, and who counts the request
 * @ndim:    dimensions; 0 is a scalar, and @shape may be NULL
 * @shape:   of each dimension, 0 or more.  Copied
 * @flags:   0 or TMEM_TENSOR_ZERO
 *
 * Returns the tensor, which is the caller's, to be given to
 * tmem_tensor_unref(), or NULL with errno: EINVAL (@manager NULL, too many
 * dimensions, a negative one, @flags), EOVERFLOW (the bytes, or the product of
 * the dimensions other than 0, do not fit), ENOMEM, or what tmem_init() says.
 */
struct tmem_tensor *tmem_tensor_new(struct tmem_manager *manager,
				    unsigned int ndim, const int64_t *shape,
				    unsigned int flags);

/*
 * tmem_tensor_new_dtype() - the same for any @dtype; no manager counts it.
 * EINVAL also: there is no such type.
 */
struct tmem_tensor *tmem_tensor_new_dtype(enum tmem_dtype dtype,
					  unsigned int ndim,
					  const int64_t *shape,
					  unsigned int flags);

/* tmem_tensor_ref() - one more reference.  Returns @tensor; NULL stays NULL. */
struct tmem_tensor *tmem_tensor_ref(struct tmem_tensor *tensor);

/*
 * tmem_tensor_unref() - one reference less.  NULL is allowed.  With the last
 * one the tensor goes, and with the last tensor of a storage its memory (or
 * the deleter of whom it was imported from is called, by this thread).
 */
void tmem_tensor_unref(struct tmem_tensor *tensor);

/*
 * What it is.  The arrays have tmem_tensor_ndim() numbers and live as long as
 * the tensor.  tmem_tensor_elements() is the product of the shape.
 */
enum tmem_dtype tmem_tensor_dtype(const struct tmem_tensor *tensor);
unsigned int tmem_tensor_ndim(const struct tmem_tensor *tensor);
const int64_t *tmem_tensor_shape(const struct tmem_tensor *tensor);
const int64_t *tmem_tensor_strides(const struct tmem_tensor *tensor);
uint64_t tmem_tensor_elements(const struct tmem_tensor *tensor);

/* tmem_tensor_is_compact() - row-major, without gaps. */
bool tmem_tensor_is_compact(const struct tmem_tensor *tensor);

/*
 * tmem_tensor_is_readonly() - it was broadcast, or imported or attached as
 * something that may not be written to, or is a view of such a tensor.
 */
bool tmem_tensor_is_readonly(const struct tmem_tensor *tensor);

/*
 * tmem_tensor_data() - the address of element [0, 0, ...], for reading.  Valid
 * as long as the tensor, but only until tmem_tensor_write() or an export
 * (tmem/dlpack.h) of a tensor of the same storage if there are lazy copies.
 */
const void *tmem_tensor_data(const struct tmem_tensor *tensor);

/*
 * tmem_tensor_write() - the same, for writing.  If lazy copies share the
 * memory, the storage gets memory of its own first, for all of its views.
 * Returns NULL with errno: EACCES (read-only), ENOMEM.
 */
void *tmem_tensor_write(struct tmem_tensor *tensor);

/*
 * Views.  Each returns a new tensor on the storage of @tensor, which is the
 * caller's, or NULL with errno: EINVAL (as said), ENOMEM.  A view of a
 * read-only tensor is read-only.
 */

/*
 * tmem_tensor_slice() - @count elements of dimension @dim, the first at
 * @start, @step apart (not 0; negative: backwards).  EINVAL if one of them is
 * not there.  With @count 0, @start may be the end.
 * (Python's a[start:stop:step] has max(0, ceil((stop - start) / step)).)
 */
struct tmem_tensor *tmem_tensor_slice(struct tmem_tensor *tensor,
				      unsigned int dim, int64_t start,
				      int64_t count, int64_t step);

/*
 * tmem_tensor_reshape() - the same elements in the same (row-major) order, in
 * another shape; one dimension may be -1, and is what is left.
 * @flags: 0, or TMEM_TENSOR_COPY: where strides do not allow it, copy
 * EINVAL: the number of elements differs, or -1 says nothing; or strides do
 * not allow it, and @flags no copy.
 */
struct tmem_tensor *tmem_tensor_reshape(struct tmem_tensor *tensor,
					unsigned int ndim, const int64_t *shape,
					unsigned int flags);

/*
 * tmem_tensor_permute() - dimension i of the view is dimension @order[i] of
 * @tensor.  EINVAL: not each of them once.
 */
struct tmem_tensor *tmem_tensor_permute(struct tmem_tensor *tensor,
					const unsigned int *order);

/* tmem_tensor_transpose() - two dimensions change places. */
struct tmem_tensor *tmem_tensor_transpose(struct tmem_tensor *tensor,
					  unsigned int a, unsigned int b);

/*
 * tmem_tensor_broadcast() - dimensions of 1, and those added in front, repeat
 * (stride 0).  The view is read-only.  EINVAL: the shapes do not fit.
 */
struct tmem_tensor *tmem_tensor_broadcast(struct tmem_tensor *tensor,
					  unsigned int ndim,
					  const int64_t *shape);

/*
 * tmem_tensor_copy() - a compact tensor of its own, with the same elements.
 * NULL with errno: EOVERFLOW (a broadcast one can be too large), ENOMEM.
 */
struct tmem_tensor *tmem_tensor_copy(struct tmem_tensor *tensor);

/*
 * tmem_tensor_lazy_copy() - a tensor with a storage of its own, which shares
 * the memory until one of the two storages is written to (copy-on-write).  The
 * shape and strides are those of @tensor; a broadcast one stays read-only.
 *
 * From here on each write on either side must come by a new call of
 * tmem_tensor_write().  Where others write to the memory at will (exported for
 * writing, imported, shared), it is copied at once, and of what is imported or
 * shared the copy is compact.
 */
struct tmem_tensor *tmem_tensor_lazy_copy(struct tmem_tensor *tensor);

/*
 * Sharing with another process.  Memory of the pools cannot be: whoever has
 * an arena's descriptor has all of it.  A tensor that is to be shared is made
 * so, with a file of its own: on backend dev an arena of the module, in spans
 * of 2 MiB, on backend anon a memfd, which cannot be cut off.  The other
 * process gets the descriptor over a UNIX socket, and this structure.
 *
 * struct tmem_tensor_share - set struct_size with TMEM_TENSOR_SHARE_INIT
 * @fd:      the descriptor; it stays the tensor's
 * @dtype:   enum tmem_dtype
 * @ndim:    dimensions, and
 * @shape:   of each
 * @strides: elements
 * @offset:  bytes from the start of the file to element [0, 0, ...]
 */
struct tmem_tensor_share {
	size_t struct_size;
	int32_t fd;
	uint32_t dtype;
	uint32_t ndim;
	uint32_t reserved;
	uint64_t offset;
	int64_t shape[TMEM_TENSOR_DIMS];
	int64_t strides[TMEM_TENSOR_DIMS];
};

#define TMEM_TENSOR_SHARE_INIT TMEM_STRUCT_INIT(struct tmem_tensor_share)

/*
 * tmem_tensor_new_shared() - as tmem_tensor_new_dtype(), in a file of its own,
 * zeroed.  Takes whole pages (anon) or spans (dev); all of it is there at once.
 * @flags: 0 or TMEM_TENSOR_ZERO.  errno also: EMFILE, EFBIG (RLIMIT_FSIZE),
 * ENOSYS (no memfd).
 *
 * After fork() parent and child share it, and both can write.
 */
struct tmem_tensor *tmem_tensor_new_shared(enum tmem_dtype dtype,
					   unsigned int ndim,
					   const int64_t *shape,
					   unsigned int flags);

/*
 * tmem_tensor_share() - say where a tensor is: one of tmem_tensor_new_shared()
 * or tmem_tensor_attach(), or a view of one.  Returns 0, -EINVAL (struct_size,
 * @tensor), or -ENOTSUP: its memory is not in a file of its own.
 */
int tmem_tensor_share(const struct tmem_tensor *tensor,
		      struct tmem_tensor_share *share);

/*
 * tmem_tensor_attach() - a tensor that another process shares.
 * @share: as it was received, with @fd as it is here; the descriptor stays the
 *         caller's, who may close it
 * @flags: 0 or TMEM_TENSOR_READONLY.  The mapping is read-only too
 *
 * Nothing in @share is trusted.  NULL with errno: EINVAL (struct_size, @flags,
 * a field, or a descriptor that is no such file), EOVERFLOW (shape and strides),
 * ERANGE (beyond the file), EACCES (it is open for reading only), EBADF,
 * EMFILE, ENOMEM.
 */
struct tmem_tensor *tmem_tensor_attach(const struct tmem_tensor_share *share,
				       unsigned int flags);

/*
 * struct tmem_tensor_stats - set struct_size with TMEM_TENSOR_STATS_INIT
 * @tensors:      there are now, views included
 * @storages:     there are now
 * @made:         with new memory, since the start
 * @views:        requests served without a copy: views, reshapes, lazy copies,
 *                imports, exports, attached tensors
 * @copies:       requests that were served by a copy: tmem_tensor_copy(),
 *                reshapes with TMEM_TENSOR_COPY, lazy copies that had to be
 *                made at once, and those written to or exported later
 * @copied_bytes: by these
 * @exports:      of @views: handed out by DLPack
 * @imports:      of @views: taken in by DLPack
 *
 * The share of requests served without a copy is @views / (@views + @copies).
 */
struct tmem_tensor_stats {
	size_t struct_size;
	uint64_t tensors;
	uint64_t storages;
	uint64_t made;
	uint64_t views;
	uint64_t copies;
	uint64_t copied_bytes;
	uint64_t exports;
	uint64_t imports;
};

#define TMEM_TENSOR_STATS_INIT TMEM_STRUCT_INIT(struct tmem_tensor_stats)

/* tmem_tensor_stats_get() - 0, or -EINVAL (struct_size). */
int tmem_tensor_stats_get(struct tmem_tensor_stats *stats);

#ifdef __cplusplus
}
#endif

#endif /* TMEM_TENSOR_H */
