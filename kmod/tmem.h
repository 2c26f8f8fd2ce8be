/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the module share.
 *
 * Glossary: an arena is a range of memory that one file descriptor stands
 * for; a span is 2 MiB of it, aligned; a span's word is its control word.
 *
 * Locks, outermost first:
 *
 *	mmap_lock or VMA lock	taken by the core before ->mmap and ->fault
 *	tmem_arena.fill_lock	one fill of a span at a time
 *	tmem_arena.purge_lock	one purge of an arena at a time
 *	mapping->invalidate_lock  shared: small pages come into the arena;
 *				exclusive, by trylock only: a span is purged
 *	folio lock		blocking in ->fault and in release, by trylock
 *				only in a purge
 *	i_mmap_rwsem, page table locks, i_pages   taken by the core
 *
 * Nothing is allocated with the purge lock held.
 */
#ifndef TMEM_KMOD_H
#define TMEM_KMOD_H

#include <linux/atomic.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/nodemask.h>
#include <linux/tmem.h>
#include <linux/types.h>

#define TMEM_MODULE_MAJOR 0
#define TMEM_MODULE_MINOR 1
#define TMEM_MODULE_PATCH 0

#define TMEM_SPAN_ORDER (TMEM_SPAN_SHIFT - PAGE_SHIFT)
#define TMEM_SPAN_PAGES (1UL << TMEM_SPAN_ORDER)
#define TMEM_FILL_LOCKS 16

/**
 * struct tmem_policy - where an arena's memory is looked for
 * @mode:  enum tmem_node_policy
 * @nodes: the mask that came with it; all usable nodes where it gave none
 *
 * Set when the arena is made, constant afterwards.
 */
struct tmem_policy {
	u32 mode;
	nodemask_t nodes;
};

/**
 * struct tmem_arena - the memory behind one arena descriptor
 * @mapping:  page cache of the arena's inode: holds the memory
 * @nr_spans: number of spans
 * @ctl:      control words, vmalloc'ed, mapped by user space, which may write
 *            anything at any time.  The kernel's only write is the
 *            compare-exchange IDLE -> PURGED in purge.c
 * @ctl_base: page offset at which the words are mapped
 * @ctl_pages: pages of @ctl
 * @policy:   where memory is looked for
 * @name:     printable, terminated
 * @fill_lock: by span: one fill at a time
 * @purge_lock: one purge at a time; protects @purge_batch
 * @purge_batch: folios of the span of small pages being purged
 * @fills, @fills_small, @fills_off_node, @fills_failed, @purged: counters of
 *            struct tmem_arena_stat
 *
 * Lifetime: from tmem_arena_create() to tmem_arena_release(), the last put of
 * the file, which mappings hold too.  Pins on the memory (O_DIRECT, RDMA) do
 * not hold the arena: they hold folios, which outlive it.
 */
struct tmem_arena {
	struct address_space *mapping;
	u32 nr_spans;
	u32 *ctl;
	pgoff_t ctl_base;
	unsigned long ctl_pages;
	struct tmem_policy policy;
	char name[TMEM_NAME_LEN];

	struct mutex fill_lock[TMEM_FILL_LOCKS];
	struct mutex purge_lock;
	struct folio **purge_batch;

	atomic64_t fills;
	atomic64_t fills_small;
	atomic64_t fills_off_node;
	atomic64_t fills_failed;
	atomic64_t purged;
};

/**
 * struct tmem_purge_count - what became of the spans of a purge
 *
 * As in struct tmem_arena_purge.
 */
struct tmem_purge_count {
	u64 purged;
	u64 busy;
	u64 pinned;
	u64 absent;
};

/* arena.c */
int tmem_arena_create(struct tmem_arena_create *req, struct file **filp);
u64 tmem_arena_count(void);

/* chardev.c */
int tmem_chardev_register(void);
void tmem_chardev_unregister(void);
int tmem_uapi_get(void *to, size_t size, const void __user *from,
		  unsigned int cmd);
int tmem_uapi_put(void __user *to, unsigned int cmd, const void *from,
		  size_t size);

/* mapping.c */
int tmem_arena_mmap(struct file *filp, struct vm_area_struct *vma);
extern const struct address_space_operations tmem_aops;

/* fill.c */
struct folio *tmem_fill(struct tmem_arena *arena, pgoff_t pgoff);

/* purge.c */
int tmem_purge(struct tmem_arena *arena, u32 first, u32 count, u32 enough,
	       struct tmem_purge_count *result);

/* usage.c */
int tmem_usage_stat(struct tmem_arena *arena, struct tmem_arena_stat *stat);
int tmem_usage_node(struct tmem_arena *arena,
		    struct tmem_arena_node_stat *stat);

/* policy.c */
int tmem_policy_set(struct tmem_policy *policy, u32 mode, const u64 *nodes);
u64 tmem_policy_capacity(const struct tmem_policy *policy);
struct folio *tmem_policy_alloc(const struct tmem_policy *policy, u32 span,
				unsigned int order, bool *off_node);
void tmem_policy_usable(nodemask_t *nodes);

#endif /* TMEM_KMOD_H */
