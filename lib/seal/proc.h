/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What /proc says of a process.
 */
#ifndef TMEM_SEAL_PROC_H
#define TMEM_SEAL_PROC_H

#include <stdbool.h>
#include <stdint.h>

/*
 * @pid:   of the process
 * @start: when it started, the low 32 bits of field 22 of /proc/PID/stat
 * @dead:  it is a zombie, and none of its threads is left
 */
struct tmem_proc_stat {
	uint32_t pid;
	uint32_t start;
	bool dead;
};

/* pid 0: this process.  false: cannot be read. */
bool tmem_proc_stat_get(uint32_t pid, struct tmem_proc_stat *stat);

/* A number that is the same in all processes of one namespace; 0: unknown. */
uint64_t tmem_proc_namespace(const char *name);

enum tmem_proc_answer { TMEM_PROC_NO, TMEM_PROC_YES, TMEM_PROC_UNKNOWN };

/* Has the process a mapping of the file behind fd? */
enum tmem_proc_answer tmem_proc_maps_file(uint32_t pid, int fd);

#endif /* TMEM_SEAL_PROC_H */
