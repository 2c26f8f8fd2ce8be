/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The fuzzer's operations on mappings.  All of them come and go on the ground,
 * a range of addresses that belongs to nothing else, so that a process does
 * not take its own stack or code away.
 */
#ifndef FUZZ_MM_H
#define FUZZ_MM_H

#include "fuzz_state.h"

#include <sys/uio.h>

#ifndef MADV_SOFT_OFFLINE
#define MADV_SOFT_OFFLINE 101
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

static int fz_prot(struct fz_thread *t)
{
	static const int prot[] = { KT_RW,	KT_RW,
				    KT_RW,	PROT_READ,
				    PROT_WRITE, PROT_NONE,
				    PROT_EXEC,	KT_RW | PROT_EXEC };

	return prot[fz_below(t, 8)];
}

static int fz_map_flags(struct fz_thread *t)
{
	uint64_t r = fz_draw(t);
	int flags = MAP_FIXED | MAP_SHARED;

	if (r % 16 == 0)
		flags = MAP_FIXED | MAP_PRIVATE;
	else if (r % 16 == 1)
		flags = MAP_FIXED | MAP_SHARED_VALIDATE;
	if ((r >> 8) % 16 == 0)
		flags |= MAP_POPULATE;
	if ((r >> 12) % 16 == 0)
		flags |= MAP_LOCKED;
	if ((r >> 16) % 16 == 0)
		flags |= MAP_NORESERVE;
	if ((r >> 20) % 32 == 0)
		flags |= (int)((r >> 32) & 0xfff000) & ~MAP_GROWSDOWN &
			 ~MAP_HUGETLB & ~MAP_FIXED_NOREPLACE;
	return flags;
}

static long fz_map(struct fz_thread *t, int fd, uint64_t offset)
{
	unsigned char *at;
	size_t len;
	void *p;

	at = fz_ground(t, &len);
	p = mmap(at, len, fz_prot(t), fz_map_flags(t), fd, (off_t)offset);
	return p == MAP_FAILED ? -errno : 0;
}

static long fz_map_data(struct fz_thread *t)
{
	struct fz_arena *a = fz_arena(t);
	uint64_t r = fz_draw(t);
	uint64_t offset = (r >> 8) % (a->spans + 1) * KT_SPAN;

	if (r % 8 == 0)
		offset += (r >> 32) % 512 * KT_PAGE;
	else if (r % 8 == 1)
		offset = fz_wild(t) & ~(KT_PAGE - 1);
	else if (r % 8 < 6)
		offset = 0;
	return fz_map(t, fz_arena_fd(a), offset);
}

static long fz_map_ctl(struct fz_thread *t)
{
	struct fz_arena *a = fz_arena(t);
	unsigned char *at;
	size_t len;
	void *p;

	at = fz_ground(t, &len);
	len = fz_one_in(t, 4) ? len : KT_PAGE;
	p = mmap(at, len, fz_prot(t), fz_map_flags(t), fz_arena_fd(a),
		 (off_t)(a->ctl_offset + fz_below(t, 8) / 7 * KT_PAGE));
	return p == MAP_FAILED ? -errno : 0;
}

static long fz_map_status(struct fz_thread *t)
{
	unsigned char *at;
	size_t len;
	void *p;

	at = fz_ground(t, &len);
	len = fz_one_in(t, 4) ? len : KT_PAGE;
	p = mmap(at, len, fz_one_in(t, 2) ? PROT_READ : fz_prot(t),
		 fz_map_flags(t), t->p->fd[fz_below(t, 2)],
		 (off_t)(fz_below(t, 8) / 7 * KT_PAGE));
	return p == MAP_FAILED ? -errno : 0;
}

static long fz_map_other(struct fz_thread *t)
{
	unsigned char *at;
	size_t len;
	void *p;

	if (fz_one_in(t, 2))
		return fz_map(t, fz_fd(t), fz_below(t, 8) * KT_PAGE);
	at = fz_ground(t, &len);
	p = mmap(at, len, fz_prot(t),
		 MAP_FIXED | MAP_ANONYMOUS |
			 (fz_one_in(t, 3) ? MAP_SHARED : MAP_PRIVATE),
		 -1, 0);
	return p == MAP_FAILED ? -errno : 0;
}

static long fz_unmap(struct fz_thread *t)
{
	size_t len;
	void *at = fz_ground(t, &len);

	return fz_result(munmap(at, len));
}

