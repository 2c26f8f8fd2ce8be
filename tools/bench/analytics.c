// SPDX-License-Identifier: GPL-2.0-only
/*
 * analytics - what the library's analytics cost: a trace, replayed in one
 * process in turns with them off, on and on for every block.
 *
 * All turns use one heap, which is warm from a replay before, and each round
 * begins with another of them, so that what the machine does beside falls on
 * all.  Compared is the processor time of a round's turns with that of its turn
 * with them off; the median over rounds is what counts.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tmem.h>

#include "../tmemctl/cmd.h"
#include "../tmemctl/replay.h"
#include "../tmemctl/trace.h"
#include "bar.h"

#define ROUNDS_MAX 99
#define REPEATS 5 /* of a turn: how often a sample is taken settles */
#define BAR_TIME 1.01
#define BAR_MEMORY 0.01

/* In the order of the table; the first is what others are compared with. */
enum turn {
	TURN_OFF,
	TURN_ON, /* sampled; sites found on the stack */
	TURN_TOLD, /* sampled; the replay tells each block's site */
	TURN_ALL, /* every block; sites told */
	TURNS,
};

static const char *const turn_names[TURNS] = { "off", "on", "told", "all" };

struct bench {
	struct trace trace;
	struct replay *replay[2]; /* sites told, and not */
	double ns[TURNS][ROUNDS_MAX];
	uint64_t metadata[TURNS]; /* after it, the first time; grows */
};

static int turn_set(enum turn turn, uint64_t interval)
{
	struct tmem_analytics_config config = TMEM_ANALYTICS_INIT;

	tmem_analytics_get(&config);
	config.mode = turn == TURN_OFF ? TMEM_ANALYTICS_OFF : TMEM_ANALYTICS_ON;
	config.interval_bytes = turn == TURN_ALL ? 0 : interval;
	return tmem_analytics_set(&config);
}

