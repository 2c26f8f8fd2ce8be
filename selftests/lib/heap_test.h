/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of the heap share: a heap whose memory only the test gives
 * back, sizes as programs with tensors ask for them, blocks that a test knows
 * everything of, and a run that shows that the heap is whole.
 *
 * Nothing here asserts: that is the test's work.
 */
#ifndef HEAP_TEST_H
#define HEAP_TEST_H

#include "lib_test.h"

/*
 * Set up without the background collector: what is idle stays idle until the
 * test says otherwise.  By the environment, which the children of a fork and
 * programs that are executed have too.
 */
static inline int heap_init(void)
{
	setenv("TMEM_GC", "off", 1);
	return lt_init();
}

/* As LT_COUNT(), and less in valgrind, too. */
static inline bool heap_valgrind(void)
{
	const char *text = getenv("LD_PRELOAD");

	return text && strstr(text, "vgpreload");
}

#define HEAP_COUNT(plain, slow) \
	(LT_SANITIZER || heap_valgrind() ? (slow) : (plain))

/*
 * Sizes as in training: many that are small, bins' edges, some sizes that come
 * again and again, and large ones that hardly ever repeat.  From 1 to max.
 */
static inline size_t heap_size(uint64_t *random, size_t max)
{
	static const size_t again[] = {
		64,    256,   512,    4096,    16384,
		32768, 65536, 589824, 2359296, 9437184,
	};
	static const size_t top[] = {
		128,	    1024,	 8192,
		32768,	    131072,	 2 * LT_MIB - 1,
		6 * LT_MIB, 24 * LT_MIB, 80 * LT_MIB,
	};
	size_t kind = lt_random(random) % 100, n = 0, size;

	if (kind < 20) {
		size = again[lt_random(random) % ARRAY_SIZE(again)];
	} else if (kind < 30) {
		size = (size_t)64 << lt_random(random) % 18;
		size += lt_random(random) % 3 - 1;
	} else {
		while (n < ARRAY_SIZE(top) - 1 && lt_random(random) % 100 < 64)
			n++;
		size = lt_between(random, 1, top[n] < max ? top[n] : max);
	}
	return size <= max ? size : 1 + size % max;
}

/* A block that a test knows everything of. */
struct heap_block {
	char *at; /* NULL: none */
	size_t size, usable;
	uint64_t tag;
};

/* A block of any pool becomes a known one; false if it is not as it should. */
static inline bool heap_block_take(struct heap_block *b, void *at, size_t size,
				   uint64_t tag)
{
	*b = (struct heap_block){ .at = at, .size = size, .tag = tag };
	b->usable = tmem_usable_size(at);
	if (!at || (uintptr_t)at % TMEM_MIN_ALIGN || b->usable < size) {
		printf("# %p of %zu bytes, usable %zu\n", at, size, b->usable);
		return false;
	}
	lt_fill(at, b->usable, tag);
	return true;
}

static inline bool heap_block_kept(const struct heap_block *b)
{
	return tmem_usable_size(b->at) == b->usable &&
	       lt_kept(b->at, b->usable, b->tag);
}

/* Its contents are looked at, and it is freed. */
static inline bool heap_block_free(struct heap_block *b)
{
	bool kept = !b->at || heap_block_kept(b);

	tmem_free(b->at);
	b->at = NULL;
	return kept;
}

/* One step with one known block: free it, grow or shrink it, or get it. */
static inline bool heap_block_step(struct heap_block *b, uint64_t *random,
				   size_t max)
{
	size_t size = heap_size(random, max), least;
	uint64_t tag = b->tag;
	char *at;

	if (!b->at) {
		at = lt_random(random) % 4 ? tmem_alloc(size) :
					     tmem_zalloc(size);
		return heap_block_take(b, at, size, lt_random(random));
	}
	if (lt_random(random) % 4)
		return heap_block_free(b);
	if (!heap_block_kept(b))
		return false;
	least = size < b->usable ? size : b->usable;
	at = tmem_realloc(b->at, size);
	if (!at || !lt_kept_to(at, b->usable, least, tag))
		return false;
	return heap_block_take(b, at, size, lt_random(random));
}

/*
 * The heap does what it should, whatever happened before: random calls on
 * blocks of all kinds, none live in the end.
 */
static inline bool heap_whole(unsigned int steps)
{
	struct heap_block block[40] = { { .at = NULL } };
	uint64_t random = 1;
	unsigned int i;

	if (tmem_check())
		return false;
	for (i = 0; i < steps; i++)
		if (!heap_block_step(&block[lt_random(&random) % 40], &random,
				     i % 16 ? 100 * LT_KIB : 5 * LT_MIB))
			return false;
	for (i = 0; i < ARRAY_SIZE(block); i++)
		if (!heap_block_free(&block[i]))
			return false;
	return !tmem_check();
}

/*
 * Nothing is live, and all that was held is given back once the caches of the
 * calling thread are empty; says what is left if not.
 */
static inline bool heap_empty(void)
{
	struct tmem_stats s;
	uint64_t resident;

	tmem_trim(0);
	s = lt_stats();
	resident = lt_residency().resident;
	if (!s.live_blocks && !s.live_bytes && !s.spans_busy && !s.spans_idle &&
	    !resident && !tmem_check())
		return true;
	printf("# %llu blocks, %llu bytes live; %llu spans busy, %llu idle; %llu bytes resident\n",
	       (unsigned long long)s.live_blocks,
	       (unsigned long long)s.live_bytes,
	       (unsigned long long)s.spans_busy,
	       (unsigned long long)s.spans_idle, (unsigned long long)resident);
	return false;
}

#endif /* HEAP_TEST_H */
