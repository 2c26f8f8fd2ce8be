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

#define TMEM_MODULE_VERSION                             \
	__stringify(TMEM_MODULE_MAJOR) "." __stringify( \
		TMEM_MODULE_MINOR) "." __stringify(TMEM_MODULE_PATCH)

static int __init tmem_init(void)
{
	int err;

	/* A span is one entry of the page middle directory, or it is nothing. */
	BUILD_BUG_ON(TMEM_SPAN_SIZE != PMD_SIZE);

	err = tmem_chardev_register();
	if (err)
		return err;
	pr_info("%s, ABI %d, %d node(s) with memory\n", TMEM_MODULE_VERSION,
		TMEM_ABI_VERSION, num_node_state(N_MEMORY));
	return 0;
}

static void __exit tmem_exit(void)
{
	/* Arenas hold the module; whoever gets here is alone. */
	tmem_chardev_unregister();
	WARN_ON(tmem_arena_count());
}

module_init(tmem_init);
module_exit(tmem_exit);

MODULE_DESCRIPTION("NUMA-placed huge-page tensor memory");
MODULE_AUTHOR("The tmem authors");
MODULE_VERSION(TMEM_MODULE_VERSION);
MODULE_LICENSE("GPL");
