// SPDX-License-Identifier: GPL-2.0-only
/*
 * mmap of an arena: data from offset 0, control words from ctl_offset.
 *
 * Both are ordinary shared file mappings.  Data faults are answered from the
 * page cache, so that the core maps a whole span by one PMD entry where the
 * mapping is congruent, and splits, moves, pins and counts it by the rules of
 * any file.  There is no VM_PFNMAP and no code for page tables here, on
 * purpose: those break O_DIRECT and pinning.
 *
 * A private mapping is refused.  Its copies would be outside the arena, where
 * neither the node policy nor the control words reach.
 */
#include <linux/migrate.h>
#include <linux/pagemap.h>
#include <linux/sched/task_stack.h>
#include <linux/vmalloc.h>

#include <asm/syscall.h>
#include <asm/unistd.h>

#include "compat.h"
#include "tmem.h"

/*
 * memory_failure() takes a page out.  The hardware has lost it, the arena no
 * longer has it.
 */
static int tmem_aops_error_remove(struct address_space *mapping,
				  struct tmem_error_item *item)
{
	struct folio *folio = tmem_error_folio(item);
	struct tmem_arena *arena = mapping->host->i_private;
	u64 bytes = folio_size(folio);
	int err = tmem_error_remove(mapping, folio);

	if (!err)
		tmem_purge_uncharge(arena, bytes);
	return err;
}

/*
 * Nothing is ever written back, and mapping_set_unevictable() keeps reclaim
 * away: only a purge takes memory out of an arena.
 */
const struct address_space_operations tmem_aops = {
	.dirty_folio = noop_dirty_folio,
	.migrate_folio = filemap_migrate_folio,
	.TMEM_AOPS_ERROR_REMOVE = tmem_aops_error_remove,
};

static vm_fault_t tmem_data_fault(struct vm_fault *vmf)
{
	struct tmem_arena *arena = vmf->vma->vm_file->private_data;
	struct folio *folio;

	if (vmf->pgoff >= (pgoff_t)arena->nr_spans << TMEM_SPAN_ORDER)
		return VM_FAULT_SIGBUS;
	folio = tmem_fill(arena, vmf->pgoff);
	if (IS_ERR(folio))
		return PTR_ERR(folio) == -EINTR ? VM_FAULT_NOPAGE :
						  VM_FAULT_SIGBUS;
	vmf->page = folio_file_page(folio, vmf->pgoff);
	return VM_FAULT_LOCKED;
}

#ifdef CONFIG_NUMA
/*
 * No policy of a mapping or task says where a span goes: the arena's does.
 * That this function is there keeps NUMA balancing away, which would take the
 * mappings away to see who touches them, and move spans off their node.
 */
static struct mempolicy *tmem_data_get_policy(TMEM_GET_POLICY_ARGS)
{
	return NULL;
}
#endif

/* With .map_pages, 6.12 handles these faults under the VMA lock. */
static const struct vm_operations_struct tmem_data_vm_ops = {
	.fault = tmem_data_fault,
	.map_pages = filemap_map_pages,
#ifdef CONFIG_NUMA
	.get_policy = tmem_data_get_policy,
#endif
};

static vm_fault_t tmem_ctl_fault(struct vm_fault *vmf)
{
	struct tmem_arena *arena = vmf->vma->vm_file->private_data;
	pgoff_t page = vmf->pgoff - arena->ctl_base;

	if (vmf->pgoff < arena->ctl_base || page >= arena->ctl_pages)
		return VM_FAULT_SIGBUS;
	vmf->page = vmalloc_to_page((char *)arena->ctl + (page << PAGE_SHIFT));
	get_page(vmf->page);
	return 0;
}

static const struct vm_operations_struct tmem_ctl_vm_ops = {
	.fault = tmem_ctl_fault,
};

static bool tmem_range_within(pgoff_t start, unsigned long pages, pgoff_t base,
			      unsigned long size)
{
	return start >= base && start - base <= size &&
	       pages <= size - (start - base);
}

int tmem_arena_mmap(struct file *filp, struct vm_area_struct *vma)
{
	struct tmem_arena *arena = filp->private_data;

	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;

	if (tmem_range_within(vma->vm_pgoff, vma_pages(vma), 0,
			      (unsigned long)arena->nr_spans
				      << TMEM_SPAN_ORDER)) {
		/*
		 * No VM_DONTEXPAND: it would keep neighbouring mappings from
		 * being merged, and mremap() from moving one with its page
		 * tables.  What mremap() or a merge adds past the end is
		 * SIGBUS, as in any file.
		 */
		vma->vm_ops = &tmem_data_vm_ops;
		return 0;
	}
	if (tmem_range_within(vma->vm_pgoff, vma_pages(vma), arena->ctl_base,
			      arena->ctl_pages)) {
		vm_flags_set(vma, VM_DONTEXPAND);
		vma->vm_ops = &tmem_ctl_vm_ops;
		return 0;
	}
	return -EINVAL;
}

/* The system call that this is part of is mmap(), by any of its numbers. */
static bool tmem_in_mmap(void)
{
	int nr = syscall_get_nr(current, task_pt_regs(current));

#ifdef CONFIG_IA32_EMULATION
	if (in_ia32_syscall())
		return nr == __NR_ia32_mmap || nr == __NR_ia32_mmap2;
#endif
#ifdef CONFIG_X86_X32_ABI
	nr &= ~__X32_SYSCALL_BIT;
#endif
	return nr == __NR_mmap;
}

/*
 * Who wants to map us somewhere else comes by here before anything is moved,
 * which is what mremap() must not do where TMEM_MREMAP_RACES.  Nothing purges
 * the pages of the control words.
 */
unsigned long tmem_arena_get_unmapped_area(struct file *filp,
					   unsigned long addr,
					   unsigned long len,
					   unsigned long pgoff,
					   unsigned long flags)
{
	struct tmem_arena *arena = filp->private_data;

	if (TMEM_MREMAP_RACES && pgoff < arena->ctl_base && !tmem_in_mmap())
		return -EOPNOTSUPP;
	return thp_get_unmapped_area(filp, addr, len, pgoff, flags);
}
