/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared by the tests of recall: two processes that want the same memory.  The
 * keeper holds an arena, most of it idle, and keeps taking random spans back,
 * looking at what is in them; the taker takes anonymous memory until the kernel
 * has to recall some of them.
 */
#ifndef TMEM_TEST_KEEPER_H
#define TMEM_TEST_KEEPER_H

#include "tmem_test_recall.h"

#include <pthread.h>

#define KT_KEEP_MAX 320 /* spans of a keeper */

/* The keeper, in memory that it shares with who started it. */
struct kt_keeper {
	struct kt_arena a; /* mapped by both */
	size_t busy; /* spans [0, busy) stay busy, the others are idle */
	uint64_t seed;
	uint64_t gen[KT_KEEP_MAX]; /* what is in each span */
	bool ready, stop; /* filled; end now */
	uint64_t kept, lost; /* taken back with and without contents */
	uint64_t corrupt; /* words that were neither */
	uint64_t busy_bad; /* words of busy spans that changed */
	uint64_t open; /* lost, and seen at the end only */
};

/* So many idle spans, or a third of what there is on a small machine. */
static inline size_t kt_keeper_idle(size_t wanted)
{
	size_t most = kt_available() / 3 / KT_SPAN;

	return most < wanted ? most : wanted;
}

/* IDLE or PURGED to BUSY; what the word was. */
static inline uint32_t kt_take_back(const struct kt_arena *a, size_t i)
{
	uint32_t word = kt_word(a, i);

	while (!__atomic_compare_exchange_n(&a->ctl[i], &word, TMEM_SPAN_BUSY,
					    false, __ATOMIC_ACQUIRE,
					    __ATOMIC_ACQUIRE))
		;
	return word;
}

/* All of its contents, or none: words that are wrong. */
static inline size_t kt_span_wrong(const struct kt_keeper *k, size_t i,
				   uint32_t word)
{
	if (word == TMEM_SPAN_PURGED)
		return kt_nonzero(kt_span(&k->a, i), KT_SPAN);
	return kt_bad(kt_span(&k->a, i), KT_SPAN, k->gen[i]);
}

/* The span that a recall takes next, or the first of the idle ones. */
static inline size_t kt_keeper_oldest(const struct kt_keeper *k)
{
	uint32_t now = kt_idle_word(), most = 0;
	size_t oldest = k->busy;

	for (size_t i = k->busy; i < k->a.spans; i++) {
		uint32_t word = kt_word(&k->a, i);
		uint32_t age = (now - word) & TMEM_STAMP_MASK;

		if (word & TMEM_SPAN_IDLE && age > most) {
			most = age;
			oldest = i;
		}
	}
	return oldest;
}

/*
 * Each span that was lost and is filled again has to be recalled once more.  So
 * that the taker comes to its end on any kernel, that is half of them at most.
 */
static inline bool kt_keeper_may(const struct kt_keeper *k)
{
	return kt_count(&k->lost) < 16 + kt_stat(&k->a).recalled / 2;
}

/* Takes a span back, looks at what is in it, and writes something else. */
static inline void kt_keeper_flip(struct kt_keeper *k, size_t i, uint64_t *rng)
{
	uint32_t word = kt_word(&k->a, i);

	if (word == TMEM_SPAN_PURGED && !kt_keeper_may(k))
		return;
	word = kt_take_back(&k->a, i);
	if (word == TMEM_SPAN_BUSY)
		return; /* another thread has it */
	__atomic_fetch_add(word == TMEM_SPAN_PURGED ? &k->lost : &k->kept, 1,
			   __ATOMIC_RELAXED);
	__atomic_fetch_add(&k->corrupt, kt_span_wrong(k, i, word),
			   __ATOMIC_RELAXED);
	k->gen[i] = kt_random(rng);
	kt_fill(kt_span(&k->a, i), KT_SPAN, k->gen[i]);
	kt_idle(&k->a, i);
}

/*
 * Lies in wait for the span that goes next: to touch it at the moment when it
 * is purged, while the kernel is hardly done with it.
 */
static inline void *kt_keeper_lurk(void *arg)
{
	struct kt_keeper *k = arg;
	uint64_t rng = ~k->seed;

	while (!kt_flagged(&k->stop)) {
		size_t i = kt_keeper_oldest(k);

		for (int n = 0; n < 2000; n++) {
			if (!(kt_word(&k->a, i) & TMEM_SPAN_IDLE))
				break;
			if (n % 16 == 15)
				sched_yield();
		}
		if (kt_word(&k->a, i) == TMEM_SPAN_PURGED)
			kt_keeper_flip(k, i, &rng);
	}
	return NULL;
}

