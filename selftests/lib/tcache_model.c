// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that the tensor cache does what Documentation/design/cache.md says, by
 * a second implementation of it that is as simple as can be: lists that are
 * searched from end to end.  Random calls go to both, and after each one the
 * same bytes, values and keys are there.  And that the limit holds at every
 * moment, to the byte, in usable bytes of the blocks that there are.
 */
#include "tcache_test.h"

#define KEYS 96u
#define PINS 6u

enum where { NOWHERE, WINDOW, MAIN, GHOST };

struct model_entry {
	enum where where;
	bool pinned;
	uint64_t charge, priority, freq;
	uint64_t order; /* in the window, or among ghosts */
	double worth;
};

struct model {
	struct model_entry e[KEYS];
	uint64_t limit, order, lately, evictions;
	double age;
};

static double entry_weight(const struct model_entry *e)
{
	uint64_t root = 0, fourth = 0;

	while ((root + 1) * (root + 1) <= (e->charge | 64))
		root++;
	while ((fourth + 1) * (fourth + 1) <= root)
		fourth++;
	return (double)((e->priority << 28) / (root * fourth));
}

static bool entry_is(const struct model_entry *e, enum where where)
{
	return e->where == where && !e->pinned;
}

static uint64_t model_bytes(const struct model *m, bool window)
{
	uint64_t bytes = 0;
	unsigned int i;

	for (i = 0; i < KEYS; i++)
		if (m->e[i].where == WINDOW || m->e[i].where == MAIN)
			if (!window || entry_is(&m->e[i], WINDOW))
				bytes += m->e[i].charge;
	return bytes;
}

static uint64_t model_entries(const struct model *m)
{
	uint64_t n = 0;
	unsigned int i;

	for (i = 0; i < KEYS; i++)
		n += m->e[i].where == WINDOW || m->e[i].where == MAIN;
	return n;
}

static uint64_t model_ghosts(const struct model *m)
{
	uint64_t n = 0;
	unsigned int i;

	for (i = 0; i < KEYS; i++)
		n += m->e[i].where == GHOST;
	return n;
}

/* Of the window or of ghosts, or NULL. */
static struct model_entry *model_oldest(struct model *m, enum where where)
{
	struct model_entry *found = NULL;
	unsigned int i;

	for (i = 0; i < KEYS; i++)
		if (entry_is(&m->e[i], where) &&
		    (!found || m->e[i].order < found->order))
			found = &m->e[i];
	return found;
}

/* Of the heap; *tie: two are worth the same. */
static struct model_entry *model_least(struct model *m, bool *tie)
{
	struct model_entry *found = NULL;
	unsigned int i;

	*tie = false;
	for (i = 0; i < KEYS; i++) {
		if (!entry_is(&m->e[i], MAIN))
			continue;
		if (found && m->e[i].worth > found->worth)
			continue;
		*tie = found && m->e[i].worth == found->worth;
		found = &m->e[i];
	}
	return found;
}

static bool model_main_fits(const struct model *m, uint64_t bytes)
{
	return model_bytes(m, false) - model_bytes(m, true) + bytes <=
	       m->limit - m->limit / 32;
}

static void model_pass(struct model *m, struct model_entry *e)
{
	e->where = MAIN;
	e->worth = m->age + (double)e->freq * entry_weight(e);
}

static void model_evict(struct model *m, struct model_entry *e)
{
	e->where = GHOST;
	e->order = ++m->order;
	m->evictions++;
	while (model_ghosts(m) > 2 * m->lately)
		model_oldest(m, GHOST)->where = NOWHERE;
}

/* false: a tie, which the model does not decide. */
static bool model_room(struct model *m, uint64_t bytes)
{
	struct model_entry *w, *least;
	bool tie;

	while (model_bytes(m, false) + bytes > m->limit) {
		least = model_least(m, &tie);
		w = model_oldest(m, WINDOW);
		if (w &&
		    (!least || model_bytes(m, true) + bytes > m->limit / 32)) {
			if (!least || model_main_fits(m, w->charge) ||
			    m->age + (double)w->freq * entry_weight(w) / 2 >
				    least->worth)
				model_pass(m, w);
			else
				model_evict(m, w);
			if (w->where == GHOST || model_main_fits(m, 0))
				continue;
			least = model_least(m, &tie);
		}
		if (tie)
			return false;
		if (least->worth > m->age)
			m->age = least->worth;
		model_evict(m, least);
	}
	return true;
}

