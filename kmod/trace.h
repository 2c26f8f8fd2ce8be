/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints: what happens to arenas and spans, one event each.
 * Fields are named as in linux/tmem.h; sizes are in bytes.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM tmem

#if !defined(TMEM_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define TMEM_TRACE_H

#include <linux/tracepoint.h>

#include "tmem.h"

/* clang-format off: fields are a list, one per line */

TRACE_DEFINE_ENUM(TMEM_WHY_ASKED);
TRACE_DEFINE_ENUM(TMEM_WHY_FILL);
TRACE_DEFINE_ENUM(TMEM_WHY_RECLAIM);
TRACE_DEFINE_ENUM(TMEM_WHY_OOM);
TRACE_DEFINE_ENUM(TMEM_WHY_LIMIT);

#define tmem_show_why(why)                                 \
	__print_symbolic(why, { TMEM_WHY_ASKED, "asked" }, \
			 { TMEM_WHY_FILL, "fill" },        \
			 { TMEM_WHY_RECLAIM, "reclaim" },  \
			 { TMEM_WHY_OOM, "oom" }, { TMEM_WHY_LIMIT, "limit" })

TRACE_DEFINE_ENUM(TMEM_PURGE_DONE);
TRACE_DEFINE_ENUM(TMEM_PURGE_BUSY);
TRACE_DEFINE_ENUM(TMEM_PURGE_PINNED);
TRACE_DEFINE_ENUM(TMEM_PURGE_ABSENT);

#define tmem_show_purge(result)                                 \
	__print_symbolic(result, { TMEM_PURGE_DONE, "purged" }, \
			 { TMEM_PURGE_BUSY, "busy" },           \
			 { TMEM_PURGE_PINNED, "pinned" },       \
			 { TMEM_PURGE_ABSENT, "absent" })

#define tmem_show_level(level)                                                \
	__print_symbolic(level, { 0, "low" }, { 1, "medium" }, { 2, "high" }, \
			 { 3, "critical" })

DECLARE_EVENT_CLASS(
	tmem_arena_class, TP_PROTO(const struct tmem_arena *arena),
	TP_ARGS(arena),
	TP_STRUCT__entry(__field(u64, id) __field(u64, size) __field(u64, bytes)
				 __field(u32, policy)
					 __array(char, name, TMEM_NAME_LEN)),
	TP_fast_assign(__entry->id = arena->id;
		       __entry->size = tmem_arena_size(arena);
		       __entry->bytes = atomic64_read(&arena->bytes);
		       __entry->policy = arena->policy.mode;
		       memcpy(__entry->name, arena->name, TMEM_NAME_LEN);),
	TP_printk("arena=%llu size=%llu bytes=%llu policy=%u name=\"%s\"",
		  __entry->id, __entry->size, __entry->bytes, __entry->policy,
		  __entry->name));

DEFINE_EVENT(tmem_arena_class, tmem_arena_create,
	     TP_PROTO(const struct tmem_arena *arena), TP_ARGS(arena));

DEFINE_EVENT(tmem_arena_class, tmem_arena_destroy,
	     TP_PROTO(const struct tmem_arena *arena), TP_ARGS(arena));

TRACE_EVENT(
	tmem_span_fill,
	TP_PROTO(const struct tmem_arena *arena, u32 span, int node,
		 unsigned int order, bool pooled, bool off_node),
	TP_ARGS(arena, span, node, order, pooled, off_node),
	TP_STRUCT__entry(__field(u64, id) __field(u32, span) __field(int, node)
				 __field(unsigned int, order)
					 __field(bool, pooled)
						 __field(bool, off_node)),
	TP_fast_assign(__entry->id = arena->id; __entry->span = span;
		       __entry->node = node; __entry->order = order;
		       __entry->pooled = pooled; __entry->off_node = off_node;),
	TP_printk("arena=%llu span=%u node=%d order=%u pooled=%d off_node=%d",
		  __entry->id, __entry->span, __entry->node, __entry->order,
		  __entry->pooled, __entry->off_node));

TRACE_EVENT(tmem_span_purge,
	    TP_PROTO(const struct tmem_arena *arena, u32 span,
		     enum tmem_purge_why why, enum tmem_purge_result result),
	    TP_ARGS(arena, span, why, result),
	    TP_STRUCT__entry(__field(u64, id) __field(u32, span)
				     __field(int, why) __field(int, result)),
	    TP_fast_assign(__entry->id = arena->id; __entry->span = span;
			   __entry->why = why; __entry->result = result;),
	    TP_printk("arena=%llu span=%u why=%s result=%s", __entry->id,
		      __entry->span, tmem_show_why(__entry->why),
		      tmem_show_purge(__entry->result)));

TRACE_EVENT(tmem_pool_refill,
	    TP_PROTO(int node, unsigned long added, unsigned long count,
		     unsigned long target),
	    TP_ARGS(node, added, count, target),
	    TP_STRUCT__entry(__field(int, node) __field(unsigned long, added)
				     __field(unsigned long, count)
					     __field(unsigned long, target)),
	    TP_fast_assign(__entry->node = node; __entry->added = added;
			   __entry->count = count; __entry->target = target;),
	    TP_printk("node=%d added=%lu count=%lu target=%lu", __entry->node,
		      __entry->added, __entry->count, __entry->target));

TRACE_EVENT(
	tmem_pressure, TP_PROTO(const struct tmem_pressure_now *now),
	TP_ARGS(now),
	TP_STRUCT__entry(__field(u32, previous) __field(u32, level)
				 __field(u32, use) __field(u32, stall)
					 __field(bool, psi)),
	TP_fast_assign(__entry->previous = now->previous;
		       __entry->level = now->level; __entry->use = now->use;
		       __entry->stall = now->stall;
		       __entry->psi = now->psi_on;),
	TP_printk("previous=%s level=%s use=%u.%02u%% stall=%u.%02u%% psi=%d",
		  tmem_show_level(__entry->previous),
		  tmem_show_level(__entry->level), __entry->use / 100,
		  __entry->use % 100, __entry->stall / 100,
		  __entry->stall % 100, __entry->psi));

#endif /* TMEM_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
