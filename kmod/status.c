// SPDX-License-Identifier: GPL-2.0-only
/*
 * The status page: what is known of the pressure, for readers that cannot
 * afford a system call.
 *
 * One area for the whole machine, which every process that may open /dev/tmem
 * maps, read-only.  A mapping holds the device's file, which holds the
 * module; each page mapped is held by itself.
 *
 * Contexts: tmem_status_write() is called by one writer at a time, which
 * pressure.c sees to.
 */
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <linux/vmstat.h>

#include "compat.h"
#include "pressure.h"

static struct tmem_status *tmem_status;
static struct tmem_status *tmem_status_draft; /* gathered here first */

size_t tmem_status_size(void)
{
	return PAGE_ALIGN(struct_size(tmem_status, nodes, nr_node_ids));
}

int tmem_status_init(void)
{
	size_t size = struct_size(tmem_status, nodes, nr_node_ids);

	tmem_status_draft = kvzalloc(size, GFP_KERNEL);
	tmem_status = vmalloc_user(tmem_status_size());
	if (!tmem_status || !tmem_status_draft) {
		tmem_status_exit();
		return -ENOMEM;
	}
	tmem_status_draft->size = size;
	tmem_status_draft->nr_nodes = nr_node_ids;
	return 0;
}

void tmem_status_exit(void)
{
	vfree(tmem_status);
	kvfree(tmem_status_draft);
	tmem_status = NULL;
	tmem_status_draft = NULL;
}

/**
 * tmem_status_node() - the figures of a node now
 * @nid:  below nr_node_ids
 * @node: result; zeroes if it has no memory
 */
void tmem_status_node(int nid, struct tmem_status_node *node)
{
	struct tmem_pool_stat pool;
	u64 free = 0;
	int i;

	memset(node, 0, sizeof(*node));
	if (!node_state(nid, N_MEMORY))
		return;
	for (i = 0; i < MAX_NR_ZONES; i++)
		free += zone_page_state(&NODE_DATA(nid)->node_zones[i],
					NR_FREE_PAGES);
	tmem_pool_stat(nid, &pool);
	node->total = (u64)tmem_node_pages(nid) << PAGE_SHIFT;
	node->free = free << PAGE_SHIFT;
	node->pool = pool.count << TMEM_SPAN_SHIFT;
	node->pool_target = pool.target << TMEM_SPAN_SHIFT;
	node->arenas = tmem_track_node_bytes(nid);
}

static void tmem_status_fill(struct tmem_status *status,
			     const struct tmem_pressure_now *now)
{
	struct tmem_recall_stat recall;
	unsigned int nid;

	tmem_recall_stat(&recall);
	status->level = now->level;
	status->changes = now->changes;
	status->since = now->since;
	status->updated = now->updated;
	status->psi_on = now->psi_on;
	status->use = now->use;
	status->stall = now->stall;
	status->use_level = now->use_level;
	status->stall_level = now->stall_level;
	status->some = now->some;
	status->full = now->full;
	status->total = now->total;
	status->available = now->available;
	status->pool = 0;
	status->arenas = tmem_arena_bytes();
	status->recalled = recall.purged << TMEM_SPAN_SHIFT;
	for (nid = 0; nid < nr_node_ids; nid++) {
		tmem_status_node(nid, &status->nodes[nid]);
		status->pool += status->nodes[nid].pool;
	}
}

/**
 * tmem_status_write() - bring the page up to date
 * @now: what goes into it
 *
 * Readers see an odd number while fields change, or a number that has changed
 * afterwards; the barriers keep the fields between the two stores of it.  A
 * reader spins as long as the number is odd, so that is kept short.
 */
void tmem_status_write(const struct tmem_pressure_now *now)
{
	struct tmem_status *status = tmem_status, *draft = tmem_status_draft;
	size_t rest = offsetof(struct tmem_status, size);
	u32 seq = status->seq;

	tmem_status_fill(draft, now);
	preempt_disable();
	WRITE_ONCE(status->seq, seq + 1);
	smp_wmb(); /* before all fields */
	/* Also read by itself, so written at one go. */
	WRITE_ONCE(status->level, draft->level);
	memcpy((char *)status + rest, (char *)draft + rest, draft->size - rest);
	smp_wmb(); /* after all fields */
	WRITE_ONCE(status->seq, seq + 2);
	preempt_enable();
}

static vm_fault_t tmem_status_fault(struct vm_fault *vmf)
{
	if (vmf->pgoff >= tmem_status_size() >> PAGE_SHIFT)
		return VM_FAULT_SIGBUS;
	vmf->page = vmalloc_to_page((char *)tmem_status +
				    (vmf->pgoff << PAGE_SHIFT));
	get_page(vmf->page);
	return 0;
}

static const struct vm_operations_struct tmem_status_vm_ops = {
	.fault = tmem_status_fault,
};

/* EINVAL: not from offset 0, or too long.  EACCES: not for writing, ever. */
int tmem_status_mmap(struct vm_area_struct *vma)
{
	if (vma->vm_pgoff || vma_pages(vma) > tmem_status_size() >> PAGE_SHIFT)
		return -EINVAL;
	if (vma->vm_flags & VM_WRITE)
		return -EACCES;
	vm_flags_clear(vma, VM_MAYWRITE);
	vm_flags_set(vma, VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_ops = &tmem_status_vm_ops;
	return 0;
}