static void model_idle(struct model *m, struct model_entry *e)
{
	e->pinned = false;
	if (e->where == MAIN) {
		e->worth = m->age + (double)e->freq * entry_weight(e);
		return;
	}
	e->order = ++m->order;
	while (model_bytes(m, true) > m->limit / 32 &&
	       model_main_fits(m, model_oldest(m, WINDOW)->charge))
		model_pass(m, model_oldest(m, WINDOW));
}

/* 0, -ENOSPC, or 1: a tie. */
static int model_put(struct model *m, unsigned int key, uint64_t charge,
		     uint64_t priority)
{
	struct model_entry *e = &m->e[key];
	uint64_t stay = 0;
	unsigned int i;

	for (i = 0; i < KEYS; i++)
		if (m->e[i].pinned)
			stay += m->e[i].charge;
	if (stay + charge > m->limit)
		return -ENOSPC;
	if (!model_room(m, charge))
		return 1;
	e->freq = e->where == GHOST ? e->freq + 1 : 1;
	e->where = WINDOW;
	e->charge = charge;
	e->priority = priority;
	m->lately = model_entries(m) >= m->lately ? model_entries(m) :
						    m->lately - 1;
	model_idle(m, e);
	return 0;
}

/* Both, and what a test holds. */
struct both {
	struct tmem_tcache *cache;
	struct model m;
	uint64_t random;
	unsigned int pinned;
	struct {
		unsigned int key;
		struct tmem_tcache_pin pin;
	} pin[PINS];
};

/* Sizes that do not repeat, so that bytes tell which values are there. */
static size_t key_size(unsigned int key)
{
	return 36 * LT_KIB + (size_t)key * 4 * LT_KIB;
}

static bool both_same(struct both *b)
{
	struct tmem_tcache_stats s = tc_stats(b->cache);

	if (s.bytes == model_bytes(&b->m, false) && s.bytes <= s.max_bytes &&
	    s.entries == model_entries(&b->m) &&
	    s.remembered == model_ghosts(&b->m) &&
	    s.evictions == b->m.evictions && s.bytes == lt_stats().live_bytes)
		return true;
	printf("# %llu bytes, %llu values, %llu ghosts, %llu evicted; the model: %llu, %llu, %llu, %llu; the heap: %llu\n",
	       (unsigned long long)s.bytes, (unsigned long long)s.entries,
	       (unsigned long long)s.remembered,
	       (unsigned long long)s.evictions,
	       (unsigned long long)model_bytes(&b->m, false),
	       (unsigned long long)model_entries(&b->m),
	       (unsigned long long)model_ghosts(&b->m),
	       (unsigned long long)b->m.evictions,
	       (unsigned long long)lt_stats().live_bytes);
	return false;
}

/* 0: the same; 1: a tie; -1: not the same. */
static int step_put(struct both *b, unsigned int key)
{
	uint32_t priority = (uint32_t)lt_between(&b->random, 1, 255);
	enum where where = b->m.e[key].where;
	int want, got;

	if (where == WINDOW || where == MAIN)
		return tc_put(b->cache, key, key_size(key)) == -EEXIST ? 0 : -1;
	want = model_put(&b->m, key, key_size(key), priority);
	if (want == 1)
		return 1;
	got = tc_put_as(b->cache, key, key_size(key), 0, priority);
	return got == want ? 0 : -1;
}

static int step_get(struct both *b, unsigned int key)
{
	struct model_entry *e = &b->m.e[key];
	bool there = e->where == WINDOW || e->where == MAIN;
	struct tmem_tcache_pin pin;
	int got = tc_pin(b->cache, key, &pin);

	if (got != (there ? 0 : -ENOENT))
		return -1;
	if (!there)
		return 0;
	e->freq++;
	if (!lt_kept(pin.value, pin.size, key))
		return -1;
	if (b->pinned < PINS && !e->pinned && !(lt_random(&b->random) % 4)) {
		e->pinned = true;
		b->pin[b->pinned].key = key;
		b->pin[b->pinned++].pin = pin;
		return 0;
	}
	if (!e->pinned)
		model_idle(&b->m, e);
	return tmem_tcache_unpin(b->cache, &pin) ? -1 : 0;
}

