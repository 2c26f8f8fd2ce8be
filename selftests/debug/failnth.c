// SPDX-License-Identifier: GPL-2.0-only
/*
 * failnth - fail the first allocation of a call, then the second, and so on,
 * until the call no longer has so many; does every failure end in a clean
 * error, or in success, with nothing left behind?
 *
 * usage: failnth [--random ROUNDS] LABEL [CALL]...
 *        (default: all calls but "insmod")
 *
 * With --random, a tenth of the allocations fails while a call is under way,
 * in whatever task: those of worker threads are reached in no other way.
 *
 * Which kinds of allocation count - slab objects, pages, copies from and to
 * user memory - and in which code is set in debugfs by whoever runs this
 * (guest-faults.sh); the LABEL says it in the names of the tests.  Runs as
 * root, on a kernel with CONFIG_FAULT_INJECTION.  Prints TAP.  Leaks are
 * looked for afterwards, with kmemleak.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "failnth.h"

/* No call has as many; one that never ends has an endless loop inside. */
#define LIMIT 3000
#define PERCENT 10

static unsigned int random_rounds;

struct outcome {
	unsigned int faults;
	unsigned int refused;
	int last_error;
};

/* --- faults by number, in this task ---------------------------------------- */

static int fail_fd;

/* The faults of this task are counted from the end of this call on. */
static void set_nth(unsigned int nth)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", nth);

	/* The write itself may be the victim of the fault that it disarms. */
	while (pwrite(fail_fd, text, len, 0) != len)
		;
}

/*
 * Has the fault happened?  The answer is formatted before it is copied; if
 * the copy is what fails, it had not.
 */
static unsigned int nth_happened(void)
{
	char text[16] = "";
	ssize_t len = pread(fail_fd, text, sizeof(text) - 1, 0);

	set_nth(0);
	return len > 0 && text[0] == '0';
}

/* --- faults at random, in any task ------------------------------------------ */

static const char *const kinds[] = { "failslab", "fail_page_alloc",
				     "fail_usercopy" };
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))
#define MANY 1000000

static FILE *knob(const char *kind, const char *name, const char *mode)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "/sys/kernel/debug/%s/%s", kind, name);
	file = fopen(path, mode);
	if (!file) {
		perror(path);
		exit(1);
	}
	return file;
}

static void set_knob(const char *kind, const char *name, unsigned int value)
{
	FILE *file = knob(kind, name, "w");

	fprintf(file, "%u", value);
	fclose(file);
}

static void set_random(unsigned int percent)
{
	size_t i;

	for (i = 0; i < KINDS; i++) {
		if (percent)
			set_knob(kinds[i], "times", MANY);
		set_knob(kinds[i], "probability", percent);
	}
}

/* The kernel counts down from what was set. */
static unsigned int random_happened(void)
{
	unsigned int sum = 0, left;
	size_t i;

	set_random(0);
	for (i = 0; i < KINDS; i++) {
		FILE *file = knob(kinds[i], "times", "r");

		if (fscanf(file, "%u", &left) == 1)
			sum += MANY - left;
		fclose(file);
	}
	return sum;
}

static void arm(unsigned int nth)
{
	if (random_rounds)
		set_random(PERCENT);
	else
		set_nth(nth);
}

static unsigned int disarm(void)
{
	return random_rounds ? random_happened() : nth_happened();
}

/* --- one call --------------------------------------------------------------- */

/* What a caller can be expected to understand as "not now". */
static bool clean(int err)
{
	switch (-err) {
	case ENOMEM:
	case EFAULT:
	case EAGAIN:
	case ENOBUFS:
		return true;
	default:
		return false;
	}
}

static bool fail(const struct fn_call *c, unsigned int nth, const char *what,
		 int err)
{
	printf("# %s, %s %u: %s%s%s\n", c->name,
	       random_rounds ? "round" : "allocation", nth, what,
	       err ? ": " : "", err ? strerror(-err) : "");
	return false;
}

