// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The module as a source of events and of a ratio.
 */
#include "monitor/module.h"

#include <errno.h>
#include <stddef.h>

#include "monitor/ratio.h"

/* Netlink asks for no permission; it costs a system call for each change. */
static int netlink_open(struct tmem_module *module)
{
	int err = tmem_netlink_open(&module->netlink);

	if (err) {
		module->netlink = NULL;
		return err;
	}
	err = tmem_netlink_pressure(module->netlink, &module->said);
	if (!err)
		err = tmem_netlink_subscribe(module->netlink);
	if (!err) {
		tmem_fd_set(&module->file, tmem_netlink_fd(module->netlink));
		return 0;
	}
	tmem_netlink_close(module->netlink);
	module->netlink = NULL;
	return err;
}

int tmem_module_open(struct tmem_module *module)
{
	int err;

	*module = (struct tmem_module){ 0 };
	err = tmem_pressure_open(&module->pressure);
	if (!err) {
		tmem_fd_set(&module->file, tmem_pressure_fd(module->pressure));
		return 0;
	}
	module->pressure = NULL;
	/* A container may lack the node, and have the host's network. */
	return err == -EACCES || err == -ENODEV ? netlink_open(module) : err;
}

void tmem_module_close(struct tmem_module *module)
{
	struct tmem_module was = *module;

	*module = (struct tmem_module){ 0 };
	if (!tmem_fd_ours(&was.file))
		return;
	tmem_pressure_close(was.pressure);
	tmem_netlink_close(was.netlink);
}

int tmem_module_fd(struct tmem_module *module)
{
	if (!module->pressure && !module->netlink)
		return -1;
	if (tmem_fd_ours(&module->file))
		return module->file.fd;
	*module = (struct tmem_module){ 0 };
	return -1;
}

uint64_t tmem_module_drain(struct tmem_module *module)
{
	struct tmem_event event;
	uint64_t when = 0;
	int got = 1;

	while (module->pressure &&
	       tmem_pressure_wait(module->pressure, 0, &event) == 1)
		if (event.type == TMEM_EVENT_LEVEL)
			when = event.time;
	while (module->netlink && got > 0) {
		got = tmem_netlink_wait(module->netlink, 0, &module->said);
		if (got == 1)
			when = module->said.time;
		/* Lost some: the next look asks anew. */
		else if (got == -ENOBUFS)
			got = tmem_netlink_pressure(module->netlink,
						    &module->said) ?
				      0 :
				      1;
	}
	if (got == -ENODEV)
		tmem_module_close(module);
	return when;
}

double tmem_module_ratio(uint32_t level, uint32_t use, uint32_t stall)
{
	double ratio = use < 10000 ? use / 10000.0 : 1.0, other;

	other = tmem_ratio_of_stall(stall);
	ratio = other > ratio ? other : ratio;
	/* A newer module may know worse ones; and its thresholds can be set. */
	if (level > TMEM_LEVEL_CRITICAL)
		level = TMEM_LEVEL_CRITICAL;
	other = tmem_ratio_from((enum tmem_level)level);
	return other > ratio ? other : ratio;
}

void tmem_module_look(const struct tmem_module *module,
		      struct tmem_monitor_sample *sample)
{
	const struct tmem_pressure_event *said = &module->said;
	struct tmem_status status;

	if (module->pressure) {
		tmem_pressure_snapshot(module->pressure, &status,
				       sizeof(status));
		tmem_sample_put(sample, TMEM_RESOURCE_MODULE,
				tmem_module_ratio(status.level, status.use,
						  status.stall));
	} else if (module->netlink) {
		tmem_sample_put(sample, TMEM_RESOURCE_MODULE,
				tmem_module_ratio(said->level, said->use,
						  said->stall));
	}
}
