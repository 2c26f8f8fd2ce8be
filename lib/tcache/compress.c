// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Cold values made smaller where they lie, and whole again when they are looked
 * up.
 *
 * The work is done without the lock, on an entry that is busy: it is not idle,
 * so it does not go, and who looks for it waits.  What it will take is charged
 * before it is allocated, what it has given back is uncharged afterwards: so
 * the limit holds meanwhile, too.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <xxhash.h>

#include "core/log.h"
#include "pool/alloc.h"
#include "tcache/tcache.h"

/* Of 256 parts so many must go for it to be worth the time. */
#define WORTH_LEFT (256u - 256u / 8)
/* Smaller ones do not repay the table of lengths. */
#define SIZE_MIN ((size_t)16 << 10)

void tmem_tentry_busy(struct tmem_tcache *c, struct tmem_tentry *e)
{
	tmem_worth_remove(c, e);
	e->busy = true;
	c->busy++;
}

void tmem_tentry_calm(struct tmem_tcache *c, struct tmem_tentry *e)
{
	e->busy = false;
	c->busy--;
	pthread_cond_broadcast(&c->calm);
}

/* The one that nobody uses, or another one.  The lock is held. */
static struct tmem_pack_work *work_take(struct tmem_tcache *c)
{
	struct tmem_pack_work *work = c->work;

	c->work = NULL;
	return work ? work : tmem_pack_work_make();
}

static void work_give(struct tmem_tcache *c, struct tmem_pack_work *work)
{
	if (!work)
		return;
	if (c->work)
		tmem_pack_work_free(work);
	else
		c->work = work;
}

/* A table of lengths, charged for.  The lock is held, and let go meanwhile. */
static int words_make(struct tmem_tcache *c, struct tmem_tentry *e)
{
	size_t bytes = tmem_pack_words(e->size, e->width) * sizeof(uint32_t);
	uint32_t *words;
	int err;

	tmem_tcache_unlock(c);
	words = tmem_alloc(bytes);
	tmem_tcache_lock(c);
	if (!words)
		return -ENOMEM;
	err = tmem_room_make(c, tmem_usable_size(words));
	if (err) {
		tmem_free(words);
		return err;
	}
	tmem_room_charge(c, e, tmem_usable_size(words));
	e->words = words;
	return 0;
}

static void words_drop(struct tmem_tcache *c, struct tmem_tentry *e)
{
	tmem_room_uncharge(c, e, tmem_usable_size(e->words));
	tmem_free(e->words);
	e->words = NULL;
}

/* What is left of the value, in the block that it takes then.  No lock. */
static void value_pack(struct tmem_pack_work *work, struct tmem_tentry *e)
{
	void *smaller;

	e->sum = XXH3_64bits(e->value, e->size);
	e->packed = tmem_pack(work, e->value, e->size, e->width, e->words);
	smaller = tmem_realloc(e->value, e->packed);
	/* Then it takes what it took. */
	if (smaller)
		e->value = smaller;
}

/*
 * The entry is busy, the lock is held, and let go meanwhile.  Returns the bytes
 * saved.
 */
static uint64_t entry_pack(struct tmem_tcache *c, struct tmem_tentry *e,
			   struct tmem_pack_work *work)
{
	uint64_t start = tmem_tcache_now_ns(), before = e->charge;
	bool worth;

	tmem_tcache_unlock(c);
	worth = tmem_pack_probe(work, e->value, e->size, e->width) <=
		WORTH_LEFT;
	tmem_tcache_lock(c);
	if (!worth) {
		e->tried = true;
		c->count.incompressible++;
	} else if (!words_make(c, e)) {
		tmem_tcache_unlock(c);
		value_pack(work, e);
		tmem_tcache_lock(c);
		tmem_room_uncharge(c, e, e->whole);
		tmem_room_charge(c, e, tmem_usable_size(e->value));
		c->count.compressions++;
		c->count.packed_from_bytes += e->size;
		c->count.packed_to_bytes += e->packed;
		c->count.packed_entries++;
		c->count.packed_bytes += e->charge;
		c->count.saved_bytes += before - e->charge;
	}
	c->count.compress_ns += tmem_tcache_now_ns() - start;
	return e->packed ? before - e->charge : 0;
}

/* After it was busy: idle again, or gone if somebody removed it meanwhile. */
static void entry_settle(struct tmem_tcache *c, struct tmem_tentry *e)
{
	tmem_tentry_calm(c, e);
	if (e->doomed) {
		tmem_room_free(c, e);
		tmem_tentry_put(c, e);
	} else {
		tmem_worth_add(c, e);
	}
}

static bool entry_is_cold(const struct tmem_tcache *c,
			  const struct tmem_tentry *e, uint64_t now_ms)
{
	return e->flags & TMEM_TCACHE_COMPRESSIBLE && !e->packed && !e->tried &&
	       e->size >= SIZE_MIN && now_ms >= e->used_ms + c->cold_ms;
}

/*
 * One that may be compressed, from the heap's place *from on: there, those of
 * least worth are in front, but for twigs.  Then comes the window.
 */
