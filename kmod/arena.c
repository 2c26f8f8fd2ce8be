// SPDX-License-Identifier: GPL-2.0-only
/*
 * An arena: one inode, one descriptor.
 *
 * The inode lives in a file system of the module's own that nobody can mount
 * or open; its page cache is the arena's memory.  Every arena pins that file
 * system, and the file system pins the module (.owner): so the module cannot
 * be removed before the last put of an arena's file has gone all its way
 * through the VFS, which the reference that the file itself holds would not
 * guarantee.
 */
#include <linux/cred.h>
#include <linux/ctype.h>
#include <linux/file.h>
#include <linux/magic.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/pagemap.h>
#include <linux/pseudo_fs.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "compat.h"
#include "tmem.h"
#include "trace.h"

#define TMEM_FS_MAGIC 0x746d656d /* "tmem" */

static int tmem_fs_init_context(struct fs_context *fc)
{
	return init_pseudo(fc, TMEM_FS_MAGIC) ? 0 : -ENOMEM;
}

static struct file_system_type tmem_fs = {
	.name = "tmemfs",
	.owner = THIS_MODULE,
	.init_fs_context = tmem_fs_init_context,
	.kill_sb = kill_anon_super,
};

/* The mount, while there are arenas; simple_pin_fs() looks after both. */
static struct vfsmount *tmem_fs_mount;
static int tmem_fs_pins;

u64 tmem_arena_size(const struct tmem_arena *arena)
{
	return (u64)arena->nr_spans << TMEM_SPAN_SHIFT;
}

/* Whole spans that lie in the arena? */
bool tmem_arena_range(const struct tmem_arena *arena, u64 offset, u64 length)
{
	u64 size = tmem_arena_size(arena);

	return !((offset | length) & (TMEM_SPAN_SIZE - 1)) && offset <= size &&
	       length <= size - offset;
}

static bool tmem_arena_name_valid(const char *name)
{
	size_t i, len = strnlen(name, TMEM_NAME_LEN);

	if (len == TMEM_NAME_LEN)
		return false;
	for (i = 0; i < len; i++)
		if (!isascii(name[i]) || !isprint(name[i]))
			return false;
	return true;
}

static int tmem_arena_check(const struct tmem_arena_create *req,
			    struct tmem_policy *policy)
{
	int err;

	if (req->flags || req->__reserved)
		return -EINVAL;
	if (!req->size || req->size & (TMEM_SPAN_SIZE - 1))
		return -EINVAL;
	if (!tmem_arena_name_valid(req->name))
		return -EINVAL;
	err = tmem_policy_set(policy, req->policy, req->nodes);
	if (err)
		return err;
	/* Refused here and now rather than by SIGBUS some day. */
	if (req->size > tmem_policy_capacity(policy) ||
	    req->size >> TMEM_SPAN_SHIFT > U32_MAX)
		return -ENOMEM;
	return 0;
}

static void tmem_arena_free(struct tmem_arena *arena)
{
	if (arena->user)
		tmem_user_put(arena->user);
	put_pid(arena->pid);
	kvfree(arena->purge_batch);
	kvfree(arena->tracked);
	kvfree(arena->span_locks);
	vfree(arena->ctl);
	kfree(arena);
}

