/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Differences between the kernels that tmem runs on.  This is the only file
 * with version tests: the rest is written for 6.12.
 */
#ifndef TMEM_COMPAT_H
#define TMEM_COMPAT_H

#include <linux/list_lru.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/pagevec.h>
#include <linux/shrinker.h>
#include <linux/slab.h>
#include <linux/swap.h>
#include <linux/version.h>

/*
 * The module leans on what the page cache does, not only on its symbols.  A
 * kernel on which the tests have not passed is refused here, by a sentence,
 * rather than later, by a crash.
 */
#define TMEM_KERNEL_IS(major, minor)                              \
	(LINUX_VERSION_CODE >= KERNEL_VERSION(major, minor, 0) && \
	 LINUX_VERSION_CODE < KERNEL_VERSION(major, (minor) + 1, 0))

#if !TMEM_KERNEL_IS(6, 1) && !TMEM_KERNEL_IS(6, 12) && \
	!defined(TMEM_UNTESTED_KERNEL)
#error "tmem is tested on Linux 6.1 and 6.12 only. To try another kernel: make KCFLAGS=-DTMEM_UNTESTED_KERNEL"
#endif

/* 6.3: vm_flags became read-only to drivers. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
static inline void vm_flags_set(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags |= flags;
}
#endif

/* 6.3: what inode operations get to map user ids with. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
#define tmem_idmap user_namespace
#else
#define tmem_idmap mnt_idmap
#endif

/*
 * 6.12: move_normal_pmd() looks again, with the page table's lock held.  Before,
 * what mremap() took for a page table could be an entry that a purge had just
 * cleared, and physical page 0 became one: any memory could be written to by
 * way of it.  (6fa1066fc5d0, "mm/mremap: fix move_normal_pmd/retract_page_tables
 * race"; Debian's 6.1 does not have it.)
 */
#define TMEM_MREMAP_RACES (LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0))

/* 6.7: get_policy() tells where in an interleaving an address is. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
#define TMEM_GET_POLICY_ARGS struct vm_area_struct *vma, unsigned long addr
#else
#define TMEM_GET_POLICY_ARGS \
	struct vm_area_struct *vma, unsigned long addr, pgoff_t *ilx
#endif

/* 6.8: from pages to folios. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0)
#define tmem_error_remove(mapping, folio) \
	generic_error_remove_page(mapping, &(folio)->page)
#define tmem_error_item page
#define tmem_error_folio(page) page_folio(page)
#define TMEM_AOPS_ERROR_REMOVE error_remove_page
#else
#define tmem_error_remove(mapping, folio) \
	generic_error_remove_folio(mapping, folio)
#define tmem_error_item folio
#define tmem_error_folio(folio) (folio)
#define TMEM_AOPS_ERROR_REMOVE error_remove_folio
#endif

/*
 * Put this CPU's new pages on their LRU lists; the lists they wait on hold
 * references.  lru_add_drain() itself is not exported; releasing a batch of
 * nothing calls it.  6.4: from pagevecs to folio batches.
 */
static inline void tmem_lru_add_drain(void)
{
	struct folio_batch batch;

	folio_batch_init(&batch);
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)
	__pagevec_release((struct pagevec *)&batch);
#else
	__folio_batch_release(&batch);
#endif
}

/* 6.4: a miss became an error pointer instead of NULL. */
static inline struct folio *tmem_filemap_get(struct address_space *mapping,
					     pgoff_t index)
{
	struct folio *folio = __filemap_get_folio(mapping, index, 0, 0);

	return IS_ERR(folio) ? NULL : folio;
}

/* 6.7: shrinkers are allocated.  Before, one works from its allocation on. */
static inline void tmem_shrinker_register(struct shrinker *shrinker)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
	shrinker_register(shrinker);
#endif
}

static inline void tmem_shrinker_free(struct shrinker *shrinker)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
	unregister_shrinker(shrinker);
	kfree(shrinker);
#else
	shrinker_free(shrinker);
#endif
}

typedef unsigned long (*tmem_shrinker_fn)(struct shrinker *shrinker,
					  struct shrink_control *sc);

static inline struct shrinker *tmem_shrinker_alloc(unsigned int flags,
						   const char *name,
						   tmem_shrinker_fn count,
						   tmem_shrinker_fn scan)
{
	struct shrinker *shrinker;

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
	shrinker = kzalloc(sizeof(*shrinker), GFP_KERNEL);
#else
	shrinker = shrinker_alloc(flags, "%s", name);
#endif
	if (!shrinker)
		return NULL;
	shrinker->count_objects = count;
	shrinker->scan_objects = scan;
	shrinker->seeks = 0;
	shrinker->batch = 1;
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
	shrinker->flags = flags;
	if (register_shrinker(shrinker, "%s", name)) {
		kfree(shrinker);
		return NULL;
	}
#endif
	return shrinker;
}

/* 6.4: memory freed beside the LRU lists counts as reclaimed by a call. */
static inline void tmem_account_reclaimed(unsigned long pages)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)
	if (current->reclaim_state)
		current->reclaim_state->reclaimed_slab += pages;
#else
	mm_account_reclaimed_pages(pages);
#endif
}

static inline unsigned long tmem_reclaimed_so_far(void)
{
	if (!current->reclaim_state)
		return 0;
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)
	return current->reclaim_state->reclaimed_slab;
#else
	return current->reclaim_state->reclaimed;
#endif
}

/* 6.8: list_lru takes node and cgroup as arguments, or from the object. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0)
#define tmem_lru_add(lru, item) list_lru_add(lru, item)
#define tmem_lru_del(lru, item) list_lru_del(lru, item)
#else
#define tmem_lru_add(lru, item) list_lru_add_obj(lru, item)
#define tmem_lru_del(lru, item) list_lru_del_obj(lru, item)
#endif

/* 6.3: see vm_flags_set(). */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
static inline void vm_flags_clear(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags &= ~flags;
}
#endif

/* 6.7, 6.11: options of cgroup2.  Before, no mount has them. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
#define CGRP_ROOT_MEMORY_HUGETLB_ACCOUNTING 0
#endif
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 11, 0)
#define CGRP_ROOT_PIDS_LOCAL_EVENTS 0
#endif

#endif /* TMEM_COMPAT_H */
