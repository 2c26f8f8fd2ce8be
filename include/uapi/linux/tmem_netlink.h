/* SPDX-License-Identifier: LGPL-2.1-or-later WITH Linux-syscall-note */
/*
 * Generic netlink family "tmem".  The description of the messages, from which
 * clients can be made, is Documentation/netlink/specs/tmem.yaml.
 *
 * Reading needs no privilege and shows the caller's own arenas; all of them
 * with CAP_SYS_ADMIN.  TMEM_CMD_POOL_SET needs CAP_SYS_ADMIN.
 */
#ifndef _UAPI_LINUX_TMEM_NETLINK_H
#define _UAPI_LINUX_TMEM_NETLINK_H

#define TMEM_FAMILY_NAME "tmem"
#define TMEM_FAMILY_VERSION 1

#define TMEM_MCGRP_PRESSURE "pressure"

enum {
	/* dump: one message per arena, TMEM_A_ARENA_* */
	TMEM_CMD_ARENA_GET = 1,
	/* dump: one message per node with memory, TMEM_A_NODE_* */
	TMEM_CMD_NODE_GET,
	/* do: the pressure now, TMEM_A_PRESSURE_* */
	TMEM_CMD_PRESSURE_GET,
	/* multicast to group "pressure" when the level changes; same attributes */
	TMEM_CMD_PRESSURE_NTF,
	/* do: TMEM_A_NODE_ID and one or both of _POOL_LOW and _POOL_TARGET */
	TMEM_CMD_POOL_SET,

	__TMEM_CMD_MAX,
	TMEM_CMD_MAX = __TMEM_CMD_MAX - 1
};

enum {
	TMEM_A_ARENA_PAD = 1,
	TMEM_A_ARENA_ID, /* u64 */
	TMEM_A_ARENA_NAME, /* string */
	TMEM_A_ARENA_UID, /* u32: who made it, in the reader's user namespace */
	TMEM_A_ARENA_PID, /* u32: process that made it, in the reader's namespace; 0: not there */
	TMEM_A_ARENA_POLICY, /* u32: enum tmem_node_policy */
	TMEM_A_ARENA_NODES, /* binary: TMEM_NODE_WORDS u64 of node mask */
	TMEM_A_ARENA_SIZE, /* u64, bytes */
	TMEM_A_ARENA_RESIDENT, /* u64, bytes */
	TMEM_A_ARENA_IDLE, /* u64, bytes resident in spans whose word says idle */
	TMEM_A_ARENA_FILLS, /* u64: struct tmem_arena_stat has the rest */
	TMEM_A_ARENA_FILLS_POOL, /* u64 */
	TMEM_A_ARENA_FILLS_SMALL, /* u64 */
	TMEM_A_ARENA_FILLS_OFF_NODE, /* u64 */
	TMEM_A_ARENA_FILLS_FAILED, /* u64 */
	TMEM_A_ARENA_FILLS_LIMITED, /* u64 */
	TMEM_A_ARENA_PURGED, /* u64 */
	TMEM_A_ARENA_RECALLED, /* u64 */

	__TMEM_A_ARENA_MAX,
	TMEM_A_ARENA_MAX = __TMEM_A_ARENA_MAX - 1
};

enum {
	TMEM_A_NODE_PAD = 1,
	TMEM_A_NODE_ID, /* u32 */
	TMEM_A_NODE_TOTAL, /* u64, bytes; these as in struct tmem_status_node */
	TMEM_A_NODE_FREE, /* u64, bytes */
	TMEM_A_NODE_ARENAS, /* u64, bytes */
	TMEM_A_NODE_POOL, /* u64, bytes */
	TMEM_A_NODE_POOL_LOW, /* u64, bytes; set: a multiple of the span size */
	TMEM_A_NODE_POOL_TARGET, /* u64, bytes; set: a multiple of the span size */
	TMEM_A_NODE_POOL_REFILLED, /* u64, spans zeroed for the pool so far */
	TMEM_A_NODE_POOL_TAKEN, /* u64, spans taken from it by fills */
	TMEM_A_NODE_POOL_MISSED, /* u64, fills that found it empty */
	TMEM_A_NODE_POOL_SHRUNK, /* u64, spans given back unused */
	TMEM_A_NODE_OFF_NODE, /* u64, fills that wanted this node and got another */

	__TMEM_A_NODE_MAX,
	TMEM_A_NODE_MAX = __TMEM_A_NODE_MAX - 1
};

enum {
	TMEM_A_PRESSURE_PAD = 1,
	TMEM_A_PRESSURE_LEVEL, /* u32: enum tmem_level */
	TMEM_A_PRESSURE_PREVIOUS, /* u32: the level before; GET: as now */
	TMEM_A_PRESSURE_CHANGES, /* u64 */
	TMEM_A_PRESSURE_TIME, /* u64: of the change, CLOCK_MONOTONIC, ns */
	TMEM_A_PRESSURE_PSI_ON, /* u32: 0 or 1 */
	TMEM_A_PRESSURE_USE, /* u32, hundredths of a percent */
	TMEM_A_PRESSURE_STALL, /* u32, hundredths of a percent */
	TMEM_A_PRESSURE_AVAILABLE, /* u64, bytes */

	__TMEM_A_PRESSURE_MAX,
	TMEM_A_PRESSURE_MAX = __TMEM_A_PRESSURE_MAX - 1
};

#endif /* _UAPI_LINUX_TMEM_NETLINK_H */
