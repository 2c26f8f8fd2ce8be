/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Code that is loaded, so that addresses can be given names later, elsewhere.
 */
#ifndef TMEM_ANALYTICS_MODULES_H
#define TMEM_ANALYTICS_MODULES_H

#include <stddef.h>
#include <stdint.h>

#define TMEM_BUILD_ID_MAX 32u

/* struct tmem_segment - an executable segment, as it is mapped */
struct tmem_segment {
	uint64_t base, end; /* addresses */
	uint64_t offset; /* of base in the file */
	unsigned char build_id[TMEM_BUILD_ID_MAX];
	uint32_t build_id_size;
	char path[260];
};

/* All there are, up to *n; NULL: no memory.  tmem_modules_put() frees it. */
struct tmem_segment *tmem_modules_get(uint32_t *n);
void tmem_modules_put(struct tmem_segment *modules);

/*
 * Around a fork: the dynamic linker's lock, held while its list is copied,
 * would stay taken in the child.  To be called before any lock of the heap is
 * taken: whoever holds the linker's may be allocating.
 */
void tmem_modules_fork_prepare(void);
void tmem_modules_fork_done(void);

#endif /* TMEM_ANALYTICS_MODULES_H */
