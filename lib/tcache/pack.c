// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Compression of tensors.
 *
 * Of a floating-point number the sign and exponent are alike in a tensor, and
 * most of the mantissa is chance.  So a tensor is taken in chunks, of each the
 * first bytes of all elements are put together (a plane), then the second ones
 * and so on, and each plane is compressed by itself by zstd: its entropy coder
 * shortens exponents that no dictionary coder finds a match in.  Planes that
 * are chance stay as they are, at the price of a copy.
 *
 * It happens in place: a chunk is copied away before anything is written, and
 * no plane becomes longer, so writing never overtakes reading.  The lengths are
 * kept elsewhere for the same reason.  Documentation/design/cache.md has the
 * measurements.
 */
#define _GNU_SOURCE
#include "tcache/pack.h"

#include <string.h>

#define ZSTD_STATIC_LINKING_ONLY /* contexts in memory of ours: no malloc() */
#include <zstd.h>

#include "arena/backend.h"

#define LEVEL 1
#define SAMPLES 8u
#define SAMPLE ((size_t)16 << 10)
/* A plane that keeps more than 31/32 is not worth the time of restoring it. */
#define PLANE_WORTH(n) ((n) - (n) / 32)

struct tmem_pack_work {
	ZSTD_CCtx *cctx;
	ZSTD_DCtx *dctx;
	size_t bytes;
	unsigned char plane[TMEM_PACK_CHUNK];
	unsigned char out[TMEM_PACK_CHUNK];
	_Alignas(64) unsigned char room[]; /* of the contexts */
};

static size_t cctx_bytes(void)
{
	return (ZSTD_estimateCCtxSize(LEVEL) + 63) & ~(size_t)63;
}

size_t tmem_pack_work_bytes(void)
{
	return sizeof(struct tmem_pack_work) + cctx_bytes() +
	       ZSTD_estimateDCtxSize();
}

struct tmem_pack_work *tmem_pack_work_make(void)
{
	size_t bytes = tmem_pack_work_bytes();
	struct tmem_pack_work *work = tmem_os_table(bytes);

	if (!work)
		return NULL;
	work->bytes = bytes;
	work->cctx = ZSTD_initStaticCCtx(work->room, cctx_bytes());
	work->dctx = ZSTD_initStaticDCtx(work->room + cctx_bytes(),
					 ZSTD_estimateDCtxSize());
	if (work->cctx && work->dctx)
		return work;
	tmem_pack_work_free(work);
	return NULL;
}

void tmem_pack_work_free(struct tmem_pack_work *work)
{
	if (work)
		tmem_os_table_free(work, work->bytes);
}

bool tmem_pack_width_ok(unsigned int width)
{
	return width && width <= TMEM_PACK_WIDTH_MAX && !(width & (width - 1));
}

size_t tmem_pack_words(size_t size, unsigned int width)
{
	return (size + TMEM_PACK_CHUNK - 1) / TMEM_PACK_CHUNK * width;
}

/* The compiler unrolls these where the width is a constant. */
static inline void planes_split_by(unsigned char *to, const unsigned char *from,
				   size_t n, size_t width)
{
	size_t i, k;

	for (i = 0; i < n; i++)
		for (k = 0; k < width; k++)
			to[k * n + i] = from[i * width + k];
}

/* From element i on. */
static inline void planes_join_by(unsigned char *to, const unsigned char *from,
				  size_t i, size_t n, size_t width)
{
	size_t k;

	for (; i < n; i++)
		for (k = 0; k < width; k++)
			to[i * width + k] = from[k * n + i];
}

#ifdef __has_builtin
#if __has_builtin(__builtin_shufflevector)
#define PLANES_VECTOR 1
#endif
#endif

#ifdef PLANES_VECTOR
/*
 * Sixteen elements of four bytes at a time: two planes become pairs, and pairs
 * elements.  Ten times as fast, and this is what a look-up waits for.
 */
typedef unsigned char plane_bytes __attribute__((vector_size(16)));
typedef uint16_t plane_pairs __attribute__((vector_size(16)));

#define BYTES_LOW(a, b)                                                     \
	__builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, \
				21, 6, 22, 7, 23)
#define BYTES_HIGH(a, b)                                                    \
	__builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, \
				13, 29, 14, 30, 15, 31)
#define PAIRS_LOW(a, b) __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#define PAIRS_HIGH(a, b) \
	__builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15)

static size_t planes_join_16(unsigned char *to, const unsigned char *from,
			     size_t n)
{
	plane_pairs low[2], high[2], out[4];
	plane_bytes plane[4];
	size_t i, k;

	for (i = 0; i + 16 <= n; i += 16) {
		for (k = 0; k < 4; k++)
			memcpy(&plane[k], from + k * n + i, 16);
		for (k = 0; k < 2; k++) {
			low[k] = (plane_pairs)BYTES_LOW(plane[2 * k],
							plane[2 * k + 1]);
			high[k] = (plane_pairs)BYTES_HIGH(plane[2 * k],
							  plane[2 * k + 1]);
		}
		out[0] = PAIRS_LOW(low[0], low[1]);
		out[1] = PAIRS_HIGH(low[0], low[1]);
		out[2] = PAIRS_LOW(high[0], high[1]);
		out[3] = PAIRS_HIGH(high[0], high[1]);
		memcpy(to + 4 * i, out, sizeof(out));
	}
	return i;
}

