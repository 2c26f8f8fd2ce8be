// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Where this process's cgroup is.
 */
#define _GNU_SOURCE
#include "monitor/cgroup.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/text.h"

struct membership {
	char path[TMEM_CGROUP_PATH];
	bool v2, v1_memory;
};

/* A word of a list that is separated by commas. */
static bool list_has(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (; *list; list += strcspn(list, ","), list += *list == ',')
		if (!strncmp(list, word, len) &&
		    (!list[len] || list[len] == ','))
			return true;
	return false;
}

/* "0::/path", "4:memory:/path" or "5:cpu,memory:/path" */
static bool membership_line(char *line, void *arg)
{
	struct membership *m = arg;
	char *names = strchr(line, ':');
	char *path = names ? strchr(names + 1, ':') : NULL;

	if (!path || path[1] != '/')
		return true;
	*path++ = '\0';
	m->v1_memory |= list_has(names + 1, "memory");
	if (names[1] || strncmp(line, "0:", 2) ||
	    strlen(path) >= sizeof(m->path))
		return true;
	memcpy(m->path, path, strlen(path) + 1);
	m->v2 = true;
	return true;
}

/* "\040" is a blank: as the kernel writes names into mountinfo. */
static void unescape(char *text)
{
	char *to = text;

	for (; *text; text++)
		if (text[0] == '\\' && text[1] >= '0' && text[1] <= '3' &&
		    text[2] >= '0' && text[2] <= '7' && text[3] >= '0' &&
		    text[3] <= '7') {
			*to++ = (char)((text[1] - '0') * 64 +
				       (text[2] - '0') * 8 + (text[3] - '0'));
			text += 3;
		} else {
			*to++ = *text;
		}
	*to = '\0';
}

bool tmem_cgroup_folder(const char *path, const char *root, const char *mount,
			char *dir, uint32_t *top)
{
	size_t skip = strcmp(root, "/") ? strlen(root) : 0;
	int n;

	/* "/.." is outside of what this process may see by name. */
	if (strstr(path, "/../") || strstr(root, "/..") ||
	    (strlen(path) >= 3 && !strcmp(path + strlen(path) - 3, "/..")))
		return false;
	if (skip &&
	    (strncmp(path, root, skip) || (path[skip] && path[skip] != '/')))
		return false;
	path += skip;
	if (!strcmp(path, "/"))
		path++;
	*top = (uint32_t)strlen(mount);
	n = snprintf(dir, TMEM_CGROUP_PATH, "%s%s", mount, path);
	return n > 0 && n < TMEM_CGROUP_PATH;
}

struct search {
	struct tmem_cgroup *group;
	const char *host;
};

/* "id parent dev ROOT MOUNT options... - TYPE source options" */
static bool mount_line(char *line, void *arg)
{
	const struct search *search = arg;
	struct tmem_cgroup *group = search->group;
	char *word[5], mount[TMEM_CGROUP_PATH], *save = NULL;
	unsigned int i;

	if (!strstr(line, " - cgroup2 "))
		return true;
	for (i = 0; i < 5; i++) {
		word[i] = strtok_r(i ? NULL : line, " ", &save);
		if (!word[i])
			return true;
	}
	unescape(word[3]);
	unescape(word[4]);
	if ((size_t)snprintf(mount, sizeof(mount), "%s%s", search->host,
			     strcmp(word[4], "/") ? word[4] : "") >=
	    sizeof(mount))
		return true;
	if (!tmem_cgroup_folder(group->path, word[3], mount, group->dir,
				&group->top) ||
	    access(group->dir, X_OK))
		return true;
	group->state = TMEM_CGROUP_SEEN_V2;
	return false;
}

static void group_search(struct tmem_cgroup *group, const char *host)
{
	struct search search = { group, host };
	char file[TMEM_CGROUP_PATH];

	snprintf(file, sizeof(file), "%s/proc/self/mountinfo", host);
	group->state = TMEM_CGROUP_SEEN_HIDDEN;
	group->dir[0] = '\0';
	tmem_text_lines(file, mount_line, &search);
}

void tmem_cgroup_find(struct tmem_cgroup *group, const char *host)
{
	struct membership m = { 0 };
	char file[TMEM_CGROUP_PATH];

	snprintf(file, sizeof(file), "%s/proc/self/cgroup", host);
	if (tmem_text_lines(file, membership_line, &m)) {
		group->state = TMEM_CGROUP_SEEN_NOT;
		return;
	}
	if (m.v1_memory || !m.v2) {
		group->state = m.v1_memory ? TMEM_CGROUP_SEEN_V1 :
					     TMEM_CGROUP_SEEN_NONE;
		return;
	}
	if (group->state == TMEM_CGROUP_SEEN_V2 &&
	    !strcmp(group->path, m.path) && !access(group->dir, X_OK))
		return;
	memcpy(group->path, m.path, sizeof(group->path));
	group_search(group, host);
}
