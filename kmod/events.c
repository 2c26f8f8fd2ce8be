// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a descriptor of /dev/tmem has to read: changes of the level, and PSI
 * triggers that its process handed in.
 *
 * Events are counted, not queued: a slow reader costs no memory and loses no
 * event, only their order.
 *
 * A trigger's file is held by us, as long as the descriptor or until it is
 * removed.  Which files that can be is therefore checked, by super block and
 * name.  It is what keeps references and wake-ups from going in circles: files
 * of cgroup2 and proc hold no other file and wait for none, while an epoll, a
 * socket or another /dev/tmem may hold us in turn.
 *
 * Locks, outermost first: tmem_events_lock or tmem_events.mutex, then
 * tmem_events.lock.  All of it runs in processes and workers; what runs under
 * the lock of a trigger's wait queue is in psi.c.
 */
#include <linux/dcache.h>
#include <linux/file.h>
#include <linux/ktime.h>
#include <linux/magic.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "pressure.h"

/* An event that waits: how often, and when last. */
struct tmem_tally {
	u64 count;
	u64 time;
};

/**
 * struct tmem_events - a descriptor
 * @list:     in tmem_events_all
 * @wait:     readers and pollers
 * @mutex:    one reads, or changes @triggers, at a time
 * @lock:     protects the tallies, and @triggers against tmem_events_poll()
 * @level:    changes of the level
 * @triggers: of struct tmem_events_trigger, oldest first
 * @nr_triggers: of them
 */
struct tmem_events {
	struct list_head list;
	wait_queue_head_t wait;
	struct mutex mutex;
	spinlock_t lock;
	struct tmem_tally level;
	struct list_head triggers;
	unsigned int nr_triggers;
};

/**
 * struct tmem_events_trigger - a trigger of a descriptor
 * @list:   in tmem_events.triggers
 * @events: the descriptor
 * @watch:  the file
 * @cookie: the process's name for it
 * @fired:  not read yet
 * @gone:   its cgroup is; count is 1 until that is read, then the trigger is
 *          dropped
 */
struct tmem_events_trigger {
	struct list_head list;
	struct tmem_events *events;
	struct tmem_watch watch;
	u64 cookie;
	struct tmem_tally fired;
	struct tmem_tally gone;
};

static DEFINE_MUTEX(tmem_events_lock);
static LIST_HEAD(tmem_events_all);

static void tmem_tally_add(struct tmem_tally *tally, u64 time)
{
	tally->count++;
	tally->time = time;
}

static void tmem_events_wake(struct tmem_events *events)
{
	wake_up_interruptible_poll(&events->wait, EPOLLIN | EPOLLPRI);
}

/* By the worker that changed it. */
void tmem_events_level_changed(void)
{
	struct tmem_pressure_now now;
	struct tmem_events *events;

	tmem_pressure_get(&now);
	mutex_lock(&tmem_events_lock);
	list_for_each_entry(events, &tmem_events_all, list) {
		spin_lock(&events->lock);
		tmem_tally_add(&events->level, now.since);
		spin_unlock(&events->lock);
		tmem_events_wake(events);
	}
	mutex_unlock(&tmem_events_lock);
}

struct tmem_events *tmem_events_alloc(void)
{
	struct tmem_events *events;

	events = kzalloc(sizeof(*events), GFP_KERNEL_ACCOUNT);
	if (!events)
		return NULL;
	init_waitqueue_head(&events->wait);
	mutex_init(&events->mutex);
	spin_lock_init(&events->lock);
	INIT_LIST_HEAD(&events->triggers);
	mutex_lock(&tmem_events_lock);
	list_add(&events->list, &tmem_events_all);
	mutex_unlock(&tmem_events_lock);
	return events;
}

/* --- triggers ------------------------------------------------------------ */

static bool tmem_name_is_one_of(const struct dentry *dentry,
				const char *const *names)
{
	for (; *names; names++)
		if (!strcmp(dentry->d_name.name, *names))
			return true;
	return false;
}

/*
 * Is this a file that takes PSI triggers, and so has one wait queue, which
 * lives as long as the file?  Nothing is ever renamed in these file systems.
 */
