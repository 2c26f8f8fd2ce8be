// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A request is refused when three things have not helped: giving back what
 * threads' caches hold, giving back idle memory, and asking the program.
 */
#include "pool/limit.h"

#include <stdatomic.h>
#include <tmem/pool.h>

#include "arena/slots.h"
#include "pool/bins.h"
#include "pool/guard.h"
#include "pool/thread.h"

#define OBSERVED_MAX 16u /* times the observer may say "again" in a row */

static _Atomic(tmem_limit_fn) limit_fn;
static _Atomic(void *) limit_ctx;

uint32_t tmem_limit_slots(uint64_t max_bytes)
{
	uint64_t slots = max_bytes >> TMEM_SLOT_SHIFT;

	if (!max_bytes || slots >= UINT32_MAX)
		return UINT32_MAX;
	return (uint32_t)slots;
}

void tmem_set_limit_observer(tmem_limit_fn fn, void *ctx)
{
	atomic_store(&limit_fn, NULL);
	atomic_store(&limit_ctx, ctx);
	atomic_store(&limit_fn, fn);
}

bool tmem_limit_reclaim(struct tmem_pool *pool, size_t size, unsigned int tries)
{
	tmem_limit_fn fn;

	switch (tries) {
	case 0:
		if (tmem_guard_flush())
			return true;
		/* Small blocks may be found in what gave no page back. */
		if (tmem_threads_drain(0) || size <= TMEM_BIN_MAX)
			return true;
		__attribute__((fallthrough));
	case 1:
		if (tmem_trim(0))
			return true;
		__attribute__((fallthrough));
	default:
		fn = atomic_load(&limit_fn);
		if (!fn || tries >= 2 + OBSERVED_MAX ||
		    !fn(atomic_load(&limit_ctx), pool, size))
			return false;
		tmem_guard_flush();
		return true;
	}
}
