// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Records are cut from chunks and go back to a list of their size.  Chunks are
 * never returned: there are about 4 KiB of records for 1 MiB of blocks.
 */
#include "pool/meta.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "arena/backend.h"

#define META_CHUNK ((size_t)1 << 20)
#define META_ALIGN 64

static char *meta_next, *meta_end;
static size_t meta_used;

static void *meta_cut(size_t size)
{
	char *record;

	size = (size + META_ALIGN - 1) / META_ALIGN * META_ALIGN;
	if ((size_t)(meta_end - meta_next) < size) {
		char *chunk = tmem_os_table(META_CHUNK);

		if (!chunk)
			return NULL;
		meta_next = chunk;
		meta_end = chunk + META_CHUNK;
	}
	record = meta_next;
	meta_next += size;
	meta_used += size;
	return record;
}

void *tmem_meta_get_raw(struct tmem_meta_cache *cache)
{
	void *record = cache->free;

	if (!record)
		return meta_cut(cache->size);
	cache->free = *(void **)record;
	return record;
}

void *tmem_meta_get(struct tmem_meta_cache *cache)
{
	bool used = cache->free;
	void *record = tmem_meta_get_raw(cache);

	/* What is cut from a chunk has never been anything else. */
	if (record && used)
		memset(record, 0, cache->size);
	return record;
}

void tmem_meta_put(struct tmem_meta_cache *cache, void *record)
{
	*(void **)record = cache->free;
	cache->free = record;
}

size_t tmem_meta_bytes(void)
{
	return meta_used;
}
