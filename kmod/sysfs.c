// SPDX-License-Identifier: GPL-2.0-only
/*
 * Figures and knobs in the folder of the misc device, one value per file.
 * Documentation/ABI/testing/sysfs-class-misc-tmem says what each means.  The
 * folder "pressure" is in pressure.c's hands.
 */
#include <linux/device.h>
#include <linux/slab.h>
#include <linux/stringify.h>

#include "tmem.h"

/* --- the module ------------------------------------------------------------ */

static ssize_t version_show(struct device *dev, struct device_attribute *attr,
			    char *buf)
{
	return sysfs_emit(buf, "%s\n", TMEM_MODULE_VERSION);
}
static DEVICE_ATTR_RO(version);

static ssize_t abi_version_show(struct device *dev,
				struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%d\n", TMEM_ABI_VERSION);
}
static DEVICE_ATTR_RO(abi_version);

static ssize_t arenas_show(struct device *dev, struct device_attribute *attr,
			   char *buf)
{
	return sysfs_emit(buf, "%llu\n", tmem_registry_count());
}
static DEVICE_ATTR_RO(arenas);

static ssize_t resident_bytes_show(struct device *dev,
				   struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%llu\n", tmem_arena_bytes());
}
static DEVICE_ATTR_RO(resident_bytes);

static ssize_t tmem_limit_show(char *buf, u64 limit)
{
	if (limit == U64_MAX)
		return sysfs_emit(buf, "max\n");
	return sysfs_emit(buf, "%llu\n", limit);
}

static ssize_t tmem_limit_store(const char *buf, size_t count, u64 *limit)
{
	u64 value = U64_MAX;

	if (!sysfs_streq(buf, "max") &&
	    (kstrtou64(buf, 10, &value) || value > S64_MAX ||
	     value & (PAGE_SIZE - 1)))
		return -EINVAL;
	WRITE_ONCE(*limit, value);
	return count;
}

static ssize_t max_bytes_show(struct device *dev, struct device_attribute *attr,
			      char *buf)
{
	return tmem_limit_show(buf, READ_ONCE(tmem_max_bytes));
}

static ssize_t max_bytes_store(struct device *dev,
			       struct device_attribute *attr, const char *buf,
			       size_t count)
{
	return tmem_limit_store(buf, count, &tmem_max_bytes);
}
static DEVICE_ATTR_RW(max_bytes);

static ssize_t max_user_bytes_show(struct device *dev,
				   struct device_attribute *attr, char *buf)
{
	return tmem_limit_show(buf, READ_ONCE(tmem_max_user_bytes));
}

static ssize_t max_user_bytes_store(struct device *dev,
				    struct device_attribute *attr,
				    const char *buf, size_t count)
{
	return tmem_limit_store(buf, count, &tmem_max_user_bytes);
}
static DEVICE_ATTR_RW(max_user_bytes);

static struct attribute *tmem_module_attrs[] = {
	&dev_attr_version.attr,
	&dev_attr_abi_version.attr,
	&dev_attr_arenas.attr,
	&dev_attr_resident_bytes.attr,
	&dev_attr_max_bytes.attr,
	&dev_attr_max_user_bytes.attr,
	NULL,
};

static const struct attribute_group tmem_module_group = {
	.attrs = tmem_module_attrs,
};

/* --- recall ----------------------------------------------------------------- */

static ssize_t tmem_recall_emit(char *buf, size_t field)
{
	struct tmem_recall_stat stat;

	tmem_recall_stat(&stat);
	return sysfs_emit(buf, "%llu\n", *(u64 *)((char *)&stat + field));
}

#define TMEM_RECALL_ATTR(field)                                                \
	static ssize_t field##_show(struct device *dev,                        \
				    struct device_attribute *attr, char *buf)  \
	{                                                                      \
		return tmem_recall_emit(buf, offsetof(struct tmem_recall_stat, \
						      field));                 \
	}                                                                      \
	static DEVICE_ATTR_RO(field)