static long fz_protect(struct fz_thread *t)
{
	size_t len;
	void *at = fz_ground(t, &len);

	return fz_result(mprotect(at, len, fz_prot(t)));
}

static long fz_remap(struct fz_thread *t)
{
	size_t len, new_len;
	void *at = fz_ground(t, &len), *to = fz_ground(t, &new_len), *p;
	uint64_t r = fz_draw(t);
	int flags = MREMAP_MAYMOVE | MREMAP_FIXED;

	/* Each length fits its own place only. */
	if (r % 2)
		new_len = len = len < new_len ? len : new_len;
	if (r % 16 == 2)
		len = 0; /* a second mapping of the same */
	if (r % 16 == 3)
		flags |= 4; /* MREMAP_DONTUNMAP */
	if (r % 16 == 4)
		p = mremap(at, len, len / 2 & ~(KT_PAGE - 1), 0);
	else
		p = mremap(at, len, new_len, flags, to);
	return p == MAP_FAILED ? -errno : 0;
}

/*
 * Two kinds of advice spoil memory for good: a few times only, and that of an
 * arena or of ours.  Not on the ground, where the status page may lie, which
 * every later program reads; and not at offset 0, where it is if the file is
 * the device by now.
 */
static long fz_poison(struct fz_thread *t, int advice)
{
	struct fz_arena *a = fz_arena(t);
	size_t offset = (1 + fz_below(t, a->spans + 1)) * KT_SPAN;
	void *p;
	long ret;

	if (__atomic_fetch_sub(&t->p->sh->poison, 1, __ATOMIC_RELAXED) <= 0)
		return -EPERM;
	p = mmap(NULL, KT_SPAN, KT_RW, MAP_SHARED, fz_arena_fd(a),
		 (off_t)offset);
	if (p == MAP_FAILED)
		p = mmap(NULL, KT_SPAN, KT_RW, MAP_SHARED | MAP_ANONYMOUS, -1,
			 0);
	if (p == MAP_FAILED)
		return -errno;
	ret = fz_result(madvise(p, KT_PAGE, advice));
	munmap(p, KT_SPAN);
	return ret;
}

/* All that there is. */
static long fz_advise(struct fz_thread *t)
{
	static const int advice[] = {
		MADV_NORMAL,	 MADV_RANDOM,	     MADV_SEQUENTIAL,
		MADV_WILLNEED,	 MADV_DONTNEED,	     MADV_FREE,
		MADV_REMOVE,	 MADV_DONTFORK,	     MADV_DOFORK,
		MADV_MERGEABLE,	 MADV_UNMERGEABLE,   MADV_HUGEPAGE,
		MADV_NOHUGEPAGE, MADV_DONTDUMP,	     MADV_DODUMP,
		MADV_WIPEONFORK, MADV_KEEPONFORK,    MADV_COLD,
		MADV_PAGEOUT,	 MADV_POPULATE_READ, MADV_POPULATE_WRITE,
		MADV_COLLAPSE,	 MADV_HWPOISON,	     MADV_SOFT_OFFLINE,
		MADV_COLD,	 MADV_PAGEOUT,	     MADV_POPULATE_WRITE,
	};
	size_t len;
	void *at = fz_ground(t, &len);
	int what = advice[fz_below(t, sizeof(advice) / sizeof(*advice))];

	if (fz_one_in(t, 64))
		what = (int)fz_below(t, 128);
	if (what == MADV_HWPOISON || what == MADV_SOFT_OFFLINE)
		return fz_poison(t, what);
	return fz_result(madvise(at, len, what));
}

static long fz_lock(struct fz_thread *t)
{
	size_t len;
	void *at = fz_ground(t, &len);

	switch (fz_below(t, 4)) {
	case 0:
		return fz_result(mlock(at, len));
	case 1:
		return fz_result(mlock2(at, len, MLOCK_ONFAULT));
	default:
		return fz_result(munlock(at, len));
	}
}

static long fz_look(struct fz_thread *t)
{
	size_t len;
	void *at = fz_ground(t, &len);
	static const int sync[] = { MS_ASYNC, MS_SYNC, MS_INVALIDATE,
				    MS_SYNC | MS_INVALIDATE };

	if (fz_one_in(t, 2))
		return fz_result(msync(at, len, sync[fz_below(t, 4)]));
	return fz_result(mincore(at, len, t->scratch));
}

