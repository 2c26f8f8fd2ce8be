/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Breaking the rules on purpose, in a module built with -DTMEM_DEBUG only: a
 * checker that has never complained may be one that cannot.  Part of debug.c.
 *
 * Write a name to /sys/kernel/debug/tmem/violate.  Lockdep complains once per
 * boot, so that each needs a boot of its own.
 */
#ifndef TMEM_VIOLATE_H
#define TMEM_VIOLATE_H

/* Allocation that may reclaim, with a purge lock held. */
static void tmem_violate_alloc_under_lock(void)
{
	struct mutex lock;

	tmem_purge_lock_init(&lock);
	mutex_lock(&lock);
	kfree(kmalloc(64, GFP_KERNEL));
	mutex_unlock(&lock);
}

/* Creation of an inode with a purge lock held. */
static void tmem_violate_inode_under_lock(void)
{
	struct mutex lock;
	struct inode *inode;

	tmem_purge_lock_init(&lock);
	mutex_lock(&lock);
	inode = alloc_anon_inode(current->fs->root.mnt->mnt_sb);
	mutex_unlock(&lock);
	if (!IS_ERR(inode))
		iput(inode);
}

/* Waiting for a folio in reclaim. */
static void tmem_violate_folio_lock_in_reclaim(void)
{
	struct folio *folio = folio_alloc(GFP_KERNEL, 0);

	if (!folio)
		return;
	fs_reclaim_acquire(GFP_KERNEL);
	tmem_folio_lock(folio);
	folio_unlock(folio);
	fs_reclaim_release(GFP_KERNEL);
	folio_put(folio);
}

/* Waiting for a span in reclaim: a fill has it, and allocates. */
static void tmem_violate_span_lock_in_reclaim(void)
{
	unsigned long bit = 0;
	struct tmem_arena arena = { .span_locks = &bit };

	if (!tmem_span_lock_killable(&arena, 0)) {
		kfree(kmalloc(64, GFP_KERNEL));
		tmem_span_unlock(&arena, 0);
	}
	fs_reclaim_acquire(GFP_KERNEL);
	if (!tmem_span_lock_killable(&arena, 0))
		tmem_span_unlock(&arena, 0);
	fs_reclaim_release(GFP_KERNEL);
}

/* Allocation with the lock that unmapping in reclaim takes. */
static void tmem_violate_alloc_under_i_mmap(void)
{
	struct address_space *mapping = current->mm->exe_file->f_mapping;

	fs_reclaim_acquire(GFP_KERNEL);
	i_mmap_lock_read(mapping);
	i_mmap_unlock_read(mapping);
	fs_reclaim_release(GFP_KERNEL);

	i_mmap_lock_write(mapping);
	kfree(kmalloc(64, GFP_KERNEL));
	i_mmap_unlock_write(mapping);
}

/* The lock that a fault holds, taken in reclaim. */
static void tmem_violate_mmap_lock_in_reclaim(void)
{
	fs_reclaim_acquire(GFP_KERNEL);
	mmap_read_lock(current->mm);
	mmap_read_unlock(current->mm);
	fs_reclaim_release(GFP_KERNEL);
}

/* For kmemleak. */
static void tmem_violate_leak(void)
{
	void *lost = kmalloc(1000, GFP_KERNEL);

	OPTIMIZER_HIDE_VAR(lost); /* or it is never allocated */
}

/* For KASAN. */
static void tmem_violate_use_after_free(void)
{
	char *gone = kmalloc(64, GFP_KERNEL);

	if (!gone)
		return;
	kfree(gone);
	OPTIMIZER_HIDE_VAR(gone); /* or the compiler complains, too */
	READ_ONCE(gone[3]);
}

static const struct {
	const char *name;
	void (*commit)(void);
} tmem_violations[] = {
	{ "alloc-under-lock", tmem_violate_alloc_under_lock },
	{ "inode-under-lock", tmem_violate_inode_under_lock },
	{ "folio-lock-in-reclaim", tmem_violate_folio_lock_in_reclaim },
	{ "span-lock-in-reclaim", tmem_violate_span_lock_in_reclaim },
	{ "alloc-under-i-mmap", tmem_violate_alloc_under_i_mmap },
	{ "mmap-lock-in-reclaim", tmem_violate_mmap_lock_in_reclaim },
	{ "leak", tmem_violate_leak },
	{ "use-after-free", tmem_violate_use_after_free },
};

static ssize_t tmem_violate_write(struct file *filp, const char __user *from,
				  size_t size, loff_t *pos)
{
	char name[32];
	size_t i;

	if (size >= sizeof(name))
		return -EINVAL;
	if (copy_from_user(name, from, size))
		return -EFAULT;
	name[size] = '\0';
	for (i = 0; i < ARRAY_SIZE(tmem_violations); i++) {
		if (!sysfs_streq(name, tmem_violations[i].name))
			continue;
		pr_info("tmem: breaking a rule on purpose: %s\n", name);
		tmem_violations[i].commit();
		return size;
	}
	return -EINVAL;
}

static const struct file_operations tmem_violate_fops = {
	.owner = THIS_MODULE,
	.write = tmem_violate_write,
};

#endif /* TMEM_VIOLATE_H */
