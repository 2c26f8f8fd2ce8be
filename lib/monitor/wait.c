// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What the monitor's thread waits for.
 *
 * A source that breaks is not waited for any more, so that it cannot wake the
 * thread for ever, and is tried again later; the looks go on without it.  Some
 * programs close every descriptor that they find: then the number may belong to
 * another file, and is forgotten, not read or closed (core/fd.h).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "core/log.h"
#include "monitor/monitor.h"

#define RETRY_NS 10000000000ull
/* More events than that in a second are taken in turn with rests. */
#define BURST_EVENTS 100u
#define BURST_NS 1000000000ull
#define BURST_REST_MS 20
/*
 * The longest wait: the program may close the worker's wake descriptor
 * meanwhile, and then a stop takes as long.
 */
#define ASLEEP_MS 2000

enum { WAIT_SYSTEM, WAIT_GROUP, WAIT_MANAGER, WAIT_MODULE, WAITS };

/* To be polled; -1 if the number is not the library's any more. */
static int fd_polled(struct tmem_fd *fd)
{
	if (!tmem_fd_ours(fd))
		fd->fd = -1;
	return fd->fd;
}

/* Which resources have a descriptor. */
static void wakers_count(struct tmem_monitor *m)
{
	struct tmem_wakers *w = &m->wakers;
	uint32_t sources = 0;

	if (w->system.fd >= 0)
		sources |= 1u << TMEM_RESOURCE_STALL;
	if (w->group.fd >= 0)
		sources |= 1u << TMEM_RESOURCE_CGROUP_STALL;
	if (w->watch.file.fd >= 0)
		sources |= 1u << TMEM_RESOURCE_MANAGER;
	if (tmem_module_fd(&m->inputs.module) >= 0)
		sources |= 1u << TMEM_RESOURCE_MODULE;
	pthread_mutex_lock(&m->worker.lock);
	m->stats.sources = sources;
	pthread_mutex_unlock(&m->worker.lock);
}

/* A host that is made up has none. */
static void module_open(struct tmem_monitor *m)
{
	if (!*m->inputs.host)
		tmem_module_open(&m->inputs.module);
}

static void watch_open(struct tmem_monitor *m, bool first)
{
	const struct tmem_manager_word *word = &m->manager;
	int err = tmem_watch_open(&m->wakers.watch,
				  word->watch_set ? word->watch : NULL,
				  word->write_set ? word->write : NULL);

	if (!err)
		return;
	pthread_mutex_lock(&m->worker.lock);
	m->stats.errors++;
	pthread_mutex_unlock(&m->worker.lock);
	if (first)
		tmem_log(TMEM_LOG_WARN,
			 "MEMORY_PRESSURE_WATCH cannot be watched: error %d",
			 -err);
}

/* What only stands where the kernel's file should would be written over. */
static int trigger_open(const char *path)
{
	struct statfs fs;

	if (statfs(path, &fs) ||
	    (fs.f_type != PROC_SUPER_MAGIC && fs.f_type != CGROUP2_SUPER_MAGIC))
		return -1;
	return tmem_psi_trigger(path);
}

/* "Do not watch" is meant for everything of this kind. */
static void system_open(struct tmem_monitor *m)
{
	char path[TMEM_CGROUP_PATH];

	if (m->wakers.watch.off || m->wakers.system.fd >= 0)
		return;
	snprintf(path, sizeof(path), "%s/proc/pressure/memory", m->inputs.host);
	tmem_fd_set(&m->wakers.system, trigger_open(path));
}

/* The process may have been moved since. */
static void group_open(struct tmem_monitor *m)
{
	struct tmem_wakers *w = &m->wakers;
	char path[sizeof(w->group_path)] = "";

	if (w->watch.off)
		return;
	tmem_inputs_group_psi(&m->inputs, path, sizeof(path));
	if (w->group.fd >= 0 && !strcmp(path, w->group_path))
		return;
	tmem_fd_close(&w->group);
	memcpy(w->group_path, path, sizeof(path));
	if (*path)
		tmem_fd_set(&w->group, trigger_open(path));
}

void tmem_wakers_open(struct tmem_monitor *m)
{
	struct tmem_wakers *w = &m->wakers;

	w->system.fd = w->group.fd = -1;
	w->group_path[0] = '\0';
	w->burst = 0;
	w->resting = false;
	w->due_ns = 0;
	w->retry_ns = tmem_monitor_now_ns() + RETRY_NS;
	watch_open(m, true);
	module_open(m);
	system_open(m);
	wakers_count(m);
}

void tmem_wakers_close(struct tmem_monitor *m)
{
	tmem_fd_close(&m->wakers.system);
	tmem_fd_close(&m->wakers.group);
	tmem_watch_close(&m->wakers.watch);
	tmem_module_close(&m->inputs.module);
}

