/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared by the kernel tests: open the device, make an arena, map it, look at
 * its counters, run one span through its control word, and touch memory that
 * may not be there.
 *
 * Functions return 0 or -errno, like the library, so that a test can assert
 * the error itself.  Nothing here asserts: that is the test's work.
 */
#ifndef TMEM_TEST_H
#define TMEM_TEST_H

#include "pace.h" /* first: it defines _GNU_SOURCE */

/* FIXTURE_SETUP and FIXTURE_TEARDOWN define functions that are not static. */
#pragma GCC diagnostic ignored "-Wmissing-prototypes"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/mempolicy.h>
#include <linux/tmem.h>

#define KT_DEVICE "/dev/tmem"
#define KT_SPAN ((size_t)TMEM_SPAN_SIZE)
#define KT_PAGE ((size_t)4096)
#define KT_MIB ((size_t)1 << 20)
#define KT_RW (PROT_READ | PROT_WRITE)

/* An arena and its two mappings.  Lives from kt_arena_init to _fini. */
struct kt_arena {
	int fd;
	size_t size;
	size_t spans;
	off_t ctl_offset;
	size_t ctl_size;
	unsigned char *data;
	uint32_t *ctl;
};

/* Without the module there is nothing to test, as kselftest says it. */
__attribute__((constructor)) static void kt_need_device(void)
{
	if (!access(KT_DEVICE, F_OK))
		return;
	printf("1..0 # SKIP " KT_DEVICE
	       " is not there: the module is not loaded\n");
	exit(KSFT_SKIP);
}

/*
 * Opens the device and takes the process out of NUMA balancing, which marks
 * mappings now and then; Linux 6.1 then says that the page is not there.
 */
static inline int kt_open(void)
{
	int fd = open(KT_DEVICE, O_RDWR | O_CLOEXEC);

	syscall(SYS_set_mempolicy, MPOL_LOCAL, NULL, 0UL);
	if (fd < 0)
		fprintf(stderr, "# cannot open " KT_DEVICE ": %s\n",
			strerror(errno));
	return fd;
}

/* The ioctl itself, as 0 or -errno. */
static inline int kt_ioctl(int fd, unsigned long cmd, void *arg)
{
	return ioctl(fd, cmd, arg) < 0 ? -errno : 0;
}

/* A request that is right; the tests of misuse spoil one field of it. */
static inline struct tmem_arena_create
kt_request(size_t size, unsigned int policy, uint64_t nodes)
{
	struct tmem_arena_create req = {
		.size = size,
		.policy = policy,
		.nodes = { nodes },
		.name = "selftest",
		.fd = -1,
	};

	return req;
}

/* The lowest free descriptor number: equal before and after = no leak. */
static inline int kt_next_fd(int any_fd)
{
	int fd = dup(any_fd);

	close(fd);
	return fd;
}

static inline void *kt_map(int fd, size_t length, off_t offset)
{
	return mmap(NULL, length, KT_RW, MAP_SHARED, fd, offset);
}

static inline void kt_arena_unmap(struct kt_arena *a)
{
	if (a->data)
		munmap(a->data, a->size);
	if (a->ctl)
		munmap(a->ctl, a->ctl_size);
	a->data = NULL;
	a->ctl = NULL;
}

/* Safe to call twice and on an arena that was never made (all zero). */
static inline void kt_arena_fini(struct kt_arena *a)
{
	kt_arena_unmap(a);
	if (a->spans && a->fd >= 0)
		close(a->fd);
	a->fd = -1;
	a->spans = 0;
}

/* Maps an arena that came as a descriptor, for example over a socket. */
static inline int kt_arena_map(struct kt_arena *a)
{
	void *data = kt_map(a->fd, a->size, 0);
	void *ctl = kt_map(a->fd, a->ctl_size, a->ctl_offset);
	int err = errno;

	a->data = data == MAP_FAILED ? NULL : data;
	a->ctl = ctl == MAP_FAILED ? NULL : ctl;
	if (a->data && a->ctl)
		return 0;
	kt_arena_unmap(a);
	return -err;
}

static inline int kt_arena_init(struct kt_arena *a, int dev, size_t size,
				unsigned int policy, uint64_t nodes)
{
	struct tmem_arena_create req = kt_request(size, policy, nodes);
	int ret = kt_ioctl(dev, TMEM_IOC_ARENA_CREATE, &req);

	memset(a, 0, sizeof(*a));
	if (ret)
		return ret;
	a->fd = req.fd;
	a->size = size;
	a->spans = size / KT_SPAN;
	a->ctl_offset = (off_t)req.ctl_offset;
	a->ctl_size = req.ctl_size;
	ret = kt_arena_map(a);
	if (ret)
		kt_arena_fini(a);
	return ret;
}

