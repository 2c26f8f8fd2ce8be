/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tmem/health.h - in one number how memory is doing, and what would help.
 *
 * The score is 1.0 where nothing is wrong.  Each thing that is takes a part off,
 * and stands beside the score with the part it took.  What is not known takes
 * nothing off, and is said.  Advice has the figures that caused it, and the
 * command or the call that helps; nothing is advised that is in force already.
 *
 * Documentation/design/health.md has the reasons for each weight, worked
 * numbers, and the list of advice.
 *
 * All calls are thread-safe.  None may be called from a signal handler or from
 * the log callback.  None calls malloc(), and none sets the library up.
 */
#ifndef TMEM_HEALTH_H
#define TMEM_HEALTH_H

#include <stddef.h>
#include <stdint.h>
#include <tmem/config.h>

#ifdef __cplusplus
extern "C" {
#endif

/* From the worst to the best. */
enum tmem_health_band {
	TMEM_HEALTH_CRITICAL = 0, /* score below 0.3 */
	TMEM_HEALTH_WARNING = 1, /* below 0.6 */
	TMEM_HEALTH_MODERATE = 2, /* below 0.8 */
	TMEM_HEALTH_NORMAL = 3,
};

/* "critical", "warning", "moderate", "normal"; "?" for anything else. */
const char *tmem_health_band_name(uint32_t band);

#define TMEM_HEALTH_TERMS_MAX 8

/* tmem_health_term_name() - of the nth term below, from 0; "?" beyond them. */
const char *tmem_health_term_name(uint32_t n);

/*
 * struct tmem_health_term - one thing that can be wrong
 * @name:    "pressure", "trend", "fragmentation", "leak" or "failures"
 * @value:   0.0: nothing of it, to 1.0: as bad as it gets
 * @weight:  what it takes off at the worst
 * @penalty: what it takes off: @value * @weight
 *
 *	pressure       0.4   the ratio of what is most short (tmem/monitor.h)
 *	trend          0.3   share of the room left that a rise will have taken
 *	                     at the monitor's horizon, times its confidence r^2
 *	fragmentation  0.2   twice the share of the memory held that is lost
 *	                     between blocks, beyond 32 MiB, and inside of them
 *	leak           0.2   0.25 if any site leaks, and 0.75 times the share of
 *	                     live bytes that sites which leak hold
 *	failures       0.3   n / (n + 1), n being the requests refused for want
 *	                     of memory, half of them forgotten in each minute
 */
struct tmem_health_term {
	char name[24];
	double value;
	double weight;
	double penalty;
};

/*
 * struct tmem_health - set struct_size with TMEM_HEALTH_INIT
 * @score:   1.0 - the sum of all penalties, not below 0.0
 * @band:    enum tmem_health_band of @score.  Worse at once; better when the
 *           score was 0.02 above the boundary at each call of two seconds, so
 *           that a score near a boundary does not flap
 * @terms:   elements of @term in use
 * @unknown: bit n: the nth term of the table above is not known, and not among
 *           @term: pressure (1) if nothing can be read, trend (2) unless the
 *           monitor runs, leak (8) unless analytics is on and steps are marked
 * @reserved: 0
 */
struct tmem_health {
	size_t struct_size;
	double score;
	enum tmem_health_band band;
	uint32_t terms;
	uint32_t unknown;
	uint32_t reserved;
	struct tmem_health_term term[TMEM_HEALTH_TERMS_MAX];
};

#define TMEM_HEALTH_INIT TMEM_STRUCT_INIT(struct tmem_health)

/*
 * tmem_health_get() - how it is now.  Reads some ten files where the monitor
 * does not run: 0.2 ms.
 * Returns 0, or -EINVAL: struct_size, or one of the figures is no number; then
 * *health is as it was.
 */
int tmem_health_get(struct tmem_health *health);

#define TMEM_ADVICE_MAX 32 /* there is never more than that */

/*
 * struct tmem_advice - what would help
 * @id:       short and for ever the same, as "gc-off"
 * @severity: 0.0 to 1.0: by this they are ranked
 * @text:     a sentence with the figures that caused it
 * @command:  a shell's command (it names a program), VARIABLE=value for the
 *            environment of the next run, or a call of the library
 */
struct tmem_advice {
	char id[32];
	double severity;
	char text[256];
	char command[192];
};

/*
 * tmem_advice_get() - the first @max pieces of advice, the most urgent first.
 * Takes milliseconds: it asks the kernel where the memory is.
 * Returns how many were stored; -EINVAL: @advice NULL with @max.
 */
int tmem_advice_get(struct tmem_advice *advice, uint32_t max);

#ifdef __cplusplus
}
#endif

#endif /* TMEM_HEALTH_H */
