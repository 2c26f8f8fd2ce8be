/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared by the kernel tests of pressure: the status page, events, the level
 * moved to where a test wants it, and real stalls.
 *
 * The level is moved by setting the thresholds of memory use around what is in
 * use, which is exact and cheap.  A real stall is a process above memory.high
 * of its cgroup: the kernel makes it wait at each allocation and counts that
 * as a stall for memory.  It needs no swap.
 */
#ifndef TMEM_TEST_PRESSURE_H
#define TMEM_TEST_PRESSURE_H

#include "tmem_test_cgroup.h"
#include "tmem_test_sysfs.h"

#include <poll.h>
#include <sys/prctl.h>

#define KT_PSI "/proc/pressure/memory"

static inline bool kt_psi_on(void)
{
	char c;
	int fd = open(KT_PSI, O_RDONLY | O_CLOEXEC);
	bool on = fd >= 0 && read(fd, &c, 1) == 1;

	if (fd >= 0)
		close(fd);
	return on;
}

/* --- the status page -------------------------------------------------------- */

static inline size_t kt_status_size(int dev)
{
	struct tmem_query q = { 0 };

	return kt_ioctl(dev, TMEM_IOC_QUERY, &q) ? 0 : q.status_size;
}

/* NULL if it cannot be mapped. */
static inline const struct tmem_status *kt_status_map(int dev)
{
	void *p =
		mmap(NULL, kt_status_size(dev), PROT_READ, MAP_SHARED, dev, 0);

	return p == MAP_FAILED ? NULL : p;
}

static inline uint32_t kt_level(const struct tmem_status *page)
{
	return __atomic_load_n(&page->level, __ATOMIC_RELAXED);
}

/*
 * Has the module look now.  On return that look and all before it are over,
 * and every reader has been told what came of them: a write to any setting
 * waits for that.
 */
static inline bool kt_look(void)
{
	char text[24];

	return kt_sysfs_read("pressure/hold_ms", text, sizeof(text)) > 0 &&
	       !kt_sysfs_write("pressure/hold_ms", text);
}

static inline bool kt_status_try(const struct tmem_status *page, void *copy,
				 size_t size)
{
	uint32_t seq = __atomic_load_n(&page->seq, __ATOMIC_ACQUIRE);

	if (seq & 1)
		return false;
	memcpy(copy, page, size);
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return __atomic_load_n(&page->seq, __ATOMIC_RELAXED) == seq;
}

/* A copy whose fields belong together; false if there was none. */
static inline bool kt_status_copy(const struct tmem_status *page, void *copy,
				  size_t size)
{
	return PACE_UNTIL(kt_status_try(page, copy, size));
}

/* Looks again and again until the level is this one. */
static inline bool kt_level_wait(const struct tmem_status *page, uint32_t level)
{
	return PACE_UNTIL(kt_look() && kt_level(page) == level);
}

/* Waits until the module has written the page so many times by itself. */
static inline bool kt_status_written(const struct tmem_status *page,
				     uint32_t times)
{
	uint32_t from = __atomic_load_n(&page->seq, __ATOMIC_ACQUIRE);

	return PACE_UNTIL(__atomic_load_n(&page->seq, __ATOMIC_ACQUIRE) -
				  from >=
			  2 * times);
}

/* --- events ----------------------------------------------------------------- */

/* What poll() says now; 0: nothing. */
static inline int kt_poll(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };
	int n = poll(&p, 1, 0);

	return n < 0 ? -errno : n ? p.revents : 0;
}

/* One event; 1, or -errno. */
static inline int kt_event(int fd, struct tmem_event *ev)
{
	ssize_t got = read(fd, ev, sizeof(*ev));

	if (got < 0)
		return -errno;
	return got == sizeof(*ev) ? 1 : -EIO;
}

/* The device for events, not waited for. */
static inline int kt_open_events(void)
{
	return open(KT_DEVICE, O_RDWR | O_CLOEXEC | O_NONBLOCK);
}

/* --- the level, moved ------------------------------------------------------- */

static inline int kt_threshold(struct kt_knobs *k, const char *of,
			       const char *level, unsigned int value)
{
	char file[40];

	snprintf(file, sizeof(file), "pressure/%s_%s", of, level);
	return kt_knob_number(k, file, value);
}

static inline bool kt_threshold_is(const char *of, const char *level,
				   unsigned int value)
{
	char file[40];

	snprintf(file, sizeof(file), "pressure/%s_%s", of, level);
	return kt_sysfs_number(file) == value;
}

/*
 * Three thresholds, by steps at each of which they ascend.  Lowest first, so
 * that a rising level passes those between.
 */
