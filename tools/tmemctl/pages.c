// SPDX-License-Identifier: GPL-2.0-only
/*
 * pages - memory for the tool's own tables, straight from the kernel.
 *
 * A replay measures the library's memory and page faults.  The tables of the
 * trace must not be part of that: they never come from malloc(), and their
 * pages are there before the clock starts.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <sys/mman.h>

#include "pages.h"

#define FIRST_BYTES ((size_t)1 << 20)

static void *map(size_t bytes, int more_flags)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | more_flags, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

void *pages_get(size_t bytes)
{
	return map(bytes ? bytes : 1, MAP_POPULATE);
}

void pages_put(void *memory, size_t bytes)
{
	if (memory)
		munmap(memory, bytes ? bytes : 1);
}

static int grow(struct vec *vec)
{
	size_t bytes = vec->bytes ? vec->bytes * 2 : FIRST_BYTES;
	void *data;

	if (vec->bytes > SIZE_MAX / 2)
		return -1;
	if (vec->data) {
		data = mremap(vec->data, vec->bytes, bytes, MREMAP_MAYMOVE);
		data = data == MAP_FAILED ? NULL : data;
	} else {
		data = map(bytes, 0);
	}
	if (!data)
		return -1;
	vec->data = data;
	vec->bytes = bytes;
	return 0;
}

void *vec_add(struct vec *vec)
{
	if ((vec->used + 1) * vec->item > vec->bytes && grow(vec))
		return NULL;
	return (char *)vec->data + vec->used++ * vec->item;
}

void vec_free(struct vec *vec)
{
	if (vec->data)
		munmap(vec->data, vec->bytes);
	vec->data = NULL;
	vec->used = 0;
	vec->bytes = 0;
}
