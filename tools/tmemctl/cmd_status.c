// SPDX-License-Identifier: GPL-2.0-only
/*
 * tmemctl status - the module, the pressure, the nodes, and the backend in
 * use.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tmem.h>

#include "args.h"
#include "cmd.h"
#include "nodes.h"
#include "say.h"
#include "setup.h"
#include "status.h"
#include "units.h"
#include "when.h"

/* Asked of the library itself, so that it cannot be wrong. */
static void find_backend(struct status *status)
{
	const char *wish = getenv("TMEM_BACKEND");
	int error;

	setup_listen();
	error = tmem_init(NULL);
	status->backend = error ? "none" : tmem_backend_name();
	if (error)
		snprintf(status->why, sizeof(status->why),
			 "the library cannot be set up: %s",
			 *setup_last_word() ? setup_last_word() :
					      strerror(-error));
	else if (wish && *wish && strcmp(wish, "auto"))
		snprintf(status->why, sizeof(status->why),
			 "TMEM_BACKEND asks for it");
	else if (!strcmp(status->backend, "dev"))
		snprintf(status->why, sizeof(status->why),
			 "/dev/tmem can be used");
	else
		snprintf(status->why, sizeof(status->why),
			 "/dev/tmem cannot be used");
}

static void find_status(struct status *status)
{
	/* Before the library makes an arena of its own. */
	device_query(&status->device);
	view_take(&status->view);
	status->nodes = nodes_with_memory();
	status->allowed = nodes_allowed();
	find_backend(status);
}

static void print_node(const struct status *status, unsigned int node)
{
	uint64_t total, unused;
	char name[24];

	snprintf(name, sizeof(name), "node %u", node);
	if (!nodes_memory(node, &total, &unused)) {
		printf("%-10smemory unknown: the kernel does not say\n", name);
		return;
	}
	printf("%-10s%s, %s free%s\n", name, units_bytes(total).text,
	       units_bytes(unused).text,
	       status->allowed >> node & 1 ? "" : " (not for this process)");
}

static struct unit_text limit(uint64_t bytes)
{
	struct unit_text t = { "unlimited" };

	return bytes == UINT64_MAX ? t : units_bytes(bytes);
}

/* Netlink answers to those, too, who may not open the device. */
static void print_device(const struct device *device, const struct view *view)
{
	if (!device->answers) {
		printf("%-10s%s\n", "module",
		       view->known ? "loaded, not usable" : "none");
		return;
	}
	printf("%-10s%s, ABI %u%s\n", "module", device->version, device->abi,
	       device->usable ? "" : ", not usable");
	printf("%-10s%llu alive, the largest may have %s\n", "arenas",
	       (unsigned long long)device->arenas,
	       units_bytes(device->max_arena).text);
	printf("%-10syour user's arenas hold %s (limit: %s)\n", "",
	       units_bytes(device->user_bytes).text,
	       limit(device->user_max).text);
}

static void print_pressure(const struct view *view)
{
	const struct tmem_pressure_event *now = &view->now;
	uint64_t ago = when_ago(now->time);

	printf("%-10s%s for %s, %s changes%s\n", "pressure",
	       tmem_level_name(now->level), when_span(ago).text,
	       units_count(now->changes).text,
	       now->psi_on ? "" : "; PSI is off, so stalls are not seen");
	printf("%-10s%s in use, %s stalled, %s available\n", "",
	       units_percent(now->use / 10000.0).text,
	       units_percent(now->stall / 10000.0).text,
	       units_bytes(now->available).text);
}

static void print_psi(const char *name, const struct tmem_psi *psi)
{
	printf("%-10s%s %s, %s, %s in 10, 60, 300 s\n",
	       strcmp(name, "some") ? "" : "PSI", name,
	       units_percent(psi->avg10 / 10000.0).text,
	       units_percent(psi->avg60 / 10000.0).text,
	       units_percent(psi->avg300 / 10000.0).text);
}

static void print_recalls(const uint64_t *n)
{
	printf("%-10s%s spans taken back, of %s looked at\n", "recall",
	       units_count(n[VIEW_PURGED]).text,
	       units_count(n[VIEW_SCANNED]).text);
	printf("%-10sleft alone: %s busy, %s pinned, %s without memory\n", "",
	       units_count(n[VIEW_BUSY]).text, units_count(n[VIEW_PINNED]).text,
	       units_count(n[VIEW_ABSENT]).text);
	if (n[VIEW_OOM_CALLS])
		printf("%-10sout of memory: %s times, %s spans taken back\n",
		       "", units_count(n[VIEW_OOM_CALLS]).text,
		       units_count(n[VIEW_OOM_PURGED]).text);
}

static void print_view(const struct view *view)
{
	if (view->limited) {
		printf("%-10s%s arenas hold %s (limit: %s", "all users",
		       units_count(view->arenas).text,
		       units_bytes(view->resident).text,
		       limit(view->max_bytes).text);
		printf("; each user: %s)\n", limit(view->max_user_bytes).text);
	}
	if (view->known)
		print_pressure(view);
	if (view->status && view->now.psi_on) {
		print_psi("some", &view->status->some);
		print_psi("full", &view->status->full);
	}
	if (view->recalled)
		print_recalls(view->recalls);
}

static void print_pool(const struct view *view, unsigned int node)
{
	const struct tmem_node_info *info = pools_find(&view->pools, node);

	if (!info)
		return;
	printf("%-10sarenas %s, pool %s (", "", units_bytes(info->arenas).text,
	       units_bytes(info->pool).text);
	if (view->pools_whole)
		printf("low %s, ", units_bytes(info->pool_low).text);
	printf("target %s)\n", units_bytes(info->pool_target).text);
}

static void print_text(const struct status *status)
{
	unsigned int node;

	print_device(&status->device, &status->view);
	print_view(&status->view);
	printf("%-10s%s: %s\n", "backend", status->backend, status->why);
	for (node = 0; node < NODES_MAX; node++) {
		if (!(status->nodes >> node & 1))
			continue;
		print_node(status, node);
		print_pool(&status->view, node);
	}
}

int cmd_status(int argc, char **argv)
{
	bool json =
		args_json(argc, argv,
			  "Show the module, the memory pressure, the nodes "
			  "with their pools, and the backend that a program "
			  "would use.  Fails if /dev/tmem cannot be used.");
	struct status status;

	find_status(&status);
	if (json)
		status_print_json(&status);
	else
		print_text(&status);
	view_free(&status.view);
	if (status.device.usable)
		return EXIT_OK;
	say("%s", status.device.reason);
	return EXIT_FAILED;
}