#else
static size_t planes_join_16(unsigned char *to, const unsigned char *from,
			     size_t n)
{
	(void)to;
	(void)from;
	(void)n;
	return 0;
}
#endif

/* What is left over behind the last element stays behind the last plane. */
static void planes_split(unsigned char *to, const unsigned char *from,
			 size_t size, unsigned int width)
{
	size_t n = size / width;

	switch (width) {
	case 8:
		planes_split_by(to, from, n, 8);
		break;
	case 4:
		planes_split_by(to, from, n, 4);
		break;
	case 2:
		planes_split_by(to, from, n, 2);
		break;
	default:
		memcpy(to, from, n);
	}
	memcpy(to + n * width, from + n * width, size % width);
}

static void planes_join(unsigned char *to, const unsigned char *from,
			size_t size, unsigned int width)
{
	size_t n = size / width;

	switch (width) {
	case 8:
		planes_join_by(to, from, 0, n, 8);
		break;
	case 4:
		planes_join_by(to, from, planes_join_16(to, from, n), n, 4);
		break;
	case 2:
		planes_join_by(to, from, 0, n, 2);
		break;
	default:
		memcpy(to, from, n);
	}
	memcpy(to + n * width, from + n * width, size % width);
}

static size_t plane_size(size_t size, unsigned int width, unsigned int k)
{
	return size / width + (k == width - 1 ? size % width : 0);
}

/* What it was, or less, is in out; the same size: as it was. */
static size_t plane_pack(struct tmem_pack_work *work, unsigned char *out,
			 const unsigned char *plane, size_t size)
{
	size_t n = size < 64 ?
			   size :
			   ZSTD_compressCCtx(work->cctx, out, PLANE_WORTH(size),
					     plane, size, LEVEL);

	if (n < size && !ZSTD_isError(n))
		return n;
	memcpy(out, plane, size);
	return size;
}

/* At most size bytes to work->out. */
static size_t chunk_pack(struct tmem_pack_work *work, const unsigned char *from,
			 size_t size, unsigned int width, uint32_t *words)
{
	size_t at = 0, used = 0, n;
	unsigned int k;

	planes_split(work->plane, from, size, width);
	for (k = 0; k < width; k++) {
		n = plane_size(size, width, k);
		words[k] = (uint32_t)plane_pack(work, work->out + used,
						work->plane + at, n);
		at += n;
		used += words[k];
	}
	return used;
}

size_t tmem_pack(struct tmem_pack_work *work, void *data, size_t size,
		 unsigned int width, uint32_t *words)
{
	unsigned char *bytes = data;
	size_t at, used = 0, n, made;

	for (at = 0; at < size; at += n, words += width) {
		n = size - at < TMEM_PACK_CHUNK ? size - at : TMEM_PACK_CHUNK;
		made = chunk_pack(work, bytes + at, n, width, words);
		memcpy(bytes + used, work->out, made);
		used += made;
	}
	return used;
}

static bool plane_unpack(struct tmem_pack_work *work, unsigned char *plane,
			 size_t size, const unsigned char *from, size_t left)
{
	if (left == size) {
		memcpy(plane, from, size);
		return true;
	}
	return ZSTD_decompressDCtx(work->dctx, plane, size, from, left) == size;
}

bool tmem_unpack(struct tmem_pack_work *work, const void *packed,
		 size_t packed_size, const uint32_t *words, void *data,
		 size_t size, unsigned int width)
{
	const unsigned char *from = packed, *end = from + packed_size;
	unsigned char *to = data;
	size_t at, n, plane, m;
	unsigned int k;

	for (at = 0; at < size; at += n, words += width) {
		n = size - at < TMEM_PACK_CHUNK ? size - at : TMEM_PACK_CHUNK;
		for (plane = k = 0; k < width; k++, plane += m) {
			m = plane_size(n, width, k);
			if (words[k] > (size_t)(end - from) ||
			    !plane_unpack(work, work->plane + plane, m, from,
					  words[k]))
				return false;
			from += words[k];
		}
		planes_join(to + at, work->plane, n, width);
	}
	return from == end;
}

unsigned int tmem_pack_probe(struct tmem_pack_work *work, const void *data,
			     size_t size, unsigned int width)
{
	size_t n = size < SAMPLE ? size : SAMPLE, step, at, made = 0, seen = 0;
	const unsigned char *bytes = data;
	uint32_t words[TMEM_PACK_WIDTH_MAX];
	unsigned int i;

	if (!size)
		return 256;
	step = (size - n) / SAMPLES & ~(size_t)(TMEM_PACK_WIDTH_MAX - 1);
	for (i = 0; i < SAMPLES; i++) {
		at = i * step;
		made += chunk_pack(work, bytes + at, n, width, words);
		seen += n;
		if (!step)
			break;
	}
	return (unsigned int)((made * 256 + seen - 1) / seen);
}
