// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The table is filled when the library is loaded, from the one formula.
 */
#include "pool/bins.h"

#include "pool/page.h"

uint8_t tmem_bin_table[(TMEM_BIN_MAX >> TMEM_BIN_SHIFT) + 1];

size_t tmem_bin_bytes(unsigned int bin)
{
	unsigned int octave, step;

	if (bin < TMEM_BIN_LINEAR)
		return (bin + 1) * TMEM_BIN_STEP;
	octave = (bin - TMEM_BIN_LINEAR) / 16;
	step = (bin - TMEM_BIN_LINEAR) % 16 + 1;
	return ((size_t)2048 << octave) + step * ((size_t)128 << octave);
}

__attribute__((constructor)) static void bins_fill(void)
{
	unsigned int bin = 0;
	size_t steps;

	for (steps = 0; steps <= TMEM_BIN_MAX >> TMEM_BIN_SHIFT; steps++) {
		if (steps << TMEM_BIN_SHIFT > tmem_bin_bytes(bin))
			bin++;
		tmem_bin_table[steps] = (uint8_t)bin;
	}
}

unsigned int tmem_bin_of(size_t size, size_t align)
{
	unsigned int bin;

	if (size > TMEM_BIN_MAX || align > TMEM_PAGE_BYTES)
		return TMEM_BINS;
	bin = tmem_bin_table[(size + TMEM_BIN_STEP - 1) >> TMEM_BIN_SHIFT];
	/* A run starts on a page: blocks are aligned if their size is. */
	while (bin < TMEM_BINS && tmem_bin_bytes(bin) & (align - 1))
		bin++;
	return bin;
}
