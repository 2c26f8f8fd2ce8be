// SPDX-License-Identifier: GPL-2.0-only
/*
 * lines - a text file line by line, plain or compressed with zstd.
 *
 * Traces come from other machines and may be cut off or damaged, so the end
 * of the file is only good after a newline and, if compressed, after a whole
 * frame.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#include "lines.h"

#define RAW_BYTES ((size_t)128 << 10)
#define TEXT_BYTES ((size_t)4 * LINES_MAX_LENGTH)

/*
 * struct lines - raw[] holds bytes of the file, text[] what they mean
 * @frame:  what zstd still expects; 0 between frames
 * @start:  text[start] to text[end - 1] is not handed out yet
 */
struct lines {
	int fd;
	bool eof;
	ZSTD_DStream *zstd;
	ZSTD_inBuffer in;
	size_t frame;
	size_t start;
	size_t end;
	unsigned long number;
	char error[160];
	char raw[RAW_BYTES];
	char text[TEXT_BYTES];
};

static int fail(struct lines *lines, const char *what, const char *detail)
{
	snprintf(lines->error, sizeof(lines->error), "%s%s", what, detail);
	return -1;
}

static ssize_t read_some(int fd, void *buffer, size_t size)
{
	ssize_t got;

	do
		got = read(fd, buffer, size);
	while (got < 0 && errno == EINTR);
	return got;
}

/* More of the file in raw[]; sets eof at its end. */
static int read_raw(struct lines *lines)
{
	ssize_t got = read_some(lines->fd, lines->raw, RAW_BYTES);

	if (got < 0)
		return fail(lines, "cannot be read: ", strerror(errno));
	lines->eof = got == 0;
	lines->in.size = (size_t)got;
	lines->in.pos = 0;
	return 0;
}

static void take_plain(struct lines *lines)
{
	size_t room = TEXT_BYTES - lines->end;
	size_t n = lines->in.size - lines->in.pos;

	n = n < room ? n : room;
	memcpy(lines->text + lines->end, lines->raw + lines->in.pos, n);
	lines->in.pos += n;
	lines->end += n;
}

static int take_zstd(struct lines *lines)
{
	ZSTD_outBuffer out = { lines->text, TEXT_BYTES, lines->end };
	size_t in_before = lines->in.pos;
	size_t rest = ZSTD_decompressStream(lines->zstd, &out, &lines->in);

	if (ZSTD_isError(rest))
		return fail(lines, "the zstd stream is damaged: ",
			    ZSTD_getErrorName(rest));
	/* A call that moves nothing says nothing about the frame. */
	if (lines->in.pos != in_before || out.pos != lines->end)
		lines->frame = rest;
	lines->end = out.pos;
	return 0;
}

/* More of the text.  Returns 1, 0 at the end of the file, or -1. */
static int fill(struct lines *lines)
{
	size_t before;

	memmove(lines->text, lines->text + lines->start,
		lines->end - lines->start);
	lines->end -= lines->start;
	lines->start = 0;
	before = lines->end;
	while (lines->end == before) {
		if (lines->in.pos == lines->in.size && !lines->eof &&
		    read_raw(lines))
			return -1;
		if (lines->zstd ? take_zstd(lines) : (take_plain(lines), 0))
			return -1;
		if (lines->eof && lines->end == before)
			break;
	}
	if (lines->end != before)
		return 1;
	if (lines->frame)
		return fail(lines, "the zstd stream is cut off", "");
	return 0;
}

static bool is_zstd(const struct lines *lines)
{
	const unsigned char *raw = (const unsigned char *)lines->raw;
	uint32_t magic;

	if (lines->in.size < 4)
		return false;
	magic = raw[0] | (uint32_t)raw[1] << 8 | (uint32_t)raw[2] << 16 |
		(uint32_t)raw[3] << 24;
	return magic == ZSTD_MAGICNUMBER ||
	       (magic & ZSTD_MAGIC_SKIPPABLE_MASK) ==
		       ZSTD_MAGIC_SKIPPABLE_START;
}

/* The first bytes decide; a pipe may give fewer than four at a time. */
static int begin(struct lines *lines)
{
	size_t have = 0;
	ssize_t got;

	do {
		got = read_some(lines->fd, lines->raw + have, RAW_BYTES - have);
		if (got < 0)
			return -errno;
		have += (size_t)got;
	} while (got && have < 4);
	lines->in.src = lines->raw;
	lines->in.size = have;
	if (!is_zstd(lines))
		return 0;
	lines->zstd = ZSTD_createDStream();
	return lines->zstd ? 0 : -ENOMEM;
}

struct lines *lines_open(const char *path)
{
	struct lines *lines = calloc(1, sizeof(*lines));
	int error;

	if (!lines)
		return NULL;
	lines->fd = open(path, O_RDONLY | O_CLOEXEC);
	error = lines->fd < 0 ? -errno : begin(lines);
	if (error) {
		lines_close(lines);
		errno = -error;
		return NULL;
	}
	return lines;
}

void lines_close(struct lines *lines)
{
	if (lines->fd >= 0)
		close(lines->fd);
	ZSTD_freeDStream(lines->zstd);
	free(lines);
}

int lines_next(struct lines *lines, const char **line, size_t *length)
{
	char *newline;
	int more;

	lines->number++;
	for (;;) {
		size_t have = lines->end - lines->start;
		char *start = lines->text + lines->start;

		newline = memchr(start, '\n', have);
		if (newline && newline - start <= LINES_MAX_LENGTH)
			break;
		if (newline || have > LINES_MAX_LENGTH)
			return fail(lines,
				    "the line is longer than 65536 bytes", "");
		more = fill(lines);
		if (more < 0)
			return -1;
		if (!more && have)
			return fail(lines, "the file is cut off: ",
				    "its last line has no newline");
		if (!more)
			return 0;
	}
	*line = lines->text + lines->start;
	*length = (size_t)(newline - *line);
	lines->start += *length + 1;
	return 1;
}

unsigned long lines_number(const struct lines *lines)
{
	return lines->number;
}

const char *lines_error(const struct lines *lines)
{
	return lines->error;
}