static inline int kt_thresholds(struct kt_knobs *k, const char *of,
				unsigned int medium, unsigned int high,
				unsigned int critical)
{
	bool high_is = kt_threshold_is(of, "high", high);
	int ret = 0;

	if (!high_is || !kt_threshold_is(of, "critical", critical))
		ret = kt_threshold(k, of, "critical", 100);
	if (!ret && !high_is)
		ret = kt_threshold(k, of, "high", 99);
	if (!ret)
		ret = kt_threshold(k, of, "medium", medium);
	if (!ret)
		ret = kt_threshold(k, of, "high", high);
	return ret ? ret : kt_threshold(k, of, "critical", critical);
}

/* At least so many percent are in use from now on, until the process ends. */
static inline int kt_use_least(unsigned int percent)
{
	size_t one = (size_t)sysconf(_SC_PHYS_PAGES) / 100 * KT_PAGE;
	char text[16];
	unsigned int use;

	if (kt_sysfs_read("pressure/use", text, sizeof(text)) <= 0)
		return -EIO;
	use = (unsigned int)atoi(text);
	if (use >= percent)
		return 0;
	return mmap(NULL, one * (percent - use), KT_RW,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1,
		    0) == MAP_FAILED ?
		       -errno :
		       0;
}

/*
 * From now on the level goes by memory use, and falls at once.  Only a stall of
 * 98 % of the time and more counts still; where one is made, CRITICAL is a
 * level that stays.
 */
static inline int kt_steer(struct kt_knobs *k)
{
	int ret = kt_use_least(6);

	if (!ret)
		ret = kt_knob(k, "pressure/hold_ms", "0");
	if (!ret)
		ret = kt_knob(k, "pressure/hysteresis", "0");
	if (!ret)
		ret = kt_thresholds(k, "stall", 98, 99, 100);
	if (!ret)
		ret = kt_thresholds(k, "use", 98, 99, 100);
	return ret;
}

/* The level that the use of memory shall amount to. */
static inline int kt_steer_to(struct kt_knobs *k, uint32_t level)
{
	static const unsigned char use[][3] = {
		[TMEM_LEVEL_LOW] = { 98, 99, 100 },
		[TMEM_LEVEL_MEDIUM] = { 1, 99, 100 },
		[TMEM_LEVEL_HIGH] = { 1, 2, 100 },
		[TMEM_LEVEL_CRITICAL] = { 1, 2, 3 },
	};

	return kt_thresholds(k, "use", use[level][0], use[level][1],
			     use[level][2]);
}

/* The same, and waits until it is there. */
static inline bool kt_steer_wait(struct kt_knobs *k,
				 const struct tmem_status *page, uint32_t level)
{
	return !kt_steer_to(k, level) && kt_level_wait(page, level);
}

/* --- a real stall ----------------------------------------------------------- */

struct kt_stall {
	struct kt_cgroup cg;
	pid_t pid;
};

/* A group of its own beside the one that is named after the process. */
static inline int kt_stall_init(struct kt_stall *s, const char *name)
{
	int ret = kt_write_file(KT_CGROUP_ROOT "/cgroup.subtree_control",
				"+memory");

	memset(s, 0, sizeof(*s));
	if (ret)
		return ret;
	snprintf(s->cg.path, sizeof(s->cg.path),
		 KT_CGROUP_ROOT "/tmem-test-%d-%s", getpid(), name);
	if (!mkdir(s->cg.path, 0755))
		return 0;
	ret = -errno;
	s->cg.path[0] = 0;
	return ret;
}

/* Takes page after page, above the limit after the first MiB. */
static inline void kt_stall_run(const struct kt_stall *s)
{
	size_t size = 64 * KT_MIB;
	unsigned char *p;

	/* A test that ends early leaves nothing behind that stalls. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* With a swap device it would not be held up.  No file: no swap. */
	kt_cgroup_write(&s->cg, "memory.swap.max", "0");
	if (kt_cgroup_enter(&s->cg) ||
	    kt_cgroup_write(&s->cg, "memory.high", "1M"))
		_exit(1);
	p = mmap(NULL, size, KT_RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		_exit(2);
	madvise(p, size, MADV_NOHUGEPAGE);
	for (;;) {
		for (size_t i = 0; i < size; i += KT_PAGE)
			p[i] = 1;
		madvise(p, size, MADV_DONTNEED);
	}
}

static inline int kt_stall_start(struct kt_stall *s)
{
	s->pid = fork();
	if (!s->pid)
		kt_stall_run(s);
	return s->pid < 0 ? -errno : 0;
}

static inline void kt_stall_stop(struct kt_stall *s)
{
	if (s->pid <= 0)
		return;
	kill(s->pid, SIGKILL);
	kt_wait(s->pid);
	s->pid = 0;
	kt_cgroup_write(&s->cg, "memory.high", "max");
}

static inline int kt_stall_fini(struct kt_stall *s)
{
	kt_stall_stop(s);
	return kt_cgroup_fini(&s->cg);
}

#endif /* TMEM_TEST_PRESSURE_H */
