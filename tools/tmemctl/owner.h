/* SPDX-License-Identifier: GPL-2.0-only */
/* Whose an arena is, and whose arenas are shown. */
#ifndef TMEMCTL_OWNER_H
#define TMEMCTL_OWNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* owner_user() - the user's name, or the number if it has none. */
void owner_user(uint32_t uid, char *name, size_t size);

/* owner_command() - what the process is called, or "" if that is unknown. */
void owner_command(uint32_t pid, char *name, size_t size);

/*
 * owner_sees_all() - whether the module shows this process everybody's arenas:
 * CAP_SYS_ADMIN, and not only in a user namespace of its own.
 */
bool owner_sees_all(void);

#endif /* TMEMCTL_OWNER_H */
