// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's stall figures of memory, PSI, read and watched.
 *
 * The kernel exports no function for either.  What it has is an interface of
 * text files, and this module is a client of it like any other: it mounts
 * cgroup2 where nobody sees it, and opens memory.pressure of the root, which
 * stands for the machine.  No path, no user space and no layout of a
 * structure matters.  (The files of /proc/pressure cannot be read nor written
 * from within the kernel.)
 *
 * Files are opened by a kernel worker, never by the task that happens to load
 * the module or to write to sysfs: the worker is in the machine's own cgroup
 * namespace, and is privileged, which a trigger's window depends on.
 *
 * Contexts: tmem_psi_open(), _close(), _arm() and _read() may sleep and are
 * called one at a time (pressure.c).  tmem_watch_wake() runs under the lock of
 * somebody else's wait queue with interrupts off, and only queues work.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cgroup.h>
#include <linux/file.h>
#include <linux/fs_context.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/slab.h>

#include "compat.h"
#include "pressure.h"

/* --- watching a trigger -------------------------------------------------- */

static int tmem_watch_wake(wait_queue_entry_t *wait, unsigned int mode,
			   int sync, void *key)
{
	struct tmem_watch *watch = container_of(wait, struct tmem_watch, wait);

	queue_work(tmem_pressure_wq, &watch->work);
	if (key_to_poll(key) & POLLFREE) {
		list_del_init(&wait->entry);
		/* The queue goes away.  From here on, @watch may too. */
		smp_store_release(&watch->head, NULL);
	}
	return 1;
}

static void tmem_watch_queue(struct file *filp, wait_queue_head_t *head,
			     poll_table *table)
{
	struct tmem_watch *watch =
		container_of(table, struct tmem_watch, table);

	/* A file with a trigger has one queue; see tmem_trigger_file(). */
	if (WARN_ON_ONCE(watch->head))
		return;
	watch->head = head;
	add_wait_queue(head, &watch->wait);
}

/**
 * tmem_watch_start() - have work queued whenever a trigger fires
 * @watch: to be kept until tmem_watch_stop()
 * @filp:  the file; the caller holds a reference as long
 * @func:  the work.  It may run before this function is back
 *
 * Returns what is to say about the file right now.  It is watched in any case
 * and has to be stopped.
 */
__poll_t tmem_watch_start(struct tmem_watch *watch, struct file *filp,
			  work_func_t func)
{
	watch->filp = filp;
	watch->head = NULL;
	INIT_WORK(&watch->work, func);
	init_waitqueue_func_entry(&watch->wait, tmem_watch_wake);
	init_poll_funcptr(&watch->table, tmem_watch_queue);
	return vfs_poll(filp, &watch->table);
}

/* No work is left and none comes afterwards.  Not to be called by the work. */
void tmem_watch_stop(struct tmem_watch *watch)
{
	wait_queue_head_t *head;

	rcu_read_lock();
	/* A queue that goes away by POLLFREE is freed after a grace period. */
	head = smp_load_acquire(&watch->head);
	if (head)
		remove_wait_queue(head, &watch->wait);
	rcu_read_unlock();
	cancel_work_sync(&watch->work);
}

/*
 * EPOLLPRI if the trigger has fired; asking re-arms it.  Other triggers of the
 * same file wake us too, so a wake-up alone says nothing.  EPOLLERR if it is
 * gone for good.
 */
__poll_t tmem_watch_poll(const struct tmem_watch *watch)
{
	return vfs_poll(watch->filp, NULL);
}

/* --- the machine's figures ----------------------------------------------- */

static struct vfsmount *tmem_psi_mount;
static struct file *tmem_psi_file; /* for reading */
static struct tmem_watch *tmem_psi_watch; /* the trigger armed, or NULL */
static bool tmem_psi_dead; /* it was, but has gone */
static void (*tmem_psi_event)(void);

#if IS_ENABLED(CONFIG_CGROUPS)
/*
 * A mount of cgroup2 sets the options of all of them, which nobody expects of
 * loading a module: systemd mounts it with nsdelegate and
 * memory_recursiveprot.  So ours asks for what is in force already.
 */
