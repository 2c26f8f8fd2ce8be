/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tmem/cache.h - tensors that may be wanted again.
 *
 * A tensor cache keeps blocks by key, within a limit in bytes.  What goes first
 * is decided by priority, recency, frequency and size.  Values that are cold
 * are compressed, or dropped where the program allows it, while memory is
 * short.
 *
 * A value is used between a call that pins it and tmem_tcache_unpin().  Pinned
 * values are never dropped, compressed or moved.
 *
 * (The word in the names is "tcache": a "cache" of this library is what a
 * thread keeps of a pool.)
 *
 * All calls are thread-safe.  None may be called from a signal handler or from
 * the log callback.  A limit observer (tmem/pool.h) may call them.
 *
 * After fork() the child has the cache as it is, if its memory is anonymous.
 * On /dev/tmem its parent's values are its parent's, who may use their memory
 * for something else at any time: there nothing is found in the child's cache,
 * and what is pinned counts until it is unpinned.  Pins of threads that the
 * child has not stay for good, in it.
 */
#ifndef TMEM_CACHE_H
#define TMEM_CACHE_H

#include <stddef.h>
#include <stdint.h>
#include <linux/tmem.h> /* enum tmem_level */
#include <tmem/config.h>
#include <tmem/pool.h>

#ifdef __cplusplus
extern "C" {
#endif

struct tmem_tcache; /* from tmem_tcache_create() to tmem_tcache_destroy() */

/* Any 128 bits. */
struct tmem_tcache_key {
	uint64_t word[2];
};

/*
 * tmem_tcache_key_make() - a key from what a tensor is: XXH3-128 over @dtype,
 * @ndim, the tag's length, and the XXH3-128 of @shape and of @tag.  The same in
 * each process and on each machine of one byte order.
 * @dtype: any number, the caller's
 * @shape: @ndim lengths; may be NULL if @ndim is 0
 * @tag:   @tag_size bytes; may be NULL if that is 0
 *
 * Whoever can choose these can find two with the same key: give the bytes
 * behind the key, too (struct tmem_tcache_item), where that matters.
 */
struct tmem_tcache_key tmem_tcache_key_make(uint32_t dtype, uint32_t ndim,
					    const uint64_t *shape,
					    const void *tag, size_t tag_size);

/* struct tmem_tcache_config.flags */
enum tmem_tcache_flags {
	/* Nothing is done by itself when memory is short. */
	TMEM_TCACHE_MANUAL = 1,
};

#define TMEM_TCACHE_COLD_MS 1000u

/*
 * struct tmem_tcache_config - set struct_size with TMEM_TCACHE_CONFIG_INIT
 * @max_bytes: the limit, at least 1.  Counted are the usable bytes
 *             (tmem_usable_size()) of all values, pinned ones too, compressed
 *             or not, and of copies of keys' bytes.  Not counted are the
 *             cache's records (tmem_tcache_stats.metadata_bytes) and the work
 *             space of a compression
 * @pool:      where values are put that were compressed; NULL: the default pool
 * @cold_ms:   a value that nobody used for so long may be compressed.
 *             0: TMEM_TCACHE_COLD_MS
 * @flags:     TMEM_TCACHE_*
 */
struct tmem_tcache_config {
	size_t struct_size;
	uint64_t max_bytes;
	struct tmem_pool *pool;
	uint32_t cold_ms;
	uint32_t flags;
};

#define TMEM_TCACHE_CONFIG_INIT TMEM_STRUCT_INIT(struct tmem_tcache_config)

/*
 * tmem_tcache_create() - make an empty cache.  Returns 0, or -EINVAL (a field),
 * -ENOMEM, or what tmem_init() says.
 */
int tmem_tcache_create(const struct tmem_tcache_config *config,
		       struct tmem_tcache **cache);

/*
 * tmem_tcache_destroy() - free a cache and all its values, pinned ones too.
 * Nobody uses either any more.  NULL is allowed.
 */
void tmem_tcache_destroy(struct tmem_tcache *cache);

/* struct tmem_tcache_item.flags */
enum tmem_tcache_item_flags {
	/* May be dropped whenever memory is short: it can be made again. */
	TMEM_TCACHE_DISCARDABLE = 1,
	/* May be compressed while memory is short. */
	TMEM_TCACHE_COMPRESSIBLE = 2,
};

#define TMEM_TCACHE_PRIORITY_MAX 255u
#define TMEM_TCACHE_PRIORITY_DEFAULT 16u
#define TMEM_TCACHE_KEY_BYTES_MAX ((size_t)65536)

/*
 * struct tmem_tcache_item - what is put in.  Set struct_size with
 * TMEM_TCACHE_ITEM_INIT.
 * @key:       its key
 * @key_bytes: what @key was made from, @key_size bytes of it, or NULL.  They
 *             are copied, and compared when a look-up brings its own: two
 *             different ones with the same key are told apart
 * @value:     a block of tmem_alloc() or the like; no view of a store
 * @size:      bytes of it that count; the rest of the block is not kept when
 *             it is compressed.  May be 0
 * @align:     alignment that the value keeps if it is compressed and restored,
 *             a power of two up to 1 GiB; 0: 64
 * @width:     bytes of an element, 1, 2, 4 or 8: what is compressed becomes
 *             smaller by it.  0: 1
 * @priority:  1 to TMEM_TCACHE_PRIORITY_MAX: n times as high is worth as much
 *             as being used n times as often.  0: TMEM_TCACHE_PRIORITY_DEFAULT
 * @flags:     TMEM_TCACHE_DISCARDABLE, TMEM_TCACHE_COMPRESSIBLE
 */
struct tmem_tcache_item {
	size_t struct_size;
	struct tmem_tcache_key key;
	const void *key_bytes;
	size_t key_size;
	void *value;
	size_t size;
	size_t align;
	uint32_t width;
	uint32_t priority;
	uint32_t flags;
	uint32_t reserved;
};

#define TMEM_TCACHE_ITEM_INIT TMEM_STRUCT_INIT(struct tmem_tcache_item)

/*
 * struct tmem_tcache_pin - a value in use.  Filled in by the calls that pin;
 * not to be changed, and may be copied.
 * @value:  the block; written to only by who knows that nobody else reads it
 * @size:   bytes of it that count
 * @entry, @serial: the cache's own
 */
struct tmem_tcache_pin {
	void *value;
	size_t size;
	void *entry;
	uint64_t serial;
};

/*
 * tmem_tcache_put() - give a value to the cache.  Others go, if they must; what
 * is pinned does not.  @pin: NULL, or the new value is pinned.
 *
 * Returns 0, and the value is the cache's, whose tmem_free() it will meet; or
 * an error, and then the value is the caller's as before and no other was
 * dropped: -EEXIST (there is a value of that key; remove it first), -ENOTUNIQ
 * (there is one with the same key, made from other bytes), -ENOSPC (larger than
 * the limit without what is pinned), -ENOMEM, -EINVAL (struct_size, a field,
 * or @value is no live block, smaller than @size, or a view).
 */
int tmem_tcache_put(struct tmem_tcache *cache,
		    const struct tmem_tcache_item *item,
		    struct tmem_tcache_pin *pin);

/*
 * tmem_tcache_get() - look a value up, and pin it.  A compressed one is
 * restored first; other threads that want it wait for that.
 * @key_bytes, @key_size: what @key was made from, or NULL and 0: then, or if
 * the value came without such, nothing is compared
 *
 * Returns 0 and fills *pin, or: -ENOENT (not there), -ENODATA (it was dropped
 * because it is discardable and memory was short; said once, and forgotten with
 * the history), -ENOTUNIQ (as tmem_tcache_put()), -ENOSPC or -ENOMEM (no
 * room to restore it; it stays compressed), -EBADMSG (what was compressed has
 * been written over; it is dropped, and the log callback is told).
 */
int tmem_tcache_get(struct tmem_tcache *cache,
		    const struct tmem_tcache_key *key, const void *key_bytes,
		    size_t key_size, struct tmem_tcache_pin *pin);

/*
 * tmem_tcache_unpin() - the value is not used any more.  Once for each pin.
 * Returns 0, or -EINVAL: there is no such pin.
 */
int tmem_tcache_unpin(struct tmem_tcache *cache,
		      const struct tmem_tcache_pin *pin);

/*
 * tmem_tcache_remove() - drop a value.  If it is pinned it cannot be found any
 * more, but it is freed, and counted, until its last pin goes.
 * Returns 0, -ENOENT, or -ENOTUNIQ.
 */
int tmem_tcache_remove(struct tmem_tcache *cache,
		       const struct tmem_tcache_key *key, const void *key_bytes,
		       size_t key_size);

/*
 * tmem_tcache_limit_set() - another limit.  Values go until it holds.
 * Returns 0, -EINVAL (0), or -ENOSPC: what is pinned alone is more; nothing has
 * changed.
 */
int tmem_tcache_limit_set(struct tmem_tcache *cache, uint64_t max_bytes);

/*
 * tmem_tcache_shrink() - drop values, the least worth first, until @bytes are
 * freed or nothing is left that may go.  Returns the bytes freed.  For a limit
 * observer (tmem_set_limit_observer()), for example.
 */
uint64_t tmem_tcache_shrink(struct tmem_tcache *cache, uint64_t bytes);

/*
 * tmem_tcache_discard() - drop all values that are discardable and not pinned.
 * Returns the bytes freed.
 */
uint64_t tmem_tcache_discard(struct tmem_tcache *cache);

/*
 * tmem_tcache_compress() - compress what is compressible and cold, for
 * @budget_us microseconds and the value that was begun then (UINT64_MAX: all).
 * A value is tried by samples first, and left alone if less than an eighth
 * would be saved.  It takes no memory but a work space of 1.2 MiB.
 * Returns the bytes saved, which went back to the pool.
 */
uint64_t tmem_tcache_compress(struct tmem_tcache *cache, uint64_t budget_us);

/*
 * tmem_tcache_pressure() - do what is right at a pressure level:
 *
 *	low, medium   nothing
 *	high          what is discardable and cold goes; compress for 20 ms
 *	critical      all that is discardable goes; compress for 200 ms
 *
 * Without TMEM_TCACHE_MANUAL, tmem_tcache_put() and _get() do the same by
 * themselves, with a twentieth of the time at most: they look at the level that
 * the collector knows (tmem/gc.h), which it does not follow while the program
 * has no idle memory.  A program that watches the level tells it here.
 * Returns the bytes freed and saved.
 */
uint64_t tmem_tcache_pressure(struct tmem_tcache *cache, enum tmem_level level);

/*
 * struct tmem_tcache_stats - set struct_size with TMEM_TCACHE_STATS_INIT.  All
 * of one moment.
 * @lookups:      calls of tmem_tcache_get()
 * @hits:         those that returned 0.  The hit ratio is @hits / @lookups
 * @discarded_lookups: those that returned -ENODATA
 * @collisions:   look-ups and puts that returned -ENOTUNIQ
 * @puts:         values taken
 * @refused:      puts and look-ups that returned -ENOSPC
 * @evictions, @evicted_bytes:     values dropped for want of room, by
 *                tmem_tcache_shrink() or by a smaller limit
 * @discards, @discarded_bytes:    values dropped because they may be
 * @compressions, @restores:       values compressed, and restored
 * @incompressible: values that were tried and left alone
 * @packed_from_bytes, @packed_to_bytes: bytes of all values ever compressed,
 *                before and after; their quotient is the ratio
 * @compress_ns, @restore_ns:      time that took, of probes too
 * @damaged:      look-ups that returned -EBADMSG
 * @bytes:        what counts for the limit, now; never above @max_bytes
 * @peak_bytes:   the most that it was
 * @max_bytes:    the limit
 * @entries:      values, now
 * @pinned_entries, @pinned_bytes: those with a pin
 * @packed_entries, @packed_bytes: those that are compressed, and what they
 *                take now
 * @saved_bytes:  what they would take more if they were not
 * @remembered:   keys that are remembered, without a value
 * @metadata_bytes: memory of the cache's records
 */
struct tmem_tcache_stats {
	size_t struct_size;
	uint64_t lookups;
	uint64_t hits;
	uint64_t discarded_lookups;
	uint64_t collisions;
	uint64_t puts;
	uint64_t refused;
	uint64_t evictions;
	uint64_t evicted_bytes;
	uint64_t discards;
	uint64_t discarded_bytes;
	uint64_t compressions;
	uint64_t restores;
	uint64_t incompressible;
	uint64_t packed_from_bytes;
	uint64_t packed_to_bytes;
	uint64_t compress_ns;
	uint64_t restore_ns;
	uint64_t damaged;
	uint64_t bytes;
	uint64_t peak_bytes;
	uint64_t max_bytes;
	uint64_t entries;
	uint64_t pinned_entries;
	uint64_t pinned_bytes;
	uint64_t packed_entries;
	uint64_t packed_bytes;
	uint64_t saved_bytes;
	uint64_t remembered;
	uint64_t metadata_bytes;
};

#define TMEM_TCACHE_STATS_INIT TMEM_STRUCT_INIT(struct tmem_tcache_stats)

/* tmem_tcache_stats_get() - 0, or -EINVAL (struct_size). */
int tmem_tcache_stats_get(struct tmem_tcache *cache,
			  struct tmem_tcache_stats *stats);

#ifdef __cplusplus
}
#endif

#endif /* TMEM_CACHE_H */