/* All busy first, so that nothing is recalled while it looks at them. */
static inline void kt_keeper_stock(struct kt_keeper *k)
{
	uint32_t word[KT_KEEP_MAX];

	for (size_t i = k->busy; i < k->a.spans; i++) {
		word[i] = kt_take_back(&k->a, i);
		k->open += word[i] == TMEM_SPAN_PURGED;
	}
	for (size_t i = 0; i < k->busy; i++)
		k->busy_bad += kt_span_wrong(k, i, TMEM_SPAN_BUSY);
	for (size_t i = k->busy; i < k->a.spans; i++)
		if (word[i] != TMEM_SPAN_PURGED)
			k->corrupt += kt_span_wrong(k, i, word[i]);
}

/* The keeper's life; in a child.  Its exit status. */
static inline int kt_keeper_run(struct kt_keeper *k)
{
	uint64_t rng = k->seed;
	pthread_t lurker;

	for (size_t i = 0; i < k->a.spans; i++) {
		k->gen[i] = kt_random(&rng);
		kt_fill(kt_span(&k->a, i), KT_SPAN, k->gen[i]);
	}
	for (size_t i = k->busy; i < k->a.spans; i++)
		kt_idle(&k->a, i);
	if (pthread_create(&lurker, NULL, kt_keeper_lurk, k))
		return 1;
	kt_flag(&k->ready);
	while (!kt_flagged(&k->stop)) {
		size_t i = kt_random(&rng) % (k->a.spans - k->busy);

		kt_keeper_flip(k, k->busy + i, &rng);
		pace_pause();
	}
	pthread_join(lurker, NULL);
	kt_keeper_stock(k);
	return 0;
}

/* What the keeper has seen against what the module says; false: no match. */
static inline bool kt_keeper_agrees(const struct kt_keeper *k,
				    const struct kt_recall *since)
{
	struct tmem_arena_stat st = kt_stat(&k->a);

	printf("# keeper: kept %llu lost %llu open %llu corrupt %llu;"
	       " module: purged %llu recalled %llu, fills small %llu"
	       " failed %llu\n",
	       (unsigned long long)k->kept, (unsigned long long)k->lost,
	       (unsigned long long)k->open, (unsigned long long)k->corrupt,
	       st.purged, st.recalled, st.fills_small, st.fills_failed);
	return st.purged == k->lost + k->open && st.recalled == st.purged &&
	       since->purged == (int64_t)st.recalled &&
	       since->purged <= since->scanned &&
	       st.resident == k->a.size - k->open * KT_SPAN;
}

/* What the taker takes, with how many threads, of what pages. */
struct kt_taker {
	size_t bytes;
	unsigned int threads;
	bool huge;
};

struct kt_taker_part {
	pthread_t id;
	pthread_barrier_t *all;
	unsigned char *p;
	size_t bytes, bad;
};

/* All of it is held at the same time, and written by no other thread. */
static inline void *kt_taker_thread(void *arg)
{
	struct kt_taker_part *part = arg;

	kt_fill(part->p, part->bytes, (uintptr_t)part->p);
	pthread_barrier_wait(part->all);
	part->bad = kt_bad(part->p, part->bytes, (uintptr_t)part->p);
	return NULL;
}

/* The taker's life; in a child.  Its exit status: 0, or 1 if it lost bytes. */
static inline int kt_taker_run(const struct kt_taker *t)
{
	size_t share = t->bytes / t->threads & -KT_PAGE;
	struct kt_taker_part part[8];
	pthread_barrier_t all;
	size_t bad = 0;
	unsigned char *p;

	kt_oom_score(1000);
	p = mmap(NULL, share * t->threads, KT_RW,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return 2;
	madvise(p, share * t->threads,
		t->huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	pthread_barrier_init(&all, NULL, t->threads);
	for (unsigned int i = 0; i < t->threads; i++) {
		part[i] = (struct kt_taker_part){ .all = &all,
						  .p = p + i * share,
						  .bytes = share };
		if (pthread_create(&part[i].id, NULL, kt_taker_thread,
				   &part[i]))
			return 3;
	}
	for (unsigned int i = 0; i < t->threads; i++) {
		pthread_join(part[i].id, NULL);
		bad += part[i].bad;
	}
	return bad ? 1 : 0;
}

#endif /* TMEM_TEST_KEEPER_H */
