/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The cgroup that this process is in: which folder shows it, and how near it,
 * or a group above it, is to its limit.
 *
 * Version 2 only.  A process in a container may see its group as "/", below
 * the mount's own root, or nowhere at all; and where version 1 has the memory
 * controller, version 2 has no figures of memory.  Then there is nothing here,
 * and that is said, not guessed.
 */
#ifndef TMEM_MONITOR_CGROUP_H
#define TMEM_MONITOR_CGROUP_H

#include <stdbool.h>
#include <stdint.h>
#include <tmem/monitor.h>

#define TMEM_CGROUP_PATH 1024

struct tmem_cgroup {
	enum tmem_cgroup_seen state;
	uint32_t top; /* length of the mount's part of dir */
	char path[TMEM_CGROUP_PATH]; /* as /proc/self/cgroup says */
	char dir[TMEM_CGROUP_PATH]; /* the folder, where it was found */
};

/*
 * The folder of group @path in a mount whose top shows group @root at @mount.
 * false if it is not below it, or too long.  *top: length of @mount.  Pure.
 */
bool tmem_cgroup_folder(const char *path, const char *root, const char *mount,
			char *dir, uint32_t *top);

/*
 * Find it.  @host: "" or a folder that stands for "/" (tests).  Finds the same
 * again at little cost if the process has not moved.
 */
void tmem_cgroup_find(struct tmem_cgroup *group, const char *host);

/*
 * struct tmem_cgroup_use - memory of the group that is nearest to its limit
 * @limit: the lower one of its memory.max and memory.high; UINT64_MAX: no group
 *         from ours to the top has one, and @bytes is that of the group which
 *         our memory is charged to: ours, or the next one above it that has the
 *         controller
 * @bytes: memory.current without inactive_file: what the kernel would drop
 *         first is not in use
 */
struct tmem_cgroup_use {
	uint64_t bytes, limit;
};

/*
 * 0; -ENOENT: no group from it to the top has figures of memory; or what open()
 * and read() say, -EINVAL.
 */
int tmem_cgroup_use(const struct tmem_cgroup *group,
		    struct tmem_cgroup_use *use);

/* "max" or bytes.  false if it is neither.  Pure. */
bool tmem_cgroup_limit_parse(const char *text, uint64_t *limit);

#endif /* TMEM_MONITOR_CGROUP_H */