static int tmem_psi_mount_options(struct fs_context *fc)
{
	static const struct {
		unsigned int flag;
		const char *option;
	} options[] = {
		{ CGRP_ROOT_NS_DELEGATE, "nsdelegate" },
		{ CGRP_ROOT_FAVOR_DYNMODS, "favordynmods" },
		{ CGRP_ROOT_MEMORY_LOCAL_EVENTS, "memory_localevents" },
		{ CGRP_ROOT_MEMORY_RECURSIVE_PROT, "memory_recursiveprot" },
		{ CGRP_ROOT_MEMORY_HUGETLB_ACCOUNTING,
		  "memory_hugetlb_accounting" },
		{ CGRP_ROOT_PIDS_LOCAL_EVENTS, "pids_localevents" },
	};
	unsigned int flags = READ_ONCE(cgrp_dfl_root.flags);
	unsigned int i;
	int err = 0;

	for (i = 0; i < ARRAY_SIZE(options) && !err; i++)
		if (flags & options[i].flag)
			err = vfs_parse_fs_string(fc, options[i].option, NULL,
						  0);
	return err;
}
#else
static int tmem_psi_mount_options(struct fs_context *fc)
{
	return 0;
}
#endif

static struct vfsmount *tmem_psi_mount_cgroup2(void)
{
	struct file_system_type *type = get_fs_type("cgroup2");
	struct vfsmount *mount;
	struct fs_context *fc;
	int err;

	if (!type)
		return ERR_PTR(-ENODEV);
	fc = fs_context_for_mount(type, SB_KERNMOUNT);
	module_put(type->owner); /* the context holds one of its own */
	if (IS_ERR(fc))
		return ERR_CAST(fc);
	err = tmem_psi_mount_options(fc);
	mount = err ? ERR_PTR(err) : fc_mount(fc);
	put_fs_context(fc);
	return mount;
}

static struct file *tmem_psi_open_file(int flags)
{
	struct path root = { .mnt = tmem_psi_mount,
			     .dentry = tmem_psi_mount->mnt_root };

	return file_open_root(&root, "memory.pressure", flags, 0);
}

static int tmem_psi_mount_and_open(void)
{
	struct vfsmount *mount = tmem_psi_mount_cgroup2();
	struct file *filp;

	if (IS_ERR(mount))
		return PTR_ERR(mount);
	tmem_psi_mount = mount;
	filp = tmem_psi_open_file(O_RDONLY);
	if (IS_ERR(filp)) {
		tmem_psi_mount = NULL;
		mntput(mount);
		return PTR_ERR(filp);
	}
	tmem_psi_file = filp;
	return 0;
}

struct tmem_psi_opening {
	struct work_struct work;
	int err;
};

static void tmem_psi_open_work(struct work_struct *work)
{
	struct tmem_psi_opening *opening =
		container_of(work, struct tmem_psi_opening, work);

	opening->err = tmem_psi_mount_and_open();
}

/**
 * tmem_psi_open() - get at the stall figures
 * @event: called by a worker when the trigger of tmem_psi_arm() has fired
 *
 * Returns 0, or -EOPNOTSUPP: this kernel was built or booted without PSI, or
 * without cgroup2.  Says so.
 */
int tmem_psi_open(void (*event)(void))
{
	struct tmem_psi_opening opening;

	tmem_psi_event = event;
	INIT_WORK_ONSTACK(&opening.work, tmem_psi_open_work);
	queue_work(system_unbound_wq, &opening.work);
	flush_work(&opening.work);
	destroy_work_on_stack(&opening.work);
	if (!opening.err)
		return 0;
	pr_info("this kernel counts no stalls (error %d): the pressure level goes by memory use and by reclaim. Boot it with psi=1, and with cgroup2 enabled\n",
		opening.err);
	return -EOPNOTSUPP;
}

static void tmem_psi_disarm(void)
{
	struct tmem_watch *watch = tmem_psi_watch;

	if (!watch)
		return;
	tmem_psi_watch = NULL;
	tmem_watch_stop(watch);
	fput(watch->filp);
	kfree(watch);
}

void tmem_psi_close(void)
{
	tmem_psi_disarm();
	if (tmem_psi_file)
		fput(tmem_psi_file);
	tmem_psi_file = NULL;
	mntput(tmem_psi_mount);
	tmem_psi_mount = NULL;
}

