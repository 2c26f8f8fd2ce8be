// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What is known, from all parts of the library.  Each part is of one moment,
 * the whole is not.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <tmem/control.h>
#include <unistd.h>

#include "manager/advice.h"
#include "manager/health.h"
#include "monitor/monitor.h"
#include "pool/guard.h"
#include "pool/heap.h"
#include "tensor/handle.h"

#define LEAKS_MAX 256u

/* As it was: later the program may be changing it. */
static struct tmem_advice_env env;

static const char *env_word(const char *name)
{
	const char *text = secure_getenv(name);

	return text && *text ? text : NULL;
}

static bool env_is(const char *name, const char *word)
{
	const char *text = env_word(name);

	return text && !strcmp(text, word);
}

__attribute__((constructor)) static void env_read(void)
{
	env = (struct tmem_advice_env){
		.backend_anon = env_is("TMEM_BACKEND", "anon"),
		.monitor = env_is("TMEM_MONITOR", "on"),
		.analytics = env_is("TMEM_ANALYTICS", "on") ||
			     env_is("TMEM_ANALYTICS", "all"),
		.gc = env_word("TMEM_GC"),
		.decay = env_word("TMEM_GC_DECAY_MS"),
		.strategy = env_word("TMEM_STRATEGY"),
		.max_bytes = env_word("TMEM_MAX_BYTES"),
		.debug = env_word("TMEM_DEBUG"),
	};
}

/* Handles that there are; numbers of freed ones are kept for the next. */
static uint32_t handles_live(void)
{
	uint32_t count = tmem_handle_count(), live = 0, i;

	for (i = 0; i < count; i++)
		live += !(atomic_load(&tmem_handle_at(i)->state) &
			  (TMEM_HANDLE_FREE | TMEM_HANDLE_LOST));
	return live;
}

static void get_heap(struct tmem_advice_inputs *in)
{
	uint32_t max_slots;

	tmem_stats_get(&in->stats);
	tmem_advice_place(&in->residency, &in->off_node);
	in->handles = handles_live();
	in->max_bytes = UINT64_MAX;
	if (!tmem_heap_enter_if_ready())
		return;
	max_slots = tmem_heap_max_slots();
	if (max_slots != UINT32_MAX)
		in->max_bytes = max_slots * TMEM_SPAN_BYTES;
	in->interleave = tmem_supply_interleaves();
	tmem_heap_leave();
}

static void get_monitor(struct tmem_advice_inputs *in)
{
	bool wanted;

	struct tmem_monitor_stats stats = TMEM_MONITOR_STATS_INIT;

	tmem_monitor_stats_get(&stats);
	pthread_mutex_lock(&tmem_monitor.worker.lock);
	wanted = tmem_monitor.wanted;
	pthread_mutex_unlock(&tmem_monitor.worker.lock);
	in->monitor = stats.running || wanted;
	if (!stats.running || tmem_monitor_sample_get(&in->sample))
		tmem_monitor_look(&in->sample);
}

static void get_leaks(struct tmem_advice_inputs *in)
{
	struct tmem_site_info site = TMEM_SITE_INIT;
	struct tmem_leak leaks[LEAKS_MAX];
	int i, n;

	if (in->analytics.mode == TMEM_ANALYTICS_OFF)
		return;
	n = tmem_leaks_get(leaks, LEAKS_MAX);
	for (i = 0; i < n; i++)
		in->leaked += leaks[i].live_bytes;
	if (n <= 0)
		return;
	in->leaks = (uint32_t)n;
	in->worst = leaks[0];
	if (!tmem_site_get(in->worst.site, &site))
		strncpy(in->worst_name, *site.label ? site.label : site.tag,
			sizeof(in->worst_name) - 1);
}

static int node_take(const struct tmem_node_info *info, void *data)
{
	struct tmem_advice_inputs *in = data;

	if (in->n_nodes < TMEM_NODES_MAX)
		in->nodes[in->n_nodes++] = *info;
	return 0;
}

static void get_nodes(struct tmem_advice_inputs *in)
{
	struct tmem_netlink *netlink;

	if (!in->dev || tmem_netlink_open(&netlink))
		return;
	tmem_netlink_nodes(netlink, node_take, in);
	tmem_netlink_close(netlink);
}

static void get_choices(struct tmem_advice_inputs *in)
{
	char name[TMEM_CONTROL_NAME_MAX];

	in->pid = (int)getpid();
	in->dev = !strcmp(tmem_backend_name(), "dev");
	in->env = env;
	in->guard = atomic_load(&tmem_guard_on);
	in->asked = !tmem_control_name(name, sizeof(name));
	in->strategy = tmem_pool_strategy(tmem_heap_default_pool());
	tmem_gc_config_get(&in->gc);
	tmem_gc_stats_get(&in->gc_stats);
	tmem_analytics_get(&in->analytics);
	tmem_analytics_stats_get(&in->analytics_stats);
	tmem_tensor_stats_get(&in->tensors);
}

static void advice_collect(struct tmem_advice_inputs *in)
{
	memset(in, 0, sizeof(*in));
	in->stats.struct_size = sizeof(in->stats);
	in->residency.struct_size = sizeof(in->residency);
	in->gc.struct_size = sizeof(in->gc);
	in->gc_stats.struct_size = sizeof(in->gc_stats);
	in->sample.struct_size = sizeof(in->sample);
	in->analytics.struct_size = sizeof(in->analytics);
	in->analytics_stats.struct_size = sizeof(in->analytics_stats);
	in->tensors.struct_size = sizeof(in->tensors);
	get_choices(in);
	get_heap(in);
	in->failures = tmem_health_failures(in->stats.failures);
	get_monitor(in);
	get_leaks(in);
	if (in->analytics.mode != TMEM_ANALYTICS_OFF)
		tmem_advice_equal(&in->equal, &in->equal_bytes);
	get_nodes(in);
	tmem_advice_host_look(&in->host, tmem_monitor_host(),
			      in->sample.have >> TMEM_RESOURCE_CGROUP & 1 ?
				      in->sample.cgroup_limit :
				      UINT64_MAX);
}

int tmem_advice_get(struct tmem_advice *to, uint32_t max)
{
	struct tmem_advice advice[TMEM_ADVICE_MAX];
	struct tmem_advice_inputs in;
	uint32_t n;

	if (!to && max)
		return -EINVAL;
	advice_collect(&in);
	n = tmem_advice_of(&in, advice);
	if (n > max)
		n = max;
	if (n)
		memcpy(to, advice, n * sizeof(*to));
	return (int)n;
}
