/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Differences between the kernels that tmem runs on.  This is the only file
 * with version tests: the rest is written for 6.12.
 */
#ifndef TMEM_COMPAT_H
#define TMEM_COMPAT_H

#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/pagevec.h>
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
#define TMEM_AOPS_ERROR_REMOVE .error_remove_page = generic_error_remove_page
#else
#define tmem_error_remove(mapping, folio) \
	generic_error_remove_folio(mapping, folio)
#define TMEM_AOPS_ERROR_REMOVE .error_remove_folio = generic_error_remove_folio
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

#endif /* TMEM_COMPAT_H */
