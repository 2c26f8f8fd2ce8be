/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tmem/seal.h - equal tensors share their memory.
 *
 * A sealed tensor is read-only.  Its contents lie in a store, once for all
 * tensors of the same contents: of this process, and of all processes that
 * use the same store.  What a program has is a view, an address range at which
 * the contents are mapped.  Contents go with their last view.
 *
 * Equal contents are looked for by a hash (XXH3-128 with the store's seed), and
 * compared byte by byte before they are shared: whoever can craft collisions
 * gains nothing but slower comparisons.
 *
 * A store is a file descriptor, which can be sent to another process over a
 * UNIX socket.  On backend dev it is an arena of the module, huge pages and
 * nodes included; on backend anon it is a memfd.
 *
 * Who is trusted.  Every process that has the descriptor can write to the
 * store, and so change what others see in their views: share it with programs
 * that may do so.  Whatever they write, no call below goes beyond the store,
 * crashes or waits for ever.  A process that dies, at any point, takes nothing
 * from the others: its views are taken back.
 *
 * All calls are thread-safe.  None may be called from a signal handler.
 */
#ifndef TMEM_SEAL_H
#define TMEM_SEAL_H

#include <stddef.h>
#include <stdint.h>
#include <tmem/config.h>

#ifdef __cplusplus
extern "C" {
#endif

struct tmem_store; /* from tmem_store_create() or _open() to _close() */

/*
 * struct tmem_store_config - set struct_size with TMEM_STORE_CONFIG_INIT; a
 * field that is 0 keeps its default.
 *
 * @capacity:     bytes that contents may take, rounded up to TMEM_SPAN_BYTES.
 *                Takes addresses in the file, not memory.  Default: the memory
 *                of the nodes that the policy allows
 * @max_contents: different contents at a time, rounded up to a power of two,
 *                at most 1 << 20.  Default 16384.  Each takes 64 bytes, and 4
 *                for each process
 * @max_peers:    processes at a time, at most 1024.  Default 64
 * @backend:      TMEM_BACKEND_AUTO (what the pools are on), _DEV or _ANON
 * @numa:         node policy, and
 * @nodes:        bit n: node n
 * @name:         for reports (/proc/PID/maps, /proc/PID/fdinfo), up to 31
 *                printable characters, or NULL
 */
struct tmem_store_config {
	size_t struct_size;
	uint64_t capacity;
	uint32_t max_contents;
	uint32_t max_peers;
	enum tmem_backend backend;
	enum tmem_numa numa;
	uint64_t nodes;
	const char *name;
};

#define TMEM_STORE_CONFIG_INIT TMEM_STRUCT_INIT(struct tmem_store_config)

/*
 * tmem_store_create() - make a store.  @config may be NULL.  On success *store
 * is the caller's, to be given to tmem_store_close().
 *
 * Returns 0, or -EINVAL (a field), -ENODEV, -EACCES, -EPROTO (backend dev, as
 * tmem_init()), -ENOMEM, -EMFILE, -EFBIG (RLIMIT_FSIZE), -ENOSYS (no memfd).
 */
int tmem_store_create(const struct tmem_store_config *config,
		      struct tmem_store **store);

/*
 * tmem_store_open() - use a store that another process has made.
 * @fd: the descriptor of tmem_store_fd(), as it was received.  It stays the
 *      caller's, who may close it afterwards
 *
 * Returns 0, or -EINVAL (no store, one of another version, or a file that its
 * sender could cut off), -EACCES (open for reading only), -EUSERS (max_peers
 * processes use it), -ETIMEDOUT (see tmem_seal()), -ENOMEM, -EMFILE, -EBADF.
 */
int tmem_store_open(int fd, struct tmem_store **store);

/*
 * tmem_store_fd() - the store's descriptor, close-on-exec, to be sent to other
 * processes.  It stays the store's: dup() it to keep it, and do not close it
 * (by close_range(), for example).
 */
int tmem_store_fd(const struct tmem_store *store);

/*
 * tmem_store_close() - the last call on a store by this handle.  Views stay
 * until they are freed.  NULL is allowed.
 */
void tmem_store_close(struct tmem_store *store);

/*
 * The view can be written to.  What is written is this view's alone: each page
 * of 4 KiB is copied when it is written to first, which takes memory then, as
 * for any private mapping of a file.  Not on stores of backend dev, whose
 * arenas have no private mappings.
 */
#define TMEM_SEAL_COPY 1u

/*
 * tmem_seal() - turn a block into a view of shared contents.
 * @store: the store, or NULL: the process's own, made at the first use.  On
 *         backend dev there is a second one, of backend anon, for
 *         TMEM_SEAL_COPY
 * @block: from tmem_alloc() and the like, or a view.  Nobody else may use it
 *         any more.  On success it is freed
 * @size:  bytes of it that count, from 1 to tmem_usable_size(block)
 * @flags: 0: a write to the view raises SIGSEGV.  TMEM_SEAL_COPY: see there
 *
 * The view begins at a multiple of the page size.  tmem_usable_size() of it is
 * @size; from there to the end of the page it reads as zeroes.
 * tmem_unseal() and tmem_free() free it.
 *
 * Equal contents are found if no more than 64 others of the same hash are in
 * the way.  New contents take whole pages of 4 KiB: for tensors of a few bytes
 * this saves nothing.
 *
 * New contents are copied, which takes their size in memory for a moment.  On
 * backend anon, blocks of 64 MiB and more give their memory back while they are
 * copied: then it takes 8 MiB.
 *
 * After fork() the child has all views, with references of its own, whatever
 * becomes of its parent.
 *
 * Returns the view, or NULL with errno, and @block is as it was: EINVAL (@size,
 * @flags, @block), ENOSPC (the store is full), ENOMEM (no memory, or too many
 * mappings), ENOTSUP (TMEM_SEAL_COPY on a store of backend dev), ETIMEDOUT
 * (another process was stopped for 10 seconds while it changed the store),
 * EUSERS (after fork(), as tmem_store_open()), or an error of
 * tmem_store_create() if @store is NULL.
 */
void *tmem_seal(struct tmem_store *store, void *block, size_t size,
		unsigned int flags);

/*
 * tmem_unseal() - free a view.  NULL is allowed.  Returns 0, or -EINVAL: not
 * the address of a view of this process.
 */
int tmem_unseal(const void *view);

/*
 * struct tmem_store_stats - set struct_size with TMEM_STORE_STATS_INIT.  Over
 * all processes that use the store:
 *
 * @contents:     different contents
 * @views:        views of them
 * @peers:        processes
 * @sealed_bytes: sum of the sizes of all views: what they would take alone
 * @stored_bytes: memory that the contents take, in whole pages
 * @saved_bytes:  @sealed_bytes - @stored_bytes, or 0.  What was written to
 *                views of TMEM_SEAL_COPY is not known here (/proc/PID/smaps)
 * @capacity:     bytes of contents that fit in all
 *
 * Of this process, since it opened the store:
 *
 * @seals:        views made
 * @shared:       those of them for which the contents were there
 * @comparisons:  contents compared byte by byte
 * @collisions:   comparisons that found a difference, in spite of the hash
 * @dead_peers:   processes whose views were taken back after their death
 */
struct tmem_store_stats {
	size_t struct_size;
	uint64_t contents;
	uint64_t views;
	uint64_t peers;
	uint64_t sealed_bytes;
	uint64_t stored_bytes;
	uint64_t saved_bytes;
	uint64_t capacity;
	uint64_t seals;
	uint64_t shared;
	uint64_t comparisons;
	uint64_t collisions;
	uint64_t dead_peers;
};

#define TMEM_STORE_STATS_INIT TMEM_STRUCT_INIT(struct tmem_store_stats)

/*
 * tmem_store_stats_get() - @store NULL: the process's own; all 0 if it has none
 * yet.  Takes back what dead processes have left before it counts: for reports.
 * Returns 0, or -EINVAL (struct_size), -ETIMEDOUT, -EUSERS, -ENOMEM (as
 * tmem_seal()).
 */
int tmem_store_stats_get(struct tmem_store *store,
			 struct tmem_store_stats *stats);

#ifdef __cplusplus
}
#endif

#endif /* TMEM_SEAL_H */
