/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared by the tests of sealing: tensors whose every byte is known, and what
 * a store says of itself.  Nothing here asserts.
 */
#ifndef SEAL_TEST_H
#define SEAL_TEST_H

#include "lib_test.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <tmem/seal.h>

#include "seal/futex.h"
#include "seal/layout.h"

/* A block in which each byte follows from the tag. */
static inline char *seal_block(size_t size, uint64_t tag)
{
	char *block = tmem_zalloc(size);

	if (block)
		lt_fill(block, size, tag);
	return block;
}

/* What seal_block() made, at the end of which nothing is but zeroes. */
static inline bool seal_kept(const char *view, size_t size, uint64_t tag)
{
	return lt_kept(view, size, tag) &&
	       lt_zero(view + size, -size % LT_PAGE);
}

/* A sealed tensor; NULL with errno, and no block left behind. */
static inline char *seal_view(struct tmem_store *store, size_t size,
			      uint64_t tag, unsigned int flags)
{
	char *block = seal_block(size, tag);
	char *view = block ? tmem_seal(store, block, size, flags) : NULL;
	int err = errno;

	if (!view)
		tmem_free(block);
	errno = err;
	return view;
}

/* A small store of its own; NULL: it could not be made. */
static inline struct tmem_store *seal_store(uint64_t capacity,
					    uint32_t contents)
{
	struct tmem_store_config config = TMEM_STORE_CONFIG_INIT;
	struct tmem_store *store = NULL;

	config.capacity = capacity;
	config.max_contents = contents;
	config.max_peers = 8;
	config.backend = lt_backend();
	config.name = "selftest";
	if (tmem_store_create(&config, &store))
		return NULL;
	return store;
}

static inline struct tmem_store_stats seal_stats(struct tmem_store *store)
{
	struct tmem_store_stats stats = TMEM_STORE_STATS_INIT;

	if (tmem_store_stats_get(store, &stats))
		memset(&stats, 0xff, sizeof(stats));
	return stats;
}

/* Bytes of memory behind a store on backend anon. */
static inline uint64_t seal_memory(struct tmem_store *store)
{
	struct stat st;

	if (fstat(tmem_store_fd(store), &st))
		return UINT64_MAX;
	return (uint64_t)st.st_blocks * 512;
}

/*
 * The time of sealing in a test: it stands still, and a wait is over at once
 * and takes as long as was asked for.  The test is told of each, when it has
 * set on_wait.
 */
static struct seal_time {
	uint64_t now_ms, waited_ms;
	void (*on_wait)(_Atomic(uint32_t) *word, uint32_t seen);
} seal_time;

static inline uint64_t seal_time_now(void)
{
	return seal_time.now_ms;
}

static inline bool seal_time_wait(_Atomic(uint32_t) *word, uint32_t seen,
				  unsigned int ms)
{
	seal_time.now_ms += ms;
	seal_time.waited_ms += ms;
	if (seal_time.on_wait)
		seal_time.on_wait(word, seen);
	return atomic_load(word) == seen;
}

/* Before this, what other processes have begun must be done. */
static inline void seal_time_stop(void)
{
	static const struct tmem_seal_time stopped = {
		.now_ms = seal_time_now,
		.wait = seal_time_wait,
	};

	seal_time = (struct seal_time){ .now_ms = tmem_clock_ms() };
	tmem_seal_time_replace(&stopped);
}

/* The index of a store, as a peer with evil in mind maps it. */
static inline struct tmem_index_header *seal_index(struct tmem_store *store,
						   size_t *bytes)
{
	struct tmem_index_header *header;
	uint64_t at;

	header = mmap(NULL, LT_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED,
		      tmem_store_fd(store), 0);
	if (header == MAP_FAILED)
		return NULL;
	at = header->size - seal_stats(store).capacity;
	munmap(header, LT_PAGE);
	*bytes = at;
	header = mmap(NULL, at, PROT_READ | PROT_WRITE, MAP_SHARED,
		      tmem_store_fd(store), 0);
	return header == MAP_FAILED ? NULL : header;
}

#endif /* SEAL_TEST_H */
