/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A process on a made-up host, without a collector, that advice is asked for.
 *
 * For one source file of a program.
 */
#ifndef ADVICE_FIXTURE_H
#define ADVICE_FIXTURE_H

#include "advice_test.h"

#define MANY 96

FIXTURE(advice)
{
	void *block[2 * MANY];
};

FIXTURE_SETUP(advice)
{
	setenv("TMEM_GC", "off", 1);
	unsetenv("TMEM_ANALYTICS");
	memset(self->block, 0, sizeof(self->block));
	ASSERT_TRUE(advice_host());
}

FIXTURE_TEARDOWN(advice)
{
	EXPECT_EQ(0, tmem_monitor_stop());
	host_drop();
}

#endif /* ADVICE_FIXTURE_H */
