// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A frame is two words: the caller's frame pointer, and the address to return
 * to.  Nothing says that the program keeps them: so a frame is read only if it
 * lies between here and the end of this thread's stack, aligned, above the one
 * before, and an address counts only if it lies in a loaded object.  So the
 * walk cannot fault, and what it makes of a register that holds something else
 * is nearly always nothing.
 *
 * The limits are asked of /proc/self/maps, once in a thread: what glibc has for
 * that allocates.  A stack that is not the thread's own (of a signal, a
 * coroutine) lies outside of them, and is not walked.
 */
#define _GNU_SOURCE
#include "analytics/stack.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "analytics/proc.h"

#define SKIP_MAX 16u /* frames of the library itself */
#define MAIN_STACK_MAX ((size_t)128 << 20)

/* Of this thread. */
static __thread struct {
	uintptr_t low, high;
	bool looked;
} stack __attribute__((tls_model("initial-exec")));

struct stack_search {
	uintptr_t at;
	bool is_main;
	uintptr_t low, high;
};

/* One line: is it the mapping that we look for? */
static bool stack_line(void *ctx, const char *line)
{
	struct stack_search *search = ctx;
	uintptr_t low, high;

	if (!tmem_proc_range(line, &low, &high))
		return true;
	if (search->is_main ? !strstr(line, "[stack]") :
			      search->at < low || search->at >= high)
		return true;
	search->low = low;
	search->high = high;
	return false;
}

/*
 * The main thread's stack grows down; nothing else is mapped within what it
 * may grow to.  Another thread's has its thread pointer at the upper end.
 */
static void stack_look(void)
{
	struct stack_search search = {
		.at = (uintptr_t)__builtin_thread_pointer(),
		.is_main = syscall(SYS_gettid) == getpid(),
	};
	struct rlimit limit;
	size_t room = MAIN_STACK_MAX;

	stack.looked = true;
	stack.low = 0;
	stack.high = 0;
	tmem_proc_lines("/proc/self/maps", stack_line, &search);
	if (!search.high)
		return;
	stack.low = search.low;
	stack.high = search.is_main ? search.high : search.at;
	if (!search.is_main)
		return;
	if (!getrlimit(RLIMIT_STACK, &limit) && limit.rlim_cur < room)
		room = limit.rlim_cur;
	if (search.high - room < stack.low)
		stack.low = search.high - room;
}

/*
 * In a loaded object.  dl_iterate_phdr() would know what of it is code, but
 * takes a lock that stays taken in the child of a fork().
 */
static bool stack_is_code(uint64_t address)
{
	struct dl_find_object object;

	return !_dl_find_object((void *)(uintptr_t)address, &object);
}

/* true if there is a whole frame at @frame, above @below. */
static bool stack_holds(uintptr_t frame, uintptr_t below)
{
	return frame > below && frame % sizeof(uintptr_t) == 0 &&
	       frame >= stack.low && frame < stack.high &&
	       stack.high - frame >= 2 * sizeof(uintptr_t);
}

/* Walks over frames of functions that a sanitizer watches. */
__attribute__((noinline, no_sanitize_address, no_sanitize_thread)) unsigned int
tmem_stack_walk(const void *caller, uint64_t *frames, unsigned int max)
{
	const uintptr_t *frame = __builtin_frame_address(0);
	unsigned int n = 0, skipped = 0;
	uintptr_t next, address;

	if (!stack.looked)
		stack_look();
	frames[0] = (uintptr_t)caller;
	if (!stack_holds((uintptr_t)frame, 0))
		return 1;
	while (n < max) {
		address = frame[1];
		next = frame[0];
		if (n || address == (uintptr_t)caller) {
			if (n && !stack_is_code(address))
				break;
			frames[n++] = address;
		} else if (++skipped > SKIP_MAX) {
			break;
		}
		if (!stack_holds(next, (uintptr_t)frame))
			break;
		frame = (const uintptr_t *)next;
	}
	return n ? n : 1;
}
