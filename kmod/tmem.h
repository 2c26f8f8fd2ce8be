/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the module share.
 *
 * Glossary: an arena is a range of memory that one file descriptor stands
 * for; a span is 2 MiB of it, aligned; a span's word is its control word; to
 * purge a span is to take its memory out of the arena; to recall is to purge
 * idle spans, the oldest first, because somebody else needs the memory.
 *
 * Locks, outermost first:
 *
 *	mmap_lock or VMA lock	taken by the core before ->mmap and ->fault
 *	a span's lock		blocking in a fill, by trylock in a purge
 *	(reclaim)		may be entered with those above held
 *	tmem_arena.purge_lock	one purge of an arena at a time
 *	folio lock		blocking in ->fault and in release, by trylock
 *				only in a purge
 *	i_mmap_rwsem, page table locks, i_pages, and the spinlocks of list_lru,
 *	pools and the registry
 *
 * Nothing is allocated with the purge lock or one below it held, but that the
 * core allocates page tables with a folio locked: so reclaim, which includes
 * the OOM notifier, may wait for the purge lock, but only tries folio locks and
 * spans' locks.  Lockdep is told of all this, see span.c and purge.c.
 *
 * What a span holds, and its entry in tmem_arena.tracked, change under the
 * span's lock only.
 */
#ifndef TMEM_KMOD_H
#define TMEM_KMOD_H

#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/fs.h>
#include <linux/list_lru.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/nodemask.h>
#include <linux/pid.h>
#include <linux/poll.h>
#include <linux/refcount.h>
#include <linux/sysfs.h>
#include <linux/tmem.h>
#include <linux/types.h>

#include "tmem_level.h"

#define TMEM_MODULE_MAJOR 0
#define TMEM_MODULE_MINOR 1
#define TMEM_MODULE_PATCH 0
#define TMEM_MODULE_VERSION                             \
	__stringify(TMEM_MODULE_MAJOR) "." __stringify( \
		TMEM_MODULE_MINOR) "." __stringify(TMEM_MODULE_PATCH)

#define TMEM_SPAN_ORDER (TMEM_SPAN_SHIFT - PAGE_SHIFT)
#define TMEM_SPAN_PAGES (1UL << TMEM_SPAN_ORDER)

/**
 * struct tmem_policy - where an arena's memory is looked for
 * @mode:  enum tmem_node_policy
 * @nodes: the mask that came with it; all usable nodes where it gave none
 *
 * Set when the arena is made, constant afterwards.
 */
struct tmem_policy {
	u32 mode;
	nodemask_t nodes;
};

/**
 * struct tmem_user - what the arenas of one user hold, see limit.c
 */
struct tmem_user {
	struct list_head list;
	kuid_t uid;
	unsigned int arenas;
	atomic64_t bytes;
};

/**
 * struct tmem_track - a span that holds memory, on the recall lists (track.c)
 * @lru:     list of its node and memory cgroup
 * @refused: stamp of the last purge that found it pinned, or 0
 */
struct tmem_track {
	struct list_head lru;
	struct tmem_arena *arena;
	u32 span;
	u32 refused;
};

/**
 * struct tmem_arena - the memory behind one arena descriptor
 * @id:       number, unique while the module is loaded
 * @mapping:  page cache of the arena's inode: holds the memory
 * @nr_spans: number of spans
 * @ctl:      control words, vmalloc'ed, mapped by user space, which may write
 *            anything at any time.  The kernel's only write is the
 *            compare-exchange IDLE -> PURGED in purge.c
 * @ctl_base: page offset at which the words are mapped
 * @ctl_pages: pages of @ctl
 * @policy:   where memory is looked for
 * @name:     printable, terminated
 * @user:     who made it; its memory counts against this user's limit
 * @pid:      process that made it
 * @pins:     who looks at the arena beside those that hold its file, plus one
 *            for the file
 * @unpinned: done when @pins is 0
 * @span_locks: a bit per span, see span.c
 * @tracked:  by span: its object on the recall lists, or NULL
 * @purge_lock: one purge at a time; protects @purge_batch
 * @purge_batch: folios of the span of small pages being purged
 * @bytes:    what it holds and was charged for, see limit.c
 * @fills ... @recalled: counters of struct tmem_arena_stat
 *
 * Lifetime: from tmem_arena_create() to tmem_arena_release(), the last put of
 * the file, which mappings hold too.  A recall pins the arena, and release
 * waits for it.  Pins on the memory (O_DIRECT, RDMA) do not hold the arena:
 * they hold folios, which outlive it.
 */
