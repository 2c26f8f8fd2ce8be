// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What a program may ask the monitor.
 */
#include <errno.h>

#include "core/settings.h"
#include "monitor/monitor.h"
#include "monitor/ratio.h"

const char *tmem_resource_name(uint32_t resource)
{
	static const char *const names[TMEM_RESOURCES] = {
		"system",	"cgroup", "pool",    "stall",
		"cgroup-stall", "module", "manager",
	};

	return resource < TMEM_RESOURCES ? names[resource] : "none";
}

const char *tmem_reaction_name(uint32_t reaction)
{
	static const char *const names[] = { "lazy", "conservative",
					     "aggressive", "emergency" };

	return reaction <= TMEM_REACTION_EMERGENCY ? names[reaction] : "?";
}

const char *tmem_monitor_host(void)
{
	struct tmem_monitor *m = &tmem_monitor;
	const char *host;

	/* While a monitor starts there is none for a moment. */
	pthread_mutex_lock(&m->worker.lock);
	host = m->inputs.host;
	pthread_mutex_unlock(&m->worker.lock);
	return host;
}

/* As the monitor would; with what the module says, if that is wanted. */
static bool look_now(struct tmem_monitor_sample *sample, bool module)
{
	struct tmem_inputs_fired none = { 0 };
	struct tmem_inputs inputs = { .host = tmem_monitor_host() };

	sample->time_ns = tmem_monitor_now_ns();
	if (module)
		tmem_module_open(&inputs.module);
	tmem_inputs_look(&inputs, sample->time_ns, none, sample);
	tmem_module_close(&inputs.module);
	return tmem_sample_judge(sample);
}

int tmem_monitor_look(struct tmem_monitor_sample *to)
{
	struct tmem_monitor_sample sample = TMEM_MONITOR_SAMPLE_INIT;
	bool any;

	/* First, for a wrong struct_size costs nothing then. */
	if (!tmem_struct_put(to, &sample, sizeof(sample)))
		return -EINVAL;
	any = look_now(&sample, true);
	tmem_struct_put(to, &sample, sizeof(sample));
	return any ? 0 : -ENODATA;
}

bool tmem_monitor_level(enum tmem_level *level)
{
	struct tmem_monitor *m = &tmem_monitor;
	bool known;

	pthread_mutex_lock(&m->worker.lock);
	known = m->worker.life == TMEM_WORKER_RUNNING && m->last.time_ns &&
		m->last.limiting != TMEM_RESOURCE_NONE;
	*level = (enum tmem_level)m->last.level;
	pthread_mutex_unlock(&m->worker.lock);
	return known;
}

bool tmem_monitor_level_look(enum tmem_level *level)
{
	struct tmem_monitor_sample sample = TMEM_MONITOR_SAMPLE_INIT;
	bool known = look_now(&sample, false);

	*level = (enum tmem_level)sample.level;
	return known;
}

int tmem_monitor_sample_get(struct tmem_monitor_sample *to)
{
	struct tmem_monitor *m = &tmem_monitor;
	struct tmem_monitor_sample sample;

	pthread_mutex_lock(&m->worker.lock);
	sample = m->last;
	pthread_mutex_unlock(&m->worker.lock);
	if (!tmem_struct_put(to, &sample, sizeof(sample)))
		return -EINVAL;
	return sample.time_ns ? 0 : -ENODATA;
}

int tmem_monitor_history_get(struct tmem_monitor_history *to)
{
	struct tmem_monitor_history history = TMEM_MONITOR_HISTORY_INIT;
	struct tmem_monitor *m = &tmem_monitor;
	bool any;

	pthread_mutex_lock(&m->worker.lock);
	any = tmem_ring_sum(&m->ring, &history);
	pthread_mutex_unlock(&m->worker.lock);
	if (!tmem_struct_put(to, &history, sizeof(history)))
		return -EINVAL;
	return any ? 0 : -ENODATA;
}

