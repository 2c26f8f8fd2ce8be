// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Rules about limits: what the program may take, and who watches how near it is
 * to the end.
 */
#include <errno.h>
#include <tmem/arena.h>

#include "manager/advice.h"

static bool has(const struct tmem_advice_inputs *in, enum tmem_resource what)
{
	return in->sample.have >> what & 1;
}

/* Half as much again, in whole MiB. */
static unsigned long long more_mib(uint64_t bytes)
{
	return (bytes + bytes / 2 + (1 << 20) - 1) >> 20;
}

static uint64_t busy_bytes(const struct tmem_advice_inputs *in)
{
	return in->stats.spans_busy * TMEM_SPAN_BYTES;
}

static bool pool_is_limited(const struct tmem_advice_inputs *in)
{
	return in->max_bytes == UINT64_MAX && has(in, TMEM_RESOURCE_POOL);
}

static void refused_command(const struct tmem_advice_inputs *in,
			    struct tmem_advice *advice)
{
	if (in->max_bytes != UINT64_MAX)
		tmem_advice_max_bytes(in, advice, more_mib(in->max_bytes));
	else if (pool_is_limited(in))
		tmem_advice_command(advice,
				    "tmem_pool_config.max_bytes = %llu << 20",
				    more_mib(in->sample.pool_limit));
	else if (has(in, TMEM_RESOURCE_CGROUP) && in->host.limit_file[0])
		tmem_advice_command(advice, "echo %lluM >%s",
				    more_mib(in->sample.cgroup_limit),
				    in->host.limit_file);
	else
		tmem_advice_command(advice, "tmem_set_limit_observer(fn, ctx)");
}

/* It is told as long as the program runs; it is urgent while it is new. */
static bool refused(const struct tmem_advice_inputs *in,
		    struct tmem_advice *advice)
{
	uint64_t limit = in->max_bytes != UINT64_MAX ? in->max_bytes :
			 pool_is_limited(in)	     ? in->sample.pool_limit :
						       UINT64_MAX;

	if (!in->stats.failures)
		return false;
	advice->severity = 0.4 + 0.5 * in->failures / (in->failures + 1);
	if (limit != UINT64_MAX)
		tmem_advice_text(
			advice,
			"requests refused for want of memory: %llu; at most %s were live, and the limit is %s",
			(unsigned long long)in->stats.failures,
			tmem_advice_bytes(in->stats.peak_live_bytes).text,
			tmem_advice_bytes(limit).text);
	else
		tmem_advice_text(
			advice,
			"requests refused for want of memory: %llu; at most %s were live",
			(unsigned long long)in->stats.failures,
			tmem_advice_bytes(in->stats.peak_live_bytes).text);
	refused_command(in, advice);
	return true;
}

/* What is idle is given back before anything is refused: it does not count. */
static bool limit_near(const struct tmem_advice_inputs *in,
		       struct tmem_advice *advice)
{
	bool one = pool_is_limited(in);
	uint64_t limit = one ? in->sample.pool_limit : in->max_bytes;
	uint64_t busy = one ? in->sample.pool_bytes : busy_bytes(in);
	unsigned int percent = tmem_advice_percent(busy, limit);

	if (limit == UINT64_MAX || percent < 90 || in->stats.failures)
		return false;
	advice->severity = 0.5 + 0.04 * (percent - 90);
	tmem_advice_text(
		advice,
		"%s are in use, %u %% of the limit of %s: requests will be refused",
		tmem_advice_bytes(busy).text, percent,
		tmem_advice_bytes(limit).text);
	if (one)
		tmem_advice_command(advice,
				    "tmem_pool_config.max_bytes = %llu << 20",
				    more_mib(limit));
	else
		tmem_advice_max_bytes(in, advice, more_mib(limit));
	return true;
}

