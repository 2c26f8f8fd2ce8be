/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Levels made to order: the thresholds in sysfs are moved around the memory
 * use that there is, and put back.  Root only.
 */
#ifndef PRESSURE_KNOBS_H
#define PRESSURE_KNOBS_H

#include "lib_test.h"

#include <fcntl.h>

#define KNOBS_DIR "/sys/class/misc/tmem/"

/* A file of the module's folder, without its newline; false: cannot be had. */
static inline bool knob_read(const char *name, char *text, size_t size)
{
	char path[128];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), KNOBS_DIR "%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, size - 1);
	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return n > 0;
}

static inline bool knob_write(const char *name, const char *text)
{
	char path[128];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), KNOBS_DIR "%s", name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : write(fd, text, strlen(text));
	if (n < 0)
		printf("# cannot write %s to %s: %s\n", text, path,
		       strerror(errno));
	if (fd >= 0)
		close(fd);
	return n == (ssize_t)strlen(text);
}

/* In an order in which the thresholds stay ascending. */
static const char *const knob_names[] = {
	"pressure/use_medium", "pressure/use_high", "pressure/use_critical",
	"pressure/hysteresis", "pressure/hold_ms",
};

#define KNOBS 5

struct knobs {
	char was[KNOBS][32];
};

static inline bool knobs_save(struct knobs *knobs)
{
	bool good = true;
	int i;

	for (i = 0; i < KNOBS; i++)
		good &= knob_read(knob_names[i], knobs->was[i],
				  sizeof(knobs->was[i]));
	return good;
}

static inline bool knobs_restore(const struct knobs *knobs)
{
	bool good = true;
	int i;

	for (i = 0; i < KNOBS; i++)
		good &= knob_write(knob_names[i], knobs->was[i]);
	return good;
}

/* No use of memory is much, and a level is left at once. */
static inline bool knobs_calm(void)
{
	return knob_write("pressure/hysteresis", "0") &&
	       knob_write("pressure/hold_ms", "0") &&
	       knob_write("pressure/use_critical", "100") &&
	       knob_write("pressure/use_high", "99") &&
	       knob_write("pressure/use_medium", "98");
}

/* What is in use anyway is much. */
static inline bool knobs_alarm(void)
{
	return knob_write("pressure/use_medium", "1");
}

#endif /* PRESSURE_KNOBS_H */