static struct tmem_tentry *entry_cold(struct tmem_tcache *c, size_t *from,
				      uint64_t now_ms)
{
	struct tmem_tentry *e;

	for (; *from <= c->heap_used; ++*from)
		if (entry_is_cold(c, c->heap[*from], now_ms))
			return c->heap[*from];
	for (e = c->window.first; e; e = e->next)
		if (entry_is_cold(c, e, now_ms))
			return e;
	return NULL;
}

/* One sweep, in which some may be missed: the heap changes meanwhile. */
static uint64_t cache_sweep(struct tmem_tcache *c, struct tmem_pack_work *work,
			    uint64_t start_ns, uint64_t budget_us, bool *again)
{
	struct tmem_tentry *e;
	uint64_t saved = 0;
	size_t from = 1;

	*again = false;
	while ((e = entry_cold(c, &from, start_ns / 1000000))) {
		tmem_tentry_busy(c, e);
		saved += entry_pack(c, e, work);
		*again = e->packed || e->tried;
		entry_settle(c, e);
		/* No room for so little as the lengths: nothing will help. */
		if (!*again)
			break;
		if ((tmem_tcache_now_ns() - start_ns) / 1000 >= budget_us) {
			*again = false;
			break;
		}
	}
	return saved;
}

uint64_t tmem_tcache_compress(struct tmem_tcache *c, uint64_t budget_us)
{
	uint64_t start = tmem_tcache_now_ns(), saved = 0;
	struct tmem_pack_work *work;
	bool again;

	tmem_tcache_lock(c);
	work = work_take(c);
	do {
		again = false;
		if (work)
			saved += cache_sweep(c, work, start, budget_us, &again);
	} while (again);
	work_give(c, work);
	tmem_tcache_unlock(c);
	return saved;
}

/* 0 and the value that was packed, or -errno.  No lock. */
static int value_unpack(struct tmem_tcache *c, struct tmem_pack_work *work,
			const struct tmem_tentry *e, void **to)
{
	*to = tmem_pool_aligned_alloc(c->pool, e->align, e->size);
	if (!*to)
		return -ENOMEM;
	if (tmem_unpack(work, e->value, e->packed, e->words, *to, e->size,
			e->width) &&
	    XXH3_64bits(*to, e->size) == e->sum)
		return 0;
	tmem_free(*to);
	*to = NULL;
	tmem_log(TMEM_LOG_ERROR,
		 "tensor cache: a compressed value of %" PRIu64
		 " bytes was written over, and is dropped",
		 (uint64_t)e->size);
	return -EBADMSG;
}

/*
 * The packed value gives way to the whole one, which is charged for as it was
 * before it was packed.  Another pool may round up more: then there must be room
 * for that, too.
 */
static int entry_accept(struct tmem_tcache *c, struct tmem_tentry *e, void *to)
{
	uint64_t bytes = tmem_usable_size(to), was = e->whole;

	if (bytes > was && tmem_room_make(c, bytes - was)) {
		tmem_free(to);
		return -ENOSPC;
	}
	tmem_room_uncharge(c, e, was);
	tmem_room_uncount(c, e);
	tmem_room_uncharge(c, e, tmem_usable_size(e->value));
	tmem_room_charge(c, e, bytes);
	words_drop(c, e);
	tmem_free(e->value);
	e->value = to;
	e->whole = bytes;
	e->packed = 0;
	c->count.restores++;
	return 0;
}

/* It is in no state to be kept. */
static void entry_drop(struct tmem_tcache *c, struct tmem_tentry *e)
{
	if (!e->doomed)
		tmem_table_remove(c, e);
	tmem_room_free(c, e);
	tmem_tentry_put(c, e);
}

static int restore_begin(struct tmem_tcache *c, struct tmem_tentry *e)
{
	int err;

	tmem_tentry_busy(c, e);
	err = tmem_room_make(c, e->whole);
	if (err) {
		tmem_tentry_calm(c, e);
		tmem_worth_add(c, e);
		return err;
	}
	return 0;
}

/* After the work, which may have failed.  The lock is held. */
static int restore_end(struct tmem_tcache *c, struct tmem_tentry *e, void *to,
		       int err)
{
	uint64_t whole = e->whole;

	if (!err)
		err = entry_accept(c, e, to);
	if (err)
		tmem_room_uncharge(c, e, whole);
	tmem_tentry_calm(c, e);
	if (err == -EBADMSG || e->doomed) {
		entry_drop(c, e);
		return err ? err : -ENOENT;
	}
	if (err)
		tmem_worth_add(c, e);
	return err;
}

int tmem_tentry_restore(struct tmem_tcache *c, struct tmem_tentry *e)
{
	uint64_t start = tmem_tcache_now_ns();
	struct tmem_pack_work *work;
	void *to = NULL;
	int err = restore_begin(c, e);

	if (!err) {
		tmem_room_charge(c, e, e->whole);
		work = work_take(c);
		tmem_tcache_unlock(c);
		err = work ? value_unpack(c, work, e, &to) : -ENOMEM;
		tmem_tcache_lock(c);
		work_give(c, work);
		err = restore_end(c, e, to, err);
	}
	c->count.restore_ns += tmem_tcache_now_ns() - start;
	c->count.damaged += err == -EBADMSG;
	c->count.refused += err == -ENOSPC;
	return err;
}
