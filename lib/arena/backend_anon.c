// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Arenas on anonymous memory, for machines without the module.
 *
 * A span's memory is wherever the span is mapped.
 *
 * What is lost without the module: the kernel does not take idle spans back
 * (we do, when we are called), and huge pages and nodes are the kernel's best
 * effort.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/tmem.h>
#include <numaif.h>
#include <string.h>
#include <sys/mman.h>

#include "arena/backend.h"
#include "arena/smaps.h"
#include "arena/topology.h"

/* What the nodes of the policy can hold, with swap. */
static uint64_t anon_capacity(const struct tmem_arena *arena)
{
	const struct tmem_topology *topology = tmem_topology_get();
	uint64_t bytes = tmem_os_swap_bytes();
	unsigned int n;

	for (n = 0; n < TMEM_NODES_MAX; n++)
		if (arena->numa != TMEM_NUMA_BIND || arena->nodes & 1ULL << n)
			bytes += topology->bytes[n];
	return bytes;
}

static int anon_open(struct tmem_arena *arena)
{
	const struct tmem_topology *topology = tmem_topology_get();

	if (arena->nodes & ~topology->nodes)
		return -EINVAL;
	if (arena->size > anon_capacity(arena))
		return -ENOMEM;
	arena->words_bytes = arena->spans * sizeof(*arena->words);
	arena->words = tmem_os_table(arena->words_bytes);
	arena->fd = -1;
	return arena->words ? 0 : -ENOMEM;
}

static void anon_close(struct tmem_arena *arena)
{
	tmem_os_table_free((void *)arena->words, arena->words_bytes);
}

/* Where the kernel cannot place memory there is nothing to say. */
static void anon_place(const struct tmem_arena *arena, char *addr, size_t bytes)
{
	const struct tmem_topology *topology = tmem_topology_get();
	unsigned long nodes = arena->nodes ? arena->nodes : topology->nodes;
	int mode = MPOL_PREFERRED;

	if (!topology->numa || topology->count == 1 ||
	    arena->numa == TMEM_NUMA_LOCAL)
		return;
	if (arena->numa == TMEM_NUMA_BIND)
		mode = MPOL_BIND;
	else if (arena->numa == TMEM_NUMA_INTERLEAVE)
		mode = MPOL_INTERLEAVE;
	/* Best effort: refused by some container policies. */
	(void)mbind(addr, bytes, mode, &nodes, TMEM_NODES_MAX + 1, 0);
}

static int anon_map(struct tmem_arena *arena, char *addr, uint32_t first,
		    uint32_t count)
{
	size_t bytes = count * TMEM_SPAN_BYTES;
	void *p = mmap(addr, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED,
		       -1, 0);

	(void)first;
	if (p == MAP_FAILED)
		return -errno;
	/* EINVAL where the kernel has no huge pages: then there are none. */
	(void)madvise(addr, bytes, MADV_HUGEPAGE);
	anon_place(arena, addr, bytes);
	return 0;
}

/* Where mremap() cannot: kernels before 5.7, some sandboxes. */
static int anon_move_copy(struct tmem_arena *arena, uint32_t span, char *from,
			  char *to)
{
	int err = anon_map(arena, to, span, 1);

	if (err)
		return err;
	memcpy(to, from, TMEM_SPAN_BYTES);
	return tmem_os_unreach(from, TMEM_SPAN_BYTES);
}

static int anon_move(struct tmem_arena *arena, uint32_t span, char *from,
		     char *to)
{
	int err = tmem_os_move(from, to, TMEM_SPAN_BYTES);

	if (err == -EINVAL)
		return anon_move_copy(arena, span, from, to);
	if (!err) /* it is moved, whatever becomes of the old addresses */
		(void)tmem_os_unreach(from, TMEM_SPAN_BYTES);
	return err;
}

/* A write that changes nothing, for kernels without MADV_POPULATE_WRITE. */
static void anon_touch(char *addr, size_t bytes)
{
	size_t i;

	for (i = 0; i < bytes; i += 4096)
		__atomic_fetch_or(addr + i, 0, __ATOMIC_RELAXED);
}

static int anon_populate(struct tmem_arena *arena, char *addr, uint32_t count)
{
	size_t bytes = count * TMEM_SPAN_BYTES;

	(void)arena;
	for (;;) {
		if (!madvise(addr, bytes, MADV_POPULATE_WRITE))
			return 0;
		if (errno == EINVAL)
			break;
		if (errno != EINTR && errno != EAGAIN)
			return -ENOMEM;
	}
	anon_touch(addr, bytes);
	return 0;
}

