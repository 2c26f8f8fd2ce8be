/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What would help, as a pure function of what is known: no clock, no file, no
 * lock.  advice_get.c, _host.c, _place.c and _equal.c find out what is known.
 *
 * Rules stand in advice_limits.c (what may be taken), advice_waste.c (what is
 * held for nothing), advice_pages.c (what is behind it) and advice_program.c
 * (what the program does).  A rule says nothing where a figure it needs is not
 * known, or where what it would advise is in force.
 */
#ifndef TMEM_MANAGER_ADVICE_H
#define TMEM_MANAGER_ADVICE_H

#include <stdbool.h>
#include <stdint.h>
#include <tmem/analytics.h>
#include <tmem/gc.h>
#include <tmem/health.h>
#include <tmem/monitor.h>
#include <tmem/pool.h>
#include <tmem/pressure.h>
#include <tmem/tensor.h>

/* Less than that is not worth a word. */
#define TMEM_ADVICE_MUCH ((uint64_t)64 << 20)

/*
 * struct tmem_advice_host - what the machine says; "" and 0 where it does not
 * @thp, @thp_defrag: the chosen words of transparent_hugepage
 * @thp_denied:  the process has switched huge pages off for itself
 * @device:      0: /dev/tmem may be used; -ENOENT and so on
 * @maps, @max_maps: mappings of the process, and how many it may have
 * @swapped:     bytes of the process in swap
 * @swappiness:  of the machine; UINT64_MAX: not known
 * @swap_file:   the own cgroup's limit of swap, if it allows any
 * @limit_file:  the file that has tmem_monitor_sample.cgroup_limit
 */
struct tmem_advice_host {
	char thp[16];
	char thp_defrag[16];
	bool thp_denied;
	int device;
	uint64_t maps;
	uint64_t max_maps;
	uint64_t swapped;
	uint64_t swappiness;
	char swap_file[128];
	char limit_file[128];
};

/*
 * struct tmem_advice_env - what the environment had to say when the program
 * began.  A variable that says nothing is no knob where the program said it.
 * @backend_anon: TMEM_BACKEND=anon
 * @monitor, @analytics: switched on there
 * The others: there is such a variable.
 */
struct tmem_advice_env {
	bool backend_anon;
	bool monitor;
	bool analytics;
	bool gc;
	bool decay;
	bool strategy;
	bool max_bytes;
	bool debug;
};

/*
 * struct tmem_advice_inputs - all that is known
 * @pid:       our number
 * @dev:       backend dev
 * @strategy:  of the default pool
 * @guard:     guard mode is on
 * @interleave: spans of one block come from several nodes by intention
 * @asked:     the control socket is there
 * @handles:   movable blocks
 * @max_bytes: limit of all pools together; UINT64_MAX: none
 * @equal, @equal_bytes: blocks that look the same as another one
 * @failures:  requests refused lately; stats.failures has all
 * @off_node:  bytes that are on another node than they were asked for on
 * @leaks, @leaked: sites that leak, and their live bytes
 * @worst, @worst_name: the one with the most, and a name for it
 * @monitor:   it runs, or will at the next occasion
 * @sample:    its last look, or ours
 * @nodes, @n_nodes: the module's word on the nodes
 */
struct tmem_advice_inputs {
	int pid;
	bool dev;
	bool guard;
	bool interleave;
	bool asked;
	bool monitor;
	struct tmem_advice_env env;
	enum tmem_strategy strategy;
	uint32_t handles;
	uint32_t leaks;
	uint32_t n_nodes;
	uint32_t equal;
	uint64_t max_bytes;
	uint64_t off_node;
	uint64_t leaked;
	uint64_t equal_bytes;
	double failures;
	struct tmem_stats stats;
	struct tmem_residency residency;
	struct tmem_gc_config gc;
	struct tmem_gc_stats gc_stats;
	struct tmem_monitor_sample sample;
	struct tmem_analytics_config analytics;
	struct tmem_analytics_stats analytics_stats;
	struct tmem_tensor_stats tensors;
	struct tmem_leak worst;
	char worst_name[64];
	struct tmem_advice_host host;
	struct tmem_node_info nodes[TMEM_NODES_MAX];
};

/* All that applies, ranked; how many, TMEM_ADVICE_MAX at most. */
uint32_t tmem_advice_of(const struct tmem_advice_inputs *inputs,
			struct tmem_advice advice[TMEM_ADVICE_MAX]);

/*
 * A rule: false, or it fills severity, text and command.  (id is the table's.)
 */
struct tmem_advice_rule {
	const char *id;
	bool (*applies)(const struct tmem_advice_inputs *in,
			struct tmem_advice *advice);
};

extern const struct tmem_advice_rule tmem_advice_limits[];
extern const struct tmem_advice_rule tmem_advice_waste[];
extern const struct tmem_advice_rule tmem_advice_pages[];
extern const struct tmem_advice_rule tmem_advice_program[];

/* Helpers of rules. */

/* A limit of all pools, and the default strategy. */
void tmem_advice_max_bytes(const struct tmem_advice_inputs *in,
			   struct tmem_advice *advice, unsigned long long mib);
void tmem_advice_adaptive(const struct tmem_advice_inputs *in,
			  struct tmem_advice *advice);

__attribute__((format(printf, 2, 3))) void
tmem_advice_text(struct tmem_advice *advice, const char *format, ...);
__attribute__((format(printf, 2, 3))) void
tmem_advice_command(struct tmem_advice *advice, const char *format, ...);

/* "12.3 MiB" */
struct tmem_advice_size {
	char text[24];
};
struct tmem_advice_size tmem_advice_bytes(uint64_t bytes);

/* Hundredths, rounded down; of nothing: 0. */
unsigned int tmem_advice_percent(uint64_t part, uint64_t whole);

/* Hundredths of a ratio, which may be anything. */
unsigned int tmem_advice_ratio(double ratio);

/* Bytes of idle spans, and free ones beside live blocks. */
uint64_t tmem_advice_idle(const struct tmem_advice_inputs *in);
uint64_t tmem_advice_between(const struct tmem_advice_inputs *in);

/*
 * advice_place.c: mapped, pmd_mapped, vmas, resident, and by a sample the bytes
 * that are on another node than they were asked for on; nodes_exact: the kernel
 * has said so.
 */
void tmem_advice_place(struct tmem_residency *residency, uint64_t *off_node);

/*
 * advice_equal.c: large blocks that look the same as one more, which is not
 * counted.
 */
void tmem_advice_equal(uint32_t *blocks, uint64_t *bytes);

/* advice_host.c; @cgroup_limit: whose file is looked for */
void tmem_advice_host_look(struct tmem_advice_host *to, const char *host,
			   uint64_t cgroup_limit);

#endif /* TMEM_MANAGER_ADVICE_H */
