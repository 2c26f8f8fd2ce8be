// SPDX-License-Identifier: GPL-2.0-only
/*
 * One process that measures: started with just the environment that its heap
 * wants, read to its end, and never left to run for ever.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc.h"

#define SECONDS_MAX 600
#define ARGUMENTS_MAX 32

extern char **environ;

/* Settings of heaps, which the caller has for programs of his own. */
static bool is_ours_to_set(const char *setting)
{
	static const char *const names[] = {
		"LD_PRELOAD=", "MALLOC_",	"GLIBC_TUNABLES=", "TCMALLOC_",
		"MIMALLOC_",   "TMEM_BACKEND=", "_RJEM_",	   "JE_MALLOC_",
	};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strncmp(setting, names[i], strlen(names[i])))
			return true;
	return false;
}

static void set_environment(const struct heap *heap)
{
	char preload[128];
	unsigned int i, k;

	for (i = 0, k = 0; environ[i]; i++)
		if (!is_ours_to_set(environ[i]))
			environ[k++] = environ[i];
	environ[k] = NULL;
	for (i = 0; i < SETTINGS_MAX; i++)
		if (heap->set[i])
			putenv((char *)heap->set[i]);
	if (!heap->library)
		return;
	snprintf(preload, sizeof(preload), "%s", heap->library);
	setenv("LD_PRELOAD", preload, 1);
}

__attribute__((noreturn)) static void run(const struct bench *b,
					  const struct heap *heap,
					  const char *const *arguments)
{
	const char *argv[ARGUMENTS_MAX] = { heap->worker };
	char path[4096];
	size_t n = 1;

	while (*arguments && n < ARGUMENTS_MAX - 3)
		argv[n++] = *arguments++;
	if (heap->library) {
		argv[n++] = "--loaded";
		argv[n++] = heap->library;
	}
	snprintf(path, sizeof(path), "%s/%s", b->folder, heap->worker);
	set_environment(heap);
	alarm(SECONDS_MAX);
	execv(path, (char *const *)argv);
	fprintf(stderr, "bench: %s: %s\n", path, strerror(errno));
	_exit(127);
}

int child_start(const struct bench *b, const struct heap *heap,
		const char *const *arguments, struct child *child)
{
	int ends[2];

	memset(child, 0, sizeof(*child));
	if (pipe2(ends, O_CLOEXEC))
		return -1;
	fflush(stdout);
	child->pid = fork();
	if (!child->pid) {
		/* It must not go on if the user ends the benchmark. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(ends[1], STDOUT_FILENO);
		/* The loader's warning; the program itself says it better. */
		if (!strcmp(arguments[0], "probe"))
			dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
		run(b, heap, arguments);
	}
	close(ends[1]);
	child->out = ends[0];
	if (child->pid > 0)
		return 0;
	close(ends[0]);
	return -1;
}

/* False at the end of the output. */
static bool read_more(struct child *child)
{
	size_t room = sizeof(child->text) - 1 - child->used;
	ssize_t got;

	do
		got = read(child->out, child->text + child->used, room);
	while (got < 0 && errno == EINTR);
	if (got <= 0)
		return false;
	child->used += (size_t)got;
	child->text[child->used] = 0;
	return true;
}

bool child_parked(struct child *child)
{
	while (!strstr(child->text, "parked\n"))
		if (!read_more(child))
			return false;
	return true;
}

static void take_figures(struct bench *b, const struct child *child,
			 unsigned int heap, const char *subject,
			 const char *group)
{
	const char *at = child->text, *end;
	char key[40], whole[48];
	double value;

	for (; (end = strchr(at, '\n')); at = end + 1) {
		if (sscanf(at, "%39s %lf", key, &value) != 2)
			continue;
		snprintf(whole, sizeof(whole), "%s%s%s", group,
			 *group ? "." : "", key);
		figure_add(b, subject, whole, heap, value);
	}
}

int child_end(struct bench *b, struct child *child, unsigned int heap,
	      const char *subject, const char *group)
{
	int status;

	while (read_more(child))
		;
	close(child->out);
	while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
		;
	status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) :
				       WEXITSTATUS(status);
	if (!status)
		take_figures(b, child, heap, subject, group);
	return status;
}

void failed(struct bench *b, const struct heap *heap, const char *subject,
	    const char *group, int status)
{
	char *text;

	if (b->n_failures == FAULTS_MAX)
		return;
	text = b->failure[b->n_failures++];
	snprintf(text, sizeof(b->failure[0]), "%s, %s%s%s: %s %d", heap->name,
		 subject, *group ? ", " : "", group,
		 status > 128 ? "killed by signal" : "exit status",
		 status > 128 ? status - 128 : status);
	fprintf(stderr, "bench: %s\n", text);
}
