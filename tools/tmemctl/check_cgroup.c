// SPDX-License-Identifier: GPL-2.0-only
/*
 * check_cgroup - the doctor's look at the group that this process is in.
 *
 * A limit anywhere between the group and the root counts, so the lowest one
 * on the way up is shown.  A container may see its group as "/", or see it
 * nowhere.
 */
#define _GNU_SOURCE
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "finding.h"
#include "host.h"
#include "units.h"

/*
 * struct group - what is known of the group
 * @path:  in the v2 hierarchy, from /proc/self/cgroup; "" if in none
 * @mount: where that hierarchy is mounted, "" if nowhere
 * @root:  the group that the mount shows at its top
 * @v1:    the memory controller is in a v1 hierarchy
 */
struct group {
	char path[1024];
	char mount[1024];
	char root[1024];
	bool v1;
};

/* "0::/path", "4:memory:/path" or "5:cpu,memory:/path" */
static bool take_membership(char *line, void *arg)
{
	struct group *group = arg;
	char *names = strchr(line, ':');
	char *path = names ? strchr(names + 1, ':') : NULL;
	char *name;

	if (!path)
		return false;
	*path++ = 0;
	names++;
	if (!*names)
		snprintf(group->path, sizeof(group->path), "%s", path);
	for (name = strtok(names, ","); name; name = strtok(NULL, ","))
		group->v1 |= !strcmp(name, "memory");
	return false;
}

/* "id parent dev ROOT MOUNT options - TYPE ..." */
static bool take_mount(char *line, void *arg)
{
	struct group *group = arg;
	char *type = strstr(line, " - cgroup2 ");

	return type && sscanf(line, "%*s %*s %*s %1023s %1023s", group->root,
			      group->mount) == 2;
}

static bool has_word(const char *text, const char *word)
{
	size_t length = strlen(word);
	const char *at = text;

	for (; (at = strstr(at, word)); at += length)
		if ((at == text || at[-1] == ' ') &&
		    (!at[length] || at[length] == ' '))
			return true;
	return false;
}

/* The group's folder; below the mount's own root only the rest counts. */
static void folder(const struct group *group, char *path, size_t size)
{
	size_t skip = strcmp(group->root, "/") ? strlen(group->root) : 0;

	if (skip && strncmp(group->path, group->root, skip))
		skip = 0;
	snprintf(path, size, "%s%s", group->mount, group->path + skip);
}

static bool controls_memory(const char *folder_path)
{
	char path[PATH_MAX], text[256];

	snprintf(path, sizeof(path), "%.3000s/cgroup.controllers", folder_path);
	return host_read(path, text, sizeof(text)) && has_word(text, "memory");
}

/* The lowest memory.max from @path up to the mount; 0 if there is none. */
static uint64_t lowest_limit(char *path, const char *mount)
{
	char file[PATH_MAX];
	uint64_t lowest = 0;
	uint64_t limit;
	char *slash;

	while (strlen(path) >= strlen(mount)) {
		snprintf(file, sizeof(file), "%.3000s/memory.max", path);
		/* "max" is no number. */
		if (host_number(file, &limit) && (!lowest || limit < lowest))
			lowest = limit;
		slash = strrchr(path, '/');
		if (!slash)
			break;
		*slash = 0;
	}
	return lowest;
}

static void judge_v2(struct finding *finding, char *path, const char *mount)
{
	uint64_t limit = lowest_limit(path, mount);

	if (limit)
		finding_ok(finding, "v2, memory limited to %s (memory.max)",
			   units_bytes(limit).text);
	else
		finding_ok(finding, "v2, memory not limited");
}

void check_cgroup(struct finding *finding)
{
	struct group group = { 0 };
	char path[2048];

	if (!host_lines("/proc/self/cgroup", take_membership, &group)) {
		finding_note(finding, NULL,
			     "unknown: /proc/self/cgroup cannot be read");
		return;
	}
	host_lines("/proc/self/mountinfo", take_mount, &group);
	folder(&group, path, sizeof(path));
	if (group.path[0] && group.mount[0] && controls_memory(path))
		judge_v2(finding, path, group.mount);
	else if (group.v1)
		finding_note(finding,
			     "limits count, but how long one group waits for "
			     "memory cannot be seen",
			     "v1 has the memory controller");
	else
		finding_note(finding,
			     "memory cannot be limited, or protected, for one "
			     "program",
			     "no memory controller is to be seen here");
}
