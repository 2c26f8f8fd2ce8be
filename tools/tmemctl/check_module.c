// SPDX-License-Identifier: GPL-2.0-only
/*
 * check_module - the doctor's look at the module and the kernel under it.
 */
#define _GNU_SOURCE
#include <linux/tmem.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include "device.h"
#include "finding.h"
#include "host.h"

/* With these the module does all that this release knows. */
#define FEATURES                                                       \
	(TMEM_FEATURE_CTL | TMEM_FEATURE_PURGE | TMEM_FEATURE_RECALL | \
	 TMEM_FEATURE_POOL | TMEM_FEATURE_POPULATE | TMEM_FEATURE_PRESSURE)

/* Root may open anything, so it does not notice. */
static bool is_for_root_only(void)
{
	struct stat file;

	return !stat("/dev/tmem", &file) &&
	       (!file.st_gid || (file.st_mode & 0060) != 0060);
}

static void judge(struct finding *finding, const struct device *device)
{
	if (FEATURES & ~device->features)
		finding_note(finding,
			     "what the older module does not know: recall, "
			     "pools, pressure",
			     "/dev/tmem answers, version %s, without all that "
			     "this tool knows",
			     device->version);
	else if (is_for_root_only())
		finding_note(finding,
			     "other users' programs run without the module; "
			     "make install has a udev rule for the group tmem",
			     "/dev/tmem answers, version %s, to root only",
			     device->version);
	else
		finding_ok(finding,
			   "/dev/tmem answers: version %s, ABI %u, %llu arenas",
			   device->version, device->abi,
			   (unsigned long long)device->arenas);
}

void check_module(struct finding *finding)
{
	struct device device;

	device_query(&device);
	if (device.usable)
		judge(finding, &device);
	else
		finding_missing(finding,
				"the kernel cannot take idle tensor memory "
				"back when others need it, memory cannot be "
				"handed to another process, and huge pages "
				"depend on the setting below",
				"%s", device.reason);
}

static void kernel_release(char *release, size_t size)
{
	struct utsname name;

	if (host_read("/proc/sys/kernel/osrelease", release, size))
		return;
	if (uname(&name))
		snprintf(release, size, "unknown");
	else
		snprintf(release, size, "%s", name.release);
}

/* The kernels that the module was run on; it refuses others. */
static bool is_supported(const char *release)
{
	unsigned int major, minor;

	return sscanf(release, "%u.%u", &major, &minor) == 2 && major == 6 &&
	       (minor == 1 || minor == 12);
}

void check_kernel(struct finding *finding)
{
	struct device device;
	char release[128];

	kernel_release(release, sizeof(release));
	device_query(&device);
	if (is_supported(release) || device.usable)
		finding_ok(finding, "%s: the module supports it", release);
	else
		finding_missing(finding, "no module, and what it would give",
				"%s: the module supports 6.1 and 6.12",
				release);
}

/* "none [integrity] confidentiality": is one of the latter two chosen? */
static bool is_locked_down(void)
{
	char text[128];

	return host_read("/sys/kernel/security/lockdown", text, sizeof(text)) &&
	       !strstr(text, "[none]");
}

void check_loading(struct finding *finding)
{
	static const char cost[] = "no module, and what it would give";
	uint64_t disabled = 0;
	struct device device;

	device_query(&device);
	host_number("/proc/sys/kernel/modules_disabled", &disabled);
	if (device.usable)
		finding_ok(finding, "the module is loaded");
	else if (!host_exists("/proc/modules"))
		finding_missing(finding, cost,
				"this kernel shows no loadable modules "
				"(CONFIG_MODULES, /proc/modules)");
	else if (disabled)
		finding_missing(finding, cost,
				"loading was switched off until the next boot "
				"(kernel.modules_disabled=1)");
	else if (is_locked_down())
		finding_note(finding,
			     "only a signed module is accepted: sign tmem.ko",
			     "the kernel is locked down");
	else
		finding_ok(finding, "this kernel loads modules, for root");
}
