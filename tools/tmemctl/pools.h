/* SPDX-License-Identifier: GPL-2.0-only */
/* The nodes as the module sees them, with their pools. */
#ifndef TMEMCTL_POOLS_H
#define TMEMCTL_POOLS_H

#include <stdbool.h>
#include <tmem/pressure.h>

#include "json.h"
#include "pages.h"

/* struct pools - a struct tmem_node_info for each node with memory */
struct pools {
	struct vec list;
};

/*
 * pools_ask() - ask the module.  Returns 0; or -errno, and the list is empty.
 * To be given to pools_free() either way.
 */
int pools_ask(struct tmem_netlink *netlink, struct pools *pools);
void pools_free(struct pools *pools);

/* pools_find() - the node, or NULL */
const struct tmem_node_info *pools_find(const struct pools *pools,
					uint32_t node);

/* pools_put() - the figures of a node's pool, into an object for the node. */
void pools_put(struct json_object *object, const struct tmem_node_info *info);

#endif /* TMEMCTL_POOLS_H */
