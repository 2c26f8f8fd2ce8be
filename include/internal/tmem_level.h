/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The pressure level: how short of memory the machine is.
 *
 * The rule and its defaults, compiled by the module (kmod/pressure.c) and, for
 * machines without the module, by the library (lib/gc/level.c).  Integer
 * arithmetic on figures, settings, a meter and a time; no call of the kernel
 * or of libc.  Not installed.
 *
 * Two figures count, each with a threshold for MEDIUM, HIGH, CRITICAL:
 *
 *  use    the part of memory that is neither available (MemAvailable) nor in
 *         the module's pools of zeroed spans;
 *  stall  the part of time in which some task waited for memory: avg10 of PSI,
 *         or the share since the last look if that is larger.
 *
 * The level is the worse of the two.  It goes up at once.  It leaves level L
 * downwards when both figures have been at or below L's own threshold minus
 * the hysteresis for hold_ms.  (For the stall, the hysteresis counts for half
 * of the threshold at most.  By the defaults MEDIUM begins at 5 %, and a
 * machine with a little stall in the background never gets 5 points below
 * that.)
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
 * Where the kernel has no PSI, the stall is 0, and reclaim is a lower bound of
 * the level for hold_ms: MEDIUM for kswapd, HIGH for direct reclaim.  With PSI,
 * too, the level is CRITICAL for hold_ms after the OOM killer was about to
 * choose.
 *
 * A clock that goes back begins each hold anew.
 */
#ifndef TMEM_LEVEL_INTERNAL_H
#define TMEM_LEVEL_INTERNAL_H

#include <linux/tmem.h>
#include <linux/types.h>

#ifndef __KERNEL__
#include <stdbool.h>
#endif

/* The levels that have a threshold: all but LOW.  Level L has number L - 1. */
#define TMEM_THRESHOLDS 3

/* The defaults, percent. */
#define TMEM_USE_MEDIUM 50
#define TMEM_USE_HIGH 75
#define TMEM_USE_CRITICAL 90
#define TMEM_STALL_MEDIUM 5
#define TMEM_STALL_HIGH 20
#define TMEM_STALL_CRITICAL 40
#define TMEM_HYSTERESIS 5
#define TMEM_HOLD_MS 2000

/**
 * struct tmem_level_settings - what figures are judged by
 * @use, @stall:  thresholds of MEDIUM, HIGH, CRITICAL in percent, ascending
 * @hysteresis:   percent points
 * @hold_ms:      milliseconds
 */
struct tmem_level_settings {
	__u32 use[TMEM_THRESHOLDS];
	__u32 stall[TMEM_THRESHOLDS];
	__u32 hysteresis;
	__u32 hold_ms;
};

#define TMEM_LEVEL_SETTINGS                                                   \
	{                                                                     \
		.use = { TMEM_USE_MEDIUM, TMEM_USE_HIGH, TMEM_USE_CRITICAL }, \
		.stall = { TMEM_STALL_MEDIUM, TMEM_STALL_HIGH,                \
			   TMEM_STALL_CRITICAL },                             \
		.hysteresis = TMEM_HYSTERESIS, .hold_ms = TMEM_HOLD_MS,       \
	}

/* The sides that take memory back, mildest first: each stands for a level. */
enum tmem_reclaimer {
	TMEM_RECLAIM_KSWAPD, /* MEDIUM */
	TMEM_RECLAIM_DIRECT, /* HIGH */
	TMEM_RECLAIM_OOM, /* CRITICAL */
	TMEM_RECLAIMERS
};

/**
 * struct tmem_level_figures - what a look has found
 * @now:        time of the look, ns
 * @use, @stall: hundredths of a percent
 * @psi:        the stall is known, so only the OOM killer's reclaim counts
 * @reclaim_at: last time of each reclaimer, ns; 0: never
 */
struct tmem_level_figures {
	__u64 now;
	__u32 use;
	__u32 stall;
	bool psi;
	__u64 reclaim_at[TMEM_RECLAIMERS];
};

