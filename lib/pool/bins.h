/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Bins: the sizes of small blocks.
 *
 * 64 bytes apart up to 2 KiB, then sixteen to a doubling, so that a block
 * wastes at most 63 bytes or a sixteenth of itself.
 */
#ifndef TMEM_POOL_BINS_H
#define TMEM_POOL_BINS_H

#include <stddef.h>
#include <stdint.h>

#define TMEM_BIN_SHIFT 6
#define TMEM_BIN_STEP ((size_t)1 << TMEM_BIN_SHIFT)
#define TMEM_BIN_MAX ((size_t)32 << 10)
#define TMEM_BIN_LINEAR 32u /* bins that are a step apart */
#define TMEM_BINS (TMEM_BIN_LINEAR + 4u * 16u)

/* The bin for each number of steps. */
extern uint8_t tmem_bin_table[(TMEM_BIN_MAX >> TMEM_BIN_SHIFT) + 1];

size_t tmem_bin_bytes(unsigned int bin);

/* The bin for a size and alignment, or TMEM_BINS if none will do. */
unsigned int tmem_bin_of(size_t size, size_t align);

#endif /* TMEM_POOL_BINS_H */
