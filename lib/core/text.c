// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Small files of the kernel, and the figures in them.
 */
#define _GNU_SOURCE
#include "core/text.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static ssize_t text_get(int fd, char *to, size_t size)
{
	ssize_t n;

	do
		n = read(fd, to, size);
	while (n < 0 && errno == EINTR);
	return n;
}

int tmem_text_read(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err = 0;
	size_t used = 0;
	ssize_t n = 1;

	text[0] = '\0';
	if (fd < 0)
		return -errno;
	while (n > 0 && used < size - 1) {
		n = text_get(fd, text + used, size - 1 - used);
		used += n > 0 ? (size_t)n : 0;
	}
	if (n < 0)
		err = -errno;
	close(fd);
	text[used] = '\0';
	return err;
}

/* Whole lines of what is in the buffer; what is left moves to its start. */
static bool lines_give(char *buffer, size_t *used,
		       bool (*line)(char *text, void *arg), void *arg)
{
	char *from = buffer, *end;

	while ((end = memchr(from, '\n', *used - (size_t)(from - buffer)))) {
		*end = '\0';
		if (!line(from, arg))
			return false;
		from = end + 1;
	}
	*used -= (size_t)(from - buffer);
	memmove(buffer, from, *used);
	return true;
}

int tmem_text_lines(const char *path, bool (*line)(char *text, void *arg),
		    void *arg)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err = 0;
	char buffer[TMEM_TEXT_BYTES];
	size_t used = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	for (;;) {
		n = text_get(fd, buffer + used, sizeof(buffer) - 1 - used);
		if (n <= 0)
			break;
		used += (size_t)n;
		if (!lines_give(buffer, &used, line, arg)) {
			used = 0;
			break;
		}
		/* What does not fit is cut, not split. */
		if (used == sizeof(buffer) - 1)
			used--;
	}
	if (n < 0)
		err = -errno;
	close(fd);
	buffer[used] = '\0';
	if (!err && used)
		line(buffer, arg);
	return err;
}

bool tmem_text_number(const char **text, uint64_t *number)
{
	const char *p = *text;
	uint64_t n = 0;

	for (; *p >= '0' && *p <= '9'; p++) {
		if (n > (UINT64_MAX - 9) / 10)
			return false;
		n = n * 10 + (unsigned int)(*p - '0');
	}
	if (p == *text)
		return false;
	*text = p;
	*number = n;
	return true;
}

bool tmem_text_percent(const char **text, uint32_t *hundredths)
{
	uint64_t whole, part;
	const char *from;

	if (!tmem_text_number(text, &whole) || whole > 100 || **text != '.')
		return false;
	from = ++*text;
	if (!tmem_text_number(text, &part) || *text - from != 2)
		return false;
	*hundredths = (uint32_t)(whole * 100 + part);
	return *hundredths <= 10000;
}

bool tmem_text_word(const char **text, const char *word)
{
	size_t len = strlen(word);

	if (strncmp(*text, word, len))
		return false;
	*text += len;
	return true;
}

/* Behind @name at the beginning of some line, or NULL. */
static const char *line_find(const char *text, const char *name)
{
	while (text && !tmem_text_word(&text, name)) {
		text = strchr(text, '\n');
		text += !!text;
	}
	return text;
}

bool tmem_text_find(const char *text, const char *name, uint64_t *number)
{
	text = line_find(text, name);
	return text && *text++ == ' ' && tmem_text_number(&text, number) &&
	       *text == '\n';
}

bool tmem_text_find_kib(const char *text, const char *name, uint64_t *kib)
{
	text = line_find(text, name);
	if (!text || *text++ != ':')
		return false;
	text += strspn(text, " ");
	return tmem_text_number(&text, kib) && tmem_text_word(&text, " kB\n");
}
