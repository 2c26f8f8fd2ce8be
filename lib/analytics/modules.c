// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The list of the dynamic linker is copied while its lock is held, and written
 * afterwards: whoever reads it may be slow.
 */
#define _GNU_SOURCE
#include "analytics/modules.h"

#include <elf.h>
#include <link.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "arena/backend.h"
#include "core/lock.h"

#define MODULES_MAX 2048u
#define PAGE_MASK (~(uint64_t)4095)

/* Around dl_iterate_phdr(), and across fork(). */
static struct tmem_lock modules_lock = TMEM_LOCK_INIT;

struct modules_fill {
	struct tmem_segment *module;
	uint32_t n;
};

/* The note with the build ID among those of a segment. */
static bool note_find(const char *note, size_t size, struct tmem_segment *m)
{
	const ElfW(Nhdr) * head;
	size_t name, whole;

	for (; size >= sizeof(*head); note += whole, size -= whole) {
		head = (const void *)note;
		name = sizeof(*head) + ((head->n_namesz + 3u) & ~3u);
		whole = name + ((head->n_descsz + 3u) & ~3u);
		if (whole > size)
			return false;
		if (head->n_type != NT_GNU_BUILD_ID || head->n_namesz != 4 ||
		    memcmp(note + sizeof(*head), "GNU", 4))
			continue;
		m->build_id_size = head->n_descsz < TMEM_BUILD_ID_MAX ?
					   head->n_descsz :
					   TMEM_BUILD_ID_MAX;
		memcpy(m->build_id, note + name, m->build_id_size);
		return true;
	}
	return false;
}

static void module_build_id(const struct dl_phdr_info *info,
			    struct tmem_segment *m)
{
	unsigned int i;

	for (i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];

		if (ph->p_type == PT_NOTE &&
		    note_find((const char *)(info->dlpi_addr + ph->p_vaddr),
			      ph->p_memsz, m))
			return;
	}
}

/* The program itself has no name there. */
static void module_path(const struct dl_phdr_info *info, bool first,
			struct tmem_segment *m)
{
	if (info->dlpi_name && *info->dlpi_name)
		strncpy(m->path, info->dlpi_name, sizeof(m->path) - 1);
	else if (first &&
		 readlink("/proc/self/exe", m->path, sizeof(m->path) - 1) < 0)
		m->path[0] = '\0';
}

static int module_add(struct dl_phdr_info *info, size_t size, void *ctx)
{
	struct modules_fill *fill = ctx;
	bool first = !fill->n;
	unsigned int i;

	(void)size;
	for (i = 0; i < info->dlpi_phnum && fill->n < MODULES_MAX; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];
		struct tmem_segment *m = &fill->module[fill->n];
		uint64_t start = info->dlpi_addr + ph->p_vaddr;

		if (ph->p_type != PT_LOAD || !(ph->p_flags & PF_X))
			continue;
		m->base = start & PAGE_MASK;
		m->end = (start + ph->p_memsz + 4095) & PAGE_MASK;
		m->offset = ph->p_offset & PAGE_MASK;
		module_build_id(info, m);
		module_path(info, first, m);
		fill->n++;
	}
	return 0;
}

struct tmem_segment *tmem_modules_get(uint32_t *n)
{
	struct modules_fill fill = {
		.module = tmem_os_table(MODULES_MAX *
					sizeof(struct tmem_segment)),
	};

	if (fill.module) {
		tmem_lock_take(&modules_lock);
		dl_iterate_phdr(module_add, &fill);
		tmem_lock_give(&modules_lock);
	}
	*n = fill.n;
	return fill.module;
}

void tmem_modules_put(struct tmem_segment *modules)
{
	tmem_os_table_free(modules, MODULES_MAX * sizeof(*modules));
}

void tmem_modules_fork_prepare(void)
{
	tmem_lock_take(&modules_lock);
}

void tmem_modules_fork_done(void)
{
	tmem_lock_give(&modules_lock);
}
