/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Records of live blocks, by address.  A record stays where it is in the table
 * for its life, so that a reader who comes by piece after piece sees each that
 * was there all the time once.
 *
 * Called with the analytics lock held.
 */
#ifndef TMEM_ANALYTICS_RECORD_H
#define TMEM_ANALYTICS_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tmem_record {
	uint64_t address; /* 0: no record */
	uint64_t bytes; /* usable */
	uint64_t time_ns; /* when it was allocated */
	double weight; /* blocks that it stands for */
	uint32_t site;
	uint32_t thread; /* that allocated it */
	uint32_t next; /* of its hash, or of the free ones */
	uint32_t node; /* that its memory was to be on */
};

/* Room for the table.  0 or -ENOMEM; again: nothing. */
int tmem_records_open(void);

/* false: there is no memory for one more. */
bool tmem_records_add(const struct tmem_record *record);

/* Take the record of an address out; false: there is none. */
bool tmem_records_take(uint64_t address, struct tmem_record *record);

uint64_t tmem_records_count(void);

/*
 * For walks: the record at a place from 0 to tmem_records_end() - 1, or NULL:
 * none is there.  The one that was returned may be taken out.
 */
struct tmem_record *tmem_records_at(uint32_t place);
uint32_t tmem_records_end(void);

void tmem_records_clear(void);

size_t tmem_records_metadata(void);

#endif /* TMEM_ANALYTICS_RECORD_H */
