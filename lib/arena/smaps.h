/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * /proc/self/smaps: what the kernel has behind our mappings.
 */
#ifndef TMEM_ARENA_SMAPS_H
#define TMEM_ARENA_SMAPS_H

#include <stdint.h>

struct tmem_smaps_vma {
	char *start, *end;
	uint64_t rss; /* bytes mapped */
	uint64_t pmd_mapped; /* bytes of these mapped as 2 MiB pages */
};

/*
 * Call fn for each mapping of the process.  No memory is allocated.  Returns
 * 0, or -EIO if the file cannot be read.
 */
int tmem_smaps_walk(void (*fn)(void *ctx, const struct tmem_smaps_vma *vma),
		    void *ctx);

#endif /* TMEM_ARENA_SMAPS_H */
