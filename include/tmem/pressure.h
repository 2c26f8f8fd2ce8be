/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tmem/pressure.h - what the module says about memory pressure, arenas and
 * nodes.
 *
 * All of this comes from the kernel module.  Without it the calls that open
 * something fail with -ENODEV, and nothing here pretends otherwise.
 *
 * Two ways to be told:
 *  - a struct tmem_pressure, over /dev/tmem: the level by one load, waiting,
 *    triggers of one's own.  Needs permission to open the device;
 *  - a struct tmem_netlink, over generic netlink: events and lists of arenas
 *    and nodes, for tools and monitors.  Needs no permission for what is the
 *    caller's own.
 *
 * Thread safety: the functions that only read the status page
 * (tmem_pressure_level(), tmem_pressure_snapshot()) may be called from any
 * thread at any time.  All others: one thread at a time per handle.
 */
#ifndef TMEM_PRESSURE_H
#define TMEM_PRESSURE_H

#include <stddef.h>
#include <stdint.h>
#include <linux/tmem.h>
#include <tmem/config.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * From tmem_pressure_open() to tmem_pressure_close().  The library keeps more
 * behind this: use it by the pointer, do not copy it.
 */
struct tmem_pressure {
	const struct tmem_status *status; /* mapped from the kernel, read-only */
};

/*
 * tmem_pressure_open() - open the device and map its status page.
 * On success *pressure is the caller's, to be given to tmem_pressure_close().
 * Returns 0, or -ENODEV (no module), -EACCES (the device may not be opened),
 * -EPROTO (module and library do not fit), -ENOTSUP (the module tells no
 * pressure), -ENOMEM, -EMFILE.
 */
int tmem_pressure_open(struct tmem_pressure **pressure);

/* Triggers go with it.  NULL is allowed. */
void tmem_pressure_close(struct tmem_pressure *pressure);

/*
 * tmem_pressure_level() - how short of memory the machine is: one load from
 * the status page, no system call, below 2 ns.
 */
static inline enum tmem_level
tmem_pressure_level(const struct tmem_pressure *pressure)
{
	return (enum tmem_level)__atomic_load_n(&pressure->status->level,
						__ATOMIC_RELAXED);
}

/* "low", "medium", "high", "critical"; "?" for anything else. */
const char *tmem_level_name(enum tmem_level level);

/*
 * tmem_pressure_snapshot() - a copy of the status page whose fields belong
 * together.
 * @status: room for @size bytes; gets as much of the page as fits, at least
 *          the part without the nodes.  status->size is what the page has.
 * Returns the bytes copied, or -EINVAL (@size too small).  Never waits for
 * longer than the kernel takes to write the page.
 */
int tmem_pressure_snapshot(const struct tmem_pressure *pressure,
			   struct tmem_status *status, size_t size);

/*
 * tmem_pressure_wait() - wait for the next event of the device.
 * @timeout_ms: 0: look only; negative: wait for ever
 * Returns 1 (*event is set), 0 (time is up), or -EINTR.
 */
int tmem_pressure_wait(struct tmem_pressure *pressure, int timeout_ms,
		       struct tmem_event *event);

/*
 * tmem_pressure_wait_level() - wait until the level is @level or worse.
 * Events that come in meanwhile are consumed.
 * Returns 1 (it is), 0 (time is up), -EINTR or -EINVAL (@level).
 */
int tmem_pressure_wait_level(struct tmem_pressure *pressure,
			     enum tmem_level level, int timeout_ms);

/*
 * tmem_pressure_fd() - a descriptor for poll() and epoll (EPOLLIN: call
 * tmem_pressure_wait() with timeout 0).  It stays the handle's.
 */
int tmem_pressure_fd(const struct tmem_pressure *pressure);

/*
 * tmem_pressure_add_trigger() - have a PSI trigger of one's own watched, e.g.
 * of the memory.pressure of a cgroup: events of type TMEM_EVENT_TRIGGER with
 * @cookie.
 * @fd: open for writing, with the trigger written to it ("some 150000
 *      1000000"); may be closed afterwards, must not be polled by others.
 * Returns 0 or the -errno of TMEM_IOC_TRIGGER_ADD, see linux/tmem.h.
 */
int tmem_pressure_add_trigger(struct tmem_pressure *pressure, int fd,
			      uint64_t cookie);

/* Returns 0, or -ENOENT. */
int tmem_pressure_remove_trigger(struct tmem_pressure *pressure,
				 uint64_t cookie);

/* --- netlink ---------------------------------------------------------------- */

struct tmem_netlink; /* from tmem_netlink_open() to tmem_netlink_close() */

