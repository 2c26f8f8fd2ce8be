// SPDX-License-Identifier: GPL-2.0-only
/*
 * The pressure level: how short of memory the machine is.
 *
 * This file gathers the figures, says when they are looked at, and publishes
 * what follows.  The rule, with an example, is tmem_level.h's.
 *
 * A look is taken when the PSI trigger fires, when reclaim is at work, when a
 * setting changes, and by a timer.  The timer is none that sleeping CPUs may
 * put off: another CPU may be using up memory meanwhile.
 *
 * Contexts: everything happens in a worker, under tmem_pressure_lock.  Only
 * tmem_pressure_level() and tmem_pressure_reclaim() may be called anywhere.
 */
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/spinlock.h>

#include "pressure.h"
#include "trace.h"

#define TMEM_TICK_CALM_MS 2000 /* the level is LOW */
#define TMEM_TICK_TENSE_MS 250
#define TMEM_STALL_SPAN_MIN (100 * NSEC_PER_MSEC)
#define TMEM_RECLAIM_EVERY (50 * NSEC_PER_MSEC)

/*
 * For the short time between running out of memory and getting some, there is
 * a rescuer (WQ_MEM_RECLAIM): telling of that time is what this is for.
 */
struct workqueue_struct *tmem_pressure_wq;

struct tmem_level_settings tmem_pressure_settings = TMEM_LEVEL_SETTINGS;
DEFINE_MUTEX(tmem_pressure_settings_lock);

static DEFINE_MUTEX(tmem_pressure_lock);

/* The result; readers are tmem_pressure_get() and tmem_pressure_level(). */
static DEFINE_SPINLOCK(tmem_now_lock);
static struct tmem_pressure_now tmem_now;

/* What a look needs of the one before; under tmem_pressure_lock. */
static struct {
	bool psi; /* this kernel has it */
	u32 armed; /* percent that the trigger is armed for; 0: none */
	struct tmem_level_meter meter;
	u64 stall_since; /* from when on stall is counted, ns */
	u64 stall_total; /* PSI's total then, us */
	u32 stall_share; /* of the last interval, hundredths of a percent */
} tmem_last;

static atomic64_t tmem_looks_begun; /* number of the last; one at a time */
static atomic64_t tmem_looks_done;
static DECLARE_WAIT_QUEUE_HEAD(tmem_look_done);

static bool tmem_pressure_active; /* work may be queued */
static bool tmem_pressure_fired; /* the trigger, since the last look */
static u64 tmem_reclaim_at[TMEM_RECLAIMERS]; /* ns; 0: never */

static void tmem_look(struct work_struct *work);
static DECLARE_WORK(tmem_kick_work, tmem_look);
static DECLARE_DELAYED_WORK(tmem_tick_work, tmem_look);

/* --- the figures --------------------------------------------------------- */

static void tmem_measure_use(struct tmem_pressure_now *now)
{
	long available = max(si_mem_available(), 0L);

	now->total = (u64)totalram_pages() << PAGE_SHIFT;
	now->available = min(((u64)available << PAGE_SHIFT) + tmem_pool_bytes(),
			     now->total);
	now->use =
		div64_u64(((now->total - now->available) >> PAGE_SHIFT) * 10000,
			  now->total >> PAGE_SHIFT);
}

/* The share of stall since the last look. */
static u32 tmem_stall_share(const struct tmem_pressure_now *now)
{
	u64 span = now->updated - tmem_last.stall_since;
	u64 stall = (now->some.total - tmem_last.stall_total) * NSEC_PER_USEC;

	if (span < TMEM_STALL_SPAN_MIN)
		return tmem_last.stall_share;
	tmem_last.stall_since = now->updated;
	tmem_last.stall_total = now->some.total;
	tmem_last.stall_share =
		min_t(u64, div64_u64(stall * 10000, span), 10000);
	return tmem_last.stall_share;
}

