/* SPDX-License-Identifier: LGPL-2.1-or-later WITH Linux-syscall-note */
/*
 * tmem - the kernel's side of NUMA-placed, huge-page tensor memory.
 *
 * A process opens /dev/tmem and asks for an arena: a range of memory of its
 * own, cut into spans of 2 MiB, whose node placement it chooses.  The arena
 * is a file descriptor.  Its data is mapped from offset 0, its control words
 * (one per span) from the offset that TMEM_IOC_ARENA_CREATE returns.
 *
 * Rules that hold for every structure below:
 *  - fields have fixed width and there are no holes, so 32-bit programs work;
 *  - a structure grows only at its end, and 0 in a new field means what the
 *    call did before the field was there.  The size that the caller was built
 *    with is part of the ioctl number.  A longer structure than the module
 *    knows is taken if the part that it does not know is zero, and refused
 *    with E2BIG if not; one that is shorter than it was in its first version
 *    (the TMEM_*_SIZE_VER0 below, else its size) is refused with EINVAL;
 *  - unknown flags and reserved fields that are not zero are refused with
 *    EINVAL.
 *
 * The device itself tells about memory pressure: its status page is mapped
 * from offset 0 of /dev/tmem, events are polled and read from it.
 *
 * Manual: tmem_ioctl(2), tmem(4).  Netlink: linux/tmem_netlink.h.
 */
#ifndef _UAPI_LINUX_TMEM_H
#define _UAPI_LINUX_TMEM_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* Raised when something that worked before would not work any more. */
#define TMEM_ABI_VERSION 1

/* A span is the unit of placement, of purging and of the control words. */
#define TMEM_SPAN_SHIFT 21
#define TMEM_SPAN_SIZE (1ULL << TMEM_SPAN_SHIFT)

/* Node masks are fixed in size: bit n of word n / 64 is node n. */
#define TMEM_NODE_WORDS 16
#define TMEM_MAX_NODES (TMEM_NODE_WORDS * 64)

#define TMEM_NAME_LEN 32 /* with the terminating NUL */

/*
 * Control word of a span.  Both sides map it; all accesses are atomic.
 *
 *   0                     BUSY: the contents matter.  A new arena is all 0.
 *   TMEM_SPAN_IDLE|stamp  IDLE: the contents may be thrown away.
 *   TMEM_SPAN_PURGED      PURGED: they were; the span reads as zeroes.
 *   anything else         treated as BUSY.
 *
 * User space:  BUSY -> IDLE by a store (release), any time.
 *              IDLE -> BUSY by a compare-exchange (acquire).  If it fails
 *              because the word is PURGED, the contents are lost: make it
 *              BUSY, by another compare-exchange if others may do so too.
 * Kernel:      IDLE -> PURGED, nothing else, ever.
 *
 * The stamp says since when the span is idle: CLOCK_MONOTONIC in units of
 * 2^26 ns (67 ms), modulo 2^31.  When the kernel needs memory it takes the
 * spans that are idle the longest first; the stamp serves for nothing else.
 */
#define TMEM_SPAN_BUSY 0x00000000U
#define TMEM_SPAN_PURGED 0x00000001U
#define TMEM_SPAN_IDLE 0x80000000U
#define TMEM_STAMP_MASK 0x7fffffffU
#define TMEM_STAMP_SHIFT 26

/* Node policies: on which node the memory of a span is looked for. */
enum tmem_node_policy {
	/* The node of the CPU that touches the span first; others if full. */
	TMEM_POLICY_LOCAL = 0,
	/* Only the nodes in the mask, nearest first. */
	TMEM_POLICY_BIND = 1,
	/* The nodes in the mask, nearest first; others if they are full. */
	TMEM_POLICY_PREFERRED = 2,
	/* Span i on the (i mod n)-th of the n nodes; others if it is full. */
	TMEM_POLICY_INTERLEAVE = 3,
};

