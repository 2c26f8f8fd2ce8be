/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared by the tests of recall and of survival: the module's files in sysfs
 * and debugfs, what the kernel says of memory and of OOM kills, and children.
 */
#ifndef TMEM_TEST_RECALL_H
#define TMEM_TEST_RECALL_H

#include "tmem_test_cgroup.h"
#include "tmem_test_sysfs.h"

#include <sys/prctl.h>

#define KT_SHRINK "/sys/kernel/debug/tmem/shrink"

/* Recalls so many spans, as the kernel would. */
static inline int kt_shrink(unsigned int spans)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", spans);
	return kt_write_file(KT_SHRINK, text);
}

/* The counters of /sys/class/misc/tmem/recall/. */
struct kt_recall {
	int64_t scanned, purged, busy, pinned, absent, oom_calls, oom_purged;
};

static inline struct kt_recall kt_recall(void)
{
	return (struct kt_recall){
		.scanned = kt_sysfs_number("recall/scanned"),
		.purged = kt_sysfs_number("recall/purged"),
		.busy = kt_sysfs_number("recall/busy"),
		.pinned = kt_sysfs_number("recall/pinned"),
		.absent = kt_sysfs_number("recall/absent"),
		.oom_calls = kt_sysfs_number("recall/oom_calls"),
		.oom_purged = kt_sysfs_number("recall/oom_purged"),
	};
}

/* What happened since.  Printed, because figures say more than a verdict. */
static inline struct kt_recall kt_recall_since(const struct kt_recall *then)
{
	struct kt_recall now = kt_recall();

	now.scanned -= then->scanned;
	now.purged -= then->purged;
	now.busy -= then->busy;
	now.pinned -= then->pinned;
	now.absent -= then->absent;
	now.oom_calls -= then->oom_calls;
	now.oom_purged -= then->oom_purged;
	printf("# recall: scanned %lld purged %lld busy %lld pinned %lld"
	       " absent %lld, OOM calls %lld purged %lld\n",
	       (long long)now.scanned, (long long)now.purged,
	       (long long)now.busy, (long long)now.pinned,
	       (long long)now.absent, (long long)now.oom_calls,
	       (long long)now.oom_purged);
	return now;
}

/* One line of a file of names and numbers, such as /proc/vmstat; -1: none. */
static inline long kt_field(const char *path, const char *name)
{
	FILE *f = fopen(path, "re");
	size_t len = strlen(name);
	char line[256];
	long value = -1;

	while (f && value < 0 && fgets(line, sizeof(line), f))
		if (!strncmp(line, name, len) &&
		    (line[len] == ' ' || line[len] == ':'))
			value = strtol(line + len + 1, NULL, 10);
	if (f)
		fclose(f);
	return value;
}

static inline long kt_oom_kills(void)
{
	return kt_field("/proc/vmstat", "oom_kill");
}

static inline uint64_t kt_available(void)
{
	return (uint64_t)kt_field("/proc/meminfo", "MemAvailable") * 1024;
}

/* -1000: never killed for want of memory; 1000: killed before all others. */
static inline void kt_oom_score(int score)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", score);
	kt_write_file("/proc/self/oom_score_adj", text);
}

/* Zeroed memory that a child shares. */
static inline void *kt_shared(size_t size)
{
	void *p = mmap(NULL, size, KT_RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

/* A child that dies with its parent, so that a failed test leaves none. */
static inline pid_t kt_fork(void)
{
	pid_t parent = getpid(), pid;

	fflush(NULL);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(99);
	}
	return pid;
}

/* A group in a group; the outer one must let its children be limited. */
static inline int kt_cgroup_sub(struct kt_cgroup *cg,
				const struct kt_cgroup *parent,
				const char *name)
{
	char path[sizeof(cg->path)];
	int n = snprintf(path, sizeof(path), "%s/%s", parent->path, name);

	cg->path[0] = 0;
	if (n >= (int)sizeof(path))
		return -ENAMETOOLONG;
	if (mkdir(path, 0755))
		return -errno;
	memcpy(cg->path, path, sizeof(path));
	return 0;
}

static inline void kt_flag(bool *flag)
{
	__atomic_store_n(flag, true, __ATOMIC_RELEASE);
}

static inline bool kt_flagged(const bool *flag)
{
	return __atomic_load_n(flag, __ATOMIC_ACQUIRE);
}

/* The child has ended, but was not waited for. */
static inline bool kt_ended(pid_t pid)
{
	siginfo_t info = { 0 };

	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) ||
	       info.si_pid;
}

/* Waits for a flag that a child sets; false if it ended instead. */
static inline bool kt_await(const bool *flag, pid_t pid)
{
	return PACE_UNTIL(kt_flagged(flag) || kt_ended(pid)) &&
	       kt_flagged(flag);
}

static inline uint64_t kt_count(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_ACQUIRE);
}

static inline void kt_add(uint64_t *counter, uint64_t n)
{
	__atomic_fetch_add(counter, n, __ATOMIC_RELEASE);
}

/* A child that recalls a few spans again and again, until it is killed. */
static inline pid_t kt_recaller(void)
{
	pid_t pid = kt_fork();

	while (!pid) {
		kt_shrink(3);
		pace_pause();
	}
	return pid;
}

/* A killed process may still be giving its memory back. */
static inline bool kt_all_gone(int dev)
{
	return PACE_UNTIL(!kt_arenas(dev) &&
			  !kt_sysfs_number("resident_bytes"));
}

#endif /* TMEM_TEST_RECALL_H */
