/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A fuzzing process: threads that run programs, one that writes anything to
 * the control words, and the first thread, which interrupts the others so
 * that no call waits for ever.
 */
#ifndef FUZZ_WORKER_H
#define FUZZ_WORKER_H

#include "fuzz_cover.h"

#include <grp.h>
#include <sys/resource.h>

#define FZ_NOBODY 65534
#define FZ_SCRIBBLER FZ_THREADS

static void fz_kicked(int sig)
{
}

/*
 * No thread begins before all are there: the stack of one that comes later would
 * be put where the ground is unmapped at the moment.
 */
static void fz_wait_for_all(struct fz_proc *p)
{
	PACE_UNTIL(__atomic_load_n(&p->started, __ATOMIC_ACQUIRE));
}

static void *fz_thread_main(void *arg)
{
	struct fz_thread *t = arg;
	struct fz_shared *sh = t->p->sh;
	struct fz_prog prog;
	uint64_t n = 0;

	fz_wait_for_all(t->p);
	fz_kcov_start(t);
	while (!fz_stopped(sh) && (!sh->steps || n++ < sh->steps)) {
		fz_next_prog(t, &prog);
		fz_run_prog(t, &prog);
	}
	__atomic_store_n(&t->done, true, __ATOMIC_RELEASE);
	return NULL;
}

/* Some words of an arena that may go away meanwhile. */
static void fz_scribble(void *arg)
{
	struct fz_thread *t = arg;
	struct fz_arena *a = &t->p->arena[kt_random(&t->rng) % FZ_ARENAS];
	uint32_t *ctl = __atomic_load_n(&a->ctl, __ATOMIC_ACQUIRE);
	uint64_t r;

	for (int i = 0; ctl && i < 200; i++) {
		r = kt_random(&t->rng);
		__atomic_store_n(&ctl[(r >> 32) % (KT_PAGE / 4)],
				 r % 2 ? kt_idle_word() :
				 r % 4 ? (uint32_t)(r >> 8) & 1 :
					 (uint32_t)(r >> 8),
				 __ATOMIC_RELEASE);
	}
}

/*
 * Words as fast as they can be written.  It gives its CPU away now and then: a
 * thread that never leaves user space makes others wait under emulation.
 */
static void *fz_scribbler(void *arg)
{
	struct fz_thread *t = arg;

	while (!fz_stopped(t->p->sh)) {
		fz_try(t, fz_scribble, t);
		pace_pause();
	}
	return NULL;
}

static void fz_signals(void)
{
	struct sigaction act = { .sa_handler = fz_kicked };

	sigaction(SIGUSR1, &act, NULL);
	act.sa_handler = fz_caught;
	act.sa_flags = SA_NODEFER;
	sigaction(SIGBUS, &act, NULL);
	sigaction(SIGSEGV, &act, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGIO, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
}

/* Everything that takes root, before root is given up. */
static int fz_worker_open(struct fz_proc *p)
{
	struct kt_cgroup cg;

	p->started = false;
	for (int i = 0; i < FZ_ARENAS; i++)
		p->arena[i].fd = -1;
	for (int i = 0; i < FZ_FDS; i++)
		p->fd[i] = -1;
	for (int i = 0; i < 2; i++) {
		p->fd[i] = open(KT_DEVICE, O_RDWR | O_CLOEXEC | O_NONBLOCK);
		if (p->fd[i] < 0)
			return -errno;
	}
	if (pipe2(&p->fd[FZ_PIPE], O_NONBLOCK | O_CLOEXEC))
		return -errno;
	p->nodes = kt_nodes();
	fz_find_family(p);
	if (p->cgroup[0]) {
		snprintf(cg.path, sizeof(cg.path), "%s", p->cgroup);
		return kt_cgroup_enter(&cg);
	}
	return 0;
}

static int fz_worker_limits(struct fz_proc *p)
{
	struct rlimit files = { 256, 256 }, none = { 0, 0 };

	setrlimit(RLIMIT_NOFILE, &files);
	setrlimit(RLIMIT_CORE, &none);
	if (p->index == FZ_PROCS - 1 &&
	    (setgroups(0, NULL) || setgid(FZ_NOBODY) || setuid(FZ_NOBODY)))
		return -errno;
	/* A change of user clears both. */
	prctl(PR_SET_DUMPABLE, 1);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	return 0;
}

static void *fz_reserve(size_t len, int prot)
{
	void *p = mmap(NULL, len, prot,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static int fz_worker_memory(struct fz_proc *p, struct fz_thread *t)
{
	unsigned char *at = fz_reserve(FZ_GROUND + KT_SPAN, PROT_NONE);

	if (!at)
		return -ENOMEM;
	p->ground = at + (-(uintptr_t)at & (KT_SPAN - 1));
	for (unsigned int i = 0; i <= FZ_THREADS; i++) {
		t[i].scratch = fz_reserve(FZ_SCRATCH + KT_PAGE, KT_RW);
		t[i].readonly = fz_reserve(KT_PAGE, PROT_READ);
		if (!t[i].scratch || !t[i].readonly)
			return -ENOMEM;
		mprotect(t[i].scratch + FZ_SCRATCH, KT_PAGE, PROT_NONE);
	}
	return 0;
}

static bool fz_all_done(struct fz_thread *t)
{
	for (unsigned int i = 0; i < FZ_THREADS; i++)
		if (!__atomic_load_n(&t[i].done, __ATOMIC_ACQUIRE))
			return false;
	return true;
}

static int fz_worker_main(struct fz_shared *sh, struct fz_proc *p)
{
	struct fz_thread t[FZ_THREADS + 1] = { 0 };
	uint64_t rng = kt_mix(sh->seed + 1000 * p->index + p->generation);
	int ret;

	fz_signals();
	for (unsigned int i = 0; i <= FZ_THREADS; i++) {
		t[i].p = p;
		t[i].index = i;
		t[i].rng = kt_random(&rng);
		if (i < FZ_THREADS)
			fz_kcov_open(&t[i]);
	}
	ret = fz_worker_open(p);
	if (!ret)
		ret = fz_worker_limits(p);
	if (!ret)
		ret = fz_worker_memory(p, t);
	for (unsigned int i = 0; !ret && i <= FZ_THREADS; i++)
		ret = -pthread_create(&t[i].id, NULL,
				      i == FZ_SCRIBBLER ? fz_scribbler :
							  fz_thread_main,
				      &t[i]);
	if (ret) {
		fprintf(stderr, "# process %u: %s\n", p->index, strerror(-ret));
		return 1;
	}
	__atomic_store_n(&p->started, true, __ATOMIC_RELEASE);
	for (unsigned int n = 1; !fz_all_done(t); n++) {
		pace_pause();
		for (unsigned int i = 0; n % 50 == 0 && i < FZ_THREADS; i++)
			pthread_kill(t[i].id, SIGUSR1);
	}
	return 0;
}

#endif /* FUZZ_WORKER_H */
