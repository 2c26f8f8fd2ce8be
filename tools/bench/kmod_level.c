// SPDX-License-Identifier: GPL-2.0-only
/*
 * What programs do all the time: read the level, take a span back and let it
 * go; and how long after a change of the level a waiting program knows.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <tmem/pressure.h>

#include "bench.h"

#define LOADS 20000000
#define PAIRS 2000000

/* --- one load, one pair ------------------------------------------------------ */

/*
 * The compiler may not put the loads together, and adds a comparison to each:
 * what a program that looks at the level does.
 */
double bench_level_read(const struct tmem_status *status)
{
	const struct tmem_pressure pressure = { .status = status };
	unsigned int high = 0;
	double begin = bench_cpu_now();

	for (unsigned int i = 0; i < LOADS; i++) {
		high += tmem_pressure_level(&pressure) >= TMEM_LEVEL_HIGH;
		__asm__ volatile("" : "+r"(high));
	}
	return (bench_cpu_now() - begin) / LOADS;
}

/* As the library does it: a store, and a compare-exchange. */
double bench_word_pair(uint32_t *word)
{
	uint32_t idle = TMEM_SPAN_IDLE | 1, seen;
	double begin = bench_cpu_now();

	for (unsigned int i = 0; i < PAIRS; i++) {
		__atomic_store_n(word, idle, __ATOMIC_RELEASE);
		seen = idle;
		__atomic_compare_exchange_n(word, &seen, TMEM_SPAN_BUSY, false,
					    __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
	}
	return (bench_cpu_now() - begin) / PAIRS;
}

static int level_read(struct bench *b, struct bench_sample *s)
{
	struct tmem_query q = { 0 };
	void *page;

	if (ioctl(b->dev, TMEM_IOC_QUERY, &q) || !q.status_size)
		return bench_skip(b, "the module has no status page");
	page = mmap(NULL, q.status_size, PROT_READ, MAP_SHARED, b->dev, 0);
	if (page == MAP_FAILED)
		return bench_skip(b, "status page: %s", strerror(errno));
	s->ns = bench_level_read(page);
	munmap(page, q.status_size);
	return 0;
}

static int word_pair(struct bench *b, struct bench_sample *s)
{
	struct bench_arena a;

	if (bench_arena_make(b, &a, TMEM_POLICY_BIND))
		return -1;
	s->ns = bench_word_pair(a.ctl);
	bench_arena_free(&a);
	return 0;
}

static int host_level(struct bench *b, struct bench_sample *s)
{
	s->ns = b->host_level;
	return s->ns ? 0 : bench_skip(b, "not measured");
}

static int host_pair(struct bench *b, struct bench_sample *s)
{
	s->ns = b->host_pair;
	return s->ns ? 0 : bench_skip(b, "not measured");
}

/* --- an event ----------------------------------------------------------------- */

struct waiter {
	int fd;
	double when;
	pthread_t thread;
};

static void *waiter_main(void *arg)
{
	struct waiter *w = arg;
	struct pollfd p = { .fd = w->fd, .events = POLLIN };

	if (poll(&p, 1, 20000) == 1)
		w->when = bench_now();
	return NULL;
}

static int set_pressure(struct bench *b, const char *file, unsigned int value)
{
	char path[96];
	int err;

	snprintf(path, sizeof(path), BENCH_SYSFS "/pressure/%s", file);
	err = bench_write_number(path, value);
	return err ? bench_skip(b, "pressure/%s: %s", file, strerror(-err)) : 0;
}

/* Thresholds that are not reached: the level falls to low. */
int bench_level_low(struct bench *b)
{
	char level[16];

	if (set_pressure(b, "hold_ms", 0) || set_pressure(b, "hysteresis", 0) ||
	    set_pressure(b, "use_critical", 100) ||
	    set_pressure(b, "use_high", 99) ||
	    set_pressure(b, "use_medium", 98) ||
	    set_pressure(b, "stall_critical", 100) ||
	    set_pressure(b, "stall_high", 99) ||
	    set_pressure(b, "stall_medium", 98))
		return -1;
	for (int i = 0; i < 1000; i++) {
		bench_read_text(BENCH_SYSFS "/pressure/level", level,
				sizeof(level));
		if (!strncmp(level, "low", 3))
			return 0;
		bench_sleep_ms(10);
	}
	return bench_skip(b, "the level stays %.10s", level);
}

/* From the write that raises the level to poll() in another thread. */
static int level_event(struct bench *b, struct bench_sample *s)
{
	struct waiter w = { .fd = open("/dev/tmem", O_RDWR | O_CLOEXEC) };
	double begin;
	int err;

	if (w.fd < 0)
		return bench_skip(b, "/dev/tmem: %s", strerror(errno));
	err = bench_level_low(b);
	close(w.fd); /* what happened up to now is none of its events */
	w.fd = open("/dev/tmem", O_RDWR | O_CLOEXEC);
	if (!err && pthread_create(&w.thread, NULL, waiter_main, &w))
		err = bench_skip(b, "no thread");
	if (!err) {
		bench_sleep_ms(50);
		begin = bench_now();
		err = set_pressure(b, "use_medium", 1);
		pthread_join(w.thread, NULL);
		s->ns = w.when - begin;
		if (!err && !w.when)
			err = bench_skip(b, "no event came");
	}
	close(w.fd);
	set_pressure(b, "use_medium", 98);
	return err;
}

#define READ "level read"
#define PAIR "span idle and busy again"
#define EVENT "level event"

const struct bench_case bench_level_cases[] = {
	{ READ, "in this machine", "level_read", "ns", level_read },
	{ READ, "on the host, same code", "level_read_host", "ns", host_level },
	{ PAIR, "in this machine", "word_pair", "ns", word_pair },
	{ PAIR, "on the host, same code", "word_pair_host", "ns", host_pair },
	{ EVENT, "threshold written to poll()", "level_event", "ms",
	  level_event },
	{ 0 },
};