static long fz_bind(struct fz_thread *t)
{
	size_t len;
	void *at = fz_ground(t, &len);
	unsigned long mask = fz_below(t, 4);
	unsigned int mode = (unsigned int)fz_below(t, 6);
	unsigned int flags = (unsigned int)fz_below(t, 8);

	if (fz_one_in(t, 8))
		return fz_result(syscall(SYS_set_mempolicy, mode, &mask, 8UL));
	return fz_result(syscall(SYS_mbind, at, len, mode, &mask, 8UL, flags));
}

static long fz_move(struct fz_thread *t)
{
	size_t len;
	unsigned char *at = fz_ground(t, &len);
	int node[4], status[4], n = 1 + (int)fz_below(t, 4);
	void *page[4];

	for (int i = 0; i < 4; i++) {
		page[i] = at + i * (fz_one_in(t, 2) ? KT_SPAN : KT_PAGE);
		node[i] =
			(int)fz_below(t, 3) % __builtin_popcountll(t->p->nodes);
	}
	return fz_result(syscall(SYS_move_pages, 0, (unsigned long)n, page,
				 fz_one_in(t, 4) ? NULL : node, status,
				 MPOL_MF_MOVE));
}

/* Through another way than the mapping itself. */
static long fz_copy(struct fz_thread *t)
{
	size_t len, len2;
	struct iovec here = { fz_ground(t, &len), 0 };
	struct iovec there = { fz_ground(t, &len2), 0 };
	pid_t pid = getpid();

	here.iov_len = len < 65536 ? len : 65536;
	there.iov_len = len2 < 65536 ? len2 : 65536;
	if (fz_one_in(t, 2))
		here.iov_base = t->scratch, here.iov_len = FZ_SCRATCH;
	return fz_result(
		fz_one_in(t, 2) ?
			process_vm_readv(pid, &here, 1, &there, 1, 0) :
			process_vm_writev(pid, &here, 1, &there, 1, 0));
}

struct fz_touching {
	volatile unsigned char *at;
	size_t len, step;
	uint64_t how;
	volatile long done;
};

static void fz_touch_pages(void *arg)
{
	struct fz_touching *w = arg;

	for (size_t i = 0; i < w->len; i += w->step) {
		if (w->how == 0)
			(void)w->at[i];
		else if (w->how == 1)
			w->at[i + 64] = (unsigned char)i;
		else
			__atomic_fetch_add((uint32_t *)(w->at + i), 1,
					   __ATOMIC_RELAXED);
		w->done++;
	}
}

static long fz_touch(struct fz_thread *t)
{
	struct fz_touching w = {
		.step = fz_one_in(t, 4) ? KT_PAGE : 16 * KT_PAGE,
		.how = fz_below(t, 3),
	};

	w.at = fz_ground(t, &w.len);
	fz_try(t, fz_touch_pages, &w);
	return w.done ? w.done : -EFAULT;
}

/* One pattern over the words of an arena. */
struct fz_wording {
	uint32_t *ctl;
	uint32_t n;
	uint64_t r;
};

static void fz_write_words(void *arg)
{
	struct fz_wording *w = arg;

	for (uint32_t i = 0; i < w->n; i++) {
		uint32_t word = kt_idle_word() - (i << 4);

		if (w->r % 8 == 0)
			word = (uint32_t)kt_mix(w->r + i);
		else if (w->r % 8 == 1)
			word = TMEM_SPAN_PURGED;
		else if (w->r % 8 == 2 || (w->r >> (8 + i % 32) & 1))
			word = TMEM_SPAN_BUSY;
		__atomic_store_n(&w->ctl[i], word, __ATOMIC_RELEASE);
	}
}

/* Of the arenas' words, by a program that plays by the rules, or not. */
static long fz_words(struct fz_thread *t)
{
	struct fz_arena *a = fz_arena(t);
	struct fz_wording w = {
		.ctl = __atomic_load_n(&a->ctl, __ATOMIC_ACQUIRE),
		.n = a->spans ? a->spans : 1,
		.r = fz_draw(t),
	};

	if (!w.ctl)
		return -EBADF;
	return fz_try(t, fz_write_words, &w) ? 0 : -EFAULT;
}

#endif /* FUZZ_MM_H */
