// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Stores: made, opened, entered, closed.  What happens to them in fork():
 * fork.c.
 */
#define _GNU_SOURCE
#include "seal/store.h"

#include <errno.h>
#include <string.h>

#include "arena/backend.h"
#include "arena/topology.h"
#include "core/log.h"
#include "core/settings.h"
#include "seal/fork.h"
#include "seal/futex.h"
#include "seal/lock.h"
#include "seal/peer.h"

#define DEFAULT_CONTENTS 16384u
#define DEFAULT_PEERS 64u
#define SWEEP_MS 1000u
#define SWEEP_ALL_MS 10000u

static struct {
	pthread_mutex_t lock;
	struct tmem_store *list;
	struct tmem_store *own[2]; /* defaults; the second has copies */
} stores = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* Before there is any store: another thread may fork meanwhile. */
__attribute__((constructor)) static void store_fork_hook(void)
{
	pthread_atfork(tmem_fork_prepare, tmem_fork_release, tmem_fork_child);
}

static int store_join(struct tmem_store *store)
{
	struct tmem_index *index = &store->index;
	int err;

	if (index->self == TMEM_PEER_NONE) {
		store->settled = false;
		err = tmem_peer_join(index);
		if (err)
			return err;
	}
	err = tmem_lock_take(index);
	if (err < 0)
		return err;
	if (!store->settled)
		tmem_peer_settle(index);
	if (err)
		tmem_index_recover(index);
	else if (!store->settled)
		tmem_index_sweep(index, true);
	store->settled = true;
	return 0;
}

/* Now and then, for who died; less often, for who executed something else. */
static void store_sweep(struct tmem_store *store)
{
	uint64_t now = tmem_clock_ms();
	bool all = now - store->swept_all_ms >= SWEEP_ALL_MS;

	if (!all && now - store->swept_ms < SWEEP_MS)
		return;
	tmem_index_sweep(&store->index, all);
	store->swept_ms = now;
	if (all)
		store->swept_all_ms = now;
}

int tmem_store_enter(struct tmem_store *store)
{
	int err;

	pthread_mutex_lock(&store->lock);
	err = store_join(store);
	if (err) {
		pthread_mutex_unlock(&store->lock);
		return err;
	}
	store_sweep(store);
	return 0;
}

void tmem_store_leave(struct tmem_store *store)
{
	tmem_lock_drop(&store->index);
	pthread_mutex_unlock(&store->lock);
}

void tmem_store_unref(struct tmem_store *store,
		      const struct tmem_content *content)
{
	int err = tmem_store_enter(store);

	if (err) {
		tmem_log(
			TMEM_LOG_WARN,
			"a store is locked by another process: %llu bytes stay until this one ends",
			(unsigned long long)content->bytes);
		return;
	}
	tmem_index_unref(&store->index, content);
	tmem_store_leave(store);
}

void tmem_store_cancel(struct tmem_store *store,
		       const struct tmem_content *content)
{
	atomic_fetch_sub(&store->index.filling, 1);
	tmem_store_unref(store, content);
}

static bool store_backend_known(enum tmem_backend backend)
{
	return backend == TMEM_BACKEND_AUTO || backend == TMEM_BACKEND_DEV ||
	       backend == TMEM_BACKEND_ANON;
}

/* As it is for arenas. */
static bool store_name_known(const char *name)
{
	size_t i, len = name ? strlen(name) : 0;

	for (i = 0; i < len; i++)
		if (name[i] < ' ' || name[i] > '~')
			return false;
	return len < 32;
}

static uint64_t store_memory(const struct tmem_store_config *config)
{
	const struct tmem_topology *topology = tmem_topology_get();
	uint64_t bytes = 0;
	unsigned int n;

	for (n = 0; n < TMEM_NODES_MAX; n++)
		if (config->numa != TMEM_NUMA_BIND || config->nodes & 1ULL << n)
			bytes += topology->bytes[n];
	return bytes;
}

static uint32_t store_power_of_two(uint32_t n)
{
	uint32_t power = 1;

	while (power < n)
		power *= 2;
	return power;
}

/* Fills in the defaults.  0 or -errno. */
static int store_check(struct tmem_store_config *config)
{
	int err = 0;

	if (!config->max_contents)
		config->max_contents = DEFAULT_CONTENTS;
	if (!config->max_peers)
		config->max_peers = DEFAULT_PEERS;
	if (config->max_contents > TMEM_STORE_MAX_CONTENTS ||
	    config->max_peers > TMEM_STORE_MAX_PEERS ||
	    !store_backend_known(config->backend) ||
	    !store_name_known(config->name) ||
	    !tmem_numa_valid(config->numa, config->nodes) ||
	    config->nodes & ~tmem_topology_get()->nodes)
		return -EINVAL;
	config->max_contents = store_power_of_two(config->max_contents);
	if (config->backend == TMEM_BACKEND_AUTO) {
		err = tmem_init(NULL);
		config->backend = strcmp(tmem_backend_name(), "dev") ?
					  TMEM_BACKEND_ANON :
					  TMEM_BACKEND_DEV;
	}
	return err == -EALREADY ? 0 : err;
}

/* Bytes of the file, index included; 0: more than a file can have. */
static uint64_t store_size(const struct tmem_store_config *config)
{
	uint64_t index =
		tmem_index_bytes(config->max_contents, config->max_peers);
	uint64_t capacity = config->capacity;

	if (!capacity) {
		capacity = store_memory(config);
		if (capacity > index + TMEM_SPAN_BYTES)
			capacity -= index + TMEM_SPAN_BYTES;
	}
	if (capacity > INT64_MAX / 2)
		return 0;
	return index +
	       ((capacity + TMEM_SPAN_BYTES - 1) & ~(TMEM_SPAN_BYTES - 1));
}