struct tmem_arena {
	u64 id;
	struct address_space *mapping;
	u32 nr_spans;
	u32 *ctl;
	pgoff_t ctl_base;
	unsigned long ctl_pages;
	struct tmem_policy policy;
	char name[TMEM_NAME_LEN];
	struct tmem_user *user;
	struct pid *pid;

	refcount_t pins;
	struct completion unpinned;

	unsigned long *span_locks;
	struct tmem_track **tracked;
	struct mutex purge_lock;
	struct folio **purge_batch;

	atomic64_t bytes;
	atomic64_t fills;
	atomic64_t fills_pool;
	atomic64_t fills_small;
	atomic64_t fills_off_node;
	atomic64_t fills_failed;
	atomic64_t fills_limited;
	atomic64_t purged;
	atomic64_t recalled;
};

/**
 * struct tmem_wish - where somebody wants a span to be
 * @nid:     the node, or NUMA_NO_NODE: what the arena's policy says
 * @here:    node of the CPU that wants it
 * @ahead:   it is not touched yet: who asks can be told that the memory cgroup
 *           has no room for a huge page, and need not fill it to the brim
 * @allowed: nodes of the cpuset of who wants it
 */
struct tmem_wish {
	int nid;
	int here;
	bool ahead;
	nodemask_t allowed;
};

/* Why a span is purged; also in the tracepoint tmem_span_purge. */
enum tmem_purge_why {
	TMEM_WHY_ASKED, /* TMEM_IOC_ARENA_PURGE */
	TMEM_WHY_FILL, /* the arena itself found no memory */
	TMEM_WHY_RECLAIM, /* a shrinker: the node or a memory cgroup is short */
	TMEM_WHY_OOM, /* before the OOM killer would choose a victim */
	TMEM_WHY_LIMIT, /* max_bytes or max_user_bytes is reached */
};

enum tmem_purge_result {
	TMEM_PURGE_DONE,
	TMEM_PURGE_BUSY,
	TMEM_PURGE_PINNED,
	TMEM_PURGE_ABSENT,
};

/**
 * struct tmem_purge_count - what became of the spans of a purge
 *
 * As in struct tmem_arena_purge.
 */
struct tmem_purge_count {
	u64 purged;
	u64 busy;
	u64 pinned;
	u64 absent;
};

/* arena.c */
int tmem_arena_create(struct tmem_arena_create *req, struct file **filp);
u64 tmem_arena_size(const struct tmem_arena *arena);
void tmem_arena_unpin(struct tmem_arena *arena);
bool tmem_arena_range(const struct tmem_arena *arena, u64 offset, u64 length);

/* registry.c: the arenas there are. */
struct tmem_arena_snapshot {
	u64 id;
	char name[TMEM_NAME_LEN];
	kuid_t uid;
	struct pid *pid; /* to be put */
	struct tmem_policy policy;
	u64 size;
	u64 resident;
	u64 idle;
	u64 fills;
	u64 fills_pool;
	u64 fills_small;
	u64 fills_off_node;
	u64 fills_failed;
	u64 fills_limited;
	u64 purged;
	u64 recalled;
};
int tmem_registry_reserve(struct tmem_arena *arena);
void tmem_registry_cancel(struct tmem_arena *arena);
void tmem_registry_add(struct tmem_arena *arena);
void tmem_registry_remove(struct tmem_arena *arena);
struct tmem_arena *tmem_registry_pin(u64 after);
bool tmem_registry_next(u64 after, bool all, kuid_t uid,
			struct tmem_arena_snapshot *snapshot);
u64 tmem_registry_last_id(void);
u64 tmem_registry_count(void);

/* chardev.c: /dev/tmem. */
int tmem_chardev_register(void);
void tmem_chardev_unregister(void);
struct device *tmem_chardev_device(void); /* after the registration */
int tmem_uapi_get(void *to, size_t size, size_t least, const void __user *from,
		  unsigned int cmd);
int tmem_uapi_put(void __user *to, unsigned int cmd, const void *from,
		  size_t size);

