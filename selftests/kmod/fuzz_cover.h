/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The fuzzer's programs: sequences of operations, made at random, or changed
 * from one that reached code that none had reached before.
 *
 * The kernel tells by KCOV where a thread went in those of its objects that
 * are built for it; in the kernel of `make check-full` that is the module.
 * Elsewhere every program is random.
 */
#ifndef FUZZ_COVER_H
#define FUZZ_COVER_H

#include "fuzz_admin.h"

#define FZ_KCOV "/sys/kernel/debug/kcov"
#define FZ_KCOV_WORDS (1U << 15)
#define FZ_KCOV_INIT_TRACE _IOR('c', 1, unsigned long)
#define FZ_KCOV_ENABLE _IO('c', 100)

static const struct fz_kind fz_kind[] = {
	{ "create", fz_create, 24 },
	{ "destroy", fz_destroy, 6 },
	{ "query", fz_query, 4 },
	{ "stat", fz_stat, 6 },
	{ "node_stat", fz_node_stat, 4 },
	{ "purge", fz_purge, 16 },
	{ "populate", fz_populate, 16 },
	{ "trigger", fz_trigger, 12 },
	{ "any_ioctl", fz_any_ioctl, 6 },
	{ "map_data", fz_map_data, 40 },
	{ "map_ctl", fz_map_ctl, 8 },
	{ "map_status", fz_map_status, 8 },
	{ "map_other", fz_map_other, 6 },
	{ "unmap", fz_unmap, 10 },
	{ "protect", fz_protect, 8 },
	{ "remap", fz_remap, 10 },
	{ "advise", fz_advise, 16 },
	{ "lock", fz_lock, 4 },
	{ "look", fz_look, 4 },
	{ "bind", fz_bind, 4 },
	{ "move", fz_move, 8 },
	{ "copy", fz_copy, 6 },
	{ "touch", fz_touch, 40 },
	{ "words", fz_words, 24 },
	{ "open_other", fz_open_other, 12 },
	{ "open_device", fz_open_device, 4 },
	{ "close", fz_close, 4 },
	{ "read_write", fz_read_write, 16 },
	{ "poll", fz_poll, 6 },
	{ "control", fz_control, 6 },
	{ "dup", fz_dup, 4 },
	{ "size", fz_size, 6 },
	{ "splice", fz_splice, 12 },
	{ "send", fz_send, 6 },
	{ "receive", fz_receive, 6 },
	{ "pin", fz_pin, 2 },
	{ "set", fz_set, 4 },
	{ "shrink", fz_shrink, 4 },
	{ "remove", fz_remove, 1 },
	{ "cgroup", fz_cgroup, 3 },
	{ "netlink", fz_netlink, 12 },
	{ "fork", fz_fork, 2 },
};

#define FZ_NR_KINDS (sizeof(fz_kind) / sizeof(*fz_kind))
_Static_assert(FZ_NR_KINDS <= FZ_KINDS, "FZ_KINDS is too small");

/* --- making programs ------------------------------------------------------ */

static void fz_random_op(uint64_t *rng, struct fz_op *op)
{
	unsigned int all = 0;
	uint64_t at;

	for (size_t i = 0; i < FZ_NR_KINDS; i++)
		all += fz_kind[i].weight;
	at = kt_random(rng) % all;
	for (op->kind = 0; at >= fz_kind[op->kind].weight; op->kind++)
		at -= fz_kind[op->kind].weight;
	for (int i = 0; i < FZ_ARGS; i++)
		op->arg[i] = (uint32_t)kt_random(rng);
}

static void fz_random_prog(uint64_t *rng, struct fz_prog *prog)
{
	prog->n = 1 + (uint32_t)(kt_random(rng) % FZ_PROG);
	for (uint32_t i = 0; i < prog->n; i++)
		fz_random_op(rng, &prog->op[i]);
}

/* One change: a number, an operation, a place, or the end of another one. */
static void fz_change(uint64_t *rng, struct fz_prog *prog,
		      const struct fz_prog *other)
{
	uint64_t r = kt_random(rng);
	uint32_t at = (uint32_t)(r >> 32) % prog->n;

	switch (r % 5) {
	case 0:
	case 1:
		prog->op[at].arg[(r >> 8) % FZ_ARGS] = (uint32_t)kt_random(rng);
		break;
	case 2:
		fz_random_op(rng, &prog->op[at]);
		break;
	case 3:
		if (prog->n < FZ_PROG)
			prog->n++;
		memmove(&prog->op[at + 1], &prog->op[at],
			(prog->n - at - 1) * sizeof(prog->op[0]));
		fz_random_op(rng, &prog->op[at]);
		break;
	default:
		for (; at < other->n; at++)
			prog->op[at] = other->op[at];
		prog->n = other->n;
		break;
	}
}

static const struct fz_prog *fz_from_corpus(struct fz_shared *sh, uint64_t *rng)
{
	uint64_t n = __atomic_load_n(&sh->corpus_n, __ATOMIC_RELAXED);
	struct fz_corpus *c;

	if (!n)
		return NULL;
	c = &sh->corpus[kt_random(rng) % (n < FZ_CORPUS ? n : FZ_CORPUS)];
	return __atomic_load_n(&c->ready, __ATOMIC_ACQUIRE) ? &c->prog : NULL;
}