static struct tmem_store *store_new(void)
{
	struct tmem_store *store = tmem_os_table(sizeof(*store));

	if (!store)
		return NULL;
	pthread_mutex_init(&store->lock, NULL);
	atomic_store(&store->users, 1);
	store->child = TMEM_PEER_NONE;
	return store;
}

static void store_free(struct tmem_store *store)
{
	pthread_mutex_destroy(&store->lock);
	tmem_os_table_free(store, sizeof(*store));
}

static void store_link(struct tmem_store *store)
{
	pthread_mutex_lock(&stores.lock);
	store->next = stores.list;
	stores.list = store;
	pthread_mutex_unlock(&stores.lock);
}

static void store_unlink(struct tmem_store *store)
{
	struct tmem_store **at;

	pthread_mutex_lock(&stores.lock);
	for (at = &stores.list; *at != store; at = &(*at)->next)
		;
	*at = store->next;
	pthread_mutex_unlock(&stores.lock);
}

/* The store is nobody's any more, or not yet anybody's. */
static void store_destroy(struct tmem_store *store)
{
	bool member = store->index.self != TMEM_PEER_NONE;

	if (member && !tmem_store_enter(store)) {
		tmem_peer_leave(&store->index);
		tmem_store_leave(store);
	}
	tmem_index_close(&store->index);
	tmem_file_close(&store->file);
	store_free(store);
}

/* The first use: refused now rather than later.  Takes the store. */
static int store_begin(struct tmem_store *store, struct tmem_store **to)
{
	int err = tmem_store_enter(store);

	if (err) {
		store_destroy(store);
		return err;
	}
	tmem_store_leave(store);
	store_link(store);
	*to = store;
	return 0;
}

int tmem_store_create(const struct tmem_store_config *config,
		      struct tmem_store **to)
{
	struct tmem_store_config c = TMEM_STORE_CONFIG_INIT;
	struct tmem_store *store;
	int err;

	if (config && !tmem_struct_get(&c, sizeof(c), config))
		return -EINVAL;
	err = store_check(&c);
	if (err)
		return err;
	store = store_new();
	if (!store)
		return -ENOMEM;
	store->file.ops = c.backend == TMEM_BACKEND_DEV ? &tmem_file_dev :
							  &tmem_file_memfd;
	store->file.numa = c.numa;
	store->file.nodes = c.nodes;
	store->file.size = store_size(&c);
	err = store->file.size ?
		      tmem_file_create(&store->file, c.name ? c.name : "") :
		      -ENOMEM;
	if (err)
		goto free_store;
	err = tmem_index_create(&store->index, &store->file, c.max_contents,
				c.max_peers);
	if (err)
		goto close_file;
	return store_begin(store, to);

close_file:
	tmem_file_close(&store->file);
free_store:
	store_free(store);
	return err;
}

int tmem_store_open(int fd, struct tmem_store **to)
{
	struct tmem_store *store = store_new();
	uint64_t ctl_offset;
	int err;

	if (!store)
		return -ENOMEM;
	err = tmem_file_open(&store->file, fd);
	if (err)
		goto free_store;
	err = tmem_index_open(&store->index, &store->file, &ctl_offset);
	if (err)
		goto close_file;
	err = store->file.ops->attach(&store->file, ctl_offset);
	if (err)
		goto close_index;
	return store_begin(store, to);

close_index:
	tmem_index_close(&store->index);
close_file:
	tmem_file_close(&store->file);
free_store:
	store_free(store);
	return err;
}

int tmem_store_fd(const struct tmem_store *store)
{
	return store->file.fd;
}

void tmem_store_put(struct tmem_store *store)
{
	if (atomic_fetch_sub(&store->users, 1) != 1)
		return;
	store_unlink(store);
	store_destroy(store);
}

void tmem_store_close(struct tmem_store *store)
{
	if (store)
		tmem_store_put(store);
}

/* Another thread may have been first: then its store is the one. */
static void store_propose(struct tmem_store *store, bool copies,
			  struct tmem_store **to)
{
	pthread_mutex_lock(&stores.lock);
	*to = stores.own[copies];
	if (!*to) {
		*to = stores.own[copies] = store;
		store = NULL;
	}
	pthread_mutex_unlock(&stores.lock);
	tmem_store_close(store);
}

int tmem_store_default(bool copies, bool make, struct tmem_store **to)
{
	struct tmem_store_config config = TMEM_STORE_CONFIG_INIT;
	struct tmem_store *store;
	int err = tmem_init(NULL);

	if (err)
		return err;
	/* One store does both where it can. */
	if (strcmp(tmem_backend_name(), "dev"))
		copies = false;
	pthread_mutex_lock(&stores.lock);
	*to = stores.own[copies];
	pthread_mutex_unlock(&stores.lock);
	if (*to || !make)
		return 0;
	if (copies)
		config.backend = TMEM_BACKEND_ANON;
	err = tmem_store_create(&config, &store);
	if (!err)
		store_propose(store, copies, to);
	return err;
}

struct tmem_store *tmem_stores_lock(void)
{
	pthread_mutex_lock(&stores.lock);
	return stores.list;
}

void tmem_stores_unlock(void)
{
	pthread_mutex_unlock(&stores.lock);
}
