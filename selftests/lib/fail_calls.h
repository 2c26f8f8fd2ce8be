/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Calls of the operating system that fail when a test wants it: mmap(),
 * mremap(), madvise(), mprotect(), ioctl() and pthread_create() of this program
 * come here first.  The n-th of those that are chosen fails, or all from the
 * n-th on; the others do what they always do.
 *
 * munmap() is not among them: a library that cannot give addresses back can do
 * nothing about it.
 *
 * For one source file of a program.
 */
#ifndef FAIL_CALLS_H
#define FAIL_CALLS_H

#include "heap_test.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

enum fail_call {
	FAIL_MMAP = 1,
	FAIL_MREMAP = 2,
	FAIL_MADVISE = 4,
	FAIL_MPROTECT = 8,
	FAIL_IOCTL = 16,
	FAIL_THREAD = 32,
	FAIL_ALL = 63,
};

static struct fail {
	atomic_bool on;
	unsigned int calls; /* enum fail_call, or-ed */
	bool for_good; /* all from the n-th on */
	unsigned int nth; /* from 1; 0: count only */
	atomic_uint seen, failed;
} fail;

/* Starts anew: the n-th of these calls fails. */
static inline void fail_start(unsigned int calls, unsigned int nth,
			      bool for_good)
{
	fail.calls = calls;
	fail.nth = nth;
	fail.for_good = for_good;
	atomic_store(&fail.seen, 0);
	atomic_store(&fail.failed, 0);
	atomic_store(&fail.on, true);
}

static inline void fail_stop(void)
{
	atomic_store(&fail.on, false);
}

/* Of all threads. */
static inline bool fail_now(enum fail_call call)
{
	unsigned int n;

	if (!atomic_load(&fail.on) || !(fail.calls & call))
		return false;
	n = atomic_fetch_add(&fail.seen, 1) + 1;
	if (!fail.nth || n < fail.nth || (n > fail.nth && !fail.for_good))
		return false;
	atomic_fetch_add(&fail.failed, 1);
	errno = ENOMEM;
	return true;
}

/* ThreadSanitizer has to see the calls itself, from the first one on. */
#if !LT_TSAN

void *mmap(void *addr, size_t bytes, int prot, int flags, int fd, off_t offset)
{
	if (fail_now(FAIL_MMAP))
		return MAP_FAILED;
	return (void *)syscall(SYS_mmap, addr, bytes, prot, flags, fd, offset);
}

void *mremap(void *from, size_t old, size_t bytes, int flags, ...)
{
	va_list args;
	void *to;

	va_start(args, flags);
	to = va_arg(args, void *);
	va_end(args);
	if (fail_now(FAIL_MREMAP))
		return MAP_FAILED;
	return (void *)syscall(SYS_mremap, from, old, bytes, flags, to);
}

int madvise(void *addr, size_t bytes, int advice)
{
	if (fail_now(FAIL_MADVISE))
		return -1;
	return (int)syscall(SYS_madvise, addr, bytes, advice);
}

int mprotect(void *addr, size_t bytes, int prot)
{
	if (fail_now(FAIL_MPROTECT))
		return -1;
	return (int)syscall(SYS_mprotect, addr, bytes, prot);
}

int ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	void *arg;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	if (fail_now(FAIL_IOCTL))
		return -1;
	return (int)syscall(SYS_ioctl, fd, request, arg);
}

typedef int (*fail_create)(pthread_t *, const pthread_attr_t *,
			   void *(*)(void *), void *);

int pthread_create(pthread_t *id, const pthread_attr_t *attr,
		   void *(*fn)(void *), void *arg)
{
	static _Atomic(fail_create) next;
	fail_create create = atomic_load(&next);

	if (fail_now(FAIL_THREAD))
		return EAGAIN;
	if (!create) {
		create = (fail_create)dlsym(RTLD_NEXT, "pthread_create");
		atomic_store(&next, create);
	}
	return create(id, attr, fn, arg);
}

#endif /* !LT_TSAN */

#endif /* FAIL_CALLS_H */
