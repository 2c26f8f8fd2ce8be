/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The fuzzer's view of the machine: what memory is free, a process that takes
 * nearly all of it for a moment, and the figures at the end.
 */
#ifndef FUZZ_SYSTEM_H
#define FUZZ_SYSTEM_H

#include "fuzz_worker.h"

/* Bytes of a figure in /proc/meminfo; cheap, and takes no memory. */
static uint64_t fz_meminfo(const char *what)
{
	char text[2048], *at;

	fz_read_text("/proc/meminfo", text, sizeof(text));
	at = strstr(text, what);
	return at ? strtoull(at + strlen(what), NULL, 10) * 1024 : 0;
}

/* With what waits in the pools, which is not lost either. */
static uint64_t fz_free_or_pooled(void)
{
	uint64_t sum = kt_free(-1);
	char path[96];

	for_each_node(n, kt_nodes()) {
		long pool;

		snprintf(path, sizeof(path), FZ_SYSFS "/node%d/pool_bytes", n);
		pool = kt_read_number(path);
		sum += pool > 0 ? (uint64_t)pool : 0;
	}
	return sum;
}

static void fz_become_first_victim(bool first)
{
	kt_write_file("/proc/self/oom_score_adj", first ? "1000" : "-1000");
}

/*
 * Takes memory until little is left, and holds it until the canaries have been
 * looked at twice.  Others give memory back meanwhile: it takes as much as there
 * is at most.
 */
static int fz_hog_main(struct fz_shared *sh, uint64_t left)
{
	uint64_t most = fz_meminfo("MemTotal:") / KT_SPAN, enough;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	fz_become_first_victim(true);
	while (most-- && fz_meminfo("MemAvailable:") > left) {
		unsigned char *p = fz_reserve(KT_SPAN, KT_RW);

		for (size_t i = 0; p && i < KT_SPAN; i += KT_PAGE)
			p[i] = 1;
	}
	enough = __atomic_load_n(&sh->canary.rounds, __ATOMIC_RELAXED) + 2;
	PACE_UNTIL(__atomic_load_n(&sh->canary.rounds, __ATOMIC_RELAXED) >=
			   enough ||
		   fz_stopped(sh));
	return 0;
}

static void fz_print_figures(const struct fz_shared *sh)
{
	const struct fz_canary *c = &sh->canary;
	uint64_t all = 0;

	for (size_t i = 0; i < FZ_NR_KINDS; i++) {
		all += sh->calls[i];
		printf("# %-12s %8llu calls, %8llu good\n", fz_kind[i].name,
		       (unsigned long long)sh->calls[i],
		       (unsigned long long)sh->good[i]);
	}
	printf("# %llu operations; SIGBUS %llu, SIGSEGV %llu\n",
	       (unsigned long long)all, (unsigned long long)sh->sigbus,
	       (unsigned long long)sh->sigsegv);
	printf("# canaries: %llu rounds, %llu spans kept, %llu lost, %llu "
	       "refused, %llu snapshots\n",
	       (unsigned long long)c->rounds, (unsigned long long)c->kept,
	       (unsigned long long)c->lost, (unsigned long long)c->refused,
	       (unsigned long long)c->snapshots);
	if (sh->pcs)
		printf("# coverage: %llu places in the module, %llu programs "
		       "kept\n",
		       (unsigned long long)sh->pcs,
		       (unsigned long long)sh->corpus_n);
	else
		printf("# coverage: none, this kernel has no KCOV\n");
}

#endif /* FUZZ_SYSTEM_H */