/* events.c: what one descriptor of /dev/tmem has to read; its triggers. */
struct tmem_events;
struct tmem_events *tmem_events_alloc(void);
void tmem_events_free(struct tmem_events *events);
__poll_t tmem_events_poll(struct tmem_events *events, struct file *filp,
			  struct poll_table_struct *wait);
ssize_t tmem_events_read(struct tmem_events *events, struct file *filp,
			 char __user *to, size_t size);
int tmem_events_add_trigger(struct tmem_events *events,
			    const struct tmem_trigger *trigger);
int tmem_events_remove_trigger(struct tmem_events *events, u64 cookie);
/* The level has changed: every descriptor has an event more. */
void tmem_events_level_changed(void);

/* status.c: the status page. */
int tmem_status_init(void);
void tmem_status_exit(void);
size_t tmem_status_size(void);
int tmem_status_mmap(struct vm_area_struct *vma);

/* pressure.c: the level. */
/**
 * struct tmem_pressure_now - the pressure, as last sampled
 * @psi:        some, full; zeroes where PSI is off
 * @available:  bytes, the pools included
 * @use, @stall: hundredths of a percent
 */
struct tmem_pressure_now {
	u32 level;
	u32 previous;
	u64 changes;
	u64 since; /* ktime_get_ns() */
	u64 updated;
	bool psi_on;
	u32 use;
	u32 stall;
	u32 use_level;
	u32 stall_level;
	struct tmem_psi some;
	struct tmem_psi full;
	u64 total;
	u64 available;
};

int tmem_pressure_init(void);
void tmem_pressure_exit(void);
void tmem_pressure_get(struct tmem_pressure_now *now);
u32 tmem_pressure_level(void); /* one load */
bool tmem_pressure_psi_on(void);
/* Reclaim is at work: look again soon.  Any context, cheap, may be called often. */
void tmem_pressure_reclaim(enum tmem_reclaimer who);
void tmem_status_write(const struct tmem_pressure_now *now);
extern const struct attribute_group tmem_pressure_group; /* "pressure" */

/* psi.c: the kernel's stall figures of memory, read and watched. */
int tmem_psi_open(void (*event)(void)); /* -EOPNOTSUPP without PSI */
void tmem_psi_close(void);
int tmem_psi_arm(u32 stall_us, u32 window_us);
int tmem_psi_read(struct tmem_psi *some, struct tmem_psi *full);

/* netlink.c: the family "tmem". */
int tmem_netlink_register(void);
void tmem_netlink_unregister(void);
void tmem_netlink_level_changed(const struct tmem_pressure_now *now);

/* mapping.c */
int tmem_arena_mmap(struct file *filp, struct vm_area_struct *vma);
unsigned long tmem_arena_get_unmapped_area(struct file *filp,
					   unsigned long addr,
					   unsigned long len,
					   unsigned long pgoff,
					   unsigned long flags);
extern const struct address_space_operations tmem_aops;

/* fill.c */
struct folio *tmem_fill(struct tmem_arena *arena, pgoff_t pgoff);

struct folio *tmem_fill_for(struct tmem_arena *arena, pgoff_t pgoff,
			    const struct tmem_wish *wish);

/* populate.c */
int tmem_populate_init(void);
void tmem_populate_exit(void);
int tmem_populate(struct tmem_arena *arena, struct tmem_arena_populate *req);

/* span.c: the locks of spans and folios. */
int tmem_span_lock_killable(struct tmem_arena *arena, u32 span);
bool tmem_span_trylock(struct tmem_arena *arena, u32 span);
void tmem_span_unlock(struct tmem_arena *arena, u32 span);
void tmem_folio_lock(struct folio *folio);
void tmem_folio_lock_prime(void);

/* track.c: the recall lists, by node and memory cgroup. */
int tmem_track_init(struct shrinker *shrinker);
void tmem_track_exit(void);
struct tmem_track *tmem_track_alloc(struct tmem_arena *arena, u32 span,
				    int nid);
void tmem_track_free(struct tmem_track *track);
void tmem_track_add(struct tmem_track *track);
void tmem_track_remove(struct tmem_arena *arena, u32 span);
void tmem_track_remove_all(struct tmem_arena *arena);
void tmem_track_refuse(struct tmem_arena *arena, u32 span);
u32 tmem_stamp_now(void);
struct list_lru *tmem_track_lists(void);
u64 tmem_track_node_bytes(int nid);

