// SPDX-License-Identifier: GPL-2.0-only
/*
 * Compression of tensors: what the library does, beside lz4 and zstd, with and
 * without the bytes of elements put together.  The data are made, to look like
 * what training has: each kind with the distribution that such tensors have.
 *
 * lz4 is taken from the system if it is there, at run time only.
 */
#define _GNU_SOURCE
#include "cache.h"

#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zstd.h>

#include "tcache/pack.h"

#define SIZE ((size_t)4 << 20)
#define ROOM (SIZE + (SIZE >> 7) + 4096)

typedef int (*lz4_fn)(const char *from, char *to, int size, int room);

static struct {
	lz4_fn pack, unpack;
	unsigned char *data, *planes, *packed, *back;
	uint32_t *words;
	struct tmem_pack_work *work;
} bench;

static double normal(uint64_t *random)
{
	double u = 1 - cache_uniform(random), v = cache_uniform(random);

	return sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
}

static void put_float(size_t i, double value)
{
	((float *)bench.data)[i] = (float)value;
}

static void put_bfloat(size_t i, double value)
{
	float f = (float)value;
	uint32_t bits;

	memcpy(&bits, &f, sizeof(bits));
	((uint16_t *)bench.data)[i] = (uint16_t)(bits >> 16);
}

static double fill_value(const char *kind, uint64_t *random)
{
	double x = normal(random);

	switch (kind[0]) {
	case 'w':
		return 0.02 * x;
	case 'r':
		return x > 0 ? x : 0;
	case 'g':
		return x * 0.5 *
		       (1 + tanh(0.7979 * (x + 0.044715 * x * x * x)));
	case 'd':
		return 1e-4 * x * exp(normal(random));
	default:
		return exp(-14 + 2 * x); /* second moments */
	}
}

static void fill_floats(const char *kind)
{
	uint64_t random = 1;
	size_t i;

	for (i = 0; i < SIZE / 4; i++)
		put_float(i, fill_value(kind, &random));
}

static void fill_bfloats(const char *kind)
{
	uint64_t random = 2;
	size_t i;

	for (i = 0; i < SIZE / 2; i++)
		put_bfloat(i, fill_value(kind, &random));
}

static void fill_tokens(const char *kind)
{
	uint64_t random = 3;
	size_t i;

	(void)kind;
	for (i = 0; i < SIZE / 8; i++)
		((int64_t *)bench.data)[i] =
			(int64_t)pow(50257, cache_uniform(&random));
}

static void fill_mask(const char *kind)
{
	uint64_t random = 4;
	size_t i;

	(void)kind;
	for (i = 0; i < SIZE; i++)
		bench.data[i] = cache_uniform(&random) < 0.1;
}

static void fill_random(const char *kind)
{
	uint64_t random = 5;
	size_t i;

	(void)kind;
	for (i = 0; i < SIZE / 8; i++)
		((uint64_t *)bench.data)[i] = cache_random(&random);
}

static void fill_same(const char *kind)
{
	(void)kind;
	memset(bench.data, 0, SIZE);
}

static const struct data {
	const char *name, *kind;
	void (*fill)(const char *kind);
	unsigned int width;
} data[] = {
	{ "f32 weights", "w", fill_floats, 4 },
	{ "f32 gradients", "d", fill_floats, 4 },
	{ "f32 second moments", "m", fill_floats, 4 },
	{ "f32 after ReLU", "r", fill_floats, 4 },
	{ "f32 after GELU", "g", fill_floats, 4 },
	{ "bf16 weights", "w", fill_bfloats, 2 },
	{ "bf16 after ReLU", "r", fill_bfloats, 2 },
	{ "i64 tokens", "", fill_tokens, 8 },
	{ "mask of bytes", "", fill_mask, 1 },
	{ "zeroes", "", fill_same, 4 },
	{ "random bits", "", fill_random, 4 },
};

/* All planes of the whole, as others do it. */
static void split(unsigned char *to, const unsigned char *from,
		  unsigned int width)
{
	size_t i, k, n = SIZE / width;

	for (i = 0; i < n; i++)
		for (k = 0; k < width; k++)
			to[k * n + i] = from[i * width + k];
}

static void join(unsigned char *to, const unsigned char *from,
		 unsigned int width)
{
	size_t i, k, n = SIZE / width;

	for (i = 0; i < n; i++)
		for (k = 0; k < width; k++)
			to[i * width + k] = from[k * n + i];
}

struct packer {
	const char *name;
	size_t (*pack)(const unsigned char *from, int level,
		       unsigned int width);
	void (*unpack)(unsigned char *to, size_t size, unsigned int width);
	int level;
	bool planes;
};

