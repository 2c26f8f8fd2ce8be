/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bars: what a benchmark must reach.  Each is printed with its verdict, and one
 * that is missed makes the exit status 1.
 */
#ifndef BENCH_BAR_H
#define BENCH_BAR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

static inline const char *bar_word(bool kept)
{
	return kept ? "kept" : "MISSED";
}

/* bar_print() - a line "bar: TEXT: kept".  Returns whether it is missed. */
__attribute__((format(printf, 2, 3))) static inline bool
bar_print(bool kept, const char *format, ...)
{
	va_list args;

	printf("bar: ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf(": %s\n", bar_word(kept));
	return !kept;
}

#endif /* BENCH_BAR_H */
