/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From figures to a level, as the module does it (kmod/pressure.c has the
 * rules and an example): the worse of memory in use and time stalled, up at
 * once, down when both have been below the threshold by the hysteresis for
 * hold_ms.  The thresholds are the module's defaults, too.  Pure.
 */
#ifndef TMEM_GC_LEVEL_H
#define TMEM_GC_LEVEL_H

#include <stdint.h>
#include <tmem/pressure.h>

#define TMEM_GC_THRESHOLDS 3

struct tmem_gc_meter {
	uint32_t level; /* enum tmem_level */
	uint64_t calm_since_ns[TMEM_GC_THRESHOLDS]; /* 0: not calm */
};

/*
 * @use, @stall: hundredths of a percent
 * Returns the level now; meter is all zero at first.
 */
enum tmem_level tmem_gc_meter_look(struct tmem_gc_meter *meter, uint64_t now_ns,
				   uint32_t use, uint32_t stall);

#endif /* TMEM_GC_LEVEL_H */
