/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared by the library's tests: a listener for its log, random numbers that
 * can be had again, contents that tell whose they are, and children whose end
 * is looked at.
 *
 * The harness runs each test in a process of its own, so that each sets the
 * library up anew.  TMEM_BACKEND says on what; the tests hold on either.
 * Nothing here asserts: that is the test's work.
 */
#ifndef LIB_TEST_H
#define LIB_TEST_H

#include "pace.h" /* first: it defines _GNU_SOURCE */

/* FIXTURE_SETUP and FIXTURE_TEARDOWN define functions that are not static. */
#pragma GCC diagnostic ignored "-Wmissing-prototypes"
/* TEST defines one with a parameter that it leaves alone; clang minds. */
#pragma GCC diagnostic ignored "-Wunused-parameter"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <tmem.h>

#define LT_KIB ((size_t)1 << 10)
#define LT_MIB ((size_t)1 << 20)
#define LT_GIB ((size_t)1 << 30)
#define LT_SPAN TMEM_SPAN_BYTES

/* gcc and clang say in different words which sanitizer is at work. */
#ifdef __has_feature
#define LT_FEATURE(x) __has_feature(x)
#else
#define LT_FEATURE(x) 0
#endif
#if defined(__SANITIZE_THREAD__) || LT_FEATURE(thread_sanitizer)
#define LT_TSAN 1
#else
#define LT_TSAN 0
#endif
#if defined(__SANITIZE_ADDRESS__) || LT_FEATURE(address_sanitizer)
#define LT_ASAN 1
#else
#define LT_ASAN 0
#endif
#define LT_SANITIZER (LT_ASAN || LT_TSAN)

/* How much of a long test a sanitizer's pace allows. */
#define LT_COUNT(plain, sanitized) (LT_SANITIZER ? (sanitized) : (plain))

/* Before it a call does not become a jump: the caller is on the stack. */
static inline void lt_no_tail_call(void)
{
	__asm__ volatile("" ::: "memory");
}

/* The backend that this run is about, for tests that name one. */
static inline enum tmem_backend lt_backend(void)
{
	const char *word = getenv("TMEM_BACKEND");

	if (word && !strcmp(word, "dev"))
		return TMEM_BACKEND_DEV;
	return TMEM_BACKEND_ANON;
}

/* Bars of time are for hardware: not for sanitizers, nor for the device in a VM. */
static inline bool lt_is_slow(void)
{
	return LT_SANITIZER || lt_backend() == TMEM_BACKEND_DEV;
}

static inline const char *lt_backend_word(void)
{
	return lt_backend() == TMEM_BACKEND_DEV ? "dev" : "anon";
}

/*
 * Sets the library up with lt_backend(), for a machine with memory to spare,
 * whatever the real one is short of: what is idle stays idle.  0 or -errno.
 */
static inline int lt_init(void)
{
	struct tmem_config config = TMEM_CONFIG_INIT;
	int err;

	config.backend = lt_backend();
	err = tmem_init(&config);
	return err ? err : tmem_gc_level_set(TMEM_LEVEL_LOW);
}

/* What the library said.  Any thread may speak. */
struct lt_log {
	atomic_uint lines;
	enum tmem_log_level level;
	char last[512];
};

static inline void lt_log_line(void *ctx, enum tmem_log_level level,
			       const char *line)
{
	struct lt_log *log = ctx;

	atomic_fetch_add(&log->lines, 1);
	log->level = level;
	snprintf(log->last, sizeof(log->last), "%s", line);
}

static inline void lt_listen(struct lt_log *log)
{
	memset(log, 0, sizeof(*log));
	tmem_set_log(lt_log_line, log);
}

/* One line, of that level, with that word in it, and the count starts anew. */
static inline bool lt_heard(struct lt_log *log, enum tmem_log_level level,
			    const char *word)
{
	unsigned int lines = atomic_exchange(&log->lines, 0);
	bool right = lines == 1 && log->level == level &&
		     strstr(log->last, word) && !strchr(log->last, '\n');

	if (!right)
		printf("# %u lines, level %d, last: '%s', wanted: '%s'\n",
		       lines, (int)log->level, log->last, word);
	return right;
}

/* What the caller's caches hold goes back to the heap; nothing is purged. */
static inline void lt_drain(void)
{
	tmem_trim(SIZE_MAX);
}

/* Random numbers: splitmix64. */
static inline uint64_t lt_mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15ULL;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

static inline uint64_t lt_random(uint64_t *state)
{
	return lt_mix((*state)++);
}

/* From low to high, both included. */
static inline size_t lt_between(uint64_t *state, size_t low, size_t high)
{
	return low + lt_random(state) % (high - low + 1);
}

/*
 * Contents made from a tag: every word of a small block; of a larger one a
 * word in each stretch, and the last.  Below 8 bytes there are only bytes.
 */
static inline size_t lt_step(size_t size)
{
	if (size <= 4096)
		return 8;
	return LT_SANITIZER || size > LT_MIB ? 4096 : 512;
}

static inline uint64_t lt_word(uint64_t tag, size_t offset)
{
	return lt_mix(tag * 0x100000001b3ULL + offset);
}

static inline void lt_fill(void *block, size_t size, uint64_t tag)
{
	size_t offset, step = lt_step(size);
	char *p = block;
	uint64_t word;

	for (offset = 0; offset + 8 <= size; offset += step) {
		word = lt_word(tag, offset);
		memcpy(p + offset, &word, 8);
	}
	word = lt_word(tag, size);
	if (size < 8)
		memcpy(p, &word, size);
	else
		memcpy(p + size - 8, &word, 8);
}

