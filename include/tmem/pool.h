/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tmem/pool.h - allocate and free tensor memory.
 *
 * All calls are thread-safe.  None may be called from a signal handler.
 * Blocks are aligned to 64 bytes at least.  The contents of a new block are
 * undefined unless the call says otherwise.
 *
 * A block may be freed by any thread of the process that allocated it.
 * After fork() see libtmem(7), "FORK".
 */
#ifndef TMEM_POOL_H
#define TMEM_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tmem/config.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TMEM_MIN_ALIGN 64

/*
 * tmem_alloc() - a block of at least @size bytes from the default pool.
 * @size 0 gives a block of the smallest size, which must be freed too.
 * Returns NULL with errno ENOMEM, or the error of tmem_init() if this is the
 * first call and the library cannot be set up.
 */
void *tmem_alloc(size_t size);

/* tmem_zalloc() - the same; every byte up to the usable size is zero. */
void *tmem_zalloc(size_t size);

/*
 * tmem_aligned_alloc() - the same with an alignment of @align bytes, a power
 * of two (below 64 means 64) up to 1 GiB.  EINVAL otherwise.  @size need not
 * be a multiple of it.
 */
void *tmem_aligned_alloc(size_t align, size_t size);

/*
 * tmem_realloc() - change the size of a block; contents are kept up to the
 * smaller size.  @ptr NULL is tmem_alloc().  @size 0 gives the smallest block.
 * The block may move; its alignment above 64 is kept only if it does not.
 * It stays in its pool.  On failure NULL with errno, and @ptr is as it was
 * (EINVAL: @ptr is no live block; reported to the log callback).
 */
void *tmem_realloc(void *ptr, size_t size);

/*
 * tmem_free() - give a block back.  NULL is allowed.  errno is kept.
 * A pointer that is no live block of the library (foreign, inside a block,
 * freed twice) is counted in tmem_stats.misuse and reported to the log
 * callback with the caller's address and, if the block was freed before, with
 * that of the call that did it; nothing else happens.  (Two threads that free
 * the same small block in the same nanoseconds are not told apart.)
 */
void tmem_free(void *ptr);

/*
 * tmem_usable_size() - bytes that may be used at @ptr, at least what was asked
 * for (in guard mode just that, but 1 for 0).  0 if @ptr is NULL or no live
 * block.
 */
size_t tmem_usable_size(const void *ptr);

/*
 * tmem_trim() - give idle memory back to the system until at most
 * @keep_bytes of it are held, over all pools, oldest first.  Returns the bytes
 * given back, counting a span that held anything as a whole one.
 */
size_t tmem_trim(size_t keep_bytes);

/*
 * struct tmem_stats - counters since the start, and what is held now.  Set
 * struct_size with TMEM_STATS_INIT.  "Held" means memory the library has
 * taken from the system and not given back.
 *
 * @allocs:       requests served
 * @frees:        blocks given back
 * @failures:     requests refused for want of memory
 * @reused:       requests of @allocs for which no new memory was taken from
 *                the system
 * @misuse:       pointers refused by tmem_free() and tmem_realloc(), and in guard
 *                mode (enum tmem_debug) damage found
 * @live_blocks:  blocks in use
 * @live_bytes:   usable bytes of these
 * @peak_live_bytes: the largest @live_bytes has been
 * @spans_busy:   spans with a live block
 * @spans_idle:   spans held with none; their memory can be taken at once, and
 *                may have been
 * @spans_filled: spans for which memory was taken from the system
 * @spans_purged: spans given back to the system by the library
 * @spans_lost:   idle spans whose memory was gone when they were wanted again
 * @metadata_bytes: memory of the library's own tables: at most what they have
 *                 touched of it (those by address count with all their slots)
 * @waste_bytes:  bytes of @live_bytes that were not asked for: internal
 *                fragmentation is @waste_bytes / @live_bytes
 * @free_bytes:   bytes in spans that hold memory, in no block: external
 *                fragmentation is (@free_bytes - bytes of idle spans) /
 *                @held_bytes
 * @chunks:       pieces that these are in
 * @held_bytes:   memory of busy and idle spans
 * @spans_moved:  idle spans moved to other addresses
 */
struct tmem_stats {
	size_t struct_size;
	uint64_t allocs;
	uint64_t frees;
	uint64_t failures;
	uint64_t reused;
	uint64_t misuse;
	uint64_t live_blocks;
	uint64_t live_bytes;
	uint64_t peak_live_bytes;
	uint64_t spans_busy;
	uint64_t spans_idle;
	uint64_t spans_filled;
	uint64_t spans_purged;
	uint64_t spans_lost;
	uint64_t metadata_bytes;
	uint64_t waste_bytes;
	uint64_t free_bytes;
	uint64_t chunks;
	uint64_t held_bytes;
	uint64_t spans_moved;
};

