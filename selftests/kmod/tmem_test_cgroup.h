/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared by the kernel tests: a cgroup with a limit, and a process in it.
 * Needs cgroup2 at /sys/fs/cgroup and root.
 */
#ifndef TMEM_TEST_CGROUP_H
#define TMEM_TEST_CGROUP_H

#include "tmem_test_mem.h"

#include <sys/stat.h>

#define KT_CGROUP_ROOT "/sys/fs/cgroup"

struct kt_cgroup {
	char path[64];
};

static inline int kt_cgroup_write(const struct kt_cgroup *cg, const char *file,
				  const char *text)
{
	char path[192];

	snprintf(path, sizeof(path), "%s/%s", cg->path, file);
	return kt_write_file(path, text);
}

static inline long kt_cgroup_read(const struct kt_cgroup *cg, const char *file)
{
	char path[192];

	snprintf(path, sizeof(path), "%s/%s", cg->path, file);
	return kt_read_number(path);
}

static inline int kt_cgroup_limit(const struct kt_cgroup *cg, size_t bytes)
{
	char text[32];

	snprintf(text, sizeof(text), "%zu", bytes);
	return kt_cgroup_write(cg, "memory.max", text);
}

/*
 * An empty group without a limit; -errno if the machine has none to give.
 * The controller is "+memory" or "+cpuset".
 */
static inline int kt_cgroup_init(struct kt_cgroup *cg, const char *controller)
{
	int ret = kt_write_file(KT_CGROUP_ROOT "/cgroup.subtree_control",
				controller);

	cg->path[0] = 0;
	if (ret)
		return ret;
	snprintf(cg->path, sizeof(cg->path), KT_CGROUP_ROOT "/tmem-test-%d",
		 getpid());
	if (!mkdir(cg->path, 0755))
		return 0;
	ret = -errno;
	cg->path[0] = 0;
	return ret;
}

/* The caller and what it takes from now on belong to the group. */
static inline int kt_cgroup_enter(const struct kt_cgroup *cg)
{
	return kt_cgroup_write(cg, "cgroup.procs", "0");
}

static inline int kt_cgroup_leave(void)
{
	return kt_write_file(KT_CGROUP_ROOT "/cgroup.procs", "0");
}

/* The last process has ended, but may not have left yet. */
static inline int kt_cgroup_fini(struct kt_cgroup *cg)
{
	int ret = 0;

	if (!cg->path[0])
		return 0;
	PACE_UNTIL((ret = rmdir(cg->path) ? -errno : 0) != -EBUSY);
	cg->path[0] = 0;
	return ret;
}

#endif /* TMEM_TEST_CGROUP_H */
