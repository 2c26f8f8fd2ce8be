/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The one monitor of the process, as its parts see it.
 *
 * Its lock is a leaf: nothing is called with it held.  The thread looks at the
 * world, tells the collector and calls listeners without it.
 */
#ifndef TMEM_MONITOR_MONITOR_H
#define TMEM_MONITOR_MONITOR_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "core/fd.h"
#include "core/worker.h"
#include "gc/gc.h"
#include "monitor/inputs.h"
#include "monitor/react.h"
#include "monitor/ring.h"
#include "monitor/trend.h"
#include "monitor/watch.h"

struct tmem_listener {
	tmem_monitor_fn fn; /* NULL: free */
	void *ctx;
	enum tmem_level level;
	int number;
};

/*
 * What the environment says of the service manager, as it was at the start: the
 * thread does not read an environment that the program may be changing.
 */
struct tmem_manager_word {
	bool watch_set, write_set;
	char watch[TMEM_CGROUP_PATH];
	char write[6144]; /* base64 */
};

/* What wakes the thread up; its own, but for the child of a fork. */
struct tmem_wakers {
	struct tmem_fd system, group; /* PSI triggers */
	struct tmem_watch watch;
	char group_path[TMEM_CGROUP_PATH + 32]; /* what group is of */
	uint64_t retry_ns; /* what is missing is tried again then */
	uint64_t burst_ns; /* when the first of so many events came */
	unsigned int burst;
	bool resting; /* the present wait is for none of them */
	uint64_t due_ns; /* of the next look */
};

struct tmem_monitor {
	struct tmem_worker worker; /* its lock guards all down to caller */
	bool wanted; /* by the environment, at the next occasion */
	struct tmem_monitor_config config;
	struct tmem_manager_word manager;
	struct tmem_monitor_sample last; /* time_ns 0: none */
	struct tmem_monitor_stats stats;
	struct tmem_ring ring;
	struct tmem_trend trend;
	struct tmem_score score;
	struct tmem_events events;
	struct tmem_listener listener[TMEM_MONITOR_LISTENERS];
	int numbers; /* of listeners, that were given */
	int calling; /* number of the one that runs; 0: none */
	pthread_t caller; /* on this thread */

	/* The thread's own. */
	struct tmem_wakers wakers;
	struct tmem_inputs inputs;
	struct tmem_react react;
	uint64_t manager_until_ns; /* the service manager's word counts */
};

extern struct tmem_monitor tmem_monitor;

/* What has come of a wait. */
struct tmem_monitor_woken {
	struct tmem_inputs_fired fired;
	bool manager; /* the service manager says that there is pressure */
	bool any; /* of them, or the module */
	uint64_t event_ns; /* when, if any */
};

/* A part of the library that hears of each event, before listeners; or NULL. */
extern _Atomic(void (*)(enum tmem_level level)) tmem_monitor_hook;

/* config.c: what was asked for, with the defaults filled in; 0 or -EINVAL. */
int tmem_monitor_config_make(struct tmem_monitor_config *to,
			     const struct tmem_monitor_config *from);

/* wait.c: the thread's. */
void tmem_wakers_open(struct tmem_monitor *m);
void tmem_wakers_close(struct tmem_monitor *m);
/* Try again what is missing, and follow the process to its cgroup. */
void tmem_wakers_renew(struct tmem_monitor *m, uint64_t now_ns);
/* true: to be followed by a look. */
bool tmem_wakers_take(struct tmem_monitor *m,
		      const struct tmem_worker_wait *wait,
		      struct tmem_monitor_woken *woken);
void tmem_wakers_ask(struct tmem_monitor *m, struct tmem_worker_wait *wait);

/* look.c: look, tell the collector, call listeners. */
void tmem_monitor_step(struct tmem_monitor *m,
		       const struct tmem_monitor_woken *woken);

/* The collector's answer: what came of an event. */
void tmem_monitor_answer(uint64_t number,
			 const struct tmem_gc_outcome *outcome);

/* The worker's clock. */
uint64_t tmem_monitor_now_ns(void);

/*
 * The environment asks for a monitor: it is started by the next call that
 * comes by tmem_monitor_come_by(), for a thread cannot be made everywhere.
 */
void tmem_monitor_want(void);
void tmem_monitor_come_by(void);

/*
 * For those who show a level.  The monitor's last one, or one that is measured
 * now, without the module: that costs some file reads, and no allocation.
 * false: the monitor does not run, or has no figure.
 */
bool tmem_monitor_level(enum tmem_level *level);
bool tmem_monitor_level_look(enum tmem_level *level);

/* From the next start on (tests): a folder that stands for "/", or NULL. */
void tmem_monitor_use(const char *host);

/* The one that is looked at now. */
const char *tmem_monitor_host(void);

#endif /* TMEM_MONITOR_MONITOR_H */
