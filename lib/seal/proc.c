// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Reading /proc without stdio, which would allocate.
 */
#define _GNU_SOURCE
#include "seal/proc.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static int proc_open(uint32_t pid, const char *name)
{
	char path[64];

	if (pid)
		snprintf(path, sizeof(path), "/proc/%u/%s", pid, name);
	else
		snprintf(path, sizeof(path), "/proc/self/%s", name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* The fields behind the name, which may hold anything: state is the third. */
static bool proc_stat_parse(char *text, struct tmem_proc_stat *stat)
{
	char *field = strrchr(text, ')'), *save = NULL;
	unsigned long threads = 0;
	unsigned int i;
	char state;

	stat->pid = (uint32_t)strtoul(text, NULL, 10);
	if (!field)
		return false;
	field = strtok_r(field + 1, " ", &save);
	if (!field)
		return false;
	state = *field;
	for (i = 4; i <= 22; i++) {
		field = strtok_r(NULL, " ", &save);
		if (!field)
			return false;
		if (i == 20)
			threads = strtoul(field, NULL, 10);
	}
	stat->start = (uint32_t)strtoull(field, NULL, 10);
	/* A first thread that has ended is a zombie while others go on. */
	stat->dead = (state == 'Z' || state == 'X') && threads <= 1;
	return true;
}

bool tmem_proc_stat_get(uint32_t pid, struct tmem_proc_stat *stat)
{
	int fd = proc_open(pid, "stat");
	char text[1024];
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return false;
	text[n] = '\0';
	return proc_stat_parse(text, stat);
}

uint64_t tmem_proc_namespace(const char *name)
{
	struct stat st;
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/ns/%s", name);
	return stat(path, &st) ? 0 : (uint64_t)st.st_ino;
}

/* "start-end perms offset major:minor inode name" */
static bool maps_line_is(const char *line, const struct stat *st)
{
	unsigned int major, minor;
	unsigned long inode;

	if (sscanf(line, "%*s %*s %*s %x:%x %lu", &major, &minor, &inode) != 3)
		return false;
	return major == major(st->st_dev) && minor == minor(st->st_dev) &&
	       inode == st->st_ino;
}

static enum tmem_proc_answer maps_search(int maps, const struct stat *st)
{
	char text[8192], *line, *end;
	size_t held = 0;
	ssize_t n;

	for (;;) {
		n = read(maps, text + held, sizeof(text) - 1 - held);
		if (n < 0)
			return TMEM_PROC_UNKNOWN;
		if (!n)
			return TMEM_PROC_NO;
		held += (size_t)n;
		text[held] = '\0';
		for (line = text; (end = strchr(line, '\n')); line = end + 1) {
			*end = '\0';
			if (maps_line_is(line, st))
				return TMEM_PROC_YES;
		}
		held -= (size_t)(line - text);
		if (held == sizeof(text) - 1)
			return TMEM_PROC_UNKNOWN;
		memmove(text, line, held);
	}
}

enum tmem_proc_answer tmem_proc_maps_file(uint32_t pid, int fd)
{
	enum tmem_proc_answer answer;
	struct stat st;
	int maps;

	if (fstat(fd, &st))
		return TMEM_PROC_UNKNOWN;
	maps = proc_open(pid, "maps");
	if (maps < 0)
		return TMEM_PROC_UNKNOWN;
	answer = maps_search(maps, &st);
	close(maps);
	return answer;
}
