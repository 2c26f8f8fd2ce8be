// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The two global managers: tensors counted in elements.
 */
#include "manager/manager.h"

#include <errno.h>
#include <stdatomic.h>
#include <tmem/config.h>
#include <tmem/pool.h>

#include "core/settings.h"
#include "pool/alloc.h"

struct tmem_manager {
	size_t element_size;
	_Atomic(uint64_t) requests[TMEM_TIERS];
	_Atomic(uint64_t) elements[TMEM_TIERS];
	_Atomic(uint64_t) failures;
};

static struct tmem_manager manager_f32 = { .element_size = sizeof(float) };
static struct tmem_manager manager_f64 = { .element_size = sizeof(double) };

static struct tmem_manager *manager_get(struct tmem_manager *manager)
{
	int err = tmem_init(NULL);

	if (err) {
		errno = -err;
		return NULL;
	}
	return manager;
}

struct tmem_manager *tmem_manager_f32(void)
{
	return manager_get(&manager_f32);
}

struct tmem_manager *tmem_manager_f64(void)
{
	return manager_get(&manager_f64);
}

unsigned int tmem_tier_of(size_t elements)
{
	unsigned int tier = 0;

	while (tier < TMEM_TIERS - 1 && elements > (size_t)64 << (2 * tier))
		tier++;
	return tier;
}

void tmem_manager_count(struct tmem_manager *manager, size_t elements,
			bool served)
{
	unsigned int tier = tmem_tier_of(elements);

	if (!served) {
		atomic_fetch_add(&manager->failures, 1);
		return;
	}
	atomic_fetch_add(&manager->requests[tier], 1);
	atomic_fetch_add(&manager->elements[tier], elements);
}

void *tmem_manager_alloc(struct tmem_manager *manager, size_t elements)
{
	void *ptr = NULL;
	size_t bytes;

	if (!manager) {
		errno = EINVAL;
		return NULL;
	}
	if (__builtin_mul_overflow(elements, manager->element_size, &bytes))
		errno = EOVERFLOW;
	else
		ptr = tmem_alloc_from(bytes, __builtin_return_address(0));
	tmem_manager_count(manager, elements, ptr);
	return ptr;
}

int tmem_manager_stats_get(const struct tmem_manager *manager,
			   struct tmem_manager_stats *to)
{
	struct tmem_manager_stats stats = TMEM_MANAGER_STATS_INIT;
	unsigned int i;

	if (!manager)
		return -EINVAL;
	stats.element_size = manager->element_size;
	stats.failures = atomic_load(&manager->failures);
	for (i = 0; i < TMEM_TIERS; i++) {
		stats.requests[i] = atomic_load(&manager->requests[i]);
		stats.elements[i] = atomic_load(&manager->elements[i]);
	}
	return tmem_struct_put(to, &stats, sizeof(stats)) ? 0 : -EINVAL;
}