/* What is not as it was before the call, or NULL. */
static const char *changed(const struct fn_state *old)
{
	struct fn_state new;

	fn_state_read(&new);
	if (new.arenas != old->arenas)
		return "an arena is left behind";
	if (new.references != old->references)
		return "a reference to the module is left";
	if (new.next_fd != old->next_fd)
		return "a descriptor is left behind";
	return NULL;
}

/*
 * One call with its surroundings, without faults if nth is 0.  *faults: how
 * many happened.
 */
static bool run_once(const struct fn_call *c, unsigned int nth,
		     struct outcome *out, unsigned int *faults)
{
	struct fn_state old;
	const char *wrong, *left;
	int err;

	*faults = 0;
	fn_state_read(&old);
	err = c->before();
	if (err)
		return fail(c, nth, "no preparation", err);
	if (nth)
		arm(nth);
	err = c->call();
	if (nth)
		*faults = disarm();
	wrong = c->after();
	left = changed(&old);

	out->faults += *faults;
	if (*faults && err) {
		out->refused++;
		out->last_error = err;
	}
	if (err && !*faults)
		return fail(c, nth, "fails without a fault", err);
	if (err && !clean(err))
		return fail(c, nth, "not a clean error", err);
	if (wrong || left)
		return fail(c, nth, wrong ? wrong : left, 0);
	return true;
}

static bool run(const struct fn_call *c, struct outcome *out)
{
	unsigned int nth, faults, limit = random_rounds ? random_rounds : LIMIT;
	/* Twice without: things are set up that stay. */
	bool good = run_once(c, 0, out, &faults) &&
		    run_once(c, 0, out, &faults);

	for (nth = 1; good && nth <= limit; nth++) {
		good = run_once(c, nth, out, &faults);
		if (!random_rounds && !faults)
			break;
	}
	if (good && !random_rounds && nth > limit)
		return fail(c, nth, "no end of allocations", 0);
	if (good && !out->faults)
		return fail(c, nth, "nothing was there to fail", 0);
	return good;
}

/* --- all calls -------------------------------------------------------------- */

static const struct fn_call *find(const char *name)
{
	size_t i;

	for (i = 0; i < fn_nr_calls; i++)
		if (!strcmp(fn_calls[i].name, name))
			return &fn_calls[i];
	fprintf(stderr, "failnth: no call '%s'\n", name);
	exit(2);
}

static bool test(const char *label, const struct fn_call *c)
{
	const char *why = c->without ? c->without() : NULL;
	struct outcome out = { 0 };
	bool good;

	if (why) {
		printf("ok - %s: %s # SKIP %s\n", label, c->name, why);
		return true;
	}
	good = run(c, &out);
	printf("# %u faults, %u calls refused (%s)\n", out.faults, out.refused,
	       out.last_error ? strerror(-out.last_error) : "none");
	printf("%s - %s: %s\n", good ? "ok" : "not ok", label, c->name);
	fflush(stdout);
	return good;
}

static bool test_all(const char *label)
{
	bool good = true;
	size_t i;

	for (i = 0; i < fn_nr_calls; i++)
		if (strcmp(fn_calls[i].name, "insmod"))
			good &= test(label, &fn_calls[i]);
	return good;
}

int main(int argc, char **argv)
{
	bool good = true;
	int i;

	if (argc > 2 && !strcmp(argv[1], "--random")) {
		random_rounds = atoi(argv[2]);
		argv += 2;
		argc -= 2;
	}
	if (argc < 2) {
		fprintf(stderr, "usage: failnth [--random ROUNDS] LABEL "
				"[CALL]...\n");
		return 2;
	}
	fail_fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	if (fail_fd < 0) {
		perror("failnth: no fault injection in this kernel");
		return 1;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	/* Page faults of this program are not what is tested. */
	if (mlockall(MCL_CURRENT))
		perror("# mlockall");
	if (argc == 2)
		good = test_all(argv[1]);
	for (i = 2; i < argc; i++)
		good &= test(argv[1], find(argv[i]));
	return !good;
}
