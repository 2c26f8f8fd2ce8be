// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Pressure stall information.
 */
#define _GNU_SOURCE
#include "monitor/psi.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "core/text.h"

#define SHARE_MIN_NS 100000000u
#define STALL_MEDIUM 500u

static bool psi_line(const char **text, const char *kind, struct tmem_psi *psi)
{
	uint64_t total;

	*psi = (struct tmem_psi){ 0 };
	if (!tmem_text_word(text, kind) || !tmem_text_word(text, " avg10=") ||
	    !tmem_text_percent(text, &psi->avg10) ||
	    !tmem_text_word(text, " avg60=") ||
	    !tmem_text_percent(text, &psi->avg60) ||
	    !tmem_text_word(text, " avg300=") ||
	    !tmem_text_percent(text, &psi->avg300) ||
	    !tmem_text_word(text, " total=") ||
	    !tmem_text_number(text, &total) || !tmem_text_word(text, "\n"))
		return false;
	psi->total = total;
	return true;
}

int tmem_psi_parse(const char *text, struct tmem_psi_file *psi)
{
	*psi = (struct tmem_psi_file){ 0 };
	if (!psi_line(&text, "some", &psi->some))
		return -EINVAL;
	return *text && !psi_line(&text, "full", &psi->full) ? -EINVAL : 0;
}

int tmem_psi_read(const char *path, struct tmem_psi_file *psi)
{
	char text[TMEM_TEXT_BYTES];
	int err = tmem_text_read(path, text, sizeof(text));

	return err ? err : tmem_psi_parse(text, psi);
}

int tmem_psi_trigger(const char *path)
{
	static const char *const triggers[] = {
		"some 50000 1000000",
		"some 100000 2000000",
	};
	int fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	unsigned int i;

	for (i = 0; fd >= 0 && i < 2; i++)
		if (write(fd, triggers[i], strlen(triggers[i]) + 1) > 0)
			return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

uint32_t tmem_psi_meter_look(struct tmem_psi_meter *meter, uint64_t now_ns,
			     const struct tmem_psi *some, bool fired)
{
	uint64_t span = now_ns - meter->since_ns, stall_ns;
	bool fresh = !meter->since_ns || now_ns < meter->since_ns ||
		     some->total < meter->total_us;
	uint32_t stall = some->avg10;

	if (fresh) {
		meter->share = 0;
	} else if (span >= SHARE_MIN_NS) {
		stall_ns = (some->total - meter->total_us) * 1000;
		if (stall_ns > span)
			stall_ns = span;
		meter->share =
			(uint32_t)(stall_ns / 1000 * 10000 / (span / 1000));
	}
	if (fresh || span >= SHARE_MIN_NS) {
		meter->since_ns = now_ns;
		meter->total_us = some->total;
	}
	if (stall < meter->share)
		stall = meter->share;
	/* Its window is not ours, which may be longer: what it says is so. */
	return fired && stall < STALL_MEDIUM ? STALL_MEDIUM : stall;
}
