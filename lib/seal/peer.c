// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Who uses a store, and who is dead.
 *
 * A slot names its process by pid and start time.  These say something only to
 * processes that count pids and time in the same way: where the namespaces
 * differ, or /proc is not there, a peer counts as alive, for its memory is lost
 * if it is taken for dead wrongly, while a dead one only keeps memory.
 *
 * fork() gives the child a slot before it is there, marked FORKING.  The child
 * claims it by a compare-exchange, and has lost its views if it comes after
 * FORK_MS, when the slot counts as that of a fork that failed.
 *
 * A slot is JOINING until all is told that others judge by; who does not get
 * that far in FORK_MS is dead, or begins again.
 *
 * A process that executes another program has no views any more, and keeps its
 * pid and start time.  So we look at whether it has the file mapped, where that
 * is worth the time (index->thorough).
 */
#define _GNU_SOURCE
#include "seal/peer.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "seal/futex.h"
#include "seal/proc.h"

#define FORK_MS 10000
#define PEER_FLAGS (TMEM_PEER_FORKING | TMEM_PEER_JOINING)

static struct {
	_Atomic(bool) known;
	_Atomic(uint64_t) id; /* without flags */
	_Atomic(uint64_t) pid_ns, time_ns;
	_Atomic(uint32_t) forks;
} self;

static void self_learn(void)
{
	struct tmem_proc_stat stat = { 0 };
	uint32_t pid = (uint32_t)getpid();
	bool ours = tmem_proc_stat_get(0, &stat) && stat.pid == pid;

	if (atomic_load(&self.known))
		return;
	/* A /proc of other namespaces is worse than none. */
	atomic_store(&self.id, (uint64_t)pid << 32 | (ours ? stat.start : 0));
	atomic_store(&self.pid_ns, ours ? tmem_proc_namespace("pid") : 0);
	atomic_store(&self.time_ns, ours ? tmem_proc_namespace("time") : 0);
	atomic_store(&self.known, true);
}

void tmem_peer_forked(void)
{
	atomic_store(&self.known, false);
}

/* Kernels before 5.6 have no time namespaces: 0 and 0 are the same. */
static bool peer_can_judge(const struct tmem_index_peer *peer)
{
	return atomic_load(&self.pid_ns) &&
	       atomic_load(&peer->pid_ns) == atomic_load(&self.pid_ns) &&
	       atomic_load(&peer->time_ns) == atomic_load(&self.time_ns);
}

static bool peer_process_alive(const struct tmem_index *index, uint64_t id)
{
	uint32_t pid = (uint32_t)((id & ~PEER_FLAGS) >> 32);
	struct tmem_proc_stat stat;

	if (!pid || (kill((pid_t)pid, 0) && errno == ESRCH))
		return false;
	/* Not to be read: hidden from us (hidepid). */
	if (!tmem_proc_stat_get(pid, &stat))
		return true;
	if (stat.dead || stat.start != (uint32_t)id)
		return false;
	return !index->thorough ||
	       tmem_proc_maps_file(pid, index->file->fd) != TMEM_PROC_NO;
}

static bool peer_alive(const struct tmem_index *index, uint32_t slot,
		       uint64_t id)
{
	const struct tmem_index_peer *peer = &index->peers[slot];

	if (id == TMEM_PEER_FREE || id == TMEM_PEER_GONE)
		return false;
	self_learn();
	if (id & TMEM_PEER_JOINING)
		return tmem_clock_ms() - (id & ~PEER_FLAGS) < FORK_MS;
	if ((id & ~PEER_FLAGS) == atomic_load(&self.id) && slot == index->self)
		return true;
	if (id & TMEM_PEER_FORKING)
		return atomic_load(&peer->time_ns) !=
			       atomic_load(&self.time_ns) ||
		       tmem_clock_ms() - atomic_load(&peer->since) < FORK_MS;
	return !peer_can_judge(peer) || peer_process_alive(index, id);
}

bool tmem_peer_alive(const struct tmem_index *index, uint32_t slot)
{
	return slot < index->max_peers &&
	       peer_alive(index, slot, atomic_load(&index->peers[slot].id));
}

static void peer_be_judged(struct tmem_index_peer *peer)
{
	atomic_store(&peer->time_ns, atomic_load(&self.time_ns));
	atomic_store(&peer->pid_ns, atomic_load(&self.pid_ns));
}

