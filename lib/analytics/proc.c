// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Lines of a file, through a buffer on the stack.
 */
#define _GNU_SOURCE
#include "analytics/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define LINE_MAX_BYTES 512u

static ssize_t proc_read(int fd, char *to, size_t size)
{
	ssize_t got;

	do {
		got = read(fd, to, size);
	} while (got < 0 && errno == EINTR);
	return got;
}

static void proc_split(int fd, bool (*fn)(void *ctx, const char *text),
		       void *ctx)
{
	char chunk[2048], line[LINE_MAX_BYTES];
	size_t used = 0;
	ssize_t got, i;

	while ((got = proc_read(fd, chunk, sizeof(chunk))) > 0) {
		for (i = 0; i < got; i++) {
			if (chunk[i] != '\n') {
				if (used < sizeof(line) - 1)
					line[used++] = chunk[i];
				continue;
			}
			line[used] = '\0';
			used = 0;
			if (!fn(ctx, line))
				return;
		}
	}
	line[used] = '\0';
	if (used)
		fn(ctx, line);
}

void tmem_proc_lines(const char *path,
		     bool (*line)(void *ctx, const char *text), void *ctx)
{
	int saved = errno;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd >= 0) {
		proc_split(fd, line, ctx);
		close(fd);
	}
	errno = saved;
}

bool tmem_proc_range(const char *line, uintptr_t *low, uintptr_t *high)
{
	char *end;

	*low = strtoul(line, &end, 16);
	if (end == line || *end != '-')
		return false;
	line = end + 1;
	*high = strtoul(line, &end, 16);
	return end != line && *end == ' ';
}
