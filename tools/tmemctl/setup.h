/* SPDX-License-Identifier: GPL-2.0-only */
/* The library, set up as the command line asks. */
#ifndef TMEMCTL_SETUP_H
#define TMEMCTL_SETUP_H

#include <stdbool.h>
#include <tmem.h>

/*
 * struct setup - what the user asked of the library
 * @config: for tmem_init()
 * @policy: node policy as it was written, or "local"
 * @strategy: name of the strategy that is in force
 * @peer:   not libtmem at all, but the C library's allocator, to compare
 */
struct setup {
	struct tmem_config config;
	const char *policy;
	const char *strategy;
	bool peer;
};

#define SETUP_INIT                                             \
	{                                                      \
		.config = TMEM_CONFIG_INIT, .policy = "local", \
		.strategy = "adaptive",                        \
	}

/* Take an option; false if it is misspelt. */
bool setup_backend(struct setup *setup, const char *word);
bool setup_numa(struct setup *setup, const char *word);
bool setup_strategy(struct setup *setup, const char *word);
bool setup_max_bytes(struct setup *setup, const char *word);

/* setup_listen() - keep the library's messages from here on. */
void setup_listen(void);

/*
 * setup_library() - tmem_init() as asked, the environment filling in what was
 * not, and setup_listen(); nothing for a peer.  Returns 0; or -1, and it was said why.
 */
int setup_library(struct setup *setup);

/* setup_last_word() - the library's latest message, or "" */
const char *setup_last_word(void);

/* setup_warnings() - say the messages that were kept, for a run that passed. */
void setup_warnings(void);

#endif /* TMEMCTL_SETUP_H */
