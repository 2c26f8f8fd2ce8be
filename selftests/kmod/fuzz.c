// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves, as far as random calls can, that a process can harm no other one with
 * the device, arenas, mappings, control words, netlink and sysfs: three processes
 * of four threads make all calls that there are, are killed and started again,
 * and memory runs short now and then; meanwhile a process that has nothing to do
 * with it watches its own arenas.
 *
 * usage: fuzz [SEED [STEPS]]
 *
 * SEED repeats the calls of a run, which prints it first.  With STEPS, and
 * without TMEM_SOAK_SECONDS (then 400), each thread runs so many programs of up
 * to 12 calls, and no process is killed.
 *
 * TMEM_FUZZ_TRACE=1 prints every call before it is made.  Threads race, and
 * coverage (fuzz_cover.h) leads, so a seed repeats a run only roughly; with
 * STEPS it does not lead.
 */
#include "fuzz_canary.h"
#include "fuzz_system.h"
#include "fuzz_worker.h"

#define STEPS 400
#define KILL_EVERY 7000 /* looks at the processes, some ms apart */
#define HOG_EVERY 11000

struct fz_run_state {
	struct fz_shared *sh;
	int dev;
	struct fz_proc proc[FZ_PROCS];
	pid_t pid[FZ_PROCS];
	pid_t canary;
	pid_t hog;
	int mail[2];
	char cgroup[64];
	uint64_t rng;
	uint64_t memory;
	/* before the first call */
	uint64_t arenas;
	uint64_t free;
	long resident;
	/* what happened */
	unsigned int killed, crashed, hogs, restarts;
	bool stuck;
	int result;
};

static void result(struct fz_run_state *s, bool good, const char *text)
{
	static int n;

	printf("%s %d %s\n", good ? "ok" : "not ok", ++n, text);
	if (!good)
		s->result = 1;
}

/* --- processes ------------------------------------------------------------ */

static void start_hog(struct fz_run_state *s)
{
	uint64_t left = s->memory / (kt_random(&s->rng) % 3 ? 16 : 40);

	if (s->hog > 0)
		return;
	s->hog = fork();
	if (!s->hog)
		_exit(fz_hog_main(s->sh, left));
	s->hogs++;
}

/* Each has a memory cgroup, with another limit each time it starts. */
static void make_cgroup(struct fz_run_state *s, struct fz_proc *p)
{
	uint64_t limit = s->memory / (8 + kt_random(&s->rng) % 16);
	struct kt_cgroup cg;

	p->cgroup[0] = 0;
	if (!s->cgroup[0])
		return;
	snprintf(cg.path, sizeof(cg.path), "%.50s/p%u", s->cgroup, p->index);
	if (mkdir(cg.path, 0755) && errno != EEXIST)
		return;
	if (kt_cgroup_limit(&cg, limit) == 0)
		strcpy(p->cgroup, cg.path);
}

static void start(struct fz_run_state *s, unsigned int i)
{
	struct fz_proc *p = &s->proc[i];

	p->sh = s->sh;
	p->index = i;
	p->mail[0] = s->mail[0];
	p->mail[1] = s->mail[1];
	make_cgroup(s, p);
	s->pid[i] = fork();
	if (!s->pid[i]) {
		kt_write_file("/proc/self/oom_score_adj", "500");
		_exit(fz_worker_main(s->sh, p));
	}
	p->generation++;
}

static void ended(struct fz_run_state *s, pid_t pid, int status)
{
	bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;

	if (pid == s->hog)
		s->hog = 0;
	if (pid == s->canary) {
		s->canary = 0;
		if (!WIFEXITED(status) || WEXITSTATUS(status))
			printf("# the canaries' process ended: 0x%x\n", status);
	}
	for (unsigned int i = 0; i < FZ_PROCS; i++) {
		if (pid != s->pid[i])
			continue;
		s->pid[i] = 0;
		s->killed += killed;
		if (killed || !status)
			continue;
		s->crashed++;
		printf("# process %u.%u ended with status 0x%x\n", i,
		       s->proc[i].generation - 1, status);
	}
}

/* Their children come to us when they are killed. */
static void reap(struct fz_run_state *s)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		ended(s, pid, status);
}