/* How short of memory the machine is.  The thresholds are in sysfs. */
enum tmem_level {
	TMEM_LEVEL_LOW = 0,
	TMEM_LEVEL_MEDIUM = 1,
	TMEM_LEVEL_HIGH = 2,
	TMEM_LEVEL_CRITICAL = 3,
};

/* tmem_query.features */
#define TMEM_FEATURE_CTL (1ULL << 0) /* control words */
#define TMEM_FEATURE_PURGE (1ULL << 1) /* TMEM_IOC_ARENA_PURGE */
#define TMEM_FEATURE_RECALL (1ULL << 2) /* the kernel takes idle spans back */
#define TMEM_FEATURE_POOL (1ULL << 3) /* pools of zeroed spans */
#define TMEM_FEATURE_POPULATE (1ULL << 4) /* TMEM_IOC_ARENA_POPULATE */
#define TMEM_FEATURE_PRESSURE (1ULL << 5) /* status page, poll, read, netlink */
#define TMEM_FEATURE_PSI (1ULL << 6) /* the level counts stalls (PSI is on) */
#define TMEM_FEATURE_MREMAP (1ULL << 7) /* mremap(2) may move data mappings */

/**
 * struct tmem_query - what this module is and what the caller may ask of it
 * @flags:          in:  must be 0
 * @abi_version:    out: TMEM_ABI_VERSION of the module
 * @module_version: out: major << 16 | minor << 8 | patch
 * @span_shift:     out: log2 of the span size in bytes
 * @features:       out: TMEM_FEATURE_*
 * @max_arena_size: out: bytes; the largest arena with no node mask
 * @arenas:         out: arenas alive that the caller may know of: its user's;
 *                       all with CAP_SYS_ADMIN
 * @nodes:          out: nodes with memory that the caller may use
 * @caller_abi:     in:  TMEM_ABI_VERSION that the caller was built with; 0 is
 *                       taken for 1.  EPROTONOSUPPORT if the module cannot
 *                       serve it
 * @status_size:    out: bytes of the status page, a multiple of the page size
 * @user_bytes:     out: bytes of memory that the arenas of the caller's user
 *                       hold
 * @user_max_bytes: out: the most that they may; ~0: no limit
 */
struct tmem_query {
	__u32 flags;
	__u32 abi_version;
	__u32 module_version;
	__u32 span_shift;
	__u64 features;
	__u64 max_arena_size;
	__u64 arenas;
	__u64 nodes[TMEM_NODE_WORDS];
	__u32 caller_abi;
	__u32 status_size;
	__u64 user_bytes;
	__u64 user_max_bytes;
};
#define TMEM_QUERY_SIZE_VER0 168

/**
 * struct tmem_arena_create - make an arena
 * @size:       in:  bytes, a multiple of the span size, not 0
 * @flags:      in:  must be 0
 * @policy:     in:  enum tmem_node_policy
 * @nodes:      in:  BIND, PREFERRED: one node at least.  INTERLEAVE: none
 *                   means all that the caller may use.  LOCAL: must be empty
 * @name:       in:  for statistics; printable ASCII, NUL-terminated, may be ""
 * @fd:         out: the arena, close-on-exec
 * @__reserved: in:  must be 0
 * @ctl_offset: out: where to mmap the control words from, one __u32 per span
 * @ctl_size:   out: bytes of control words, a multiple of the page size
 *
 * No memory is taken yet.  The data mapping must be MAP_SHARED; spans are
 * filled when they are touched first.
 *
 * Errors: EINVAL (size, flags, policy, node mask, name), ENOMEM (the size is
 * more than the memory of the nodes the policy allows, or no kernel memory),
 * EMFILE, ENFILE, EFAULT, E2BIG.
 */
struct tmem_arena_create {
	__u64 size;
	__u32 flags;
	__u32 policy;
	__u64 nodes[TMEM_NODE_WORDS];
	char name[TMEM_NAME_LEN];
	__s32 fd;
	__u32 __reserved;
	__u64 ctl_offset;
	__u64 ctl_size;
};

