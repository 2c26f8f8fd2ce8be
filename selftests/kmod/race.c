// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves the protocol of the control words under fire: threads make spans
 * idle and busy again and check what they find in them, others purge all the
 * time, and no span that was won back may have lost a byte, none that was lost
 * may hold one, and every loss must have been counted by the kernel.
 *
 * With spans that are mapped by one PMD, by 512 PTEs, that are split and moved
 * between nodes meanwhile, and that consist of small pages.
 */
#include "tmem_test_cgroup.h"

#include <pthread.h>

#define SPANS 24
#define USERS 3
#define PURGERS 2
#define ROUNDS 60 /* of a user, at least */
#define PROBES 8 /* pages looked at in a span, the first and the last too */

enum how { PMD, PTE, MOVED, SMALL };

/*
 * What is in the spans, seen from outside.  gen[i] belongs to the thread that
 * made span i busy.
 */
struct race {
	struct kt_arena *a;
	enum how how;
	uint64_t gen[SPANS];
	bool stop;
	uint64_t kept, lost, corrupt, purged, busy, pinned, failed;
};

struct thread {
	struct race *r;
	pthread_t id;
	uint64_t rng;
};

static uint64_t *probe(unsigned char *span, size_t k)
{
	size_t page = k * (KT_SPAN / KT_PAGE - 1) / (PROBES - 1);

	return kt_page_word(span, page);
}

static void span_write(struct race *r, size_t i)
{
	for (size_t k = 0; k < PROBES; k++)
		*probe(kt_span(r->a, i), k) = kt_mix(r->gen[i] + k);
}

/* How many probes are not as they must be. */
static size_t span_wrong(struct race *r, size_t i, bool zero)
{
	size_t wrong = 0;

	for (size_t k = 0; k < PROBES; k++)
		wrong += *probe(kt_span(r->a, i), k) !=
			 (zero ? 0 : kt_mix(r->gen[i] + k));
	return wrong;
}

static void add(uint64_t *counter, uint64_t n)
{
	__atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
}

/* A span from PURGED or IDLE to BUSY; false if another thread was first. */
static bool span_claim(struct race *r, size_t i, bool *lost)
{
	uint32_t word = kt_word(r->a, i);

	*lost = word == TMEM_SPAN_PURGED;
	if (!*lost && !(word & TMEM_SPAN_IDLE))
		return false;
	return __atomic_compare_exchange_n(&r->a->ctl[i], &word, TMEM_SPAN_BUSY,
					   false, __ATOMIC_ACQUIRE,
					   __ATOMIC_RELAXED);
}

/*
 * A CPU that never leaves user space makes each TLB flush on the other one
 * take 20 ms under emulation: there would be hardly a purge to race with.
 */
static void pause_a_little(struct thread *t)
{
	if (kt_random(&t->rng) % 8)
		sched_yield();
	else
		pace_pause();
}

/* Without a share of each, nothing is proven: the threads go on. */
static bool each_had_a_share(const struct race *r)
{
	return __atomic_load_n(&r->kept, __ATOMIC_RELAXED) &&
	       __atomic_load_n(&r->lost, __ATOMIC_RELAXED) &&
	       __atomic_load_n(&r->busy, __ATOMIC_RELAXED);
}

static void *user(void *arg)
{
	struct thread *t = arg;
	struct race *r = t->r;
	struct pace_rounds rounds = pace_rounds(ROUNDS);
	bool lost;

	while (pace_more(&rounds) || !each_had_a_share(r)) {
		size_t i = kt_random(&t->rng) % SPANS;

		while (!span_claim(r, i, &lost))
			i = (i + 1) % SPANS;
		add(lost ? &r->lost : &r->kept, 1);
		add(&r->corrupt, span_wrong(r, i, lost));
		r->gen[i] = kt_random(&t->rng);
		span_write(r, i);
		kt_idle(r->a, i);
		pause_a_little(t);
	}
	return NULL;
}

static void *purger(void *arg)
{
	struct thread *t = arg;
	struct race *r = t->r;
	struct tmem_arena_purge out;

	while (!__atomic_load_n(&r->stop, __ATOMIC_RELAXED)) {
		size_t first = kt_random(&t->rng) % SPANS;
		size_t count = 1 + kt_random(&t->rng) % (SPANS - first);

		if (kt_purge(r->a, first, count, &out)) {
			add(&r->failed, 1);
			continue;
		}
		add(&r->purged, out.purged);
		add(&r->busy, out.busy);
		add(&r->pinned, out.pinned);
		pause_a_little(t);
	}
	return NULL;
}

/* Splits pages and sends them from node to node, contents and all. */
static void *mover(void *arg)
{
	struct thread *t = arg;
	struct race *r = t->r;

	while (!__atomic_load_n(&r->stop, __ATOMIC_RELAXED)) {
		uint64_t v = kt_random(&t->rng);
		unsigned char *p =
			kt_span(r->a, v % SPANS) + (v >> 16) % 512 * KT_PAGE;

		if (v >> 62 == 0)
			madvise(p, KT_PAGE, MADV_COLD);
		else
			kt_page_move(p, v >> 63 ? kt_node_first() :
						  kt_node_last());
		pace_pause();
	}
	return NULL;
}

