/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A line through the past, what it says of the future, and how often that was
 * right.  Pure: no clock, no allocation.
 */
#ifndef TMEM_MONITOR_TREND_H
#define TMEM_MONITOR_TREND_H

#include <stdbool.h>
#include <stdint.h>
#include <tmem/monitor.h>

#define TMEM_TREND_FEW 5u /* samples that a line needs to be believed */
#define TMEM_TREND_MOST 1000u /* that one is drawn through */
#define TMEM_TREND_HIT 0.05 /* as near to what came: a hit */
#define TMEM_TREND_PENDING 64u

/* Least squares over samples, oldest first. */
struct tmem_trend {
	double slope; /* per second */
	double late; /* the same of the newer half alone */
	double r2; /* 0 to 1, never NaN */
	double last; /* the newest value */
	double line; /* the line at the time of the newest */
	unsigned int samples; /* that counted */
};

/*
 * Those whose times do not rise to the end do not count: before a clock that
 * went back there is nothing that can be compared.
 */
void tmem_trend_draw(struct tmem_trend *trend,
		     const struct tmem_monitor_point *points,
		     unsigned int count);

/* The line so much later. */
double tmem_trend_at(const struct tmem_trend *trend, double seconds);

/*
 * It is believed: r^2 is not below the confidence, and the newer half goes on
 * as the whole does, half to twice as fast.  A step has a fine r^2, too, and is
 * no trend: what rises 0.5 at once will not rise so again.
 */
bool tmem_trend_sure(const struct tmem_trend *trend, double confidence);

/* The line if it is believed, within 0 and 1; else the newest value. */
double tmem_trend_predict(const struct tmem_trend *trend, double seconds,
			  double confidence);

/* Predictions whose time has not come, and the score.  All zero at first. */
struct tmem_score {
	struct tmem_score_pending {
		uint64_t due_ns;
		float predicted, last;
		bool sure;
	} pending[TMEM_TREND_PENDING];
	unsigned int first, count;
	uint64_t scored, hits, sure_scored, sure_hits, still_hits;
	double error_sum;
};

/*
 * At @now_ns the value was @value, and @before_value at @before_ns: predictions
 * for a moment from there to now are compared with the straight line between
 * the two.  A clock that went back drops them all.
 */
void tmem_score_came(struct tmem_score *score, uint64_t before_ns,
		     double before_value, uint64_t now_ns, double value);

/* At @due_ns it will be @predicted; it is @last now.  Too many: none more. */
void tmem_score_predict(struct tmem_score *score, uint64_t due_ns,
			double predicted, double last, bool sure);

#endif /* TMEM_MONITOR_TREND_H */
