/* SPDX-License-Identifier: GPL-2.0-only */
/* The parts of a snapshot, from its JSON. */
#ifndef TMEMCTL_SNAP_PARTS_H
#define TMEMCTL_SNAP_PARTS_H

#include "snap.h"
#include "snap_in.h"

/* Each reads its part of the document; whether it could is in @in. */
void snap_parts_head(struct snap_in *in, struct snap *snap);
void snap_parts_tiers(struct snap_in *in, struct snap *snap);
void snap_parts_modules(struct snap_in *in, struct snap *snap);
void snap_parts_moments(struct snap_in *in, struct snap *snap);
void snap_parts_records(struct snap_in *in, struct snap *snap);
void snap_parts_sites(struct snap_in *in, struct snap *snap);

/* Counters of a site or of all; the part is that of @in. */
void snap_parts_counts(struct snap_in *in, struct json_object *object,
		       struct snap_counts *counts);

#endif /* TMEMCTL_SNAP_PARTS_H */
