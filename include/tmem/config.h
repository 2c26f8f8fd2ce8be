/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tmem/config.h - how the library is set up, and how it speaks.
 *
 * Nothing here has to be called.  The first allocation sets the library up
 * from the environment (libtmem(7) lists the variables).
 */
#ifndef TMEM_CONFIG_H
#define TMEM_CONFIG_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Structures that may grow carry their size first.  Start each from its
 * TMEM_..._INIT: all zero but for that.
 */
#ifdef __cplusplus
#define TMEM_STRUCT_INIT(type)                     \
	([] {                                      \
		type init_ = {};                   \
		init_.struct_size = sizeof(init_); \
		return init_;                      \
	}())
#else
#define TMEM_STRUCT_INIT(type)              \
	{                                   \
		.struct_size = sizeof(type) \
	}
#endif

/* Where the memory comes from. */
enum tmem_backend {
	/* /dev/tmem if it can be used, anonymous memory if not. */
	TMEM_BACKEND_AUTO = 0,
	/* /dev/tmem, or an error. */
	TMEM_BACKEND_DEV = 1,
	/* Anonymous memory with transparent huge pages; no module needed. */
	TMEM_BACKEND_ANON = 2,
};

/* On which NUMA node memory is looked for. */
enum tmem_numa {
	/*
	 * The node of the thread that allocates; others if it is full.  A
	 * block below 2 MiB may share a span that another thread began.
	 */
	TMEM_NUMA_LOCAL = 0,
	/* Only the nodes of the mask, nearest first. */
	TMEM_NUMA_BIND = 1,
	/* The nearest node of the mask; others if it is full. */
	TMEM_NUMA_PREFERRED = 2,
	/* Span after span, the nodes of the mask in turn (none: all nodes). */
	TMEM_NUMA_INTERLEAVE = 3,
};

/*
 * Where in memory a block of more than 32 KiB is put.  (Smaller ones lie
 * together, by size, whatever the strategy.)
 */
enum tmem_strategy {
	/*
	 * The default: the smallest free piece that fits, of those the one
	 * used last, on the caller's node; while memory is short, another
	 * node's idle memory before more from the caller's.
	 */
	TMEM_STRATEGY_ADAPTIVE = 0,
	/* The lowest address that fits, on any node: packs to one end. */
	TMEM_STRATEGY_FIRST_FIT = 1,
	/*
	 * The smallest free piece that fits, of those the lowest, on any node:
	 * wastes least.
	 */
	TMEM_STRATEGY_BEST_FIT = 2,
	/*
	 * Sizes are rounded up to eight classes to a doubling, so that a freed
	 * block fits the next of its class: up to 1/8 wasted inside of blocks,
	 * least between them.
	 */
	TMEM_STRATEGY_SIZE_CLASS = 3,
	/*
	 * As ADAPTIVE, but never memory of another node while the caller's has
	 * any left.
	 */
	TMEM_STRATEGY_NUMA_AWARE = 4,
};

/*
 * What the child of a fork() sees of its parent's blocks.  On anonymous memory
 * it has a copy of its own, whatever is said here.
 */
enum tmem_fork {
	/* On /dev/tmem: it can read them, not write them. */
	TMEM_FORK_READONLY = 0,
	/* On /dev/tmem: touching them is SIGSEGV. */
	TMEM_FORK_NONE = 1,
};

/* Help in finding bugs of the program: flags. */
enum tmem_debug {
	/*
	 * Guard mode.  Writes before and past a block, and after it was freed,
	 * are reported to the log callback with the block, the offset of the
	 * damage from its start, and the calls that allocated and freed it:
	 * when the block is freed, when its pool is destroyed, or when it
	 * leaves the quarantine.  That keeps the last 256 freed blocks, at most
	 * 16 MiB of them; tmem_trim() empties it.  New memory is filled with
	 * 0xff (floating-point numbers are NaN), freed with 0xde, of blocks
	 * above 1 MiB the first and the last 64 KiB.  tmem_usable_size() is
	 * what was asked for, and tmem_realloc() always moves.  Takes 128 bytes
	 * for each block, more with an alignment, and all calls take a lock.
	 */
	TMEM_DEBUG_GUARD = 1,
};

/* Nodes that a mask in this library can name: 0 to 63. */
#define TMEM_NODES_MAX 64

/*
 * struct tmem_config - what tmem_init() may be told.  Set struct_size with
 * TMEM_CONFIG_INIT; a field that is 0 keeps its default, and the environment
 * fills fields left at 0.
 *
 * @struct_size: sizeof(struct tmem_config) of the caller
 * @backend:     where memory comes from          (TMEM_BACKEND=dev|anon|auto)
 * @numa:        node policy      (TMEM_NUMA=local|interleave[:N,M-O]|
 *                                 bind:N,M-O|preferred:N,M-O)
 * @nodes:       bit n: node n, for @numa
 * @strategy:    of the default pool
 *                     (TMEM_STRATEGY=adaptive|first-fit|best-fit|size-class|
 *                                    numa-aware)
 * @fork:        what children see               (TMEM_FORK=readonly|none)
 * @gc_off:      no collector thread (tmem/gc.h); anything but 0 (TMEM_GC=on|off)
 * @debug:       TMEM_DEBUG_* flags                      (TMEM_DEBUG=guard)
 * @max_bytes:   memory that all pools together may hold, rounded down to
 *               spans; 0: no limit              (TMEM_MAX_BYTES=N[K|M|G|T])
 */
struct tmem_config {
	size_t struct_size;
	enum tmem_backend backend;
	enum tmem_numa numa;
	uint64_t nodes;
	enum tmem_strategy strategy;
	enum tmem_fork fork;
	uint32_t gc_off;
	uint32_t debug;
	uint64_t max_bytes;
};

#define TMEM_CONFIG_INIT TMEM_STRUCT_INIT(struct tmem_config)

/*
 * tmem_init() - set the library up now instead of at the first allocation.
 * @config: what to set, or NULL for the environment's word on everything
 *
 * Idempotent: once the library is set up, a further call returns 0 if it asks
 * for nothing else, and -EALREADY if it does; the set-up stays as it is.
 * Thread-safe.  Not for signal handlers.
 *
 * Returns 0, or -EINVAL (unknown value here or in the environment; a node
 * that does not exist; the message goes to the log callback), -ENODEV or
 * -EACCES (@backend is TMEM_BACKEND_DEV and /dev/tmem is missing, or may not
 * be opened), -EPROTO (the module speaks another ABI), -ENOMEM.  After an
 * error nothing is set up and the call may be repeated.
 */
int tmem_init(const struct tmem_config *config);

/*
 * tmem_backend_name() - "dev" or "anon" once the library is set up, else
 * "none".  Thread-safe.
 */
const char *tmem_backend_name(void);

enum tmem_log_level {
	TMEM_LOG_ERROR = 0, /* a bug in the caller, or heap corruption */
	TMEM_LOG_WARN = 1, /* something asked for is not to be had */
	TMEM_LOG_INFO = 2,
};

/*
 * The library never prints.  What it has to say it says here: one line
 * without a newline.  The callback may be called from any thread, with locks
 * of the library held: it must not call into the library.
 */
typedef void (*tmem_log_fn)(void *ctx, enum tmem_log_level level,
			    const char *line);

/*
 * tmem_set_log() - who listens.  NULL: nobody (the default).  Takes effect at
 * once; set it before the other threads start.
 */
void tmem_set_log(tmem_log_fn fn, void *ctx);

#ifdef __cplusplus
}
#endif

#endif /* TMEM_CONFIG_H */
