/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The fuzzer's witnesses: arenas in a process of their own, which the fuzzing
 * ones cannot reach.  Here no busy byte changes, an idle
 * span is whole or gone, the counters add up, and the status page is never
 * torn.
 */
#ifndef FUZZ_CANARY_H
#define FUZZ_CANARY_H

#include "fuzz_state.h"

#define FZ_BUSY_SPANS 6
#define FZ_IDLE_SPANS 12
#define FZ_SEED_BUSY 1000

struct fz_canaries {
	struct fz_canary *seen;
	struct fz_thread *t; /* whose faults are counted */
	uint64_t rng;
	struct kt_arena busy; /* the last span was never touched */
	struct kt_arena idle;
	uint64_t gen[FZ_IDLE_SPANS]; /* seed of the contents; 0: unknown */
	const struct tmem_status *page;
	uint64_t changes, updated;
};

/* --- contents ------------------------------------------------------------- */

struct fz_looking {
	unsigned char *span;
	uint64_t seed;
	size_t bad;
};

static void fz_canary_fill(void *arg)
{
	struct fz_looking *w = arg;

	kt_fill(w->span, KT_SPAN, w->seed);
}

static void fz_canary_look(void *arg)
{
	struct fz_looking *w = arg;

	w->bad = w->seed ? kt_bad(w->span, KT_SPAN, w->seed) :
			   kt_nonzero(w->span, KT_SPAN);
}

/* False if there was no memory for it. */
static bool fz_canary_write(struct fz_canaries *c, size_t i, uint64_t seed)
{
	struct fz_looking w = { kt_span(&c->idle, i), seed, 0 };

	return fz_try(c->t, fz_canary_fill, &w);
}

/* Seed 0: all must be zero. -1 if it cannot be read. */
static long fz_canary_bad(struct fz_canaries *c, size_t i, uint64_t seed)
{
	struct fz_looking w = { kt_span(&c->idle, i), seed, 0 };

	return fz_try(c->t, fz_canary_look, &w) ? (long)w.bad : -1;
}

/* Every byte, not only those that were written. */
static uint64_t fz_canary_busy_bad(struct fz_canaries *c, bool every)
{
	uint64_t bad = 0;

	for (size_t i = 0; i + 1 < FZ_BUSY_SPANS; i++) {
		unsigned char *p = kt_span(&c->busy, i);

		bad += kt_bad(p, KT_SPAN, FZ_SEED_BUSY * (i + 1));
		for (size_t page = 0; every && page < 512; page++)
			bad += kt_nonzero(p + page * KT_PAGE, KT_PAGE) != 1;
		bad += kt_word(&c->busy, i) != TMEM_SPAN_BUSY;
	}
	return bad;
}

/* Takes a span back, looks at it, and lets it go with new contents. */
static void fz_canary_flip(struct fz_canaries *c)
{
	size_t i = kt_random(&c->rng) % FZ_IDLE_SPANS;
	uint32_t word = kt_word(&c->idle, i);
	uint64_t gen = c->gen[i];
	bool lost;
	long bad;

	if (word != TMEM_SPAN_PURGED &&
	    !__atomic_compare_exchange_n(&c->idle.ctl[i], &word, TMEM_SPAN_BUSY,
					 false, __ATOMIC_ACQUIRE,
					 __ATOMIC_ACQUIRE) &&
	    word != TMEM_SPAN_PURGED)
		c->seen->bad_idle++;
	lost = word == TMEM_SPAN_PURGED;
	kt_word_set(&c->idle, i, TMEM_SPAN_BUSY);
	if (gen || lost) {
		bad = fz_canary_bad(c, i, lost ? 0 : gen);
		c->seen->bad_idle += bad > 0 || (bad < 0 && !lost);
		c->seen->refused += bad < 0;
		c->seen->lost += lost;
		c->seen->kept += !lost;
	}
	gen = kt_random(&c->rng) | 1;
	c->gen[i] = fz_canary_write(c, i, gen) ? gen : 0;
	kt_idle(&c->idle, i);
}

/* --- counters ------------------------------------------------------------- */

static uint64_t fz_canary_on_nodes(const struct kt_arena *a)
{
	uint64_t sum = 0;

	for_each_node(n, kt_nodes()) {
		struct tmem_arena_node_stat st = { .node = (uint32_t)n };

		if (kt_ioctl(a->fd, TMEM_IOC_ARENA_NODE_STAT, &st))
			return UINT64_MAX;
		sum += st.spans_huge * KT_SPAN + st.small_bytes;
	}
	return sum;
}

/* True for any arena, at any moment. */
static bool fz_canary_adds_up(const struct kt_arena *a,
			      const struct tmem_arena_stat *st)
{
	return st->size == a->size && st->resident <= st->size &&
	       st->resident % KT_PAGE == 0 &&
	       st->resident >= st->spans_huge * KT_SPAN &&
	       st->resident <= (st->spans_huge + st->spans_small) * KT_SPAN &&
	       st->fills_pool <= st->fills &&
	       st->fills_limited <= st->fills_failed &&
	       st->recalled <= st->purged;
}

static bool fz_canary_counted(struct fz_canaries *c)
{
	struct tmem_arena_stat busy = kt_stat(&c->busy);
	struct tmem_arena_stat idle = kt_stat(&c->idle);
	uint64_t full = (FZ_BUSY_SPANS - 1) * KT_SPAN;

	return fz_canary_adds_up(&c->busy, &busy) &&
	       fz_canary_adds_up(&c->idle, &idle) && busy.resident == full &&
	       busy.purged == 0 && fz_canary_on_nodes(&c->busy) == full &&
	       idle.purged >= c->seen->lost;
}