/* Bytes of a span that are in memory. */
static uint64_t anon_resident(char *addr)
{
	unsigned char page[TMEM_SPAN_BYTES / 4096];
	uint64_t bytes = 0;
	size_t i;

	if (mincore(addr, TMEM_SPAN_BYTES, page))
		return 0;
	for (i = 0; i < sizeof(page); i++)
		bytes += page[i] & 1 ? 4096 : 0;
	return bytes;
}

/*
 * Our own side of the protocol that the kernel keeps on /dev/tmem.  We claim
 * the span before its memory goes, since unlike the kernel we cannot stop a
 * touch in between; tmem_arena_claim() waits for us.  True if there was any
 * memory to take.
 */
static bool anon_purge_span(struct tmem_arena *arena, uint32_t span)
{
	uint32_t idle = atomic_load(&arena->words[span]);
	bool gone, held;
	char *addr;

	if (!(idle & TMEM_SPAN_IDLE))
		return false;
	if (!atomic_compare_exchange_strong(&arena->words[span], &idle,
					    TMEM_WORD_PURGING))
		return false;
	/* Where it is now: it does not move while the word is ours. */
	addr = atomic_load(&arena->where[span]);
	held = addr && anon_resident(addr);
	gone = addr && !madvise(addr, TMEM_SPAN_BYTES, MADV_DONTNEED);
	atomic_store(&arena->words[span], gone ? TMEM_SPAN_PURGED : idle);
	return gone && held;
}

static int anon_purge(struct tmem_arena *arena, uint32_t first, uint32_t count,
		      uint32_t *purged)
{
	uint32_t i, n = 0;

	for (i = first; i < first + count; i++)
		n += anon_purge_span(arena, i);
	atomic_fetch_add(&arena->purged, n);
	*purged += n;
	return 0;
}

/* Ask the kernel for the node of each page of a span; false if it will not. */
static bool anon_span_nodes(char *addr, uint64_t *node_bytes)
{
	void *pages[TMEM_SPAN_BYTES / 4096];
	int status[TMEM_SPAN_BYTES / 4096];
	size_t i, n = TMEM_SPAN_BYTES / 4096;

	for (i = 0; i < n; i++)
		pages[i] = addr + i * 4096;
	if (move_pages(0, n, pages, NULL, status, 0))
		return false;
	for (i = 0; i < n; i++)
		if (status[i] >= 0 && status[i] < TMEM_NODES_MAX)
			node_bytes[status[i]] += 4096;
	return true;
}

static void anon_usage_nodes(struct tmem_arena *arena,
			     struct tmem_arena_usage *usage)
{
	const struct tmem_topology *topology = tmem_topology_get();
	uint32_t i;

	usage->nodes_exact = topology->numa && topology->count > 1;
	for (i = 0; usage->nodes_exact && i < arena->spans; i++)
		if (arena->where[i] &&
		    !anon_span_nodes(arena->where[i], usage->node_bytes))
			usage->nodes_exact = 0;
	if (usage->nodes_exact)
		return;
	memset(usage->node_bytes, 0, sizeof(usage->node_bytes));
	usage->node_bytes[topology->order[0][0]] = usage->resident;
	/* With one node there is nothing to be wrong about. */
	usage->nodes_exact = topology->count == 1;
}

struct anon_usage_walk {
	const struct tmem_arena *arena;
	struct tmem_arena_usage *usage;
};

/* A mapping may hold spans of others too: count no more than is ours. */
static void anon_usage_vma(void *ctx, const struct tmem_smaps_vma *vma)
{
	struct anon_usage_walk *walk = ctx;
	uint64_t ours = 0;
	uint32_t i;

	for (i = 0; i < walk->arena->spans; i++)
		if (walk->arena->where[i] >= vma->start &&
		    walk->arena->where[i] < vma->end)
			ours += TMEM_SPAN_BYTES;
	walk->usage->huge_bytes += ours < vma->pmd_mapped ? ours :
							    vma->pmd_mapped;
}

static int anon_usage(struct tmem_arena *arena, struct tmem_arena_usage *usage)
{
	struct anon_usage_walk walk = { .arena = arena, .usage = usage };
	int err = tmem_smaps_walk(anon_usage_vma, &walk);
	uint32_t i;

	if (err)
		return err;
	for (i = 0; i < arena->spans; i++)
		if (arena->where[i])
			usage->resident += anon_resident(arena->where[i]);
	if (usage->huge_bytes > usage->resident)
		usage->huge_bytes = usage->resident;
	usage->purged = atomic_load(&arena->purged);
	anon_usage_nodes(arena, usage);
	return 0;
}

const struct tmem_backend_ops tmem_backend_anon = {
	.name = "anon",
	.open = anon_open,
	.close = anon_close,
	.map = anon_map,
	.move = anon_move,
	.populate = anon_populate,
	.purge = anon_purge,
	.usage = anon_usage,
};
