// SPDX-License-Identifier: GPL-2.0-only
/*
 * From an event to the first byte given back.
 *
 * The event is real and needs no root: this program is its own service manager,
 * and says through MEMORY_PRESSURE_WATCH that memory is short; the monitor is
 * told to take that as critical.  Time begins before the byte is written, so it
 * holds the kernel's waking of both threads, too.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <tmem.h>
#include <unistd.h>

#include "bar.h"
#include "reaction.h"

#define BLOCKS 64
#define BLOCK_BYTES ((size_t)4 << 20)

static char path[64];
static int end = -1; /* what is written to */
static int listener = -1;

static int manager_open(bool sock)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	snprintf(path, sizeof(path), "/tmp/tmem-reaction-%d", (int)getpid());
	unlink(path);
	setenv("MEMORY_PRESSURE_WATCH", path, 1);
	unsetenv("MEMORY_PRESSURE_WRITE");
	if (!sock)
		return mkfifo(path, 0600);
	memcpy(addr.sun_path, path, sizeof(path));
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener < 0)
		return -1;
	return bind(listener, (struct sockaddr *)&addr, sizeof(addr)) ||
			       listen(listener, 8) ?
		       -1 :
		       0;
}

bool reaction_make_idle(void)
{
	static char *block[BLOCKS];
	unsigned int i;

	for (i = 0; i < BLOCKS; i++) {
		block[i] = tmem_alloc(BLOCK_BYTES);
		if (!block[i])
			return false;
		memset(block[i], 1, BLOCK_BYTES);
	}
	for (i = 0; i < BLOCKS; i++)
		tmem_free(block[i]);
	return true;
}

/* The monitor has looked once, and waits. */
static bool monitor_begin(bool sock)
{
	struct tmem_monitor_config config = TMEM_MONITOR_CONFIG_INIT;
	struct tmem_monitor_stats stats = TMEM_MONITOR_STATS_INIT;
	uint64_t until = reaction_now() + PATIENCE_NS;

	config.manager_level = TMEM_LEVEL_CRITICAL;
	config.interval_ms = 60000;
	if (tmem_monitor_start(&config))
		return false;
	end = sock ? accept(listener, NULL, NULL) : open(path, O_WRONLY);
	do {
		usleep(2000);
		tmem_monitor_stats_get(&stats);
	} while (!stats.looks && reaction_now() < until);
	usleep(20000);
	return end >= 0 && stats.looks;
}

/* The first event that the collector has answered. */
static bool answer_wait(struct tmem_monitor_event *event)
{
	struct tmem_monitor_event all[8];
	uint64_t until = reaction_now() + PATIENCE_NS;
	size_t n, i;

	while (reaction_now() < until) {
		n = tmem_monitor_events(all, 8);
		for (i = 0; i < n; i++)
			if (all[i].to == TMEM_LEVEL_CRITICAL &&
			    all[i].done_ns) {
				*event = all[i];
				return event->first_ns;
			}
		usleep(500);
	}
	return false;
}

struct round {
	uint64_t told, first, done, bytes; /* ns from the event; bytes */
};

static bool round_run(bool sock, struct round *r)
{
	struct tmem_monitor_event event;
	uint64_t began;
	bool right;

	if (!reaction_make_idle() || !monitor_begin(sock))
		return false;
	began = reaction_now();
	right = write(end, "!", 1) == 1 && answer_wait(&event);
	tmem_monitor_stop();
	close(end);
	if (!right)
		return false;
	r->told = event.decision_ns - began;
	r->first = event.first_ns - began;
	r->done = event.done_ns - began;
	r->bytes = event.bytes;
	return true;
}

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

uint64_t reaction_row(const char *name, const void *rounds, size_t size,
		      unsigned int n, size_t offset)
{
	uint64_t value[ROUNDS_MAX];
	unsigned int i;

	for (i = 0; i < n; i++)
		memcpy(&value[i], (const char *)rounds + i * size + offset,
		       sizeof(value[i]));
	qsort(value, n, sizeof(value[0]), by_size);
	printf("  %-24s %9.3f ms %9.3f ms %9.3f ms\n", name, value[n / 2] / 1e6,
	       value[n * 99 / 100] / 1e6, value[n - 1] / 1e6);
	return value[n / 2];
}

static uint64_t row(const char *name, const struct round *rounds,
		    unsigned int n, size_t offset)
{
	return reaction_row(name, rounds, sizeof(*rounds), n, offset);
}

int reaction_latency(int argc, char **argv)
{
	bool sock = argc > 1 && !strcmp(argv[1], "socket");
	unsigned int n = argc > 2 ? (unsigned int)atoi(argv[2]) : 50, i;
	static struct round rounds[ROUNDS_MAX];
	uint64_t first;

	if (n < 1 || n > ROUNDS_MAX || manager_open(sock)) {
		fprintf(stderr, "reaction: no %s: %m\n",
			sock ? "socket" : "FIFO");
		return 1;
	}
	for (i = 0; i < n; i++)
		if (!round_run(sock, &rounds[i])) {
			fprintf(stderr, "reaction: round %u: no reaction\n", i);
			unlink(path);
			return 1;
		}
	unlink(path);
	printf("critical event by %s, %u rounds, backend %s\n",
	       sock ? "socket" : "FIFO", n, tmem_backend_name());
	printf("  %-24s %12s %12s %12s\n", "until", "median", "99 %", "worst");
	row("the collector is told", rounds, n, offsetof(struct round, told));
	first = row("the first byte is free", rounds, n,
		    offsetof(struct round, first));
	row("it is done", rounds, n, offsetof(struct round, done));
	printf("  given back in the last   %9.1f MiB\n",
	       rounds[n - 1].bytes / 1048576.0);
	return bar_print(first < BAR_FIRST_NS, "first byte within 10 ms");
}