/* A migration between two questions is not an error: ask again. */
static void fz_canary_count(struct fz_canaries *c)
{
	struct tmem_arena_stat st;

	if (PACE_UNTIL(fz_canary_counted(c)))
		return;
	if (c->seen->bad_stat++ >= 3)
		return;
	for (int i = 0; i < 2; i++) {
		const struct kt_arena *a = i ? &c->idle : &c->busy;

		st = kt_stat(a);
		fprintf(stderr,
			"# %s arena: size %llu resident %llu (nodes %llu) huge"
			" %llu small %llu fills %llu pool %llu failed %llu"
			" limited %llu purged %llu recalled %llu lost %llu\n",
			i ? "idle" : "busy", (unsigned long long)st.size,
			(unsigned long long)st.resident,
			(unsigned long long)fz_canary_on_nodes(a),
			(unsigned long long)st.spans_huge,
			(unsigned long long)st.spans_small,
			(unsigned long long)st.fills,
			(unsigned long long)st.fills_pool,
			(unsigned long long)st.fills_failed,
			(unsigned long long)st.fills_limited,
			(unsigned long long)st.purged,
			(unsigned long long)st.recalled,
			(unsigned long long)c->seen->lost);
	}
}

/* --- status page ---------------------------------------------------------- */

/* One reading of the page; false if it was written meanwhile. */
static bool fz_canary_read(struct fz_canaries *c, struct tmem_status *out)
{
	uint32_t seq = __atomic_load_n(&c->page->seq, __ATOMIC_ACQUIRE);

	memcpy(out, (const void *)c->page, sizeof(*out));
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return !(seq & 1) &&
	       seq == __atomic_load_n(&c->page->seq, __ATOMIC_RELAXED);
}

static void fz_canary_status(struct fz_canaries *c)
{
	struct tmem_status s;
	bool good;

	if (!c->page)
		return;
	good = PACE_UNTIL(fz_canary_read(c, &s)) &&
	       s.level <= TMEM_LEVEL_CRITICAL &&
	       s.use_level <= TMEM_LEVEL_CRITICAL &&
	       s.stall_level <= TMEM_LEVEL_CRITICAL && s.psi_on <= 1 &&
	       s.size == sizeof(s) + s.nr_nodes * sizeof(s.nodes[0]) &&
	       s.use <= 10000 && s.stall <= 10000 && s.total &&
	       s.available <= s.total && s.changes >= c->changes &&
	       s.updated >= c->updated;
	c->seen->snapshots++;
	if (!good && !c->seen->bad_status++)
		fprintf(stderr,
			"# status page: level %u seq %u size %u nodes %u use %u"
			" stall %u total %llu available %llu changes %llu >= "
			"%llu updated %llu >= %llu\n",
			s.level, s.seq, s.size, s.nr_nodes, s.use, s.stall,
			(unsigned long long)s.total,
			(unsigned long long)s.available,
			(unsigned long long)s.changes,
			(unsigned long long)c->changes,
			(unsigned long long)s.updated,
			(unsigned long long)c->updated);
	c->changes = s.changes;
	c->updated = s.updated;
}

/* --- life ----------------------------------------------------------------- */

static int fz_canary_setup(struct fz_canaries *c, int dev)
{
	struct tmem_query q = { 0 };
	uint64_t nodes = kt_nodes();
	void *page;
	int ret;

	ret = kt_arena_init(&c->busy, dev, FZ_BUSY_SPANS * KT_SPAN,
			    TMEM_POLICY_INTERLEAVE, nodes);
	if (!ret)
		ret = kt_arena_init(&c->idle, dev, FZ_IDLE_SPANS * KT_SPAN,
				    TMEM_POLICY_INTERLEAVE, nodes);
	if (ret)
		return ret;
	for (size_t i = 0; i + 1 < FZ_BUSY_SPANS; i++)
		kt_fill(kt_span(&c->busy, i), KT_SPAN, FZ_SEED_BUSY * (i + 1));
	kt_ioctl(dev, TMEM_IOC_QUERY, &q);
	if (!(q.features & TMEM_FEATURE_PRESSURE)) {
		c->seen->no_status = true;
		return 0;
	}
	page = mmap(NULL, q.status_size, PROT_READ, MAP_SHARED, dev, 0);
	c->page = page == MAP_FAILED ? NULL : page;
	return c->page ? 0 : -errno;
}

/* The process: until told to stop, and once more then, every byte. */
static int fz_canary_main(struct fz_shared *sh, int dev)
{
	struct fz_proc p = { .sh = sh };
	struct fz_thread t = { .p = &p };
	struct fz_canaries c = { .seen = &sh->canary,
				 .t = &t,
				 .rng = kt_mix(sh->seed ^ 1) };
	int ret = fz_canary_setup(&c, dev);

	if (ret) {
		fprintf(stderr, "# canaries: %s\n", strerror(-ret));
		return 1;
	}
	__atomic_store_n(&sh->canary.ready, true, __ATOMIC_RELEASE);
	while (!fz_stopped(sh)) {
		for (int i = 0; i < 4; i++) {
			fz_canary_flip(&c);
			fz_canary_status(&c);
			pace_pause();
		}
		c.seen->bad_busy +=
			fz_canary_busy_bad(&c, c.seen->rounds++ % 16 == 0);
		fz_canary_count(&c);
	}
	c.seen->bad_busy += fz_canary_busy_bad(&c, true);
	fz_canary_count(&c);
	__atomic_store_n(&sh->canary.done, true, __ATOMIC_RELEASE);
	return 0;
}

#endif /* FUZZ_CANARY_H */
