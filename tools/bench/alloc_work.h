/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the measuring program share.  It prints one figure in
 * each line, "KEY VALUE"; the runner (alloc.c) collects them.
 */
#ifndef ALLOC_WORK_H
#define ALLOC_WORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum work_touch { WORK_TOUCH_NONE, WORK_TOUCH_PAGE, WORK_TOUCH_FULL };

/*
 * struct work - what is wanted
 * @repeats: at most; no further one after @seconds, and two of them
 * @latency: in the last one each call is timed
 * @threads: each replays the whole trace, on blocks of its own
 * @park:    seconds to sleep afterwards, with what the trace left alive
 * @slice:   milliseconds that a rung of the ladder is timed for, five times
 */
struct work {
	int fd;
	enum work_touch touch;
	unsigned int repeats;
	unsigned int seconds;
	unsigned int threads;
	unsigned int park;
	unsigned int slice;
	bool latency;
};

int work_replay(const struct work *work);
int work_crew(const struct work *work);
int work_ladder(const struct work *work);

/* --- alloc_work_look.c: clocks and memory ----------------------------------- */

/* struct look - what the process has used up */
struct look {
	uint64_t ns;
	uint64_t cpu_ns;
	uint64_t sys_ns;
	uint64_t faults;
};

struct look look_now(void);

/* look_less() - from @a to @b */
struct look look_less(const struct look *b, const struct look *a);

/* Resident bytes, and those in huge pages; 0 if the kernel does not say. */
struct resident {
	uint64_t bytes;
	uint64_t huge;
};

struct resident look_resident(void);

/* Nanoseconds of one tick of the counter that operations are timed with. */
double look_tick_ns(void);

/* Ends the program. */
__attribute__((noreturn, format(printf, 1, 2))) void
work_die(const char *format, ...);

/* Tables of our own: never from the heap, and their pages are there. */
void *work_pages(size_t bytes);

void work_print(const char *key, double value);

static inline uint64_t look_tick(void)
{
#if defined(__x86_64__)
	return __builtin_ia32_rdtsc();
#else
	return look_now().ns;
#endif
}

#endif /* ALLOC_WORK_H */