static bool tmem_trigger_file(const struct file *filp)
{
	static const char *const in_cgroup[] = { "memory.pressure",
						 "io.pressure", "cpu.pressure",
						 NULL };
	static const char *const in_proc[] = { "memory", "io", "cpu", NULL };
	const struct dentry *dentry = filp->f_path.dentry;
	const struct dentry *dir = dentry->d_parent;
	const struct super_block *sb = dentry->d_sb;

	if (file_inode(filp)->i_sb != sb || !S_ISREG(file_inode(filp)->i_mode))
		return false;
	if (sb->s_magic == CGROUP2_SUPER_MAGIC)
		return tmem_name_is_one_of(dentry, in_cgroup);
	if (sb->s_magic == PROC_SUPER_MAGIC)
		return tmem_name_is_one_of(dentry, in_proc) &&
		       !strcmp(dir->d_name.name, "pressure") &&
		       dir->d_parent == sb->s_root;
	return false;
}

static void tmem_trigger_note(struct tmem_events_trigger *trigger,
			      __poll_t mask)
{
	struct tmem_events *events = trigger->events;
	u64 time = ktime_get_ns();

	if (!(mask & (EPOLLERR | EPOLLPRI)))
		return;
	spin_lock(&events->lock);
	if (!(mask & EPOLLERR))
		tmem_tally_add(&trigger->fired, time);
	else if (!trigger->gone.count)
		tmem_tally_add(&trigger->gone, time);
	spin_unlock(&events->lock);
	tmem_events_wake(events);
}

static void tmem_trigger_work(struct work_struct *work)
{
	struct tmem_events_trigger *trigger =
		container_of(work, struct tmem_events_trigger, watch.work);

	tmem_trigger_note(trigger, tmem_watch_poll(&trigger->watch));
}

static struct tmem_events_trigger *tmem_trigger_find(struct tmem_events *events,
						     u64 cookie)
{
	struct tmem_events_trigger *trigger;

	list_for_each_entry(trigger, &events->triggers, list)
		if (trigger->cookie == cookie)
			return trigger;
	return NULL;
}

/* It is on no list, or nobody looks at the list any more. */
static void tmem_trigger_free(struct tmem_events_trigger *trigger)
{
	tmem_watch_stop(&trigger->watch);
	fput(trigger->watch.filp);
	kfree(trigger);
}

/* With the mutex held. */
static void tmem_trigger_drop(struct tmem_events *events,
			      struct tmem_events_trigger *trigger)
{
	spin_lock(&events->lock);
	list_del(&trigger->list);
	events->nr_triggers--;
	spin_unlock(&events->lock);
	tmem_trigger_free(trigger);
}

/* Takes over the reference to @filp, if it succeeds. */
static int tmem_trigger_make(struct tmem_events *events, u64 cookie,
			     struct file *filp)
{
	struct tmem_events_trigger *trigger;
	__poll_t mask;

	trigger = kzalloc(sizeof(*trigger), GFP_KERNEL_ACCOUNT);
	if (!trigger)
		return -ENOMEM;
	trigger->events = events;
	trigger->cookie = cookie;
	mask = tmem_watch_start(&trigger->watch, filp, tmem_trigger_work);
	if (mask & EPOLLERR) {
		/* No trigger was written, or the cgroup is gone already. */
		tmem_watch_stop(&trigger->watch);
		kfree(trigger);
		return -EINVAL;
	}
	spin_lock(&events->lock);
	list_add_tail(&trigger->list, &events->triggers);
	events->nr_triggers++;
	spin_unlock(&events->lock);
	/* What fired before it was on the list is noted, but woke nobody. */
	tmem_trigger_note(trigger, mask);
	tmem_events_wake(events);
	return 0;
}

static int tmem_trigger_add_file(struct tmem_events *events,
				 const struct tmem_trigger *trigger,
				 struct file *filp)
{
	int err;

	if (!tmem_trigger_file(filp))
		return -EINVAL;
	if (mutex_lock_killable(&events->mutex))
		return -EINTR;
	if (tmem_trigger_find(events, trigger->cookie))
		err = -EEXIST;
	else if (events->nr_triggers >= TMEM_TRIGGERS_MAX)
		err = -ENOSPC;
	else
		err = tmem_trigger_make(events, trigger->cookie, filp);
	mutex_unlock(&events->mutex);
	return err;
}

int tmem_events_add_trigger(struct tmem_events *events,
			    const struct tmem_trigger *trigger)
{
	struct file *filp;
	int err;

	if (trigger->flags)
		return -EINVAL;
	if (!tmem_pressure_psi_on())
		return -EOPNOTSUPP;
	filp = fget(trigger->fd);
	if (!filp)
		return -EBADF;
	err = tmem_trigger_add_file(events, trigger, filp);
	if (err)
		fput(filp);
	return err;
}

