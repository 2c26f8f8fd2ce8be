// SPDX-License-Identifier: GPL-2.0-only
/*
 * A ladder of block sizes: how long it takes to get a block and to give it
 * back, when nothing is in the way.
 *
 *   pair     a block is freed at once; malloc() beside tmem_alloc()
 *   aligned  the same with 64 bytes of alignment asked for
 *   batch    many are taken, then freed in the same order
 *   remote   one thread takes them, another frees them
 *
 * Into each block one word is written.  A rung is run until it takes long
 * enough to be timed, which warms it up; then it is timed five times, and the
 * median is the figure: nanoseconds per block, for both calls together.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "alloc_work_heap.h"
#include "alloc_work.h"

#define SLICES 5
#define BATCH_MAX 256
#define BATCH_BYTES ((size_t)8 << 20)
/* Fewer in the ring, and it is the scheduler that is measured. */
#define RING_MIN 64
#define REMOTE_SIZE_MAX ((size_t)1 << 20)
#define SPINS 200

enum pattern { PAIR, ALIGNED, BATCH, REMOTE };

static const size_t sizes[] = { 64,
				256,
				1024,
				4096,
				16384,
				32768,
				(size_t)256 << 10,
				(size_t)1 << 20,
				(size_t)4 << 20 };

static const struct {
	const char *name;
	enum pattern pattern;
	unsigned int threads;
} kinds[] = {
	{ "pair", PAIR, 1 },	{ "aligned", ALIGNED, 1 },
	{ "batch", BATCH, 1 },	{ "pair2", PAIR, 2 },
	{ "batch2", BATCH, 2 }, { "remote", REMOTE, 2 },
};

/*
 * struct rung - one figure; from rung_time() to its end
 * @count: blocks of each thread in one slice
 * @ring:  blocks on their way from the thread that takes to the one that
 *         frees; @head was put, @tail was taken out
 */
struct rung {
	enum pattern pattern;
	unsigned int threads;
	size_t size;
	size_t batch;
	size_t count;
	bool stop;
	pthread_barrier_t barrier;
	_Alignas(64) _Atomic size_t head;
	_Alignas(64) _Atomic size_t tail;
	_Alignas(64) void *ring[BATCH_MAX];
};

static inline void *filled(void *block)
{
	if (!block)
		work_die("no memory for a block");
	*(volatile uint64_t *)block = 1;
	return block;
}

static void run_pair(const struct rung *rung)
{
	size_t i;

	for (i = 0; i < rung->count; i++)
		heap_put(filled(heap_get(rung->size)));
}

static void run_aligned(const struct rung *rung)
{
	size_t i;

	for (i = 0; i < rung->count; i++)
		heap_put(filled(heap_aligned(64, rung->size)));
}

static void run_batch(const struct rung *rung)
{
	void *blocks[BATCH_MAX];
	size_t i, k;

	for (i = 0; i < rung->count; i += rung->batch) {
		for (k = 0; k < rung->batch; k++)
			blocks[k] = filled(heap_get(rung->size));
		for (k = 0; k < rung->batch; k++)
			heap_put(blocks[k]);
	}
}

/* Two threads may have one CPU. */
static void wait_a_little(unsigned int *spins)
{
	if (++*spins < SPINS)
		return;
	*spins = 0;
	sched_yield();
}

static void run_producer(struct rung *rung)
{
	unsigned int spins = 0;
	size_t i;

	for (i = 0; i < rung->count; i++) {
		void *block = filled(heap_get(rung->size));

		while (i - atomic_load_explicit(&rung->tail,
						memory_order_acquire) >=
		       rung->batch)
			wait_a_little(&spins);
		rung->ring[i % BATCH_MAX] = block;
		atomic_store_explicit(&rung->head, i + 1, memory_order_release);
	}
}

static void run_consumer(struct rung *rung)
{
	unsigned int spins = 0;
	size_t i;

	for (i = 0; i < rung->count; i++) {
		while (atomic_load_explicit(&rung->head,
					    memory_order_acquire) <= i)
			wait_a_little(&spins);
		heap_put(rung->ring[i % BATCH_MAX]);
		atomic_store_explicit(&rung->tail, i + 1, memory_order_release);
	}
}

static void rung_run(struct rung *rung, bool second)
{
	switch (rung->pattern) {
	case PAIR:
		run_pair(rung);
		break;
	case ALIGNED:
		run_aligned(rung);
		break;
	case BATCH:
		run_batch(rung);
		break;
	case REMOTE:
		if (second)
			run_consumer(rung);
		else
			run_producer(rung);
		break;
	}
}

static void *second_main(void *arg)
{
	struct rung *rung = arg;

	for (;;) {
		pthread_barrier_wait(&rung->barrier);
		if (rung->stop)
			return NULL;
		rung_run(rung, true);
		pthread_barrier_wait(&rung->barrier);
	}
}

/* Nanoseconds of one slice. */
static double slice(struct rung *rung)
{
	uint64_t from;

	atomic_store(&rung->head, 0);
	atomic_store(&rung->tail, 0);
	if (rung->threads > 1)
		pthread_barrier_wait(&rung->barrier);
	from = look_now().ns;
	rung_run(rung, false);
	if (rung->threads > 1)
		pthread_barrier_wait(&rung->barrier);
	return (double)(look_now().ns - from);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double rung_time(struct rung *rung, unsigned int ms)
{
	double ns[SLICES];
	int i;

	rung->count = rung->batch;
	while (slice(rung) < ms * 0.5e6)
		rung->count *= 2;
	for (i = 0; i < SLICES; i++)
		ns[i] = slice(rung) / (double)rung->count;
	qsort(ns, SLICES, sizeof(*ns), by_value);
	return ns[SLICES / 2];
}

static double rung_measure(struct rung *rung, unsigned int ms)
{
	pthread_t second;
	double ns;

	rung->batch = BATCH_BYTES / rung->size;
	if (rung->pattern == REMOTE && rung->batch < RING_MIN)
		rung->batch = RING_MIN;
	rung->batch = rung->batch > BATCH_MAX ? BATCH_MAX : rung->batch;
	if (rung->threads == 1)
		return rung_time(rung, ms);
	pthread_barrier_init(&rung->barrier, NULL, 2);
	if (pthread_create(&second, NULL, second_main, rung))
		work_die("no thread");
	ns = rung_time(rung, ms);
	rung->stop = true;
	pthread_barrier_wait(&rung->barrier);
	pthread_join(second, NULL);
	pthread_barrier_destroy(&rung->barrier);
	return ns;
}

int work_ladder(const struct work *work)
{
	static struct rung rung;
	char key[64];
	size_t i, k;

	for (k = 0; k < sizeof(kinds) / sizeof(*kinds); k++) {
		for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
			memset(&rung, 0, sizeof(rung));
			rung.pattern = kinds[k].pattern;
			rung.threads = kinds[k].threads;
			rung.size = sizes[i];
			if (rung.pattern == REMOTE &&
			    rung.size > REMOTE_SIZE_MAX)
				continue;
			snprintf(key, sizeof(key), "%s.%zu", kinds[k].name,
				 sizes[i]);
			work_print(key, rung_measure(&rung, work->slice));
		}
	}
	return 0;
}
