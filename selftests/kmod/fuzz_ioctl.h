/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The fuzzer's operations on the module's ioctls: right ones, right ones with
 * one fault, and wild ones.
 */
#ifndef FUZZ_IOCTL_H
#define FUZZ_IOCTL_H

#include "fuzz_state.h"

/* The number of an ioctl, sometimes with another size, direction or number. */
static unsigned long fz_number(struct fz_thread *t, unsigned long cmd,
			       size_t least)
{
	uint64_t r = fz_draw(t);
	size_t size = _IOC_SIZE(cmd);

	switch (r % 32) {
	case 0:
	case 1:
		size = least;
		break;
	case 2:
		size = least - 1 - (r >> 8) % least;
		break;
	case 3:
		size += (r >> 8) % 512;
		break;
	case 4:
		size = (r >> 8) % 16384;
		break;
	case 5:
		return _IOC((r >> 8) % 4, TMEM_IOC_MAGIC, _IOC_NR(cmd), size);
	case 6:
		return _IOC(_IOC_DIR(cmd), TMEM_IOC_MAGIC, (r >> 8) % 256,
			    size);
	default:
		break;
	}
	return _IOC(_IOC_DIR(cmd), TMEM_IOC_MAGIC, _IOC_NR(cmd), size);
}

/*
 * One call: spoils the structure now and then, and puts it somewhere.  What
 * came back, if it is where it should be, is left in the scratch area.
 */
static long fz_call(struct fz_thread *t, int fd, unsigned long cmd,
		    size_t least, void *arg)
{
	size_t size = _IOC_SIZE(cmd);
	void *at;

	if (fz_one_in(t, 4))
		fz_spoil(t, arg, size);
	memset(t->scratch, fz_one_in(t, 32) ? 0x5a : 0, FZ_SCRATCH);
	at = fz_pointer(t, arg, size);
	return kt_ioctl(fd, fz_number(t, cmd, least), at);
}

static int fz_device(struct fz_thread *t)
{
	return fz_one_in(t, 32) ? fz_fd(t) : t->p->fd[fz_below(t, 2)];
}

static int fz_some_arena(struct fz_thread *t)
{
	return fz_one_in(t, 32) ? fz_fd(t) : fz_arena_fd(fz_arena(t));
}

static long fz_query(struct fz_thread *t)
{
	struct tmem_query q = { .caller_abi = (uint32_t)fz_below(t, 3) };

	return fz_call(t, fz_device(t), TMEM_IOC_QUERY, TMEM_QUERY_SIZE_VER0,
		       &q);
}

/* --- arenas --------------------------------------------------------------- */

static void fz_arena_drop(struct fz_arena *a)
{
	uint32_t *ctl = __atomic_exchange_n(&a->ctl, NULL, __ATOMIC_RELAXED);
	int fd = __atomic_exchange_n(&a->fd, -1, __ATOMIC_RELAXED);

	if (ctl)
		munmap(ctl, a->ctl_size);
	if (fd >= 0)
		close(fd);
}

/* Two threads may do this to one slot: the loser's words stay mapped. */
static void fz_arena_adopt(struct fz_arena *a,
			   const struct tmem_arena_create *r)
{
	void *ctl = kt_map(r->fd, r->ctl_size, (off_t)r->ctl_offset);
	int old;

	fz_arena_drop(a);
	a->spans = (uint32_t)(r->size / KT_SPAN);
	a->ctl_offset = r->ctl_offset;
	a->ctl_size = r->ctl_size;
	old = __atomic_exchange_n(&a->fd, r->fd, __ATOMIC_RELAXED);
	if (old >= 0)
		close(old);
	if (ctl != MAP_FAILED)
		__atomic_store_n(&a->ctl, ctl, __ATOMIC_RELEASE);
}

static void fz_nodes(struct fz_thread *t, struct tmem_arena_create *req)
{
	uint64_t r = fz_draw(t);

	if (req->policy == TMEM_POLICY_LOCAL && r % 8)
		return;
	req->nodes[0] = r % 4 ? t->p->nodes & (r >> 8 | 1) : r >> 8;
	if (r % 64 == 1)
		req->nodes[r >> 8 & 15] = r >> 16;
}

/*
 * The descriptor that comes back is read from memory that only this thread
 * writes: a number that another one made up must not be closed.
 */