TMEM_RECALL_ATTR(scanned);
TMEM_RECALL_ATTR(purged);
TMEM_RECALL_ATTR(busy);
TMEM_RECALL_ATTR(pinned);
TMEM_RECALL_ATTR(absent);
TMEM_RECALL_ATTR(oom_calls);
TMEM_RECALL_ATTR(oom_purged);

static struct attribute *tmem_recall_attrs[] = {
	&dev_attr_scanned.attr,	   &dev_attr_purged.attr,
	&dev_attr_busy.attr,	   &dev_attr_pinned.attr,
	&dev_attr_absent.attr,	   &dev_attr_oom_calls.attr,
	&dev_attr_oom_purged.attr, NULL,
};

static const struct attribute_group tmem_recall_group = {
	.name = "recall",
	.attrs = tmem_recall_attrs,
};

const struct attribute_group *tmem_sysfs_groups[] = {
	&tmem_module_group,
	&tmem_recall_group,
	&tmem_pressure_group,
	NULL,
};

/* --- nodes ------------------------------------------------------------------ */

/* A folder "nodeN".  Freed by its last reference. */
struct tmem_node_folder {
	struct kobject kobj;
	int nid;
};

struct tmem_node_attr {
	struct attribute attr;
	u64 (*show)(int nid);
	int (*store)(int nid, u64 bytes);
};

static u64 tmem_node_pool(int nid, size_t field)
{
	struct tmem_pool_stat stat;

	tmem_pool_stat(nid, &stat);
	return *(u64 *)((char *)&stat + field);
}

#define TMEM_POOL_FIGURE(field, unit)                                      \
	static u64 tmem_node_##field(int nid)                              \
	{                                                                  \
		return tmem_node_pool(nid, offsetof(struct tmem_pool_stat, \
						    field)) *              \
		       (unit);                                             \
	}

TMEM_POOL_FIGURE(count, TMEM_SPAN_SIZE)
TMEM_POOL_FIGURE(low, TMEM_SPAN_SIZE)
TMEM_POOL_FIGURE(target, TMEM_SPAN_SIZE)
TMEM_POOL_FIGURE(refilled, 1)
TMEM_POOL_FIGURE(taken, 1)
TMEM_POOL_FIGURE(missed, 1)
TMEM_POOL_FIGURE(shrunk, 1)

static int tmem_node_set_low(int nid, u64 bytes)
{
	if (bytes & (TMEM_SPAN_SIZE - 1))
		return -EINVAL;
	return tmem_pool_set(nid, bytes >> TMEM_SPAN_SHIFT, U64_MAX);
}

static int tmem_node_set_target(int nid, u64 bytes)
{
	if (bytes & (TMEM_SPAN_SIZE - 1))
		return -EINVAL;
	return tmem_pool_set(nid, U64_MAX, bytes >> TMEM_SPAN_SHIFT);
}

#define TMEM_NODE_ATTR(file, mode_, show_, store_)             \
	static struct tmem_node_attr tmem_node_attr_##file = { \
		.attr = { .name = #file, .mode = mode_ },      \
		.show = show_,                                 \
		.store = store_,                               \
	}

TMEM_NODE_ATTR(arena_bytes, 0444, tmem_track_node_bytes, NULL);
TMEM_NODE_ATTR(pool_bytes, 0444, tmem_node_count, NULL);
TMEM_NODE_ATTR(pool_low_bytes, 0644, tmem_node_low, tmem_node_set_low);
TMEM_NODE_ATTR(pool_target_bytes, 0644, tmem_node_target, tmem_node_set_target);
TMEM_NODE_ATTR(pool_refilled, 0444, tmem_node_refilled, NULL);
TMEM_NODE_ATTR(pool_taken, 0444, tmem_node_taken, NULL);
TMEM_NODE_ATTR(pool_missed, 0444, tmem_node_missed, NULL);
TMEM_NODE_ATTR(pool_shrunk, 0444, tmem_node_shrunk, NULL);
TMEM_NODE_ATTR(off_node, 0444, tmem_policy_off_node, NULL);

