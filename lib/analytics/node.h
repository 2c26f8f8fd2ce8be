/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Live bytes by node, estimated from records as those of sites are.
 *
 * Called with the analytics lock held.
 */
#ifndef TMEM_ANALYTICS_NODE_H
#define TMEM_ANALYTICS_NODE_H

#include <stdint.h>

#include "analytics/record.h"

/* A record begins (1), or ends or is as if never (-1). */
void tmem_nodes_add(const struct tmem_record *record, int sign);

uint64_t tmem_nodes_live(uint32_t node);

/* No blocks live. */
void tmem_nodes_clear(void);

#endif /* TMEM_ANALYTICS_NODE_H */
