// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Addresses and table memory straight from the kernel.  The library is an
 * allocator: it must not call one.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>

#include "arena/backend.h"

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

uint64_t tmem_os_swap_bytes(void)
{
	struct sysinfo info;

	return sysinfo(&info) ? 0 : (uint64_t)info.totalswap * info.mem_unit;
}

void *tmem_os_table(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	/* Touched here and there: a huge page for each word would be a waste. */
	(void)madvise(p, bytes, MADV_NOHUGEPAGE);
	return p;
}

void tmem_os_table_free(void *table, size_t bytes)
{
	if (table)
		munmap(table, bytes);
}

char *tmem_os_reserve(size_t bytes)
{
	const size_t align = TMEM_SPAN_BYTES;
	size_t head;
	char *p;

	if (bytes > SIZE_MAX - align)
		return NULL;
	p = mmap(NULL, bytes + align, PROT_NONE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return NULL;
	head = -(uintptr_t)p & (align - 1);
	if (head)
		munmap(p, head);
	if (align - head)
		munmap(p + head + bytes, align - head);
	return p + head;
}

/*
 * Moving the entry of a 2 MiB page takes about 5 us, a fresh page 110 us.
 *
 * MREMAP_DONTUNMAP keeps the old addresses ours at every moment: without it
 * another thread's mmap() could take the hole, to be overwritten by our next
 * mapping there.
 */
int tmem_os_move(char *from, char *to, size_t bytes)
{
	void *p = mremap(from, bytes, bytes,
			 MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, to);

	return p == MAP_FAILED ? -errno : 0;
}

int tmem_os_unreach(char *addr, size_t bytes)
{
	void *p = mmap(addr, bytes, PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED,
		       -1, 0);

	return p == MAP_FAILED ? -errno : 0;
}
