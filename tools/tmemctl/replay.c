// SPDX-License-Identifier: GPL-2.0-only
/*
 * replay - a trace, run again through libtmem.
 *
 * What is timed is the loop over the events: allocate (and touch), free.  The
 * clock stands still while memory is looked at, at the moment when the most
 * bytes are alive.  Before each repeat but the first the library has seen the
 * trace already; the first one is cold.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "crew.h"
#include "pages.h"
#include "replay_state.h"
#include "say.h"

#define PAGE 4096

/* How often the main thread looks at the clock for the progress bar. */
#define PROGRESS_EVENTS 256

#define RESTS 16 /* pieces of a step's rest */

static void touch(char *block, uint64_t bytes, enum replay_touch touch)
{
	uint64_t at;

	if (touch == REPLAY_TOUCH_PAGE)
		for (at = 0; at < bytes; at += PAGE)
			((volatile char *)block)[at] = 1;
	else if (touch == REPLAY_TOUCH_FULL)
		memset(block, 1, bytes);
}

static bool fail(struct replay *replay, size_t index, int error)
{
	bool first = false;

	if (atomic_compare_exchange_strong(&replay->stop, &first, true)) {
		replay->failure.event = index + 1;
		replay->failure.bytes = replay->trace->ops[index].bytes;
		replay->failure.error = error;
	}
	return false;
}

static void *block_get(const struct replay *replay, const struct trace_op *op)
{
	size_t align = (size_t)1 << op->align_log2;
	void *block;

	if (!replay->config.peer)
		return tmem_aligned_alloc(align, op->bytes);
	if (align < sizeof(void *))
		align = sizeof(void *);
	errno = posix_memalign(&block, align, op->bytes);
	return errno ? NULL : block;
}

static void block_put(const struct replay *replay, void *block)
{
	if (replay->config.peer)
		free(block);
	else
		tmem_free(block);
}

/* As block_get(), with the call site that the trace knows. */
static void *block_get_told(const struct replay *replay, size_t index)
{
	const struct story *story = &replay->trace->story;
	uint32_t site = ((const uint32_t *)story->events.data)[index];
	const struct story_site *s =
		(const struct story_site *)story->sites.data + site - 1;
	const char *label = story_text(story, s->label);
	void *block;

	if (replay->config.sites == REPLAY_SITES_NATIVE && s->depth)
		label = NULL;
	tmem_site_push(s->frames, s->depth, label);
	block = block_get(replay, &replay->trace->ops[index]);
	tmem_site_pop();
	return block;
}

/* What the library holds, and a rest; neither is on the clock. */
static void pass_step(struct replay *replay)
{
	struct tmem_stats stats = TMEM_STATS_INIT;
	struct cost from, to;

	if (!replay->config.steps)
		return;
	from = cost_now();
	if (replay->config.rest_ms && replay->crew)
		usleep(replay->config.rest_ms * 1000);
	tmem_stats_get(&stats);
	replay->steps++;
	replay->held_bytes += stats.held_bytes;
	if (replay->held_peak < stats.held_bytes)
		replay->held_peak = stats.held_bytes;
	to = cost_now();
	replay->paused.ns += to.ns - from.ns;
}

/* As if the program computed, all along the step that begins. */
static void rest_plan(struct replay *replay, size_t index)
{
	const struct story *story = &replay->trace->story;
	const struct story_mark *marks = story->marks.data;
	size_t next = atomic_load(&replay->mark), end = replay->trace->events;

	if (!replay->config.rest_ms || replay->crew)
		return;
	if (next < story->marks.used)
		end = marks[next].event;
	replay->rest_every = end > index ? (end - index) / RESTS + 1 : 1;
	replay->rest_at = index + replay->rest_every;
}

static void rest(struct replay *replay)
{
	struct cost from = cost_now(), to;

	usleep(replay->config.rest_ms * 1000 / RESTS);
	replay->rest_at += replay->rest_every;
	to = cost_now();
	replay->paused.ns += to.ns - from.ns;
}

