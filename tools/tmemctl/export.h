/* SPDX-License-Identifier: GPL-2.0-only */
/* Snapshots for other programs, a file for each format. */
#ifndef TMEMCTL_EXPORT_H
#define TMEMCTL_EXPORT_H

#include <stdio.h>

#include "site.h"
#include "snap.h"
#include "symbol.h"

/*
 * struct export_job - what all of them get
 * @names: addresses are looked up in the files that were mapped
 * @by:    what a stack counts for, where there is but one figure
 */
struct export_job {
	FILE *out;
	const struct snap *snap;
	struct symbols *symbols;
	bool names;
	enum site_by by;
};

/*
 * Each writes to @out; the caller looks whether that went well.  False: no
 * memory, said.
 */
bool export_json(const struct export_job *x);
bool export_collapsed(const struct export_job *x);
bool export_pprof(const struct export_job *x);
bool export_memviz(const struct export_job *x);
bool export_chrome(const struct export_job *x);
bool export_openmetrics(const struct export_job *x);

/* export_quote() - @text as a JSON string, with its quotes. */
void export_quote(FILE *out, const char *text);

#endif /* TMEMCTL_EXPORT_H */
