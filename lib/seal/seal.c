// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * tmem_seal(): look for the contents, compare, share; or store them.
 *
 * The index is locked for looking only.  Contents that are compared are held by
 * a reference, those that are copied are FILLING: who wants the same ones
 * meanwhile waits for them.
 */
#include "seal/seal.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <tmem/pool.h>
#include <tmem/seal.h>

#include "core/settings.h"
#include "seal/fill.h"
#include "seal/futex.h"
#include "seal/store.h"
#include "seal/view.h"

#define SEAL_FLAGS TMEM_SEAL_COPY
#define SEAL_TRIES 64u /* contents of one hash that are compared */
#define SEAL_POLL_MS 20u
#define SEAL_DRAIN ((size_t)64 << 20) /* blocks worth a second fault */

/* One call of tmem_seal(). */
struct seal {
	struct tmem_store *store;
	char *block;
	size_t size;
	unsigned int flags;
	bool drain;
	struct tmem_hash hash;
	uint32_t probe, tries;
	uint64_t deadline; /* of waiting for others */
	struct tmem_content content;
	char *view;
};

enum seal_step { SEAL_SHARE, SEAL_FILL, SEAL_WAIT };

/* No more candidates.  Room may be had where processes died. */
static int seal_insert(struct seal *seal)
{
	struct tmem_index *index = &seal->store->index;
	int err = tmem_index_insert(index, &seal->hash, seal->size,
				    &seal->content);

	if (err != -ENOSPC)
		return err;
	tmem_index_sweep(index, true);
	return tmem_index_insert(index, &seal->hash, seal->size,
				 &seal->content);
}

/* With the store entered: what to do next, or -errno. */
static int seal_look(struct seal *seal)
{
	struct tmem_index *index = &seal->store->index;
	struct tmem_content *content = &seal->content;
	int err;

	while (seal->tries < SEAL_TRIES &&
	       tmem_index_find(index, &seal->hash, seal->size, &seal->probe,
			       content)) {
		if (content->state == TMEM_ENTRY_READY) {
			tmem_index_ref(index, content->entry);
			return SEAL_SHARE;
		}
		/* One that is never filled is not waited for for ever. */
		if (tmem_clock_ms() >= seal->deadline)
			continue;
		if (!tmem_index_is_filled(index, content))
			tmem_index_sweep(index, true);
		seal->probe = 0;
		return SEAL_WAIT;
	}
	err = seal_insert(seal);
	return err ? err : SEAL_FILL;
}

/* 0, -EAGAIN: they differ, or -errno. */
static int seal_share(struct seal *seal)
{
	struct tmem_store *store = seal->store;
	char *view = tmem_fill_share(&store->file, &seal->content, seal->flags);
	int err = view ? 0 : -errno;

	if (view) {
		atomic_fetch_add(&store->comparisons, 1);
		if (!memcmp(view, seal->block, seal->size)) {
			atomic_fetch_add(&store->shared, 1);
			seal->view = view;
			return 0;
		}
		atomic_fetch_add(&store->collisions, 1);
		munmap(view, tmem_view_span(seal->size));
		seal->tries++;
		err = -EAGAIN;
	}
	tmem_store_unref(store, &seal->content);
	return err;
}

static int seal_fill(struct seal *seal)
{
	struct tmem_store *store = seal->store;
	int err;

	seal->view = tmem_fill_view(&store->file, &seal->content, seal->block,
				    seal->drain, seal->flags);
	err = seal->view ? 0 : -errno;
	if (err)
		tmem_store_cancel(store, &seal->content);
	else
		tmem_index_ready(&store->index, seal->content.entry);
	return err;
}

static int seal_run(struct seal *seal)
{
	struct tmem_store *store = seal->store;
	int step;

	for (;;) {
		step = tmem_store_enter(store);
		if (step)
			return step;
		step = seal_look(seal);
		tmem_store_leave(store);
		if (step == SEAL_FILL)
			return seal_fill(seal);
		if (step == SEAL_SHARE)
			step = seal_share(seal);
		else if (step == SEAL_WAIT)
			tmem_index_wait(&store->index, seal->content.entry,
					SEAL_POLL_MS);
		if (step <= 0 && step != -EAGAIN)
			return step;
	}
}

