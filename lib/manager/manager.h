/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Managers, as other parts of the library see them.
 */
#ifndef TMEM_MANAGER_INTERNAL_H
#define TMEM_MANAGER_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <tmem/manager.h>

/* A tensor of so many elements was asked for, and allocated or refused. */
void tmem_manager_count(struct tmem_manager *manager, size_t elements,
			bool served);

#endif /* TMEM_MANAGER_INTERNAL_H */
