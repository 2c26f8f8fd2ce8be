// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Least squares: with t and y from their means,
 *
 *	slope = sum(t y) / sum(t t)     r^2 = sum(t y)^2 / (sum(t t) sum(y y))
 *
 * Means are taken off before anything is squared, so that a line through
 * samples of a machine that is up for a year is as good as any.
 */
#include "monitor/trend.h"

/* Values this near to each other are the same: the noise of a float. */
#define SAME 1e-6

static double seconds_since(uint64_t from_ns, uint64_t to_ns)
{
	return (double)(to_ns - from_ns) / 1e9;
}

/* The last ones whose times rise; how many come before. */
static unsigned int points_before_jump(const struct tmem_monitor_point *points,
				       unsigned int count)
{
	unsigned int i = count;

	while (i > 1 && points[i - 2].time_ns < points[i - 1].time_ns)
		i--;
	return count ? i - 1 : 0;
}

struct sums {
	double t_mean, y_mean, tt, ty, yy, min, max;
};

static void sums_make(struct sums *s, const struct tmem_monitor_point *points,
		      unsigned int n)
{
	unsigned int i;

	*s = (struct sums){ .min = points[0].ratio, .max = points[0].ratio };
	for (i = 0; i < n; i++) {
		double y = points[i].ratio;

		s->t_mean +=
			seconds_since(points[0].time_ns, points[i].time_ns) / n;
		s->y_mean += y / n;
		s->min = y < s->min ? y : s->min;
		s->max = y > s->max ? y : s->max;
	}
	for (i = 0; i < n; i++) {
		double t = seconds_since(points[0].time_ns, points[i].time_ns) -
			   s->t_mean;
		double y = points[i].ratio - s->y_mean;

		s->tt += t * t;
		s->ty += t * y;
		s->yy += y * y;
	}
}

void tmem_trend_draw(struct tmem_trend *trend,
		     const struct tmem_monitor_point *points,
		     unsigned int count)
{
	unsigned int skip = points_before_jump(points, count), half;
	struct sums s;

	*trend = (struct tmem_trend){ 0 };
	if (!count)
		return;
	points += skip;
	count -= skip;
	trend->samples = count;
	trend->last = points[count - 1].ratio;
	trend->line = trend->last;
	half = count - count / 2;
	sums_make(&s, points + count - half, half);
	trend->late = s.tt > 0.0 ? s.ty / s.tt : 0.0;
	sums_make(&s, points, count);
	if (s.max - s.min < SAME || s.tt <= 0.0)
		return;
	trend->slope = s.ty / s.tt;
	trend->r2 = s.ty / s.tt * (s.ty / s.yy);
	trend->r2 = trend->r2 < 1.0 ? trend->r2 : 1.0;
	trend->line = s.y_mean +
		      trend->slope * (seconds_since(points[0].time_ns,
						    points[count - 1].time_ns) -
				      s.t_mean);
}

double tmem_trend_at(const struct tmem_trend *trend, double seconds)
{
	return trend->line + trend->slope * seconds;
}

bool tmem_trend_sure(const struct tmem_trend *trend, double confidence)
{
	double as_whole = trend->slope != 0.0 ? trend->late / trend->slope :
						0.0;

	return trend->samples >= TMEM_TREND_FEW && trend->r2 > 0.0 &&
	       trend->r2 >= confidence && as_whole >= 0.5 && as_whole <= 2.0;
}

double tmem_trend_predict(const struct tmem_trend *trend, double seconds,
			  double confidence)
{
	double at = tmem_trend_at(trend, seconds);

	if (!tmem_trend_sure(trend, confidence))
		return trend->last;
	return at < 0.0 ? 0.0 : at > 1.0 ? 1.0 : at;
}

static bool is_hit(double predicted, double came)
{
	return predicted - came <= TMEM_TREND_HIT &&
	       came - predicted <= TMEM_TREND_HIT;
}

static void score_one(struct tmem_score *score,
		      const struct tmem_score_pending *p, double came)
{
	bool hit = is_hit(p->predicted, came);

	score->scored++;
	score->hits += hit;
	score->sure_scored += p->sure;
	score->sure_hits += p->sure && hit;
	score->still_hits += is_hit(p->last, came);
	score->error_sum += p->predicted > came ? p->predicted - came :
						  came - p->predicted;
}

void tmem_score_came(struct tmem_score *score, uint64_t before_ns,
		     double before_value, uint64_t now_ns, double value)
{
	if (now_ns <= before_ns) {
		score->count = 0;
		return;
	}
	while (score->count) {
		const struct tmem_score_pending *p =
			&score->pending[score->first];

		if (p->due_ns > now_ns)
			break;
		if (p->due_ns >= before_ns)
			score_one(score, p,
				  before_value +
					  (value - before_value) *
						  (double)(p->due_ns -
							   before_ns) /
						  (double)(now_ns - before_ns));
		score->first = (score->first + 1) % TMEM_TREND_PENDING;
		score->count--;
	}
}

void tmem_score_predict(struct tmem_score *score, uint64_t due_ns,
			double predicted, double last, bool sure)
{
	unsigned int at = (score->first + score->count) % TMEM_TREND_PENDING;

	if (score->count == TMEM_TREND_PENDING)
		return;
	score->pending[at] = (struct tmem_score_pending){
		.due_ns = due_ns,
		.predicted = (float)predicted,
		.last = (float)last,
		.sure = sure,
	};
	score->count++;
}
