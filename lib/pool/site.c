// SPDX-License-Identifier: LGPL-2.1-or-later
#define _GNU_SOURCE
#include "pool/site.h"

#include <link.h>

struct site_search {
	uint32_t site;
	uintptr_t found;
};

/* The address in [start, end) with these low bits, if there is one. */
static uintptr_t site_in(uintptr_t start, uintptr_t end, uint32_t site)
{
	uintptr_t mask = ~(uintptr_t)TMEM_SITE_LIVE & UINT32_MAX;
	uintptr_t addr = (start & ~mask) | site;

	if (addr < start)
		addr += mask + 1;
	return addr < end ? addr : 0;
}

static int site_look(struct dl_phdr_info *info, size_t size, void *ctx)
{
	struct site_search *search = ctx;
	unsigned int i;

	(void)size;
	for (i = 0; i < info->dlpi_phnum && !search->found; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];
		uintptr_t start = info->dlpi_addr + ph->p_vaddr;

		if (ph->p_type == PT_LOAD && ph->p_flags & PF_X)
			search->found = site_in(start, start + ph->p_memsz,
						search->site);
	}
	return search->found != 0;
}

const void *tmem_site_caller(uint32_t site)
{
	struct site_search search = { .site = site };

	if (site == TMEM_SITE_NEVER || tmem_site_is_live(site))
		return NULL;
	dl_iterate_phdr(site_look, &search);
	return (const void *)search.found;
}
