// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the hot paths are made of: a child allocates and frees, and is stopped
 * after each instruction.  Counted are all of them, those that lock the bus or
 * the cache line (LOCK prefix, XCHG with memory), and calls of the kernel.
 *
 * A mutex cannot be taken without one of these, so a pair of calls without any
 * has no lock.  Samples of the analytics, which are on as by default, count.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <tmem.h>
#include <unistd.h>

#include "seed.h"

#define NOT_HERE 77
#define WARM 10000u

#ifdef __x86_64__

static const size_t sizes[] = { 64, 256, 4096, 32768 };
#define SIZES (sizeof(sizes) / sizeof(sizes[0]))
#define REMOTE SIZES /* freed by a thread that did not allocate it */
#define PHASES (SIZES + 1)

/* What the child is at; shared with it.  0: nothing to be counted. */
struct where {
	_Atomic(unsigned int) pair, phase;
	_Atomic(bool) done;
};

struct count {
	uint64_t instructions, locked, calls;
	unsigned int pairs, clean;
};

/* --- the child ------------------------------------------------------------- */

static void pairs_run(struct where *at, unsigned int phase, unsigned int pairs)
{
	unsigned int i;
	void *block;

	for (i = 0; i < pairs; i++) {
		atomic_store_explicit(&at->pair, i + 1, memory_order_relaxed);
		atomic_store_explicit(&at->phase, phase, memory_order_relaxed);
		block = tmem_alloc(sizes[phase - 1]);
		*(volatile char *)block = 1;
		tmem_free(block);
		atomic_store_explicit(&at->phase, 0, memory_order_relaxed);
	}
}

struct foreign {
	void **blocks;
	unsigned int count;
};

static void *foreign_make(void *arg)
{
	struct foreign *f = arg;
	unsigned int i;

	for (i = 0; i < f->count; i++)
		f->blocks[i] = tmem_alloc(256);
	return NULL;
}

/* Their maker has ended when they are freed: as ever for a data loader. */
static void foreign_free(struct where *at, unsigned int count)
{
	struct foreign f = { calloc(count, sizeof(void *)), count };
	pthread_t thread;
	unsigned int i;

	if (!f.blocks || pthread_create(&thread, NULL, foreign_make, &f))
		_exit(1);
	pthread_join(thread, NULL);
	raise(SIGSTOP);
	for (i = 0; i < count; i++) {
		atomic_store_explicit(&at->pair, i + 1, memory_order_relaxed);
		atomic_store_explicit(&at->phase, REMOTE + 1,
				      memory_order_relaxed);
		tmem_free(f.blocks[i]);
		atomic_store_explicit(&at->phase, 0, memory_order_relaxed);
	}
}

__attribute__((noreturn)) static void child_run(struct where *at,
						unsigned int pairs)
{
	unsigned int i, k;

	for (k = 0; k < SIZES; k++)
		for (i = 0; i < WARM; i++)
			tmem_free(tmem_alloc(sizes[k]));
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
		_exit(NOT_HERE);
	raise(SIGSTOP);
	for (k = 0; k < SIZES; k++)
		pairs_run(at, k + 1, pairs);
	foreign_free(at, pairs);
	atomic_store(&at->done, true);
	raise(SIGSTOP);
	_exit(0);
}

/* --- who looks on ------------------------------------------------------------ */

static bool is_prefix(uint8_t byte)
{
	static const uint8_t prefixes[] = { 0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x2e,
					    0x36, 0x3e, 0x26, 0x64, 0x65 };

	return memchr(prefixes, byte, sizeof(prefixes)) != NULL;
}

static void instruction_count(const uint8_t *code, struct count *count)
{
	bool locked = false;
	unsigned int i = 0;

	for (; i < 12 && is_prefix(code[i]); i++)
		locked |= code[i] == 0xf0;
	i += (code[i] & 0xf0) == 0x40; /* REX */
	locked |= (code[i] == 0x86 || code[i] == 0x87) && code[i + 1] < 0xc0;
	count->instructions++;
	count->locked += locked;
	count->calls += code[i] == 0x0f && code[i + 1] == 0x05;
}

/* The instruction that comes next in the child. */
static bool code_read(pid_t pid, uint8_t code[16])
{
	struct user_regs_struct regs;
	struct iovec to = { code, 16 }, from;

	memset(code, 0x90, 16);
	if (ptrace(PTRACE_GETREGS, pid, NULL, &regs))
		return false;
	from = (struct iovec){ (void *)(uintptr_t)regs.rip, 16 };
	if (process_vm_readv(pid, &to, 1, &from, 1, 0) > 0)
		return true;
	from.iov_len = 4096 - (regs.rip & 4095);
	return process_vm_readv(pid, &to, 1, &from, 1, 0) > 0;
}

/* @event: PTRACE_CONT or PTRACE_SINGLESTEP; false: the child has ended. */
static bool child_go(pid_t pid, int request)
{
	int status;

	return !ptrace(request, pid, NULL, NULL) &&
	       waitpid(pid, &status, 0) == pid && WIFSTOPPED(status);
}

static bool pair_count(pid_t pid, struct where *at, struct count *count)
{
	unsigned int phase = at->phase;
	uint64_t before = count->locked + count->calls;
	uint8_t code[16];

	while (at->phase == phase) {
		if (!code_read(pid, code))
			return false;
		instruction_count(code, count);
		if (!child_go(pid, PTRACE_SINGLESTEP))
			return false;
	}
	count->pairs++;
	count->clean += count->locked + count->calls == before;
	return true;
}

static bool child_watch(pid_t pid, struct where *at, struct count *counts)
{
	while (!at->done) {
		if (at->phase) {
			if (!pair_count(pid, at, &counts[at->phase - 1]))
				return false;
		} else if (!child_go(pid, PTRACE_SINGLESTEP)) {
			return false;
		}
	}
	return true;
}

static void count_print(const char *name, const struct count *count)
{
	double n = count->pairs ? count->pairs : 1;

	printf("%s_instructions %.1f\n%s_locked %.4f\n%s_calls %.4f\n%s_clean %.2f\n",
	       name, (double)count->instructions / n, name,
	       (double)count->locked / n, name, (double)count->calls / n, name,
	       100.0 * count->clean / n);
}

static void counts_print(const struct count *counts)
{
	struct count all = { 0 };
	char name[24];
	unsigned int k;

	for (k = 0; k < SIZES; k++) {
		snprintf(name, sizeof(name), "pair_%zu", sizes[k]);
		count_print(name, &counts[k]);
		all.instructions += counts[k].instructions;
		all.locked += counts[k].locked;
		all.calls += counts[k].calls;
		all.pairs += counts[k].pairs;
		all.clean += counts[k].clean;
	}
	count_print("pair", &all);
	count_print("remote", &counts[REMOTE]);
}

int seed_path(unsigned int pairs)
{
	struct where *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct count counts[PHASES] = { { 0 } };
	int status;
	pid_t pid;

	if (at == MAP_FAILED)
		return 1;
	pid = fork();
	if (!pid)
		child_run(at, pairs);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status) ||
	    !child_watch(pid, at, counts)) {
		fprintf(stderr, "seed: no child can be watched here\n");
		if (pid > 0)
			kill(pid, SIGKILL);
		return NOT_HERE;
	}
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	counts_print(counts);
	return 0;
}

#else

int seed_path(unsigned int pairs)
{
	(void)pairs;
	fprintf(stderr, "seed: only instructions of x86-64 are known\n");
	return NOT_HERE;
}

#endif