/* The arrays, charged to the maker: what an arena costs while it is empty. */
static bool tmem_arena_alloc_arrays(struct tmem_arena *arena)
{
	size_t ctl_size = PAGE_ALIGN(arena->nr_spans * sizeof(*arena->ctl));

	arena->ctl_pages = ctl_size >> PAGE_SHIFT;
	arena->ctl = __vmalloc(ctl_size, GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	arena->tracked = kvcalloc(arena->nr_spans, sizeof(*arena->tracked),
				  GFP_KERNEL_ACCOUNT);
	arena->span_locks = kvcalloc(BITS_TO_LONGS(arena->nr_spans),
				     sizeof(*arena->span_locks),
				     GFP_KERNEL_ACCOUNT);
	arena->purge_batch = kvcalloc(TMEM_SPAN_PAGES,
				      sizeof(*arena->purge_batch),
				      GFP_KERNEL_ACCOUNT);
	return arena->ctl && arena->tracked && arena->span_locks &&
	       arena->purge_batch;
}

static struct tmem_arena *tmem_arena_alloc(const struct tmem_arena_create *req)
{
	struct tmem_arena *arena;

	arena = kzalloc(sizeof(*arena), GFP_KERNEL_ACCOUNT);
	if (!arena)
		return NULL;
	arena->nr_spans = req->size >> TMEM_SPAN_SHIFT;
	/* One span of nothing between data and words: they never adjoin. */
	arena->ctl_base = (req->size + TMEM_SPAN_SIZE) >> PAGE_SHIFT;
	strscpy(arena->name, req->name, sizeof(arena->name));
	refcount_set(&arena->pins, 1);
	init_completion(&arena->unpinned);
	tmem_purge_lock_init(&arena->purge_lock);
	arena->pid = get_task_pid(current, PIDTYPE_TGID);
	arena->user = tmem_user_get(current_euid());
	if (!arena->user || !tmem_arena_alloc_arrays(arena)) {
		tmem_arena_free(arena);
		return NULL;
	}
	return arena;
}

/*
 * The size is what the control words and the fault handler rest on.  Without
 * this ftruncate() would change it, and take memory out of busy spans.
 */
static int tmem_arena_setattr(struct tmem_idmap *idmap, struct dentry *dentry,
			      struct iattr *attr)
{
	return -EPERM;
}

static const struct inode_operations tmem_arena_iops = {
	.setattr = tmem_arena_setattr,
};

static struct inode *tmem_arena_inode(struct tmem_arena *arena)
{
	struct inode *inode = alloc_anon_inode(tmem_fs_mount->mnt_sb);

	if (IS_ERR(inode))
		return inode;
	/* The page cache helpers insist on a regular file. */
	inode->i_mode = S_IFREG | 0600;
	inode->i_flags |= S_NOCMTIME | S_NOATIME;
	inode->i_op = &tmem_arena_iops;
	inode->i_mapping->a_ops = &tmem_aops;
	mapping_set_large_folios(inode->i_mapping);
	mapping_set_unevictable(inode->i_mapping);
	i_size_write(inode, tmem_arena_size(arena));
	inode->i_private = arena;
	return inode;
}

/* Let go of an arena; the last one lets its release go on. */
void tmem_arena_unpin(struct tmem_arena *arena)
{
	if (refcount_dec_and_test(&arena->pins))
		complete(&arena->unpinned);
}

/*
 * No mapping is left, and no descriptor.  A recall may still be at work on the
 * arena; when it has let go, no other can take hold of it.
 *
 * Memory that is pinned stays with who pinned it; it only leaves the arena.
 */
static int tmem_arena_release(struct inode *inode, struct file *filp)
{
	struct tmem_arena *arena = filp->private_data;

	tmem_registry_remove(arena);
	tmem_arena_unpin(arena);
	wait_for_completion(&arena->unpinned);
	trace_tmem_arena_destroy(arena);
	truncate_inode_pages_final(inode->i_mapping);
	tmem_track_remove_all(arena);
	tmem_limit_uncharge(arena->user, atomic64_read(&arena->bytes));
	tmem_arena_free(arena);
	simple_release_fs(&tmem_fs_mount, &tmem_fs_pins);
	return 0;
}

static long tmem_arena_ioctl_stat(struct tmem_arena *arena, unsigned int cmd,
				  void __user *arg)
{
	struct tmem_arena_stat stat;
	int err;

	err = tmem_uapi_get(&stat, sizeof(stat), TMEM_ARENA_STAT_SIZE_VER0, arg,
			    cmd);
	if (!err)
		err = tmem_usage_stat(arena, &stat);
	return err ?: tmem_uapi_put(arg, cmd, &stat, sizeof(stat));
}

static long tmem_arena_ioctl_node_stat(struct tmem_arena *arena,
				       unsigned int cmd, void __user *arg)
{
	struct tmem_arena_node_stat stat;
	int err;

	err = tmem_uapi_get(&stat, sizeof(stat), sizeof(stat), arg, cmd);
	if (!err)
		err = tmem_usage_node(arena, &stat);
	return err ?: tmem_uapi_put(arg, cmd, &stat, sizeof(stat));
}

static long tmem_arena_ioctl_purge(struct tmem_arena *arena, unsigned int cmd,
				   void __user *arg)
{
	struct tmem_purge_count count = {};
	struct tmem_arena_purge req;
	int err;

	err = tmem_uapi_get(&req, sizeof(req), sizeof(req), arg, cmd);
	if (err)
		return err;
	if (req.flags || req.__reserved ||
	    !tmem_arena_range(arena, req.offset, req.length))
		return -EINVAL;
	err = tmem_purge(arena, req.offset >> TMEM_SPAN_SHIFT,
			 req.length >> TMEM_SPAN_SHIFT, &count);
	if (err)
		return err;
	req.purged = count.purged;
	req.busy = count.busy;
	req.pinned = count.pinned;
	req.absent = count.absent;
	return tmem_uapi_put(arg, cmd, &req, sizeof(req));
}

/* What was populated is told also after an error. */
static long tmem_arena_ioctl_populate(struct tmem_arena *arena,
				      unsigned int cmd, void __user *arg)
{
	struct tmem_arena_populate req;
	int err, put;

	err = tmem_uapi_get(&req, sizeof(req), sizeof(req), arg, cmd);
	if (err)
		return err;
	err = tmem_populate(arena, &req);
	put = tmem_uapi_put(arg, cmd, &req, sizeof(req));
	return err ?: put;
}

static long tmem_arena_ioctl(struct file *filp, unsigned int cmd,
			     unsigned long arg)
{
	struct tmem_arena *arena = filp->private_data;
	void __user *uarg = (void __user *)arg;

	switch (cmd & ~IOCSIZE_MASK) {
	case TMEM_IOC_ARENA_STAT & ~IOCSIZE_MASK:
		return tmem_arena_ioctl_stat(arena, cmd, uarg);
	case TMEM_IOC_ARENA_NODE_STAT & ~IOCSIZE_MASK:
		return tmem_arena_ioctl_node_stat(arena, cmd, uarg);
	case TMEM_IOC_ARENA_PURGE & ~IOCSIZE_MASK:
		return tmem_arena_ioctl_purge(arena, cmd, uarg);
	case TMEM_IOC_ARENA_POPULATE & ~IOCSIZE_MASK:
		return tmem_arena_ioctl_populate(arena, cmd, uarg);
	default:
		return -ENOTTY;
	}
}

/* /proc/PID/fdinfo/FD: who holds which arena. */
static void tmem_arena_fdinfo(struct seq_file *m, struct file *filp)
{
	static const char *const modes[] = {
		[TMEM_POLICY_LOCAL] = "local",
		[TMEM_POLICY_BIND] = "bind",
		[TMEM_POLICY_PREFERRED] = "preferred",
		[TMEM_POLICY_INTERLEAVE] = "interleave",
	};
	struct tmem_arena *arena = filp->private_data;

	seq_printf(m, "tmem-name:\t%s\n", arena->name);
	seq_printf(m, "tmem-id:\t%llu\n", arena->id);
	seq_printf(m, "tmem-size:\t%llu\n", tmem_arena_size(arena));
	seq_printf(m, "tmem-policy:\t%s\n", modes[arena->policy.mode]);
	seq_printf(m, "tmem-nodes:\t%*pbl\n",
		   nodemask_pr_args(&arena->policy.nodes));
}

static const struct file_operations tmem_arena_fops = {
	.owner = THIS_MODULE,
	.release = tmem_arena_release,
	.unlocked_ioctl = tmem_arena_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = tmem_arena_mmap,
	.get_unmapped_area = tmem_arena_get_unmapped_area,
	.show_fdinfo = tmem_arena_fdinfo,
};

/* An arena's file.  On success the file owns the arena and the pin. */
static struct file *tmem_arena_file(struct tmem_arena *arena)
{
	struct inode *inode;
	struct file *filp;

	inode = tmem_arena_inode(arena);
	if (IS_ERR(inode))
		return ERR_CAST(inode);
	arena->mapping = inode->i_mapping;

	/* alloc_file_pseudo() does not count f_op's owner; fput() does. */
	__module_get(THIS_MODULE);
	filp = alloc_file_pseudo(inode, tmem_fs_mount, "[tmem]", O_RDWR,
				 &tmem_arena_fops);
	if (IS_ERR(filp)) {
		module_put(THIS_MODULE);
		iput(inode);
		return filp;
	}
	filp->private_data = arena;
	return filp;
}

/**
 * tmem_arena_create() - make an arena
 * @req:  what user space asked for, unchecked; the out fields except fd are set
 * @filp: result; not installed yet
 */
int tmem_arena_create(struct tmem_arena_create *req, struct file **filp)
{
	struct tmem_policy policy;
	struct tmem_arena *arena;
	int err;

	err = tmem_arena_check(req, &policy);
	if (err)
		return err;
	arena = tmem_arena_alloc(req);
	if (!arena)
		return -ENOMEM;
	arena->policy = policy;

	err = tmem_registry_reserve(arena);
	if (err)
		goto free_arena;
	err = simple_pin_fs(&tmem_fs, &tmem_fs_mount, &tmem_fs_pins);
	if (err)
		goto cancel;
	*filp = tmem_arena_file(arena);
	if (IS_ERR(*filp)) {
		err = PTR_ERR(*filp);
		goto unpin_fs;
	}
	tmem_registry_add(arena);
	trace_tmem_arena_create(arena);
	req->ctl_offset = (u64)arena->ctl_base << PAGE_SHIFT;
	req->ctl_size = (u64)arena->ctl_pages << PAGE_SHIFT;
	return 0;

unpin_fs:
	simple_release_fs(&tmem_fs_mount, &tmem_fs_pins);
cancel:
	tmem_registry_cancel(arena);
free_arena:
	tmem_arena_free(arena);
	return err;
}