static int step_unpin(struct both *b)
{
	unsigned int i;

	if (!b->pinned)
		return 0;
	i = (unsigned int)(lt_random(&b->random) % b->pinned);
	if (!lt_kept(b->pin[i].pin.value, b->pin[i].pin.size, b->pin[i].key) ||
	    tmem_tcache_unpin(b->cache, &b->pin[i].pin))
		return -1;
	model_idle(&b->m, &b->m.e[b->pin[i].key]);
	b->pin[i] = b->pin[--b->pinned];
	return 0;
}

static int step_remove(struct both *b, unsigned int key)
{
	struct model_entry *e = &b->m.e[key];
	bool there = e->where == WINDOW || e->where == MAIN;

	if (e->pinned)
		return 0;
	if (there)
		e->where = NOWHERE;
	return tc_remove(b->cache, key) == (there ? 0 : -ENOENT) ? 0 : -1;
}

static int both_step(struct both *b)
{
	/* Some keys more often than others. */
	unsigned int most = (unsigned int)lt_between(&b->random, 1, KEYS);
	unsigned int key = (unsigned int)(lt_random(&b->random) % most);

	switch (lt_random(&b->random) % 16) {
	case 0:
		return step_remove(b, key);
	case 1:
	case 2:
		return step_unpin(b);
	case 3:
	case 4:
	case 5:
	case 6:
		return step_put(b, key);
	default:
		return step_get(b, key);
	}
}

TEST(against_the_model)
{
	uint64_t seed = pace_seed();
	unsigned int run = 0, i, ties = 0, steps = 0, runs = LT_COUNT(12, 3);
	int r = 0;

	if (lt_backend() == TMEM_BACKEND_DEV)
		runs = 3;
	PACE_ROUNDS(runs) {
		struct both b = { .random = seed + run++ };

		b.m.limit = lt_between(&b.random, LT_MIB / 2, 8 * LT_MIB);
		b.cache = tc_make(b.m.limit, TMEM_TCACHE_MANUAL);
		ASSERT_NE(NULL, b.cache);
		for (i = 0; i < 2000; i++, steps++) {
			r = both_step(&b);
			if (r)
				break;
			ASSERT_TRUE(both_same(&b));
		}
		ASSERT_GE(r, 0);
		ties += r;
		EXPECT_TRUE(tc_end(b.cache));
	}
	printf("# %u steps; %u runs ended by a tie\n", steps, ties);
	EXPECT_LT(200, steps);
}

/* Compression and discarding among it: only the limit, and what is inside. */
static bool random_step(struct tmem_tcache *cache, uint64_t *random,
			uint64_t limit)
{
	unsigned int key = (unsigned int)(lt_random(random) % KEYS);
	struct tmem_tcache_stats s;
	uint64_t kind = lt_random(random) % 200;
	int err;

	if (!kind) {
		tc_wait_cold();
		tmem_tcache_compress(cache, UINT64_MAX);
	} else if (kind == 1) {
		tmem_tcache_discard(cache);
	} else if (kind == 2) {
		tmem_tcache_shrink(cache, limit / 4);
	} else {
		err = tc_get(cache, key);
		if (err > 0)
			return false;
		if (err)
			tc_put_as(cache, key, lt_between(random, 1, limit / 8),
				  (uint32_t)(lt_random(random) % 4),
				  (uint32_t)lt_between(random, 1, 255));
	}
	s = tc_stats(cache);
	return s.bytes <= limit && s.peak_bytes <= limit &&
	       s.bytes == lt_stats().live_bytes &&
	       s.packed_entries <= s.entries &&
	       (s.packed_entries || !s.saved_bytes);
}

TEST(limit_is_exact)
{
	uint64_t random = pace_seed();
	uint64_t limit = lt_between(&random, LT_MIB, 4 * LT_MIB);
	struct tmem_tcache *cache = tc_make(limit, TMEM_TCACHE_MANUAL);
	struct tmem_tcache_stats s;

	ASSERT_NE(NULL, cache);
	PACE_ROUNDS(LT_COUNT(4000, 1000)) {
		ASSERT_TRUE(random_step(cache, &random, limit));
	}
	s = tc_stats(cache);
	printf("# limit %llu, peak %llu; %llu evictions, %llu compressions, %llu restores\n",
	       (unsigned long long)limit, (unsigned long long)s.peak_bytes,
	       (unsigned long long)s.evictions,
	       (unsigned long long)s.compressions,
	       (unsigned long long)s.restores);
	EXPECT_LT(0, s.evictions);
	EXPECT_TRUE(tc_end(cache));
}

TEST_HARNESS_MAIN
