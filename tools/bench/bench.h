/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the module's benchmark share.
 *
 * A case is measured once in every round, one after the other, so that what
 * changes on the machine meanwhile meets all of them.  A row of the table is
 * a case's median and its ratio to the first of its group.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include <linux/tmem.h>

#define BENCH_MIB ((size_t)1 << 20)
#define BENCH_PAGE ((size_t)4096)
#define BENCH_SPAN ((size_t)TMEM_SPAN_SIZE)
#define BENCH_BYTES (256 * BENCH_MIB)
#define BENCH_SPANS (BENCH_BYTES / BENCH_SPAN)
#define BENCH_ROUNDS 101 /* at most */
#define BENCH_NODES 8

#define BENCH_SYSFS "/sys/class/misc/tmem"

/* One measurement. */
struct bench_sample {
	double ns;
	uint64_t faults;
	bool has_faults;
};

/* From the start of the program to its end. */
struct bench {
	unsigned int rounds;
	int dev;
	int node; /* that the memory comes from, and whose CPU asks for it */
	unsigned int nodes;
	double host_level; /* ns, measured outside of the machine; or 0 */
	double host_pair;
	char why[128]; /* a case was left out */
};

struct bench_case {
	const char *group;
	const char *name;
	const char *key; /* in JSON, and for the bars */
	const char *unit; /* "ms", "us", "ns" */
	int (*run)(struct bench *b, struct bench_sample *s);
};

/* 0, or -1 and the reason: the case is left out from now on. */
__attribute__((format(printf, 2, 3))) int bench_skip(struct bench *b,
						     const char *why, ...);

static inline double bench_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

/* Of this thread: others on the machine do not count.  For loops alone. */
static inline double bench_cpu_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

/* kmod_system.c: files of the kernel, and what is free. */
int bench_write(const char *path, const char *text);
int bench_write_number(const char *path, uint64_t number);
int bench_read_text(const char *path, char *text, size_t size);
uint64_t bench_read_number(const char *path); /* ~0: cannot */
uint64_t bench_free_bytes(int node); /* -1: all */
int bench_run_on_node(int node);
uint64_t bench_faults(void);
void bench_sleep_ms(unsigned int ms);

/* Everything that a run changes, as it was. */
void bench_settings_save(struct bench *b);
void bench_settings_restore(struct bench *b);

int bench_pool_empty(struct bench *b);
int bench_pool_fill(struct bench *b, uint64_t bytes);

/* kmod_level.c: the level is low, and stays so. */
int bench_level_low(struct bench *b);

/* kmod_touch.c: an arena and its mappings. */
struct bench_arena {
	int fd;
	size_t size;
	unsigned char *data;
	uint32_t *ctl;
	size_t ctl_size;
};
int bench_arena_make(struct bench *b, struct bench_arena *a, uint32_t policy);
void bench_arena_free(struct bench_arena *a);
int bench_arena_populate(struct bench_arena *a, uint32_t workers);
void bench_arena_idle(struct bench_arena *a);
uint64_t bench_arena_resident(struct bench_arena *a);

/* Writes one word of each page: any kind of memory is there afterwards. */
void bench_touch(unsigned char *p, size_t len);

/* The cases; each list ends with an entry without a name. */
extern const struct bench_case bench_touch_cases[];
extern const struct bench_case bench_recall_cases[];
extern const struct bench_case bench_level_cases[];

/* kmod_level.c, on this machine without the module */
double bench_level_read(const struct tmem_status *status);
double bench_word_pair(uint32_t *word);

#endif /* BENCH_H */
