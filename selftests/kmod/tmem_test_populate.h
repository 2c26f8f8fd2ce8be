/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared by the kernel tests: TMEM_IOC_ARENA_POPULATE, counted in spans.
 */
#ifndef TMEM_TEST_POPULATE_H
#define TMEM_TEST_POPULATE_H

#include "tmem_test.h"

struct kt_populate {
	size_t first, count;
	int node; /* -1: the policy's choice */
	unsigned int workers;
	size_t populated; /* out, in spans; SIZE_MAX: no whole number of them */
};

/* 0 or -errno. */
static inline int kt_populate(const struct kt_arena *a, struct kt_populate *p)
{
	struct tmem_arena_populate req = {
		.node = p->node,
		.offset = p->first * KT_SPAN,
		.length = p->count * KT_SPAN,
		.workers = p->workers,
	};
	int ret = kt_ioctl(a->fd, TMEM_IOC_ARENA_POPULATE, &req);

	p->populated = req.populated % KT_SPAN ? SIZE_MAX :
						 req.populated / KT_SPAN;
	return ret;
}

/* The whole arena, where the policy wants it. */
static inline int kt_populate_all(const struct kt_arena *a,
				  unsigned int workers)
{
	struct kt_populate p = { 0, a->spans, -1, workers, 0 };
	int ret = kt_populate(a, &p);

	return ret ? ret : p.populated == a->spans ? 0 : -EIO;
}

#endif /* TMEM_TEST_POPULATE_H */
