/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tmem/dlpack.h - tensors to and from other frameworks, without a copy.
 *
 * DLPack is how numpy, PyTorch, JAX and others hand tensors to each other.  The
 * structures are those of its version 1.0 (https://github.com/dmlc/dlpack,
 * include/dlpack/dlpack.h), which both sides agree on byte by byte.  A program
 * that has that header includes it first; then its declarations are used.
 *
 * All calls are thread-safe, and so are the deleters of what is exported:
 * each is called once, by any thread, whatever has become of the tensor.
 */
#ifndef TMEM_DLPACK_H
#define TMEM_DLPACK_H

#include <stddef.h>
#include <stdint.h>
#include <tmem/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef DLPACK_DLPACK_H_

typedef struct {
	int32_t device_type; /* 1: memory of the processor */
	int32_t device_id;
} DLDevice;

typedef struct {
	uint8_t code; /* 0 int, 1 uint, 2 float, 4 bfloat, 5 complex, 6 bool */
	uint8_t bits;
	uint16_t lanes;
} DLDataType;

typedef struct {
	void *data;
	DLDevice device;
	int32_t ndim;
	DLDataType dtype;
	int64_t *shape;
	int64_t *strides; /* elements; NULL: row-major, without gaps */
	uint64_t byte_offset; /* of element [0, 0, ...] from data */
} DLTensor;

typedef struct DLManagedTensor {
	DLTensor dl_tensor;
	void *manager_ctx;
	void (*deleter)(struct DLManagedTensor *self);
} DLManagedTensor;

#endif /* DLPACK_DLPACK_H_ */

#ifndef DLPACK_MAJOR_VERSION

typedef struct {
	uint32_t major;
	uint32_t minor;
} DLPackVersion;

#define DLPACK_FLAG_BITMASK_READ_ONLY (1UL << 0UL)
#define DLPACK_FLAG_BITMASK_IS_COPIED (1UL << 1UL)

typedef struct DLManagedTensorVersioned {
	DLPackVersion version;
	void *manager_ctx;
	void (*deleter)(struct DLManagedTensorVersioned *self);
	uint64_t flags;
	DLTensor dl_tensor;
} DLManagedTensorVersioned;

#endif /* DLPACK_MAJOR_VERSION */

/*
 * tmem_tensor_to_dlpack() - hand a tensor out.  The structure is the
 * consumer's, who calls its deleter; it holds the tensor till then.  The
 * consumer may write to the memory.  If lazy copies share it, the storage gets
 * memory of its own first.
 *
 * The data pointer is that of element [0, 0, ...], as numpy and PyTorch have
 * it (byte_offset 0), also where there are no elements.  Strides are always
 * given.
 *
 * Returns NULL with errno: EINVAL (no tensor), EACCES (read-only, which this
 * structure cannot say), ENOMEM.
 */
struct DLManagedTensor *tmem_tensor_to_dlpack(struct tmem_tensor *tensor);

/*
 * tmem_tensor_to_dlpack_versioned() - the same by the structure of DLPack 1.0,
 * which can say that a tensor is read-only.
 * @flags: 0; TMEM_TENSOR_READONLY: the consumer may not write to it;
 *         TMEM_TENSOR_COPY: hand out a copy, which is the consumer's alone
 */
struct DLManagedTensorVersioned *
tmem_tensor_to_dlpack_versioned(struct tmem_tensor *tensor, unsigned int flags);

/*
 * tmem_tensor_from_dlpack() - take a tensor in.  On success @managed is the
 * library's: its deleter is called once, when the last view of it goes, by
 * whichever thread drops that.  On an error it is the caller's as before.
 *
 * Accepted: memory of the processor (device type 1), the types of enum
 * tmem_dtype with one lane, up to 64 dimensions, any strides (NULL: row-major),
 * any byte_offset.
 *
 * NULL with errno: EINVAL (NULL, ndim, a negative dimension, no shape, no data,
 * an element not aligned to its type), ENODEV (another device), ENOTSUP (dtype
 * or lanes), EOVERFLOW (shape and strides reach beyond the address space),
 * ENOMEM.
 */
struct tmem_tensor *tmem_tensor_from_dlpack(struct DLManagedTensor *managed);

/*
 * tmem_tensor_from_dlpack_versioned() - the same by the structure of DLPack
 * 1.0.  ENOTSUP also: another major version; only the deleter may be used
 * then, and is the caller's to call.
 */
struct tmem_tensor *
tmem_tensor_from_dlpack_versioned(struct DLManagedTensorVersioned *managed);

#ifdef __cplusplus
}
#endif

#endif /* TMEM_DLPACK_H */
