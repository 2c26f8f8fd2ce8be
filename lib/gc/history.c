// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The low-water mark of idle memory over any while, in bounded room.
 */
#include "gc/history.h"

#include <string.h>

void tmem_gc_history_start(struct tmem_gc_history *history, uint64_t now_ns)
{
	history->count = 0;
	history->start_ns = now_ns;
}

static void history_join(struct tmem_gc_history *history)
{
	struct tmem_gc_period *p = history->period;
	unsigned int half = TMEM_GC_PERIODS / 2, i;

	for (i = 0; i < half / 2; i++) {
		uint64_t low = p[2 * i].low;

		p[i] = p[2 * i + 1];
		if (p[i].low > low)
			p[i].low = low;
	}
	memmove(&p[half / 2], &p[half], half * sizeof(*p));
	history->count -= half / 2;
}

void tmem_gc_history_add(struct tmem_gc_history *history, uint64_t now_ns,
			 uint64_t low)
{
	if (history->count == TMEM_GC_PERIODS)
		history_join(history);
	history->period[history->count++] = (struct tmem_gc_period){
		.end_ns = now_ns,
		.low = low,
	};
}

uint64_t tmem_gc_history_low(const struct tmem_gc_history *history,
			     uint64_t now_ns, uint64_t window_ns)
{
	uint64_t from, low = UINT64_MAX;
	unsigned int i = history->count;

	if (now_ns < window_ns || now_ns - window_ns < history->start_ns)
		return 0;
	from = now_ns - window_ns;
	while (i-- > 0 && history->period[i].end_ns > from)
		if (history->period[i].low < low)
			low = history->period[i].low;
	return low == UINT64_MAX ? 0 : low;
}

void tmem_gc_history_gone(struct tmem_gc_history *history, uint64_t spans)
{
	unsigned int i;

	for (i = 0; i < history->count; i++) {
		uint64_t *low = &history->period[i].low;

		*low -= *low < spans ? *low : spans;
	}
}
