// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * All that can be given back, one after the other.  Compression comes last: it
 * works on values that defragmentation may have moved beside others, and what
 * it frees is collected behind it.
 */
#include <errno.h>
#include <tmem/handle.h>
#include <tmem/pool.h>

#include "core/settings.h"
#include "optimizer/optimizer.h"
#include "tcache/tcache.h"

static uint64_t all_us(uint64_t *since)
{
	uint64_t before = *since;

	*since = tmem_optimizer_now_ns();
	return (*since - before) / 1000;
}

static uint64_t cache_compress(struct tmem_tcache *cache, uint64_t budget_us)
{
	return tmem_tcache_compress(cache, budget_us);
}

int tmem_optimize_all(struct tmem_optimize_report *to)
{
	struct tmem_optimize_report report = TMEM_OPTIMIZE_REPORT_INIT;
	struct tmem_defrag_report defrag = TMEM_DEFRAG_REPORT_INIT;
	uint64_t since;
	int err;

	/* First, for a wrong struct_size costs nothing then. */
	if (to && !tmem_struct_put(to, &report, sizeof(report)))
		return -EINVAL;
	err = tmem_init(NULL);
	if (err)
		return err;
	since = tmem_optimizer_now_ns();
	report.gc_bytes = tmem_trim(0);
	report.gc_us = all_us(&since);
	if (!tmem_defragment(NULL, UINT64_MAX, &defrag)) {
		report.defragmented_bytes = defrag.returned_bytes;
		report.moved_bytes = defrag.moved_bytes;
	}
	report.defragment_us = all_us(&since);
	report.compressed_bytes =
		tmem_tcaches_each(cache_compress, UINT64_MAX, true);
	report.compressed_gc_bytes = tmem_trim(0);
	report.compress_us = all_us(&since);
	if (to)
		tmem_struct_put(to, &report, sizeof(report));
	return 0;
}
