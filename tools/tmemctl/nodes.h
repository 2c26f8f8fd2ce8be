/* SPDX-License-Identifier: GPL-2.0-only */
/* NUMA nodes, as the kernel tells of them. */
#ifndef TMEMCTL_NODES_H
#define TMEMCTL_NODES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NODES_MAX 64

/* nodes_parse() - "0,2-3" as a mask; false if it is misspelt or above 63. */
bool nodes_parse(const char *list, uint64_t *mask);

/* nodes_format() - the mask as "0,2-3", or "none" */
void nodes_format(uint64_t mask, char *list, size_t size);

/* The same for a mask of @count words: bit n of word n / 64 is node n. */
void nodes_format_words(const uint64_t *words, size_t count, char *list,
			size_t size);

/* Nodes that have memory; node 0 if the kernel does not know of nodes. */
uint64_t nodes_with_memory(void);

/* Nodes whose memory this process may use. */
uint64_t nodes_allowed(void);

/* Bytes of the node, and those free.  False if the kernel does not say. */
bool nodes_memory(unsigned int node, uint64_t *total, uint64_t *free);

#endif /* TMEMCTL_NODES_H */
