// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/tmem: answers what the module can do, hands out arenas and tells about
 * the pressure.  It knows nothing of memory.
 *
 * Who may open the device may take memory with it, as with any other
 * mapping; the memory is charged to the memory cgroup of who touches it.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/uaccess.h>
#include <linux/user_namespace.h>

#include "compat.h"
#include "pressure.h"

/**
 * tmem_uapi_get() - copy an ioctl's argument in
 * @to:    the structure as this module knows it
 * @size:  bytes of it
 * @least: bytes of it in its first version
 * @from:  the caller's structure
 * @cmd:   the ioctl number; its size field says how long the caller's is
 *
 * A longer one than ours is taken if the rest of it is zero.  What a shorter
 * one lacks is zero.
 */
int tmem_uapi_get(void *to, size_t size, size_t least, const void __user *from,
		  unsigned int cmd)
{
	if (_IOC_SIZE(cmd) < least)
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

static u64 tmem_query_features(void)
{
	u64 features = TMEM_FEATURE_CTL | TMEM_FEATURE_PURGE |
		       TMEM_FEATURE_RECALL | TMEM_FEATURE_POOL |
		       TMEM_FEATURE_POPULATE | TMEM_FEATURE_PRESSURE;

	if (tmem_pressure_psi_on())
		features |= TMEM_FEATURE_PSI;
	if (!TMEM_MREMAP_RACES)
		features |= TMEM_FEATURE_MREMAP;
	return features;
}

static int tmem_query(struct tmem_query *q)
{
	struct tmem_policy all;
	unsigned int nid;
	int err;

	err = tmem_policy_set(&all, TMEM_POLICY_LOCAL, NULL);
	if (err)
		return err;
	memset(q, 0, sizeof(*q));
	q->abi_version = TMEM_ABI_VERSION;
	q->module_version = TMEM_MODULE_MAJOR << 16 | TMEM_MODULE_MINOR << 8 |
			    TMEM_MODULE_PATCH;
	q->span_shift = TMEM_SPAN_SHIFT;
	q->features = tmem_query_features();
	q->max_arena_size = tmem_policy_capacity(&all);
	tmem_user_usage(current_euid(), &q->user_bytes, &q->arenas);
	if (ns_capable_noaudit(&init_user_ns, CAP_SYS_ADMIN))
		q->arenas = tmem_registry_count();
	for_each_node_mask(nid, all.nodes)
		if (nid < TMEM_MAX_NODES)
			q->nodes[nid / 64] |= 1ULL << (nid % 64);
	q->status_size = tmem_status_size();
	q->user_max_bytes = READ_ONCE(tmem_max_user_bytes);
	return 0;
}

static long tmem_ioctl_query(unsigned int cmd, void __user *arg)
{
	struct tmem_query q;
	int err;

	err = tmem_uapi_get(&q, sizeof(q), TMEM_QUERY_SIZE_VER0, arg, cmd);
	if (err)
		return err;
	if (q.flags)
		return -EINVAL;
	/* 0: a caller that was built before the field was there. */
	if (q.caller_abi && q.caller_abi != TMEM_ABI_VERSION)
		return -EPROTONOSUPPORT;
	err = tmem_query(&q);
	return err ?: tmem_uapi_put(arg, cmd, &q, sizeof(q));
}

static long tmem_ioctl_arena_create(unsigned int cmd, void __user *arg)
{
	struct tmem_arena_create req;
	struct file *filp;
	int err;

	err = tmem_uapi_get(&req, sizeof(req), sizeof(req), arg, cmd);
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

static long tmem_ioctl_trigger(struct tmem_events *events, unsigned int cmd,
			       void __user *arg, bool add)
{
	struct tmem_trigger trigger;
	int err;

	err = tmem_uapi_get(&trigger, sizeof(trigger), sizeof(trigger), arg,
			    cmd);
	if (err)
		return err;
	if (trigger.flags)
		return -EINVAL;
	return add ? tmem_events_add_trigger(events, &trigger) :
		     tmem_events_remove_trigger(events, trigger.cookie);
}

static long tmem_chardev_ioctl(struct file *filp, unsigned int cmd,
			       unsigned long arg)
{
	struct tmem_events *events = filp->private_data;
	void __user *uarg = (void __user *)arg;

	switch (cmd & ~IOCSIZE_MASK) {
	case TMEM_IOC_QUERY & ~IOCSIZE_MASK:
		return tmem_ioctl_query(cmd, uarg);
	case TMEM_IOC_ARENA_CREATE & ~IOCSIZE_MASK:
		return tmem_ioctl_arena_create(cmd, uarg);
	case TMEM_IOC_TRIGGER_ADD & ~IOCSIZE_MASK:
		return tmem_ioctl_trigger(events, cmd, uarg, true);
	case TMEM_IOC_TRIGGER_REMOVE & ~IOCSIZE_MASK:
		return tmem_ioctl_trigger(events, cmd, uarg, false);
	default:
		return -ENOTTY;
	}
}

/* Each opening has events of its own. */
static int tmem_chardev_open(struct inode *inode, struct file *filp)
{
	filp->private_data = tmem_events_alloc();
	return filp->private_data ? stream_open(inode, filp) : -ENOMEM;
}

static int tmem_chardev_release(struct inode *inode, struct file *filp)
{
	tmem_events_free(filp->private_data);
	return 0;
}

static ssize_t tmem_chardev_read(struct file *filp, char __user *to,
				 size_t size, loff_t *pos)
{
	return tmem_events_read(filp->private_data, filp, to, size);
}

static __poll_t tmem_chardev_poll(struct file *filp, poll_table *wait)
{
	return tmem_events_poll(filp->private_data, filp, wait);
}

static int tmem_chardev_mmap(struct file *filp, struct vm_area_struct *vma)
{
	return tmem_status_mmap(vma);
}

static const struct file_operations tmem_chardev_fops = {
	.owner = THIS_MODULE,
	.open = tmem_chardev_open,
	.release = tmem_chardev_release,
	.read = tmem_chardev_read,
	.poll = tmem_chardev_poll,
	.mmap = tmem_chardev_mmap,
	.unlocked_ioctl = tmem_chardev_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static struct miscdevice tmem_chardev = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "tmem",
	.fops = &tmem_chardev_fops,
	.mode = 0660,
	.groups = tmem_sysfs_groups,
};

struct device *tmem_chardev_device(void)
{
	return tmem_chardev.this_device;
}

/* After everything that it hands out is there. */
int tmem_chardev_register(void)
{
	int err = misc_register(&tmem_chardev);

	if (!err)
		tmem_pressure_sysfs_added(tmem_chardev.this_device);
	return err;
}

void tmem_chardev_unregister(void)
{
	tmem_pressure_sysfs_removing();
	misc_deregister(&tmem_chardev);
}