/**
 * struct tmem_arena_stat - an arena, counted (on the arena's descriptor)
 * @flags:          in:  must be 0
 * @policy:         out: enum tmem_node_policy
 * @size:           out: bytes
 * @resident:       out: bytes of memory that the arena holds now
 * @spans_huge:     out: spans held as one 2 MiB page now
 * @spans_small:    out: spans held as small pages now (no huge page was free,
 *                       or the kernel split one)
 * @fills:          out: spans filled with a huge page since the creation
 * @fills_small:    out: small pages filled since the creation
 * @fills_off_node: out: fills of both kinds that missed the node wanted
 * @fills_failed:   out: touches (SIGBUS) and populates refused for want of
 *                       memory
 * @purged:         out: spans purged since the creation, for any reason
 * @recalled:       out: those of @purged that the kernel took because memory
 *                       was short, or a limit reached
 * @fills_pool:     out: those of @fills that came zeroed from a node's pool
 * @fills_limited:  out: those of @fills_failed that a limit of bytes refused
 * @id:             out: the arena's number, unique while the module is loaded
 */
struct tmem_arena_stat {
	__u32 flags;
	__u32 policy;
	__u64 size;
	__u64 resident;
	__u64 spans_huge;
	__u64 spans_small;
	__u64 fills;
	__u64 fills_small;
	__u64 fills_off_node;
	__u64 fills_failed;
	__u64 purged;
	__u64 recalled;
	__u64 fills_pool;
	__u64 fills_limited;
	__u64 id;
};
#define TMEM_ARENA_STAT_SIZE_VER0 80

/**
 * struct tmem_arena_node_stat - an arena's memory on one node
 * @flags:       in:  must be 0
 * @node:        in:  node number.  EINVAL if the system cannot have it
 * @spans_huge:  out: spans held there as one 2 MiB page now
 * @small_bytes: out: bytes held there in small pages now
 */
struct tmem_arena_node_stat {
	__u32 flags;
	__u32 node;
	__u64 spans_huge;
	__u64 small_bytes;
};

/**
 * struct tmem_arena_purge - give the idle spans of a range back at once
 * @flags:  in:  must be 0
 * @__reserved: in: must be 0
 * @offset: in:  bytes, a multiple of the span size
 * @length: in:  bytes, a multiple of the span size; the range must lie in
 *               the arena.  0 is allowed and does nothing
 * @purged: out: spans that were IDLE and are PURGED now
 * @busy:   out: spans left alone: their word is not IDLE, or stopped being so
 * @pinned: out: idle spans left alone: somebody holds their pages (O_DIRECT
 *               in flight, a long-term pin, a migration, a touch at this
 *               moment).  Try again later
 * @absent: out: idle spans that held no memory: nothing to give back, and
 *               their word stays IDLE
 *
 * A span that is not idle is never touched.  EINTR by a fatal signal.
 */
struct tmem_arena_purge {
	__u32 flags;
	__u32 __reserved;
	__u64 offset;
	__u64 length;
	__u64 purged;
	__u64 busy;
	__u64 pinned;
	__u64 absent;
};

/**
 * struct tmem_arena_populate - have memory behind a range, before it is touched
 * @flags:     in:  must be 0
 * @node:      in:  the node wanted, one that the arena's policy allows, or -1:
 *                  the policy's choice for each span
 * @offset:    in:  bytes, a multiple of the span size
 * @length:    in:  bytes, a multiple of the span size; the range must lie in
 *                  the arena.  0 is allowed and does nothing
 * @workers:   in:  kernel threads per node at most; 0: one per CPU of the
 *                  node.  Never more than 16
 * @__reserved: in: must be 0
 * @populated: out: bytes of the spans of the range that hold memory now; after
 *                  an error too
 *
 * Works in parallel, on CPUs of the nodes where the memory is.  The memory is
 * charged to the caller's memory cgroup.  When it returns 0, no touch of a span
 * of the range fails for want of memory, as long as the span stays busy.
 * While it works, others see its progress in ARENA_STAT.
 *
 * Errors: EINVAL, ENOMEM (the nodes that the policy allows are full, a limit
 * is reached, or the memory cgroup has no room for a huge page more), EINTR (a
 * signal; call again to go on).  What was populated up to then stays.
 */
