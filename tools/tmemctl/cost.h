/* SPDX-License-Identifier: GPL-2.0-only */
/* Time, faults and memory of the process. */
#ifndef TMEMCTL_COST_H
#define TMEMCTL_COST_H

#include <stdint.h>
#include <tmem.h>

/*
 * struct cost - what the process has used up, or between two moments
 */
struct cost {
	uint64_t ns;
	uint64_t minor_faults;
	uint64_t user_us;
	uint64_t sys_us;
};

struct cost cost_now(void);

/* cost_add() - to @sum, what happened between @from and @to */
void cost_add(struct cost *sum, const struct cost *from, const struct cost *to);

/* cost_less() - @a without @b, not below 0 */
struct cost cost_less(const struct cost *a, const struct cost *b);

/* cost_rss() - resident bytes of the process, 0 if the kernel does not say */
uint64_t cost_rss(void);

/*
 * struct footprint - memory at one moment
 * @rss:       of the process
 * @stats:     of the library
 * @known:     @residency, the library's view of its memory, was to be had
 */
struct footprint {
	uint64_t rss;
	struct tmem_stats stats;
	bool known;
	struct tmem_residency residency;
};

void footprint_take(struct footprint *footprint);

#endif /* TMEMCTL_COST_H */