/**
 * struct tmem_level_meter - a level, from look to look; all zero at first
 * @level:       the result: the worse of the next two, after hysteresis
 * @use_level:   what the use amounts to by itself
 * @stall_level: what the stall and reclaim amount to
 * @calm:        bit L - 1: the figures are low enough to leave level L ...
 * @calm_since:  ... since then, ns
 * @looked:      time of the last look, ns
 */
struct tmem_level_meter {
	__u32 level;
	__u32 use_level;
	__u32 stall_level;
	__u32 calm;
	__u64 calm_since[TMEM_THRESHOLDS];
	__u64 looked;
};

/* What a figure amounts to; thresholds in percent. */
static inline __u32 tmem_level_of_figure(__u32 figure, const __u32 *thresholds)
{
	__u32 level = TMEM_LEVEL_LOW;

	while (level < TMEM_THRESHOLDS && figure >= thresholds[level] * 100)
		level++;
	return level;
}

/* What reclaim amounts to by itself. */
static inline __u32
tmem_level_of_reclaim(const struct tmem_level_meter *meter,
		      const struct tmem_level_figures *figures, __u64 hold)
{
	__u32 least = figures->psi ? TMEM_RECLAIM_OOM : TMEM_RECLAIM_KSWAPD;
	__u32 who = TMEM_RECLAIMERS;

	while (who-- > least) {
		__u64 at = figures->reclaim_at[who];

		/* At least one look sees it, whatever the hold is. */
		if (at && (at + hold > figures->now || at > meter->looked))
			return TMEM_LEVEL_MEDIUM + who;
	}
	return TMEM_LEVEL_LOW;
}

/* The figure at or below which a level may be left; percent to hundredths. */
static inline __u32 tmem_level_calm_at(__u32 threshold, __u32 hysteresis,
				       __u32 most)
{
	return threshold * 100 -
	       (hysteresis * 100 < most ? hysteresis * 100 : most);
}

/* Low enough to leave the level with threshold number i. */
static inline bool
tmem_level_is_calm(const struct tmem_level_settings *settings,
		   const struct tmem_level_figures *figures, __u32 i)
{
	__u32 use = settings->use[i], stall = settings->stall[i];

	return figures->use <= tmem_level_calm_at(use, settings->hysteresis,
						  use * 100) &&
	       figures->stall <= tmem_level_calm_at(stall, settings->hysteresis,
						    stall * 100 / 2);
}

static inline void
tmem_level_note_calm(struct tmem_level_meter *meter,
		     const struct tmem_level_settings *settings,
		     const struct tmem_level_figures *figures)
{
	__u32 i;

	for (i = 0; i < TMEM_THRESHOLDS; i++) {
		__u32 bit = 1u << i;

		if (!tmem_level_is_calm(settings, figures, i)) {
			meter->calm &= ~bit;
		} else if (!(meter->calm & bit) ||
			   figures->now < meter->calm_since[i]) {
			meter->calm |= bit;
			meter->calm_since[i] = figures->now;
		}
	}
}

/**
 * tmem_level_look() - take a look into account
 * @meter:    brought up to date
 * @settings: may differ from those of the look before
 * @figures:  of now
 *
 * Returns the level, which is @meter's.
 */
static inline __u32 tmem_level_look(struct tmem_level_meter *meter,
				    const struct tmem_level_settings *settings,
				    const struct tmem_level_figures *figures)
{
	__u64 hold = (__u64)settings->hold_ms * 1000000;
	__u32 stall = tmem_level_of_figure(figures->stall, settings->stall);
	__u32 reclaim = tmem_level_of_reclaim(meter, figures, hold);
	__u32 level = meter->level, i;

	meter->use_level = tmem_level_of_figure(figures->use, settings->use);
	meter->stall_level = stall > reclaim ? stall : reclaim;
	tmem_level_note_calm(meter, settings, figures);
	for (; level > TMEM_LEVEL_LOW; level--) {
		i = level - 1;
		if (!(meter->calm & 1u << i) ||
		    figures->now - meter->calm_since[i] < hold)
			break;
	}
	if (level < meter->use_level)
		level = meter->use_level;
	if (level < meter->stall_level)
		level = meter->stall_level;
	meter->level = level;
	meter->looked = figures->now;
	return level;
}

#endif /* TMEM_LEVEL_INTERNAL_H */