static long fz_create(struct fz_thread *t)
{
	uint64_t r = fz_draw(t);
	struct tmem_arena_create *out = (void *)t->scratch;
	struct tmem_arena_create req = kt_request(
		(1 + (r >> 8) % FZ_MAX_SPANS) * KT_SPAN, (r >> 16) % 4, 0);
	long ret;

	fz_nodes(t, &req);
	if (r % 16 == 0)
		fz_spoil(t, &req, sizeof(req));
	else if (r % 16 == 1)
		req.size = fz_wild(t);
	if (req.size > 4 * FZ_MAX_SPANS * KT_SPAN && !(r >> 60))
		req.size = 4 * FZ_MAX_SPANS * KT_SPAN;
	memset(t->scratch, 0, FZ_SCRATCH);
	memcpy(t->scratch, &req, sizeof(req));
	if (r % 16 == 2)
		return kt_ioctl(t->p->fd[0], TMEM_IOC_ARENA_CREATE,
				t->readonly);
	ret = kt_ioctl(fz_device(t),
		       r % 16 == 3 ? fz_number(t, TMEM_IOC_ARENA_CREATE,
					       sizeof(req)) :
				     TMEM_IOC_ARENA_CREATE,
		       t->scratch);
	/* Another number may have been called: only ours gives these. */
	if (!ret && r % 16 != 3)
		fz_arena_adopt(fz_arena(t), out);
	else if (!ret && out->ctl_size && out->fd > 2)
		close(out->fd);
	return ret;
}

static long fz_destroy(struct fz_thread *t)
{
	struct fz_arena *a = fz_arena(t);

	if (fz_arena_fd(a) < 0)
		return -EBADF;
	fz_arena_drop(a);
	return 0;
}

static long fz_stat(struct fz_thread *t)
{
	struct tmem_arena_stat st = { 0 };

	return fz_call(t, fz_some_arena(t), TMEM_IOC_ARENA_STAT,
		       TMEM_ARENA_STAT_SIZE_VER0, &st);
}

static long fz_node_stat(struct fz_thread *t)
{
	struct tmem_arena_node_stat st = { .node = fz_below(t, 3) };

	return fz_call(t, fz_some_arena(t), TMEM_IOC_ARENA_NODE_STAT,
		       sizeof(st), &st);
}

/* Whole spans, mostly within the arena. */
static void fz_range(struct fz_thread *t, const struct fz_arena *a,
		     __u64 *offset, __u64 *length)
{
	uint32_t spans = a->spans ? a->spans : 1;
	uint64_t r = fz_draw(t), first = (r >> 8) % spans;

	*offset = first * KT_SPAN;
	*length = (r >> 24) % (spans - first + 1) * KT_SPAN;
	if (r % 32 == 0)
		*offset = fz_wild(t);
	else if (r % 32 == 1)
		*length = fz_wild(t);
}

static long fz_purge(struct fz_thread *t)
{
	struct fz_arena *a = fz_arena(t);
	struct tmem_arena_purge req = { 0 };

	fz_range(t, a, &req.offset, &req.length);
	return fz_call(t, fz_arena_fd(a), TMEM_IOC_ARENA_PURGE, sizeof(req),
		       &req);
}

static long fz_populate(struct fz_thread *t)
{
	struct fz_arena *a = fz_arena(t);
	uint64_t r = fz_draw(t);
	struct tmem_arena_populate req = {
		.node = r % 4 ? -1 : (int32_t)(r >> 8) % 3,
		.workers = (uint32_t)(r >> 16) % 5,
	};

	if (r % 64 == 63)
		req.workers = (uint32_t)(r >> 16);
	fz_range(t, a, &req.offset, &req.length);
	return fz_call(t, fz_arena_fd(a), TMEM_IOC_ARENA_POPULATE, sizeof(req),
		       &req);
}

/* --- anything --------------------------------------------------- */

static long fz_any_ioctl(struct fz_thread *t)
{
	uint64_t r = fz_draw(t), noise[64];
	unsigned long cmd;

	for (size_t i = 0; i < 64; i++)
		noise[i] = kt_mix(r + i) & (r >> 63 ? ~0ULL : 0xff);
	cmd = _IOC((r >> 8) % 4, TMEM_IOC_MAGIC, (r >> 16) % 0x28,
		   (r >> 32) % 300);
	/* No descriptor may come back unnoticed. */
	if (_IOC_NR(cmd) == _IOC_NR(TMEM_IOC_ARENA_CREATE))
		return -EPERM;
	return kt_ioctl(fz_fd(t), cmd, fz_pointer(t, noise, sizeof(noise)));
}

#endif /* FUZZ_IOCTL_H */