struct tmem_arena_populate {
	__u32 flags;
	__s32 node;
	__u64 offset;
	__u64 length;
	__u32 workers;
	__u32 __reserved;
	__u64 populated;
};

/**
 * struct tmem_trigger - have a PSI trigger of one's own watched
 * @fd:     in: a file named memory.pressure, io.pressure or cpu.pressure of
 *              cgroup2, or a file of /proc/pressure, to which a trigger was
 *              written.  The module keeps a reference; the caller may close it.
 *              Nobody else may poll it: an event goes to one poller
 * @flags:  in: must be 0
 * @cookie: in: comes back in the events; not in use on this descriptor yet
 *
 * On a descriptor of /dev/tmem: when the trigger fires, poll() and read() of
 * that descriptor say so.  Errors: EBADF, EINVAL (flags, not such a file, no
 * trigger written), EEXIST (cookie), ENOSPC (TMEM_TRIGGERS_MAX reached),
 * ENOMEM, EOPNOTSUPP (the kernel has no PSI, or it is off).
 *
 * TMEM_IOC_TRIGGER_REMOVE takes @cookie and ignores @fd; ENOENT if there is
 * none.  Closing the descriptor removes all.
 */
struct tmem_trigger {
	__s32 fd;
	__u32 flags;
	__u64 cookie;
};
#define TMEM_TRIGGERS_MAX 16

/* tmem_event.type */
enum tmem_event_type {
	/* The level changed since the last read (or open). */
	TMEM_EVENT_LEVEL = 1,
	/* A trigger of this descriptor fired. */
	TMEM_EVENT_TRIGGER = 2,
	/*
	 * Its cgroup is gone, or the cgroup's accounting was switched off
	 * (cgroup.pressure): it will not fire any more, and is removed.
	 */
	TMEM_EVENT_TRIGGER_GONE = 3,
};

/**
 * struct tmem_event - what read() of /dev/tmem returns, one or several
 * @type:   enum tmem_event_type
 * @level:  enum tmem_level: the level now
 * @count:  how often it happened since the last read; at least 1
 * @time:   when last, CLOCK_MONOTONIC, ns
 * @cookie: TRIGGER, TRIGGER_GONE: as given; else 0
 *
 * A descriptor starts with no event.  Events of one kind are merged, never
 * lost: at most one LEVEL and one for each trigger wait to be read.  A level
 * that changed and changed back is an event too (@count is 2).
 *
 * poll() returns EPOLLIN | EPOLLPRI when there is something to read.  read()
 * waits, or fails with EAGAIN (O_NONBLOCK), EINTR; EINVAL if the buffer is
 * shorter than one event.
 */
struct tmem_event {
	__u32 type;
	__u32 level;
	__u64 count;
	__u64 time;
	__u64 cookie;
};

/**
 * struct tmem_status_node - one node, in the status page
 * @total:       bytes of memory
 * @free:        bytes free (kept back ones included)
 * @pool:        bytes of zeroed spans in the node's pool
 * @pool_target: bytes that the pool is filled up to
 * @arenas:      bytes of spans that arenas were given on this node and hold
 * @__reserved:  0
 *
 * All 0 for a node that has no memory.
 */
struct tmem_status_node {
	__u64 total;
	__u64 free;
	__u64 pool;
	__u64 pool_target;
	__u64 arenas;
	__u64 __reserved[3];
};

