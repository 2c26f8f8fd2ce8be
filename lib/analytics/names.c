// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A table that only grows, with 128 bytes for each name, so that whoever has a
 * number reads the text without a lock.
 */
#include "analytics/names.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "arena/backend.h"

#define HEADS (2 * TMEM_NAMES_MAX)

static struct {
	char (*text)[TMEM_NAME_BYTES];
	_Atomic(uint32_t) count;
	uint16_t heads[HEADS]; /* open addressing; 0: free */
} names;

int tmem_names_open(void)
{
	if (!names.text)
		names.text =
			tmem_os_table((TMEM_NAMES_MAX + 1) * TMEM_NAME_BYTES);
	return names.text ? 0 : -ENOMEM;
}

static uint32_t name_hash(const char *text, size_t len)
{
	uint32_t hash = 2166136261u;
	size_t i;

	for (i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)text[i]) * 16777619u;
	return hash ^ hash >> 15;
}

static uint32_t name_add(const char *text, size_t len)
{
	uint32_t n = atomic_load_explicit(&names.count, memory_order_relaxed);

	memcpy(names.text[++n], text, len);
	atomic_store_explicit(&names.count, n, memory_order_release);
	return n;
}

uint32_t tmem_names_get(const char *text)
{
	static const char other[] = "(other)";
	size_t len = text ? strnlen(text, TMEM_NAME_BYTES - 1) : 0;
	uint32_t at, n;

	if (!len)
		return 0;
	for (at = name_hash(text, len) % HEADS; (n = names.heads[at]);
	     at = (at + 1) % HEADS)
		if (!memcmp(names.text[n], text, len) && !names.text[n][len])
			return n;
	n = tmem_names_count();
	if (n == TMEM_NAMES_MAX)
		return n;
	if (n == TMEM_NAMES_MAX - 1)
		return name_add(other, sizeof(other) - 1);
	n = name_add(text, len);
	names.heads[at] = (uint16_t)n;
	return n;
}

const char *tmem_names_text(uint32_t name)
{
	return name ? names.text[name] : "";
}

uint32_t tmem_names_count(void)
{
	return atomic_load_explicit(&names.count, memory_order_acquire);
}

size_t tmem_names_metadata(void)
{
	return tmem_names_count() * TMEM_NAME_BYTES + sizeof(names.heads);
}
