// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Five sizes, 64 bytes and up, cut from chunks.  Free records of a size are a
 * queue: a record is used again as late as can be, and who still has its
 * address finds it dead rather than somebody else's.
 */
#include "tensor/record.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>

#include "arena/backend.h"
#include "core/lock.h"

#define CLASSES 6u /* 64 bytes to 2 KiB */
#define CHUNK ((size_t)256 << 10)
#define KEPT 64u /* free ones of a size that stay so */

struct record {
	uint64_t dead; /* what users have first: 0, it is no more */
	struct record *next;
};

struct record_class {
	struct record *first, *last;
	uint32_t free;
};

static struct {
	struct tmem_lock lock;
	struct record_class class[CLASSES];
	char *next, *end; /* of the chunk that is cut */
} records = { .lock = TMEM_LOCK_INIT };

static void record_fork_prepare(void)
{
	tmem_lock_take(&records.lock);
}

static void record_fork_done(void)
{
	tmem_lock_give(&records.lock);
}

__attribute__((constructor)) static void record_fork_hook(void)
{
	pthread_atfork(record_fork_prepare, record_fork_done, record_fork_done);
}

static unsigned int record_class(size_t size)
{
	unsigned int class = 0;

	while ((size_t)64 << class < size)
		class ++;
	return class;
}

static void *record_cut(size_t size)
{
	char *record;

	if ((size_t)(records.end - records.next) < size) {
		char *chunk = tmem_os_table(CHUNK);

		if (!chunk)
			return NULL;
		records.next = chunk;
		records.end = chunk + CHUNK;
	}
	record = records.next;
	records.next += size;
	return record;
}

static struct record *record_pop(struct record_class *class)
{
	struct record *record = class->first;

	class->first = record->next;
	class->free--;
	return record;
}

void *tmem_record_get(size_t size)
{
	unsigned int class = record_class(size);
	struct record_class *c = &records.class[class];
	void *record = NULL;

	tmem_lock_take(&records.lock);
	if (c->free <= KEPT)
		record = record_cut((size_t)64 << class);
	if (!record && c->free)
		record = record_pop(c);
	tmem_lock_give(&records.lock);
	if (!record) {
		errno = ENOMEM;
		return NULL;
	}
	/* Who looks at a dead one does so by its first word. */
	memset((char *)record + sizeof(uint64_t), 0, size - sizeof(uint64_t));
	return record;
}

void tmem_record_put(void *ptr, size_t size)
{
	struct record_class *c = &records.class[record_class(size)];
	struct record *record = ptr;

	__atomic_store_n(&record->dead, 0, __ATOMIC_RELEASE);
	tmem_lock_take(&records.lock);
	record->next = NULL;
	if (c->free)
		c->last->next = record;
	else
		c->first = record;
	c->last = record;
	c->free++;
	tmem_lock_give(&records.lock);
}
