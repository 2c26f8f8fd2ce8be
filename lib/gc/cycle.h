/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One look at the idle memory after another: what goes, and when the next look
 * is due.  Knows no thread and no lock; its owner orders the calls.
 */
#ifndef TMEM_GC_CYCLE_H
#define TMEM_GC_CYCLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <tmem/gc.h>

#include "gc/history.h"
#include "gc/ops.h"

#define TMEM_GC_NEVER UINT64_MAX

/* Written by the cycle, read by anybody at any time. */
struct tmem_gc_count {
	_Atomic(uint64_t) runs[TMEM_GC_LEVELS];
	_Atomic(uint64_t) purged_spans;
	_Atomic(uint64_t) purged_bytes;
	_Atomic(uint64_t) drained_bytes;
	_Atomic(uint64_t) level_changes;
	_Atomic(uint64_t) last_run_ns;
	_Atomic(uint64_t) reaction_ns;
	_Atomic(uint64_t) reaction_max_ns;
	_Atomic(uint64_t) unneeded_bytes;
	_Atomic(uint32_t) level;
};

struct tmem_gc_cycle {
	const struct tmem_gc_ops *ops;
	const atomic_bool *stop; /* true: end soon; may be NULL */
	struct tmem_gc_count *count;
	struct tmem_gc_history history;
	enum tmem_level level; /* acted on last */
	uint64_t last_ns; /* of the last look; 0: none yet */
	uint64_t early_ns; /* when the share went last */
	uint64_t drain_until_ns; /* caches may hold something until then */
	uint64_t event_ns; /* a worse level, nothing freed yet; 0: none */
	uint64_t first_ns; /* first bytes of the last step; 0: it freed none */
};

void tmem_gc_cycle_start(struct tmem_gc_cycle *cycle,
			 const struct tmem_gc_ops *ops,
			 struct tmem_gc_count *count);

/*
 * If it is time, or the level has changed: look and give back.  Says how many
 * ns from now the next look is due; TMEM_GC_NEVER if there is nothing idle.
 * @level:    in force now
 * @event_ns: when the world said so; 0: just now
 * @cached:   blocks have gone into threads' caches since the last step
 */
uint64_t tmem_gc_cycle_step(struct tmem_gc_cycle *cycle,
			    const struct tmem_gc_config *config,
			    enum tmem_level level, uint64_t event_ns,
			    bool cached);

/* What entering a level gives back.  Bytes. */
size_t tmem_gc_cycle_run(struct tmem_gc_cycle *cycle,
			 const struct tmem_gc_config *config,
			 enum tmem_level level);

/* Give back want bytes of what is idle for that long, by score.  Bytes. */
size_t tmem_gc_cycle_purge(struct tmem_gc_cycle *cycle, size_t want,
			   uint32_t min_age_ms);

#endif /* TMEM_GC_CYCLE_H */
