// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * An answer is put together in memory.  The large ones are written to a file
 * without a name, which is mapped and closed at once: while it is sent there is
 * no descriptor that a program could close under us.
 */
#define _GNU_SOURCE
#include "control/answer.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/server.h"

void tmem_control_answer_clear(struct tmem_control_answer *answer)
{
	answer->head_bytes = 0;
	answer->text_bytes = 0;
	answer->map = NULL;
	answer->map_bytes = 0;
}

void tmem_control_answer_add(struct tmem_control_answer *answer,
			     const char *format, ...)
{
	size_t room = sizeof(answer->text) - answer->text_bytes;
	va_list args;
	int n;

	if (answer->head_bytes)
		return; /* it has failed */
	va_start(args, format);
	n = vsnprintf(answer->text + answer->text_bytes, room, format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= room)
		tmem_control_answer_fail(answer, EMSGSIZE,
					 "the answer is too long");
	else
		answer->text_bytes += (size_t)n;
}

static void answer_head(struct tmem_control_answer *answer, size_t bytes)
{
	answer->head_bytes = (size_t)snprintf(answer->head,
					      sizeof(answer->head),
					      "tmem %d ok %zu\n",
					      TMEM_CONTROL_PROTOCOL, bytes);
}

void tmem_control_answer_end(struct tmem_control_answer *answer)
{
	if (!answer->head_bytes)
		answer_head(answer, answer->text_bytes);
}

void tmem_control_answer_fail(struct tmem_control_answer *answer, int error,
			      const char *format, ...)
{
	char why[112];
	va_list args;

	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	answer->text_bytes = 0;
	answer->head_bytes = (size_t)snprintf(
		answer->head, sizeof(answer->head), "tmem %d error %d %s\n",
		TMEM_CONTROL_PROTOCOL, error, why);
}

/* With the worker's lock held, so that a child knows of the mapping. */
static int answer_map(struct tmem_control_answer *answer, int fd)
{
	struct stat file;
	void *map;

	if (fstat(fd, &file))
		return -errno;
	if (!file.st_size)
		return -ENODATA;
	map = mmap(NULL, (size_t)file.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED)
		return -errno;
	answer->map = map;
	answer->map_bytes = (size_t)file.st_size;
	answer_head(answer, answer->map_bytes);
	return 0;
}

void tmem_control_answer_take(struct tmem_control_answer *answer,
			      int (*write)(int fd, unsigned int flags),
			      unsigned int flags)
{
	struct tmem_control_server *s = &tmem_control_server;
	int err;

	pthread_mutex_lock(&s->worker.lock);
	tmem_fd_set(&s->scratch, memfd_create("tmem-answer", MFD_CLOEXEC));
	err = s->scratch.fd < 0 ? -errno : 0;
	pthread_mutex_unlock(&s->worker.lock);
	if (!err)
		err = write(s->scratch.fd, flags);
	pthread_mutex_lock(&s->worker.lock);
	if (!err && !tmem_fd_ours(&s->scratch))
		err = -EBADF;
	if (!err)
		err = answer_map(answer, s->scratch.fd);
	tmem_fd_close(&s->scratch);
	pthread_mutex_unlock(&s->worker.lock);
	if (err)
		tmem_control_answer_fail(answer, -err,
					 "the snapshot cannot be made");
}

size_t tmem_control_answer_at(const struct tmem_control_answer *answer,
			      size_t offset, const char **at)
{
	size_t body = answer->map ? answer->map_bytes : answer->text_bytes;

	if (offset < answer->head_bytes) {
		*at = answer->head + offset;
		return answer->head_bytes - offset;
	}
	offset -= answer->head_bytes;
	*at = (answer->map ? answer->map : answer->text) + offset;
	return body - offset;
}

void tmem_control_answer_free(struct tmem_control_answer *answer)
{
	if (answer->map)
		munmap(answer->map, answer->map_bytes);
	tmem_control_answer_clear(answer);
}
