/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tensors of all kinds, for those who compress them: each kind follows from a
 * seed, so it can be had again.
 */
#ifndef TCACHE_DATA_H
#define TCACHE_DATA_H

#include "lib_test.h"

enum data_kind {
	DATA_ZERO,
	DATA_FLOAT, /* bell-shaped, or near enough */
	DATA_RELU,
	DATA_NAN, /* quiet and signalling, all payloads; infinities, denormals */
	DATA_DOUBLE,
	DATA_HALF,
	DATA_TOKENS,
	DATA_MASK,
	DATA_RANDOM,
	DATA_MIXED, /* half random, half zero: chunks that differ */
	DATA_KINDS,
};

static inline unsigned int data_width(enum data_kind kind)
{
	static const unsigned int widths[] = { 4, 4, 4, 4, 8, 2, 8, 1, 4, 4 };

	return widths[kind];
}

/* The sum of some uniform ones. */
static inline float data_bell(uint64_t *random)
{
	float sum = 0;
	int i;

	for (i = 0; i < 4; i++)
		sum += (float)(lt_random(random) >> 40) / (1 << 24) - 0.5f;
	return sum * 0.05f;
}

static inline uint32_t data_nan(uint64_t *random)
{
	uint64_t x = lt_random(random);

	switch (x >> 60) {
	case 0:
		return 0x80000000u; /* -0 */
	case 1:
		return 0x7f800000u | (uint32_t)x << 31; /* infinities */
	case 2:
		return (uint32_t)x & 0x807fffffu; /* denormal */
	case 3:
		return 0x7fc00000u;
	default:
		return 0x7f800000u | ((uint32_t)x & 0x807fffffu) | 1;
	}
}

static inline void data_word(enum data_kind kind, uint64_t *random, size_t at,
			     size_t size, void *to)
{
	float f = 0;
	double d;
	uint64_t x;
	uint32_t w;
	uint16_t h;

	switch (kind) {
	case DATA_FLOAT:
	case DATA_RELU:
		f = data_bell(random);
		if (kind == DATA_RELU && f < 0)
			f = 0;
		memcpy(to, &f, 4);
		break;
	case DATA_NAN:
		w = data_nan(random);
		memcpy(to, &w, 4);
		break;
	case DATA_DOUBLE:
		d = (double)data_bell(random) * 1e-9;
		memcpy(to, &d, 8);
		break;
	case DATA_HALF:
		f = data_bell(random);
		memcpy(&w, &f, 4);
		h = (uint16_t)(w >> 16);
		memcpy(to, &h, 2);
		break;
	case DATA_TOKENS:
		x = lt_random(random) % 50257;
		memcpy(to, &x, 8);
		break;
	case DATA_MASK:
		*(char *)to = lt_random(random) % 10 == 0;
		break;
	case DATA_ZERO:
		memset(to, 0, data_width(kind));
		break;
	default:
		w = kind == DATA_MIXED && at < size / 2 ?
			    0 :
			    (uint32_t)lt_random(random);
		memcpy(to, &w, 4);
	}
}

static inline void data_fill(enum data_kind kind, void *to, size_t size,
			     uint64_t seed)
{
	size_t width = data_width(kind), at;
	unsigned char *bytes = to;
	char word[8];

	for (at = 0; at + width <= size; at += width)
		data_word(kind, &seed, at, size, bytes + at);
	if (at < size) {
		data_word(kind, &seed, at, size, word);
		memcpy(bytes + at, word, size - at);
	}
}

/* The same once more, and compared. */
static inline bool data_kept(enum data_kind kind, const void *data, size_t size,
			     uint64_t seed)
{
	char *again = malloc(size + 1);
	bool kept;

	data_fill(kind, again, size, seed);
	kept = !memcmp(again, data, size);
	free(again);
	return kept;
}

#endif /* TCACHE_DATA_H */
