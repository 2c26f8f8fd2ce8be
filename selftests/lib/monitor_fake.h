/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A monitor without a thread, on a made-up host: the test's own thread does its
 * work, and time passes when the test says so.
 *
 * For one source file of a program.
 */
#ifndef MONITOR_FAKE_H
#define MONITOR_FAKE_H

#include "monitor_run.h"
#include "worker_fake.h"

/* Until it waits for the first time; 0, or what tmem_monitor_start() says. */
static inline int fake_start(const struct tmem_monitor_config *config)
{
	int err;

	tmem_monitor.worker.ops = &worker_fake_ops;
	err = tmem_monitor_start(config);
	worker_fake_run(&tmem_monitor.worker);
	return err;
}

/* What has come meanwhile, without any time that passes. */
static inline void fake_run(void)
{
	worker_fake_run(&tmem_monitor.worker);
}

static inline void fake_pass(uint64_t ms)
{
	worker_fake_pass(&tmem_monitor.worker, ms * MS);
}

static inline const struct tmem_worker_wait *fake_asked(void)
{
	return &worker_fake(&tmem_monitor.worker)->asked;
}

#endif /* MONITOR_FAKE_H */