void tmem_wakers_renew(struct tmem_monitor *m, uint64_t now_ns)
{
	struct tmem_wakers *w = &m->wakers;
	char path[sizeof(w->group_path)] = "";
	bool due;

	/* A clock that went back does not put it off for longer. */
	due = now_ns >= w->retry_ns || w->retry_ns - now_ns > RETRY_NS;
	tmem_inputs_group_psi(&m->inputs, path, sizeof(path));
	if (!due && !strcmp(path, w->group_path))
		return;
	if (due && w->watch.file.fd < 0 && w->watch.asked)
		watch_open(m, false);
	if (due && tmem_module_fd(&m->inputs.module) < 0)
		module_open(m);
	if (due)
		w->retry_ns = now_ns + RETRY_NS;
	system_open(m);
	group_open(m);
	wakers_count(m);
}

/*
 * true: it has fired.  A group that is gone says so by POLLERR, beside POLLPRI,
 * for ever; what will never fire again is given up.
 */
static bool psi_took(struct tmem_fd *fd, short revents)
{
	bool fired = revents & POLLPRI && !(revents & POLLERR);

	if (revents && !fired)
		tmem_fd_close(fd);
	return fired;
}

static void module_took(struct tmem_monitor *m, short revents,
			struct tmem_monitor_woken *woken)
{
	uint64_t when;

	if (!revents || tmem_module_fd(&m->inputs.module) < 0)
		return;
	if (!(revents & POLLIN)) {
		tmem_module_close(&m->inputs.module);
		return;
	}
	when = tmem_module_drain(&m->inputs.module);
	woken->any = true;
	if (when && when < woken->event_ns)
		woken->event_ns = when;
}

static void burst_count(struct tmem_wakers *w, uint64_t now_ns)
{
	if (now_ns < w->burst_ns || now_ns - w->burst_ns > BURST_NS) {
		w->burst_ns = now_ns;
		w->burst = 0;
	}
	w->burst++;
}

static bool burst_goes_on(const struct tmem_wakers *w, uint64_t now_ns)
{
	return w->burst > BURST_EVENTS && now_ns >= w->burst_ns &&
	       now_ns - w->burst_ns <= BURST_NS;
}

static void wakers_fired(struct tmem_monitor *m,
			 const struct tmem_worker_wait *wait,
			 struct tmem_monitor_woken *woken)
{
	struct tmem_wakers *w = &m->wakers;

	woken->fired.system =
		psi_took(&w->system, wait->fds[WAIT_SYSTEM].revents);
	woken->fired.group = psi_took(&w->group, wait->fds[WAIT_GROUP].revents);
	woken->manager =
		tmem_watch_fired(&w->watch, wait->fds[WAIT_MANAGER].revents);
	module_took(m, wait->fds[WAIT_MODULE].revents, woken);
	woken->any |= woken->fired.system || woken->fired.group ||
		      woken->manager;
	if (woken->any)
		burst_count(w, woken->event_ns);
	pthread_mutex_lock(&m->worker.lock);
	m->stats.wakeups++;
	m->stats.events_in += woken->any;
	pthread_mutex_unlock(&m->worker.lock);
}

bool tmem_wakers_take(struct tmem_monitor *m,
		      const struct tmem_worker_wait *wait,
		      struct tmem_monitor_woken *woken)
{
	uint64_t now = tmem_monitor_now_ns();
	bool due = now >= m->wakers.due_ns;
	unsigned int i;

	*woken = (struct tmem_monitor_woken){ .event_ns = now };
	/* What came during a rest is there still. */
	if (m->wakers.resting)
		return false;
	for (i = 0; i < wait->count; i++)
		due |= !!wait->fds[i].revents;
	if (due && wait->count)
		wakers_fired(m, wait, woken);
	return due;
}

void tmem_wakers_ask(struct tmem_monitor *m, struct tmem_worker_wait *wait)
{
	struct tmem_wakers *w = &m->wakers;
	uint64_t now = tmem_monitor_now_ns();
	int ms = w->due_ns > now ? tmem_worker_ms(w->due_ns - now) : 0;

	/* A peer that floods us costs a look after each rest. */
	w->resting = !w->resting && burst_goes_on(w, now);
	if (w->resting) {
		wait->count = 0;
		wait->timeout_ms = BURST_REST_MS;
		return;
	}
	wait->fds[WAIT_SYSTEM] = (struct pollfd){
		.fd = fd_polled(&w->system),
		.events = POLLPRI,
	};
	wait->fds[WAIT_GROUP] = (struct pollfd){
		.fd = fd_polled(&w->group),
		.events = POLLPRI,
	};
	wait->fds[WAIT_MANAGER] = (struct pollfd){
		.fd = fd_polled(&w->watch.file),
		.events = w->watch.events,
	};
	wait->fds[WAIT_MODULE] = (struct pollfd){
		.fd = tmem_module_fd(&m->inputs.module),
		.events = POLLIN,
	};
	wait->count = WAITS;
	wait->timeout_ms = ms < ASLEEP_MS ? ms : ASLEEP_MS;
}
