/* SPDX-License-Identifier: GPL-2.0-only */
/* What the module says of the machine: pressure, limits, recall, nodes. */
#ifndef TMEMCTL_VIEW_H
#define TMEMCTL_VIEW_H

#include <stdbool.h>
#include <stdint.h>
#include <tmem/pressure.h>

#include "pools.h"

#define VIEW_RECALLS 7

/*
 * struct view - each part is there or not: the device may be closed to this
 * process, netlink or /sys may not be there
 * @known:    @now is set, from the status page if there is one, else from
 *            netlink
 * @status:   copy of the status page, or NULL
 * @pools:    by netlink, else from the status page: pool_low is 0 then, and
 *            all counts, and @pools_whole is false
 * @limited:  the limits are known, in bytes; UINT64_MAX: none
 * @arenas:   of all users, with @resident bytes
 * @recalls:  counters of spans and calls, see view_recalls; if @recalled
 */
struct view {
	bool known;
	struct tmem_pressure_event now;
	struct tmem_status *status;
	struct pools pools;
	bool pools_whole;
	bool limited;
	uint64_t max_bytes;
	uint64_t max_user_bytes;
	uint64_t arenas;
	uint64_t resident;
	bool recalled;
	uint64_t recalls[VIEW_RECALLS];
};

/* The counters' names, as in sysfs and in JSON. */
enum {
	VIEW_SCANNED,
	VIEW_PURGED,
	VIEW_BUSY,
	VIEW_PINNED,
	VIEW_ABSENT,
	VIEW_OOM_CALLS,
	VIEW_OOM_PURGED,
};
extern const char *const view_recalls[VIEW_RECALLS];

/* view_take() - ask for all of it.  To be given to view_free(). */
void view_take(struct view *view);
void view_free(struct view *view);

#endif /* TMEMCTL_VIEW_H */
