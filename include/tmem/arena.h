/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tmem/arena.h - arenas: node-placed memory in spans of 2 MiB.
 *
 * This is the layer below the pool.  Programs that only want tensor memory
 * use tmem/pool.h; programs that place or share memory themselves use this.
 *
 * A span's identity is its number in its arena, not an address.  It can be
 * mapped anywhere, and be moved: tmem_arena_map() puts it at a new address
 * with its contents, and it is gone from the old one.
 *
 * A span is busy or idle.  While it is idle its contents may be taken: by the
 * kernel if the arena is on /dev/tmem, by tmem_arena_purge() on either
 * backend.  tmem_arena_claim() makes it busy again and tells whether the
 * contents are still there.
 *
 * Thread safety: calls on different spans of one arena may run at the same
 * time.  Calls on the same span are the caller's to order, except
 * tmem_arena_purge(), which may race with anything.
 */
#ifndef TMEM_ARENA_H
#define TMEM_ARENA_H

#include <stddef.h>
#include <stdint.h>
#include <tmem/config.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TMEM_SPAN_BYTES ((size_t)2 << 20)

struct tmem_arena; /* from tmem_arena_create() to tmem_arena_destroy() */

/*
 * struct tmem_arena_config - set struct_size with TMEM_ARENA_CONFIG_INIT
 * @struct_size: sizeof(struct tmem_arena_config) of the caller
 * @size:        bytes, a multiple of TMEM_SPAN_BYTES
 * @backend:     TMEM_BACKEND_AUTO, _DEV or _ANON
 * @numa:        node policy
 * @nodes:       bit n: node n, for @numa
 * @name:        for reports (on backend dev also in /proc/PID/fdinfo), up to
 *               31 printable characters, or NULL; see tmem_arena_name()
 */
struct tmem_arena_config {
	size_t struct_size;
	size_t size;
	enum tmem_backend backend;
	enum tmem_numa numa;
	uint64_t nodes;
	const char *name;
};

#define TMEM_ARENA_CONFIG_INIT TMEM_STRUCT_INIT(struct tmem_arena_config)

/*
 * tmem_arena_create() - make an arena.  Takes addresses, not memory.
 * On success *arena is the caller's, to be given to tmem_arena_destroy().
 *
 * Returns 0, or -EINVAL (size, policy, a node that does not exist, name),
 * -ENODEV or -EACCES (no /dev/tmem, or it may not be opened, and @backend is
 * TMEM_BACKEND_DEV), -EPROTO (the module speaks another ABI), -ENOMEM (larger
 * than the memory of the nodes the policy allows, or no addresses), -EMFILE.
 */
int tmem_arena_create(const struct tmem_arena_config *config,
		      struct tmem_arena **arena);

/*
 * tmem_arena_destroy() - unmap and free an arena.  NULL is allowed.  Spans
 * that were mapped at addresses of the caller's are replaced by a mapping
 * without access, so that the caller's reservation keeps its addresses.
 */
void tmem_arena_destroy(struct tmem_arena *arena);

/* Bytes, and spans, of the arena; "dev" or "anon"; its name, or "". */
size_t tmem_arena_size(const struct tmem_arena *arena);
uint32_t tmem_arena_spans(const struct tmem_arena *arena);
const char *tmem_arena_backend(const struct tmem_arena *arena);
const char *tmem_arena_name(const struct tmem_arena *arena);

/*
 * tmem_arena_fd() - the arena's descriptor, to be sent to another process
 * (span i is at offset i * TMEM_SPAN_BYTES).  It stays the arena's: dup() it
 * to keep it.  -ENOTSUP on backend anon.
 */
int tmem_arena_fd(const struct tmem_arena *arena);

/*
 * tmem_arena_map() - put spans [first, first + count) at @addr, in order.
 * @addr: aligned to TMEM_SPAN_BYTES, in addresses that the caller reserved
 *        (whatever is mapped there is replaced; no other span of the arena
 *        may be), or NULL: a place of the library's choice, aligned, that is
 *        returned to the system when the arena is destroyed
 *
 * A span that is mapped elsewhere is moved with its contents; no mapping
 * stays behind.  Nothing is filled.
 *
 * Returns the address, or NULL with errno: EINVAL, ENOMEM (no addresses, or
 * vm.max_map_count reached).  After an error each span is where it was or
 * where it should be, with its contents.
 */
void *tmem_arena_map(struct tmem_arena *arena, void *addr, uint32_t first,
		     uint32_t count);

/*
 * tmem_arena_populate() - have memory behind mapped spans now, so that no
 * touch fails later.  On backend dev many spans are filled in parallel, on the
 * CPUs of the nodes where the memory is.  Returns 0, -ENOMEM (the nodes that
 * the policy allows are full, or a limit is reached; some spans may have been
 * filled), -EINVAL (not mapped), or -EINTR (a fatal signal).
 */
int tmem_arena_populate(struct tmem_arena *arena, uint32_t first,
			uint32_t count);

/*
 * tmem_arena_release() - make a busy span idle: one store.  Its contents may
 * be gone from here on.
 */
void tmem_arena_release(struct tmem_arena *arena, uint32_t span);

/*
 * tmem_arena_claim() - make an idle span busy: one compare-exchange.
 * Returns 0 if the contents are as they were, 1 if they were taken (the span
 * reads as zeroes), -EBUSY if the span was busy already.
 */
int tmem_arena_claim(struct tmem_arena *arena, uint32_t span);

/*
 * tmem_arena_purge() - give the memory of the idle spans among [first,
 * first + count) back to the system at once.  *purged (may be NULL) is set to
 * the number of spans whose memory went.  Busy spans are not touched; spans
 * whose pages somebody holds stay idle.  Returns 0, -EINVAL or -EINTR.
 */
int tmem_arena_purge(struct tmem_arena *arena, uint32_t first, uint32_t count,
		     uint32_t *purged);

/*
 * struct tmem_arena_usage - an arena, counted now.  Set struct_size.
 * @resident:    bytes of memory held
 * @node_bytes:  the same by node
 * @huge_bytes:  bytes of @resident held as 2 MiB pages.  On backend anon this
 *               counts what is mapped as huge
 * @purged:      spans purged since the creation, by whomever
 * @recalled:    those of @purged that the kernel took back because memory was
 *               short or a limit reached; 0 on backend anon
 * @fills:       spans that were given a huge page since the creation, and
 * @fills_pool:  those of them that came zeroed from a node's pool; both 0 on
 *               backend anon
 * @nodes_exact: 1: @node_bytes is what the kernel says, or there is one node
 *               only; 0: it did not say (not permitted) and all is put on the
 *               first node
 */
struct tmem_arena_usage {
	size_t struct_size;
	uint64_t resident;
	uint64_t huge_bytes;
	uint64_t purged;
	uint64_t node_bytes[TMEM_NODES_MAX];
	uint32_t nodes_exact;
	uint32_t reserved;
	uint64_t recalled;
	uint64_t fills;
	uint64_t fills_pool;
};

#define TMEM_ARENA_USAGE_INIT TMEM_STRUCT_INIT(struct tmem_arena_usage)

/*
 * tmem_arena_usage() - fill *usage.  Takes a walk over the arena: for reports,
 * not for hot paths.  Returns 0, or -EINVAL (struct_size), -EIO.
 */
int tmem_arena_usage(struct tmem_arena *arena, struct tmem_arena_usage *usage);

#ifdef __cplusplus
}
#endif

#endif /* TMEM_ARENA_H */
