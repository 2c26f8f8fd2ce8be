// SPDX-License-Identifier: GPL-2.0-only
/*
 * peer - a question to a running program, and its answer.
 *
 * The other side may be anything, also something that dies at any moment: an
 * answer is believed when it has the length that it said.  Time is counted for
 * all of it: a byte now and then keeps nobody waiting.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "peer.h"
#include "peer_find.h"
#include "say.h"

#define PROTOCOL 1
#define HEAD 160
/* More than this is no answer. */
#define BYTES_MAX (1ULL << 30)

/*
 * struct ask - @patience_ms: for its first line, and once more for the rest;
 * that is over at @end_ns
 */
struct ask {
	pid_t pid;
	int fd;
	unsigned int patience_ms;
	uint64_t end_ns;
	char *why;
	size_t size;
	unsigned long long bytes;
};

__attribute__((format(printf, 3, 4))) static int
ask_failed(struct ask *ask, int err, const char *format, ...)
{
	char what[256];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	snprintf(ask->why, ask->size, "process %d %s", (int)ask->pid, what);
	return err;
}

static int ask_lost(struct ask *ask, int error)
{
	if (error == ETIMEDOUT)
		return ask_failed(ask, -ETIMEDOUT,
				  "has not answered for %g seconds",
				  ask->patience_ms / 1000.0);
	if (kill(ask->pid, 0) && errno == ESRCH)
		return ask_failed(ask, -ESRCH, "has ended while it was asked");
	return ask_failed(ask, -ECONNRESET,
			  "broke off in the middle of its answer");
}

static void ask_begin(struct ask *ask)
{
	ask->end_ns = clock_ns() + ask->patience_ms * 1000000ull;
}

/* As recv(), but that errno ETIMEDOUT is the end of patience. */
static ssize_t ask_take(struct ask *ask, void *to, size_t bytes)
{
	struct pollfd p = { .fd = ask->fd, .events = POLLIN };
	uint64_t now;
	ssize_t n;

	for (;;) {
		now = clock_ns();
		if (now >= ask->end_ns) {
			errno = ETIMEDOUT;
			return -1;
		}
		n = recv(ask->fd, to, bytes, MSG_DONTWAIT);
		if (n >= 0 || (errno != EAGAIN && errno != EINTR))
			return n;
		poll(&p, 1, (int)((ask->end_ns - now) / 1000000) + 1);
	}
}

static int ask_send(struct ask *ask, const char *request)
{
	char line[256];
	int n = snprintf(line, sizeof(line), "%s\n", request);

	if (n < 0 || (size_t)n >= sizeof(line))
		return ask_failed(ask, -EMSGSIZE,
				  "cannot be asked that: it is too long");
	/* There is room for a line.  Who sends us away may do so before. */
	(void)!send(ask->fd, line, (size_t)n, MSG_NOSIGNAL);
	return 0;
}

/* Byte by byte: what follows the line is the answer. */
static int head_read(struct ask *ask, char *head)
{
	size_t used = 0;
	ssize_t n = 0;

	while (used < HEAD - 1) {
		n = ask_take(ask, head + used, 1);
		if (n <= 0 || head[used] == '\n')
			break;
		used++;
	}
	head[used] = '\0';
	if (n > 0)
		return 0;
	if (used || (n < 0 && errno == ETIMEDOUT) ||
	    (kill(ask->pid, 0) && errno == ESRCH))
		return ask_lost(ask, n < 0 ? errno : 0);
	return ask_failed(ask, -EACCES,
			  "refuses: it answers to its own user and to root");
}

static int head_check(struct ask *ask, const char *head)
{
	int version = 0, error = 0, at = 0;

	if (sscanf(head, "tmem %d", &version) != 1)
		return ask_failed(ask, -EPROTO, "gave no answer of libtmem's");
	if (version != PROTOCOL)
		return ask_failed(ask, -EPROTO,
				  "speaks version %d, this tool version %d",
				  version, PROTOCOL);
	if (sscanf(head, "tmem %*d error %d %n", &error, &at) == 1 && at)
		return ask_failed(ask, error > 0 ? -error : -EPROTO, "says: %s",
				  head + at);
	if (sscanf(head, "tmem %*d ok %llu%n", &ask->bytes, &at) == 1 && at &&
	    !head[at] && ask->bytes <= BYTES_MAX)
		return 0;
	return ask_failed(ask, -EPROTO, "gave no answer of libtmem's");
}

static int body_copy(struct ask *ask, FILE *to)
{
	char piece[65536];
	size_t want;
	ssize_t n;

	ask_begin(ask);
	while (ask->bytes) {
		want = ask->bytes < sizeof(piece) ? ask->bytes : sizeof(piece);
		n = ask_take(ask, piece, want);
		if (n <= 0)
			return ask_lost(ask, n < 0 ? errno : 0);
		ask->bytes -= (unsigned long long)n;
		if (fwrite(piece, (size_t)n, 1, to) != 1)
			return ask_failed(ask, -errno,
					  "cannot be heard out: %s",
					  strerror(errno));
	}
	if (fflush(to))
		return ask_failed(ask, -errno, "cannot be heard out: %s",
				  strerror(errno));
	rewind(to);
	return 0;
}

static FILE *body_make(void)
{
	int fd = memfd_create("tmemctl-answer", MFD_CLOEXEC);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w+");

	if (!file && fd >= 0)
		close(fd);
	return file;
}

static int ask_all(struct ask *ask, const char *request, FILE *to)
{
	char head[HEAD];
	int err = ask_send(ask, request);

	if (!err)
		err = head_read(ask, head);
	if (!err)
		err = head_check(ask, head);
	return err ? err : body_copy(ask, to);
}

int peer_try(pid_t pid, const char *request, unsigned int patience_ms,
	     FILE **answer, char *why, size_t size)
{
	struct ask ask = {
		.pid = pid,
		.patience_ms = patience_ms,
		.why = why,
		.size = size,
	};
	int err;

	ask_begin(&ask);
	ask.fd = peer_find(pid, ask.end_ns, why, size);
	if (ask.fd < 0)
		return ask.fd;
	*answer = body_make();
	if (*answer)
		err = ask_all(&ask, request, *answer);
	else
		err = ask_failed(&ask, -errno, "cannot be asked: %s",
				 strerror(errno));
	close(ask.fd);
	if (err && *answer)
		fclose(*answer);
	return err;
}

int peer_ask(pid_t pid, const char *request, FILE **answer)
{
	char why[320];
	int err = peer_try(pid, request, PEER_PATIENCE_MS, answer, why,
			   sizeof(why));

	if (err)
		say("%s", why);
	return err;
}

FILE *peer_snapshot(pid_t pid, bool records)
{
	FILE *answer;
	int err = peer_ask(pid, records ? "snapshot records" : "snapshot",
			   &answer);

	if (!err)
		return answer;
	errno = -err;
	return NULL;
}
