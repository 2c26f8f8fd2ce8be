// SPDX-License-Identifier: GPL-2.0-only
/*
 * First touch of 256 MiB, by page faults and by the populating calls; and the
 * cost of a fault alone, when the memory is there.  All memory is of one node,
 * and asked for on its CPU.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench.h"

#define HUGETLB_FILE                                                  \
	"/sys/devices/system/node/node%d/hugepages/hugepages-2048kB/" \
	"nr_hugepages"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

/* --- an arena --------------------------------------------------------------- */

int bench_arena_make(struct bench *b, struct bench_arena *a, uint32_t policy)
{
	struct tmem_arena_create req = {
		.size = BENCH_BYTES,
		.policy = policy,
		.name = "bench",
	};
	void *data, *ctl;

	if (policy == TMEM_POLICY_BIND)
		req.nodes[0] = 1ULL << b->node;
	if (ioctl(b->dev, TMEM_IOC_ARENA_CREATE, &req))
		return bench_skip(b, "TMEM_IOC_ARENA_CREATE: %s",
				  strerror(errno));
	*a = (struct bench_arena){ .fd = req.fd,
				   .size = req.size,
				   .ctl_size = req.ctl_size };
	data = mmap(NULL, a->size, PROT_READ | PROT_WRITE, MAP_SHARED, a->fd,
		    0);
	ctl = mmap(NULL, a->ctl_size, PROT_READ | PROT_WRITE, MAP_SHARED, a->fd,
		   (off_t)req.ctl_offset);
	a->data = data == MAP_FAILED ? NULL : data;
	a->ctl = ctl == MAP_FAILED ? NULL : ctl;
	if (a->data && a->ctl)
		return 0;
	bench_arena_free(a);
	return bench_skip(b, "cannot map an arena");
}

void bench_arena_free(struct bench_arena *a)
{
	if (a->data)
		munmap(a->data, a->size);
	if (a->ctl)
		munmap(a->ctl, a->ctl_size);
	close(a->fd);
}

int bench_arena_populate(struct bench_arena *a, uint32_t workers)
{
	struct tmem_arena_populate req = {
		.node = -1,
		.length = a->size,
		.workers = workers,
	};

	return ioctl(a->fd, TMEM_IOC_ARENA_POPULATE, &req) ? -errno : 0;
}

/* The stamps are in the order of the spans. */
void bench_arena_idle(struct bench_arena *a)
{
	uint32_t now = (uint32_t)((uint64_t)bench_now() >> TMEM_STAMP_SHIFT);

	for (size_t i = 0; i < BENCH_SPANS; i++)
		__atomic_store_n(&a->ctl[i],
				 TMEM_SPAN_IDLE | (now & TMEM_STAMP_MASK),
				 __ATOMIC_RELEASE);
}

uint64_t bench_arena_resident(struct bench_arena *a)
{
	struct tmem_arena_stat st = { 0 };

	return ioctl(a->fd, TMEM_IOC_ARENA_STAT, &st) ? ~0ULL : st.resident;
}

void bench_touch(unsigned char *p, size_t len)
{
	for (size_t i = 0; i < len; i += BENCH_PAGE)
		*(volatile uint64_t *)(p + i) = i;
}

/* --- by touching ------------------------------------------------------------ */

static void timed_touch(struct bench_sample *s, unsigned char *p)
{
	uint64_t faults = bench_faults();
	double begin = bench_now();

	bench_touch(p, BENCH_BYTES);
	s->ns = bench_now() - begin;
	s->faults = bench_faults() - faults;
	s->has_faults = true;
}

static int touch_arena(struct bench *b, struct bench_sample *s)
{
	struct bench_arena a;

	if (bench_arena_make(b, &a, TMEM_POLICY_BIND))
		return -1;
	timed_touch(s, a.data);
	bench_arena_free(&a);
	return 0;
}

static int touch_pool(struct bench *b, struct bench_sample *s)
{
	int err = bench_pool_fill(b, BENCH_BYTES);

	if (!err)
		err = touch_arena(b, s);
	return err ? err : bench_pool_empty(b);
}

