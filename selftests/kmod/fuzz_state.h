/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The fuzzer's state: what its processes share, what the threads of one
 * process share, and how an operation draws its arguments.
 *
 * An operation is a kind and six numbers.  Everything that it does is made
 * from them, so that a sequence of operations can be kept, repeated and
 * changed in one place (fuzz_cover.h).  What the descriptors and mappings
 * are that it meets depends on what ran before, here and in other threads.
 *
 * Threads use the tables below without locks, on purpose: a descriptor may be
 * closed, a mapping gone, while another thread is in a call with it.
 */
#ifndef FUZZ_STATE_H
#define FUZZ_STATE_H

#include "tmem_test_cgroup.h"

#include <pthread.h>

#define FZ_ARENAS 6 /* per process */
#define FZ_MAX_SPANS 16
#define FZ_FDS 24
#define FZ_ARGS 6
#define FZ_PROG 12 /* operations of a program */
#define FZ_THREADS 3
#define FZ_PROCS 3
#define FZ_KINDS 64 /* at most */
#define FZ_CORPUS 512
#define FZ_PCS (1U << 16)
#define FZ_POISON 4 /* pages made to fail, in one run */
#define FZ_SCRATCH (4 * KT_PAGE)
#define FZ_GROUND (40 * KT_SPAN)

struct fz_op {
	uint32_t kind;
	uint32_t arg[FZ_ARGS];
};

struct fz_prog {
	uint32_t n;
	struct fz_op op[FZ_PROG];
};

/* What the process that owns the canaries has seen; see fuzz_canary.h. */
struct fz_canary {
	uint64_t rounds;
	uint64_t kept;
	uint64_t lost;
	uint64_t refused;
	uint64_t snapshots;
	uint64_t bad_busy;
	uint64_t bad_idle;
	uint64_t bad_stat;
	uint64_t bad_status;
	bool ready;
	bool done;
	bool no_status;
};

/* Shared by all processes: survives each of them. */
struct fz_shared {
	bool stop;
	uint64_t seed;
	uint64_t steps; /* programs per thread; 0: until told to stop */
	bool trace;
	uint64_t calls[FZ_KINDS];
	uint64_t good[FZ_KINDS];
	uint64_t sigbus;
	uint64_t sigsegv;
	uint64_t removed; /* the module let itself be removed: never */
	int64_t poison; /* pages that may still be spoiled, of FZ_POISON */
	struct fz_canary canary;
	/* coverage */
	bool steer;
	uint64_t pc[FZ_PCS];
	uint64_t pcs;
	uint64_t corpus_n;
	struct fz_corpus {
		bool ready;
		struct fz_prog prog;
	} corpus[FZ_CORPUS];
};

struct fz_arena {
	int fd;
	uint32_t spans;
	size_t ctl_offset;
	size_t ctl_size;
	uint32_t *ctl;
};

/* One process of the fuzzer. */
struct fz_proc {
	struct fz_shared *sh;
	unsigned int index;
	unsigned int generation;
	struct fz_arena arena[FZ_ARENAS];
	int fd[FZ_FDS];
	int mail[2]; /* a socket pair that all processes have */
	int family; /* the netlink family's number, or 0 */
	unsigned int group; /* its multicast group */
	uint64_t nodes; /* with memory, a bit each */
	bool started;
	unsigned char *ground; /* where mappings come and go */
	char cgroup[64]; /* of this process, or "" */
};

struct fz_thread {
	struct fz_proc *p;
	unsigned int index;
	pthread_t id;
	uint64_t rng;
	const struct fz_op *op;
	unsigned int drawn;
	bool child; /* a forked copy: it forks no more */
	bool done;
	unsigned char *scratch; /* FZ_SCRATCH, then a page that is not there */
	unsigned char *readonly; /* a page of zeroes */
	int kcov;
	uint64_t *cover;
};

/* Returns what the call did: 0 or more, or -errno. */
typedef long (*fz_run)(struct fz_thread *t);

struct fz_kind {
	const char *name;
	fz_run run;
	unsigned int weight;
};