/* The entry may be written anew at this moment, by another process. */
static void fz_next_prog(struct fz_thread *t, struct fz_prog *prog)
{
	struct fz_shared *sh = t->p->sh;
	const struct fz_prog *from = NULL, *other;
	struct fz_prog copy;

	if (sh->steer && kt_random(&t->rng) % 4)
		from = fz_from_corpus(sh, &t->rng);
	if (!from) {
		fz_random_prog(&t->rng, prog);
		return;
	}
	*prog = *from;
	if (!prog->n || prog->n > FZ_PROG)
		prog->n = FZ_PROG;
	other = fz_from_corpus(sh, &t->rng);
	copy = other ? *other : *prog;
	if (!copy.n || copy.n > FZ_PROG)
		copy.n = FZ_PROG;
	do
		fz_change(&t->rng, prog, &copy);
	while (kt_random(&t->rng) % 2);
}

/* --- coverage ------------------------------------------------------------- */

/* As root, and before anything is unmapped: it must not lie on the ground. */
static void fz_kcov_open(struct fz_thread *t)
{
	int fd = open(FZ_KCOV, O_RDWR | O_CLOEXEC);
	void *p = MAP_FAILED;

	t->kcov = -1;
	if (fd >= 0 && !ioctl(fd, FZ_KCOV_INIT_TRACE, FZ_KCOV_WORDS))
		p = mmap(NULL, FZ_KCOV_WORDS * sizeof(uint64_t), KT_RW,
			 MAP_SHARED, fd, 0);
	if (p == MAP_FAILED) {
		close(fd);
		return;
	}
	t->kcov = fd;
	t->cover = p;
}

/* By the thread itself. */
static void fz_kcov_start(struct fz_thread *t)
{
	if (t->kcov < 0 || ioctl(t->kcov, FZ_KCOV_ENABLE, 0))
		t->cover = NULL;
}

/* True if nobody was at this place of the kernel before. */
static bool fz_new_pc(struct fz_shared *sh, uint64_t pc)
{
	uint64_t at = kt_mix(pc), seen;

	for (unsigned int i = 0; i < 16; i++) {
		uint64_t *slot = &sh->pc[(at + i) % FZ_PCS];

		seen = __atomic_load_n(slot, __ATOMIC_RELAXED);
		if (!seen && __atomic_compare_exchange_n(slot, &seen, pc, false,
							 __ATOMIC_RELAXED,
							 __ATOMIC_RELAXED)) {
			fz_count(&sh->pcs);
			return true;
		}
		if (seen == pc)
			return false;
	}
	return false;
}

static void fz_kcov_begin(struct fz_thread *t)
{
	if (t->cover)
		__atomic_store_n(&t->cover[0], 0, __ATOMIC_RELAXED);
}

static void fz_kcov_end(struct fz_thread *t, const struct fz_prog *prog)
{
	struct fz_shared *sh = t->p->sh;
	uint64_t n, news = 0, at;
	struct fz_corpus *c;

	if (!t->cover)
		return;
	n = __atomic_load_n(&t->cover[0], __ATOMIC_RELAXED);
	for (uint64_t i = 1; i <= n && i < FZ_KCOV_WORDS; i++)
		news += fz_new_pc(sh, t->cover[i]);
	if (!news)
		return;
	at = __atomic_fetch_add(&sh->corpus_n, 1, __ATOMIC_RELAXED);
	c = &sh->corpus[at % FZ_CORPUS];
	__atomic_store_n(&c->ready, false, __ATOMIC_RELAXED);
	c->prog = *prog;
	__atomic_store_n(&c->ready, true, __ATOMIC_RELEASE);
}

/* --- running -------------------------------------------------------------- */

static void fz_print_op(struct fz_thread *t, const struct fz_op *op)
{
	char line[128];
	int n;

	n = snprintf(line, sizeof(line), "# %u.%u.%u %s %x %x %x %x %x %x\n",
		     t->p->index, t->p->generation, t->index,
		     fz_kind[op->kind].name, op->arg[0], op->arg[1], op->arg[2],
		     op->arg[3], op->arg[4], op->arg[5]);
	if (write(2, line, (size_t)n) < 0)
		return;
}

static void fz_run_prog(struct fz_thread *t, const struct fz_prog *prog)
{
	struct fz_shared *sh = t->p->sh;

	fz_kcov_begin(t);
	for (uint32_t i = 0; i < prog->n && !fz_stopped(sh); i++) {
		uint32_t kind = prog->op[i].kind % FZ_NR_KINDS;

		t->op = &prog->op[i];
		t->drawn = 0;
		if (sh->trace)
			fz_print_op(t, t->op);
		fz_count(&sh->calls[kind]);
		if (fz_kind[kind].run(t) >= 0)
			fz_count(&sh->good[kind]);
	}
	fz_kcov_end(t, prog);
}

#endif /* FUZZ_COVER_H */