/* The huge pages are set aside before, and free again afterwards. */
static int touch_hugetlb(struct bench *b, struct bench_sample *s)
{
	char path[128];
	void *p;

	snprintf(path, sizeof(path), HUGETLB_FILE, b->node);
	bench_write_number(path, BENCH_SPANS);
	if (bench_read_number(path) < BENCH_SPANS)
		return bench_skip(b, "no %zu huge pages on node %d",
				  BENCH_SPANS, b->node);
	p = mmap(NULL, BENCH_BYTES, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	if (p == MAP_FAILED)
		return bench_skip(b, "MAP_HUGETLB: %s", strerror(errno));
	timed_touch(s, p);
	munmap(p, BENCH_BYTES);
	bench_write_number(path, 0);
	return 0;
}

/* On a 2 MiB boundary, so that huge pages fit. */
static int touch_anon(struct bench *b, struct bench_sample *s, int advice)
{
	size_t len = BENCH_BYTES + BENCH_SPAN;
	unsigned char *p = mmap(NULL, len, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return bench_skip(b, "mmap: %s", strerror(errno));
	if (madvise(p, len, advice)) {
		munmap(p, len);
		return bench_skip(b,
				  "the kernel has no transparent huge pages");
	}
	timed_touch(s, p + (-(uintptr_t)p & (BENCH_SPAN - 1)));
	munmap(p, len);
	return 0;
}

static int touch_thp(struct bench *b, struct bench_sample *s)
{
	return touch_anon(b, s, MADV_HUGEPAGE);
}

static int touch_small(struct bench *b, struct bench_sample *s)
{
	return touch_anon(b, s, MADV_NOHUGEPAGE);
}

/* --- by asking -------------------------------------------------------------- */

static int populate(struct bench *b, struct bench_sample *s, uint32_t policy,
		    uint32_t workers)
{
	struct bench_arena a;
	double begin;
	int err;

	if (bench_arena_make(b, &a, policy))
		return -1;
	begin = bench_now();
	err = bench_arena_populate(&a, workers);
	s->ns = bench_now() - begin;
	if (!err && bench_arena_resident(&a) != a.size)
		err = -ENODATA;
	bench_arena_free(&a);
	return err ? bench_skip(b, "TMEM_IOC_ARENA_POPULATE: %s",
				strerror(-err)) :
		     0;
}

static int populate_one(struct bench *b, struct bench_sample *s)
{
	return populate(b, s, TMEM_POLICY_BIND, 1);
}

static int populate_two(struct bench *b, struct bench_sample *s)
{
	return populate(b, s, TMEM_POLICY_BIND, 2);
}

static int populate_nodes(struct bench *b, struct bench_sample *s)
{
	if (b->nodes < 2)
		return bench_skip(b, "this machine has one node");
	return populate(b, s, TMEM_POLICY_INTERLEAVE, 1);
}

static int populate_madvise(struct bench *b, struct bench_sample *s)
{
	struct bench_arena a;
	double begin;
	int err;

	if (bench_arena_make(b, &a, TMEM_POLICY_BIND))
		return -1;
	begin = bench_now();
	err = madvise(a.data, a.size, MADV_POPULATE_WRITE) ? -errno : 0;
	s->ns = bench_now() - begin;
	bench_arena_free(&a);
	return err ? bench_skip(b, "MADV_POPULATE_WRITE: %s", strerror(-err)) :
		     0;
}

/* --- a fault alone ---------------------------------------------------------- */

static int fault_present(struct bench *b, struct bench_sample *s)
{
	struct bench_arena a;
	uint64_t faults;
	double begin;
	void *p;

	if (bench_arena_make(b, &a, TMEM_POLICY_BIND))
		return -1;
	bench_touch(a.data, a.size);
	munmap(a.data, a.size);
	p = mmap(NULL, a.size, PROT_READ | PROT_WRITE, MAP_SHARED, a.fd, 0);
	a.data = p == MAP_FAILED ? NULL : p;
	if (!a.data) {
		bench_arena_free(&a);
		return bench_skip(b, "mmap: %s", strerror(errno));
	}
	faults = bench_faults();
	begin = bench_now();
	for (size_t i = 0; i < a.size; i += BENCH_SPAN)
		*(volatile uint64_t *)(a.data + i) = i;
	s->ns = (bench_now() - begin) / BENCH_SPANS;
	s->faults = bench_faults() - faults;
	s->has_faults = true;
	bench_arena_free(&a);
	return 0;
}

#define TOUCH "first touch of 256 MiB"
#define POPULATE "populate 256 MiB, pool empty"

const struct bench_case bench_touch_cases[] = {
	{ TOUCH, "/dev/tmem, pool filled", "touch_pool", "ms", touch_pool },
	{ TOUCH, "/dev/tmem, pool empty", "touch_empty", "ms", touch_arena },
	{ TOUCH, "MAP_HUGETLB", "touch_hugetlb", "ms", touch_hugetlb },
	{ TOUCH, "anonymous, huge pages", "touch_thp", "ms", touch_thp },
	{ TOUCH, "anonymous, 4 KiB pages", "touch_4k", "ms", touch_small },
	{ POPULATE, "one node, 1 worker", "populate_1", "ms", populate_one },
	{ POPULATE, "one node, 2 workers", "populate_2", "ms", populate_two },
	{ POPULATE, "two nodes, 1 worker each", "populate_nodes", "ms",
	  populate_nodes },
	{ POPULATE, "MADV_POPULATE_WRITE", "populate_madvise", "ms",
	  populate_madvise },
	{ "fault, memory is there", "one span (2 MiB)", "fault_span", "us",
	  fault_present },
	{ 0 },
};