static bool any_left(struct fz_run_state *s)
{
	for (unsigned int i = 0; i < FZ_PROCS; i++)
		if (s->pid[i] > 0)
			return true;
	return s->hog > 0 || s->canary > 0;
}

static bool all_gone(struct fz_run_state *s)
{
	return PACE_UNTIL((reap(s), !any_left(s)));
}

static void kill_all(struct fz_run_state *s)
{
	for (unsigned int i = 0; i < FZ_PROCS; i++)
		if (s->pid[i] > 0)
			kill(s->pid[i], SIGKILL);
	if (s->hog > 0)
		kill(s->hog, SIGKILL);
	if (s->canary > 0)
		kill(s->canary, SIGKILL);
}

/* --- the run -------------------------------------------------------------- */

static void fuzz(struct fz_run_state *s)
{
	struct pace_rounds looks = pace_rounds(UINT64_MAX);

	for (unsigned int i = 0; i < FZ_PROCS; i++)
		start(s, i);
	for (uint64_t n = 1; pace_more(&looks); n++) {
		pace_pause();
		reap(s);
		if (s->canary <= 0 || s->crashed >= 20)
			break;
		for (unsigned int i = 0; i < FZ_PROCS; i++) {
			if (s->pid[i] > 0 || s->sh->steps)
				continue;
			s->restarts++;
			start(s, i);
		}
		if (s->sh->steps) {
			if (!s->pid[0] && !s->pid[1] && !s->pid[2])
				break;
			continue;
		}
		if (n % KILL_EVERY == 0) {
			unsigned int i = kt_random(&s->rng) % FZ_PROCS;

			if (s->pid[i] > 0)
				kill(s->pid[i], SIGKILL);
		}
		if (n % HOG_EVERY == HOG_EVERY / 2)
			start_hog(s);
	}
	__atomic_store_n(&s->sh->stop, true, __ATOMIC_RELAXED);
	if (!all_gone(s)) {
		printf("# not all processes stopped by themselves\n");
		kill_all(s);
		s->stuck = !all_gone(s);
	}
	close(s->mail[0]);
	close(s->mail[1]);
}

/* --- before and after ----------------------------------------------------- */

static void open_to_all(struct fz_run_state *s)
{
	struct kt_cgroup cg;

	chmod(KT_DEVICE, 0666);
	if (kt_cgroup_init(&cg, "+memory"))
		return;
	strcpy(s->cgroup, cg.path);
	kt_cgroup_write(&cg, "cgroup.subtree_control", "+memory");
}

static void remove_cgroups(struct fz_run_state *s)
{
	char path[96];

	for (unsigned int i = 0; s->cgroup[0] && i < FZ_PROCS; i++) {
		struct kt_cgroup cg;

		snprintf(path, sizeof(path), "%.50s/p%u/sub", s->cgroup, i);
		rmdir(path);
		snprintf(cg.path, sizeof(cg.path), "%.50s/p%u", s->cgroup, i);
		kt_cgroup_fini(&cg);
	}
	if (s->cgroup[0] && rmdir(s->cgroup))
		printf("# %s: %s\n", s->cgroup, strerror(errno));
}

static int prepare(struct fz_run_state *s, int argc, char **argv)
{
	struct fz_shared *sh = mmap(NULL, sizeof(*sh), KT_RW,
				    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (sh == MAP_FAILED)
		return -errno;
	s->sh = sh;
	sh->seed = argc > 1 ? strtoull(argv[1], NULL, 0) : pace_seed();
	if (argc > 2)
		sh->steps = strtoull(argv[2], NULL, 0);
	else if (!getenv("TMEM_SOAK_SECONDS"))
		sh->steps = STEPS;
	sh->steer = !sh->steps;
	sh->trace = getenv("TMEM_FUZZ_TRACE") != NULL;
	sh->poison = FZ_POISON;
	s->rng = kt_mix(sh->seed);
	printf("# to repeat: fuzz 0x%llx [STEPS]\n",
	       (unsigned long long)sh->seed);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	s->dev = kt_open();
	if (s->dev < 0 ||
	    socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, s->mail))
		return -errno;
	s->memory = fz_meminfo("MemTotal:");
	s->arenas = kt_arenas(s->dev);
	s->free = fz_free_or_pooled();
	s->resident = kt_read_number(FZ_SYSFS "/resident_bytes");
	fz_find_settings(FZ_SYSFS, true);
	return 0;
}

