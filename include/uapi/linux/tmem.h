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
 *    with E2BIG if not; a shorter one than in this first version is refused
 *    with EINVAL;
 *  - unknown flags and reserved fields that are not zero are refused with
 *    EINVAL.
 *
 * Manual: tmem_ioctl(2), tmem(4).
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
 * 2^26 ns (67 ms), modulo 2^31.  It is for choosing by age and for nothing
 * else; this version of the module purges in the order of the spans.
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

/* tmem_query.features */
#define TMEM_FEATURE_CTL (1ULL << 0) /* control words */
#define TMEM_FEATURE_PURGE (1ULL << 1) /* TMEM_IOC_ARENA_PURGE */

/**
 * struct tmem_query - what this module is and what the caller may ask of it
 * @flags:          in:  must be 0
 * @abi_version:    out: TMEM_ABI_VERSION of the module
 * @module_version: out: major << 16 | minor << 8 | patch
 * @span_shift:     out: log2 of the span size in bytes
 * @features:       out: TMEM_FEATURE_*
 * @max_arena_size: out: bytes; the largest arena with no node mask
 * @arenas:         out: arenas alive in the system
 * @nodes:          out: nodes with memory that the caller may use
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
};

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
 * @purged:         out: spans purged since the creation
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
};

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

#define TMEM_IOC_MAGIC 0xBC

/* On /dev/tmem. */
#define TMEM_IOC_QUERY _IOWR(TMEM_IOC_MAGIC, 0x00, struct tmem_query)
#define TMEM_IOC_ARENA_CREATE \
	_IOWR(TMEM_IOC_MAGIC, 0x01, struct tmem_arena_create)

/* On an arena. */
#define TMEM_IOC_ARENA_STAT _IOWR(TMEM_IOC_MAGIC, 0x20, struct tmem_arena_stat)
#define TMEM_IOC_ARENA_NODE_STAT \
	_IOWR(TMEM_IOC_MAGIC, 0x21, struct tmem_arena_node_stat)
#define TMEM_IOC_ARENA_PURGE \
	_IOWR(TMEM_IOC_MAGIC, 0x22, struct tmem_arena_purge)

#endif /* _UAPI_LINUX_TMEM_H */