/* Marks that come before an event; those of steps count. */
static void pass_marks(struct replay *replay, size_t index)
{
	const struct story *story = &replay->trace->story;
	const struct story_mark *marks = story->marks.data;
	size_t at = atomic_load_explicit(&replay->mark, memory_order_relaxed);

	while (at < story->marks.used && marks[at].event <= index) {
		const char *name = story_text(story, marks[at].name);

		if (!atomic_compare_exchange_weak(&replay->mark, &at, at + 1))
			continue;
		if (!strncmp(name, "step", 4)) {
			tmem_step_mark(name);
			pass_step(replay);
			rest_plan(replay, index);
		}
		at++;
	}
}

static bool allocate(struct replay *replay, size_t index)
{
	const struct trace_op *op = &replay->trace->ops[index];
	void *block = replay->told && replay->config.sites !=
					      REPLAY_SITES_NONE ?
			      block_get_told(replay, index) :
			      block_get(replay, op);

	if (!block)
		return fail(replay, index, errno);
	touch(block, op->bytes, replay->config.touch);
	atomic_store_explicit(&replay->slots[op->block].block, block,
			      memory_order_release);
	return true;
}

bool replay_event(struct replay *replay, size_t index)
{
	const struct trace_op *op = &replay->trace->ops[index];
	struct slot *slot = &replay->slots[op->block];
	void *block;

	if (replay->told || replay->config.steps)
		pass_marks(replay, index);
	if (replay->rest_at && index >= replay->rest_at)
		rest(replay);
	if (!op->is_free)
		return allocate(replay, index);
	/* Another thread may be about to allocate it. */
	while (!(block = atomic_load_explicit(&slot->block,
					      memory_order_acquire))) {
		if (atomic_load(&replay->stop))
			return false;
		sched_yield();
	}
	atomic_store_explicit(&slot->block, NULL, memory_order_relaxed);
	block_put(replay, block);
	return true;
}

void replay_drop(struct replay *replay, size_t index)
{
	const struct trace_op *op = &replay->trace->ops[index];
	void *block;

	if (op->is_free)
		return;
	block = atomic_exchange(&replay->slots[op->block].block, NULL);
	if (block)
		block_put(replay, block);
}

void replay_look(struct replay *replay)
{
	struct cost from = cost_now();
	struct cost to;

	footprint_take(&replay->peak);
	to = cost_now();
	cost_add(&replay->paused, &from, &to);
}

static void tick(struct replay *replay, size_t index)
{
	if (replay->progress.shown && index % PROGRESS_EVENTS == 0)
		replay->paused.ns +=
			progress_show(&replay->progress, replay->repeat, index);
}

static void replay_alone(struct replay *replay)
{
	size_t events = replay->trace->events;
	size_t peak = replay->trace->peak_event;
	size_t i;

	for (i = 0; i < events && replay_event(replay, i); i++) {
		if (i == peak)
			replay_look(replay);
		tick(replay, i);
	}
}

static uint64_t path_faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	return (uint64_t)usage.ru_minflt;
}

static void replay_whole(struct replay *replay, struct cost *from,
			 struct cost *to)
{
	if (replay->crew) {
		crew_replay(replay->crew, from, to);
		return;
	}
	*from = cost_now();
	replay_alone(replay);
	*to = cost_now();
}

static void drop_all(struct replay *replay)
{
	size_t i;

	if (replay->crew) {
		crew_drop(replay->crew);
		return;
	}
	for (i = 0; i < replay->trace->events; i++)
		replay_drop(replay, i);
}

