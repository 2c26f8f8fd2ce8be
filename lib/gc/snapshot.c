// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A table for the idle spans, made for each look: most of the time there is
 * none, and a look is rare.
 */
#include "gc/snapshot.h"

#include "arena/backend.h"

#define SPARE 64u /* may become idle meanwhile */
#define ENTRY_BYTES \
	(sizeof(struct tmem_idle_span) + sizeof(struct tmem_lru_entry))

/* Entries first: they are what needs the alignment. */
static size_t snapshot_room(struct tmem_gc_snapshot *s, size_t room)
{
	s->table_bytes = room * ENTRY_BYTES;
	s->table = tmem_os_table(s->table_bytes);
	if (!s->table) {
		s->entries = s->few_entries;
		s->spans = s->few_spans;
		return TMEM_GC_FEW;
	}
	s->entries = s->table;
	s->spans = (struct tmem_idle_span *)(s->entries + room);
	return room;
}

void tmem_gc_snapshot_take(struct tmem_gc_snapshot *snapshot,
			   const struct tmem_gc_ops *ops)
{
	size_t room = snapshot_room(snapshot, ops->idle_now() + SPARE);

	/* It says how many there are, which may be more. */
	snapshot->count = ops->idle_list(snapshot->spans, room);
	if (snapshot->count > room)
		snapshot->count = room;
}

void tmem_gc_snapshot_drop(struct tmem_gc_snapshot *snapshot)
{
	tmem_os_table_free(snapshot->table, snapshot->table_bytes);
	snapshot->table = NULL;
}

uint64_t tmem_gc_snapshot_aged(const struct tmem_gc_snapshot *snapshot,
			       uint64_t age_ms)
{
	uint64_t aged = 0;
	size_t i;

	for (i = 0; i < snapshot->count; i++)
		aged += snapshot->spans[i].age_ms >= age_ms;
	return aged;
}