static inline void fz_count(uint64_t *counter)
{
	__atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

static inline bool fz_stopped(struct fz_shared *sh)
{
	return __atomic_load_n(&sh->stop, __ATOMIC_RELAXED);
}

/* --- drawing -------------------------------------------------------------- */

/* The k-th number that an operation draws depends on one of its six only. */
static inline uint64_t fz_draw(struct fz_thread *t)
{
	uint64_t k = t->drawn++;

	return kt_mix(t->op->arg[k % FZ_ARGS] + ((k + 1) << 32));
}

static inline uint64_t fz_below(struct fz_thread *t, uint64_t n)
{
	return fz_draw(t) % n;
}

static inline bool fz_one_in(struct fz_thread *t, unsigned int n)
{
	return fz_draw(t) % n == 0;
}

/* Numbers at which code goes wrong. */
static inline uint64_t fz_wild(struct fz_thread *t)
{
	uint64_t r = fz_draw(t), one = 1ULL << (r >> 8) % 64;

	switch (r % 8) {
	case 0:
		return one;
	case 1:
		return one - 1;
	case 2:
		return ~one;
	case 3:
		return (r >> 8) % 64 * KT_SPAN;
	case 4:
		return ~0ULL - (r >> 8) % 4;
	case 5:
		return (r >> 8) % 4096;
	case 6:
		return ~0ULL << (r >> 8) % 64;
	default:
		return kt_mix(r);
	}
}

/* Changes a few bytes, or one word to a wild one. */
static inline void fz_spoil(struct fz_thread *t, void *what, size_t len)
{
	uint64_t r = fz_draw(t), wild = fz_wild(t);
	unsigned char *p = what;
	size_t at;

	if (r & 1) {
		at = (r >> 8) % len & ~(size_t)7;
		memcpy(p + at, &wild, len - at < 8 ? len - at : 8);
		return;
	}
	for (unsigned int i = 0; i <= (r >> 1) % 4; i++)
		p[(r >> (8 + 8 * i)) % len] ^= (unsigned char)(wild >> 8 * i);
}

/* --- memory that may not be there ----------------------------------------- */

static __thread sigjmp_buf fz_escape;
static __thread volatile sig_atomic_t fz_guarded;

/* Outside of a guard it is a fault of the fuzzer, or worse: die of it. */
static inline void fz_caught(int sig)
{
	if (!fz_guarded) {
		signal(sig, SIG_DFL);
		return;
	}
	fz_guarded = 0;
	siglongjmp(fz_escape, sig);
}

/*
 * Calls the function, and comes back from it at a SIGBUS or SIGSEGV: false.
 * Not inlined, so that no variable of a caller lives in a register that the
 * jump would set back.
 */
static __attribute__((noinline)) bool fz_try(struct fz_thread *t,
					     void (*touch)(void *), void *arg)
{
	int sig = sigsetjmp(fz_escape, 0);

	if (sig) {
		fz_count(sig == SIGBUS ? &t->p->sh->sigbus :
					 &t->p->sh->sigsegv);
		return false;
	}
	fz_guarded = 1;
	touch(arg);
	fz_guarded = 0;
	return true;
}

struct fz_copying {
	void *to;
	const void *from;
	size_t len;
};

static void fz_copy_bytes(void *arg)
{
	struct fz_copying *c = arg;

	memcpy(c->to, c->from, c->len);
}

/* A place on the ground, whole pages or not, and how far to go from there. */
static inline unsigned char *fz_ground(struct fz_thread *t, size_t *len)
{
	uint64_t r = fz_draw(t), l = fz_draw(t);
	size_t at = (r >> 8) % (FZ_GROUND / KT_SPAN) * KT_SPAN;

	if (r % 4 == 0)
		at += (r >> 32) % 512 * KT_PAGE;
	*len = (1 + (l >> 8) % 4) * KT_SPAN;
	if (l % 4 == 0)
		*len = (1 + (l >> 8) % 1024) * KT_PAGE;
	if (*len > FZ_GROUND - at)
		*len = FZ_GROUND - at;
	return t->p->ground + at;
}

/*
 * Where a call finds its argument: mostly in the scratch area, sometimes cut
 * off by a page that is not there, read-only, nowhere, or in an arena.
 */
static inline void *fz_pointer(struct fz_thread *t, const void *content,
			       size_t len)
{
	uint64_t r = fz_draw(t);
	unsigned char *end = t->scratch + FZ_SCRATCH, *at;
	size_t dummy;

	memcpy(t->scratch, content, len);
	switch (r % 24) {
	case 0:
		at = end - (r >> 8) % len;
		memcpy(at, content, (size_t)(end - at));
		return at;
	case 1:
		return t->readonly;
	case 2:
		return (void *)((r >> 8) % 65536);
	case 3:
		return (void *)(r | 1ULL << 63);
	case 4:
	case 5:
		at = fz_ground(t, &dummy);
		fz_try(t, fz_copy_bytes,
		       &(struct fz_copying){ at, content, len });
		return at;
	default:
		return t->scratch;
	}
}

/* --- descriptors ---------------------------------------------------------- */

static inline struct fz_arena *fz_arena(struct fz_thread *t)
{
	return &t->p->arena[fz_below(t, FZ_ARENAS)];
}

static inline int fz_arena_fd(struct fz_arena *a)
{
	return __atomic_load_n(&a->fd, __ATOMIC_RELAXED);
}

/*
 * Any of our descriptors.  Slots 0 and 1 always hold the device, the next two
 * the ends of a pipe, without which nothing can be spliced.
 */
#define FZ_PIPE 2
#define FZ_OTHER 4

static inline int fz_fd(struct fz_thread *t)
{
	uint64_t r = fz_draw(t);

	switch (r % 8) {
	case 0:
	case 1:
	case 2:
		return fz_arena_fd(&t->p->arena[(r >> 8) % FZ_ARENAS]);
	case 3:
	case 4:
		return __atomic_load_n(&t->p->fd[(r >> 8) % 2],
				       __ATOMIC_RELAXED);
	default:
		return __atomic_load_n(&t->p->fd[(r >> 8) % FZ_FDS],
				       __ATOMIC_RELAXED);
	}
}

/* Everything is closed by whoever takes it out of its slot: once. */
static inline void fz_put_fd(struct fz_thread *t, unsigned int slot, int fd)
{
	fd = __atomic_exchange_n(&t->p->fd[slot], fd, __ATOMIC_RELAXED);
	if (fd >= 0)
		close(fd);
}

/* A new descriptor takes the place of another; the first ones stay. */
static inline long fz_keep_fd(struct fz_thread *t, int fd)
{
	if (fd < 0)
		return -errno;
	fz_put_fd(t, FZ_OTHER + (unsigned int)fz_below(t, FZ_FDS - FZ_OTHER),
		  fd);
	return 0;
}

/* A system call's result as -errno. */
static inline long fz_result(long ret)
{
	return ret < 0 ? -errno : ret;
}

#endif /* FUZZ_STATE_H */