static size_t zstd_pack(const unsigned char *from, int level,
			unsigned int width)
{
	(void)width;
	return ZSTD_compress(bench.packed, ROOM, from, SIZE, level);
}

static void zstd_unpack(unsigned char *to, size_t size, unsigned int width)
{
	(void)width;
	ZSTD_decompress(to, SIZE, bench.packed, size);
}

static size_t lz4_pack(const unsigned char *from, int level, unsigned int width)
{
	(void)width;
	(void)level;
	return (size_t)bench.pack((const char *)from, (char *)bench.packed,
				  (int)SIZE, (int)ROOM);
}

static void lz4_unpack(unsigned char *to, size_t size, unsigned int width)
{
	(void)width;
	bench.unpack((char *)bench.packed, (char *)to, (int)size, (int)SIZE);
}

/* In place: the copy is not what is measured, but it is in the time. */
static size_t tmem_pack_here(const unsigned char *from, int level,
			     unsigned int width)
{
	(void)level;
	memcpy(bench.packed, from, SIZE);
	return tmem_pack(bench.work, bench.packed, SIZE, width, bench.words);
}

static void tmem_unpack_here(unsigned char *to, size_t size, unsigned int width)
{
	tmem_unpack(bench.work, bench.packed, size, bench.words, to, SIZE,
		    width);
}

static const struct packer packers[] = {
	{ "lz4", lz4_pack, lz4_unpack, 0, false },
	{ "lz4, planes", lz4_pack, lz4_unpack, 0, true },
	{ "zstd -5", zstd_pack, zstd_unpack, -5, false },
	{ "zstd 1", zstd_pack, zstd_unpack, 1, false },
	{ "zstd -5, planes", zstd_pack, zstd_unpack, -5, true },
	{ "zstd 1, planes", zstd_pack, zstd_unpack, 1, true },
	{ "zstd 3, planes", zstd_pack, zstd_unpack, 3, true },
	{ "the library", tmem_pack_here, tmem_unpack_here, 0, false },
};

static void pack_measure(const struct packer *p, unsigned int width, int rounds)
{
	double start, best = 1e30, worst = 1e30, t;
	size_t size = 0;
	int i;

	for (i = 0; i < rounds; i++) {
		start = cache_now();
		if (p->planes)
			split(bench.planes, bench.data, width);
		size = p->pack(p->planes ? bench.planes : bench.data, p->level,
			       width);
		t = cache_now() - start;
		best = t < best ? t : best;
		start = cache_now();
		p->unpack(p->planes ? bench.planes : bench.back, size, width);
		if (p->planes)
			join(bench.back, bench.planes, width);
		t = cache_now() - start;
		worst = t < worst ? t : worst;
	}
	printf("  %-18s %6.1f %%  %8.0f  %8.0f%s\n", p->name,
	       100.0 * (double)size / (double)SIZE, (double)SIZE / best * 1e3,
	       (double)SIZE / worst * 1e3,
	       memcmp(bench.data, bench.back, SIZE) ? "  NOT THE SAME" : "");
}

static bool pack_open(void)
{
	void *lz4 = dlopen("liblz4.so.1", RTLD_NOW);

	if (lz4) {
		bench.pack = (lz4_fn)dlsym(lz4, "LZ4_compress_default");
		bench.unpack = (lz4_fn)dlsym(lz4, "LZ4_decompress_safe");
	}
	bench.data = aligned_alloc(64, SIZE);
	bench.planes = malloc(SIZE);
	bench.packed = malloc(ROOM);
	bench.back = malloc(SIZE);
	bench.words = malloc(tmem_pack_words(SIZE, 8) * sizeof(uint32_t));
	bench.work = tmem_pack_work_make();
	return bench.data && bench.planes && bench.packed && bench.back &&
	       bench.words && bench.work;
}

int cache_pack_main(int rounds)
{
	size_t i, k;

	if (!pack_open()) {
		fprintf(stderr, "no memory\n");
		return 1;
	}
	printf("%-20s %8s  %8s  %8s\n", "4 MiB of", "left", "MB/s in",
	       "MB/s out");
	for (i = 0; i < sizeof(data) / sizeof(data[0]); i++) {
		data[i].fill(data[i].kind);
		printf("%s: the probe says %.1f %%\n", data[i].name,
		       tmem_pack_probe(bench.work, bench.data, SIZE,
				       data[i].width) /
			       2.56);
		for (k = 0; k < sizeof(packers) / sizeof(packers[0]); k++)
			if (packers[k].pack != lz4_pack ||
			    (bench.pack && bench.unpack))
				pack_measure(&packers[k], data[i].width,
					     rounds);
	}
	return 0;
}
