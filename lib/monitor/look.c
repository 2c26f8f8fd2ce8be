// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What the monitor does when it wakes up: look, compare, draw the line, tell
 * the collector, tell the program.
 */
#define _GNU_SOURCE
#include <time.h>

#include "gc/gc.h"
#include "monitor/monitor.h"
#include "monitor/ratio.h"

#define MANAGER_NS 2000000000ull /* systemd's window; it says so again */

uint64_t tmem_monitor_now_ns(void)
{
	return tmem_monitor.worker.ops->now_ns();
}

static uint64_t thread_cpu_ns(void)
{
	struct timespec used;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
	return (uint64_t)used.tv_sec * 1000000000u + (uint64_t)used.tv_nsec;
}

/* It has said so within the last two seconds. */
static void look_manager(const struct tmem_monitor *m,
			 struct tmem_monitor_sample *sample)
{
	if (sample->time_ns < m->manager_until_ns &&
	    m->manager_until_ns - sample->time_ns <= MANAGER_NS)
		tmem_sample_put(
			sample, TMEM_RESOURCE_MANAGER,
			tmem_ratio_from(
				(enum tmem_level)m->config.manager_level));
}

/* With the lock held: the past, and where it goes. */
static void past_add(struct tmem_monitor *m, struct tmem_monitor_sample *s)
{
	static struct tmem_monitor_point
		points[TMEM_TREND_MOST]; /* of the lock */
	const struct tmem_monitor_sample *before = &m->last;
	struct tmem_monitor_point point = {
		.time_ns = s->time_ns,
		.ratio = (float)s->ratio,
		.level = (uint16_t)s->level,
		.limiting = (uint16_t)s->limiting,
	};
	double horizon = m->config.horizon_ms / 1000.0;
	size_t n;

	if (!tmem_ring_add(&m->ring, &point))
		return;
	n = tmem_ring_last(&m->ring, points, m->config.window);
	tmem_trend_draw(&m->trend, points, (unsigned int)n);
	s->predicted =
		tmem_trend_predict(&m->trend, horizon, m->config.confidence);
	if (before->time_ns && before->limiting != TMEM_RESOURCE_NONE)
		tmem_score_came(&m->score, before->time_ns, before->ratio,
				s->time_ns, s->ratio);
	tmem_score_predict(&m->score,
			   s->time_ns + m->config.horizon_ms * 1000000ull,
			   s->predicted, s->ratio,
			   tmem_trend_sure(&m->trend, m->config.confidence));
}

/* With the lock held.  The event's number, or 0 if nothing changes. */
static uint64_t event_make(struct tmem_monitor *m,
			   const struct tmem_monitor_sample *s,
			   enum tmem_level to, uint64_t event_ns,
			   struct tmem_monitor_event *event)
{
	if (to == m->react.followed)
		return 0;
	*event = (struct tmem_monitor_event){
		.event_ns = event_ns,
		.decision_ns = tmem_monitor_now_ns(),
		.ratio = s->ratio,
		.predicted = s->predicted,
		.level = s->level,
		.from = m->react.followed,
		.to = to,
		.reaction = to,
		.limiting = s->limiting,
	};
	m->react.followed = to;
	m->stats.reactions++;
	event->number = tmem_events_add(&m->events, event);
	return event->number;
}

static void collector_tell(const struct tmem_monitor *m,
			   const struct tmem_monitor_event *event)
{
	bool worse = event->to > event->from;
	struct tmem_gc_notice notice = {
		.level = (int)event->to,
		.number = event->number,
		.event_ns = event->event_ns,
		.done = worse ? tmem_monitor_answer : NULL,
	};

	if (!m->config.react_off)
		tmem_gc_notice_put(&notice);
}

/* The next one whose level it is, after number; its number, or 0. */
static int listener_next(struct tmem_monitor *m, int after, uint32_t level,
			 struct tmem_listener *to)
{
	const struct tmem_listener *best = NULL;
	unsigned int i;

	for (i = 0; i < TMEM_MONITOR_LISTENERS; i++) {
		const struct tmem_listener *l = &m->listener[i];

		if (l->fn && l->level == level && l->number > after &&
		    (!best || l->number < best->number))
			best = l;
	}
	if (best)
		*to = *best;
	return best ? best->number : 0;
}