/* The slot is ours if nobody finds that it takes us too long. */
static bool peer_claim(struct tmem_index *index, uint32_t slot, uint64_t seen,
		       uint64_t mine)
{
	struct tmem_index_peer *peer = &index->peers[slot];
	uint64_t now = tmem_clock_ms(), joining = TMEM_PEER_JOINING | now;

	if (!tmem_index_row(index, slot) ||
	    !atomic_compare_exchange_strong(&peer->id, &seen, joining))
		return false;
	atomic_store(&peer->since, now);
	peer_be_judged(peer);
	return atomic_compare_exchange_strong(&peer->id, &joining, mine);
}

/*
 * Free slots first: those of the dead are swept by and by.  One that is GONE is
 * being swept, or its sweeper is dead, too.
 */
static uint32_t peer_take(struct tmem_index *index, bool dead, uint64_t mine)
{
	uint64_t id;
	uint32_t i;

	for (i = 0; i < index->max_peers; i++) {
		id = atomic_load(&index->peers[i].id);
		if (id == TMEM_PEER_GONE)
			continue;
		if (dead ? peer_alive(index, i, id) : id != TMEM_PEER_FREE)
			continue;
		if (peer_claim(index, i, id, mine))
			return i;
	}
	return TMEM_PEER_NONE;
}

int tmem_peer_join(struct tmem_index *index)
{
	uint32_t slot;

	self_learn();
	slot = peer_take(index, false, atomic_load(&self.id));
	if (slot == TMEM_PEER_NONE)
		slot = peer_take(index, true, atomic_load(&self.id));
	if (slot == TMEM_PEER_NONE)
		return -EUSERS;
	index->self = slot;
	return 0;
}

static void peer_clear_row(struct tmem_index *index, uint32_t slot)
{
	_Atomic(uint32_t) *row = tmem_index_row(index, slot);
	uint32_t i;

	for (i = 0; row && i < index->contents; i++)
		if (atomic_load_explicit(&row[i], memory_order_relaxed))
			atomic_store_explicit(&row[i], 0, memory_order_relaxed);
}

void tmem_peer_settle(struct tmem_index *index)
{
	peer_clear_row(index, index->self);
}

static void peer_free(struct tmem_index *index, uint32_t slot, uint64_t id)
{
	struct tmem_index_peer *peer = &index->peers[slot];

	atomic_store(&peer->pid_ns, 0);
	atomic_store(&peer->time_ns, 0);
	atomic_compare_exchange_strong(&peer->id, &id, TMEM_PEER_FREE);
}

void tmem_peer_leave(struct tmem_index *index)
{
	uint32_t slot = index->self;

	peer_clear_row(index, slot);
	peer_free(index, slot, atomic_load(&index->peers[slot].id));
	index->self = TMEM_PEER_NONE;
}

bool tmem_peer_bury(struct tmem_index *index, uint32_t slot)
{
	struct tmem_index_peer *peer = &index->peers[slot];
	uint64_t id = atomic_load(&peer->id);

	if (id == TMEM_PEER_FREE || slot == index->self ||
	    peer_alive(index, slot, id))
		return false;
	/* A child may be born at this moment: one of us is first. */
	if (!atomic_compare_exchange_strong(&peer->id, &id, TMEM_PEER_GONE))
		return false;
	peer_clear_row(index, slot);
	peer_free(index, slot, TMEM_PEER_GONE);
	return true;
}

uint32_t tmem_peer_expect(struct tmem_index *index, uint64_t *id)
{
	uint32_t slot;

	self_learn();
	/* Another one at each fork: a late child must not take the next's. */
	*id = TMEM_PEER_FORKING |
	      (atomic_load(&self.id) & ~(uint64_t)UINT32_MAX) |
	      atomic_fetch_add(&self.forks, 1);
	slot = peer_take(index, false, *id);
	if (slot != TMEM_PEER_NONE)
		peer_clear_row(index, slot);
	return slot;
}

bool tmem_peer_born(struct tmem_index *index, uint32_t slot, uint64_t id)
{
	self_learn();
	index->self = TMEM_PEER_NONE;
	if (slot == TMEM_PEER_NONE)
		return false;
	/* In another namespace than our parent, until we have said so. */
	if (!peer_can_judge(&index->peers[slot]))
		atomic_store(&index->peers[slot].pid_ns, 0);
	if (!atomic_compare_exchange_strong(&index->peers[slot].id, &id,
					    atomic_load(&self.id)))
		return false;
	index->self = slot;
	peer_be_judged(&index->peers[slot]);
	return true;
}
