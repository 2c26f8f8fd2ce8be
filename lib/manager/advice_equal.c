// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Do large blocks look the same as others, so that they could be sealed?
 *
 * Looked at are 256 recorded blocks at most, of 1 MiB and more, that have lived
 * for ten seconds: weights, not activations.  Of each, 16 pieces of 256 bytes are
 * read and hashed, evenly apart; blocks of one size and hash look the same.  A
 * block of which all that was read is one byte, again and again, is a buffer that
 * nobody has used yet.  Whoever copies them will compare every byte: here a
 * mistake costs a sentence.
 *
 * A block may be freed, and its memory be gone, while it is looked at: the kernel
 * reads it for us, and fails where we would.  Pages that are not there are not
 * touched, for that would take memory.
 */
#define _GNU_SOURCE
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "analytics/core.h"
#include "analytics/record.h"
#include "manager/advice.h"
#include "seal/hash.h"

#define BLOCKS_MAX 256u
#define BLOCK_MIN ((uint64_t)1 << 20)
#define AGE_MIN_NS 10000000000ull
#define BATCH 256u /* places that are looked at with the lock held */
#define PIECES 16u
#define PIECE 256u
#define PAGE ((uintptr_t)4096)

struct equal_block {
	uint64_t address, bytes;
	struct tmem_hash hash;
};

/* Old and large ones; how many. */
static uint32_t equal_pick(struct equal_block *block)
{
	uint64_t now = tmem_analytics_now();
	const struct tmem_record *record;
	uint32_t place = 0, end, stop, n = 0;

	do {
		tmem_analytics_lock();
		end = tmem_records_end();
		stop = end - place < BATCH ? end : place + BATCH;
		for (; place < stop && n < BLOCKS_MAX; place++) {
			record = tmem_records_at(place);
			if (!record || record->bytes < BLOCK_MIN ||
			    now < record->time_ns + AGE_MIN_NS)
				continue;
			block[n++] = (struct equal_block){
				.address = record->address,
				.bytes = record->bytes,
			};
		}
		tmem_analytics_unlock();
	} while (place < end && n < BLOCKS_MAX);
	return n;
}

/* The page is there; who reads one that is not has one made. */
static bool equal_is_resident(uintptr_t address)
{
	unsigned char there;

	return !mincore((void *)(address & ~(PAGE - 1)), PAGE, &there) &&
	       there & 1;
}

/* false: it cannot be read, or there is nothing in it. */
static bool equal_read(struct equal_block *block)
{
	char text[PIECES * PIECE];
	struct iovec to = { text, sizeof(text) }, from[PIECES];
	/* Whole pieces, none of them across a page's end. */
	uint64_t step = (block->bytes - PIECE) / (PIECES - 1) / PIECE * PIECE;
	unsigned int i;

	for (i = 0; i < PIECES; i++) {
		uintptr_t at = block->address + i * step;

		if (!equal_is_resident(at))
			return false;
		from[i] = (struct iovec){ (void *)at, PIECE };
	}
	if (process_vm_readv(getpid(), &to, 1, from, PIECES, 0) !=
		    (ssize_t)sizeof(text) ||
	    !memcmp(text, text + 1, sizeof(text) - 1))
		return false;
	block->hash = tmem_hash_make(text, sizeof(text), 0);
	return true;
}

static bool equal_to_any(const struct equal_block *block, uint32_t n)
{
	uint32_t i;

	for (i = 0; i < n; i++)
		if (block[i].bytes == block[n].bytes &&
		    !memcmp(&block[i].hash, &block[n].hash,
			    sizeof(block[n].hash)))
			return true;
	return false;
}

void tmem_advice_equal(uint32_t *blocks, uint64_t *bytes)
{
	struct equal_block block[BLOCKS_MAX];
	uint32_t n = equal_pick(block), kept = 0, i;

	*blocks = 0;
	*bytes = 0;
	for (i = 0; i < n; i++) {
		if (!equal_read(&block[i]))
			continue;
		block[kept] = block[i];
		if (equal_to_any(block, kept)) {
			++*blocks;
			*bytes += block[kept].bytes;
		} else {
			kept++;
		}
	}
}
