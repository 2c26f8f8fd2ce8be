/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The parts of a snapshot (Documentation/schema/snapshot.schema.json).
 */
#ifndef TMEM_ANALYTICS_SNAPSHOT_H
#define TMEM_ANALYTICS_SNAPSHOT_H

#include "analytics/json.h"
#include "pool/detail.h"

/* snapshot_heap.c: counts, heap, tiers */
void tmem_snapshot_heap(struct tmem_json *json);

/* snapshot_site.c: tags, sites, records */
void tmem_snapshot_tags(struct tmem_json *json);
void tmem_snapshot_sites(struct tmem_json *json);
void tmem_snapshot_records(struct tmem_json *json);

/* snapshot_health.c */
void tmem_snapshot_health(struct tmem_json *json);
void tmem_snapshot_advice(struct tmem_json *json);

/* snapshot_process.c: modules, threads */
void tmem_snapshot_modules(struct tmem_json *json);
void tmem_snapshot_threads(struct tmem_json *json);

#endif /* TMEM_ANALYTICS_SNAPSHOT_H */