/**
 * struct tmem_psi - stall figures of one kind, as in /proc/pressure/memory
 * @avg10, @avg60, @avg300: hundredths of a percent
 * @__reserved: 0
 * @total: microseconds since boot
 */
struct tmem_psi {
	__u32 avg10;
	__u32 avg60;
	__u32 avg300;
	__u32 __reserved;
	__u64 total;
};

/**
 * struct tmem_status - the status page, mapped read-only from /dev/tmem
 * @level:     enum tmem_level.  May be read alone, by one load
 * @seq:       odd while the page is being written.  For several fields that
 *             belong together: read it (acquire), read them, fence (acquire),
 *             read it again; begin anew if it was odd or has changed
 * @size:      bytes of this structure with its nodes
 * @nr_nodes:  entries of @nodes; entry i is node i
 * @changes:   how often the level has changed
 * @since:     when it changed last, CLOCK_MONOTONIC, ns
 * @updated:   when the page was written last, CLOCK_MONOTONIC, ns
 * @psi_on:    1: the stall figures below are real; 0: the kernel has no PSI
 *             or it is off, and the level goes by memory use and by reclaim
 * @use:       memory in use, hundredths of a percent
 * @stall:     share of time in which a task waited for memory lately,
 *             hundredths of a percent: the larger of avg10 and the last
 *             sampling interval, and at least what means MEDIUM when PSI has
 *             just said so; 0 without PSI
 * @use_level, @stall_level: the levels that the two amount to, that of
 *             reclaim included; @level is the worse one, after hysteresis
 * @some, @full: PSI of memory
 * @total, @available: bytes of the machine; @available as MemAvailable plus the
 *             pools
 * @pool:      bytes in the pools of all nodes
 * @arenas:    bytes that arenas hold
 * @recalled:  bytes that were taken from idle spans since the module is loaded
 * @nodes:     by node
 *
 * Written every few seconds, several times a second when @level is not LOW,
 * and at each event.
 */
struct tmem_status {
	__u32 level;
	__u32 seq;
	__u32 size;
	__u32 nr_nodes;
	__u64 changes;
	__u64 since;
	__u64 updated;
	__u32 psi_on;
	__u32 use;
	__u32 stall;
	__u32 use_level;
	__u32 stall_level;
	__u32 __reserved;
	struct tmem_psi some;
	struct tmem_psi full;
	__u64 total;
	__u64 available;
	__u64 pool;
	__u64 arenas;
	__u64 recalled;
	struct tmem_status_node nodes[];
};

#define TMEM_IOC_MAGIC 0xBC

/* On /dev/tmem. */
#define TMEM_IOC_QUERY _IOWR(TMEM_IOC_MAGIC, 0x00, struct tmem_query)
#define TMEM_IOC_ARENA_CREATE \
	_IOWR(TMEM_IOC_MAGIC, 0x01, struct tmem_arena_create)
#define TMEM_IOC_TRIGGER_ADD _IOW(TMEM_IOC_MAGIC, 0x02, struct tmem_trigger)
#define TMEM_IOC_TRIGGER_REMOVE _IOW(TMEM_IOC_MAGIC, 0x03, struct tmem_trigger)

/* On an arena. */
#define TMEM_IOC_ARENA_STAT _IOWR(TMEM_IOC_MAGIC, 0x20, struct tmem_arena_stat)
#define TMEM_IOC_ARENA_NODE_STAT \
	_IOWR(TMEM_IOC_MAGIC, 0x21, struct tmem_arena_node_stat)
#define TMEM_IOC_ARENA_PURGE \
	_IOWR(TMEM_IOC_MAGIC, 0x22, struct tmem_arena_purge)
#define TMEM_IOC_ARENA_POPULATE \
	_IOWR(TMEM_IOC_MAGIC, 0x23, struct tmem_arena_populate)

#endif /* _UAPI_LINUX_TMEM_H */
