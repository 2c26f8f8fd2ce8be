/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Files of /proc, read without a stream, which would allocate.
 */
#ifndef TMEM_ANALYTICS_PROC_H
#define TMEM_ANALYTICS_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Calls @line for each line, without its end, cut at 511 characters, until it
 * returns false.  errno is kept; a file that cannot be read has no lines.
 */
void tmem_proc_lines(const char *path,
		     bool (*line)(void *ctx, const char *text), void *ctx);

/* "7f00-8000 ..." */
bool tmem_proc_range(const char *line, uintptr_t *low, uintptr_t *high);

#endif /* TMEM_ANALYTICS_PROC_H */
