/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tensors made smaller where they lie, and whole again.  Pure: no lock, no
 * allocation but of the work space.
 */
#ifndef TMEM_TCACHE_PACK_H
#define TMEM_TCACHE_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TMEM_PACK_CHUNK ((size_t)256 << 10)
#define TMEM_PACK_WIDTH_MAX 8u

/* What one call works with: one thread at a time. */
struct tmem_pack_work;

struct tmem_pack_work *tmem_pack_work_make(void); /* NULL: no memory */
void tmem_pack_work_free(struct tmem_pack_work *work);
size_t tmem_pack_work_bytes(void);

/* 1, 2, 4 or 8: what elements can be */
bool tmem_pack_width_ok(unsigned int width);

/* Words that tmem_pack() writes for a tensor. */
size_t tmem_pack_words(size_t size, unsigned int width);

/*
 * So many of 256 parts are likely to be left of a tensor, by samples of it.
 * Takes 1 ms at most.
 */
unsigned int tmem_pack_probe(struct tmem_pack_work *work, const void *data,
			     size_t size, unsigned int width);

/*
 * In place: what is left of data is its first bytes, whose number is returned.
 * words: their lengths, tmem_pack_words() of them.  Never grows.
 */
size_t tmem_pack(struct tmem_pack_work *work, void *data, size_t size,
		 unsigned int width, uint32_t *words);

/* The reverse; false: that was not what tmem_pack() made. */
bool tmem_unpack(struct tmem_pack_work *work, const void *packed,
		 size_t packed_size, const uint32_t *words, void *data,
		 size_t size, unsigned int width);

#endif /* TMEM_TCACHE_PACK_H */
