// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proves that tmem.h can be used from C++17: every structure is made with its
 * initialiser, and calls link by their C names.  Built and run by tool/exported.sh.
 */
#include <tmem.h>

#include <cstdio>
#include <cstring>

static int failed;

static void check(bool right, const char *what)
{
	static int number;

	std::printf("%sok %d - C++: %s\n", right ? "" : "not ", ++number, what);
	failed |= !right;
}

static void log_line(void *, enum tmem_log_level, const char *)
{
}

static bool initialisers()
{
	struct tmem_config config = TMEM_CONFIG_INIT;
	struct tmem_stats stats = TMEM_STATS_INIT;
	struct tmem_residency residency = TMEM_RESIDENCY_INIT;
	struct tmem_pool_config pool_config = TMEM_POOL_CONFIG_INIT;
	struct tmem_arena_config arena_config = TMEM_ARENA_CONFIG_INIT;
	struct tmem_arena_usage usage = TMEM_ARENA_USAGE_INIT;
	struct tmem_monitor_config monitor = TMEM_MONITOR_CONFIG_INIT;
	struct tmem_monitor_sample sample = TMEM_MONITOR_SAMPLE_INIT;
	struct tmem_manager_stats manager_stats = TMEM_MANAGER_STATS_INIT;

	return config.struct_size == sizeof(config) && !config.nodes &&
	       stats.struct_size == sizeof(stats) && !stats.metadata_bytes &&
	       residency.struct_size == sizeof(residency) &&
	       pool_config.struct_size == sizeof(pool_config) &&
	       !pool_config.name &&
	       arena_config.struct_size == sizeof(arena_config) &&
	       usage.struct_size == sizeof(usage) &&
	       monitor.struct_size == sizeof(monitor) && !monitor.reserved &&
	       sample.struct_size == sizeof(sample) &&
	       manager_stats.struct_size == sizeof(manager_stats);
}

static bool allocate()
{
	auto *block = static_cast<char *>(tmem_zalloc(1000));
	bool zero = block && !block[0] && !block[999];

	block = static_cast<char *>(tmem_realloc(block, 100000));
	tmem_free(block);
	return zero && block;
}

static int count_node(const struct tmem_node_info *, void *data)
{
	++*static_cast<int *>(data);
	return 0;
}

// With the module or without: every call can be made, and answers.
static bool pressure()
{
	struct tmem_pressure *pressure = nullptr;
	struct tmem_netlink *netlink = nullptr;
	int nodes = 0;
	bool right = !std::strcmp(tmem_level_name(TMEM_LEVEL_HIGH), "high");

	if (!tmem_pressure_open(&pressure))
		right &= tmem_pressure_level(pressure) <= TMEM_LEVEL_CRITICAL;
	if (!tmem_netlink_open(&netlink))
		right &= !tmem_netlink_nodes(netlink, count_node, &nodes) &&
			 nodes > 0;
	tmem_netlink_close(netlink);
	tmem_pressure_close(pressure);
	return right;
}

int main()
{
	struct tmem_config config = TMEM_CONFIG_INIT;

	config.backend = TMEM_BACKEND_ANON;
	tmem_set_log(log_line, nullptr);
	std::printf("1..5\n");
	check(initialisers(), "initialisers");
	check(!tmem_init(&config), "tmem_init");
	check(allocate(), "allocate");
	check(pressure(), "pressure");
	check(!std::strcmp(tmem_version(), TMEM_VERSION), "tmem_version");
	return failed;
}