bool tmem_psi_armed(void)
{
	return tmem_psi_watch && !READ_ONCE(tmem_psi_dead);
}

static void tmem_psi_work(struct work_struct *work)
{
	struct tmem_watch *watch = container_of(work, struct tmem_watch, work);
	__poll_t mask = tmem_watch_poll(watch);

	/*
	 * Somebody switched the accounting of the root off (cgroup.pressure).
	 * pressure.c arms anew when it looks next.
	 */
	if (mask & EPOLLERR)
		WRITE_ONCE(tmem_psi_dead, true);
	else if (mask & EPOLLPRI)
		tmem_psi_event();
}

/* A file takes one trigger, so each has a file of its own. */
static struct file *tmem_psi_trigger_file(u32 stall_us, u32 window_us)
{
	char text[48];
	struct file *filp;
	loff_t pos = 0;
	ssize_t written;

	filp = tmem_psi_open_file(O_RDWR);
	if (IS_ERR(filp))
		return filp;
	snprintf(text, sizeof(text), "some %u %u", stall_us, window_us);
	written = kernel_write(filp, text, strlen(text) + 1, &pos);
	if (written < 0) {
		fput(filp);
		return ERR_PTR(written);
	}
	return filp;
}

/**
 * tmem_psi_arm() - have events, instead of those armed before
 * @stall_us:  when some task has waited for so long ...
 * @window_us: ... within this time; 500000 at least on Linux 6.1
 *
 * To be called by a worker only, after tmem_psi_open().  Returns 0 or an
 * error, with nothing armed.
 */
int tmem_psi_arm(u32 stall_us, u32 window_us)
{
	struct tmem_watch *watch;
	struct file *filp;

	tmem_psi_disarm();
	watch = kzalloc(sizeof(*watch), GFP_KERNEL);
	if (!watch)
		return -ENOMEM;
	filp = tmem_psi_trigger_file(stall_us, window_us);
	if (IS_ERR(filp)) {
		kfree(watch);
		return PTR_ERR(filp);
	}
	WRITE_ONCE(tmem_psi_dead, false);
	tmem_psi_watch = watch;
	if (tmem_watch_start(watch, filp, tmem_psi_work) & EPOLLERR)
		WRITE_ONCE(tmem_psi_dead, true);
	return 0;
}

static int tmem_psi_parse(const char *text, struct tmem_psi *some,
			  struct tmem_psi *full)
{
	struct tmem_psi *psi[] = { some, full };
	static const char *const formats[] = {
		"some avg10=%u.%2u avg60=%u.%2u avg300=%u.%2u total=%llu",
		"full avg10=%u.%2u avg60=%u.%2u avg300=%u.%2u total=%llu",
	};
	unsigned int whole[3], rest[3], i;
	u64 total;

	for (i = 0; i < ARRAY_SIZE(psi); i++) {
		text = strstr(text, i ? "full" : "some");
		if (!text ||
		    sscanf(text, formats[i], &whole[0], &rest[0], &whole[1],
			   &rest[1], &whole[2], &rest[2], &total) != 7)
			return -EPROTO;
		*psi[i] = (struct tmem_psi){
			.avg10 = whole[0] * 100 + rest[0],
			.avg60 = whole[1] * 100 + rest[1],
			.avg300 = whole[2] * 100 + rest[2],
			.total = total,
		};
	}
	return 0;
}

/*
 * The figures now.  The file dies with the accounting, and is opened again
 * when that is back.
 */
int tmem_psi_read(struct tmem_psi *some, struct tmem_psi *full)
{
	struct file *filp;
	char text[256];
	loff_t pos = 0;
	ssize_t len;

	if (!tmem_psi_file) {
		filp = tmem_psi_open_file(O_RDONLY);
		if (IS_ERR(filp))
			return PTR_ERR(filp);
		tmem_psi_file = filp;
	}
	len = kernel_read(tmem_psi_file, text, sizeof(text) - 1, &pos);
	if (len < 0) {
		fput(tmem_psi_file);
		tmem_psi_file = NULL;
		return len;
	}
	text[len] = '\0';
	return tmem_psi_parse(text, some, full);
}
