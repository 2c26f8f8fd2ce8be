// SPDX-License-Identifier: GPL-2.0-only
/*
 * peer_find - the socket of a process.
 *
 * A name is only where to look.  Where process numbers are another namespace's
 * the name has another number in it, and a stranger may sit on any name; so
 * all sockets that have such a name are candidates, and the one counts whose
 * owner is the process, as the kernel says.  Strangers may also fill the queues
 * of theirs: no name is waited for but one with the right number.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "clock.h"
#include "pages.h"
#include "peer_find.h"

#define PREFIX "tmem/"
#define AGAIN_US 10000

struct name {
	char text[PEER_NAME];
};

/* Listening sockets of such names, without the '@'; "" on an error. */
static int names_read(struct vec *names)
{
	FILE *file = fopen("/proc/net/unix", "re");
	char line[512], *name;

	*names = (struct vec){ .item = sizeof(struct name) };
	if (!file)
		return -errno;
	while (fgets(line, sizeof(line), file)) {
		name = strstr(line, " @" PREFIX);
		if (!name)
			continue;
		name += 2;
		name[strcspn(name, "\n")] = '\0';
		if (strlen(name) >= PEER_NAME - 1 || !vec_add(names))
			continue;
		strcpy(((struct name *)names->data)[names->used - 1].text,
		       name);
	}
	fclose(file);
	return 0;
}

/* Connected, or -errno; -EAGAIN: its queue is full. */
static int name_connect(const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t length = strlen(name);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0),
	    err;

	if (fd < 0)
		return -errno;
	memcpy(address.sun_path + 1, name, length);
	if (!connect(fd, (struct sockaddr *)&address,
		     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
				 length)))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

static struct ucred owner_of(int fd)
{
	struct ucred owner = { .pid = 0, .uid = (uid_t)-1 };
	socklen_t size = sizeof(owner);

	getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &owner, &size);
	return owner;
}

static bool owner_is_ours(const struct ucred *owner)
{
	return !geteuid() || !owner->uid || owner->uid == geteuid();
}

/* --- one process ---------------------------------------------------------- */

/*
 * struct search - @stranger: a process that sits on a name of the one asked
 * for; @foreign: that one is another user's; @full: the queue of one with the
 * right number is
 */
struct search {
	pid_t pid;
	struct ucred stranger;
	bool foreign;
	bool full;
	int fd;
};

static bool name_is_for(const char *name, pid_t pid)
{
	char *end;

	return strtol(name + strlen(PREFIX), &end, 10) == pid &&
	       (!*end || *end == '.');
}

static void search_try(struct search *search, const char *name)
{
	int fd = name_connect(name);
	struct ucred owner;

	if (fd == -EAGAIN && name_is_for(name, search->pid))
		search->full = true;
	if (fd < 0)
		return;
	owner = owner_of(fd);
	if (owner.pid == search->pid && owner_is_ours(&owner)) {
		search->fd = fd;
		return;
	}
	if (owner.pid == search->pid)
		search->foreign = true;
	else if (name_is_for(name, search->pid))
		search->stranger = owner;
	close(fd);
}

/* Those that have its number first; @others: then all. */
static void search_names(struct search *search, const struct vec *names,
			 bool others)
{
	const struct name *name = names->data;
	size_t i;

	for (i = 0; i < names->used && search->fd < 0; i++)
		if (name_is_for(name[i].text, search->pid) != others)
			search_try(search, name[i].text);
}

static void search_all(struct search *search, const struct vec *names,
		       uint64_t end_ns)
{
	search_names(search, names, false);
	search_names(search, names, true);
	while (search->fd < 0 && search->full && clock_ns() < end_ns) {
		usleep(AGAIN_US);
		search->full = false;
		search_names(search, names, false);
	}
}

static bool same_net(pid_t pid)
{
	struct stat ours, theirs;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	return stat("/proc/self/ns/net", &ours) || stat(path, &theirs) ||
	       ours.st_ino == theirs.st_ino;
}

static int search_failed(const struct search *search, char *why, size_t size)
{
	int pid = (int)search->pid;

	if (search->foreign) {
		snprintf(why, size, "process %d belongs to another user", pid);
		return -EACCES;
	}
	if (kill(search->pid, 0) && errno == ESRCH) {
		snprintf(why, size, "there is no process %d", pid);
		return -ESRCH;
	}
	if (!same_net(search->pid)) {
		snprintf(why, size,
			 "process %d is in another network namespace: 'nsenter "
			 "--net --target %d tmemctl ...' reaches it",
			 pid, pid);
		return -ENONET;
	}
	if (search->full) {
		snprintf(why, size,
			 "process %d takes in nobody: the queue of its socket "
			 "is full",
			 pid);
		return -ETIMEDOUT;
	}
	if (search->stranger.pid) {
		snprintf(why, size,
			 "process %d of user %u has taken the name of process "
			 "%d, which does not answer",
			 (int)search->stranger.pid, search->stranger.uid, pid);
		return -EACCES;
	}
	snprintf(why, size,
		 "process %d does not answer: it does not use libtmem, or not "
		 "yet, or was started without TMEM_CONTROL=on",
		 pid);
	return -ENOENT;
}

int peer_find(pid_t pid, uint64_t end_ns, char *why, size_t size)
{
	struct search search = { .pid = pid, .fd = -1 };
	struct vec names;
	int err = names_read(&names);

	if (err) {
		snprintf(why, size, "/proc/net/unix: %s", strerror(-err));
		return err;
	}
	search_all(&search, &names, end_ns);
	vec_free(&names);
	return search.fd >= 0 ? search.fd : search_failed(&search, why, size);
}

/* --- all of them ---------------------------------------------------------- */

int peer_list(void (*each)(pid_t pid, uid_t uid, void *arg), void *arg)
{
	struct ucred owner;
	struct vec names;
	int err = names_read(&names), fd;
	size_t i;

	for (i = 0; i < names.used; i++) {
		fd = name_connect(((struct name *)names.data)[i].text);
		if (fd < 0)
			continue;
		owner = owner_of(fd);
		close(fd);
		if (owner.pid && owner_is_ours(&owner))
			each(owner.pid, owner.uid, arg);
	}
	vec_free(&names);
	return err;
}
