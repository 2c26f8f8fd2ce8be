/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the library's benchmark share.
 *
 * A figure is what one heap needed for one thing: nanoseconds, page faults, a
 * ratio.  It is measured once or more in every round, by a process of its
 * own; the heaps take turns within a round, and each round begins with
 * another one.
 */
#ifndef ALLOC_H
#define ALLOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "alloc_pack.h"

#define HEAPS_MAX 16
#define TRACES_MAX 32
#define SAMPLES_MAX 96
#define FAULTS_MAX 16
#define SETTINGS_MAX 8

#define LADDER "ladder" /* the figures' subject, beside the traces' names */

/*
 * struct heap - a column of the table
 * @name:    "tmem", "tcmalloc", ...
 * @worker:  the program, build/bench/alloc-...
 * @library: preloaded; NULL: none
 * @set:     its environment, "NAME=value"
 * @ours:    libtmem
 * @rival:   one of those that count: the better one is the best rival
 * @nothing: no heap at all: what the loop costs
 * @why:     not empty: left out, for this reason
 */
struct heap {
	char name[32];
	const char *worker;
	const char *library;
	const char *set[SETTINGS_MAX];
	bool ours;
	bool rival;
	bool nothing;
	char why[96];
};

/*
 * struct replayed - a trace
 * @fd:      all of it; @part_fd: the first part, for writing every byte
 * @whole, @part: facts about each, without the events
 */
struct replayed {
	const char *path;
	char name[48];
	unsigned int threads;
	int fd;
	int part_fd;
	struct pack_facts whole;
	struct pack_facts part;
};

struct samples {
	double value[SAMPLES_MAX];
	unsigned int n;
};

struct figure {
	char subject[48];
	char key[48];
	struct samples of[HEAPS_MAX];
};

struct stat3 {
	double median;
	double min;
	double max;
	unsigned int n;
};

/* One line about something that decides over the figures; "" if unknown. */
struct host_fact {
	const char *key;
	char text[128];
};

#define HOST_FACTS 7

/*
 * struct bench - from the start of the program to its end
 * @folder:   where the programs are, and where the results go
 * @budget:   seconds: no further round that would end after them
 * @cut:      bytes of a trace that are replayed, 0: all
 * @decay_ms: how soon libtmem gives idle memory back in the idle test
 * @facts:    about the machine, when it began
 * @failure:  of a process that crashed or ended otherwise than it should
 */
struct bench {
	const char *folder;
	const char *backend;
	unsigned int rounds;
	unsigned int rounds_done;
	unsigned int budget;
	unsigned int park;
	unsigned int slice;
	unsigned int decay_ms;
	uint64_t cut;
	uint64_t part;
	bool quick;
	double seconds;
	struct host_fact facts[HOST_FACTS];
	struct heap heaps[HEAPS_MAX];
	unsigned int n_heaps;
	struct replayed traces[TRACES_MAX];
	unsigned int n_traces;
	struct figure *figures;
	size_t n_figures;
	char failure[FAULTS_MAX][160];
	unsigned int n_failures;
};

/* --- alloc_heap.c: who takes part --------------------------------------------- */

/* heaps_add_all() - those of the distribution that are installed, and ours */
void heaps_add_all(struct bench *b);

/* heaps_also() - "NAME=VAR=VALUE,...": libtmem once more, set so.  0 or -1. */
int heaps_also(struct bench *b, char *text);

/* heaps_only() - only those named, "a,b".  0, or -1: no such name. */
int heaps_only(struct bench *b, char *names);

/* heaps_probe() - start each; who cannot be is left out, and says why. */
void heaps_probe(struct bench *b);

int heap_find(const struct bench *b, const char *name); /* -1: not there */

static inline bool heap_runs(const struct heap *heap)
{
	return !heap->why[0];
}

/* --- alloc_child.c: one process ------------------------------------------------ */

/* struct child - a process that measures, from child_start() to child_end() */
struct child {
	int pid;
	int out;
	char text[16384];
	size_t used;
};

/* child_start() - with the arguments, the last one NULL.  0 or -1. */
int child_start(const struct bench *b, const struct heap *heap,
		const char *const *arguments, struct child *child);

/* child_parked() - read until it says that it sleeps.  False: it ended. */
bool child_parked(struct child *child);

/*
 * child_end() - wait for its end.  Each "KEY VALUE" of its output is a sample
 * of the figure "GROUP.KEY".  Returns its exit status, or 128 + signal.
 */
int child_end(struct bench *b, struct child *child, unsigned int heap,
	      const char *subject, const char *group);

/* failed() - note that a process did; the benchmark's exit status is 1 then */
void failed(struct bench *b, const struct heap *heap, const char *subject,
	    const char *group, int status);

/* --- alloc_measure.c: the rounds ----------------------------------------------- */

/* measure_all() - every round; then what idles. */
void measure_all(struct bench *b);

/* measure_known() - is there a group of that name, and choose only those. */
int measure_only(char *names);

/* --- alloc_host.c: the machine -------------------------------------------------- */

void host_facts(struct host_fact facts[HOST_FACTS]);
uint64_t host_available(void);
uint64_t host_reported_kib(void); /* given back to the machine below, so far */

/* Have @bytes from the machine below, and keep them, until host_release(). */
void host_hold(uint64_t bytes);
void host_release(void);

/* --- alloc_figure.c -------------------------------------------------------------- */

void figure_add(struct bench *b, const char *subject, const char *key,
		unsigned int heap, double value);

/* False: nothing was measured. */
bool figure_stat(const struct bench *b, const char *subject, const char *key,
		 unsigned int heap, struct stat3 *stat);

/* figure_best() - of the rivals (or of all others): its index, or -1 */
int figure_best(const struct bench *b, const char *subject, const char *key,
		bool rivals, struct stat3 *stat);

bool figure_any(const struct bench *b, const char *subject, const char *key);

/* --- alloc_row.c: the rows of the table ------------------------------------------ */

/*
 * struct row - how a figure is shown
 * @head:  a line above it, or NULL
 * @scale: what is shown is the value times this
 * @plain: neither more nor less of it is better
 */
struct row {
	const char *head;
	const char *label;
	const char *unit;
	const char *key;
	double scale;
	bool plain;
};

/* Both end with a row without key. */
extern const struct row trace_rows[];
const struct row *ladder_rows(void);

/* --- alloc_bar.c: what libtmem promises ------------------------------------------ */

/*
 * struct bar - one promise, judged
 * @value, @most: it is kept if @value <= @most
 * @base:    what @most comes from: a rival's name, or ""
 * @close:   the measurements overlap with what they are compared with
 */
struct bar {
	char text[80];
	char subject[48];
	double value;
	double most;
	char base[32];
	double scale;
	const char *unit;
	bool kept;
	bool close;
};

/* bars_judge() - those that can be judged; their number */
size_t bars_judge(const struct bench *b, struct bar *bars, size_t max);

/* --- the results ------------------------------------------------------------------ */

/* table_print_all() - how many bars are missed */
size_t table_print_all(const struct bench *b);
int json_write(const struct bench *b, const char *path);
int svg_write(const struct bench *b, const char *path);

/* Three digits that say something. */
struct number {
	char text[24];
};
struct number number(double value);

#endif /* ALLOC_H */
