/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What tmem_init() and the environment ask for, checked and merged.
 */
#ifndef TMEM_CORE_SETTINGS_H
#define TMEM_CORE_SETTINGS_H

#include <stdbool.h>
#include <tmem/config.h>

enum tmem_settings_analytics {
	TMEM_SETTINGS_ANALYTICS_OFF,
	TMEM_SETTINGS_ANALYTICS_ON,
	TMEM_SETTINGS_ANALYTICS_ALL,
};

struct tmem_settings {
	enum tmem_backend backend;
	enum tmem_numa numa;
	uint64_t nodes;
	enum tmem_strategy strategy;
	enum tmem_fork fork;
	bool gc_off;
	bool monitor; /* the environment alone says so */
	unsigned int optimizer; /* so does it; 0: off, else strategy + 1 */
	uint32_t debug;
	enum tmem_settings_analytics analytics;
	uint64_t max_bytes;
};

/*
 * Merge a configuration (may be NULL) with the environment.  0, or -EINVAL
 * with a line to the log.  Pure but for getenv().
 */
int tmem_settings_make(struct tmem_settings *settings,
		       const struct tmem_config *config);

/* Parse "local", "bind:0,2-3" ...; false if it is not such. */
bool tmem_numa_parse(const char *text, enum tmem_numa *numa, uint64_t *nodes);

/* "512M" and the like; false if it is not such. */
bool tmem_bytes_parse(const char *text, uint64_t *bytes);

/* A policy with its mask makes sense (existence of nodes apart). */
bool tmem_numa_valid(enum tmem_numa numa, uint64_t nodes);

/* Copy a caller's structure of struct_size bytes; false if it is no size. */
bool tmem_struct_get(void *to, size_t size, const void *from);

/* Copy ours to a caller's, as much as both know. */
bool tmem_struct_put(void *to, const void *from, size_t size);

#endif /* TMEM_CORE_SETTINGS_H */
