/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How much of the machine's memory is in use, without the module.  What cannot
 * be read, or makes no sense, is an error.  (Stalls: monitor/psi.h.)
 */
#ifndef TMEM_GC_FIGURES_H
#define TMEM_GC_FIGURES_H

#include <stdint.h>

/* Part of memory in use, hundredths of a percent, from /proc/meminfo. */
struct tmem_gc_use {
	uint64_t total_kib, available_kib;
	uint32_t use;
};

/* From the file's text.  0 or -EINVAL.  Pure. */
int tmem_gc_use_parse(const char *text, struct tmem_gc_use *use);

/* From the file.  0, -EINVAL or what open() and read() say. */
int tmem_gc_use_read(const char *path, struct tmem_gc_use *use);

#endif /* TMEM_GC_FIGURES_H */
