// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Views by address, over all stores: what is freed names no store.
 *
 * An open hash table that grows, with its empty places closed up when a view
 * goes.  One lock, held for a few loads; no other is taken under it.
 */
#define _GNU_SOURCE
#include "seal/view.h"

#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>

#include "arena/backend.h"
#include "seal/store.h"

#define VIEWS_FIRST 256u

static struct {
	pthread_mutex_t lock;
	struct tmem_view *table;
	size_t size; /* a power of two, or 0 */
	size_t used; /* and reserved */
} views = { .lock = PTHREAD_MUTEX_INITIALIZER };

size_t tmem_view_span(uint64_t bytes)
{
	return (bytes + TMEM_STORE_PAGE - 1) & ~(TMEM_STORE_PAGE - 1);
}

static char *view_fail(char *reserved, size_t bytes)
{
	int err = errno;

	munmap(reserved, bytes);
	errno = err;
	return NULL;
}

char *tmem_view_map(const struct tmem_file *file,
		    const struct tmem_content *content, int prot, int flags)
{
	size_t span = tmem_view_span(content->bytes), room;
	size_t head = content->offset % TMEM_SPAN_BYTES;
	char *base, *at;

	if (span < TMEM_SPAN_BYTES) {
		at = mmap(NULL, span, prot, flags, file->fd,
			  (off_t)content->offset);
		return at == MAP_FAILED ? NULL : at;
	}
	/* Address and offset agree modulo 2 MiB. */
	room = (head + span + TMEM_SPAN_BYTES - 1) & ~(TMEM_SPAN_BYTES - 1);
	base = tmem_os_reserve(room);
	if (!base) {
		errno = ENOMEM;
		return NULL;
	}
	at = mmap(base + head, span, prot, flags | MAP_FIXED, file->fd,
		  (off_t)content->offset);
	if (at == MAP_FAILED)
		return view_fail(base, room);
	if (head)
		munmap(base, head);
	if (room - head - span)
		munmap(at + span, room - head - span);
	return at;
}

static size_t view_home(const void *addr)
{
	uint64_t x = (uintptr_t)addr / TMEM_STORE_PAGE;

	return (x * 0x9e3779b97f4a7c15ULL >> 32) & (views.size - 1);
}

/* The place of a view, or the empty one where it would be. */
static struct tmem_view *view_find(const void *addr)
{
	size_t i = view_home(addr);

	while (views.table[i].addr && views.table[i].addr != addr)
		i = (i + 1) & (views.size - 1);
	return &views.table[i];
}

static int views_grow(void)
{
	struct tmem_view *old = views.table, *new;
	size_t old_size = views.size, i;
	size_t size = old_size ? 2 * old_size : VIEWS_FIRST;

	new = tmem_os_table(size * sizeof(*new));
	if (!new)
		return -ENOMEM;
	views.table = new;
	views.size = size;
	for (i = 0; i < old_size; i++)
		if (old[i].addr)
			*view_find(old[i].addr) = old[i];
	tmem_os_table_free(old, old_size * sizeof(*old));
	return 0;
}

int tmem_views_reserve(void)
{
	int err = 0;

	pthread_mutex_lock(&views.lock);
	if (4 * (views.used + 1) > 3 * views.size)
		err = views_grow();
	if (!err)
		views.used++;
	pthread_mutex_unlock(&views.lock);
	return err;
}

void tmem_views_unreserve(void)
{
	pthread_mutex_lock(&views.lock);
	views.used--;
	pthread_mutex_unlock(&views.lock);
}

void tmem_views_add(const struct tmem_view *view)
{
	pthread_mutex_lock(&views.lock);
	*view_find(view->addr) = *view;
	atomic_fetch_add(&view->store->users, 1);
	pthread_mutex_unlock(&views.lock);
}

/* Those that follow and would not be found over the gap move into it. */
static void views_remove(struct tmem_view *place)
{
	size_t mask = views.size - 1, gap = (size_t)(place - views.table), i;
	struct tmem_view *t = views.table;

	for (i = (gap + 1) & mask; t[i].addr; i = (i + 1) & mask) {
		if (((i - view_home(t[i].addr)) & mask) < ((i - gap) & mask))
			continue;
		t[gap] = t[i];
		gap = i;
	}
	t[gap].addr = NULL;
	views.used--;
}

bool tmem_views_take(const void *addr, struct tmem_view *view)
{
	struct tmem_view *place;
	bool found = false;

	pthread_mutex_lock(&views.lock);
	if (addr && views.size) {
		place = view_find(addr);
		found = place->addr;
		if (found) {
			*view = *place;
			views_remove(place);
		}
	}
	pthread_mutex_unlock(&views.lock);
	return found;
}

size_t tmem_views_size(const void *addr)
{
	struct tmem_view *place;
	size_t size = 0;

	pthread_mutex_lock(&views.lock);
	if (addr && views.size) {
		place = view_find(addr);
		size = place->addr ? place->bytes : 0;
	}
	pthread_mutex_unlock(&views.lock);
	return size;
}

void tmem_views_lock(void)
{
	pthread_mutex_lock(&views.lock);
}

void tmem_views_unlock(void)
{
	pthread_mutex_unlock(&views.lock);
}

struct tmem_view *tmem_views_next(struct tmem_view *view)
{
	struct tmem_view *end = views.table + views.size;

	for (view = view ? view + 1 : views.table; view < end; view++)
		if (view->addr)
			return view;
	return NULL;
}
