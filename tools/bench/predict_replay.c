// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the strategies do to a replay.  Each runs in a process of its own, cold
 * at first, in three settings:
 *
 *   resting   20 ms pass in each step, in 16 pieces, as if it computed; the
 *             collector as it comes, which takes nothing in so short a time
 *   decaying  the collector's intervals 20 ms, about as long as a step with its
 *             rest: what a step left idle is gone before the next one comes, as
 *             it is for steps of seconds at the level high
 *   busy      no rest; the collector as it comes
 *
 * Faults are those of the thread that replays: what the program waits for.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <tmem.h>
#include <unistd.h>

#include "../tmemctl/replay.h"
#include "predict.h"

#define REPEATS_MAX 99u
#define MIB 1048576.0

struct setting {
	const char *name;
	unsigned int rest_ms, decay_ms;
};

static const struct setting settings[] = {
	{ "resting", 20, 0 },
	{ "decaying", 20, 20 },
	{ "busy", 0, 0 },
};

/* What the child says: of all its repeats but the first. */
struct outcome {
	double ns, faults, all_faults, cold_faults;
	double held, held_peak; /* bytes */
	struct tmem_optimizer_stats stats;
};

static int decay_set(unsigned int ms)
{
	struct tmem_gc_config config = TMEM_GC_CONFIG_INIT;
	unsigned int i;

	if (!ms)
		return 0;
	tmem_gc_config_get(&config);
	for (i = 0; i < TMEM_GC_LEVELS; i++)
		config.level[i] = (struct tmem_gc_level_config){
			.interval_ms = ms,
			.age_ms = ms,
			.share = 100,
		};
	return tmem_gc_config_set(&config);
}

static int optimizer_set(int strategy)
{
	return strategy < 0 ? 0 :
			      tmem_optimizer_set_strategy(
				      (enum tmem_optimizer_strategy)strategy);
}

static void outcome_make(struct outcome *o, const struct replay_repeat *repeat,
			 unsigned int repeats, size_t events)
{
	unsigned int from = repeats > 1, n = repeats - from, i;
	struct tmem_optimizer_stats none = TMEM_OPTIMIZER_STATS_INIT;

	memset(o, 0, sizeof(*o));
	o->cold_faults = (double)repeat[0].path_faults;
	for (i = from; i < repeats; i++) {
		const struct replay_repeat *r = &repeat[i];

		o->ns += (double)r->cost.ns / (double)events / n;
		o->faults += (double)r->path_faults / n;
		o->all_faults += (double)r->cost.minor_faults / n;
		if (r->steps)
			o->held += (double)r->held_bytes / (double)r->steps / n;
		if (o->held_peak < (double)r->held_peak)
			o->held_peak = (double)r->held_peak;
	}
	o->stats = none;
	tmem_optimizer_stats_get(&o->stats);
}

/* In the child. */
static int replay_child(const struct trace *trace, const struct setting *s,
			int strategy, unsigned int repeats, struct outcome *o)
{
	struct replay_config config = {
		.touch = REPLAY_TOUCH_PAGE,
		.repeats = repeats,
		.window = 512,
		.quiet = true,
		.steps = true,
		.rest_ms = s->rest_ms,
		.snapshot = -1,
	};
	struct replay_repeat repeat[REPEATS_MAX];
	struct replay *replay = replay_create(trace, &config);
	struct replay_failure failure;

	if (!replay || tmem_init(NULL) || decay_set(s->decay_ms) ||
	    optimizer_set(strategy) || replay_run(replay, repeat, &failure))
		return -1;
	outcome_make(o, repeat, repeats, trace->events);
	replay_destroy(replay);
	return 0;
}

static int replay_one(const struct trace *trace, const struct setting *s,
		      int strategy, unsigned int repeats, struct outcome *o)
{
	int ends[2], status = -1;
	pid_t pid;

	if (pipe(ends))
		return -1;
	fflush(stdout);
	pid = fork();
	if (!pid) {
		close(ends[0]);
		status = replay_child(trace, s, strategy, repeats, o);
		if (!status && write(ends[1], o, sizeof(*o)) != sizeof(*o))
			status = -1;
		_exit(status ? 1 : 0);
	}
	close(ends[1]);
	if (pid > 0 && read(ends[0], o, sizeof(*o)) == sizeof(*o) &&
	    waitpid(pid, &status, 0) == pid && !status) {
		close(ends[0]);
		return 0;
	}
	close(ends[0]);
	return -1;
}

static void head_print(const char *name)
{
	printf("\n%s: by step, but for the first repeat; MiB\n\n"
	       "  %-9s %-13s %8s %7s %8s %7s %7s %7s %7s %7s %7s %6s\n",
	       name, "setting", "optimizer", "ns/event", "faults", "(in all)",
	       "held", "at most", "fetched", "used", "wasted", "kept", "back");
}

static void outcome_print(const struct setting *s, const char *strategy,
			  const struct outcome *o, double steps,
			  unsigned int repeats)
{
	double all = steps * repeats;

	printf("  %-9s %-13s %8.0f %7.1f %8.1f %7.0f %7.0f %7.2f %7.2f %7.2f "
	       "%7.1f %6.1f\n",
	       s->name, strategy, o->ns, o->faults / steps,
	       o->all_faults / steps, o->held / MIB, o->held_peak / MIB,
	       (double)o->stats.prepared_spans / all,
	       (double)o->stats.prepared_used / all,
	       (double)o->stats.prepared_wasted / all,
	       (double)o->stats.kept_spans / all,
	       (double)o->stats.returned_spans / all);
}

static double steps_of(const struct trace *trace)
{
	const struct story_mark *marks = trace->story.marks.data;
	size_t i, n = 0;

	for (i = 0; i < trace->story.marks.used; i++)
		n += !strncmp(story_text(&trace->story, marks[i].name), "step",
			      4);
	return n ? (double)n : 1.0;
}

int predict_replay(const char *name, const struct trace *trace,
		   unsigned int repeats)
{
	struct outcome o;
	unsigned int i;
	int strategy;

	if (repeats > REPEATS_MAX)
		repeats = REPEATS_MAX;
	head_print(name);
	for (i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		for (strategy = -1; strategy < (int)TMEM_OPTIMIZER_ADAPTIVE;
		     strategy++) {
			const char *word =
				strategy < 0 ?
					"off" :
					tmem_optimizer_strategy_name(strategy);

			if (replay_one(trace, &settings[i], strategy, repeats,
				       &o)) {
				fprintf(stderr, "predict: %s fails\n", word);
				return -1;
			}
			outcome_print(&settings[i], word, &o, steps_of(trace),
				      repeats);
		}
	}
	return 0;
}