static struct attribute *tmem_node_attrs[] = {
	&tmem_node_attr_arena_bytes.attr,
	&tmem_node_attr_pool_bytes.attr,
	&tmem_node_attr_pool_low_bytes.attr,
	&tmem_node_attr_pool_target_bytes.attr,
	&tmem_node_attr_pool_refilled.attr,
	&tmem_node_attr_pool_taken.attr,
	&tmem_node_attr_pool_missed.attr,
	&tmem_node_attr_pool_shrunk.attr,
	&tmem_node_attr_off_node.attr,
	NULL,
};
ATTRIBUTE_GROUPS(tmem_node);

static ssize_t tmem_node_show(struct kobject *kobj, struct attribute *attr,
			      char *buf)
{
	struct tmem_node_folder *folder =
		container_of(kobj, struct tmem_node_folder, kobj);
	struct tmem_node_attr *node_attr =
		container_of(attr, struct tmem_node_attr, attr);

	return sysfs_emit(buf, "%llu\n", node_attr->show(folder->nid));
}

static ssize_t tmem_node_store(struct kobject *kobj, struct attribute *attr,
			       const char *buf, size_t count)
{
	struct tmem_node_folder *folder =
		container_of(kobj, struct tmem_node_folder, kobj);
	struct tmem_node_attr *node_attr =
		container_of(attr, struct tmem_node_attr, attr);
	u64 bytes;
	int err;

	if (!node_attr->store)
		return -EIO;
	if (kstrtou64(buf, 10, &bytes))
		return -EINVAL;
	err = node_attr->store(folder->nid, bytes);
	return err ?: count;
}

static const struct sysfs_ops tmem_node_sysfs_ops = {
	.show = tmem_node_show,
	.store = tmem_node_store,
};

static void tmem_node_folder_free(struct kobject *kobj)
{
	kfree(container_of(kobj, struct tmem_node_folder, kobj));
}

static const struct kobj_type tmem_node_type = {
	.release = tmem_node_folder_free,
	.sysfs_ops = &tmem_node_sysfs_ops,
	.default_groups = tmem_node_groups,
};

static struct tmem_node_folder **tmem_node_folders; /* nr_node_ids of them */

static int tmem_sysfs_add_node(struct device *device, int nid)
{
	struct tmem_node_folder *folder = kzalloc(sizeof(*folder), GFP_KERNEL);
	int err;

	if (!folder)
		return -ENOMEM;
	folder->nid = nid;
	err = kobject_init_and_add(&folder->kobj, &tmem_node_type,
				   &device->kobj, "node%d", nid);
	if (err) {
		kobject_put(&folder->kobj);
		return err;
	}
	tmem_node_folders[nid] = folder;
	return 0;
}

/*
 * For the nodes that have memory when the module is loaded.  The device is in
 * use by now, so that nothing may fail any more: a folder may be missing.
 */
void tmem_sysfs_add_nodes(void)
{
	struct device *device = tmem_chardev_device();
	int nid, err = -ENOMEM;

	tmem_node_folders =
		kcalloc(nr_node_ids, sizeof(*tmem_node_folders), GFP_KERNEL);
	if (tmem_node_folders) {
		err = 0;
		for_each_node_state(nid, N_MEMORY)
			err = tmem_sysfs_add_node(device, nid) ?: err;
	}
	if (err)
		pr_warn("tmem: folders of nodes are missing in sysfs: error %d\n",
			err);
}

void tmem_sysfs_remove_nodes(void)
{
	int nid;

	for (nid = 0; tmem_node_folders && nid < nr_node_ids; nid++)
		if (tmem_node_folders[nid]) {
			kobject_del(&tmem_node_folders[nid]->kobj);
			kobject_put(&tmem_node_folders[nid]->kobj);
		}
	kfree(tmem_node_folders);
}
