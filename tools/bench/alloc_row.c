// SPDX-License-Identifier: GPL-2.0-only
/* The rows of the table: which figures, in which units. */
#include <stdio.h>

#include "alloc.h"

#define NONE "nothing touched"
#define PAGE "one word per page written"

const struct row trace_rows[] = {
	{ NONE, "cold", "ns/event", "none.cold.ns", 1, false },
	{ NULL, "warm", "ns/event", "none.warm.ns", 1, false },
	{ NULL, "warm, 2 threads", "ns/event", "none2.warm.ns", 1, false },
	{ PAGE, "cold, CPU", "us/event", "page.cold.cpu", 1e-3, false },
	{ NULL, "warm, CPU", "us/event", "page.warm.cpu", 1e-3, false },
	{ NULL, "cold, elapsed", "us/event", "page.cold.ns", 1e-3, false },
	{ NULL, "warm, elapsed", "us/event", "page.warm.ns", 1e-3, false },
	{ NULL, "cold, page faults", "", "page.cold.faults", 1, false },
	{ NULL, "warm, page faults", "", "page.warm.faults", 1, false },
	{ NULL, "resident / live", "at the peak", "page.warm.resident", 1,
	  false },
	{ NULL, "in huge pages", "%, then", "page.warm.huge", 1, true },
	{ "every byte written, first part of the trace", "cold, CPU",
	  "us/event", "full.cold.cpu", 1e-3, false },
	{ NULL, "warm, CPU", "us/event", "full.warm.cpu", 1e-3, false },
	{ NULL, "warm, elapsed", "us/event", "full.warm.ns", 1e-3, false },
	{ "by as many threads as recorded, one word per page", "cold, CPU",
	  "us/event", "crew.cold.cpu", 1e-3, false },
	{ NULL, "warm, CPU", "us/event", "crew.warm.cpu", 1e-3, false },
	{ NULL, "warm, elapsed", "us/event", "crew.warm.ns", 1e-3, false },
	{ "single calls, warm", "free, median", "ns", "page.free.p50", 1,
	  false },
	{ NULL, "free, 99 %", "us", "page.free.p99", 1e-3, false },
	{ NULL, "free, 99.9 %", "us", "page.free.p999", 1e-3, false },
	{ NULL, "alloc, median", "ns", "page.alloc.p50", 1, false },
	{ NULL, "alloc, 99 %", "us", "page.alloc.p99", 1e-3, false },
	{ NULL, "alloc, 99.9 %", "us", "page.alloc.p999", 1e-3, false },
	{ "after the trace's end, resident / live", "at once", "",
	  "idle.before", 1, false },
	{ NULL, "after idling", "", "idle.after", 1, false },
	{ 0 },
};

static const char *const kinds[][2] = {
	{ "pair", "alloc and free at once" },
	{ "aligned", "the same, 64 bytes of alignment asked for" },
	{ "batch", "many taken, then freed in the same order" },
	{ "pair2", "alloc and free at once, in 2 threads" },
	{ "batch2", "many taken, then freed, in 2 threads" },
	{ "remote", "taken by one thread, freed by another" },
};

static const char *const sizes[][2] = {
	{ "64", "64 B" },	 { "256", "256 B" },	 { "1024", "1 KiB" },
	{ "4096", "4 KiB" },	 { "16384", "16 KiB" },	 { "32768", "32 KiB" },
	{ "262144", "256 KiB" }, { "1048576", "1 MiB" }, { "4194304", "4 MiB" },
};

#define KINDS (sizeof(kinds) / sizeof(*kinds))
#define SIZES (sizeof(sizes) / sizeof(*sizes))

const struct row *ladder_rows(void)
{
	static char keys[KINDS * SIZES][24];
	static struct row rows[KINDS * SIZES + 1];
	size_t i;

	for (i = 0; i < KINDS * SIZES; i++) {
		const char *const *kind = kinds[i / SIZES];
		const char *const *size = sizes[i % SIZES];

		snprintf(keys[i], sizeof(keys[i]), "%s.%s", kind[0], size[0]);
		rows[i] = (struct row){
			.head = i % SIZES ? NULL : kind[1],
			.label = size[1],
			.unit = "ns",
			.key = keys[i],
			.scale = 1,
		};
	}
	return rows;
}
