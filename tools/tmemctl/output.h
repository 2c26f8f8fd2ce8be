/* SPDX-License-Identifier: GPL-2.0-only */
/* A file that a command writes. */
#ifndef TMEMCTL_OUTPUT_H
#define TMEMCTL_OUTPUT_H

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>

/*
 * struct output - from output_open() to output_close()
 * @name:  NULL: standard output
 * @error: errno of the first write that failed, or 0
 * @temp:  what it is called until it is whole; "": it is written in place
 */
struct output {
	FILE *file;
	const char *name;
	int fd;
	int error;
	char temp[PATH_MAX];
};

/* output_open() - false if it cannot be written; said. */
bool output_open(struct output *output, const char *name);

/*
 * output_close() - put the file in its place if it is @good and could be
 * written; if not, what was there before stays.  False: it could not; said.
 */
bool output_close(struct output *output, bool good);

#endif /* TMEMCTL_OUTPUT_H */
