/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What an arena needs of the operating system, written down once.
 *
 * Two backends keep this contract: backend_dev.c on /dev/tmem and
 * backend_anon.c on anonymous memory.  Only the first lets the kernel take
 * idle spans; the control words work the same on both, so that nothing above
 * has to ask which one it is.
 */
#ifndef TMEM_ARENA_BACKEND_H
#define TMEM_ARENA_BACKEND_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <linux/tmem.h> /* TMEM_FEATURE_* */
#include <tmem/arena.h>

struct tmem_arena;

/*
 * Between IDLE and PURGED while backend anon takes a span's memory.  Never
 * written on /dev/tmem, where the kernel would treat it as BUSY.
 */
#define TMEM_WORD_PURGING 2u

struct tmem_backend_ops {
	const char *name;

	/*
	 * Make the arena; its size, policy, nodes and name are set and valid.
	 * Sets words.  0 or -errno; nothing is left behind on an error.
	 */
	int (*open)(struct tmem_arena *arena);

	/* Everything but the mappings of spans, which are gone already. */
	void (*close)(struct tmem_arena *arena);

	/*
	 * Make spans [first, first + count), all unmapped so far, appear at
	 * addr.  Replaces what is mapped there.  0 or -errno, and then nothing
	 * has changed but that addr may be without access.
	 */
	int (*map)(struct tmem_arena *arena, char *addr, uint32_t first,
		   uint32_t count);

	/*
	 * Move one span from an address to another, contents included, and
	 * leave a mapping without access behind.  0 or -errno and nothing has
	 * changed but that to may be without access.
	 */
	int (*move)(struct tmem_arena *arena, uint32_t span, char *from,
		    char *to);

	/*
	 * Have memory behind spans, where that is faster than populate() alone,
	 * which is still called afterwards.  0 or -errno.  NULL: it never is.
	 */
	int (*fill)(struct tmem_arena *arena, uint32_t first, uint32_t count);

	/* Memory behind mapped spans at addr.  0 or -ENOMEM. */
	int (*populate)(struct tmem_arena *arena, char *addr, uint32_t count);

	/* Purge idle spans of a range; adds to *purged.  0 or -errno. */
	int (*purge)(struct tmem_arena *arena, uint32_t first, uint32_t count,
		     uint32_t *purged);

	/* Fill *usage (zeroed).  0 or -errno. */
	int (*usage)(struct tmem_arena *arena, struct tmem_arena_usage *usage);
};

/*
 * An arena.  From tmem_arena_create() to tmem_arena_destroy().
 *
 * words[i] and where[i] are atomic, because a purge may come at any time: on
 * backend anon it reads where[i] after it has made words[i] PURGING, and an
 * idle span is PURGING while it moves.  Otherwise where[i] is whoever's who
 * orders the calls on span i (arena.h, "Thread safety").  The rest is constant.
 */
struct tmem_arena {
	const struct tmem_backend_ops *ops;
	size_t size;
	uint32_t spans;
	enum tmem_numa numa;
	uint64_t nodes; /* as given */
	char name[32];

	_Atomic(uint32_t) *words; /* control words, one per span */
	_Atomic(char *) *where; /* address of each span, NULL: nowhere */
	_Atomic(char *)
		home; /* addresses for tmem_arena_map(NULL), or NULL: span i at i */

	int fd; /* backend dev: the arena */
	uint64_t features; /* backend dev: TMEM_FEATURE_* of the module */
	size_t words_bytes;
	_Atomic(uint64_t) purged; /* backend anon: spans purged */
};

extern const struct tmem_backend_ops tmem_backend_dev;
extern const struct tmem_backend_ops tmem_backend_anon;

/* 0 if /dev/tmem is there, may be used and speaks our ABI; else -errno. */
int tmem_backend_dev_probe(void);

/*
 * Take idle spans, purged before, away from their addresses: these have no
 * access afterwards.
 */
void tmem_arena_unmap(struct tmem_arena *arena, uint32_t first, uint32_t count);

/*
 * mremap() moves this arena's spans.  Where it is refused it leaves a hole at the
 * new address: not to be tried.
 */
static inline bool tmem_arena_has_mremap(const struct tmem_arena *arena)
{
	return arena->ops == &tmem_backend_anon ||
	       arena->features & TMEM_FEATURE_MREMAP;
}

/* A span was moved by tmem_os_move(); it is at that address now. */
static inline void tmem_arena_moved(struct tmem_arena *arena, uint32_t span,
				    char *to)
{
	atomic_store(&arena->where[span], to);
}

/* true if a span's contents were taken and it has not been claimed since. */
bool tmem_arena_is_purged(struct tmem_arena *arena, uint32_t span);

/* An idle span holds nothing: its next claim shall say so. */
void tmem_arena_mark_purged(struct tmem_arena *arena, uint32_t span);

/*
 * tmem_arena_destroy() in the child of a fork: the mappings of spans stay, the
 * parent's spans and words are not touched.
 */
void tmem_arena_abandon(struct tmem_arena *arena);

/* Idle word for this moment; or for one in milliseconds of CLOCK_MONOTONIC. */
uint32_t tmem_arena_idle_word(void);
uint32_t tmem_arena_idle_word_at(uint64_t ms);

/* tmem_arena_release() with a word made before; for many spans. */
static inline void tmem_arena_release_as(struct tmem_arena *arena,
					 uint32_t span, uint32_t word)
{
	atomic_store_explicit(&arena->words[span], word, memory_order_release);
}

/* Bytes of swap that the machine has. */
uint64_t tmem_os_swap_bytes(void);

/* Anonymous zeroed memory for tables, or NULL.  Never from malloc(). */
void *tmem_os_table(size_t bytes);
void tmem_os_table_free(void *table, size_t bytes);

/* Addresses without access, aligned to spans, or NULL. */
char *tmem_os_reserve(size_t bytes);

/*
 * Move a mapping and its page table entries.  The old addresses stay mapped,
 * so that nobody else can get them.  0, -EINVAL where the kernel cannot (before
 * 5.7, some sandboxes), or another -errno.
 */
int tmem_os_move(char *from, char *to, size_t bytes);

/* Make a range addresses without access again.  0 or -errno. */
int tmem_os_unreach(char *addr, size_t bytes);

#endif /* TMEM_ARENA_BACKEND_H */
