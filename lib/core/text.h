/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The kernel's texts: reading small files of /proc and /sys, and figures out of
 * them.  By hand: scanf() would take "nan", and what a locale calls a decimal
 * point; and stdio allocates.
 */
#ifndef TMEM_CORE_TEXT_H
#define TMEM_CORE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TMEM_TEXT_BYTES 4096

/*
 * The beginning of a file, as a string; cut at size - 1 bytes.  0, or what
 * open() and read() say.
 */
int tmem_text_read(const char *path, char *text, size_t size);

/*
 * Calls @line for each line of a file of any length, without the newline, until
 * it returns false.  A line is cut at TMEM_TEXT_BYTES - 1 bytes.  0 or -errno.
 */
int tmem_text_lines(const char *path, bool (*line)(char *text, void *arg),
		    void *arg);

/* Each takes what it says from *text on, and moves *text behind it. */

/* Digits.  false if there are none, or too many. */
bool tmem_text_number(const char **text, uint64_t *number);

/* "12.34", up to 100.00, is 1234. */
bool tmem_text_percent(const char **text, uint32_t *hundredths);

/* That word. */
bool tmem_text_word(const char **text, const char *word);

/* "@name 123" or "@name: 123 kB" at the beginning of some line: the number. */
bool tmem_text_find(const char *text, const char *name, uint64_t *number);
bool tmem_text_find_kib(const char *text, const char *name, uint64_t *kib);

#endif /* TMEM_CORE_TEXT_H */
