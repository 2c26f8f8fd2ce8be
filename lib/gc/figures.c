// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Memory in use, from /proc/meminfo.
 */
#include "gc/figures.h"

#include <errno.h>

#include "core/text.h"

int tmem_gc_use_parse(const char *text, struct tmem_gc_use *use)
{
	if (!tmem_text_find_kib(text, "MemTotal", &use->total_kib) ||
	    !tmem_text_find_kib(text, "MemAvailable", &use->available_kib))
		return -EINVAL;
	if (!use->total_kib || use->available_kib > use->total_kib ||
	    use->total_kib > UINT64_MAX / 10000)
		return -EINVAL;
	use->use = (uint32_t)((use->total_kib - use->available_kib) * 10000 /
			      use->total_kib);
	return 0;
}

int tmem_gc_use_read(const char *path, struct tmem_gc_use *use)
{
	char text[TMEM_TEXT_BYTES];
	int err = tmem_text_read(path, text, sizeof(text));

	return err ? err : tmem_gc_use_parse(text, use);
}
