// SPDX-License-Identifier: GPL-2.0-only
/*
 * The pressure level: how short of memory the machine is.
 *
 * Two figures are looked at, each with a threshold for MEDIUM, HIGH, CRITICAL:
 *
 *  use    the part of memory that is neither available (MemAvailable) nor in
 *         the pools of zeroed spans;
 *  stall  the part of time in which some task waited for memory: avg10 of PSI,
 *         or the share since the last look if that is larger.
 *
 * The level is the worse of the two.  It goes up at once.  It leaves level L
 * downwards when both figures have been at or below L's own threshold minus
 * the hysteresis for hold_ms.  (For the stall, the hysteresis counts for half
 * of the threshold at most.  By the defaults MEDIUM begins at 5 %, and 5 points
 * below that a machine with a little stall in the background never gets.)
 *
 * Example, with the defaults: use 50 75 90, stall 5 20 40, hysteresis 5, hold
 * 2000 ms; the stall is 0 all the time:
 *
 *	time  use   level
 *	 0 s  48 %  LOW
 *	 1 s  76 %  HIGH      up at once, over MEDIUM
 *	 2 s  74 %  HIGH      not as low as 75 - 5
 *	 3 s  69 %  HIGH      low enough for HIGH, but has to last for 2 s
 *	 4 s  71 %  HIGH      it did not: the 2 s begin anew
 *	 5 s  68 %  HIGH
 *	 7 s  68 %  MEDIUM    2 s at or below 70 %
 *	 8 s  44 %  MEDIUM    low enough for MEDIUM: 50 - 5
 *	10 s  44 %  LOW
 *
 * A drop from 95 % to 10 % leads from CRITICAL to LOW after 2 s: they count
 * for all three levels at the same time.
 *
 * Where the kernel has no PSI, the stall is 0, and that somebody reclaims
 * memory is a lower bound of the level for hold_ms: MEDIUM for kswapd, HIGH for
 * direct reclaim.  That the OOM killer was about to choose means CRITICAL for
 * hold_ms, with PSI too.
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

struct tmem_pressure_settings tmem_pressure_settings = {
	.use = { 50, 75, 90 },
	.stall = { 5, 20, 40 },
	.hysteresis = 5,
	.hold_ms = 2000,
};
DEFINE_MUTEX(tmem_pressure_settings_lock);

static DEFINE_MUTEX(tmem_pressure_lock);

/* The result; readers are tmem_pressure_get() and tmem_pressure_level(). */
static DEFINE_SPINLOCK(tmem_now_lock);
static struct tmem_pressure_now tmem_now;

/* What a look needs of the one before; under tmem_pressure_lock. */
static struct {
	bool psi; /* this kernel has it */
	u32 armed; /* percent that the trigger is armed for; 0: none */
	u64 looked; /* when, ns */
	u64 stall_since; /* from when on stall is counted, ns */
	u64 stall_total; /* PSI's total then, us */
	u32 stall_share; /* of the last interval, hundredths of a percent */
	u64 calm_since[TMEM_THRESHOLDS]; /* low enough to leave; 0: not */
} tmem_last;

static atomic64_t tmem_looks_begun; /* number of the last; one at a time */
static atomic64_t tmem_looks_done;
static DECLARE_WAIT_QUEUE_HEAD(tmem_look_done);

static bool tmem_pressure_active; /* work may be queued */
static bool tmem_pressure_fired; /* the trigger, since the last look */
static u64 tmem_reclaim_at[TMEM_RECLAIM_OOM + 1]; /* ns; 0: never */

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
			       const struct tmem_pressure_settings *settings)
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
static void tmem_rearm(const struct tmem_pressure_settings *settings)
{
	u32 percent = settings->stall[0];

	if (!tmem_last.psi || (tmem_last.armed == percent && tmem_psi_armed()))
		return;
	tmem_last.armed = percent;
	if (tmem_psi_arm(percent * (USEC_PER_SEC / 100), USEC_PER_SEC))
		tmem_last.armed = 0; /* the next look tries again */
}

/* --- the level ----------------------------------------------------------- */

static u32 tmem_level_of(u32 figure, const u32 *thresholds)
{
	u32 level = TMEM_LEVEL_LOW;

	while (level < TMEM_THRESHOLDS && figure >= thresholds[level] * 100)
		level++;
	return level;
}

/* The level that reclaim amounts to by itself, for a time. */
static u32 tmem_level_of_reclaim(const struct tmem_pressure_now *now, u64 hold)
{
	static const u32 levels[] = {
		[TMEM_RECLAIM_KSWAPD] = TMEM_LEVEL_MEDIUM,
		[TMEM_RECLAIM_DIRECT] = TMEM_LEVEL_HIGH,
		[TMEM_RECLAIM_OOM] = TMEM_LEVEL_CRITICAL,
	};
	int who = TMEM_RECLAIM_OOM;
	int last = now->psi_on ? TMEM_RECLAIM_OOM : TMEM_RECLAIM_KSWAPD;

	for (; who >= last; who--) {
		u64 at = READ_ONCE(tmem_reclaim_at[who]);

		/* At least one look sees it, whatever hold_ms is. */
		if (at && (at + hold > now->updated || at > tmem_last.looked))
			return levels[who];
	}
	return TMEM_LEVEL_LOW;
}

/* Which levels could be left, and since when. */
static void tmem_note_calm(const struct tmem_pressure_now *now,
			   const struct tmem_pressure_settings *settings)
{
	u32 margin = settings->hysteresis * 100;
	u32 i;

	for (i = 0; i < TMEM_THRESHOLDS; i++) {
		u32 use = settings->use[i] * 100;
		u32 stall = settings->stall[i] * 100;
		bool calm = now->use <= use - min(margin, use) &&
			    now->stall <= stall - min(margin, stall / 2);

		if (!calm)
			tmem_last.calm_since[i] = 0;
		else if (!tmem_last.calm_since[i])
			tmem_last.calm_since[i] = now->updated;
	}
}

static u32 tmem_level_next(const struct tmem_pressure_now *now, u64 hold)
{
	u32 level = now->level;

	/* Level L has threshold L - 1. */
	while (level > TMEM_LEVEL_LOW) {
		u64 since = tmem_last.calm_since[level - 1];

		if (!since || now->updated - since < hold)
			break;
		level--;
	}
	return max3(level, now->use_level, now->stall_level);
}

/* Returns whether the level has changed. */
static bool tmem_judge(struct tmem_pressure_now *now,
		       const struct tmem_pressure_settings *settings)
{
	u64 hold = (u64)settings->hold_ms * NSEC_PER_MSEC;
	u32 level;

	now->use_level = tmem_level_of(now->use, settings->use);
	now->stall_level = max(tmem_level_of(now->stall, settings->stall),
			       tmem_level_of_reclaim(now, hold));
	tmem_note_calm(now, settings);
	level = tmem_level_next(now, hold);
	tmem_last.looked = now->updated;
	if (level == now->level)
		return false;
	now->previous = now->level;
	now->level = level;
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
	struct tmem_pressure_settings settings;
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
	struct tmem_pressure_now now = { .since = ktime_get_ns() };

	now.updated = now.since;
	tmem_measure_use(&now);
	tmem_measure_stall(&now, &tmem_pressure_settings);
	now.level = tmem_level_of(now.use, tmem_pressure_settings.use);
	now.level = max(now.level,
			tmem_level_of(now.stall, tmem_pressure_settings.stall));
	now.previous = now.level;
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
