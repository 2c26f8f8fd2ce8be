/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who called: the return addresses on the caller's stack, by frame pointers.
 */
#ifndef TMEM_ANALYTICS_STACK_H
#define TMEM_ANALYTICS_STACK_H

#include <stdint.h>

/*
 * Up to @max addresses, nearest first; the first is @caller, the address that
 * the call into the library returns to.  Those below it, the library's own, are
 * left out.  Where the stack cannot be read safely, or the program was built
 * without frame pointers, it is @caller alone, or what could be found.
 * Returns how many.
 */
unsigned int tmem_stack_walk(const void *caller, uint64_t *frames,
			     unsigned int max);

#endif /* TMEM_ANALYTICS_STACK_H */
