// SPDX-License-Identifier: GPL-2.0-only
/*
 * status_json - tmemctl status for programs.  The names are an interface, see
 * tmemctl(8).
 */
#define _GNU_SOURCE
#include <linux/tmem.h>
#include <stdio.h>

#include "json.h"
#include "nodes.h"
#include "status.h"
#include "when.h"

static const struct {
	uint64_t bit;
	const char *name;
} features[] = {
	{ TMEM_FEATURE_CTL, "ctl" },
	{ TMEM_FEATURE_PURGE, "purge" },
	{ TMEM_FEATURE_RECALL, "recall" },
	{ TMEM_FEATURE_POOL, "pool" },
	{ TMEM_FEATURE_POPULATE, "populate" },
	{ TMEM_FEATURE_PRESSURE, "pressure" },
	{ TMEM_FEATURE_PSI, "psi" },
	{ TMEM_FEATURE_MREMAP, "mremap" },
};

/* No limit is null. */
static void put_limit(struct json_object *object, const char *key,
		      uint64_t bytes)
{
	if (bytes == UINT64_MAX)
		json_put_null(object, key);
	else
		json_put_u64(object, key, bytes);
}

static struct json_object *features_array(uint64_t mask)
{
	struct json_object *array = json_array_make();
	size_t i;

	for (i = 0; i < sizeof(features) / sizeof(features[0]); i++)
		if (mask & features[i].bit)
			json_append_text(array, features[i].name);
	return array;
}

static struct json_object *device_object(const struct device *device)
{
	struct json_object *object = json_object_make();

	json_put_bool(object, "usable", device->usable);
	json_put_text(object, "reason", device->reason);
	if (!device->answers)
		return object;
	json_put_text(object, "module_version", device->version);
	json_put_u64(object, "abi", device->abi);
	json_put_child(object, "features", features_array(device->features));
	json_put_u64(object, "arenas", device->arenas);
	json_put_u64(object, "max_arena_bytes", device->max_arena);
	json_put_u64(object, "user_bytes", device->user_bytes);
	put_limit(object, "user_max_bytes", device->user_max);
	return object;
}

static struct json_object *psi_object(const struct tmem_psi *psi)
{
	struct json_object *object = json_object_make();

	json_put_number(object, "avg10_percent", psi->avg10 / 100.0);
	json_put_number(object, "avg60_percent", psi->avg60 / 100.0);
	json_put_number(object, "avg300_percent", psi->avg300 / 100.0);
	json_put_u64(object, "total_us", psi->total);
	return object;
}

static struct json_object *pressure_object(const struct view *view)
{
	struct json_object *object = json_object_make();

	json_put_text(object, "source", view->status ? "page" : "netlink");
	json_put_text(object, "level", tmem_level_name(view->now.level));
	json_put_text(object, "level_since", when_iso(view->now.time).text);
	json_put_number(object, "level_for_seconds",
			(double)when_ago(view->now.time) / 1e9);
	json_put_u64(object, "changes", view->now.changes);
	json_put_bool(object, "psi", view->now.psi_on);
	json_put_number(object, "use_percent", view->now.use / 100.0);
	json_put_number(object, "stall_percent", view->now.stall / 100.0);
	json_put_u64(object, "available_bytes", view->now.available);
	if (!view->status)
		return object;
	json_put_text(object, "use_level",
		      tmem_level_name(view->status->use_level));
	json_put_text(object, "stall_level",
		      tmem_level_name(view->status->stall_level));
	json_put_u64(object, "total_bytes", view->status->total);
	json_put_u64(object, "pool_bytes", view->status->pool);
	json_put_u64(object, "arena_bytes", view->status->arenas);
	json_put_u64(object, "recalled_bytes", view->status->recalled);
	if (view->now.psi_on) {
		json_put_child(object, "some", psi_object(&view->status->some));
		json_put_child(object, "full", psi_object(&view->status->full));
	}
	return object;
}

static struct json_object *limits_object(const struct view *view)
{
	struct json_object *object = json_object_make();

	put_limit(object, "max_bytes", view->max_bytes);
	put_limit(object, "max_user_bytes", view->max_user_bytes);
	json_put_u64(object, "arenas", view->arenas);
	json_put_u64(object, "resident_bytes", view->resident);
	return object;
}

static struct json_object *recall_object(const struct view *view)
{
	struct json_object *object = json_object_make();
	int i;

	for (i = 0; i < VIEW_RECALLS; i++)
		json_put_u64(object, view_recalls[i], view->recalls[i]);
	return object;
}

static void put_pool(struct json_object *object, const struct view *view,
		     unsigned int node)
{
	const struct tmem_node_info *info = pools_find(&view->pools, node);

	if (info && view->pools_whole) {
		pools_put(object, info);
	} else if (info) {
		json_put_u64(object, "arena_bytes", info->arenas);
		json_put_u64(object, "pool_bytes", info->pool);
		json_put_u64(object, "pool_target_bytes", info->pool_target);
	}
}

static struct json_object *nodes_array(const struct status *status)
{
	struct json_object *list = json_array_make();
	struct json_object *object;
	uint64_t total, unused;
	unsigned int node;

	for (node = 0; node < NODES_MAX; node++) {
		if (!(status->nodes >> node & 1))
			continue;
		object = json_object_make();
		json_put_u64(object, "node", node);
		json_put_bool(object, "allowed", status->allowed >> node & 1);
		if (nodes_memory(node, &total, &unused)) {
			json_put_u64(object, "total_bytes", total);
			json_put_u64(object, "free_bytes", unused);
		}
		put_pool(object, &status->view, node);
		json_append(list, object);
	}
	return list;
}

void status_print_json(const struct status *status)
{
	struct json_object *root = json_object_make();
	const struct view *view = &status->view;

	json_put_child(root, "device", device_object(&status->device));
	json_put_text(root, "backend", status->backend);
	json_put_text(root, "why", status->why);
	if (view->known)
		json_put_child(root, "pressure", pressure_object(view));
	if (view->limited)
		json_put_child(root, "limits", limits_object(view));
	if (view->recalled)
		json_put_child(root, "recall", recall_object(view));
	json_put_child(root, "nodes", nodes_array(status));
	json_print(root);
}
