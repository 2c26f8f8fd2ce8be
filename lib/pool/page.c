// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Two tables over the whole range.  They are reserved once, like the range:
 * the kernel gives memory to what is touched.
 */
#include "pool/page.h"

#include <errno.h>

#include "arena/backend.h"

struct tmem_page *tmem_page_table;
_Atomic(struct tmem_run *) *tmem_page_run;

static size_t page_count(void)
{
	return tmem_slots.bytes >> TMEM_PAGE_SHIFT;
}

int tmem_page_open(void)
{
	tmem_page_table =
		tmem_os_table(page_count() * sizeof(struct tmem_page));
	tmem_page_run = tmem_os_table(page_count() * sizeof(*tmem_page_run));
	if (tmem_page_table && tmem_page_run)
		return 0;
	tmem_page_close();
	return -ENOMEM;
}

void tmem_page_close(void)
{
	tmem_os_table_free(tmem_page_table,
			   page_count() * sizeof(struct tmem_page));
	tmem_os_table_free((void *)tmem_page_run,
			   page_count() * sizeof(*tmem_page_run));
	tmem_page_table = NULL;
	tmem_page_run = NULL;
}

size_t tmem_page_metadata(void)
{
	return (size_t)tmem_slots.used * TMEM_SLOT_PAGES *
	       (sizeof(*tmem_page_table) + sizeof(*tmem_page_run));
}