static inline unsigned char *kt_span(const struct kt_arena *a, size_t i)
{
	return a->data + i * KT_SPAN;
}

/* Arenas alive in the system, or a value that no test expects. */
static inline uint64_t kt_arenas(int dev)
{
	struct tmem_query q = { 0 };

	return kt_ioctl(dev, TMEM_IOC_QUERY, &q) ? UINT64_MAX : q.arenas;
}

static inline struct tmem_arena_stat kt_stat(const struct kt_arena *a)
{
	struct tmem_arena_stat st = { 0 };

	if (kt_ioctl(a->fd, TMEM_IOC_ARENA_STAT, &st))
		memset(&st, 0xff, sizeof(st));
	return st;
}

static inline int kt_purge(const struct kt_arena *a, size_t first, size_t count,
			   struct tmem_arena_purge *out)
{
	*out = (struct tmem_arena_purge){
		.offset = first * KT_SPAN,
		.length = count * KT_SPAN,
	};
	return kt_ioctl(a->fd, TMEM_IOC_ARENA_PURGE, out);
}

/* The control word of a span, as a program uses it. */
static inline uint32_t kt_word(const struct kt_arena *a, size_t i)
{
	return __atomic_load_n(&a->ctl[i], __ATOMIC_ACQUIRE);
}

static inline void kt_word_set(const struct kt_arena *a, size_t i, uint32_t v)
{
	__atomic_store_n(&a->ctl[i], v, __ATOMIC_RELEASE);
}

static inline uint32_t kt_idle_word(void)
{
	return TMEM_SPAN_IDLE |
	       ((pace_now_ns() >> TMEM_STAMP_SHIFT) & TMEM_STAMP_MASK);
}

static inline void kt_idle(const struct kt_arena *a, size_t i)
{
	kt_word_set(a, i, kt_idle_word());
}

/*
 * Contents.  One word per page, at a different place in each page, made from
 * a seed: cheap under emulation, and any page that is lost, zeroed or swapped
 * with another one is seen.
 */
static inline uint64_t kt_mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15ULL;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

static inline uint64_t *kt_page_word(unsigned char *p, size_t page)
{
	return (uint64_t *)(p + page * KT_PAGE) + page % (KT_PAGE / 8);
}

static inline void kt_fill(unsigned char *p, size_t len, uint64_t seed)
{
	for (size_t page = 0; page < len / KT_PAGE; page++)
		*kt_page_word(p, page) = kt_mix(seed + page);
}

/* How many pages do not hold what kt_fill wrote. */
static inline size_t kt_bad(unsigned char *p, size_t len, uint64_t seed)
{
	size_t bad = 0;

	for (size_t page = 0; page < len / KT_PAGE; page++)
		bad += *kt_page_word(p, page) != kt_mix(seed + page);
	return bad;
}

/* How many words are not zero.  Looks at every one. */
static inline size_t kt_nonzero(const unsigned char *p, size_t len)
{
	const uint64_t *w = (const uint64_t *)p;
	size_t bad = 0;

	for (size_t i = 0; i < len / sizeof(*w); i++)
		bad += w[i] != 0;
	return bad;
}

/* Random numbers: splitmix64. */
static inline uint64_t kt_random(uint64_t *state)
{
	*state += 0x9e3779b97f4a7c15ULL;
	return kt_mix(*state);
}

/* Touching memory that may refuse: which signal came, or 0. */
static __thread sigjmp_buf kt_escape;

static inline void kt_caught(int sig)
{
	siglongjmp(kt_escape, sig);
}

/* Touches the first byte of each page, from the first to the last. */
static inline int kt_touch_pages(unsigned char *p, size_t pages, bool write)
{
	struct sigaction act = { .sa_handler = kt_caught }, bus, segv;
	volatile unsigned char *at = p;
	int sig;

	sigaction(SIGBUS, &act, &bus);
	sigaction(SIGSEGV, &act, &segv);
	sig = sigsetjmp(kt_escape, 1);
	for (size_t i = 0; !sig && i < pages; i++) {
		if (write)
			at[i * KT_PAGE] = 1;
		else
			(void)at[i * KT_PAGE];
	}
	sigaction(SIGBUS, &bus, NULL);
	sigaction(SIGSEGV, &segv, NULL);
	return sig;
}

static inline int kt_touch(unsigned char *p, bool write)
{
	return kt_touch_pages(p, 1, write);
}

/* Waits for a child; its wait status, so that the test says what it wants. */
static inline int kt_wait(pid_t pid)
{
	int status = -1;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

#endif /* TMEM_TEST_H */