#define TMEM_STATS_INIT TMEM_STRUCT_INIT(struct tmem_stats)

/*
 * tmem_stats_get() - over all pools.  Counters of one call are of one moment:
 * other threads are stopped for some microseconds.  @peak_live_bytes alone may
 * miss small blocks that came and went in a thread's cache.
 * Returns 0, or -EINVAL (struct_size).
 */
int tmem_stats_get(struct tmem_stats *stats);

/*
 * struct tmem_residency - where the library's memory really is, asked of the
 * kernel now.  Set struct_size with TMEM_RESIDENCY_INIT.
 * @resident:    bytes of memory behind the library's spans
 * @pmd_mapped:  bytes of these that this process maps as 2 MiB pages
 * @mapped:      bytes of these that this process maps at all
 * @node_bytes:  @resident by node
 * @vmas:        mappings that the library's address range is made of
 * @nodes_exact: as in struct tmem_arena_usage
 */
struct tmem_residency {
	size_t struct_size;
	uint64_t resident;
	uint64_t mapped;
	uint64_t pmd_mapped;
	uint64_t node_bytes[TMEM_NODES_MAX];
	uint64_t vmas;
	uint32_t nodes_exact;
	uint32_t reserved;
};

#define TMEM_RESIDENCY_INIT TMEM_STRUCT_INIT(struct tmem_residency)

/*
 * tmem_residency_get() - reads /proc/self/smaps: milliseconds, for reports.
 * Returns 0, or -EINVAL (struct_size), -EIO (/proc is not there).
 */
int tmem_residency_get(struct tmem_residency *residency);

/* A pool of one's own: blocks apart from everybody else's. */
struct tmem_pool; /* from tmem_pool_create() to tmem_pool_destroy() */

/*
 * struct tmem_pool_config - set struct_size with TMEM_POOL_CONFIG_INIT
 * @name: for reports, up to 31 printable characters, or NULL; see
 *        tmem_pool_name()
 * @strategy:  where its blocks are put
 * @max_bytes: memory that it may hold, rounded down to spans; 0: no limit
 */
struct tmem_pool_config {
	size_t struct_size;
	const char *name;
	enum tmem_strategy strategy;
	uint64_t max_bytes;
};

#define TMEM_POOL_CONFIG_INIT TMEM_STRUCT_INIT(struct tmem_pool_config)

/*
 * tmem_pool_create() - @config may be NULL.  Returns NULL with errno: EINVAL,
 * ENOMEM, or what tmem_init() says.
 */
struct tmem_pool *tmem_pool_create(const struct tmem_pool_config *config);

/*
 * tmem_pool_destroy() - free a pool and every block still in it.  The caller
 * makes sure that nobody uses the pool or its blocks any more.  NULL is
 * allowed.
 */
void tmem_pool_destroy(struct tmem_pool *pool);

/* tmem_pool_name() - its name, or "".  Lives as long as the pool. */
const char *tmem_pool_name(const struct tmem_pool *pool);

/* tmem_pool_strategy() - its strategy. */
enum tmem_strategy tmem_pool_strategy(const struct tmem_pool *pool);

/* tmem_strategy_name() - "best-fit" and so on; NULL if there is no such. */
const char *tmem_strategy_name(enum tmem_strategy strategy);

/* tmem_pool_alloc() - tmem_alloc() from @pool.  Freed by tmem_free(). */
void *tmem_pool_alloc(struct tmem_pool *pool, size_t size);

/* tmem_pool_stats_get() - the counters of one pool. */
int tmem_pool_stats_get(struct tmem_pool *pool, struct tmem_stats *stats);

/*
 * tmem_set_limit_observer() - be asked before a request is refused.
 *
 * When a limit (max_bytes) or the system has no more memory, the library first
 * gives back what caches hold and all idle memory.  If that does not help it
 * calls @fn, without any lock, with the pool and the size asked for.  @fn may
 * free blocks and returns true if it is worth another try (16 times at most
 * for one request); false, or no @fn: the request fails with ENOMEM.
 * @fn NULL: nobody is asked (the default).  Set it before the other threads
 * start.
 */
typedef bool (*tmem_limit_fn)(void *ctx, struct tmem_pool *pool, size_t size);
void tmem_set_limit_observer(tmem_limit_fn fn, void *ctx);

/*
 * tmem_check() - compare all of the heap's records with each other.  For tests
 * and debugging: takes a time that grows with the memory held, and stops
 * threads that allocate.  Returns 0, or -EUCLEAN: they contradict each other,
 * which means that the library is broken or something wrote over its tables;
 * the log callback is told where.
 */
int tmem_check(void);

#ifdef __cplusplus
}
#endif

#endif /* TMEM_POOL_H */