int tmem_events_remove_trigger(struct tmem_events *events, u64 cookie)
{
	struct tmem_events_trigger *trigger;

	if (mutex_lock_killable(&events->mutex))
		return -EINTR;
	trigger = tmem_trigger_find(events, cookie);
	if (trigger)
		tmem_trigger_drop(events, trigger);
	mutex_unlock(&events->mutex);
	return trigger ? 0 : -ENOENT;
}

/* The last reference to the file is gone: nobody else is here. */
void tmem_events_free(struct tmem_events *events)
{
	struct tmem_events_trigger *trigger, *next;

	mutex_lock(&tmem_events_lock);
	list_del(&events->list);
	mutex_unlock(&tmem_events_lock);
	list_for_each_entry_safe(trigger, next, &events->triggers, list)
		tmem_trigger_free(trigger);
	kfree(events);
}

/* --- reading ------------------------------------------------------------- */

static bool tmem_events_pending(struct tmem_events *events)
{
	struct tmem_events_trigger *trigger;
	bool pending;

	spin_lock(&events->lock);
	pending = events->level.count;
	list_for_each_entry(trigger, &events->triggers, list)
		pending |= trigger->fired.count || trigger->gone.count;
	spin_unlock(&events->lock);
	return pending;
}

__poll_t tmem_events_poll(struct tmem_events *events, struct file *filp,
			  struct poll_table_struct *wait)
{
	poll_wait(filp, &events->wait, wait);
	return tmem_events_pending(events) ? EPOLLIN | EPOLLPRI : 0;
}

/*
 * Copy one event out, if there is one.  It is taken off only then: a buffer
 * that cannot be written loses nothing.  Returns 1, 0 or -EFAULT.
 */
static int tmem_events_give(struct tmem_events *events,
			    struct tmem_tally *tally, u32 type, u64 cookie,
			    char __user *to)
{
	struct tmem_event event = {
		.type = type,
		.level = tmem_pressure_level(),
		.cookie = cookie,
	};

	spin_lock(&events->lock);
	event.count = tally->count;
	event.time = tally->time;
	spin_unlock(&events->lock);
	if (!event.count)
		return 0;
	if (copy_to_user(to, &event, sizeof(event)))
		return -EFAULT;
	spin_lock(&events->lock);
	tally->count -= event.count;
	spin_unlock(&events->lock);
	return 1;
}

/* What a trigger has to say: that it fired, and after that, that it is gone. */
static int tmem_events_give_trigger(struct tmem_events *events,
				    struct tmem_events_trigger *trigger,
				    char __user *to, size_t room)
{
	size_t given = 0;
	int ret;

	ret = tmem_events_give(events, &trigger->fired, TMEM_EVENT_TRIGGER,
			       trigger->cookie, to);
	if (ret < 0)
		return ret;
	given += ret;
	if (given == room)
		return given;
	ret = tmem_events_give(events, &trigger->gone, TMEM_EVENT_TRIGGER_GONE,
			       trigger->cookie,
			       to + given * sizeof(struct tmem_event));
	if (ret == 1)
		tmem_trigger_drop(events, trigger);
	return ret < 0 && !given ? ret : given + (ret == 1);
}

/* As many events as there are and as fit, with the mutex held. */
static int tmem_events_collect(struct tmem_events *events, char __user *to,
			       size_t room)
{
	struct tmem_events_trigger *trigger, *next;
	int ret, given;

	given = tmem_events_give(events, &events->level, TMEM_EVENT_LEVEL, 0,
				 to);
	if (given < 0)
		return given;
	list_for_each_entry_safe(trigger, next, &events->triggers, list) {
		if (given == room)
			break;
		ret = tmem_events_give_trigger(
			events, trigger, to + given * sizeof(struct tmem_event),
			room - given);
		if (ret < 0)
			return given ?: ret;
		given += ret;
	}
	return given;
}

ssize_t tmem_events_read(struct tmem_events *events, struct file *filp,
			 char __user *to, size_t size)
{
	size_t room = min_t(size_t, size / sizeof(struct tmem_event), INT_MAX);
	int given;

	if (!room)
		return -EINVAL;
	for (;;) {
		if (mutex_lock_interruptible(&events->mutex))
			return -ERESTARTSYS;
		given = tmem_events_collect(events, to, room);
		mutex_unlock(&events->mutex);
		if (given < 0)
			return given;
		if (given)
			return given * sizeof(struct tmem_event);
		if (filp->f_flags & O_NONBLOCK)
			return -EAGAIN;
		if (wait_event_interruptible(events->wait,
					     tmem_events_pending(events)))
			return -ERESTARTSYS;
	}
}
