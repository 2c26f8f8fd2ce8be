/* SPDX-License-Identifier: GPL-2.0-only */
/* Small files of /proc and /sys, which may or may not be there. */
#ifndef TMEMCTL_HOST_H
#define TMEMCTL_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Files of /proc and /sys.  Each call returns false, and an empty result, if
 * the file or the key is not there: in a container much is not.
 * If TMEMCTL_SYSROOT is set, the paths are looked up below that folder.
 */

bool host_exists(const char *path);

/* The file's first line, without its newline. */
bool host_read(const char *path, char *text, size_t size);

/* The rest of the line that starts with @key, without blanks around it. */
bool host_key(const char *path, const char *key, char *text, size_t size);

/* The same as a number of kB, in bytes. */
bool host_kib(const char *path, const char *key, uint64_t *bytes);

/* The file's first line as a number. */
bool host_number(const char *path, uint64_t *value);

/*
 * host_lines() - call @line for each line of the file until it returns true.
 * Returns true if the file could be read.
 */
bool host_lines(const char *path, bool (*line)(char *text, void *arg),
		void *arg);

#endif /* TMEMCTL_HOST_H */
