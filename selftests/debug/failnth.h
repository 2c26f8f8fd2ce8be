/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the parts of failnth share: a call that faults are injected into, and
 * the list of all calls.
 */
#ifndef TMEM_FAILNTH_H
#define TMEM_FAILNTH_H

#include <stddef.h>

/**
 * struct fn_call - a call under test
 * @name:   for people, and to select it
 * @before: makes what the call needs; no faults.  0 or -errno
 * @call:   the call; one of its allocations fails.  0 or -errno
 * @after:  undoes both, and asks what has to be true whether the call failed
 *          or not.  Returns NULL, or what is wrong
 * @without: returns NULL, or why this module cannot do the call
 */
struct fn_call {
	const char *name;
	int (*before)(void);
	int (*call)(void);
	const char *(*after)(void);
	const char *(*without)(void);
};

extern const struct fn_call fn_calls[];
extern const size_t fn_nr_calls;

/* failnth_netlink.c: dump and do requests of the family "tmem". */
int fn_netlink_open(void);
int fn_netlink_dump_arenas(void);
int fn_netlink_dump_nodes(void);
int fn_netlink_pressure(void);
const char *fn_netlink_close(void);
const char *fn_netlink_without(void);

/* failnth_module.c: load and unload. */
int fn_module_before(void);
int fn_module_load(void);
const char *fn_module_after(void);

/* What every call has to leave as it was. */
struct fn_state {
	long arenas;
	long references;
	int next_fd;
};
void fn_state_read(struct fn_state *state);

#endif /* TMEM_FAILNTH_H */