static void start_canaries(struct fz_run_state *s)
{
	s->canary = fork();
	if (!s->canary) {
		fz_become_first_victim(false);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		fz_signals();
		_exit(fz_canary_main(s->sh, s->dev));
	}
	PACE_UNTIL(__atomic_load_n(&s->sh->canary.ready, __ATOMIC_ACQUIRE) ||
		   (reap(s), s->canary <= 0));
}

/*
 * What is freed late: queues of sockets, rings, pages of CPUs, and an arena that
 * counts as gone before its memory is.  A page that was made to fail may take
 * with it the huge page that it was part of.
 */
static bool comes_back(struct fz_run_state *s)
{
	uint64_t slack = 24 * KT_MIB + FZ_POISON * KT_SPAN + kt_quarantine();
	uint64_t now = 0;
	long resident = 0;
	bool back;

	back = PACE_UNTIL(
		(now = fz_free_or_pooled(),
		 resident = kt_read_number(FZ_SYSFS "/resident_bytes"),
		 now + slack >= s->free && resident == s->resident));
	if (back)
		return true;
	printf("# free: %llu kB, was %llu kB; in arenas: %ld, was %ld\n",
	       (unsigned long long)now / 1024,
	       (unsigned long long)s->free / 1024, resident, s->resident);
	return false;
}

static bool arenas_gone(struct fz_run_state *s)
{
	if (PACE_UNTIL(kt_arenas(s->dev) == s->arenas))
		return true;
	printf("# arenas: %llu, were %llu\n",
	       (unsigned long long)kt_arenas(s->dev),
	       (unsigned long long)s->arenas);
	return false;
}

/* --- what it says --------------------------------------------------------- */

/* A fuzzer all of whose calls are refused has found nothing. */
static bool had_an_effect(struct fz_run_state *s)
{
	static const char *const must[] = { "create", "map_data", "touch",
					    "purge",  "populate", "words" };
	bool good = true;

	for (size_t k = 0; k < sizeof(must) / sizeof(*must); k++)
		for (size_t i = 0; i < FZ_NR_KINDS; i++)
			if (!strcmp(fz_kind[i].name, must[k]) &&
			    !s->sh->good[i]) {
				printf("# no %s was good\n", must[k]);
				good = false;
			}
	return good;
}

static void report(struct fz_run_state *s)
{
	struct fz_canary *c = &s->sh->canary;

	fz_print_figures(s->sh);
	printf("# %u processes started again, %u of all killed; memory was "
	       "short %u times\n",
	       s->restarts, s->killed, s->hogs);
	result(s, c->done && !c->bad_busy,
	       "busy memory of others keeps its contents");
	result(s, c->done && !c->bad_idle, "an idle span is whole or zero");
	result(s, c->done && !c->bad_stat, "the counters add up");
	result(s, c->done && !c->bad_status,
	       c->no_status ? "the status page is sound # SKIP no status page" :
			      "the status page is sound");
	result(s, !s->sh->removed, "the module stays while it is used");
	result(s, !s->crashed, "no process ends by itself");
	result(s, !s->stuck, "every process can be ended");
	result(s, arenas_gone(s), "no arena is left");
	result(s, comes_back(s), "all memory is given back");
	result(s, had_an_effect(s) || s->sh->steps, "calls had an effect");
}

int main(int argc, char **argv)
{
	struct fz_run_state s = { 0 };
	int ret;

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("TAP version 13\n1..11\n");
	ret = prepare(&s, argc, argv);
	if (ret) {
		printf("not ok 1 cannot begin: %s\n", strerror(-ret));
		return 1;
	}
	open_to_all(&s);
	start_canaries(&s);
	fuzz(&s);
	chmod(KT_DEVICE, 0660);
	result(&s, fz_restore_settings() == 0, "settings can be put back");
	report(&s);
	remove_cgroups(&s);
	return s.result;
}
