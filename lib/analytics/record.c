// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The table is reserved for the most records that there can be, and takes
 * memory for the most that there were: free places are used again, the last
 * one first.  Its hash grows with it.
 */
#include "analytics/record.h"

#include <errno.h>
#include <string.h>
#include <tmem/analytics.h>

#include "arena/backend.h"

#define HEADS_FIRST 1024u

/* Places count from 1 in links; 0: the end. */
static struct {
	struct tmem_record *record;
	uint32_t end; /* places that were ever in use */
	uint32_t free; /* link */
	uint32_t *heads;
	uint32_t n_heads; /* a power of two */
	uint64_t count;
} records;

static size_t table_bytes(void)
{
	return TMEM_RECORDS_MAX * sizeof(struct tmem_record);
}

static uint32_t *record_head(uint64_t address)
{
	uint64_t hash = (address >> 6) * 0x9e3779b97f4a7c15ULL;

	return &records.heads[(hash >> 32) & (records.n_heads - 1)];
}

static void record_link(uint32_t link)
{
	struct tmem_record *record = &records.record[link - 1];
	uint32_t *head = record_head(record->address);

	record->next = *head;
	*head = link;
}

/* false: no memory, and all is as it was. */
static bool heads_resize(uint32_t n)
{
	uint32_t *heads = tmem_os_table(n * sizeof(*heads)), i;

	if (!heads)
		return false;
	tmem_os_table_free(records.heads,
			   records.n_heads * sizeof(*records.heads));
	records.heads = heads;
	records.n_heads = n;
	for (i = 0; i < records.end; i++)
		if (records.record[i].address)
			record_link(i + 1);
	return true;
}

int tmem_records_open(void)
{
	if (!records.record)
		records.record = tmem_os_table(table_bytes());
	if (!records.record)
		return -ENOMEM;
	return records.heads || heads_resize(HEADS_FIRST) ? 0 : -ENOMEM;
}

bool tmem_records_add(const struct tmem_record *record)
{
	uint32_t link = records.free;

	if (records.count >= 2 * (uint64_t)records.n_heads)
		heads_resize(2 * records.n_heads);
	if (link)
		records.free = records.record[link - 1].next;
	else if (records.end < TMEM_RECORDS_MAX)
		link = ++records.end;
	if (!link)
		return false;
	records.record[link - 1] = *record;
	record_link(link);
	records.count++;
	return true;
}

bool tmem_records_take(uint64_t address, struct tmem_record *to)
{
	uint32_t *at, link;

	if (!records.count)
		return false;
	for (at = record_head(address); (link = *at);) {
		struct tmem_record *record = &records.record[link - 1];

		if (record->address != address) {
			at = &record->next;
			continue;
		}
		*to = *record;
		*at = record->next;
		record->address = 0;
		record->next = records.free;
		records.free = link;
		records.count--;
		return true;
	}
	return false;
}

uint64_t tmem_records_count(void)
{
	return records.count;
}

struct tmem_record *tmem_records_at(uint32_t place)
{
	struct tmem_record *record = &records.record[place];

	return place < records.end && record->address ? record : NULL;
}

uint32_t tmem_records_end(void)
{
	return records.end;
}

void tmem_records_clear(void)
{
	records.end = 0;
	records.free = 0;
	records.count = 0;
	if (records.heads)
		memset(records.heads, 0,
		       records.n_heads * sizeof(*records.heads));
}

size_t tmem_records_metadata(void)
{
	return records.end * sizeof(struct tmem_record) +
	       records.n_heads * sizeof(*records.heads);
}
