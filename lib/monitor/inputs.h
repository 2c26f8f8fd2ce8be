/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One look at all that can be short.
 */
#ifndef TMEM_MONITOR_INPUTS_H
#define TMEM_MONITOR_INPUTS_H

#include "monitor/cgroup.h"
#include "monitor/module.h"
#include "monitor/psi.h"

/* All zero but for host: nothing looked at yet. */
struct tmem_inputs {
	const char *host; /* "" or a folder that stands for "/" (tests) */
	struct tmem_cgroup cgroup;
	struct tmem_psi_meter system, group;
	struct tmem_module module;
};

/* What has just said that there is pressure. */
struct tmem_inputs_fired {
	bool system, group;
};

/*
 * Fills all of *sample but struct_size, time_ns and what follows from the
 * ratios.  @now_ns for the shares of time.
 */
void tmem_inputs_look(struct tmem_inputs *inputs, uint64_t now_ns,
		      struct tmem_inputs_fired fired,
		      struct tmem_monitor_sample *sample);

/* The name of the own cgroup's file of stalls; false: there is none. */
bool tmem_inputs_group_psi(const struct tmem_inputs *inputs, char *path,
			   size_t size);

/* "Node 0 MemTotal: 123 kB": bytes, from its meminfo's text.  Pure. */
bool tmem_inputs_node_parse(const char *text, unsigned int node,
			    uint64_t *total, uint64_t *free);

#endif /* TMEM_MONITOR_INPUTS_H */
