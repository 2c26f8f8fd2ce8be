// SPDX-License-Identifier: GPL-2.0-only
/*
 * host - small files of /proc and /sys, which may or may not be there.
 *
 * TMEMCTL_SYSROOT lets the tests show the tool hosts that they do not have.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host.h"

static void locate(const char *path, char *full, size_t size)
{
	const char *root = getenv("TMEMCTL_SYSROOT");

	snprintf(full, size, "%s%s", root ? root : "", path);
}

static FILE *open_file(const char *path)
{
	char full[PATH_MAX];

	locate(path, full, sizeof(full));
	return fopen(full, "re");
}

/* Without the blanks at both ends. */
static char *trim(char *text)
{
	char *end;

	while (isspace((unsigned char)*text))
		text++;
	end = text + strlen(text);
	while (end > text && isspace((unsigned char)end[-1]))
		*--end = 0;
	return text;
}

bool host_exists(const char *path)
{
	char full[PATH_MAX];

	locate(path, full, sizeof(full));
	return !access(full, F_OK);
}

bool host_lines(const char *path, bool (*line)(char *text, void *arg),
		void *arg)
{
	FILE *file = open_file(path);
	char *text = NULL;
	size_t size = 0;
	bool read = false;

	if (!file)
		return false;
	while (getline(&text, &size, file) >= 0) {
		read = true;
		if (line(trim(text), arg))
			break;
	}
	free(text);
	fclose(file);
	return read;
}

/* struct wanted - what host_key() and host_read() look for, and where it goes */
struct wanted {
	const char *key;
	char *text;
	size_t size;
	bool found;
};

/* It may end on a terminal, or in JSON. */
static void make_printable(char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

static bool take(char *line, void *arg)
{
	struct wanted *wanted = arg;

	if (strncmp(line, wanted->key, strlen(wanted->key)))
		return false;
	snprintf(wanted->text, wanted->size, "%s",
		 trim(line + strlen(wanted->key)));
	make_printable(wanted->text);
	wanted->found = true;
	return true;
}

bool host_key(const char *path, const char *key, char *text, size_t size)
{
	struct wanted wanted = { .key = key, .text = text, .size = size };

	text[0] = 0;
	return host_lines(path, take, &wanted) && wanted.found;
}

bool host_read(const char *path, char *text, size_t size)
{
	return host_key(path, "", text, size);
}

bool host_kib(const char *path, const char *key, uint64_t *bytes)
{
	unsigned long long kib;
	char text[64];

	*bytes = 0;
	if (!host_key(path, key, text, sizeof(text)) ||
	    sscanf(text, "%llu kB", &kib) != 1)
		return false;
	*bytes = (uint64_t)kib << 10;
	return true;
}

bool host_number(const char *path, uint64_t *value)
{
	unsigned long long number;
	char text[64];

	*value = 0;
	if (!host_read(path, text, sizeof(text)) ||
	    sscanf(text, "%llu", &number) != 1)
		return false;
	*value = number;
	return true;
}
