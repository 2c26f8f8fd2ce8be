// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Free places.  Heap sort, because qsort() of glibc calls malloc().
 */
#include "seal/space.h"

static void space_sift(struct tmem_range *ranges, size_t root, size_t count)
{
	struct tmem_range moved = ranges[root];
	size_t child;

	for (; (child = 2 * root + 1) < count; root = child) {
		if (child + 1 < count &&
		    ranges[child].start < ranges[child + 1].start)
			child++;
		if (ranges[child].start <= moved.start)
			break;
		ranges[root] = ranges[child];
	}
	ranges[root] = moved;
}

static void space_sort(struct tmem_range *ranges, size_t count)
{
	struct tmem_range last;
	size_t i;

	for (i = count / 2; i-- > 0;)
		space_sift(ranges, i, count);
	for (i = count; i-- > 1;) {
		last = ranges[i];
		ranges[i] = ranges[0];
		ranges[0] = last;
		space_sift(ranges, 0, i);
	}
}

static void space_offer(struct tmem_range *best, uint64_t start, uint64_t end,
			uint64_t align)
{
	uint64_t first = (start + align - 1) / align * align;

	if (first >= start && first < end &&
	    end - first > best->end - best->start)
		*best = (struct tmem_range){ .start = first, .end = end };
}

struct tmem_range tmem_space_longest(struct tmem_range *taken, size_t count,
				     uint64_t low, uint64_t high,
				     uint64_t align)
{
	struct tmem_range best = { 0 };
	uint64_t at = low;
	size_t i;

	space_sort(taken, count);
	for (i = 0; i < count && at < high; i++) {
		if (taken[i].end <= taken[i].start)
			continue;
		if (taken[i].start > at)
			space_offer(&best, at,
				    taken[i].start < high ? taken[i].start :
							    high,
				    align);
		if (taken[i].end > at)
			at = taken[i].end;
	}
	if (at < high)
		space_offer(&best, at, high, align);
	return best;
}