static void listeners_call(struct tmem_monitor *m,
			   const struct tmem_monitor_event *event)
{
	struct tmem_listener l = { 0 };
	int number = 0;

	do {
		pthread_mutex_lock(&m->worker.lock);
		number = listener_next(m, number, event->to, &l);
		m->calling = number;
		m->caller = pthread_self();
		pthread_cond_broadcast(&m->worker.changed);
		pthread_mutex_unlock(&m->worker.lock);
		if (number)
			l.fn(l.ctx, event);
	} while (number);
}

static void sample_take(struct tmem_monitor *m,
			const struct tmem_monitor_woken *woken,
			struct tmem_monitor_sample *s)
{
	*s = (struct tmem_monitor_sample)TMEM_MONITOR_SAMPLE_INIT;
	s->time_ns = tmem_monitor_now_ns();
	tmem_inputs_look(&m->inputs, s->time_ns, woken->fired, s);
	look_manager(m, s);
	tmem_sample_judge(s);
}

static void sample_count(struct tmem_monitor *m,
			 const struct tmem_monitor_sample *s)
{
	m->stats.looks++;
	m->stats.errors += (unsigned int)__builtin_popcount(s->errors);
	m->stats.unknown += s->limiting == TMEM_RESOURCE_NONE;
	m->stats.cpu_ns = thread_cpu_ns();
}

/* Decide, and have it done. */
static void sample_follow(struct tmem_monitor *m, struct tmem_monitor_sample *s,
			  uint64_t event_ns, bool whole)
{
	struct tmem_monitor_event event;
	enum tmem_level to;
	uint64_t number;

	pthread_mutex_lock(&m->worker.lock);
	tmem_react_measure(&m->react, s);
	if (whole && s->limiting != TMEM_RESOURCE_NONE)
		past_add(m, s);
	to = tmem_react_level(&m->react, s, !m->config.predict_off);
	if (whole) {
		sample_count(m, s);
		m->last = *s;
	}
	number = event_make(m, s, to, event_ns, &event);
	pthread_mutex_unlock(&m->worker.lock);
	if (!number)
		return;
	collector_tell(m, &event);
	if (!m->config.react_off && atomic_load(&tmem_monitor_hook))
		atomic_load (&tmem_monitor_hook)(to);
	listeners_call(m, &event);
}

/*
 * The service manager's word needs no look at files that may take long when
 * memory is short: with what was known before, it is enough to begin.
 */
static void manager_follow(struct tmem_monitor *m, uint64_t event_ns)
{
	struct tmem_monitor_sample s = m->last;

	s.time_ns = tmem_monitor_now_ns();
	m->manager_until_ns = s.time_ns + MANAGER_NS;
	look_manager(m, &s);
	tmem_sample_judge(&s);
	if (s.level > m->react.followed)
		sample_follow(m, &s, event_ns, false);
}

void tmem_monitor_step(struct tmem_monitor *m,
		       const struct tmem_monitor_woken *woken)
{
	struct tmem_monitor_sample sample;
	uint32_t ms;

	if (woken->manager)
		manager_follow(m, woken->event_ns);
	sample_take(m, woken, &sample);
	sample_follow(m, &sample, woken->any ? woken->event_ns : sample.time_ns,
		      true);
	/* A listener that forked: the child needs no descriptors. */
	if (atomic_load(&m->worker.stop))
		return;
	tmem_wakers_renew(m, sample.time_ns);
	ms = m->react.followed != TMEM_LEVEL_LOW ? m->config.tense_ms :
						   m->config.interval_ms;
	m->wakers.due_ns = tmem_monitor_now_ns() + ms * 1000000ull;
}

void tmem_monitor_answer(uint64_t number, const struct tmem_gc_outcome *outcome)
{
	struct tmem_monitor *m = &tmem_monitor;
	struct tmem_monitor_event *event;
	uint64_t took;

	pthread_mutex_lock(&m->worker.lock);
	event = tmem_events_at(&m->events, number);
	/* An answer that is meant for an earlier run. */
	if (event && outcome->done_ns < event->decision_ns)
		event = NULL;
	if (event) {
		event->first_ns = outcome->first_ns;
		event->done_ns = outcome->done_ns;
		event->bytes = outcome->bytes;
		m->stats.freed_bytes += outcome->bytes;
	}
	if (event && event->first_ns > event->event_ns) {
		took = event->first_ns - event->event_ns;
		m->stats.reaction_ns = took;
		if (took > m->stats.reaction_max_ns)
			m->stats.reaction_max_ns = took;
	}
	pthread_mutex_unlock(&m->worker.lock);
}