size_t tmem_monitor_points(struct tmem_monitor_point *to, size_t max)
{
	struct tmem_monitor *m = &tmem_monitor;
	size_t n;

	pthread_mutex_lock(&m->worker.lock);
	n = tmem_ring_last(&m->ring, to, max);
	pthread_mutex_unlock(&m->worker.lock);
	return n;
}

static void trend_fill(struct tmem_monitor_trend *to,
		       const struct tmem_monitor *m)
{
	const struct tmem_score *score = &m->score;

	to->slope = m->trend.slope;
	to->r2 = m->trend.r2;
	to->horizon_ms = m->config.horizon_ms;
	to->line = tmem_trend_at(&m->trend, to->horizon_ms / 1000.0);
	to->predicted = tmem_trend_predict(&m->trend, to->horizon_ms / 1000.0,
					   m->config.confidence);
	to->samples = m->trend.samples;
	to->scored = score->scored;
	to->hits = score->hits;
	to->sure_scored = score->sure_scored;
	to->sure_hits = score->sure_hits;
	to->still_hits = score->still_hits;
	if (!score->scored)
		return;
	to->error_mean = score->error_sum / (double)score->scored;
	to->accuracy = (double)score->hits / (double)score->scored;
}

int tmem_monitor_trend_get(struct tmem_monitor_trend *to)
{
	struct tmem_monitor_trend trend = TMEM_MONITOR_TREND_INIT;
	struct tmem_monitor *m = &tmem_monitor;
	bool any;

	pthread_mutex_lock(&m->worker.lock);
	any = m->ring.count;
	if (any)
		trend_fill(&trend, m);
	pthread_mutex_unlock(&m->worker.lock);
	if (!tmem_struct_put(to, &trend, sizeof(trend)))
		return -EINVAL;
	return any ? 0 : -ENODATA;
}

size_t tmem_monitor_events(struct tmem_monitor_event *to, size_t max)
{
	struct tmem_monitor *m = &tmem_monitor;
	size_t n;

	pthread_mutex_lock(&m->worker.lock);
	n = tmem_events_last(&m->events, to, max);
	pthread_mutex_unlock(&m->worker.lock);
	return n;
}

static struct tmem_listener *listener_of(struct tmem_monitor *m, int number)
{
	unsigned int i;

	for (i = 0; i < TMEM_MONITOR_LISTENERS; i++)
		if (m->listener[i].fn ? m->listener[i].number == number :
					!number)
			return &m->listener[i];
	return NULL;
}

int tmem_monitor_listen(enum tmem_level level, tmem_monitor_fn fn, void *ctx)
{
	struct tmem_monitor *m = &tmem_monitor;
	struct tmem_listener *l;
	int number = -ENOSPC;

	if ((unsigned int)level > TMEM_LEVEL_CRITICAL || !fn)
		return -EINVAL;
	pthread_mutex_lock(&m->worker.lock);
	l = listener_of(m, 0);
	if (l) {
		number = ++m->numbers;
		*l = (struct tmem_listener){ fn, ctx, level, number };
	}
	pthread_mutex_unlock(&m->worker.lock);
	return number;
}

int tmem_monitor_unlisten(int number)
{
	struct tmem_monitor *m = &tmem_monitor;
	struct tmem_listener *l;

	if (number <= 0)
		return -ENOENT;
	pthread_mutex_lock(&m->worker.lock);
	l = listener_of(m, number);
	if (l)
		l->fn = NULL;
	while (l && m->calling == number &&
	       !pthread_equal(m->caller, pthread_self()))
		pthread_cond_wait(&m->worker.changed, &m->worker.lock);
	pthread_mutex_unlock(&m->worker.lock);
	return l ? 0 : -ENOENT;
}

int tmem_monitor_stats_get(struct tmem_monitor_stats *to)
{
	struct tmem_monitor *m = &tmem_monitor;
	struct tmem_monitor_stats stats;

	pthread_mutex_lock(&m->worker.lock);
	stats = m->stats;
	stats.running = m->worker.life == TMEM_WORKER_RUNNING;
	pthread_mutex_unlock(&m->worker.lock);
	return tmem_struct_put(to, &stats, sizeof(stats)) ? 0 : -EINVAL;
}
