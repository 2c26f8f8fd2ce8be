// SPDX-License-Identifier: GPL-2.0-only
/*
 * tmem - NUMA-placed, huge-page tensor memory.
 *
 * Why a module: user space can ask for huge pages and for a node, but it
 * cannot let the kernel take memory back that merely idles in a process, and
 * it finds out too late that memory is short.  Both need a party on the
 * kernel's side that knows which memory matters.  Everything else is done in
 * the library, libtmem.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/stringify.h>

#include "compat.h"
#include "tmem.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

/* Each may be called by those after it. */
static const struct {
	int (*init)(void);
	void (*exit)(void);
} tmem_parts[] = {
	{ tmem_pool_init, tmem_pool_exit },
	{ tmem_recall_init, tmem_recall_exit },
	{ tmem_status_init, tmem_status_exit },
	{ tmem_netlink_register, tmem_netlink_unregister },
	{ tmem_pressure_init, tmem_pressure_exit },
	{ tmem_populate_init, tmem_populate_exit },
	{ tmem_chardev_register, tmem_chardev_unregister },
};

static void tmem_undo(size_t parts)
{
	while (parts--)
		tmem_parts[parts].exit();
}

static int __init tmem_init(void)
{
	size_t i;
	int err;

	/* A span is one entry of the page middle directory, or it is nothing. */
	BUILD_BUG_ON(TMEM_SPAN_SIZE != PMD_SIZE);

	for (i = 0; i < ARRAY_SIZE(tmem_parts); i++) {
		err = tmem_parts[i].init();
		if (err) {
			tmem_undo(i);
			return err;
		}
	}
	tmem_sysfs_add_nodes();
	tmem_debug_init();
	tmem_pool_start();
	pr_info("%s, ABI %d, %d node(s) with memory, PSI %s\n",
		TMEM_MODULE_VERSION, TMEM_ABI_VERSION, num_node_state(N_MEMORY),
		tmem_pressure_psi_on() ? "on" : "off");
	return 0;
}

static void __exit tmem_exit(void)
{
	/* Arenas hold the module; whoever gets here is alone. */
	tmem_debug_exit();
	tmem_sysfs_remove_nodes();
	tmem_undo(ARRAY_SIZE(tmem_parts));
	WARN_ON(tmem_arena_bytes());
}

module_init(tmem_init);
module_exit(tmem_exit);

MODULE_DESCRIPTION("NUMA-placed huge-page tensor memory");
MODULE_AUTHOR("The tmem authors");
MODULE_VERSION(TMEM_MODULE_VERSION);
MODULE_LICENSE("GPL");
