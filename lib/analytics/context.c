// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Stacks of pointers to what the caller keeps.  They work the same while the
 * analytics are off, so that whoever pops finds what was pushed.  Small: a
 * library that is loaded late has little room for such variables.
 */
#define _GNU_SOURCE
#include "analytics/context.h"

#include <errno.h>
#include <sys/syscall.h>
#include <tmem/analytics.h>
#include <unistd.h>

#include "analytics/stack.h"

struct pushed_site {
	const uint64_t *frames;
	const char *label;
	unsigned int depth;
};

/* The counts go on beyond the room, so that pops are paired with pushes. */
static __thread struct {
	const char *tags[TMEM_TAGS_MAX];
	struct pushed_site sites[TMEM_SITE_PUSH_MAX];
	uint32_t n_tags, n_sites;
	uint32_t thread;
} context __attribute__((tls_model("initial-exec")));

int tmem_tag_push(const char *name)
{
	if (!name)
		return -EINVAL;
	if (context.n_tags++ >= TMEM_TAGS_MAX)
		return -ENOSPC;
	context.tags[context.n_tags - 1] = name;
	return 0;
}

int tmem_tag_pop(void)
{
	if (!context.n_tags)
		return -ENOENT;
	context.n_tags--;
	return 0;
}

int tmem_site_push(const uint64_t *frames, unsigned int depth,
		   const char *label)
{
	if ((!frames && depth) || (!depth && !label))
		return -EINVAL;
	if (context.n_sites++ >= TMEM_SITE_PUSH_MAX)
		return -ENOSPC;
	context.sites[context.n_sites - 1] = (struct pushed_site){
		.frames = frames,
		.label = label,
		.depth = depth,
	};
	return 0;
}

int tmem_site_pop(void)
{
	if (!context.n_sites)
		return -ENOENT;
	context.n_sites--;
	return 0;
}

static uint32_t at_most(uint32_t n, uint32_t max)
{
	return n < max ? n : max;
}

void tmem_context_origin(struct tmem_origin *origin, const void *caller,
			 uint64_t *room, unsigned int depth)
{
	uint32_t tags = at_most(context.n_tags, TMEM_TAGS_MAX);
	uint32_t sites = at_most(context.n_sites, TMEM_SITE_PUSH_MAX);

	*origin = (struct tmem_origin){
		.tag = tags ? context.tags[tags - 1] : NULL,
		.frames = room,
	};
	if (sites) {
		const struct pushed_site *site = &context.sites[sites - 1];

		origin->label = site->label;
		origin->frames = site->frames;
		origin->depth = at_most(site->depth, depth);
		return;
	}
	origin->depth = tmem_stack_walk(caller, room, depth);
}

uint32_t tmem_context_thread(void)
{
	if (!context.thread)
		context.thread = (uint32_t)syscall(SYS_gettid);
	return context.thread;
}

void tmem_context_fork(void)
{
	context.thread = 0;
}