/* The word that lt_fill() left at an offset, the last one's apart. */
static inline bool lt_word_kept(const char *p, size_t offset, uint64_t tag,
				size_t key)
{
	uint64_t word;

	memcpy(&word, p + offset, 8);
	if (word == lt_word(tag, key))
		return true;
	printf("# offset %#zx of %p: %#llx is not %#llx\n", offset, (void *)p,
	       (unsigned long long)word, (unsigned long long)lt_word(tag, key));
	return false;
}

/* What lt_fill(block, size, tag) wrote is there, as far as to limit. */
static inline bool lt_kept_to(const void *block, size_t size, size_t limit,
			      uint64_t tag)
{
	size_t offset, step = lt_step(size);
	uint64_t word = lt_word(tag, size);
	const char *p = block;

	if (size < 8)
		return !memcmp(p, &word, size < limit ? size : limit);
	for (offset = 0; offset + 8 <= size - 8 && offset + 8 <= limit;
	     offset += step)
		if (!lt_word_kept(p, offset, tag, offset))
			return false;
	return size > limit || lt_word_kept(p, size - 8, tag, size);
}

static inline bool lt_kept(const void *block, size_t size, uint64_t tag)
{
	return lt_kept_to(block, size, size, tag);
}

/* Every byte is zero. */
static inline bool lt_zero(const void *block, size_t size)
{
	static const char zeroes[4096];
	const char *p = block;
	size_t n;

	for (; size; size -= n, p += n) {
		n = size < sizeof(zeroes) ? size : sizeof(zeroes);
		if (memcmp(p, zeroes, n))
			return false;
	}
	return true;
}

/* On this CPU from now on, and so on its node. */
static inline void lt_stay(void)
{
	cpu_set_t here;

	CPU_ZERO(&here);
	CPU_SET((size_t)sched_getcpu(), &here);
	sched_setaffinity(0, sizeof(here), &here);
}

static inline struct tmem_stats lt_stats(void)
{
	struct tmem_stats stats = TMEM_STATS_INIT;

	tmem_stats_get(&stats);
	return stats;
}

static inline struct tmem_residency lt_residency(void)
{
	struct tmem_residency residency = TMEM_RESIDENCY_INIT;

	if (tmem_residency_get(&residency))
		memset(&residency, 0xff, sizeof(residency));
	return residency;
}

/*
 * Runs fn in a child and returns its wait status: what it returned is its exit
 * status.  One that hangs is ended by SIGALRM, before its parent is.
 */
static inline int lt_child(int (*fn)(void *arg), void *arg)
{
	int status = -1;
	pid_t pid;

	fflush(stdout);
	fflush(stderr);
	pid = fork();
	if (!pid) {
		pace_end_if_hung();
		status = fn(arg);
		fflush(stdout);
		_exit(status);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return status;
}

#define LT_EXITED(status, code) \
	(WIFEXITED(status) && WEXITSTATUS(status) == (code))

/* Ended by that signal, and not by a sanitizer that caught it first. */
#define LT_KILLED(status, sig) \
	(WIFSIGNALED(status) && WTERMSIG(status) == (sig))

static inline int lt_touch_child(void *arg)
{
	signal(SIGSEGV, SIG_DFL);
	*(volatile char *)arg = 1;
	return 0;
}

/* A write to the address kills. */
static inline bool lt_no_access(void *addr)
{
	return LT_KILLED(lt_child(lt_touch_child, addr), SIGSEGV);
}

/* Addresses for count spans, without access, aligned; or NULL. */
static inline char *lt_reserve(size_t count)
{
	char *p = mmap(NULL, (count + 1) * LT_SPAN, PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	return p + (-(uintptr_t)p & (LT_SPAN - 1));
}

/*
 * Mappings, until the process may have no more of them (vm.max_map_count).
 * false if that cannot be done here.
 */
struct lt_maps {
	char *at;
	size_t bytes, given;
};

#define LT_PAGE ((size_t)4096)

static inline bool lt_maps_eat(struct lt_maps *maps)
{
	FILE *f = fopen("/proc/sys/vm/max_map_count", "re");
	size_t max = 0, i;

	if (!f || fscanf(f, "%zu", &max) != 1)
		max = 0;
	if (f)
		fclose(f);
	if (LT_SANITIZER || !max || max > 300000)
		return false;
	maps->given = 0;
	maps->bytes = 2 * max * LT_PAGE;
	maps->at = mmap(NULL, maps->bytes, PROT_NONE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (maps->at == MAP_FAILED)
		return false;
	/* Each page of another kind makes two more mappings; one is left. */
	for (i = 1; i < 2 * max - 2; i += 2)
		if (mprotect(maps->at + i * LT_PAGE, LT_PAGE, PROT_READ))
			break;
	while (mmap(NULL, LT_PAGE, i++ % 2 ? PROT_READ : PROT_EXEC,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
		;
	return true;
}

/* One mapping more may be made. */
static inline void lt_maps_give(struct lt_maps *maps)
{
	munmap(maps->at + maps->given++ * LT_PAGE, LT_PAGE);
}

static inline void lt_maps_free(const struct lt_maps *maps)
{
	munmap(maps->at, maps->bytes);
}

/* A block of the default pool, written to all over. */
static inline char *lt_filled(size_t size, uint64_t tag)
{
	char *block = tmem_alloc(size);

	if (block)
		lt_fill(block, size, tag);
	return block;
}

#endif /* LIB_TEST_H */
