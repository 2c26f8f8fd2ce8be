// SPDX-License-Identifier: GPL-2.0-only
/*
 * debugfs: test hooks.
 *
 * /sys/kernel/debug/tmem/shrink: write N to recall N idle spans, under the same
 * pretended lock that the core's reclaim holds, so that lockdep sees what a
 * shrinker does at a time of the tester's choosing.
 *
 * /sys/kernel/debug/tmem/settle: write 0 to wait until no pool is being refilled;
 * 1: refills that were put off are tried first.
 *
 * Where there is lockdep, the locks are introduced to it in the order of tmem.h
 * before they are used: it does not learn from trylocks, nor of page locks.
 *
 * With -DTMEM_DEBUG, /sys/kernel/debug/tmem/violate breaks the rules of tmem.h on
 * purpose, one by one, to show that lockdep (or KASAN, or kmemleak) would
 * say so.
 */
#include <linux/debugfs.h>
#include <linux/fs_struct.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "compat.h"
#include "tmem.h"

static struct dentry *tmem_debug_dir;

static int tmem_debug_shrink(void *data, u64 nr)
{
	fs_reclaim_acquire(GFP_KERNEL);
	tmem_recall_debug(min_t(u64, nr, UINT_MAX));
	fs_reclaim_release(GFP_KERNEL);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(tmem_debug_shrink_fops, NULL, tmem_debug_shrink,
			 "%llu\n");

static int tmem_debug_settle(void *data, u64 now)
{
	tmem_pool_settle(now);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(tmem_debug_settle_fops, NULL, tmem_debug_settle,
			 "%llu\n");

#ifdef TMEM_DEBUG
#include "violate.h"
#endif

/* Without debugfs there is nothing to see, and nothing goes wrong. */
void tmem_debug_init(void)
{
	tmem_folio_lock_prime();
	tmem_debug_dir = debugfs_create_dir("tmem", NULL);
	debugfs_create_file("shrink", 0200, tmem_debug_dir, NULL,
			    &tmem_debug_shrink_fops);
	debugfs_create_file("settle", 0200, tmem_debug_dir, NULL,
			    &tmem_debug_settle_fops);
#ifdef TMEM_DEBUG
	debugfs_create_file("violate", 0200, tmem_debug_dir, NULL,
			    &tmem_violate_fops);
#endif
}

void tmem_debug_exit(void)
{
	debugfs_remove_recursive(tmem_debug_dir);
}
