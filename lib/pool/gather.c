// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * When no chunk is long enough: make one, of spans.
 *
 * Idle memory is scattered, but it lies in whole spans, and where a span is
 * does not matter to the kernel: moving one to another address costs 5 us, and
 * a fresh one 110 us or more.  So the longest chunk that has room behind it is
 * made longer, as far as is missing, by moving idle spans there, or a new one
 * is begun.
 *
 * Fresh memory is preferred as long as what is held is hardly more than what
 * was in use at once lately (heap.h, tmem_heap_span_goal()): a process that
 * grows has to take it anyway, and few moves are then left for later.
 *
 * Measured on the traces in Documentation/design/heap.md: spans held at the
 * peak are 1.02 to 1.08 times what is live, with 0 to 150 moves in 50,000
 * events.
 */
#include "arena/spans.h"
#include "pool/heap.h"
#include "pool/pages.h"

#define LOOK_MAX 32u /* chunks that are looked at for room behind them */

struct gather {
	struct tmem_pool *pool;
	unsigned int node;
	bool any_node;
	tmem_page_id grown; /* the chunk that is made longer, or TMEM_NO_PAGE */
	uint32_t to; /* the first slot that gets a span */
	uint32_t want;
	uint32_t got;
	struct tmem_pages_how *how;
};

/* Idle slots of a chunk that may be moved: the last of them of the node. */
struct donor {
	struct tmem_pool *pool;
	tmem_page_id chunk;
	uint32_t first;
	uint32_t count;
};

/* Slots that are missing behind a chunk, if they are free to be had; or 0. */
static uint32_t room_behind(tmem_page_id chunk, uint32_t pages)
{
	tmem_page_id end = chunk + tmem_page_at(chunk)->len;
	uint32_t missing =
		(pages - tmem_page_at(chunk)->len + TMEM_SLOT_PAGES - 1) /
		TMEM_SLOT_PAGES;

	if (end % TMEM_SLOT_PAGES ||
	    !tmem_slots_are_free(tmem_page_slot(end), missing))
		return 0;
	return missing;
}

/* The longest chunk with room behind it.  false: there is none. */
static bool gather_grow(struct gather *g, const struct tmem_chunks *chunks,
			uint32_t pages)
{
	unsigned int bin = tmem_chunk_bin(pages) + 1, look = LOOK_MAX;
	tmem_page_id id;
	uint32_t room;

	while ((bin = tmem_chunks_before(chunks, bin)) < TMEM_CHUNK_BINS) {
		for (id = chunks->list[bin]; id != TMEM_NO_PAGE;
		     id = tmem_page_at(id)->next) {
			if (!look--)
				return false;
			if (tmem_page_at(id)->len >= pages)
				continue;
			room = room_behind(id, pages);
			if (!room)
				continue;
			g->grown = id;
			g->to = tmem_page_slot(id + tmem_page_at(id)->len);
			g->want = room;
			return true;
		}
	}
	return false;
}

static bool gather_place(struct gather *g, uint32_t pages, uint32_t align)
{
	uint32_t align_slots =
		align > TMEM_SLOT_PAGES ? align / TMEM_SLOT_PAGES : 1;

	g->grown = TMEM_NO_PAGE;
	g->want = (pages + TMEM_SLOT_PAGES - 1) / TMEM_SLOT_PAGES;
	g->to = tmem_slots_alloc(g->want, align_slots);
	return g->to != TMEM_NO_SLOT;
}

/* The idle slots at the end of a chunk that are of the node. */
static uint32_t donor_slots(const struct gather *g, tmem_page_id chunk,
			    uint32_t *first)
{
	uint32_t begin, end = tmem_chunk_slots(chunk, &begin), slot;

	for (slot = end; slot > begin; slot--)
		if (!g->any_node &&
		    tmem_span_node(tmem_slot_at(slot - 1)->span) != g->node)
			break;
	*first = slot;
	return end - slot;
}

/* The chunk with just enough idle slots, or with the most. */
static void donor_look(const struct gather *g, struct tmem_pool *pool,
		       const struct tmem_chunks *chunks, uint32_t want,
		       struct donor *best)
{
	unsigned int bin = tmem_chunk_bin(TMEM_SLOT_PAGES);
	uint32_t first, count;
	tmem_page_id id;

	for (; (bin = tmem_chunks_next(chunks, bin)) < TMEM_CHUNK_BINS; bin++) {
		for (id = chunks->list[bin]; id != TMEM_NO_PAGE;
		     id = tmem_page_at(id)->next) {
			if (id == g->grown)
				continue;
			count = donor_slots(g, id, &first);
			if (count >= want ? best->count >= want &&
						    best->count <= count :
					    best->count >= count)
				continue;
			*best = (struct donor){ pool, id, first, count };
		}
	}
}

static bool donor_find(const struct gather *g, uint32_t want, bool own,
		       struct donor *best)
{
	struct tmem_pool *pool;
	unsigned int node;

	best->count = 0;
	for (pool = tmem_heap_pools(); pool; pool = pool->next) {
		if (own && pool != g->pool)
			continue;
		for (node = 0; node < TMEM_NODES_MAX; node++)
			if (pool->chunks[node])
				donor_look(g, pool, pool->chunks[node], want,
					   best);
	}
	return best->count;
}