/* Some replays in a row.  Processor time by event, or less than 0: it failed. */
static double turn_run(struct bench *bench, enum turn turn, uint64_t interval)
{
	struct replay *replay = bench->replay[turn <= TURN_ON];
	struct replay_failure failure;
	struct replay_repeat repeat[REPEATS];
	uint64_t us = 0;
	unsigned int i;

	if (turn_set(turn, interval) || replay_run(replay, repeat, &failure))
		return -1;
	if (!bench->metadata[turn]) {
		struct tmem_analytics_stats stats = TMEM_ANALYTICS_STATS_INIT;

		tmem_analytics_stats_get(&stats);
		bench->metadata[turn] = stats.metadata_bytes + 1;
	}
	for (i = 0; i < REPEATS; i++)
		us += repeat[i].cost.user_us + repeat[i].cost.sys_us;
	return 1000.0 * (double)us / REPEATS / (double)bench->trace.events;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values, unsigned int n)
{
	qsort(values, n, sizeof(*values), by_value);
	return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

static double fastest(const double *values, unsigned int n)
{
	double least = *values;
	unsigned int i;

	for (i = 1; i < n; i++)
		least = values[i] < least ? values[i] : least;
	return least;
}

static double turn_ratio(const struct bench *bench, enum turn turn,
			 unsigned int rounds)
{
	double ratios[ROUNDS_MAX];
	unsigned int i;

	for (i = 0; i < rounds; i++)
		ratios[i] = bench->ns[turn][i] / bench->ns[TURN_OFF][i];
	return median(ratios, rounds);
}

static int bench_rounds(struct bench *bench, unsigned int rounds)
{
	const uint64_t interval = (uint64_t)512 << 10;
	unsigned int i, k;

	/* Cold.  And the first of each, in order, for the memory. */
	for (k = 0; k < TURNS; k++)
		if (turn_run(bench, (enum turn)k, interval) < 0)
			return -1;
	for (i = 0; i < rounds; i++) {
		for (k = 0; k < TURNS; k++) {
			enum turn turn = (enum turn)((i + k) % TURNS);
			double ns = turn_run(bench, turn, interval);

			if (ns < 0)
				return -1;
			bench->ns[turn][i] = ns;
		}
	}
	return 0;
}

static const char *base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void bench_json(struct bench *bench, const char *path, const char *touch,
		       unsigned int rounds)
{
	unsigned int turn, i;

	printf("{\"trace\":\"%s\",\"touch\":\"%s\",\"peak_live_bytes\":%llu,",
	       base(path), touch, (unsigned long long)bench->trace.peak_bytes);
	for (turn = 0; turn < TURNS; turn++) {
		printf("\"%s\":{\"metadata_bytes\":%llu,\"cpu_ns_per_event\":[",
		       turn_names[turn],
		       (unsigned long long)bench->metadata[turn] - 1);
		for (i = 0; i < rounds; i++)
			printf("%s%.2f", i ? "," : "", bench->ns[turn][i]);
		printf("]}%s", turn + 1 < TURNS ? "," : "}\n");
	}
}

/* The bars are for pages touched.  Returns whether they are kept. */
static bool bench_report(struct bench *bench, const char *path,
			 const char *touch, unsigned int rounds)
{
	double time = turn_ratio(bench, TURN_ON, rounds);
	double memory = (double)(bench->metadata[TURN_ON] - 1) /
			(double)bench->trace.peak_bytes;
	double off[ROUNDS_MAX];
	bool judged = strcmp(touch, "none");
	bool kept = !judged || (time < BAR_TIME && memory < BAR_MEMORY);

	memcpy(off, bench->ns[TURN_OFF], sizeof(off));
	printf("%-22s %-5s %9.1f ns %7.3f %7.3f %7.3f %7.3f %7.2f %% %7.2f %%  %s\n",
	       base(path), touch, median(off, rounds), time,
	       fastest(bench->ns[TURN_ON], rounds) /
		       fastest(bench->ns[TURN_OFF], rounds),
	       turn_ratio(bench, TURN_TOLD, rounds),
	       turn_ratio(bench, TURN_ALL, rounds), 100 * memory,
	       100 * (double)(bench->metadata[TURN_ALL] - 1) /
		       (double)bench->trace.peak_bytes,
	       judged ? bar_word(kept) : "-");
	fflush(stdout);
	return kept;
}

static int bench_run(struct bench *bench, enum replay_touch touch,
		     unsigned int rounds)
{
	struct replay_config config = {
		.touch = touch,
		.repeats = REPEATS,
		.window = 512,
		.quiet = true,
		.marks = true,
		.snapshot = -1,
	};
	int status = -1;

	bench->replay[0] = replay_create(&bench->trace, &config);
	config.sites = REPLAY_SITES_NONE;
	bench->replay[1] = replay_create(&bench->trace, &config);
	if (bench->replay[0] && bench->replay[1])
		status = bench_rounds(bench, rounds);
	if (bench->replay[0])
		replay_destroy(bench->replay[0]);
	if (bench->replay[1])
		replay_destroy(bench->replay[1]);
	return status;
}

static int usage(void)
{
	fputs("usage: analytics head | [--json] TRACE none|page ROUNDS\n",
	      stderr);
	return 2;
}

static int print_head(void)
{
	puts("                                          time / off"
	     "                     memory / peak");
	puts("trace                  touch      off         on fastest    told"
	     "     all        on       all  bars");
	return 0;
}

int main(int argc, char **argv)
{
	static struct bench bench;
	bool json = argc > 1 && !strcmp(argv[1], "--json");
	enum replay_touch touch;
	unsigned int rounds;
	bool kept = true;

	argv += json;
	argc -= json;
	if (argc == 2 && !strcmp(argv[1], "head"))
		return print_head();
	if (argc != 4)
		return usage();
	touch = strcmp(argv[2], "none") ? REPLAY_TOUCH_PAGE : REPLAY_TOUCH_NONE;
	rounds = (unsigned int)strtoul(argv[3], NULL, 10);
	if (!rounds || rounds > ROUNDS_MAX)
		return usage();
	if (trace_load(&bench.trace, argv[1]) || tmem_init(NULL) ||
	    bench_run(&bench, touch, rounds)) {
		fprintf(stderr, "%s: cannot be replayed\n", argv[1]);
		return 2;
	}
	if (json)
		bench_json(&bench, argv[1], argv[2], rounds);
	else
		kept = bench_report(&bench, argv[1], argv[2], rounds);
	trace_unload(&bench.trace);
	return kept ? 0 : 1;
}