static void tmem_measure_stall(struct tmem_pressure_now *now,
			       const struct tmem_level_settings *settings)
{
	bool fired = xchg(&tmem_pressure_fired, false);

	now->psi_on = tmem_last.psi && !tmem_psi_read(&now->some, &now->full);
	if (!now->psi_on) {
		now->some = (struct tmem_psi){};
		now->full = (struct tmem_psi){};
		now->stall = 0;
		tmem_last.stall_since = 0;
		return;
	}
	if (!tmem_last.stall_since) {
		tmem_last.stall_since = now->updated;
		tmem_last.stall_total = now->some.total;
		tmem_last.stall_share = 0;
	}
	now->stall = max(now->some.avg10, tmem_stall_share(now));
	/* Its window is not ours, which may be longer: what it says is so. */
	if (fired)
		now->stall = max(now->stall, settings->stall[0] * 100);
}

/* The trigger is armed for what means MEDIUM. */
static void tmem_rearm(const struct tmem_level_settings *settings)
{
	u32 percent = settings->stall[0];

	if (!tmem_last.psi || (tmem_last.armed == percent && tmem_psi_armed()))
		return;
	tmem_last.armed = percent;
	if (tmem_psi_arm(percent * (USEC_PER_SEC / 100), USEC_PER_SEC))
		tmem_last.armed = 0; /* the next look tries again */
}

/* --- the level ----------------------------------------------------------- */

/* Returns whether the level has changed. */
static bool tmem_judge(struct tmem_pressure_now *now,
		       const struct tmem_level_settings *settings)
{
	struct tmem_level_meter *meter = &tmem_last.meter;
	struct tmem_level_figures figures = {
		.now = now->updated,
		.use = now->use,
		.stall = now->stall,
		.psi = now->psi_on,
	};
	u32 i;

	for (i = 0; i < TMEM_RECLAIMERS; i++)
		figures.reclaim_at[i] = READ_ONCE(tmem_reclaim_at[i]);
	tmem_level_look(meter, settings, &figures);
	now->use_level = meter->use_level;
	now->stall_level = meter->stall_level;
	if (meter->level == now->level)
		return false;
	now->previous = now->level;
	now->level = meter->level;
	now->since = now->updated;
	now->changes++;
	return true;
}

/* --- looking ------------------------------------------------------------- */

static void tmem_publish(const struct tmem_pressure_now *now, bool changed)
{
	spin_lock(&tmem_now_lock);
	tmem_now = *now;
	spin_unlock(&tmem_now_lock);

	tmem_status_write(now);
	if (!changed)
		return;
	tmem_events_level_changed();
	tmem_netlink_level_changed(now);
	tmem_pressure_sysfs_notify();
	trace_tmem_pressure(now);
}

static void tmem_next_tick(u32 level)
{
	unsigned long delay = msecs_to_jiffies(TMEM_TICK_TENSE_MS);

	/* On a second, with other timers: fewer wake-ups. */
	if (level == TMEM_LEVEL_LOW)
		delay = round_jiffies_relative(
			msecs_to_jiffies(TMEM_TICK_CALM_MS));
	mod_delayed_work(tmem_pressure_wq, &tmem_tick_work, delay);
}

static void tmem_look(struct work_struct *work)
{
	struct tmem_level_settings settings;
	struct tmem_pressure_now now;
	bool changed;
	s64 look;

	mutex_lock(&tmem_pressure_lock);
	/* A full barrier: what is read from here on is what counts. */
	look = atomic64_inc_return(&tmem_looks_begun);
	mutex_lock(&tmem_pressure_settings_lock);
	settings = tmem_pressure_settings;
	mutex_unlock(&tmem_pressure_settings_lock);

	tmem_pressure_get(&now);
	now.updated = ktime_get_ns();
	tmem_rearm(&settings);
	tmem_measure_use(&now);
	tmem_measure_stall(&now, &settings);
	changed = tmem_judge(&now, &settings);
	tmem_publish(&now, changed);
	tmem_next_tick(now.level);
	atomic64_set(&tmem_looks_done, look);
	mutex_unlock(&tmem_pressure_lock);
	wake_up(&tmem_look_done);
}

