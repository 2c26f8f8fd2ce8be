/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Memory for the records of tensors: small, of a few sizes, and never given
 * back to the system, so that looking at a record that is no more is no crash.
 *
 * It has a lock of its own, which nothing else is called under, and which is
 * held across fork().
 */
#ifndef TMEM_TENSOR_RECORD_H
#define TMEM_TENSOR_RECORD_H

#include <stddef.h>

#define TMEM_RECORD_MAX 2048u

/* Zeroed, or NULL with errno ENOMEM. */
void *tmem_record_get(size_t size);

/*
 * It may be had again, the one that was put first being the first.  Its first
 * 8 bytes are zero, the next 8 the library's.
 */
void tmem_record_put(void *record, size_t size);

#endif /* TMEM_TENSOR_RECORD_H */
