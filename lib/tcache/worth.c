// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Which entry goes first.
 *
 * A new one comes into the *window*, a list by last use, of 1/32 of the limit.
 * What falls out of it goes into the *heap*, if there is room beside the window
 * or if it is worth more than what would have to go for it, by half of its
 * frequency; else it goes itself.  From the heap the least worth goes first:
 *
 *	worth = age + frequency * priority / bytes^(3/4)
 *
 * when it is used.  age is the worth of the last one that went from the heap,
 * so what is not used any more falls behind as others come.  (Greedy dual with
 * frequency and size; Cherkasova's GDSF, 1998, has bytes^1 and no window.)
 *
 * Keys of those that went are remembered, two for each that was there lately,
 * with their frequency, which goes on if they come again.
 *
 * So scans go by, of a loop that does not fit most stays as it would with
 * foresight, and what is new has its time to be used a second time.
 * Documentation/design/cache.md has the measurements by which this was chosen.
 *
 * Worked: priority 16, 1 MiB: weight 16 * 2^28 / 2^15 = 131072; used three times
 * at age 0: worth 393216.  Of 64 KiB: weight 16 * 2^28 / 2^12 = 1048576; it need
 * be used once only to be worth more: once, by half, is 524288.
 *
 * All in integers.  A frequency is below 2^20, a weight below 2^32, so a worth
 * is below age + 2^52; when age reaches 2^62 it is taken from all.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>

#include "arena/backend.h"
#include "tcache/tcache.h"

#define AGE_MAX (1ULL << 62)
#define FREQ_MAX ((1u << 20) - 1)
#define WINDOW(limit) ((limit) / 32)
#define HEAP_FIRST ((size_t)512)
#define GHOSTS(entries) (2 * (entries))

/* The largest whole number whose square is not above x. */
static uint64_t worth_sqrt(uint64_t x)
{
	uint64_t root = 0, bit = 1ULL << 62;

	while (bit > x)
		bit >>= 2;
	for (; bit; bit >>= 2) {
		if (x >= root + bit) {
			x -= root + bit;
			root = (root >> 1) + bit;
		} else {
			root >>= 1;
		}
	}
	return root;
}

/* Nothing is idle that is worth less than age, but what was compressed. */
static void worth_rebase(struct tmem_tcache *c)
{
	size_t i;

	for (i = 1; i <= c->heap_used; i++)
		c->heap[i]->worth -=
			c->heap[i]->worth < c->age ? c->heap[i]->worth : c->age;
	c->age = 0;
}

static uint64_t worth_weight(const struct tmem_tentry *e)
{
	uint64_t root = worth_sqrt(e->charge | 64), weight;

	weight = ((uint64_t)e->priority << 28) / (root * worth_sqrt(root));
	return weight + !weight;
}

void tmem_worth_put(struct tmem_tcache *c)
{
	if (c->lately > c->count.entries)
		c->lately--;
	else
		c->lately = c->count.entries;
}

void tmem_worth_use(struct tmem_tentry *e)
{
	e->freq += e->freq < FREQ_MAX;
}

static void heap_put(struct tmem_tcache *c, size_t i, struct tmem_tentry *e)
{
	c->heap[i] = e;
	e->place = (uint32_t)i;
}

static void heap_up(struct tmem_tcache *c, size_t i)
{
	struct tmem_tentry *e = c->heap[i];

	for (; i > 1 && e->worth < c->heap[i / 2]->worth; i /= 2)
		heap_put(c, i, c->heap[i / 2]);
	heap_put(c, i, e);
}

static void heap_down(struct tmem_tcache *c, size_t i)
{
	struct tmem_tentry *e = c->heap[i];
	size_t least;

	for (; (least = 2 * i) <= c->heap_used; i = least) {
		if (least < c->heap_used &&
		    c->heap[least + 1]->worth < c->heap[least]->worth)
			least++;
		if (e->worth <= c->heap[least]->worth)
			break;
		heap_put(c, i, c->heap[least]);
	}
	heap_put(c, i, e);
}

int tmem_worth_reserve(struct tmem_tcache *c)
{
	size_t room = c->heap_room ? 2 * c->heap_room : HEAP_FIRST;
	struct tmem_tentry **to;

	if (c->count.entries + 1 < c->heap_room)
		return 0;
	if (room > UINT32_MAX)
		return -ENOMEM;
	to = tmem_os_table(room * sizeof(struct tmem_tentry *));
	if (!to)
		return -ENOMEM;
	if (c->heap_room)
		memcpy(to, c->heap,
		       c->heap_room * sizeof(struct tmem_tentry *));
	tmem_os_table_free(c->heap,
			   c->heap_room * sizeof(struct tmem_tentry *));
	c->table_bytes += (room - c->heap_room) * sizeof(struct tmem_tentry *);
	c->heap = to;
	c->heap_room = room;
	return 0;
}

static void heap_add(struct tmem_tcache *c, struct tmem_tentry *e)
{
	c->heap[++c->heap_used] = e;
	heap_up(c, c->heap_used);
}

static void heap_remove(struct tmem_tcache *c, struct tmem_tentry *e)
{
	struct tmem_tentry *last = c->heap[c->heap_used--];
	size_t i = e->place;

	if (last == e)
		return;
	heap_put(c, i, last);
	heap_up(c, i);
	heap_down(c, last->place);
}

static void list_add(struct tmem_tentry_list *list, struct tmem_tentry *e)
{
	e->next = NULL;
	e->prev = list->last;
	if (e->prev)
		e->prev->next = e;
	else
		list->first = e;
	list->last = e;
	list->count++;
}

static void list_remove(struct tmem_tentry_list *list, struct tmem_tentry *e)
{
	if (e->prev)
		e->prev->next = e->next;
	else
		list->first = e->next;
	if (e->next)
		e->next->prev = e->prev;
	else
		list->last = e->prev;
	list->count--;
}

/* Bytes that are not in the window may be so many. */
static bool main_has_room(const struct tmem_tcache *c, uint64_t bytes)
{
	return c->bytes - c->window_bytes + bytes <=
	       c->max_bytes - WINDOW(c->max_bytes);
}

/* The oldest of the window goes to the heap. */
static void window_pass(struct tmem_tcache *c, struct tmem_tentry *e)
{
	list_remove(&c->window, e);
	c->window_bytes -= e->charge;
	e->main = true;
	if (c->age >= AGE_MAX)
		worth_rebase(c);
	e->worth = c->age + e->freq * worth_weight(e);
	heap_add(c, e);
}

void tmem_worth_add(struct tmem_tcache *c, struct tmem_tentry *e)
{
	e->idle = true;
	c->idle_bytes += e->charge;
	if (e->main) {
		heap_add(c, e);
		return;
	}
	list_add(&c->window, e);
	c->window_bytes += e->charge;
	while (c->window_bytes > WINDOW(c->max_bytes) &&
	       main_has_room(c, c->window.first->charge))
		window_pass(c, c->window.first);
}

void tmem_worth_used(struct tmem_tcache *c, struct tmem_tentry *e)
{
	if (c->age >= AGE_MAX)
		worth_rebase(c);
	e->worth = c->age + e->freq * worth_weight(e);
}

void tmem_worth_remove(struct tmem_tcache *c, struct tmem_tentry *e)
{
	e->idle = false;
	c->idle_bytes -= e->charge;
	if (e->main) {
		heap_remove(c, e);
		return;
	}
	list_remove(&c->window, e);
	c->window_bytes -= e->charge;
}

/* Who falls out of the window is worth what goes for it. */
static bool window_wins(const struct tmem_tcache *c,
			const struct tmem_tentry *e)
{
	return !c->heap_used || main_has_room(c, e->charge) ||
	       c->age + e->freq * worth_weight(e) / 2 > c->heap[1]->worth;
}

struct tmem_tentry *tmem_worth_victim(struct tmem_tcache *c, uint64_t bytes)
{
	struct tmem_tentry *e;

	while ((e = c->window.first) &&
	       (!c->heap_used ||
		c->window_bytes + bytes > WINDOW(c->max_bytes))) {
		if (!window_wins(c, e))
			return e;
		window_pass(c, e);
		if (!main_has_room(c, 0))
			break;
	}
	if (!c->heap_used)
		return NULL;
	e = c->heap[1];
	if (e->worth > c->age)
		c->age = e->worth;
	return e;
}

struct tmem_tentry *tmem_worth_next(const struct tmem_tcache *c,
				    const struct tmem_tentry *e)
{
	size_t i = 1;

	if (e && !e->main)
		return e->next;
	if (e)
		i = e->place + 1;
	return i <= c->heap_used ? c->heap[i] : c->window.first;
}

void tmem_ghost_remove(struct tmem_tcache *c, struct tmem_tentry *e)
{
	list_remove(&c->ghosts, e);
}

/* It stays in the table. */
void tmem_ghost_add(struct tmem_tcache *c, struct tmem_tentry *e)
{
	struct tmem_tentry *old;

	e->state = TMEM_TENTRY_GHOST;
	list_add(&c->ghosts, e);
	while (c->ghosts.count > GHOSTS(c->lately)) {
		old = c->ghosts.first;
		list_remove(&c->ghosts, old);
		tmem_table_remove(c, old);
		tmem_tentry_put(c, old);
	}
}
