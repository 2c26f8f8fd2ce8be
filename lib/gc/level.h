/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The level without the module: from figures to a level by the module's rule
 * and its defaults (tmem_level.h).  Pure.
 */
#ifndef TMEM_GC_LEVEL_H
#define TMEM_GC_LEVEL_H

#include <stdint.h>
#include <tmem/pressure.h>

#include "tmem_level.h"

/*
 * @use, @stall: hundredths of a percent
 * Returns the level now; meter is all zero at first.
 */
enum tmem_level tmem_gc_meter_look(struct tmem_level_meter *meter,
				   uint64_t now_ns, uint32_t use,
				   uint32_t stall);

#endif /* TMEM_GC_LEVEL_H */
