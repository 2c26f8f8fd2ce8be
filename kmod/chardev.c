// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/tmem: answers what the module can do and hands out arenas.  It knows
 * nothing of memory.
 *
 * Who may open the device may take memory with it, as with any other
 * mapping; the memory is charged to the memory cgroup of who touches it.
 */
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/uaccess.h>

#include "tmem.h"

/**
 * tmem_uapi_get() - copy an ioctl's argument in
 * @to:   the structure as this module knows it
 * @size: bytes of it
 * @from: the caller's structure
 * @cmd:  the ioctl number; its size field says how long the caller's is
 *
 * A longer one than ours is taken if the rest of it is zero.  All structures
 * are in their first version, so none may be shorter; when one grows, the
 * size it has today stays the shortest that is taken.
 */
int tmem_uapi_get(void *to, size_t size, const void __user *from,
		  unsigned int cmd)
{
	if (_IOC_SIZE(cmd) < size)
		return -EINVAL;
	return copy_struct_from_user(to, size, from, _IOC_SIZE(cmd));
}

/**
 * tmem_uapi_put() - copy it out again
 * @to:   the caller's structure, which tmem_uapi_get() has seen
 * @cmd:  the ioctl number
 * @from: our structure
 * @size: bytes of it
 */
int tmem_uapi_put(void __user *to, unsigned int cmd, const void *from,
		  size_t size)
{
	size = min_t(size_t, size, _IOC_SIZE(cmd));
	return copy_to_user(to, from, size) ? -EFAULT : 0;
}

static long tmem_ioctl_query(unsigned int cmd, void __user *arg)
{
	struct tmem_policy all;
	struct tmem_query q;
	unsigned int nid;
	int err;

	err = tmem_uapi_get(&q, sizeof(q), arg, cmd);
	if (err)
		return err;
	if (q.flags)
		return -EINVAL;

	err = tmem_policy_set(&all, TMEM_POLICY_LOCAL, NULL);
	if (err)
		return err;
	memset(&q, 0, sizeof(q));
	q.abi_version = TMEM_ABI_VERSION;
	q.module_version = TMEM_MODULE_MAJOR << 16 | TMEM_MODULE_MINOR << 8 |
			   TMEM_MODULE_PATCH;
	q.span_shift = TMEM_SPAN_SHIFT;
	q.features = TMEM_FEATURE_CTL | TMEM_FEATURE_PURGE;
	q.max_arena_size = tmem_policy_capacity(&all);
	q.arenas = tmem_arena_count();
	for_each_node_mask(nid, all.nodes)
		if (nid < TMEM_MAX_NODES)
			q.nodes[nid / 64] |= 1ULL << (nid % 64);
	return tmem_uapi_put(arg, cmd, &q, sizeof(q));
}

static long tmem_ioctl_arena_create(unsigned int cmd, void __user *arg)
{
	struct tmem_arena_create req;
	struct file *filp;
	int err;

	err = tmem_uapi_get(&req, sizeof(req), arg, cmd);
	if (err)
		return err;

	req.fd = get_unused_fd_flags(O_CLOEXEC);
	if (req.fd < 0)
		return req.fd;
	err = tmem_arena_create(&req, &filp);
	if (err)
		goto put_fd;
	/* The descriptor appears last: what can fail has not failed. */
	err = tmem_uapi_put(arg, cmd, &req, sizeof(req));
	if (err)
		goto put_filp;
	fd_install(req.fd, filp);
	return 0;

put_filp:
	fput(filp);
put_fd:
	put_unused_fd(req.fd);
	return err;
}

static long tmem_chardev_ioctl(struct file *filp, unsigned int cmd,
			       unsigned long arg)
{
	switch (cmd & ~IOCSIZE_MASK) {
	case TMEM_IOC_QUERY & ~IOCSIZE_MASK:
		return tmem_ioctl_query(cmd, (void __user *)arg);
	case TMEM_IOC_ARENA_CREATE & ~IOCSIZE_MASK:
		return tmem_ioctl_arena_create(cmd, (void __user *)arg);
	default:
		return -ENOTTY;
	}
}

static const struct file_operations tmem_chardev_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = tmem_chardev_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static struct miscdevice tmem_chardev = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "tmem",
	.fops = &tmem_chardev_fops,
	.mode = 0660,
};

int tmem_chardev_register(void)
{
	return misc_register(&tmem_chardev);
}

void tmem_chardev_unregister(void)
{
	misc_deregister(&tmem_chardev);
}