/* Any context.  After the exit has begun, nothing is queued any more. */
static void tmem_pressure_kick(void)
{
	rcu_read_lock();
	if (READ_ONCE(tmem_pressure_active))
		queue_work(tmem_pressure_wq, &tmem_kick_work);
	rcu_read_unlock();
}

/*
 * Have a look taken that begins from here on, and wait for it; or be killed.
 *
 * Not by flush_work(), nor by a lock that a look holds: a write to sysfs calls
 * this, and the look may write to a file of cgroup2.  The locks of the two files
 * are one class to lockdep, but never one lock.
 */
void tmem_pressure_resample(void)
{
	s64 look;

	smp_mb(); /* what was changed, before the number; see tmem_look() */
	look = atomic64_read(&tmem_looks_begun) + 1;
	tmem_pressure_kick();
	wait_event_killable(tmem_look_done,
			    atomic64_read(&tmem_looks_done) >= look);
}

/* By a worker of psi.c. */
static void tmem_pressure_psi_event(void)
{
	WRITE_ONCE(tmem_pressure_fired, true);
	tmem_pressure_kick();
}

/**
 * tmem_pressure_reclaim() - reclaim is at work: look again soon
 * @who: who takes memory back
 *
 * From within reclaim, with whatever locks its caller holds: takes none but
 * those of a work queue, allocates nothing.
 */
void tmem_pressure_reclaim(enum tmem_reclaimer who)
{
	u64 now = ktime_get_ns();

	if (now - READ_ONCE(tmem_reclaim_at[who]) < TMEM_RECLAIM_EVERY)
		return;
	WRITE_ONCE(tmem_reclaim_at[who], now);
	tmem_pressure_kick();
}

/* --- the rest ------------------------------------------------------------ */

void tmem_pressure_get(struct tmem_pressure_now *now)
{
	spin_lock(&tmem_now_lock);
	*now = tmem_now;
	spin_unlock(&tmem_now_lock);
}

u32 tmem_pressure_level(void)
{
	return READ_ONCE(tmem_now.level);
}

bool tmem_pressure_psi_on(void)
{
	return READ_ONCE(tmem_now.psi_on);
}

/*
 * The level that the machine is at when the module is loaded is no change.
 */
static void tmem_first_look(void)
{
	struct tmem_pressure_now now = { .updated = ktime_get_ns() };

	tmem_measure_use(&now);
	tmem_measure_stall(&now, &tmem_pressure_settings);
	tmem_judge(&now, &tmem_pressure_settings);
	now.since = now.updated;
	now.previous = now.level;
	now.changes = 0;
	tmem_publish(&now, false);
}

/* After the status page, the pools and the recall counters are there. */
int tmem_pressure_init(void)
{
	tmem_pressure_wq = alloc_workqueue(
		"tmem_pressure", WQ_UNBOUND | WQ_HIGHPRI | WQ_MEM_RECLAIM, 0);
	if (!tmem_pressure_wq)
		return -ENOMEM;
	tmem_last.psi = !tmem_psi_open(tmem_pressure_psi_event);
	tmem_first_look();
	WRITE_ONCE(tmem_pressure_active, true);
	tmem_pressure_resample();
	return 0;
}

void tmem_pressure_exit(void)
{
	/* Who saw it true has queued the work when the grace period ends. */
	WRITE_ONCE(tmem_pressure_active, false);
	synchronize_rcu();
	cancel_work_sync(&tmem_kick_work);
	cancel_delayed_work_sync(&tmem_tick_work);
	tmem_psi_close();
	destroy_workqueue(tmem_pressure_wq);
}
