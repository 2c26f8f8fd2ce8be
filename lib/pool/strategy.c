// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The strategies, each in a few lines: how a size is rounded, which chunk is
 * taken, and whether nodes are kept apart.
 */
#include "pool/strategy.h"

static uint32_t round_not(uint32_t pages)
{
	return pages;
}

/*
 * Eight classes to a doubling: a block wastes at most an eighth of itself, and
 * the block that was freed last in a class fits the next one of the class.
 */
static uint32_t round_class(uint32_t pages)
{
	uint32_t step;

	if (pages <= 8)
		return pages;
	step = 1u << (28 - __builtin_clz(pages - 1));
	return (pages + step - 1) & ~(step - 1);
}

static const struct tmem_strategy_ops strategies[] = {
	[TMEM_STRATEGY_ADAPTIVE] = {
		.name = "adaptive",
		.by_node = true,
		.borrows = true,
		.round = round_not,
		.find = tmem_chunks_best,
	},
	[TMEM_STRATEGY_FIRST_FIT] = {
		.name = "first-fit",
		.round = round_not,
		.find = tmem_chunks_first,
	},
	[TMEM_STRATEGY_BEST_FIT] = {
		.name = "best-fit",
		.round = round_not,
		.find = tmem_chunks_lowest,
	},
	[TMEM_STRATEGY_SIZE_CLASS] = {
		.name = "size-class",
		.round = round_class,
		.find = tmem_chunks_best,
	},
	[TMEM_STRATEGY_NUMA_AWARE] = {
		.name = "numa-aware",
		.by_node = true,
		.round = round_not,
		.find = tmem_chunks_best,
	},
};

#define STRATEGIES (sizeof(strategies) / sizeof(strategies[0]))

const struct tmem_strategy_ops *tmem_strategy_get(enum tmem_strategy strategy)
{
	return (unsigned int)strategy < STRATEGIES ? &strategies[strategy] :
						     NULL;
}

const char *tmem_strategy_name(enum tmem_strategy strategy)
{
	const struct tmem_strategy_ops *ops = tmem_strategy_get(strategy);

	return ops ? ops->name : NULL;
}
