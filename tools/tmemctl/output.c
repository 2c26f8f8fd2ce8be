// SPDX-License-Identifier: GPL-2.0-only
/*
 * output - a file that a command writes, whole or not at all.
 *
 * A disk is full when a snapshot is wanted most; half a file, or the loss of
 * the one before, would make that worse.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "output.h"
#include "say.h"

/* stdio forgets why a write failed. */
static ssize_t put(void *cookie, const char *data, size_t bytes)
{
	struct output *output = cookie;
	size_t done = 0;
	ssize_t n;

	while (done < bytes) {
		n = write(output->fd, data + done, bytes - done);
		if (n >= 0) {
			done += (size_t)n;
		} else if (errno != EINTR) {
			output->error = output->error ? output->error : errno;
			return 0;
		}
	}
	return (ssize_t)done;
}

static int finish(void *cookie)
{
	struct output *output = cookie;

	if (close(output->fd) && !output->error)
		output->error = errno;
	return 0;
}

/* What the file is called until it is whole. */
static bool name_temp(struct output *output)
{
	int length = snprintf(output->temp, sizeof(output->temp), "%s.%d.tmp",
			      output->name, (int)getpid());

	if (length < (int)sizeof(output->temp))
		return true;
	output->temp[0] = 0;
	errno = ENAMETOOLONG;
	return false;
}

static int create(struct output *output)
{
	struct stat st;
	int fd;

	/* Pipes and devices are there already, and stay. */
	if (!stat(output->name, &st) && !S_ISREG(st.st_mode))
		return open(output->name, O_WRONLY | O_CLOEXEC);
	if (!name_temp(output))
		return -1;
	fd = open(output->temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0)
		output->temp[0] = 0;
	return fd;
}

bool output_open(struct output *output, const char *name)
{
	const cookie_io_functions_t calls = { .write = put, .close = finish };

	memset(output, 0, sizeof(*output));
	output->name = name;
	output->file = stdout;
	if (!name)
		return true;
	output->fd = create(output);
	output->file = output->fd < 0 ? NULL : fopencookie(output, "w", calls);
	if (output->file)
		return true;
	say("cannot write %s: %s", name, strerror(errno));
	return false;
}

/* main() looks after standard output. */
bool output_close(struct output *output, bool good)
{
	if (!output->name)
		return good;
	if (fclose(output->file) && !output->error)
		output->error = errno;
	good = good && !output->error;
	if (good && *output->temp && rename(output->temp, output->name)) {
		output->error = errno;
		good = false;
	}
	if (!good && *output->temp)
		unlink(output->temp);
	if (output->error)
		say("cannot write %s: %s", output->name,
		    strerror(output->error));
	return good;
}