static void run_repeat(struct replay *replay, struct replay_repeat *repeat)
{
	struct tmem_stats before = TMEM_STATS_INIT;
	struct tmem_stats after = TMEM_STATS_INIT;
	struct cost from, to, whole = { 0 };
	uint64_t faults;

	memset(&replay->paused, 0, sizeof(replay->paused));
	memset(&replay->peak, 0, sizeof(replay->peak));
	tmem_stats_get(&before);
	progress_repeat(&replay->progress);
	atomic_store(&replay->mark, 0);
	replay->rest_at = 0;
	replay->steps = replay->held_bytes = replay->held_peak = 0;
	faults = path_faults();
	replay_whole(replay, &from, &to);
	repeat->path_faults = path_faults() - faults;
	repeat->steps = replay->steps;
	repeat->held_bytes = replay->held_bytes;
	repeat->held_peak = replay->held_peak;
	/* Short repeats end before the bar would be drawn within them. */
	progress_show(&replay->progress, replay->repeat, replay->trace->events);
	tmem_stats_get(&after);
	if (replay->config.snapshot >= 0 &&
	    replay->repeat == replay->config.repeats - 1)
		repeat->snapshot_error =
			-tmem_snapshot_write(replay->config.snapshot, 0);
	drop_all(replay);
	cost_add(&whole, &from, &to);
	repeat->cost = cost_less(&whole, &replay->paused);
	repeat->peak = replay->peak;
	repeat->allocs = after.allocs - before.allocs;
	repeat->reused = after.reused - before.reused;
}

/*
 * The kernel refuses memory at the first touch by SIGBUS, if the nodes that
 * the policy allows are full and the library could not foresee it.
 */
static void no_memory_at_touch(int signal)
{
	static const char line[] =
		"tmemctl: the kernel refused memory at the first touch: "
		"the nodes that the policy allows are full\n";

	(void)signal;
	if (write(STDERR_FILENO, line, sizeof(line) - 1) < 0)
		_exit(EXIT_FAILED);
	_exit(EXIT_FAILED);
}

void replay_snapshot(struct replay *replay, int fd)
{
	replay->config.snapshot = fd;
}

int replay_run(struct replay *replay, struct replay_repeat *repeats,
	       struct replay_failure *failure)
{
	struct sigaction action = { .sa_handler = no_memory_at_touch };
	struct tmem_analytics_config analytics = TMEM_ANALYTICS_INIT;
	struct sigaction old;
	unsigned int i;

	tmem_analytics_get(&analytics);
	replay->told =
		!replay->config.peer &&
		(replay->config.marks || analytics.mode != TMEM_ANALYTICS_OFF);
	sigaction(SIGBUS, &action, &old);
	progress_begin(&replay->progress, replay->config.quiet,
		       replay->config.repeats, replay->trace->events);
	for (i = 0; i < replay->config.repeats; i++) {
		replay->repeat = i;
		run_repeat(replay, &repeats[i]);
		if (atomic_load(&replay->stop))
			break;
	}
	progress_end(&replay->progress);
	sigaction(SIGBUS, &old, NULL);
	*failure = replay->failure;
	return atomic_load(&replay->stop) ? -1 : 0;
}

static size_t slots_bytes(const struct replay *replay)
{
	return replay->trace->blocks * sizeof(*replay->slots);
}

struct replay *replay_create(const struct trace *trace,
			     const struct replay_config *config)
{
	struct replay *replay = calloc(1, sizeof(*replay));

	if (!replay) {
		say("no memory for the replay");
		return NULL;
	}
	replay->trace = trace;
	replay->config = *config;
	replay->slots = pages_get(slots_bytes(replay));
	if (replay->slots && trace->threads == 1)
		return replay;
	if (replay->slots)
		replay->crew = crew_create(replay);
	if (replay->crew)
		return replay;
	say("cannot start the %u threads of the trace: %s", trace->threads,
	    strerror(errno));
	replay_destroy(replay);
	return NULL;
}

void replay_destroy(struct replay *replay)
{
	crew_destroy(replay->crew);
	pages_put(replay->slots, slots_bytes(replay));
	free(replay);
}
