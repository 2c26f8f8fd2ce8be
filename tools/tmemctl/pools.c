// SPDX-License-Identifier: GPL-2.0-only
/*
 * pools - the nodes as the module sees them, for status and for pool.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>

#include "pools.h"

static int take(const struct tmem_node_info *info, void *data)
{
	struct pools *pools = data;
	struct tmem_node_info *copy = vec_add(&pools->list);

	if (!copy)
		return -ENOMEM;
	*copy = *info;
	return 0;
}

int pools_ask(struct tmem_netlink *netlink, struct pools *pools)
{
	int error;

	memset(pools, 0, sizeof(*pools));
	pools->list.item = sizeof(struct tmem_node_info);
	error = tmem_netlink_nodes(netlink, take, pools);
	if (error)
		pools_free(pools);
	return error;
}

void pools_free(struct pools *pools)
{
	vec_free(&pools->list);
	pools->list.used = 0;
}

const struct tmem_node_info *pools_find(const struct pools *pools,
					uint32_t node)
{
	const struct tmem_node_info *info = pools->list.data;
	size_t i;

	for (i = 0; i < pools->list.used; i++)
		if (info[i].node == node)
			return &info[i];
	return NULL;
}

void pools_put(struct json_object *object, const struct tmem_node_info *info)
{
	json_put_u64(object, "arena_bytes", info->arenas);
	json_put_u64(object, "pool_bytes", info->pool);
	json_put_u64(object, "pool_low_bytes", info->pool_low);
	json_put_u64(object, "pool_target_bytes", info->pool_target);
	json_put_u64(object, "pool_refilled", info->pool_refilled);
	json_put_u64(object, "pool_taken", info->pool_taken);
	json_put_u64(object, "pool_missed", info->pool_missed);
	json_put_u64(object, "pool_shrunk", info->pool_shrunk);
	json_put_u64(object, "off_node", info->off_node);
}
