/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The hash by which equal contents are looked for.
 */
#ifndef TMEM_SEAL_HASH_H
#define TMEM_SEAL_HASH_H

#include <stddef.h>
#include <stdint.h>

struct tmem_hash {
	uint64_t word[2];
};

typedef struct tmem_hash (*tmem_hash_fn)(const void *data, size_t size,
					 uint64_t seed);

struct tmem_hash tmem_hash_make(const void *data, size_t size, uint64_t seed);

/* For tests, which need collisions.  NULL: XXH3-128 again. */
void tmem_hash_replace(tmem_hash_fn fn);

#endif /* TMEM_SEAL_HASH_H */
