// SPDX-License-Identifier: GPL-2.0-only
/*
 * view - what the module says of the machine.
 *
 * The status page has most of it in one piece, but needs the device, which
 * may be closed to this process; netlink and /sys are open to everybody.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"
#include "view.h"

#define SYSFS "/sys/class/misc/tmem/"

const char *const view_recalls[VIEW_RECALLS] = {
	[VIEW_SCANNED] = "scanned",
	[VIEW_PURGED] = "purged",
	[VIEW_BUSY] = "busy",
	[VIEW_PINNED] = "pinned",
	[VIEW_ABSENT] = "absent",
	[VIEW_OOM_CALLS] = "oom_calls",
	[VIEW_OOM_PURGED] = "oom_purged",
};

static void take_page_pools(struct view *view, const struct tmem_status *status)
{
	const struct tmem_status_node *node;
	struct tmem_node_info *info;
	uint32_t i;

	memset(&view->pools, 0, sizeof(view->pools));
	view->pools.list.item = sizeof(*info);
	for (i = 0; i < status->nr_nodes; i++) {
		node = &status->nodes[i];
		if (!node->total)
			continue;
		info = vec_add(&view->pools.list);
		if (!info)
			return;
		info->node = i;
		info->total = node->total;
		info->free = node->free;
		info->arenas = node->arenas;
		info->pool = node->pool;
		info->pool_target = node->pool_target;
	}
}

static void take_page(struct view *view, struct tmem_status *status)
{
	view->status = status;
	view->known = true;
	view->now.level = status->level;
	view->now.previous = status->level;
	view->now.changes = status->changes;
	view->now.time = status->since;
	view->now.psi_on = status->psi_on;
	view->now.use = status->use;
	view->now.stall = status->stall;
	view->now.available = status->available;
	take_page_pools(view, status);
}

/* A copy of the page, with as many nodes as it has room for; or NULL. */
static struct tmem_status *copy_page(const struct tmem_pressure *pressure)
{
	const size_t size = sizeof(struct tmem_status) +
			    TMEM_MAX_NODES * sizeof(struct tmem_status_node);
	struct tmem_status *status = calloc(1, size);
	size_t room;
	int got;

	if (!status)
		return NULL;
	got = tmem_pressure_snapshot(pressure, status, size);
	if (got < 0) {
		free(status);
		return NULL;
	}
	room = (size_t)got - sizeof(*status);
	room /= sizeof(status->nodes[0]);
	if (status->nr_nodes > room)
		status->nr_nodes = (uint32_t)room;
	return status;
}

static void ask_page(struct view *view)
{
	struct tmem_pressure *pressure;
	struct tmem_status *status;

	if (tmem_pressure_open(&pressure))
		return;
	status = copy_page(pressure);
	if (status)
		take_page(view, status);
	tmem_pressure_close(pressure);
}

static void ask_netlink(struct view *view)
{
	struct tmem_netlink *netlink;
	struct pools pools;

	if (tmem_netlink_open(&netlink))
		return;
	if (!view->known)
		view->known = !tmem_netlink_pressure(netlink, &view->now);
	if (!pools_ask(netlink, &pools)) {
		pools_free(&view->pools);
		view->pools = pools;
		view->pools_whole = true;
	}
	tmem_netlink_close(netlink);
}

/* A number, or "max". */
static bool read_limit(const char *path, uint64_t *bytes)
{
	char text[32];

	if (host_number(path, bytes))
		return true;
	*bytes = UINT64_MAX;
	return host_read(path, text, sizeof(text)) && !strcmp(text, "max");
}

static void ask_sysfs(struct view *view)
{
	char path[96];
	int i;

	view->limited =
		read_limit(SYSFS "max_bytes", &view->max_bytes) &&
		read_limit(SYSFS "max_user_bytes", &view->max_user_bytes) &&
		host_number(SYSFS "arenas", &view->arenas) &&
		host_number(SYSFS "resident_bytes", &view->resident);
	view->recalled = true;
	for (i = 0; i < VIEW_RECALLS; i++) {
		snprintf(path, sizeof(path), SYSFS "recall/%s",
			 view_recalls[i]);
		view->recalled &= host_number(path, &view->recalls[i]);
	}
}

void view_take(struct view *view)
{
	memset(view, 0, sizeof(*view));
	ask_page(view);
	ask_netlink(view);
	ask_sysfs(view);
}

void view_free(struct view *view)
{
	pools_free(&view->pools);
	free(view->status);
}
