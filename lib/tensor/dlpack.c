// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Tensors handed out by DLPack.
 *
 * What is handed out holds a reference on the tensor, whose shape and strides
 * it points to.  If the consumer may write, the storage stays as it is until
 * the deleter is called: lazy copies made meanwhile are copied at once.
 */
#include <errno.h>
#include <tmem/dlpack.h>

#include "tensor/dtype.h"
#include "tensor/record.h"
#include "tensor/tensor.h"

#define DEVICE_CPU 1

/* From the export to the call of the deleter. */
struct dl_export {
	uint64_t alive;
	uint64_t reserved; /* record.h */
	struct tmem_tensor *tensor;
	bool pinned; /* the storage is exported */
	union {
		DLManagedTensor plain;
		DLManagedTensorVersioned versioned;
	};
};

static void export_end(struct dl_export *export)
{
	struct tmem_tensor *tensor = export->tensor;

	if (export->pinned)
		tmem_storage_unexport(tensor->storage);
	tmem_record_put(export, sizeof(*export));
	tmem_tensor_unref(tensor);
}

static void plain_delete(struct DLManagedTensor *managed)
{
	if (managed)
		export_end(managed->manager_ctx);
}

static void versioned_delete(struct DLManagedTensorVersioned *managed)
{
	if (managed)
		export_end(managed->manager_ctx);
}

/* The tensor's reference becomes the export's, and goes on an error. */
static struct dl_export *export_begin(struct tmem_tensor *tensor, bool pinned)
{
	struct dl_export *export = tmem_record_get(sizeof(*export));

	if (export && pinned && tmem_storage_export(tensor->storage)) {
		tmem_record_put(export, sizeof(*export));
		export = NULL;
	}
	if (!export) {
		tmem_tensor_unref(tensor);
		errno = ENOMEM;
		return NULL;
	}
	export->alive = 1;
	export->tensor = tensor;
	export->pinned = pinned;
	atomic_fetch_add(&tmem_tensor_counts.exports, 1);
	return export;
}

static void export_describe(const struct tmem_tensor *tensor, DLTensor *to)
{
	const struct tmem_dtype_info *info = tmem_dtype_info(tensor->dtype);

	/*
	 * Of no elements, too: the specification would have NULL there, but
	 * PyTorch 1.13 then never calls the deleter.
	 */
	to->data = tmem_tensor_at(tensor);
	to->device.device_type = DEVICE_CPU;
	to->ndim = tensor->ndim;
	to->dtype.code = info->code;
	to->dtype.bits = (uint8_t)(info->size * 8);
	to->dtype.lanes = 1;
	/* The consumer has no reason to write to them. */
	to->shape = (int64_t *)tensor->dim;
	to->strides = (int64_t *)tensor->dim + tensor->ndim;
}

struct DLManagedTensor *tmem_tensor_to_dlpack(struct tmem_tensor *tensor)
{
	struct dl_export *export;

	if (!tmem_tensor_ok(tensor))
		return NULL;
	if (tensor->readonly) {
		errno = EACCES;
		return NULL;
	}
	export = export_begin(tmem_tensor_ref(tensor), true);
	if (!export)
		return NULL;
	export_describe(tensor, &export->plain.dl_tensor);
	export->plain.manager_ctx = export;
	export->plain.deleter = plain_delete;
	tmem_tensor_count_view();
	return &export->plain;
}

/* What is handed out to somebody who says what he will do with it. */
static struct dl_export *export_versioned(struct tmem_tensor *tensor,
					  unsigned int flags)
{
	struct dl_export *export;

	if (flags & TMEM_TENSOR_COPY)
		tensor = tmem_tensor_copy(tensor);
	else
		tensor = tmem_tensor_ref(tensor);
	if (!tensor)
		return NULL;
	/*
	 * Pinned in any case: a reader is to see what is written to the tensor
	 * later, not what a lazy copy has kept.
	 */
	export = export_begin(tensor, true);
	if (export && !(flags & TMEM_TENSOR_COPY))
		tmem_tensor_count_view();
	return export;
}

struct DLManagedTensorVersioned *
tmem_tensor_to_dlpack_versioned(struct tmem_tensor *tensor, unsigned int flags)
{
	struct DLManagedTensorVersioned *managed;
	struct dl_export *export;

	if (!tmem_tensor_ok(tensor))
		return NULL;
	if (flags & ~(TMEM_TENSOR_READONLY | TMEM_TENSOR_COPY)) {
		errno = EINVAL;
		return NULL;
	}
	export = export_versioned(tensor, flags);
	if (!export)
		return NULL;
	managed = &export->versioned;
	export_describe(export->tensor, &managed->dl_tensor);
	managed->version = (DLPackVersion){ 1, 0 };
	managed->manager_ctx = export;
	managed->deleter = versioned_delete;
	if (flags & TMEM_TENSOR_READONLY || export->tensor->readonly)
		managed->flags |= DLPACK_FLAG_BITMASK_READ_ONLY;
	if (flags & TMEM_TENSOR_COPY)
		managed->flags |= DLPACK_FLAG_BITMASK_IS_COPIED;
	return managed;
}
