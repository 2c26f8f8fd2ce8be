// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A reader of /proc/self/smaps without stdio, which would allocate and so
 * change what is measured.
 */
#include "arena/smaps.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct smaps_reader {
	int fd;
	size_t used, next; /* bytes in buf, bytes of these handed out */
	char buf[8192];
};

/* The next line without its newline, or NULL at the end. */
static char *smaps_line(struct smaps_reader *r)
{
	for (;;) {
		char *line = r->buf + r->next;
		char *end = memchr(line, '\n', r->used - r->next);
		ssize_t n;

		if (end) {
			*end = '\0';
			r->next = (size_t)(end - r->buf) + 1;
			return line;
		}
		memmove(r->buf, line, r->used - r->next);
		r->used -= r->next;
		r->next = 0;
		if (r->used == sizeof(r->buf)) /* a path longer than that */
			r->used = sizeof(r->buf) / 2;
		n = read(r->fd, r->buf + r->used, sizeof(r->buf) - r->used);
		if (n <= 0)
			return NULL;
		r->used += (size_t)n;
	}
}

/* "7f0000000000-7f0000200000 rw-p ..." */
static bool smaps_header(const char *line, struct tmem_smaps_vma *vma)
{
	unsigned long long start, end;
	char *p;

	start = strtoull(line, &p, 16);
	if (p == line || *p != '-')
		return false;
	end = strtoull(p + 1, &p, 16);
	if (*p != ' ')
		return false;
	*vma = (struct tmem_smaps_vma){
		.start = (char *)(uintptr_t)start,
		.end = (char *)(uintptr_t)end,
	};
	return true;
}

/* "Rss:    1234 kB" */
static uint64_t smaps_field(const char *line, const char *name)
{
	size_t len = strlen(name);

	if (strncmp(line, name, len))
		return 0;
	return strtoull(line + len, NULL, 10) << 10;
}

int tmem_smaps_walk(void (*fn)(void *ctx, const struct tmem_smaps_vma *vma),
		    void *ctx)
{
	struct smaps_reader r = { .used = 0 };
	struct tmem_smaps_vma vma = { 0 }, next;
	const char *line;

	r.fd = open("/proc/self/smaps", O_RDONLY | O_CLOEXEC);
	if (r.fd < 0)
		return -EIO;
	while ((line = smaps_line(&r))) {
		if (smaps_header(line, &next)) {
			if (vma.end)
				fn(ctx, &vma);
			vma = next;
			continue;
		}
		vma.rss += smaps_field(line, "Rss:");
		vma.pmd_mapped += smaps_field(line, "AnonHugePages:") +
				  smaps_field(line, "FilePmdMapped:") +
				  smaps_field(line, "ShmemPmdMapped:");
	}
	close(r.fd);
	if (!vma.end)
		return -EIO;
	fn(ctx, &vma);
	return 0;
}
