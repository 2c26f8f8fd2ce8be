/* SPDX-License-Identifier: GPL-2.0-only */
/* A text file line by line, plain or compressed. */
#ifndef TMEMCTL_LINES_H
#define TMEMCTL_LINES_H

#include <stddef.h>

/* Longer lines are refused; the longest ever recorded has 362 bytes. */
#define LINES_MAX_LENGTH 65536

struct lines; /* from lines_open() to lines_close() */

/*
 * lines_open() - read the text file @path, or the zstd-compressed one: its
 * first bytes tell.  NULL with errno.
 */
struct lines *lines_open(const char *path);
void lines_close(struct lines *lines);

/*
 * lines_next() - the next line, without its newline, valid until the next
 * call.  Returns 1, 0 at the end of the file, or -1: see lines_error().
 */
int lines_next(struct lines *lines, const char **line, size_t *length);

/* Number of the line that lines_next() gave, or failed at; 1 is the first. */
unsigned long lines_number(const struct lines *lines);

const char *lines_error(const struct lines *lines);

#endif /* TMEMCTL_LINES_H */