/* Sets what follows from the arguments.  0 or -errno. */
static int seal_check(struct seal *seal)
{
	size_t view = tmem_views_size(seal->block);
	size_t usable = view ? view : tmem_usable_size(seal->block);
	bool copies = seal->flags & TMEM_SEAL_COPY;
	int err;

	if (seal->flags & ~SEAL_FLAGS || !seal->size || seal->size > usable)
		return -EINVAL;
	if (!seal->store) {
		err = tmem_store_default(copies, true, &seal->store);
		if (err)
			return err;
	}
	if (copies && !seal->store->file.ops->copies)
		return -ENOTSUP;
	seal->drain = !view && seal->size >= SEAL_DRAIN &&
		      seal->store->file.ops == &tmem_file_memfd &&
		      !strcmp(tmem_backend_name(), "anon");
	/* Time for another to copy them at 256 MiB/s, and 10 s. */
	seal->deadline = tmem_clock_ms() + 10000 + (seal->size >> 18);
	seal->hash = tmem_hash_make(seal->block, seal->size,
				    seal->store->index.seed);
	return 0;
}

/* The block has become the view. */
static void seal_done(struct seal *seal)
{
	struct tmem_view view = {
		.addr = seal->view,
		.entry = seal->content.entry,
		.offset = seal->content.offset,
		.bytes = seal->size,
		.store = seal->store,
	};

	atomic_fetch_add(&seal->store->seals, 1);
	tmem_views_add(&view);
	if (!tmem_seal_free(seal->block))
		tmem_free(seal->block);
}

void *tmem_seal(struct tmem_store *store, void *block, size_t size,
		unsigned int flags)
{
	struct seal seal = {
		.store = store,
		.block = block,
		.size = size,
		.flags = flags,
	};
	int err = seal_check(&seal);

	if (!err)
		err = tmem_views_reserve();
	if (err) {
		errno = -err;
		return NULL;
	}
	err = seal_run(&seal);
	if (err) {
		tmem_views_unreserve();
		errno = -err;
		return NULL;
	}
	seal_done(&seal);
	return seal.view;
}

bool tmem_seal_free(const void *ptr)
{
	struct tmem_content content = { 0 };
	struct tmem_view view;
	int saved = errno;

	if (!tmem_views_take(ptr, &view))
		return false;
	munmap(view.addr, tmem_view_span(view.bytes));
	content.entry = view.entry;
	content.offset = view.offset;
	content.bytes = view.bytes;
	if (!view.lost)
		tmem_store_unref(view.store, &content);
	tmem_store_put(view.store);
	errno = saved;
	return true;
}

size_t tmem_seal_usable(const void *ptr)
{
	return tmem_views_size(ptr);
}

int tmem_unseal(const void *view)
{
	return !view || tmem_seal_free(view) ? 0 : -EINVAL;
}

int tmem_store_stats_get(struct tmem_store *store, struct tmem_store_stats *to)
{
	struct tmem_store_stats stats = TMEM_STORE_STATS_INIT;
	int err = 0;

	if (!store)
		err = tmem_store_default(false, false, &store);
	if (!err && store) {
		err = tmem_store_enter(store);
		if (err)
			return err;
		tmem_index_sweep(&store->index, true);
		tmem_index_count(&store->index, &stats);
		stats.dead_peers = store->index.dead_peers;
		tmem_store_leave(store);
		stats.seals = atomic_load(&store->seals);
		stats.shared = atomic_load(&store->shared);
		stats.comparisons = atomic_load(&store->comparisons);
		stats.collisions = atomic_load(&store->collisions);
	}
	if (err)
		return err;
	return tmem_struct_put(to, &stats, sizeof(stats)) ? 0 : -EINVAL;
}
