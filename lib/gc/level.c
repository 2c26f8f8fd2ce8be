// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The level without the module.
 */
#include "gc/level.h"

static const struct tmem_level_settings settings = TMEM_LEVEL_SETTINGS;

enum tmem_level tmem_gc_meter_look(struct tmem_level_meter *meter,
				   uint64_t now_ns, uint32_t use,
				   uint32_t stall)
{
	const struct tmem_level_figures figures = {
		.now = now_ns,
		.use = use,
		.stall = stall,
		.psi = true,
	};

	return (enum tmem_level)tmem_level_look(meter, &settings, &figures);
}
