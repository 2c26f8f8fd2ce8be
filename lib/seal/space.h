/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Free places in a file, worked out from those that are taken.
 */
#ifndef TMEM_SEAL_SPACE_H
#define TMEM_SEAL_SPACE_H

#include <stddef.h>
#include <stdint.h>

struct tmem_range {
	uint64_t start, end;
};

/*
 * The longest part of [low, high) that none of the count ranges touches, cut to
 * multiples of align; empty if there is none.  Sorts the ranges, which may
 * overlap, and be anywhere.
 */
struct tmem_range tmem_space_longest(struct tmem_range *taken, size_t count,
				     uint64_t low, uint64_t high,
				     uint64_t align);

#endif /* TMEM_SEAL_SPACE_H */
