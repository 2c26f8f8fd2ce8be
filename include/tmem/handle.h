/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tmem/handle.h - memory that may be moved while nobody looks at it.
 *
 * A handle stands for a block whose address is only known while it is pinned.
 * Between pins tmem_defragment() may move it, to empty spans that are mostly
 * free and give them back to the system.  What is pinned never moves.
 *
 * All calls are thread-safe.  None may be called from a signal handler.
 */
#ifndef TMEM_HANDLE_H
#define TMEM_HANDLE_H

#include <stddef.h>
#include <stdint.h>
#include <tmem/config.h>
#include <tmem/pool.h>

#ifdef __cplusplus
extern "C" {
#endif

struct tmem_handle; /* from tmem_handle_new() to tmem_handle_free() */

/*
 * tmem_handle_new() - a movable block of at least @size bytes, not pinned.
 * @pool: where from; NULL: the default pool
 *
 * It takes whole pages of 4 KiB: handles are for tensors, not for small things.
 * Contents are undefined.  Returns NULL with errno: ENOMEM, or what tmem_init()
 * says.
 */
struct tmem_handle *tmem_handle_new(struct tmem_pool *pool, size_t size);

/*
 * tmem_handle_pin() - its address, aligned to 64 bytes, which stays what it is
 * until as many calls of tmem_handle_unpin().  Waits if the block is being
 * moved just now, for as long as its contents take to be copied.  Returns NULL
 * with errno: EINVAL (freed, or its pool was destroyed), EOVERFLOW (2^29 pins).
 */
void *tmem_handle_pin(struct tmem_handle *handle);

/* tmem_handle_unpin() - 0, or -EINVAL: it is not pinned.  Reported to the log. */
int tmem_handle_unpin(struct tmem_handle *handle);

/*
 * tmem_handle_free() - free the block.  NULL is allowed.  Returns 0, -EBUSY (it
 * is pinned, and stays), or -EINVAL (freed before; reported to the log).
 */
int tmem_handle_free(struct tmem_handle *handle);

/* tmem_handle_size() - as it was asked for; 0 if it was freed. */
size_t tmem_handle_size(const struct tmem_handle *handle);

/*
 * struct tmem_defrag_report - set struct_size with TMEM_DEFRAG_REPORT_INIT
 * @moved_blocks:   blocks moved
 * @moved_bytes:    bytes copied for it
 * @emptied_spans:  spans in which nothing was left
 * @returned_bytes: of these, given back to the system
 * @pinned_blocks:  blocks that were found pinned, and their spans left
 * @no_room:        times a span was left because no other had room for a block
 * @us:             microseconds it took
 * @more:           1: the budget was used up before the work was done
 * @busy_before:    bytes of spans with live blocks, and
 * @used_before:    bytes of these that are in blocks, of this pool
 * @busy_after:     the same afterwards
 * @used_after:     the same afterwards
 *
 * Fragmentation is 1 - used / busy.
 */
struct tmem_defrag_report {
	size_t struct_size;
	uint64_t moved_blocks;
	uint64_t moved_bytes;
	uint64_t emptied_spans;
	uint64_t returned_bytes;
	uint64_t pinned_blocks;
	uint64_t no_room;
	uint64_t us;
	uint64_t more;
	uint64_t busy_before;
	uint64_t used_before;
	uint64_t busy_after;
	uint64_t used_after;
};

#define TMEM_DEFRAG_REPORT_INIT TMEM_STRUCT_INIT(struct tmem_defrag_report)

/*
 * tmem_defragment() - move unpinned blocks out of the spans that hold least,
 * into room that others have, and give the emptied spans back.
 * @pool:      whose blocks; NULL: those of the default pool
 * @budget_us: how long it may take.  It is looked at between blocks: copying
 *             one (2 MiB at most), and giving back up to 4 spans, is not
 *             interrupted, and at least one block is moved.  0: nothing moves,
 *             and the report says how things are; UINT64_MAX: until it is done
 * @report:    what was done, or NULL
 *
 * Only spans in which all blocks are handles of up to 2 MiB, not pinned, are
 * emptied.  Each call goes on where the last one ended.  In guard mode nothing
 * moves.  Of calls by several threads one works at a time.
 *
 * Returns 0, -EINVAL (struct_size), -ENOMEM (for its own tables), or what
 * tmem_init() says.
 */
int tmem_defragment(struct tmem_pool *pool, uint64_t budget_us,
		    struct tmem_defrag_report *report);

#ifdef __cplusplus
}
#endif

#endif /* TMEM_HANDLE_H */
