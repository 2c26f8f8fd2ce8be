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

static inline uint64_t kt_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000U + (uint64_t)ts.tv_nsec;
}

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

/* A copy whose fields belong together; false if there was none in 2 s. */
static inline bool kt_status_copy(const struct tmem_status *page, void *copy,
				  size_t size)
{
	uint64_t until = kt_now() + 2000000000U;
	uint32_t seq;

	do {
		seq = __atomic_load_n(&page->seq, __ATOMIC_ACQUIRE);
		if (seq & 1)
			continue;
		memcpy(copy, page, size);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (__atomic_load_n(&page->seq, __ATOMIC_RELAXED) == seq)
			return true;
	} while (kt_now() < until);
	return false;
}

/* Waits until the level is this one. */
static inline bool kt_level_wait(const struct tmem_status *page, uint32_t level,
				 unsigned int ms)
{
	uint64_t until = kt_now() + ms * 1000000ULL;

	while (kt_level(page) != level) {
		if (kt_now() > until)
			return false;
		kt_sleep_ms(1);
	}
	return true;
}

/* Waits until the level is this one or worse. */
static inline bool kt_level_wait_least(const struct tmem_status *page,
				       uint32_t level, unsigned int ms)
{
	uint64_t until = kt_now() + ms * 1000000ULL;

	while (kt_level(page) < level) {
		if (kt_now() > until)
			return false;
		kt_sleep_ms(1);
	}
	return true;
}

/* Waits until the page was written so many times more. */
static inline bool kt_status_written(const struct tmem_status *page,
				     uint32_t times, unsigned int ms)
{
	uint32_t from = __atomic_load_n(&page->seq, __ATOMIC_ACQUIRE);
	uint64_t until = kt_now() + ms * 1000000ULL;

	while (__atomic_load_n(&page->seq, __ATOMIC_ACQUIRE) - from <
	       2 * times) {
		if (kt_now() > until)
			return false;
		kt_sleep_ms(1);
	}
	return true;
}

/* --- events ----------------------------------------------------------------- */

/* What poll() says within the time; 0: nothing. */
static inline int kt_poll(int fd, short events, int ms)
{
	struct pollfd p = { .fd = fd, .events = events };
	int n = poll(&p, 1, ms);

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

/*
 * From now on the level goes by memory use, and falls at once.  Ballast sees to
 * it that some per cent are in use; it goes with the process.  Only a stall of
 * 98 % of the time and more counts still; where one is made, CRITICAL is a
 * level that stays.
 */
static inline int kt_steer(struct kt_knobs *k)
{
	size_t ballast = (size_t)sysconf(_SC_PHYS_PAGES) * KT_PAGE / 20;
	void *p = mmap(NULL, ballast, KT_RW,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	int ret;

	if (p == MAP_FAILED)
		return -ENOMEM;
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
	return !kt_steer_to(k, level) && kt_level_wait(page, level, 5000);
}

/* --- a real stall ----------------------------------------------------------- */

struct kt_stall {
	struct kt_cgroup cg;
	pid_t pid;
	/* Shared with the process that stalls. */
	struct {
		uint64_t started; /* kt_now() before it goes over the limit */
		uint64_t pages;
	} * at;
};

/* A group of its own beside the one that is named after the process. */
static inline int kt_stall_init(struct kt_stall *s, const char *name)
{
	int ret;

	memset(s, 0, sizeof(*s));
	s->at = mmap(NULL, sizeof(*s->at), KT_RW, MAP_SHARED | MAP_ANONYMOUS,
		     -1, 0);
	if (s->at == MAP_FAILED)
		return -ENOMEM;
	ret = kt_write_file(KT_CGROUP_ROOT "/cgroup.subtree_control",
			    "+memory");
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
	__atomic_store_n(&s->at->started, kt_now(), __ATOMIC_RELEASE);
	for (;;) {
		for (size_t i = 0; i < size; i += KT_PAGE) {
			p[i] = 1;
			__atomic_add_fetch(&s->at->pages, 1, __ATOMIC_RELAXED);
		}
		madvise(p, size, MADV_DONTNEED);
	}
}

static inline int kt_stall_start(struct kt_stall *s)
{
	s->at->started = 0;
	s->at->pages = 0;
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
	if (s->at && (void *)s->at != MAP_FAILED)
		munmap(s->at, sizeof(*s->at));
	s->at = NULL;
	return kt_cgroup_fini(&s->cg);
}

#endif /* TMEM_TEST_PRESSURE_H */
