/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared by the tests of the control socket: a client, which trusts nothing,
 * and a look at the process from outside.
 */
#ifndef CONTROL_TEST_H
#define CONTROL_TEST_H

#include "heap_test.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

/*
 * In a network of its own, as far as that is allowed: a tmemctl that looks for
 * another process connects to all names that there are.
 */
__attribute__((constructor)) static void ct_alone(void)
{
	unshare(CLONE_NEWNET);
}

static inline unsigned int ct_fds_open(void)
{
	unsigned int n = 0;
	int fd;

	for (fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static inline bool ct_thread_is(const char *task)
{
	char path[300], comm[32];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%s/comm", task);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : read(fd, comm, sizeof(comm) - 1);
	if (fd >= 0)
		close(fd);
	comm[n > 0 ? n : 0] = '\0';
	return !strcmp(comm, "tmem-ctl\n");
}

/*
 * The library's thread: its id, or 0.  Without malloc(), for which
 * AddressSanitizer's child of a process with threads may wait for ever.
 */
static inline int ct_thread(void)
{
	_Alignas(struct dirent64) char entries[4096];
	int tasks = open("/proc/self/task", O_RDONLY | O_CLOEXEC), id = 0;
	const struct dirent64 *entry;
	ssize_t n, at;

	while ((n = getdents64(tasks, entries, sizeof(entries))) > 0)
		for (at = 0; at < n; at += entry->d_reclen) {
			entry = (const struct dirent64 *)(entries + at);
			if (ct_thread_is(entry->d_name))
				id = atoi(entry->d_name);
		}
	if (tasks >= 0)
		close(tasks);
	return id;
}

static inline socklen_t ct_address(struct sockaddr_un *address,
				   const char *name)
{
	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	memcpy(address->sun_path + 1, name, strlen(name));
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
			   strlen(name));
}

/* Connected, or -errno. */
static inline int ct_connect(const char *name)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), err;
	struct sockaddr_un address;
	socklen_t length = ct_address(&address, name);

	if (fd < 0)
		return -errno;
	if (!connect(fd, (struct sockaddr *)&address, length))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

/* As many bytes as come until the end, and a zero byte; or -errno. */
static inline ssize_t ct_read_all(int fd, char *text, size_t size)
{
	size_t used = 0;
	ssize_t n;

	while ((n = recv(fd, text + used, size - 1 - used, 0)) > 0)
		used += (size_t)n;
	text[used] = '\0';
	return n < 0 && !used ? -errno : (ssize_t)used;
}

/* The whole answer, head and all; bytes of it, or -errno. */
static inline ssize_t ct_ask(const char *name, const char *request, char *text,
			     size_t size)
{
	int fd = ct_connect(name);
	ssize_t n;

	text[0] = '\0';
	if (fd < 0)
		return fd;
	n = send(fd, request, strlen(request), MSG_NOSIGNAL);
	n = n < 0 ? -errno : ct_read_all(fd, text, size);
	close(fd);
	return n;
}

/* It is an answer, and as long as it says: where it begins; or NULL. */
static inline char *ct_body(char *text, ssize_t n)
{
	unsigned long long bytes;
	int head = 0;

	if (n <= 0 || sscanf(text, "tmem 1 ok %llu%n", &bytes, &head) != 1 ||
	    text[head] != '\n' || (unsigned long long)n != bytes + head + 1) {
		printf("# no answer: %zd bytes, %.60s\n", n, text);
		return NULL;
	}
	return text + head + 1;
}

/* The number behind "key": or -1. */
static inline long long ct_number(const char *json, const char *key)
{
	char word[64];
	const char *at;

	snprintf(word, sizeof(word), "\"%s\":", key);
	at = json ? strstr(json, word) : NULL;
	return at ? atoll(at + strlen(word)) : -1;
}

/* Is answered with the library's version. */
static inline bool ct_answers(const char *name)
{
	char text[512], *body;

	body = ct_body(text, ct_ask(name, "version\n", text, sizeof(text)));
	return body && strstr(body, "\"library\":\"" TMEM_VERSION "\"");
}

/* It is an error of that number. */
static inline bool ct_failed(const char *text, int error)
{
	char head[64];

	snprintf(head, sizeof(head), "tmem 1 error %d ", error);
	if (!strncmp(text, head, strlen(head)) &&
	    strchr(text, '\n') == text + strlen(text) - 1)
		return true;
	printf("# not error %d: %.60s\n", error, text);
	return false;
}

/* An answer of many times what a socket takes, while this lives. */
struct ct_large {
	void *block[8192];
	unsigned int n;
};

static inline bool ct_large_make(struct ct_large *large)
{
	struct tmem_analytics_config config = TMEM_ANALYTICS_INIT;

	tmem_analytics_get(&config);
	config.mode = TMEM_ANALYTICS_ON;
	config.interval_bytes = 0;
	if (tmem_analytics_set(&config))
		return false;
	for (large->n = 0; large->n < ARRAY_SIZE(large->block); large->n++) {
		large->block[large->n] = tmem_alloc(64);
		if (!large->block[large->n])
			return false;
	}
	return true;
}

static inline void ct_large_drop(struct ct_large *large)
{
	while (large->n)
		tmem_free(large->block[--large->n]);
}

#endif /* CONTROL_TEST_H */