/* Move up to want idle spans to the slots behind what there is. */
static void gather_move(struct gather *g, uint32_t want, bool own)
{
	struct donor donor;
	uint32_t n;

	while (want && donor_find(g, want, own, &donor)) {
		n = donor.count < want ? donor.count : want;
		tmem_pages_cut(donor.chunk, donor.first + donor.count - n, n);
		donor.first += donor.count - n;
		donor.count = tmem_spans_move(donor.first, g->to + g->got, n);
		tmem_spans_hold(g->to + g->got, donor.count);
		if (donor.count < n) {
			/* No more mappings: what is left is where it was. */
			tmem_pages_add(
				donor.pool,
				tmem_slot_at(donor.first + donor.count)->node,
				donor.first + donor.count, n - donor.count);
			want = 0;
		} else {
			want -= n;
		}
		g->got += donor.count;
	}
}

/* Fresh spans of a node or, if any will do, of the nearest that has some. */
static uint32_t gather_supply(struct gather *g, unsigned int node,
			      uint32_t want)
{
	unsigned int i, count;
	const uint8_t *order = tmem_supply_order(node, &count);
	uint32_t n = 0;

	if (!g->any_node)
		return tmem_spans_supply(node, g->to + g->got, want);
	for (i = 0; !n && i < count; i++)
		n = tmem_spans_supply(order[i], g->to + g->got, want);
	return n;
}

/* Up to want fresh spans behind what there is. */
static void gather_fresh(struct gather *g, uint32_t want)
{
	bool turns = tmem_supply_interleaves();
	uint32_t n;

	while (want) {
		n = gather_supply(g, turns ? tmem_supply_wanted() : g->node,
				  turns ? 1 : want);
		if (!n)
			return;
		g->got += n;
		want -= n;
		g->how->fresh = true;
	}
}

/* Spans that may be taken from the system before idle ones are moved. */
static uint32_t gather_quota(const struct gather *g)
{
	uint64_t held = tmem_spans_stats.busy + tmem_spans_stats.idle;
	uint64_t goal = tmem_heap_span_goal();
	uint64_t quota = goal > held ? goal - held : 0;

	return quota < g->want ? (uint32_t)quota : g->want;
}

static void gather_spans(struct gather *g)
{
	uint32_t room = tmem_heap_room(g->pool), quota = gather_quota(g);
	bool own = room < g->want; /* at its limit: what it has, and no more */

	if (quota > room)
		quota = room;
	gather_move(g, g->want - quota, own);
	if (g->got < g->want && g->pool->ops->borrows && !g->any_node &&
	    tmem_heap_is_short()) {
		g->any_node = true;
		gather_move(g, g->want - g->got, own);
		g->any_node = false;
	}
	/* What has been moved is in nobody's count now. */
	room = tmem_heap_room(g->pool);
	room = room > g->got ? room - g->got : 0;
	gather_fresh(g, g->want - g->got < room ? g->want - g->got : room);
	gather_move(g, g->want - g->got, own);
}

/* It did not come together: fresh memory is not kept for nothing. */
static void gather_undo(struct gather *g)
{
	uint32_t i, n;

	for (i = 0; i < g->got; i += n) {
		struct tmem_slot *slot = tmem_slot_at(g->to + i);
		bool zero = slot->zero;

		for (n = 1; i + n < g->got && slot[n].zero == zero;)
			n++;
		if (!zero)
			continue;
		tmem_spans_purge(g->to + i, n);
		tmem_spans_retire(g->to + i, n);
	}
}

/* What there is now is a chunk, or several. */
static void gather_add(const struct gather *g, unsigned int class)
{
	uint32_t i, n;

	for (i = 0; i < g->got; i += n) {
		struct tmem_slot *slot = tmem_slot_at(g->to + i);
		bool there = slot->kind == TMEM_SLOT_IDLE;

		for (n = 1; i + n < g->got &&
			    (slot[n].kind == TMEM_SLOT_IDLE) == there;)
			n++;
		if (there)
			tmem_pages_add(g->pool, class, g->to + i, n);
	}
}

/* More than there is, whatever is idle: nothing has to be filled to know it. */
static bool gather_can(const struct gather *g, uint32_t pages)
{
	struct tmem_arena *arena = tmem_supply_node_arena(g->node);
	uint32_t spans = g->any_node ? tmem_supply_spans() :
			 arena	     ? tmem_arena_spans(arena) :
				       0;

	return pages <= TMEM_PAGES_MAX - TMEM_SLOT_PAGES &&
	       (pages + TMEM_SLOT_PAGES - 1) / TMEM_SLOT_PAGES <= spans;
}

bool tmem_gather(struct tmem_pool *pool, unsigned int node, bool any_node,
		 uint32_t pages, uint32_t align, struct tmem_pages_how *how)
{
	unsigned int class = tmem_pages_class(pool, node);
	struct gather g = {
		.pool = pool,
		.node = node,
		.any_node = any_node || !pool->ops->by_node ||
			    tmem_supply_interleaves(),
		.how = how,
	};

	if (!gather_can(&g, pages))
		return false;
	if ((align > 1 || !gather_grow(&g, pool->chunks[class], pages)) &&
	    !gather_place(&g, pages, align))
		return false;
	gather_spans(&g);
	tmem_spans_let_go(g.to, g.got);
	if (g.got < g.want)
		gather_undo(&g);
	gather_add(&g, class);
	return g.got == g.want;
}
