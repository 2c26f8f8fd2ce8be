// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * How near a cgroup is to its limit.
 *
 * A limit anywhere between the group and the top counts, for whoever reaches
 * it first reclaims, or is killed.  At memory.high the kernel slows the group
 * down and reclaims, which is as far as a program should let it come; so that
 * is a limit like memory.max.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/text.h"
#include "monitor/cgroup.h"

bool tmem_cgroup_limit_parse(const char *text, uint64_t *limit)
{
	if (tmem_text_word(&text, "max"))
		*limit = UINT64_MAX;
	else if (!tmem_text_number(&text, limit))
		return false;
	return !strcmp(text, "\n") || !*text;
}

/* Room for the longest name behind the longest folder. */
#define FILE_PATH (TMEM_CGROUP_PATH + 32)

static int group_read(const char *dir, const char *name, char *text,
		      size_t size)
{
	char file[FILE_PATH];

	snprintf(file, sizeof(file), "%s/%s", dir, name);
	return tmem_text_read(file, text, size);
}

static int group_number(const char *dir, const char *name, uint64_t *number)
{
	char text[64];
	int err = group_read(dir, name, text, sizeof(text));

	if (err)
		return err;
	return tmem_cgroup_limit_parse(text, number) ? 0 : -EINVAL;
}

/* Without what the kernel drops first; a kernel that does not tell counts it. */
static uint64_t group_unused(const char *dir)
{
	char text[TMEM_TEXT_BYTES];
	uint64_t bytes;

	if (group_read(dir, "memory.stat", text, sizeof(text)) ||
	    !tmem_text_find(text, "inactive_file", &bytes))
		return 0;
	return bytes;
}

/* One group: its limit, and what it uses if the limit is one. */
static int group_look(const char *dir, bool always, struct tmem_cgroup_use *use)
{
	uint64_t high = UINT64_MAX, unused;
	int err = group_number(dir, "memory.max", &use->limit);

	if (!err)
		err = group_number(dir, "memory.high", &high);
	/* The root has no limit. */
	if (err)
		return err;
	if (high < use->limit)
		use->limit = high;
	if (use->limit == UINT64_MAX && !always)
		return 0;
	err = group_number(dir, "memory.current", &use->bytes);
	if (err || use->bytes == UINT64_MAX)
		return err ? err : -EINVAL;
	unused = group_unused(dir);
	use->bytes -= unused < use->bytes ? unused : use->bytes;
	return 0;
}

static bool use_tighter(const struct tmem_cgroup_use *a,
			const struct tmem_cgroup_use *b)
{
	if (a->limit == UINT64_MAX || b->limit == UINT64_MAX)
		return b->limit == UINT64_MAX && a->limit != UINT64_MAX;
	/* As doubles: the products would not fit. */
	return (double)a->bytes * (double)b->limit >
	       (double)b->bytes * (double)a->limit;
}

/* To the group above; false: it is the mount's top. */
static bool folder_up(char *dir, uint32_t top)
{
	if (strlen(dir) <= top)
		return false;
	*strrchr(dir, '/') = '\0';
	return strlen(dir) >= top;
}

int tmem_cgroup_use(const struct tmem_cgroup *group,
		    struct tmem_cgroup_use *use)
{
	struct tmem_cgroup_use above;
	char dir[TMEM_CGROUP_PATH];
	int err;

	if (group->state != TMEM_CGROUP_SEEN_V2)
		return -ENOENT;
	memcpy(dir, group->dir, sizeof(dir));
	/* Of a group without the controller, the next one above is charged. */
	do
		err = group_look(dir, true, use);
	while (err == -ENOENT && folder_up(dir, group->top));
	if (err)
		return err;
	/* The top is the root, or a group whose figures are hidden. */
	while (folder_up(dir, group->top) && !group_look(dir, false, &above))
		if (use_tighter(&above, use))
			*use = above;
	return 0;
}