/*
 * tmem_netlink_open() - connect to the module's netlink family.
 * Returns 0, -ENODEV (no module), -ENOMEM, -EMFILE, -EPROTO (another version
 * of the family).
 */
int tmem_netlink_open(struct tmem_netlink **netlink);
void tmem_netlink_close(struct tmem_netlink *netlink);

/*
 * struct tmem_pressure_event - the level changed (tmem_netlink_wait()), or is
 * (tmem_netlink_pressure())
 * @level, @previous: enum tmem_level; the same if nothing changed
 * @changes:   how often the level has changed
 * @time:      of the last change, CLOCK_MONOTONIC, ns
 * @psi_on:    1 if the kernel counts stalls
 * @use, @stall: hundredths of a percent, as in struct tmem_status
 * @available: bytes
 */
struct tmem_pressure_event {
	enum tmem_level level;
	enum tmem_level previous;
	uint64_t changes;
	uint64_t time;
	uint32_t psi_on;
	uint32_t use;
	uint32_t stall;
	uint32_t reserved;
	uint64_t available;
};

/* The pressure now.  Returns 0 or -errno. */
int tmem_netlink_pressure(struct tmem_netlink *netlink,
			  struct tmem_pressure_event *event);

/*
 * tmem_netlink_subscribe() - join the multicast group "pressure".
 * Returns 0, -EALREADY or -errno.
 */
int tmem_netlink_subscribe(struct tmem_netlink *netlink);

/*
 * tmem_netlink_wait() - the next change of the level, after a subscription.
 * @timeout_ms: as in tmem_pressure_wait()
 * Returns 1, 0 (time is up), -EINTR, -EINVAL (not subscribed), -ENODEV (the
 * module was removed), or -ENOBUFS: events came faster than they were read and
 * some are lost; the next call goes on.
 */
int tmem_netlink_wait(struct tmem_netlink *netlink, int timeout_ms,
		      struct tmem_pressure_event *event);

/* For poll() and epoll, after a subscription.  It stays the handle's. */
int tmem_netlink_fd(const struct tmem_netlink *netlink);

/*
 * struct tmem_arena_info - an arena of the machine, see linux/tmem_netlink.h.
 * What the module did not say is 0.
 */
struct tmem_arena_info {
	uint64_t id;
	char name[TMEM_NAME_LEN];
	uint32_t uid;
	uint32_t pid;
	uint32_t policy;
	uint32_t reserved;
	uint64_t nodes[TMEM_NODE_WORDS];
	uint64_t size;
	uint64_t resident;
	uint64_t idle;
	uint64_t fills;
	uint64_t fills_pool;
	uint64_t fills_small;
	uint64_t fills_off_node;
	uint64_t fills_failed;
	uint64_t fills_limited;
	uint64_t purged;
	uint64_t recalled;
};

/* struct tmem_node_info - a node, likewise.  Bytes, and counts of spans. */
struct tmem_node_info {
	uint32_t node;
	uint32_t reserved;
	uint64_t total;
	uint64_t free;
	uint64_t arenas;
	uint64_t pool;
	uint64_t pool_low;
	uint64_t pool_target;
	uint64_t pool_refilled;
	uint64_t pool_taken;
	uint64_t pool_missed;
	uint64_t pool_shrunk;
	uint64_t off_node;
};

/*
 * tmem_netlink_arenas(), tmem_netlink_nodes() - call @each for every arena
 * that the caller may see (its user's; all with CAP_SYS_ADMIN), or every node
 * with memory.  *info is valid during the call only.  If @each returns
 * something other than 0 the list ends there and that is returned.
 * Returns 0 or -errno.
 */
int tmem_netlink_arenas(struct tmem_netlink *netlink,
			int (*each)(const struct tmem_arena_info *info,
				    void *data),
			void *data);
int tmem_netlink_nodes(struct tmem_netlink *netlink,
		       int (*each)(const struct tmem_node_info *info,
				   void *data),
		       void *data);

#define TMEM_POOL_KEEP UINT64_MAX /* leave this one as it is */

/*
 * tmem_netlink_pool_set() - size the pool of zeroed spans of a node.
 * @low:    bytes: refill when it holds less
 * @target: bytes: refill up to this; both multiples of TMEM_SPAN_BYTES
 * Returns 0, -EPERM (needs CAP_SYS_ADMIN), -EINVAL (no such node, not whole
 * spans, low above target, target above half of the node's memory).
 */
int tmem_netlink_pool_set(struct tmem_netlink *netlink, uint32_t node,
			  uint64_t low, uint64_t target);

#ifdef __cplusplus
}
#endif

#endif /* TMEM_PRESSURE_H */
