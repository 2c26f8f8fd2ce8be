/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a thread of this process does, as the kernel sees it.
 */
#ifndef TASK_STATE_H
#define TASK_STATE_H

#include "lib_test.h"

/* The letter in /proc: 'R' runs, 'S' sleeps, 'Z' has ended; '\0': gone. */
static inline char task_state(pid_t tid)
{
	char path[64], line[256] = "", *end;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	f = fopen(path, "re");
	if (!f)
		return '\0';
	if (!fgets(line, sizeof(line), f))
		line[0] = '\0';
	fclose(f);
	end = strrchr(line, ')');
	return end && end[1] ? end[2] : '\0';
}

#endif /* TASK_STATE_H */
