/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the pool asks about pointers that are no blocks.
 */
#ifndef TMEM_SEAL_SEAL_H
#define TMEM_SEAL_SEAL_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Free the view at ptr.  false: there is none.  With no lock of the heap held.
 * Keeps errno.
 */
bool tmem_seal_free(const void *ptr);

/* The size of the view at ptr, or 0.  The same. */
size_t tmem_seal_usable(const void *ptr);

#endif /* TMEM_SEAL_SEAL_H */