static bool cgroup_near(const struct tmem_advice_inputs *in,
			struct tmem_advice *advice)
{
	const struct tmem_monitor_sample *s = &in->sample;
	unsigned int percent =
		tmem_advice_percent(s->cgroup_bytes, s->cgroup_limit);

	if (!has(in, TMEM_RESOURCE_CGROUP) || percent < 90 ||
	    (!in->host.limit_file[0] && (busy_bytes(in) < TMEM_ADVICE_MUCH ||
					 busy_bytes(in) >= in->max_bytes)))
		return false;
	advice->severity = 0.6 + 0.03 * (percent - 90);
	tmem_advice_text(
		advice,
		"the cgroup uses %s, %u %% of its limit of %s; at the end waits the OOM killer, or a slow-down",
		tmem_advice_bytes(s->cgroup_bytes).text, percent,
		tmem_advice_bytes(s->cgroup_limit).text);
	if (in->host.limit_file[0])
		tmem_advice_command(advice, "echo %lluM >%s",
				    more_mib(s->cgroup_limit),
				    in->host.limit_file);
	else
		tmem_advice_max_bytes(in, advice, busy_bytes(in) >> 20);
	return true;
}

static bool monitor_off(const struct tmem_advice_inputs *in,
			struct tmem_advice *advice)
{
	if (in->monitor || in->stats.held_bytes < TMEM_ADVICE_MUCH)
		return false;
	advice->severity = 0.1 + 0.4 * in->sample.ratio;
	tmem_advice_text(
		advice,
		"the monitor does not run: nobody knows where the pressure of %u %% goes, and nothing of %s held is given back ahead of it",
		tmem_advice_ratio(in->sample.ratio),
		tmem_advice_bytes(in->stats.held_bytes).text);
	/* Children of a fork have none, whatever the environment says. */
	tmem_advice_command(advice, in->env.monitor ?
					    "tmem_monitor_start(NULL)" :
					    "TMEM_MONITOR=on");
	return true;
}

/* A look that failed is something else than a kernel without stalls. */
static bool stalls_unseen(const struct tmem_advice_inputs *in,
			  struct tmem_advice *advice)
{
	const uint32_t stall = 1u << TMEM_RESOURCE_STALL |
			       1u << TMEM_RESOURCE_MODULE;

	if (!has(in, TMEM_RESOURCE_SYSTEM) ||
	    (in->sample.have | in->sample.errors) & stall ||
	    in->stats.held_bytes < TMEM_ADVICE_MUCH)
		return false;
	advice->severity = 0.1;
	tmem_advice_text(
		advice,
		"the kernel does not say how long programs wait for memory, so the pressure of %u %% is of memory in use alone",
		tmem_advice_ratio(in->sample.ratio));
	tmem_advice_command(advice, "psi=1 on the kernel's command line");
	return true;
}

static bool module_missing(const struct tmem_advice_inputs *in,
			   struct tmem_advice *advice)
{
	const char *why = in->host.device == -EACCES ? "may not be opened" :
						       "is not there";

	if (in->dev || in->env.backend_anon || !in->host.device ||
	    tmem_advice_idle(in) < TMEM_ADVICE_MUCH / 4)
		return false;
	advice->severity = 0.1;
	tmem_advice_text(
		advice,
		"/dev/tmem %s: others cannot have the %s that are idle of %s held",
		why, tmem_advice_bytes(tmem_advice_idle(in)).text,
		tmem_advice_bytes(in->stats.held_bytes).text);
	tmem_advice_command(advice, in->host.device == -EACCES ?
					    "usermod -aG tmem \"$USER\"" :
					    "modprobe tmem");
	return true;
}

const struct tmem_advice_rule tmem_advice_limits[] = {
	{ "memory-refused", refused },
	{ "limit-near", limit_near },
	{ "cgroup-near", cgroup_near },
	{ "monitor-off", monitor_off },
	{ "stalls-unseen", stalls_unseen },
	{ "module-missing", module_missing },
	{ NULL, NULL },
};
