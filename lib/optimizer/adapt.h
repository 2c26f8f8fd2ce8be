/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ADAPTIVE: which strategy is in force at which level of pressure, without
 * flapping.  Worse at once, since memory is short now; better by one stage only
 * after the level has been better for TMEM_ADAPT_CALM_NS on end.  Pure.
 */
#ifndef TMEM_OPTIMIZER_ADAPT_H
#define TMEM_OPTIMIZER_ADAPT_H

#include <linux/tmem.h> /* enum tmem_level */
#include <stdint.h>
#include <tmem/optimizer.h>

#define TMEM_ADAPT_CALM_NS 5000000000ull

/* All zero at first: stage 0. */
struct tmem_adapt {
	unsigned int stage;
	uint64_t calm_ns; /* since then the level is better; 0: it is not */
};

enum tmem_optimizer_strategy tmem_adapt_look(struct tmem_adapt *adapt,
					     enum tmem_level level,
					     uint64_t now_ns);

#endif /* TMEM_OPTIMIZER_ADAPT_H */
