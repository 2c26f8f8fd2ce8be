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
 * @mount: where that hierarchy is mounted so that the group can be seen, ""
 *         if nowhere
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
	if (!*names && *path == '/')
		snprintf(group->path, sizeof(group->path), "%s", path);
	for (name = strtok(names, ","); name; name = strtok(NULL, ","))
		group->v1 |= !strcmp(name, "memory");
	return false;
}

/* The group is the mount's top, or below it; "/.." is outside by name. */
static bool is_below(const char *path, const char *root)
{
	size_t skip = strcmp(root, "/") ? strlen(root) : 0;
	const char *up = strstr(path, "/..");

	if ((up && (up[3] == '/' || !up[3])) || strstr(root, "/.."))
		return false;
	return !strncmp(path, root, skip) &&
	       (!skip || !path[skip] || path[skip] == '/');
}

/* "id parent dev ROOT MOUNT options - TYPE ..." */
static bool take_mount(char *line, void *arg)
{
	struct group *group = arg;
	char *type = strstr(line, " - cgroup2 ");

	if (!type || sscanf(line, "%*s %*s %*s %1023s %1023s", group->root,
			    group->mount) != 2)
		return false;
	if (is_below(group->path, group->root))
		return true;
	group->mount[0] = 0;
	return false;
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

	snprintf(path, size, "%s%s", group->mount, group->path + skip);
}

static bool has_controller(const char *folder_path)
{
	char path[PATH_MAX], text[256];

	snprintf(path, sizeof(path), "%.3000s/cgroup.controllers", folder_path);
	return host_read(path, text, sizeof(text)) && has_word(text, "memory");
}

/* The group's memory is charged to it, or to one above that has it. */
static bool controls_memory(const char *folder_path, const char *mount)
{
	char path[2048];
	char *slash;

	snprintf(path, sizeof(path), "%s", folder_path);
	while (!has_controller(path)) {
		slash = strrchr(path, '/');
		if (!slash || strlen(path) <= strlen(mount))
			return false;
		*slash = 0;
	}
	return true;
}

/* A limit, and the file that says so. */
struct limit {
	uint64_t bytes; /* 0: none */
	const char *file;
};

/* The lower one of what is known and what that file of the group says. */
static void limit_lower(struct limit *limit, const char *folder_path,
			const char *file)
{
	char path[PATH_MAX];
	uint64_t bytes;

	snprintf(path, sizeof(path), "%.3000s/%s", folder_path, file);
	/* "max" is no number. */
	if (host_number(path, &bytes) &&
	    (!limit->bytes || bytes < limit->bytes))
		*limit = (struct limit){ bytes, file };
}

/* The lowest limit from @path up to the mount. */
static struct limit lowest_limit(char *path, const char *mount)
{
	struct limit lowest = { 0 };
	char *slash;

	while (strlen(path) >= strlen(mount)) {
		limit_lower(&lowest, path, "memory.max");
		limit_lower(&lowest, path, "memory.high");
		slash = strrchr(path, '/');
		if (!slash)
			break;
		*slash = 0;
	}
	return lowest;
}

static void judge_v2(struct finding *finding, char *path, const char *mount)
{
	char file[PATH_MAX], text[128], found[96];
	struct limit limit;
	bool stalls;

	snprintf(file, sizeof(file), "%.3000s/memory.pressure", path);
	stalls = host_read(file, text, sizeof(text));
	limit = lowest_limit(path, mount);
	if (limit.bytes)
		snprintf(found, sizeof(found), "v2, memory limited to %s (%s)",
			 units_bytes(limit.bytes).text, limit.file);
	else
		snprintf(found, sizeof(found), "v2, memory not limited");
	if (stalls)
		finding_ok(finding, "%s", found);
	else
		finding_note(finding,
			     "the monitor sees how full the group is, not how "
			     "long it waits for memory",
			     "%s; memory.pressure cannot be read", found);
}

void check_cgroup(struct finding *finding)
{
	struct group group = { 0 };
	char path[2048];

	if (!host_lines("/proc/self/cgroup", take_membership, &group)) {
		finding_note(finding,
			     "the monitor goes by the machine's memory, not by "
			     "the group's",
			     "unknown: /proc/self/cgroup cannot be read");
		return;
	}
	if (group.path[0])
		host_lines("/proc/self/mountinfo", take_mount, &group);
	folder(&group, path, sizeof(path));
	if (group.path[0] && group.mount[0] &&
	    controls_memory(path, group.mount))
		judge_v2(finding, path, group.mount);
	else if (group.v1)
		finding_note(
			finding,
			"limits count, but the monitor cannot see how near "
			"the group is to its limit, nor how long it waits "
			"for memory",
			"v1 has the memory controller");
	else if (group.path[0] && !group.mount[0])
		finding_note(finding,
			     "a limit counts, but the monitor cannot see how "
			     "near the group is to it",
			     "v2, but its folder is not to be seen from here "
			     "(another namespace)");
	else
		finding_note(finding,
			     "memory cannot be limited, or protected, for one "
			     "program",
			     "no memory controller is to be seen here");
}
