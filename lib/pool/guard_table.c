// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A table of lists, doubled when there are more records than lists.
 */
#include "pool/guard_table.h"

#include <stdint.h>

#include "arena/backend.h"
#include "pool/meta.h"

#define TABLE_FIRST ((size_t)4096)

static struct tmem_meta_cache guarded_cache = {
	.size = sizeof(struct tmem_guarded),
};

static struct {
	struct tmem_guarded **list;
	size_t lists; /* a power of two, or 0 */
	size_t records;
} table;

static struct tmem_guarded **table_list(const void *user)
{
	uint64_t key = (uintptr_t)user / 64 * 0x9e3779b97f4a7c15ULL;

	return &table.list[(key >> 32) & (table.lists - 1)];
}

/* false: it is as it was. */
static bool table_grow(size_t lists)
{
	struct tmem_guarded **old = table.list, **to, *g, *next;
	size_t old_lists = table.lists, i;
	struct tmem_guarded **list =
		tmem_os_table(lists * sizeof(struct tmem_guarded *));

	if (!list)
		return false;
	table.list = list;
	table.lists = lists;
	for (i = 0; i < old_lists; i++) {
		for (g = old[i]; g; g = next) {
			next = g->next;
			to = table_list(g->user);
			g->next = *to;
			*to = g;
		}
	}
	tmem_os_table_free(old, old_lists * sizeof(struct tmem_guarded *));
	return true;
}

struct tmem_guarded *tmem_guarded_new(void)
{
	if (!table.lists && !table_grow(TABLE_FIRST))
		return NULL;
	/* Without memory for a larger table the lists grow longer. */
	if (table.records >= table.lists)
		(void)table_grow(2 * table.lists);
	return tmem_meta_get(&guarded_cache);
}

void tmem_guarded_delete(struct tmem_guarded *g)
{
	tmem_meta_put(&guarded_cache, g);
}

void tmem_guarded_add(struct tmem_guarded *g)
{
	struct tmem_guarded **list = table_list(g->user);

	g->next = *list;
	*list = g;
	table.records++;
}

void tmem_guarded_remove(struct tmem_guarded *g)
{
	struct tmem_guarded **at = table_list(g->user);

	while (*at != g)
		at = &(*at)->next;
	*at = g->next;
	table.records--;
}

struct tmem_guarded *tmem_guarded_find(const void *user)
{
	struct tmem_guarded *g;

	if (!table.lists)
		return NULL;
	for (g = *table_list(user); g; g = g->next)
		if (g->user == user)
			return g;
	return NULL;
}

/*
 * When the table doubles, what was in list i goes to i or to a later one: the
 * cursor passes over nothing.
 */
struct tmem_guarded *
tmem_guarded_next(const struct tmem_pool *pool, size_t *cursor,
		  bool (*keep)(const struct tmem_guarded *g))
{
	struct tmem_guarded *g;

	for (; *cursor < table.lists; ++*cursor)
		for (g = table.list[*cursor]; g; g = g->next)
			if (g->pool == pool && !keep(g))
				return g;
	return NULL;
}

size_t tmem_guarded_metadata(void)
{
	return table.lists * sizeof(struct tmem_guarded *);
}
