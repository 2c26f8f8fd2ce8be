// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A snapshot at exit().  It is written beside the file and takes its place
 * when it is complete, so that no half one is ever found there; what is no
 * plain file (a pipe, a device, a link) is written to as it is.
 *
 * exit() may come from a signal handler that has interrupted who holds a lock
 * of the library, and a file system may hang: a thread of its own writes, and
 * is waited for 5 s.
 */
#define _GNU_SOURCE
#include "control/last.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <tmem/analytics.h>

#include "core/log.h"
#include "core/worker.h"

_Atomic(uint32_t) tmem_last_patience_ms = 5000;

/* Constant from the set-up on. */
static struct {
	pid_t pid; /* who was set up; a child of it by fork() is another */
	bool each; /* the name has the process in it */
	char path[PATH_MAX - 16];
} last;

/* %p is the process; others stay as they are. */
static int path_make(char *path, size_t size)
{
	const char *from = last.path;
	size_t used = 0;

	while (*from && used + 16 < size) {
		if (from[0] == '%' && from[1] == 'p') {
			used += (size_t)snprintf(path + used, size - used, "%d",
						 (int)getpid());
			from += 2;
		} else {
			path[used++] = *from++;
		}
	}
	path[used] = '\0';
	return *from ? -ENAMETOOLONG : 0;
}

/* From where we are now: a program may go elsewhere.  false: too long. */
static bool path_keep(const char *path)
{
	size_t used = 0, size = sizeof(last.path);

	if (*path != '/' && getcwd(last.path, size - 1)) {
		used = strlen(last.path);
		last.path[used++] = '/';
	}
	if (used + strlen(path) >= size)
		return false;
	strcpy(last.path + used, path);
	return true;
}

int tmem_last_open(void)
{
	const char *path = secure_getenv("TMEM_SNAPSHOT");

	if (!path || !*path)
		return 0;
	if (!path_keep(path)) {
		tmem_log(TMEM_LOG_ERROR, "TMEM_SNAPSHOT is too long");
		return -EINVAL;
	}
	last.each = strstr(path, "%p");
	last.pid = getpid();
	return 0;
}

static int last_fill(int fd)
{
	int err;

	if (fd < 0)
		return -errno;
	err = tmem_snapshot_write(fd, 0);
	/* Some file systems say only now that they are full. */
	if (close(fd) && !err)
		err = -errno;
	return err;
}

/*
 * A name that nobody has: two containers with one folder have the same process
 * numbers, and one that was killed leaves its file behind.
 */
static int last_replace(const char *path)
{
	char beside[PATH_MAX + 16];
	int err, fd;

	snprintf(beside, sizeof(beside), "%s.XXXXXX", path);
	fd = mkostemp(beside, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = last_fill(fd);
	if (!err && rename(beside, path))
		err = -errno;
	if (err)
		unlink(beside);
	return err;
}

static int last_write(const char *path)
{
	struct stat file;
	int fd;

	if (lstat(path, &file) || S_ISREG(file.st_mode))
		return last_replace(path);
	/* Where nobody reads a pipe, its opening waits for nobody. */
	fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd >= 0)
		fcntl(fd, F_SETFL, 0);
	return last_fill(fd);
}

static void *last_main(void *arg)
{
	char path[PATH_MAX];
	int err = path_make(path, sizeof(path));

	(void)arg;
	if (!err)
		err = last_write(path);
	if (err)
		tmem_log(TMEM_LOG_ERROR, "TMEM_SNAPSHOT=%s: %s", last.path,
			 strerrordesc_np(-err));
	return NULL;
}

static bool last_wanted(void)
{
	return last.pid && (last.each || last.pid == getpid());
}

/* Where no thread can be made, by ourselves. */
__attribute__((destructor)) static void last_end(void)
{
	const uint32_t ms = atomic_load(&tmem_last_patience_ms);
	struct timespec until;
	pthread_t thread;
	sigset_t all, before;
	int err;

	if (!last_wanted())
		return;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = tmem_worker_threadless() ||
	      pthread_create(&thread, NULL, last_main, NULL);
	if (err)
		last_main(NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (err)
		return;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_timedjoin_np(thread, NULL, &until);
}