static void run(struct race *r)
{
	struct thread t[USERS + PURGERS + 1];
	size_t n = USERS + PURGERS + (r->how == MOVED);
	uint64_t rng = pace_seed();

	for (size_t i = 0; i < n; i++) {
		t[i].r = r;
		t[i].rng = kt_random(&rng);
		pthread_create(&t[i].id, NULL,
			       i < USERS	   ? user :
			       i < USERS + PURGERS ? purger :
						     mover,
			       &t[i]);
	}
	for (size_t i = 0; i < USERS; i++)
		pthread_join(t[i].id, NULL);
	__atomic_store_n(&r->stop, true, __ATOMIC_RELAXED);
	for (size_t i = USERS; i < n; i++)
		pthread_join(t[i].id, NULL);
}

FIXTURE(race)
{
	int dev;
	uint64_t free_before;
	struct kt_arena a;
	struct race r;
	struct kt_cgroup cg;
};

FIXTURE_VARIANT(race)
{
	enum how how;
};

FIXTURE_VARIANT_ADD(race, pmd){
	.how = PMD,
};

FIXTURE_VARIANT_ADD(race, pte){
	.how = PTE,
};

FIXTURE_VARIANT_ADD(race, moved){
	.how = MOVED,
};

FIXTURE_VARIANT_ADD(race, small){
	.how = SMALL,
};

/* A memory cgroup in which there is no room for 2 MiB. */
static int live_modestly(struct kt_cgroup *cg)
{
	int ret = kt_cgroup_init(cg, "+memory");

	if (!ret)
		ret = kt_cgroup_limit(cg, 2 * KT_MIB - 64 * 1024);
	return ret ? ret : kt_cgroup_enter(cg);
}

FIXTURE_SETUP(race)
{
	int ret = 0;

	self->dev = kt_open();
	ASSERT_LE(0, self->dev);
	self->free_before = kt_free(-1);
	if (variant->how == SMALL)
		ret = live_modestly(&self->cg);
	if (ret) {
		kt_cgroup_leave();
		kt_cgroup_fini(&self->cg);
		SKIP(return, "no memory cgroup: %s", strerror(-ret));
	}
	ASSERT_EQ(0, kt_arena_init(&self->a, self->dev, SPANS * KT_SPAN,
				   TMEM_POLICY_INTERLEAVE, 0));
	self->r.a = &self->a;
	self->r.how = variant->how;
	for (size_t i = 0; i < SPANS; i++) {
		self->r.gen[i] = i;
		span_write(&self->r, i);
		/* A page that no probe is in. */
		if (variant->how == PTE)
			mprotect(kt_span(&self->a, i) + KT_PAGE, KT_PAGE,
				 PROT_READ);
	}
	if (variant->how == SMALL) {
		EXPECT_EQ((uint64_t)SPANS, kt_stat(&self->a).spans_small);
	}
	for (size_t i = 0; i < SPANS; i++)
		kt_idle(&self->a, i);
}

FIXTURE_TEARDOWN(race)
{
	kt_arena_fini(&self->a);
	if (self->cg.path[0])
		kt_cgroup_leave();
	EXPECT_EQ(0, kt_cgroup_fini(&self->cg));
	EXPECT_EQ(0U, kt_arenas(self->dev));
	EXPECT_EQ(0U, kt_free_missing(-1, self->free_before));
	close(self->dev);
}

/* All spans busy, so that looking at them purges none; how many were lost. */
static uint64_t take_stock(struct race *r)
{
	bool lost[SPANS];
	uint64_t n = 0;

	for (size_t i = 0; i < SPANS; i++) {
		lost[i] = kt_word(r->a, i) == TMEM_SPAN_PURGED;
		kt_word_set(r->a, i, TMEM_SPAN_BUSY);
		n += lost[i];
	}
	for (size_t i = 0; i < SPANS; i++)
		add(&r->corrupt, span_wrong(r, i, lost[i]));
	return n;
}

TEST_F(race, purge_against_reuse)
{
	struct race *r = &self->r;
	uint64_t open;

	run(r);
	open = take_stock(r);
	printf("# kept %llu lost %llu corrupt %llu, purged %llu busy %llu"
	       " pinned %llu\n",
	       (unsigned long long)r->kept, (unsigned long long)r->lost,
	       (unsigned long long)r->corrupt, (unsigned long long)r->purged,
	       (unsigned long long)r->busy, (unsigned long long)r->pinned);
	EXPECT_EQ(0U, r->corrupt);
	EXPECT_EQ(0U, r->failed);
	EXPECT_EQ(kt_stat(r->a).purged, r->lost + open);
	/* A fault that finds no huge page purges idle spans on its own. */
	if (r->how == SMALL) {
		EXPECT_LE(r->purged, r->lost + open);
	} else {
		EXPECT_EQ(r->purged, r->lost + open);
	}
}

TEST_HARNESS_MAIN