/* recall.c */
/**
 * struct tmem_recall_stat - counters since the module was loaded, in spans
 * @scanned: looked at; @purged: taken; the others: chosen and refused
 */
struct tmem_recall_stat {
	u64 scanned;
	u64 purged;
	u64 busy;
	u64 pinned;
	u64 absent;
	u64 oom_calls;
	u64 oom_purged;
};
int tmem_recall_init(void);
void tmem_recall_exit(void);
unsigned int tmem_recall_arena(struct tmem_arena *arena, unsigned int nr);
unsigned int tmem_recall_limit(const struct tmem_user *user, unsigned int nr);
unsigned int tmem_recall_debug(unsigned int nr);
void tmem_recall_stat(struct tmem_recall_stat *stat);

/* purge.c */
void tmem_purge_lock_init(struct mutex *lock);
void tmem_purge_uncharge(struct tmem_arena *arena, u64 bytes);
int tmem_purge(struct tmem_arena *arena, u32 first, u32 nr,
	       struct tmem_purge_count *count);
void tmem_purge_one(struct tmem_arena *arena, u32 span, u32 word,
		    enum tmem_purge_why why, struct tmem_purge_count *count);

/* pool.c: zeroed spans, by node. */
/**
 * struct tmem_pool_stat - the pool of a node, in spans
 */
struct tmem_pool_stat {
	u64 count;
	u64 low;
	u64 target;
	u64 refilled;
	u64 taken;
	u64 missed;
	u64 shrunk;
};
int tmem_pool_init(void);
void tmem_pool_start(void);
void tmem_pool_exit(void);
void tmem_pool_settle(bool now);
struct folio *tmem_pool_take(int nid, bool wanted);
unsigned long tmem_pool_shrink(int nid,
			       unsigned long nr); /* any node: NUMA_NO_NODE */
void tmem_pool_stat(int nid, struct tmem_pool_stat *stat);
int tmem_pool_set(int nid, u64 low, u64 target); /* spans; U64_MAX: keep */
u64 tmem_pool_bytes(void);
unsigned long tmem_node_pages(int nid);
bool tmem_node_spare(int nid, unsigned long pages);

/* limit.c: how many bytes the module and each user may hold. */
struct tmem_user *tmem_user_get(kuid_t uid);
void tmem_user_put(struct tmem_user *user);
void tmem_user_usage(kuid_t uid, u64 *bytes, u64 *arenas);
int tmem_limit_charge(struct tmem_user *user, u64 bytes); /* NULL: a pool */
void tmem_limit_uncharge(struct tmem_user *user, u64 bytes);
u64 tmem_arena_bytes(void); /* what arenas hold */
extern u64 tmem_max_bytes, tmem_max_user_bytes; /* U64_MAX: no limit */

/* sysfs.c */
extern const struct attribute_group *tmem_sysfs_groups[];
void tmem_sysfs_add_nodes(void);
void tmem_sysfs_remove_nodes(void);

/* debug.c */
void tmem_debug_init(void);
void tmem_debug_exit(void);

/* usage.c */
int tmem_usage_stat(struct tmem_arena *arena, struct tmem_arena_stat *stat);
int tmem_usage_node(struct tmem_arena *arena,
		    struct tmem_arena_node_stat *stat);

/* policy.c */
int tmem_policy_set(struct tmem_policy *policy, u32 mode, const u64 *nodes);
u64 tmem_policy_capacity(const struct tmem_policy *policy);
void tmem_policy_wish(struct tmem_wish *wish);
bool tmem_policy_allows(const struct tmem_policy *policy, int nid);
int tmem_policy_wanted(const struct tmem_policy *policy, u32 span,
		       const struct tmem_wish *wish);
struct folio *tmem_policy_alloc(const struct tmem_policy *policy,
				unsigned int order,
				const struct tmem_wish *wish, int nid,
				bool *pooled);
void tmem_policy_usable(nodemask_t *nodes);
void tmem_policy_count_off_node(int nid);
u64 tmem_policy_off_node(int nid); /* fills that wanted it and got another */

#endif /* TMEM_KMOD_H */
