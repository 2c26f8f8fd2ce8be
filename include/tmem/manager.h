/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tmem/manager.h - memory for tensors of one element type.
 *
 * A manager counts in elements, so that it can say which of the nine size
 * tiers a program lives in.  There is one for float and one for double; both
 * use the default pool.  All calls are thread-safe, and none may be called from a
 * signal handler.
 *
 * A manager is never taken down: it works in destructors, too, that run after
 * the library's, and in the child of a fork, where its counts go on.  Tensors with
 * shapes come from it by tmem_tensor_new() (tmem/tensor.h), and are counted by
 * their elements.
 */
#ifndef TMEM_MANAGER_H
#define TMEM_MANAGER_H

#include <stddef.h>
#include <stdint.h>
#include <tmem/config.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The tiers, by number of elements: tier i holds tensors of up to
 * 64 << (2 * i) elements, the last one everything larger.
 * (64, 256, 1Ki, 4Ki, 16Ki, 64Ki, 256Ki, 1Mi, larger)
 */
#define TMEM_TIERS 9

struct tmem_manager; /* lives as long as the process */

/*
 * The managers, made at the first call.  NULL with errno if the library
 * cannot be set up (see tmem_init()); a later call tries again.
 */
struct tmem_manager *tmem_manager_f32(void);
struct tmem_manager *tmem_manager_f64(void);

/*
 * tmem_manager_alloc() - memory for @elements elements, aligned to 64 bytes.
 * Freed by tmem_free().  NULL with errno ENOMEM, EOVERFLOW if the bytes do not
 * fit a size_t, or EINVAL: @manager is NULL.
 */
void *tmem_manager_alloc(struct tmem_manager *manager, size_t elements);

/*
 * struct tmem_manager_stats - set struct_size with TMEM_MANAGER_STATS_INIT
 * @element_size: bytes of one element
 * @requests:     tensors allocated, by tier
 * @elements:     elements in these, by tier
 * @failures:     requests refused
 */
struct tmem_manager_stats {
	size_t struct_size;
	uint64_t element_size;
	uint64_t requests[TMEM_TIERS];
	uint64_t elements[TMEM_TIERS];
	uint64_t failures;
};

#define TMEM_MANAGER_STATS_INIT TMEM_STRUCT_INIT(struct tmem_manager_stats)

/* Returns 0, or -EINVAL (struct_size, or @manager is NULL). */
int tmem_manager_stats_get(const struct tmem_manager *manager,
			   struct tmem_manager_stats *stats);

/* tmem_tier_of() - the tier, 0 to 8, of a tensor of @elements elements. */
unsigned int tmem_tier_of(size_t elements);

#ifdef __cplusplus
}
#endif

#endif /* TMEM_MANAGER_H */
