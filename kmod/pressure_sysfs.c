// SPDX-License-Identifier: GPL-2.0-only
/*
 * The pressure in sysfs, one value per file: what it is, and the settings by
 * which it is judged.  Documentation/ABI/testing/ describes the files.
 *
 * A setting that was written has taken effect when write() returns.
 */
#include <linux/device.h>
#include <linux/kernfs.h>
#include <linux/kstrtox.h>
#include <linux/sysfs.h>

#include "pressure.h"

static const char *const tmem_level_names[] = {
	[TMEM_LEVEL_LOW] = "low",
	[TMEM_LEVEL_MEDIUM] = "medium",
	[TMEM_LEVEL_HIGH] = "high",
	[TMEM_LEVEL_CRITICAL] = "critical",
};

/* --- what it is ---------------------------------------------------------- */

static ssize_t level_show(struct device *device, struct device_attribute *attr,
			  char *buf)
{
	return sysfs_emit(buf, "%s\n", tmem_level_names[tmem_pressure_level()]);
}
static DEVICE_ATTR_RO(level);

static ssize_t changes_show(struct device *device,
			    struct device_attribute *attr, char *buf)
{
	struct tmem_pressure_now now;

	tmem_pressure_get(&now);
	return sysfs_emit(buf, "%llu\n", now.changes);
}
static DEVICE_ATTR_RO(changes);

static ssize_t psi_show(struct device *device, struct device_attribute *attr,
			char *buf)
{
	return sysfs_emit(buf, "%s\n", tmem_pressure_psi_on() ? "on" : "off");
}
static DEVICE_ATTR_RO(psi);

static ssize_t use_show(struct device *device, struct device_attribute *attr,
			char *buf)
{
	struct tmem_pressure_now now;

	tmem_pressure_get(&now);
	return sysfs_emit(buf, "%u.%02u\n", now.use / 100, now.use % 100);
}
static DEVICE_ATTR_RO(use);

static ssize_t stall_show(struct device *device, struct device_attribute *attr,
			  char *buf)
{
	struct tmem_pressure_now now;

	tmem_pressure_get(&now);
	return sysfs_emit(buf, "%u.%02u\n", now.stall / 100, now.stall % 100);
}
static DEVICE_ATTR_RO(stall);

/* --- the settings -------------------------------------------------------- */

/**
 * struct tmem_setting - a file of a number
 * @attr:  the file
 * @value: in tmem_pressure_settings
 * @first: thresholds: of which group; they ascend.  Else NULL
 * @min:   least
 * @max:   most
 */
struct tmem_setting {
	struct device_attribute attr;
	u32 *value;
	u32 *first;
	u32 min;
	u32 max;
};

static bool tmem_setting_fits(const struct tmem_setting *setting, u32 value)
{
	u32 i;

	if (value < setting->min || value > setting->max)
		return false;
	if (!setting->first)
		return true;
	i = setting->value - setting->first;
	return (i == 0 || setting->first[i - 1] <= value) &&
	       (i == TMEM_THRESHOLDS - 1 || value <= setting->first[i + 1]);
}

static ssize_t tmem_setting_show(struct device *device,
				 struct device_attribute *attr, char *buf)
{
	const struct tmem_setting *setting =
		container_of(attr, struct tmem_setting, attr);

	return sysfs_emit(buf, "%u\n", READ_ONCE(*setting->value));
}

static ssize_t tmem_setting_store(struct device *device,
				  struct device_attribute *attr,
				  const char *buf, size_t count)
{
	const struct tmem_setting *setting =
		container_of(attr, struct tmem_setting, attr);
	bool fits;
	u32 value;

	if (kstrtou32(buf, 10, &value))
		return -EINVAL;
	mutex_lock(&tmem_pressure_settings_lock);
	fits = tmem_setting_fits(setting, value);
	if (fits)
		WRITE_ONCE(*setting->value, value);
	mutex_unlock(&tmem_pressure_settings_lock);
	if (!fits)
		return -EINVAL;
	tmem_pressure_resample();
	return count;
}

#define TMEM_SETTING(name, field, group, least, most)         \
	static struct tmem_setting tmem_setting_##name = {    \
		.attr = __ATTR(name, 0644, tmem_setting_show, \
			       tmem_setting_store),           \
		.value = &tmem_pressure_settings.field,       \
		.first = group,                               \
		.min = least,                                 \
		.max = most,                                  \
	}

TMEM_SETTING(use_medium, use[0], tmem_pressure_settings.use, 1, 100);
TMEM_SETTING(use_high, use[1], tmem_pressure_settings.use, 1, 100);
TMEM_SETTING(use_critical, use[2], tmem_pressure_settings.use, 1, 100);
TMEM_SETTING(stall_medium, stall[0], tmem_pressure_settings.stall, 1, 100);
TMEM_SETTING(stall_high, stall[1], tmem_pressure_settings.stall, 1, 100);
TMEM_SETTING(stall_critical, stall[2], tmem_pressure_settings.stall, 1, 100);
TMEM_SETTING(hysteresis, hysteresis, NULL, 0, 50);
TMEM_SETTING(hold_ms, hold_ms, NULL, 0, 600000);

static struct attribute *tmem_pressure_attrs[] = {
	&dev_attr_level.attr,
	&dev_attr_changes.attr,
	&dev_attr_psi.attr,
	&dev_attr_use.attr,
	&dev_attr_stall.attr,
	&tmem_setting_use_medium.attr.attr,
	&tmem_setting_use_high.attr.attr,
	&tmem_setting_use_critical.attr.attr,
	&tmem_setting_stall_medium.attr.attr,
	&tmem_setting_stall_high.attr.attr,
	&tmem_setting_stall_critical.attr.attr,
	&tmem_setting_hysteresis.attr.attr,
	&tmem_setting_hold_ms.attr.attr,
	NULL,
};

const struct attribute_group tmem_pressure_group = {
	.name = "pressure",
	.attrs = tmem_pressure_attrs,
};

/* --- poll() of "level" --------------------------------------------------- */

/*
 * The level changes by a worker that knows nothing of when the device comes
 * and goes.  A node of kernfs, unlike a device, may be told about after it was
 * removed.
 */
static DEFINE_MUTEX(tmem_level_node_lock);
static struct kernfs_node *tmem_level_node;

void tmem_pressure_sysfs_added(struct device *device)
{
	struct kernfs_node *dir, *node = NULL;

	dir = sysfs_get_dirent(device->kobj.sd, tmem_pressure_group.name);
	if (dir)
		node = sysfs_get_dirent(dir, "level");
	sysfs_put(dir);
	mutex_lock(&tmem_level_node_lock);
	tmem_level_node = node;
	mutex_unlock(&tmem_level_node_lock);
}

void tmem_pressure_sysfs_removing(void)
{
	struct kernfs_node *node;

	mutex_lock(&tmem_level_node_lock);
	node = tmem_level_node;
	tmem_level_node = NULL;
	mutex_unlock(&tmem_level_node_lock);
	sysfs_put(node);
}

void tmem_pressure_sysfs_notify(void)
{
	mutex_lock(&tmem_level_node_lock);
	if (tmem_level_node)
		sysfs_notify_dirent(tmem_level_node);
	mutex_unlock(&tmem_level_node_lock);
}
