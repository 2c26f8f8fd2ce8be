// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The machine, its nodes, the cgroup, the pools.
 */
#define _GNU_SOURCE
#include "monitor/inputs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "arena/topology.h"
#include "core/text.h"
#include "gc/figures.h"
#include "monitor/ratio.h"
#include "pool/heap.h"

#define PATH_BYTES (TMEM_CGROUP_PATH + 64)

static void look_system(const struct tmem_inputs *inputs,
			struct tmem_monitor_sample *sample)
{
	struct tmem_gc_use use;
	char path[PATH_BYTES];
	int err;

	snprintf(path, sizeof(path), "%s/proc/meminfo", inputs->host);
	err = tmem_gc_use_read(path, &use);
	if (err) {
		tmem_sample_fail(sample, TMEM_RESOURCE_SYSTEM, err);
		return;
	}
	sample->total = use.total_kib * 1024;
	sample->available = use.available_kib * 1024;
	tmem_sample_put(sample, TMEM_RESOURCE_SYSTEM,
			tmem_ratio_of(use.total_kib - use.available_kib,
				      use.total_kib));
}

/*
 * No PSI is a kind of machine, not an error: no such file, or one that answers
 * EOPNOTSUPP (psi=0).  What is there and cannot be understood is one.
 */
static void look_stall(struct tmem_monitor_sample *sample,
		       enum tmem_resource resource, const char *path,
		       struct tmem_psi_meter *meter, uint64_t now_ns,
		       bool fired, struct tmem_psi_file *psi)
{
	int err = tmem_psi_read(path, psi);
	uint32_t stall;

	if (!err) {
		stall = tmem_psi_meter_look(meter, now_ns, &psi->some, fired);
		tmem_sample_put(sample, resource, tmem_ratio_of_stall(stall));
		return;
	}
	*psi = (struct tmem_psi_file){ 0 };
	if (err != -ENOENT && err != -EOPNOTSUPP)
		tmem_sample_fail(sample, resource, err);
}

bool tmem_inputs_group_psi(const struct tmem_inputs *inputs, char *path,
			   size_t size)
{
	if (inputs->cgroup.state != TMEM_CGROUP_SEEN_V2)
		return false;
	return snprintf(path, size, "%s/memory.pressure", inputs->cgroup.dir) <
	       (int)size;
}

static void look_cgroup(struct tmem_inputs *inputs,
			struct tmem_monitor_sample *sample)
{
	struct tmem_cgroup_use use;
	int err;

	tmem_cgroup_find(&inputs->cgroup, inputs->host);
	sample->cgroup_state = inputs->cgroup.state;
	sample->cgroup_limit = UINT64_MAX;
	if (inputs->cgroup.state == TMEM_CGROUP_SEEN_NOT)
		tmem_sample_fail(sample, TMEM_RESOURCE_CGROUP, -ENOENT);
	err = tmem_cgroup_use(&inputs->cgroup, &use);
	if (err && err != -ENOENT)
		tmem_sample_fail(sample, TMEM_RESOURCE_CGROUP, err);
	if (err)
		return;
	sample->cgroup_bytes = use.bytes;
	sample->cgroup_limit = use.limit;
	if (use.limit != UINT64_MAX)
		tmem_sample_put(sample, TMEM_RESOURCE_CGROUP,
				tmem_ratio_of(use.bytes, use.limit));
}

/* The limit of one pool, or of all. */
static void look_limit(struct tmem_monitor_sample *sample, uint32_t slots,
		       uint32_t max_slots)
{
	double ratio = tmem_ratio_of(slots, max_slots);
	const uint32_t bit = 1u << TMEM_RESOURCE_POOL;

	if (max_slots == UINT32_MAX ||
	    (sample->have & bit && ratio <= sample->ratios[TMEM_RESOURCE_POOL]))
		return;
	sample->pool_bytes = slots * TMEM_SPAN_BYTES;
	sample->pool_limit = max_slots * TMEM_SPAN_BYTES;
	tmem_sample_put(sample, TMEM_RESOURCE_POOL, ratio);
}

static void look_pools(struct tmem_monitor_sample *sample)
{
	const struct tmem_pool *pool;
	uint32_t slots = 0;

	sample->pool_limit = UINT64_MAX;
	if (!tmem_heap_enter_if_ready())
		return;
	for (pool = tmem_heap_pools(); pool; pool = pool->next) {
		look_limit(sample, pool->slots, pool->max_slots);
		slots += pool->slots;
	}
	look_limit(sample, slots, tmem_heap_max_slots());
	tmem_heap_leave();
}

bool tmem_inputs_node_parse(const char *text, unsigned int node,
			    uint64_t *total, uint64_t *free)
{
	char name[32];

	snprintf(name, sizeof(name), "Node %u MemTotal", node);
	if (!tmem_text_find_kib(text, name, total))
		return false;
	snprintf(name, sizeof(name), "Node %u MemFree", node);
	if (!tmem_text_find_kib(text, name, free))
		return false;
	if (!*total || *free > *total || *total > UINT64_MAX / 1024)
		return false;
	*total *= 1024;
	*free *= 1024;
	return true;
}

static void look_node(const struct tmem_inputs *inputs, unsigned int node,
		      struct tmem_monitor_sample *sample)
{
	char text[TMEM_TEXT_BYTES], path[PATH_BYTES];
	uint64_t total, free;

	snprintf(path, sizeof(path),
		 "%s/sys/devices/system/node/node%u/meminfo", inputs->host,
		 node);
	if (tmem_text_read(path, text, sizeof(text)) ||
	    !tmem_inputs_node_parse(text, node, &total, &free))
		return;
	if (sample->node_total &&
	    (double)free / (double)total >=
		    (double)sample->node_free / (double)sample->node_total)
		return;
	sample->node = node;
	sample->node_total = total;
	sample->node_free = free;
}

static void look_nodes(const struct tmem_inputs *inputs,
		       struct tmem_monitor_sample *sample)
{
	uint64_t nodes = tmem_topology_get()->nodes;

	for (; nodes; nodes &= nodes - 1)
		look_node(inputs, (unsigned int)__builtin_ctzll(nodes), sample);
}

void tmem_inputs_look(struct tmem_inputs *inputs, uint64_t now_ns,
		      struct tmem_inputs_fired fired,
		      struct tmem_monitor_sample *sample)
{
	struct tmem_psi_file psi;
	char path[PATH_BYTES];

	look_system(inputs, sample);
	snprintf(path, sizeof(path), "%s/proc/pressure/memory", inputs->host);
	look_stall(sample, TMEM_RESOURCE_STALL, path, &inputs->system, now_ns,
		   fired.system, &psi);
	sample->some = psi.some;
	sample->full = psi.full;
	look_cgroup(inputs, sample);
	if (tmem_inputs_group_psi(inputs, path, sizeof(path))) {
		look_stall(sample, TMEM_RESOURCE_CGROUP_STALL, path,
			   &inputs->group, now_ns, fired.group, &psi);
		sample->cgroup_some = psi.some;
		sample->cgroup_full = psi.full;
	}
	look_pools(sample);
	look_nodes(inputs, sample);
	tmem_module_look(&inputs->module, sample);
}
